//! SIGTERM: what runs is finished, what waits goes back; a second one ends it now.

use super::{
    PATIENCE, World, action,
    handlers::{Daemon, Floor, blocking},
};
use crate::support::{broker::Broker, platform_queue::PlatformQueue, processor::Processor};
use action_processor::signals::Signal;
use serde_json::json;
use std::time::Duration;

#[tokio::test(flavor = "multi_thread")]
async fn what_runs_is_finished_and_answered_and_what_waits_goes_back() {
    let (broker, world, floor) = (Broker::shared().await, World::new().await, Floor::new());
    let queue = PlatformQueue::open(broker, "stopping").await;
    let config = world.config(broker, "floor", "stopping");
    let daemon = Daemon::run(&config, floor.component("stopping"));
    let deferred = queue.post(action(5, &json!({}))).await;
    let slow = queue.post(action(4, &json!({}))).await;
    floor.one_begun().await;
    daemon.signal(Signal::Stop).await;
    let status = queue.replies(1, PATIENCE).await;
    assert_eq!(status[0].json()["complete"], false, "the interim status comes while it works");
    floor.finish.add_permits(1);
    daemon.ended().await.unwrap();
    let answers = queue.answers(1, PATIENCE).await;
    assert_eq!((answers.len(), &answers[0].correlation_id), (1, &slow));
    assert_eq!(answers[0].json()["message"], "slow, but done");
    assert_eq!(floor.done(), 1, "the deferred one was not carried out");
    queue.until_statistics(PATIENCE, |statistics| statistics.pending == 1 && statistics.consumers == 0).await;
    let next = Floor::new();
    let _second = Daemon::run(&config, next.component("stopping"));
    queue.until_statistics(PATIENCE, |statistics| statistics.consumers == 1).await;
    assert!(queue.answers(1, PATIENCE).await.iter().all(|answer| answer.correlation_id != deferred));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_signal_ends_it_now_and_the_message_is_not_lost() {
    let (broker, world, floor) = (Broker::shared().await, World::new().await, Floor::new());
    let queue = PlatformQueue::open(broker, "stopping_twice").await;
    let config = world.config(broker, "floor", "stopping_twice");
    let daemon = Daemon::run(&config, floor.component("stopping_twice"));
    queue.post(action(4, &json!({}))).await;
    floor.one_begun().await;
    daemon.signal(Signal::Stop).await;
    daemon.signal(Signal::Stop).await;
    daemon.ended().await.unwrap();
    let again = Floor::new();
    let _second = Daemon::run(&config, again.component("stopping_twice"));
    again.one_begun().await;
    again.finish.add_permits(1);
    assert_eq!(super::only_answer(&queue).await["message"], "slow, but done");
    queue.until_settled(PATIENCE).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_deadline_ends_what_takes_too_long() {
    let (broker, world, floor) = (Broker::shared().await, World::new().await, Floor::new());
    let queue = PlatformQueue::open(broker, "deadline").await;
    let config = world.config(broker, "floor", "deadline").set("resilient", "stop_timeout", "1");
    let daemon = Daemon::run(&config, floor.component("deadline"));
    queue.post(action(4, &json!({}))).await;
    floor.one_begun().await;
    daemon.signal(Signal::Stop).await;
    daemon.ended().await.unwrap();
    queue.until_statistics(PATIENCE, |statistics| statistics.pending == 1 && statistics.consumers == 0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_handler_that_blocks_its_thread_does_not_keep_the_daemon() {
    let (broker, world) = (Broker::shared().await, World::new().await);
    let queue = PlatformQueue::open(broker, "blocked").await;
    let config = world.config(broker, "blocking", "blocked").set("resilient", "stop_timeout", "1");
    let (component, release) = blocking("blocked");
    let daemon = Daemon::run(&config, component);
    queue.post(action(4, &json!({}))).await;
    queue.until_statistics(PATIENCE, |statistics| statistics.delivered == 1).await;
    daemon.signal(Signal::Stop).await;
    daemon.ended().await.unwrap();
    queue.until_statistics(PATIENCE, |statistics| statistics.pending == 1 && statistics.consumers == 0).await;
    drop(release);
}

#[tokio::test(flavor = "multi_thread")]
async fn sigterm_in_the_midst_of_work_answers_nothing_twice() {
    let (broker, world) = (Broker::shared().await, World::new().await);
    let queue = PlatformQueue::open(broker, "sigterm").await;
    let config = world.config(broker, "set_last_updated", "sigterm");
    queue
        .post_all((0..300).map(|number| action(2, &json!({})).header("timestamp", &format!("{number}"))))
        .await;
    let mut processor = Processor::run(&config);
    for stops in 1..=3 {
        queue.answers(stops * 60, PATIENCE).await;
        assert!(processor.stop(PATIENCE).await.success(), "{:?}", processor.log());
        processor = Processor::run(&config);
    }
    let answers = queue.answers(300, PATIENCE).await;
    queue.until_settled(PATIENCE).await;
    assert!(processor.stop(PATIENCE).await.success());
    assert_eq!(crate::support::platform_queue::answered_twice(&answers), Vec::<&str>::new());
    let twice = answers.iter().map(|answer| answer.correlation_id.replace("invid:", ""));
    let tokens = twice.map(|number| format!("token-{:016x}", number.parse::<u64>().unwrap()));
    assert!(tokens.into_iter().all(|token| world.platform.writes_for(&token) <= 1), "carried out twice");
}

#[tokio::test(flavor = "multi_thread")]
async fn it_ends_at_once_while_it_waits_for_a_platform_that_is_away() {
    let (broker, world) = (Broker::shared().await, World::new().await);
    let config = world.config(broker, "hello", "away").set("resilient", "port", "9");
    let mut processor = Processor::run(&config);
    processor.wait_for_log("the platform cannot be used yet", PATIENCE).await;
    assert!(processor.stop(Duration::from_secs(10)).await.success());
}
