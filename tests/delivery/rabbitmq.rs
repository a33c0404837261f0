//! What is RabbitMQ's own: exchanges and queues that it refuses, quorum queues, acknowledgements that it forgets.

use super::{
    PATIENCE, World, action,
    handlers::{Daemon, Floor},
    hello,
    journal::dead,
    only_answer,
    refused::{Two, the_error},
};
use crate::{
    stomp_cases::wire::Wire,
    support::{
        broker::{Broker, Make, PLATFORM},
        platform_queue::{Message, PlatformQueue},
        processor::Processor,
        statistics,
        stomp_client::{Frame, StompClient},
    },
};
use action_processor::store::{Answer, Key, Settings, SyncMode, Url, open};
use serde_json::json;
use std::time::Duration;
use tokio::time::Instant;

/// Makes a quorum queue.
async fn quorum(platform: &mut StompClient, name: &str) {
    let destination = format!("/queue/{name}");
    let headers = [
        ("id", "1"),
        ("destination", destination.as_str()),
        ("ack", "client-individual"),
        ("durable", "true"),
        ("auto-delete", "false"),
        ("x-queue-type", "quorum"),
    ];
    platform.confirmed(Frame::new("SUBSCRIBE", &headers)).await.unwrap();
    platform.confirmed(Frame::new("UNSUBSCRIBE", &[("id", "1")])).await.unwrap();
}

async fn platform(broker: &Broker) -> StompClient {
    StompClient::connect(&broker.address(), PLATFORM).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reply_to_a_refused_exchange_stops_no_other() {
    let (broker, world) = (Broker::shared_of(Make::RabbitMq).await, World::new().await);
    let two = Two::open(&world, broker, "exchange").await;
    let config = two.config.clone().set("resilient", "stomp_broker", "rabbitmq");
    let processor = Processor::run(&config);
    two.hold(&processor, async {
        two.suspect.post(hello("Ada").header("reply-to", "/exchange/amq.topic/astray")).await;
        processor.wait_for_log("the broker refuses a reply", PATIENCE).await;
        two.suspect.post(hello("Grace")).await;
        assert_eq!(only_answer(&two.suspect).await["message"], "hello, Grace");
    })
    .await;
    let error = the_error(&processor);
    assert!(error.contains("amq.topic"), "{error}");
    assert!(dead(&config, &["list", "--json"]).await.contains("amq.topic"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_quorum_queue_takes_replies() {
    let (broker, world) = (Broker::shared_of(Make::RabbitMq).await, World::new().await);
    let two = Two::open(&world, broker, "quorum_replies").await;
    let mut platform = platform(broker).await;
    quorum(&mut platform, "acks.201.quorum_replies").await;
    let processor = Processor::run(&two.config.clone().set("resilient", "stomp_broker", "rabbitmq"));
    two.hold(&processor, async {
        two.suspect.post(hello("Ada").header("reply-to", "/queue/acks.201.quorum_replies")).await;
        let queue = "/amq/queue/acks.201.quorum_replies";
        platform.subscribe(queue).await.unwrap();
        let reply = platform.receive().await.unwrap();
        assert!(String::from_utf8_lossy(&reply.body).contains("hello, Ada"), "{reply:?}");
        platform.acknowledge(&reply).await.unwrap();
    })
    .await;
    assert!(!processor.log().iter().any(|line| line.contains(" ERROR ")), "{}", processor.log().join("\n"));
}

/// The broker drops a message of which the link was lost too often, and so never asks for its answer.
#[tokio::test(flavor = "multi_thread")]
async fn what_a_delivery_limit_dropped_is_answered_all_the_same() {
    let (broker, world, floor) = (Broker::shared_of(Make::RabbitMq).await, World::new().await, Floor::new());
    let replies = PlatformQueue::open(broker, "limited_replies").await;
    let (name, mut platform) = ("actions.201.limited_queue", platform(broker).await);
    quorum(&mut platform, name).await;
    let wire = Wire::to(broker.port()).await;
    let config = world
        .config(broker, "floor", "limited_queue")
        .set("resilient", "stomp_broker", "rabbitmq")
        .set("resilient", "stomp_queue_prefix", "/amq/queue/")
        .set("resilient", "stomp_port", &wire.port.to_string());
    let _daemon = Daemon::run(&config, floor.component("limited_queue"));
    let mut message = action(4, &json!({})).addressed(name, &replies.acks());
    message.headers.insert("destination".to_owned(), format!("/amq/queue/{name}"));
    platform.confirmed(message).await.unwrap();
    floor.one_begun().await;
    let (deadline, address) = (Instant::now() + PATIENCE, broker.address());
    // Its figures are a moment late.
    let mut seen = false;
    loop {
        let figures = statistics::of(&address, name).await.ok();
        seen |= figures.is_some_and(|figures| figures.delivered > 0);
        match figures {
            Some(figures) if seen && figures.pending == 0 => break,
            Some(figures) if figures.delivered > 0 => wire.cut(),
            _ => {}
        }
        assert!(Instant::now() < deadline, "the broker still has the message: {figures:?}");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    floor.finish.add_permits(1);
    let answers = replies.answers(1, PATIENCE).await;
    assert_eq!(answers[0].json()["message"], "slow, but done");
    assert_eq!(floor.done(), 1);
}

/// A killed RabbitMQ forgets acknowledgements, and delivers again what has been answered.
#[tokio::test(flavor = "multi_thread")]
async fn a_message_whose_reply_is_confirmed_is_only_acknowledged() {
    let (broker, world) = (Broker::shared_of(Make::RabbitMq).await, World::new().await);
    let queue = PlatformQueue::open(broker, "confirmed").await;
    let url = Url::StateDirectory(world.state.path().to_owned());
    let (keep, lease) = (Duration::from_hours(1), Duration::from_secs(30));
    let settings = Settings { url, sync: SyncMode::Always, keep, lease, tls: None };
    let journal = open(&settings).await.unwrap();
    for id in ["confirmed", "unconfirmed"] {
        let key = Key { destination: queue.actions(), id: id.to_owned() };
        let answer = Answer {
            reply_to: format!("/queue/{}", queue.acks()),
            correlation_id: Some(id.to_owned()),
            body: json!({ "message_type": 0, "message": id, "complete": true }).to_string(),
        };
        journal.finish(&key, answer).await.unwrap();
    }
    journal.confirmed(&Key { destination: queue.actions(), id: "confirmed".to_owned() });
    journal.close().await;
    let config = world.config(broker, "hello", "confirmed").set("resilient", "stomp_broker", "rabbitmq");
    let _processor = Processor::run(&config);
    let again =
        |id: &str| -> Message { hello("Ada").header("amqp-message-id", id).header("correlation-id", id) };
    queue.post_all([again("confirmed"), again("unconfirmed")]).await;
    assert_eq!(only_answer(&queue).await["message"], "unconfirmed");
    queue.until_settled(PATIENCE).await;
    assert_eq!(only_answer(&queue).await["message"], "unconfirmed");
}
