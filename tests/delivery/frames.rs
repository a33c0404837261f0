//! Frames that a real broker delivers and that break a limit or a rule: each costs its own message only.

use super::{PATIENCE, World, action, hello};
use crate::support::{
    broker::{Broker, Make},
    platform_queue::{Message, PlatformQueue, answered_twice},
    processor::{AppConfig, Processor},
};
use action_processor::component::{Component, Context, Failure, Message as Received, Reply, handler_fn};
use serde_json::{Value, json};
use std::process::Command;

const GOOD: usize = 300;

/// `hello` on the queue `bad`, and another component on the queue `good`.
fn config(world: &World, broker: &Broker, bad: &str, good: &str) -> AppConfig {
    world
        .config(broker, "hello", bad)
        .set("resilient", "noload", "add_task")
        .set("set_last_updated", "destination", good)
        .set("resilient", "stomp_max_body_bytes", "4000")
}

/// Each breaks something else; each is answered with an error that says so.
fn bad_ones() -> Vec<(&'static str, Message)> {
    let many = (0..300).fold(hello("Ada"), |message, number| message.header(&format!("p{number}"), "v"));
    // Each within ActiveMQ's own limit.
    let long =
        (0..10).fold(hello("Ada"), |message, n| message.header(&format!("long{n}"), &"x".repeat(9_000)));
    let nul = hello("Ada").header("odd", "a\0b");
    let large = "b".repeat(6_000);
    vec![
        ("more than 256 headers", many),
        ("headers take more than 65536 bytes", long),
        ("holds a NUL character", nul),
        ("body takes more than 4000 bytes", hello(&large)),
        ("body takes more than 4000 bytes", hello(&large).binary()),
    ]
}

fn dead(processor: &Processor) -> Value {
    let output = Command::new(env!("CARGO_BIN_EXE_processor"))
        .args(["dead", "list", "--json"])
        .env("APP_CONFIG_FILE", processor.config_file())
        .output()
        .unwrap();
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {output:?}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_frame_beyond_a_limit_stops_no_other_message() {
    let (broker, world) = (Broker::shared().await, World::new().await);
    let bad = PlatformQueue::open(broker, "frames_bad").await;
    let good = PlatformQueue::open(broker, "frames_good").await;
    let expected = bad_ones();
    let mut ids = Vec::new();
    for (_, message) in &expected {
        ids.push(bad.post(message.clone()).await);
    }
    let processor = Processor::run(&config(&world, broker, "frames_bad", "frames_good"));
    good.post_all((0..GOOD).map(|_| action(2, &json!({})))).await;
    let answers = good.answers(GOOD, PATIENCE).await;
    assert_eq!(answered_twice(&answers), Vec::<&str>::new());
    bad.post(hello("Grace")).await;
    let answers = bad.answers(expected.len() + 1, PATIENCE).await;
    for (id, (words, _)) in ids.iter().zip(&expected) {
        let answer = answers.iter().find(|answer| answer.correlation_id == *id).unwrap().json();
        assert_eq!(answer["message_type"], 1, "{answer}");
        assert!(answer["message"].as_str().unwrap().contains(words), "{words}: {answer}");
    }
    assert!(answers.iter().any(|answer| answer.json()["message"] == "hello, Grace"));
    bad.until_settled(PATIENCE).await;
    let letters = dead(&processor);
    let reasons: Vec<&str> =
        letters.as_array().unwrap().iter().map(|letter| letter["reason"].as_str().unwrap()).collect();
    assert_eq!(reasons.len(), expected.len(), "{reasons:?}");
    assert!(
        expected.iter().all(|(words, _)| reasons.iter().any(|reason| reason.contains(words))),
        "{reasons:?}"
    );
    assert!(!processor.log().join("\n").contains("no link to the broker"));
}

#[tokio::test(flavor = "multi_thread")]
async fn half_a_character_in_a_body_is_read_as_the_sign_for_one() {
    let (broker, world) = (Broker::shared().await, World::new().await);
    let queue = PlatformQueue::open(broker, "frames_half").await;
    let _processor = Processor::run(&world.config(broker, "hello", "frames_half"));
    let body = hello("NAME").addressed("a", "b").body;
    let with_name = |name: &str| Message::new(String::from_utf8(body.clone()).unwrap().replace("NAME", name));
    queue.post(with_name(r"Ada\ud83d")).await;
    let deep = format!(r#"", "deep": {}{}, "x": ""#, "[".repeat(500), "]".repeat(500));
    let deep = queue.post(with_name(&deep)).await;
    let answers = queue.answers(2, PATIENCE).await;
    assert!(answers.iter().any(|answer| answer.json()["message"] == "hello, Ada\u{fffd}"), "{answers:?}");
    let deep = answers.iter().find(|answer| answer.correlation_id == deep).unwrap().json();
    assert!(deep["message"].as_str().unwrap().contains("more than 127 deep"), "{deep}");
}

/// AMQP's timestamps are in seconds; the same invocation's two messages are two.
#[tokio::test(flavor = "multi_thread")]
async fn rabbitmqs_messages_have_their_time_and_are_not_mixed_up() {
    let (broker, world) = (Broker::shared_of(Make::RabbitMq).await, World::new().await);
    let queue = PlatformQueue::open(broker, "frames_time").await;
    async fn said(message: Received, _: Context) -> Result<Reply, Failure> {
        let time = message.timestamp().map(|time| time.to_string()).unwrap_or_default();
        Ok(Reply::text(format!("{time} {}", message.body()["properties"]["word"])))
    }
    let config = world.config(broker, "said", "frames_time").set("resilient", "stomp_broker", "rabbitmq");
    let component = Component::new("said").destination("frames_time").otherwise(handler_fn(said));
    let _daemon = super::handlers::Daemon::run(&config, component);
    let message = |word: &str| {
        let message = action(4, &json!({ "word": word })).header("Co3ContextToken", "token");
        message.header("correlation-id", "invid:1")
    };
    for (word, time) in [("a", "1700000000"), ("b", "1700000000"), ("c", ""), ("d", "")] {
        queue.post(message(word).header("timestamp", time)).await;
    }
    let replies = queue.replies(4, PATIENCE).await;
    let mut said: Vec<String> =
        replies.iter().map(|reply| reply.json()["message"].as_str().unwrap().to_owned()).collect();
    said.sort();
    let expected = [" \"c\"", " \"d\"", "2023-11-14T22:13:20Z \"a\"", "2023-11-14T22:13:20Z \"b\""];
    assert_eq!(said, expected);
}
