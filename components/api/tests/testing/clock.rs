use super::acting;
use action_component::{
    Component, Failure, Handler, Message, Reply,
    decorate::Retry,
    handler_fn,
    testing::{Bench, Outcome, Platform, advance, message},
};
use serde_json::json;
use std::{
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

const MINUTE: Duration = Duration::from_secs(60);

#[tokio::test(start_paused = true)]
async fn a_deferred_message_is_answered_when_its_time_has_come() {
    let quick = handler_fn(async |_: Message, _| Ok::<_, Failure>(Reply::text("done")));
    let component = Component::new("test").on("Act", quick.defer(MINUTE));
    let bench = Bench::new(Platform::new());
    let delivery = bench.start(&component, message("Act", json!({}))).await;
    assert_eq!((bench.waiting(), bench.begun()), (1, 0));
    advance(MINUTE - Duration::from_secs(1)).await;
    assert!(!delivery.is_answered());
    advance(Duration::from_secs(1)).await;
    assert!(delivery.is_answered());
    delivery.outcome().await.assert_says("done");
}

#[tokio::test(start_paused = true)]
async fn all_that_falls_due_meanwhile_happens_in_its_order() {
    let attempts = Arc::new(AtomicU32::new(0));
    let counted = attempts.clone();
    let failing = handler_fn(move |_: Message, _| {
        counted.fetch_add(1, Ordering::Relaxed);
        async { Err(Failure::new("down")) }
    });
    let component = Component::new("test").on("Act", failing.retry(Retry::after([MINUTE, MINUTE * 60])));
    let delivery = Bench::new(Platform::new()).start(&component, message("Act", json!({}))).await;
    let mut seen = vec![attempts.load(Ordering::Relaxed)];
    for time in [MINUTE, MINUTE * 59, MINUTE] {
        advance(time).await;
        seen.push(attempts.load(Ordering::Relaxed));
    }
    assert_eq!(seen, [1, 2, 2, 3]);
    delivery.outcome().await.assert_fails("down");
}

#[tokio::test(start_paused = true)]
async fn a_burst_is_one_delivery_that_is_carried_out_and_others_that_are_superseded() {
    let quick = handler_fn(async |_: Message, _| Ok::<_, Failure>(Reply::text("done")));
    let component = Component::new("test").on("Act", quick.debounce(MINUTE).discard());
    let bench = Bench::new(Platform::new());
    let first = bench.start(&component, message("Act", json!({}))).await;
    advance(MINUTE / 2).await;
    let last = bench.start(&component, message("Act", json!({}))).await;
    advance(MINUTE).await;
    assert_eq!(first.outcome().await.unwrap(), Reply::Superseded);
    last.outcome().await.assert_says("done");
    assert_eq!(bench.begun(), 1);
}

#[tokio::test]
async fn no_time_needs_no_paused_clock() {
    advance(Duration::ZERO).await;
}

#[tokio::test(start_paused = true)]
async fn a_process_that_dies_leaves_its_note_to_the_next() {
    let component = acting(async |_, cx| {
        let done: u32 = cx.kept()?.unwrap_or(0);
        cx.keep(&(done + 1)).await?;
        tokio::time::sleep(MINUTE).await;
        Ok(Reply::text(format!("{done} done before")))
    });
    let before = Bench::new(Platform::new());
    before.start(&component, message("Act", json!({}))).await.die();
    let after = Bench::new(Platform::new()).resuming(&before.notes()[0]);
    after.deliver(&component, message("Act", json!({}))).await.assert_says("1 done before");
}
