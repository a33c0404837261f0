//! Handlers that wait for hours in the midst of their work.

use super::{
    PATIENCE, World, action,
    handlers::{Daemon, Floor},
    hello, only_answer,
};
use crate::support::{broker::Broker, platform_queue::PlatformQueue};
use action_processor::{
    component::{Component, Context, Handler, Message as Input, Reply, handler_fn},
    signals::Signal,
};
use serde_json::json;
use std::{sync::atomic::Ordering::SeqCst, time::Duration};

const AN_HOUR: Duration = Duration::from_secs(3600);

fn says_hello() -> impl Handler<Input = Input> {
    handler_fn(|_: Input, _: Context| async { Ok(Reply::text("hello")) })
}

/// "Slow" waits for its permit without a worker; "Say Hello" says hello.
fn patient(floor: &Floor, queue: &str) -> Component {
    let floor = floor.clone();
    let slow = move |_: Input, cx: Context| {
        let floor = floor.clone();
        async move {
            cx.status("half way").await;
            floor.begun.add_permits(1);
            cx.wait_for(floor.finish.acquire()).await??.forget();
            cx.status("nearly there").await;
            Ok(Reply::text("slow, but done"))
        }
    };
    Component::new("floor").destination(queue).on("Slow", handler_fn(slow)).on("Say Hello", says_hello())
}

/// "Slow" waits so long, all in all, and then for its permit, and must not be carried out twice; "Say Hello" says hello.
fn waits_for(time: Duration, floor: &Floor, queue: &str) -> Component {
    let floor = floor.clone();
    let wait = move |_: Input, cx: Context| {
        let floor = floor.clone();
        async move {
            floor.begun.add_permits(1);
            cx.status("waiting").await;
            cx.wait("the job", time).await?;
            cx.wait_for(floor.finish.acquire()).await??.forget();
            floor.done.fetch_add(1, SeqCst);
            Ok(Reply::text("waited"))
        }
    };
    let slow = handler_fn(wait).at_most_once();
    Component::new("floor").destination(queue).on("Slow", slow).on("Say Hello", says_hello())
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_waits_leaves_the_only_worker_to_others_and_tells_how_far_it_is() {
    let (broker, world, floor) = (Broker::shared().await, World::new().await, Floor::new());
    let queue = PlatformQueue::open(broker, "patient").await;
    let config = world.config(broker, "floor", "patient").set("resilient", "num_workers", "1");
    let _daemon = Daemon::run(&config, patient(&floor, "patient"));
    let slow = queue.post(action(4, &json!({}))).await;
    floor.one_begun().await;
    queue.post_all((0..5).map(|number| hello(&number.to_string()))).await;
    let answers = queue.answers(5, PATIENCE).await;
    assert!(answers.iter().all(|answer| answer.json()["message"] == "hello"), "{answers:?}");
    floor.finish.add_permits(1);
    let answers = queue.answers(6, PATIENCE).await;
    let last = answers.iter().find(|answer| answer.correlation_id == slow).unwrap();
    assert_eq!(last.json()["message"], "slow, but done");
    let replies = queue.replies(8, PATIENCE).await;
    let told = replies.iter().filter(|reply| reply.correlation_id == slow && !reply.is_last());
    let told: Vec<_> = told.map(|status| status.json()["message"].clone()).collect();
    assert_eq!(told, ["half way", "nearly there"]);
    queue.until_settled(PATIENCE).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sigterm_gives_a_waiting_message_back_and_the_next_process_waits_for_the_rest() {
    let (broker, world, floor) = (Broker::shared().await, World::new().await, Floor::new());
    let queue = PlatformQueue::open(broker, "kept_wait").await;
    let config = world.config(broker, "floor", "kept_wait").set("resilient", "stop_timeout", "3600");
    let daemon = Daemon::run(&config, waits_for(Duration::from_secs(1), &floor, "kept_wait"));
    queue.post(action(4, &json!({}))).await;
    queue.replies(1, PATIENCE).await;
    floor.one_begun().await;
    daemon.signal(Signal::Stop).await;
    daemon.ended().await.unwrap();
    assert_eq!(floor.done.load(SeqCst), 0, "the daemon did not wait for it");
    queue.until_statistics(PATIENCE, |statistics| statistics.pending == 1 && statistics.consumers == 0).await;
    // A wait that began anew would take an hour now; one that goes on is over when it was to be.
    floor.finish.add_permits(1);
    let _next = Daemon::run(&config, waits_for(AN_HOUR, &floor, "kept_wait"));
    assert_eq!(only_answer(&queue).await["message"], "waited");
    queue.until_settled(PATIENCE).await;
    assert_eq!(floor.done.load(SeqCst), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn processes_that_die_while_it_waits_have_interrupted_nothing() {
    let (broker, world, floor) = (Broker::shared().await, World::new().await, Floor::new());
    let queue = PlatformQueue::open(broker, "died_waiting").await;
    let config = world.config(broker, "floor", "died_waiting").set("resilient", "num_workers", "1");
    let slow = queue.post(action(4, &json!({}))).await;
    for deaths in 1..=3 {
        let workers =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let component = waits_for(AN_HOUR, &floor, "died_waiting");
        let daemon = Daemon::with_workers(&config, component, workers.handle().clone());
        floor.one_begun().await;
        // Another gets the only worker: so the first one waits.
        queue.post(hello("Ada")).await;
        queue.answers(deaths, PATIENCE).await;
        daemon.dies(workers).await;
    }
    floor.finish.add_permits(1);
    let _daemon = Daemon::run(&config, waits_for(Duration::ZERO, &floor, "died_waiting"));
    let answers = queue.answers(4, PATIENCE).await;
    let last = answers.iter().find(|answer| answer.correlation_id == slow).unwrap();
    assert_eq!(last.json()["message"], "waited", "neither interrupted nor set aside");
    queue.until_settled(PATIENCE).await;
}
