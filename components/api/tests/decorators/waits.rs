//! What the daemon is told of waits that may take long.

use super::{Diary, bench, component, message, seconds, send, settle};
use action_component::{
    Handler,
    decorate::Retry,
    testing::{Bench, Platform},
};
use std::time::Duration;
use tokio::time::advance;

/// How many of three messages are said to wait, right away.
async fn waiting(handler: impl Handler) -> usize {
    let bench = Bench::new(Platform::answering(|_| (500, serde_json::json!({})))).workers(1);
    let component = component(handler);
    let mut tasks = Vec::new();
    for n in 0..3 {
        tasks.push(send(&bench, &component, message(1, n)).await);
    }
    bench.waiting()
}

#[tokio::test(start_paused = true)]
async fn delays_are_told_and_queues_are_not() {
    let work = || Diary::new().handler(seconds(10));
    assert_eq!(waiting(work().defer(seconds(60))).await, 3);
    assert_eq!(waiting(work().debounce(seconds(60))).await, 3);
    assert_eq!(waiting(work().debounce(seconds(60)).discard()).await, 1, "superseded ones are answered");
    assert_eq!(waiting(work().limit(1)).await, 0);
    assert_eq!(waiting(work()).await, 0, "for a worker");
    let failing = super::retry::failing("down").retry(Retry::after([seconds(60)]));
    assert_eq!(waiting(failing).await, 3);
}

#[tokio::test(start_paused = true)]
async fn a_wait_is_over_when_the_work_begins() {
    let component = component(Diary::new().handler(seconds(10)).defer(seconds(60)));
    let bench = bench();
    let task = send(&bench, &component, message(1, 0)).await;
    advance(seconds(60)).await;
    settle().await;
    assert_eq!((bench.waiting(), bench.begun()), (0, 1));
    task.await.unwrap().unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_wait_is_over_when_it_is_cancelled_or_the_daemon_stops() {
    let component = component(Diary::new().handler(Duration::ZERO).defer(seconds(60)));
    let bench = bench();
    let first = send(&bench, &component, message(1, 0)).await;
    let second = send(&bench, &component, message(1, 1)).await;
    assert_eq!(bench.waiting(), 2);
    first.abort();
    settle().await;
    assert_eq!(bench.waiting(), 1);
    bench.stop();
    assert!(second.await.unwrap().is_err());
    assert_eq!(bench.waiting(), 0);
}
