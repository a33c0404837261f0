//! `defer`, `limit` and `timeout`.

use super::{Diary, bench, component, is_returned, message, seconds, send, settle, text};
use action_component::{Handler, reply::FailureKind};
use futures_util::future::join_all;
use std::time::Duration;
use tokio::time::advance;

#[tokio::test(start_paused = true)]
async fn a_deferred_message_is_handled_after_the_delay() {
    let diary = Diary::new();
    let component = component(diary.handler(Duration::ZERO).defer(seconds(3)));
    let reply = bench().deliver(&component, message(1, 7)).await.unwrap();
    assert_eq!(reply.message(), "7 done");
    assert_eq!(diary.entries(), [(7, 3)]);
}

#[tokio::test(start_paused = true)]
async fn a_hundred_deferred_messages_leave_the_only_worker_free() {
    let diary = Diary::new();
    let slow = component(diary.handler(Duration::ZERO).defer(seconds(60)));
    let quick = component(diary.handler(Duration::ZERO));
    let bench = bench().workers(1);
    let mut deferred = Vec::new();
    for n in 0..100 {
        deferred.push(send(&bench, &slow, message(1, n)).await);
    }
    assert_eq!(bench.free_workers(), 1);
    bench.deliver(&quick, message(1, 100)).await.unwrap();
    assert_eq!(diary.entries(), [(100, 0)]);
    join_all(deferred).await;
    assert_eq!(diary.entries().len(), 101);
}

#[tokio::test(start_paused = true)]
async fn a_deferred_message_goes_back_to_the_broker_when_the_daemon_stops() {
    let diary = Diary::new();
    let component = component(diary.handler(Duration::ZERO).defer(seconds(60)));
    let bench = bench();
    let task = send(&bench, &component, message(1, 1)).await;
    bench.stop();
    assert!(is_returned(task).await);
    assert_eq!(diary.now(), 0, "at once");
    assert_eq!(diary.entries(), []);
}

#[tokio::test(start_paused = true)]
async fn a_limit_lets_in_so_many_at_a_time_in_the_order_in_which_they_came() {
    let diary = Diary::new();
    let component = component(diary.handler(seconds(10)).limit(2));
    let bench = bench();
    let mut tasks = Vec::new();
    for n in 0..5 {
        tasks.push(send(&bench, &component, message(1, n)).await);
    }
    join_all(tasks).await;
    assert_eq!(diary.entries(), [(0, 0), (1, 0), (2, 10), (3, 10), (4, 20)]);
}

#[tokio::test(start_paused = true)]
async fn those_that_wait_for_a_place_hold_no_worker() {
    let diary = Diary::new();
    let limited = component(diary.handler(seconds(10)).limit(1));
    let other = component(diary.handler(Duration::ZERO));
    let bench = bench().workers(2);
    let _tasks = [send(&bench, &limited, message(1, 0)).await, send(&bench, &limited, message(1, 1)).await];
    assert_eq!(bench.free_workers(), 1);
    bench.deliver(&other, message(1, 2)).await.unwrap();
    assert_eq!(diary.entries(), [(0, 0), (2, 0)]);
}

#[tokio::test(start_paused = true)]
async fn on_stopping_those_that_wait_for_a_place_go_back_and_those_at_work_finish() {
    let diary = Diary::new();
    let component = component(diary.handler(seconds(10)).limit(1));
    let bench = bench();
    let working = send(&bench, &component, message(1, 0)).await;
    let waiting = send(&bench, &component, message(1, 1)).await;
    bench.stop();
    assert!(is_returned(waiting).await);
    assert_eq!(text(working).await, "0 done");
    assert_eq!(diary.entries(), [(0, 0)]);
}

#[tokio::test(start_paused = true)]
async fn a_cancelled_message_gives_its_place_to_the_next() {
    let diary = Diary::new();
    let component = component(diary.handler(seconds(10)).limit(1));
    let bench = bench();
    let first = send(&bench, &component, message(1, 0)).await;
    let second = send(&bench, &component, message(1, 1)).await;
    let third = send(&bench, &component, message(1, 2)).await;
    second.abort();
    first.abort();
    assert_eq!(text(third).await, "2 done");
    assert_eq!(diary.entries(), [(0, 0), (2, 0)]);
}

#[tokio::test(start_paused = true)]
async fn a_limit_of_nothing_still_lets_one_in() {
    let diary = Diary::new();
    let component = component(diary.handler(Duration::ZERO).limit(0));
    assert!(bench().deliver(&component, message(1, 0)).await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn work_that_takes_too_long_is_cancelled_and_the_reply_says_after_how_long() {
    let diary = Diary::new();
    let component = component(diary.handler(seconds(60)).timeout(seconds(5)));
    let failure = bench().deliver(&component, message(1, 0)).await.unwrap_err();
    assert_eq!(failure.kind(), FailureKind::TimedOut);
    assert!(failure.to_string().contains("cancelled after 5s"), "{failure}");
    assert_eq!(diary.now(), 5);
}

#[tokio::test(start_paused = true)]
async fn waiting_does_not_count_towards_the_time_wherever_the_timeout_stands() {
    let diary = Diary::new();
    let inside = component(diary.handler(seconds(4)).timeout(seconds(5)).defer(seconds(60)));
    let outside = component(diary.handler(seconds(4)).defer(seconds(60)).timeout(seconds(5)));
    assert!(bench().deliver(&inside, message(1, 0)).await.is_ok());
    assert!(bench().deliver(&outside, message(1, 1)).await.is_ok());
    assert_eq!(diary.entries(), [(0, 60), (1, 124)]);
}

#[tokio::test(start_paused = true)]
async fn waiting_for_a_worker_does_not_count_towards_the_time() {
    let diary = Diary::new();
    let component = component(diary.handler(seconds(4)).timeout(seconds(5)));
    let bench = bench().workers(1);
    let first = send(&bench, &component, message(1, 0)).await;
    let second = send(&bench, &component, message(1, 1)).await;
    assert_eq!((text(first).await, text(second).await), ("0 done".into(), "1 done".into()));
    assert_eq!(diary.entries(), [(0, 0), (1, 4)]);
}

#[tokio::test(start_paused = true)]
async fn the_shortest_of_several_timeouts_counts() {
    for (inner, outer) in [(5, 60), (60, 5)] {
        let diary = Diary::new();
        let handler = diary.handler(seconds(90)).timeout(seconds(inner)).limit(1).timeout(seconds(outer));
        let failure = bench().deliver(&component(handler), message(1, 0)).await.unwrap_err();
        assert!(failure.to_string().contains("5s"), "{failure}");
    }
}

#[tokio::test(start_paused = true)]
async fn work_that_timed_out_frees_its_worker_and_its_place() {
    let diary = Diary::new();
    let component = component(diary.handler(seconds(60)).timeout(seconds(5)).limit(1));
    let bench = bench().workers(1);
    let first = send(&bench, &component, message(1, 0)).await;
    let second = send(&bench, &component, message(1, 1)).await;
    assert!(first.await.unwrap().is_err());
    settle().await;
    assert_eq!(diary.entries(), [(0, 0), (1, 5)]);
    advance(seconds(5)).await;
    assert!(second.await.unwrap().is_err());
    assert_eq!(bench.free_workers(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_message_of_the_wrong_shape_is_rejected_before_any_wait() {
    let diary = Diary::new();
    let handler = action_component::handler_fn(|_n: std::collections::BTreeMap<String, bool>, _cx| async {
        Ok(action_component::Reply::text(""))
    });
    let component = component(handler.defer(seconds(60)));
    let failure = bench().deliver(&component, message(1, 0)).await.unwrap_err();
    assert_eq!(failure.kind(), FailureKind::Rejected);
    assert_eq!(diary.now(), 0);
}
