//! What the journal makes of a message that comes again: after a death, after a stop, after a look by somebody.

use super::{
    PATIENCE, World, action,
    handlers::{Daemon, Floor},
    hello, only_answer,
};
use crate::support::{
    broker::Broker,
    platform_queue::{Message, PlatformQueue, answered_twice},
    processor::{AppConfig, Processor},
};
use action_processor::{
    component::{Component, Context, Failure, Handler, Message as Input, Reply, decorate::Retry, handler_fn},
    signals::Signal,
};
use serde_json::{Value, json};
use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    time::Duration,
};
use tokio::{runtime::Runtime, sync::Semaphore};

fn threads() -> Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap()
}

/// Runs the component until its handler has begun, and dies.
async fn dies_at_work(config: &AppConfig, component: Component, floor: &Floor) {
    let workers = threads();
    let daemon = Daemon::with_workers(config, component, workers.handle().clone());
    floor.one_begun().await;
    daemon.dies(workers).await;
}

/// The same handler as the floor's, which must not run twice.
fn once(floor: &Floor, queue: &str) -> Component {
    let floor = floor.clone();
    let slow = move |_: Input, _: Context| {
        let floor = floor.clone();
        async move {
            floor.begun.add_permits(1);
            floor.finish.acquire().await?.forget();
            Ok(Reply::text("done"))
        }
    };
    Component::new("floor").destination(queue).otherwise(handler_fn(slow).at_most_once())
}

/// What `processor dead` prints.
pub(crate) async fn dead(config: &AppConfig, arguments: &[&str]) -> String {
    let mut command = Processor::command(config, &[&["dead"], arguments].concat());
    let status = command.wait(PATIENCE).await;
    assert!(status.success(), "{:?}", command.log());
    command.log().join("\n")
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_dead_process_had_begun_is_carried_out_again() {
    let (broker, world, floor) = (Broker::shared().await, World::new().await, Floor::new());
    let queue = PlatformQueue::open(broker, "died").await;
    let config = world.config(broker, "floor", "died");
    queue.post(action(4, &json!({}))).await;
    dies_at_work(&config, floor.component("died"), &floor).await;
    let daemon = Daemon::run(&config, floor.component("died"));
    floor.one_begun().await;
    floor.finish.add_permits(1);
    assert_eq!(only_answer(&queue).await["message"], "slow, but done");
    queue.until_settled(PATIENCE).await;
    daemon.signal(Signal::Stop).await;
    daemon.ended().await.unwrap();
    assert_eq!(floor.done(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_must_not_run_twice_is_answered_that_it_was_interrupted() {
    let (broker, world, floor) = (Broker::shared().await, World::new().await, Floor::new());
    let queue = PlatformQueue::open(broker, "died_once").await;
    let config = world.config(broker, "floor", "died_once");
    queue.post(action(4, &json!({}))).await;
    dies_at_work(&config, once(&floor, "died_once"), &floor).await;
    let _daemon = Daemon::run(&config, once(&floor, "died_once"));
    let answer = only_answer(&queue).await;
    assert_eq!(answer["message_type"], 1);
    assert!(answer["message"].as_str().unwrap().contains("may or may not have been carried out"), "{answer}");
    queue.until_settled(PATIENCE).await;
    assert_eq!(floor.begun.available_permits(), 0, "it was not begun again");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_ends_the_process_twice_is_set_aside_and_can_be_tried_again() {
    let (broker, world, floor) = (Broker::shared().await, World::new().await, Floor::new());
    let queue = PlatformQueue::open(broker, "poison").await;
    let config = world.config(broker, "floor", "poison");
    let id = queue.post(action(4, &json!({ "why": "poison" }))).await;
    for _ in 0..2 {
        dies_at_work(&config, floor.component("poison"), &floor).await;
    }
    let _daemon = Daemon::run(&config, floor.component("poison"));
    let answers = queue.answers(1, PATIENCE).await;
    assert!(answers[0].json()["message"].as_str().unwrap().contains("ended 2 times"), "{answers:?}");
    queue.until_settled(PATIENCE).await;
    assert!(dead(&config, &["list"]).await.contains("poison"));
    let shown = dead(&config, &["show", "1"]).await;
    assert!(shown.contains(&id) && shown.contains("\"why\": \"poison\""), "{shown}");
    floor.finish.add_permits(1);
    dead(&config, &["retry", "1"]).await;
    // The platform gets a second answer to the same action: somebody asked for it.
    let carried_out = queue.replies_until(PATIENCE, |reply| reply.json()["message"] == "slow, but done");
    assert!(carried_out.await.iter().all(|reply| reply.correlation_id == id));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_decoded_or_answered_is_kept_for_somebody_to_look_at() {
    let (broker, world) = (Broker::shared().await, World::new().await);
    let queue = PlatformQueue::open(broker, "unreadable").await;
    let config = world.config(broker, "hello", "unreadable");
    let mut processor = Processor::run(&config);
    queue.post(Message::new("no JSON at all")).await;
    queue.post(hello("Ada").header("reply-to", "/queue/forbidden.201.unreadable")).await;
    queue.answers(1, PATIENCE).await;
    queue.until_settled(PATIENCE).await;
    processor.wait_for_log("the broker refuses a reply", PATIENCE).await;
    assert!(processor.stop(PATIENCE).await.success());
    let list = dead(&config, &["list", "--json"]).await;
    assert!(list.contains("JSON") && list.contains("not authorized"), "{list}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_retry_goes_on_after_a_restart() {
    let (broker, world) = (Broker::shared().await, World::new().await);
    let queue = PlatformQueue::open(broker, "retrying").await;
    let config = world.config(broker, "flaky", "retrying");
    let attempts = Arc::new(AtomicUsize::new(0));
    let component = {
        let attempts = attempts.clone();
        let flaky = move |_: Input, _: Context| {
            let attempt = attempts.fetch_add(1, SeqCst);
            async move { if attempt == 0 { Err(Failure::new("not yet")) } else { Ok(Reply::text("at last")) } }
        };
        let retry = Retry::after([Duration::from_secs(2), Duration::from_hours(1)]);
        Component::new("flaky").destination("retrying").otherwise(handler_fn(flaky).retry(retry))
    };
    let daemon = Daemon::run(&config, component.clone());
    queue.post(hello("Ada")).await;
    let status = queue.replies(1, PATIENCE).await;
    assert_eq!(status[0].json()["message"], "attempt 1 of 3 failed: not yet; next in 2 s");
    daemon.signal(Signal::Stop).await;
    daemon.ended().await.unwrap();
    assert_eq!(attempts.load(SeqCst), 1);
    let _daemon = Daemon::run(&config, component);
    let answers = queue.answers(1, PATIENCE).await;
    assert_eq!(answers[0].json()["message"], "at last");
    assert_eq!(attempts.load(SeqCst), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_of_one_incident_are_carried_out_in_order_and_others_meanwhile() {
    let (broker, world) = (Broker::shared().await, World::new().await);
    let queue = PlatformQueue::open(broker, "in_order").await;
    let config = world.config(broker, "ordered", "in_order");
    let (seen, first) = (Arc::new(Mutex::new(Vec::new())), Arc::new(Semaphore::new(0)));
    let component = {
        let (seen, first) = (seen.clone(), first.clone());
        let handler = move |message: Input, _: Context| {
            let (seen, first) = (seen.clone(), first.clone());
            async move {
                let number = message.properties().get("number").as_i64().unwrap();
                if number == 0 {
                    first.acquire().await?.forget();
                }
                seen.lock().unwrap().push(number);
                Ok(Reply::text(number.to_string()))
            }
        };
        Component::new("ordered").destination("in_order").otherwise(handler_fn(handler)).in_order()
    };
    let _daemon = Daemon::run(&config, component);
    let of = |incident: i64, number: i64| {
        let body = json!({ "action_id": 1, "object_type": 0, "incident": { "id": incident },
            "properties": { "number": number }, "type_info": {} });
        Message::new(body.to_string())
    };
    queue.post_all((0..10).map(|number| of(1, number))).await;
    queue.post(of(2, 100)).await;
    let answers = queue.answers(1, PATIENCE).await;
    assert_eq!(answers[0].json()["message"], "100", "another incident's does not wait");
    first.add_permits(1);
    queue.answers(11, PATIENCE).await;
    assert_eq!(*seen.lock().unwrap(), [vec![100], (0..10).collect()].concat());
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_that_wait_hold_up_no_others() {
    let (broker, world, floor) = (Broker::shared().await, World::new().await, Floor::new());
    let queue = PlatformQueue::open(broker, "waiting").await;
    let config = world.config(broker, "floor", "waiting").set("resilient", "num_workers", "2").set(
        "resilient",
        "stomp_prefetch_limit",
        "2",
    );
    let _daemon = Daemon::run(&config, floor.component("waiting"));
    queue.post_all((0..20).map(|_| action(5, &json!({})))).await;
    floor.finish.add_permits(1);
    queue.post(action(4, &json!({}))).await;
    let answers = queue.answers(1, PATIENCE).await;
    assert_eq!(answers[0].json()["message"], "slow, but done");
}

#[tokio::test(flavor = "multi_thread")]
async fn memory_is_bounded_by_bytes_and_all_are_answered() {
    let (broker, world, floor) = (Broker::shared().await, World::new().await, Floor::new());
    let queue = PlatformQueue::open(broker, "bounded").await;
    let config = world.config(broker, "floor", "bounded").set("resilient", "max_bytes_at_work", "4194304");
    let _daemon = Daemon::run(&config, floor.component("bounded"));
    let large = "x".repeat(1 << 20);
    queue.post_all((0..10).map(|_| action(4, &json!({ "large": large })))).await;
    for _ in 0..3 {
        floor.one_begun().await;
    }
    // What is beyond the limit waits with the broker and in the socket, however many workers are free.
    assert!(floor.begun.available_permits() <= 1, "{:?}", floor.begun);
    floor.finish.add_permits(10);
    let answers = queue.answers(10, PATIENCE).await;
    assert_eq!(answered_twice(&answers), Vec::<&str>::new());
    let answered: Vec<Value> = answers.iter().map(|answer| answer.json()["message"].clone()).collect();
    assert!(answered.iter().all(|message| message == "slow, but done"), "{answered:?}");
}
