//! `retry`: when, how often, after what, and across a restart.

use super::{Diary, bench, component, is_returned, message, seconds, send, settle, text};
use action_component::{
    Context, Failure, Handler, Message, Reply, decorate::Retry, handler_fn, reply::FailureKind,
};
use serde::Deserialize;
use std::{sync::Arc, time::Duration};
use tokio::time::{Instant, advance};

pub(super) fn failing(why: &'static str) -> impl Handler<Input = Message> {
    handler_fn(move |_: Message, _: Context| async move { Err(Failure::new(why)) })
}

fn failing_as(kind: FailureKind) -> impl Handler<Input = Message> {
    handler_fn(move |_: Message, _: Context| async move { Err(Failure::with_kind(kind, "no")) })
}

/// Notes each attempt in `diary`; the first `failures` of this process fail.
fn recovering(diary: &Diary, failures: usize) -> impl Handler<Input = Message> + use<> {
    let diary = diary.clone();
    handler_fn(move |message: Message, _: Context| {
        let diary = diary.clone();
        async move {
            let attempt = diary.entries().len();
            diary.handler(Duration::ZERO).handle(message, bench().context(super::message(1, 0))).await?;
            if attempt < failures { Err(Failure::new("server down")) } else { Ok(Reply::text("up")) }
        }
    })
}

fn four_delays() -> Retry {
    Retry::after([10, 20, 30, 40].map(seconds))
}

#[tokio::test(start_paused = true)]
async fn a_handler_that_fails_is_tried_again_after_each_delay() {
    let diary = Diary::new();
    let component = component(recovering(&diary, 4).retry(four_delays()));
    assert_eq!(bench().deliver(&component, message(1, 7)).await.unwrap().message(), "up");
    assert_eq!(diary.entries(), [(7, 0), (7, 10), (7, 30), (7, 60), (7, 100)]);
}

#[tokio::test(start_paused = true)]
async fn the_last_failure_says_how_many_attempts_were_made() {
    let bench = bench();
    let failure = bench
        .deliver(&component(failing("server down").retry(four_delays())), message(1, 0))
        .await
        .unwrap_err();
    assert_eq!(failure.kind(), FailureKind::Failed);
    assert_eq!(failure.to_string(), "Given up after 5 attempts. The last one: server down");
    assert_eq!(bench.begun(), 5);
}

#[tokio::test(start_paused = true)]
async fn the_user_sees_each_failure_and_when_it_goes_on() {
    let bench = bench();
    let retry = Retry::after([Duration::from_millis(500), seconds(20), seconds(1800), seconds(86_400)]);
    let outcome = bench.deliver(&component(failing("down").retry(retry)), message(1, 0)).await;
    assert!(outcome.is_err());
    let expected = [
        "attempt 1 of 5 failed: down; next in 500 ms",
        "attempt 2 of 5 failed: down; next in 20 s",
        "attempt 3 of 5 failed: down; next in 30 min",
        "attempt 4 of 5 failed: down; next in 24 h",
    ];
    assert_eq!(bench.statuses(), expected);
}

#[tokio::test(start_paused = true)]
async fn a_message_that_waits_for_its_next_attempt_leaves_the_worker_to_others() {
    let bench = bench().workers(1);
    let diary = Diary::new();
    let task = send(&bench, &component(recovering(&diary, 1).retry(four_delays())), message(1, 0)).await;
    assert_eq!((bench.free_workers(), bench.waiting()), (1, 1));
    bench.deliver(&component(diary.handler(Duration::ZERO)), message(1, 1)).await.unwrap();
    assert_eq!(text(task).await, "up");
    assert_eq!(diary.entries(), [(0, 0), (1, 0), (0, 10)]);
    assert_eq!((bench.begun(), bench.waiting()), (3, 0));
}

#[tokio::test(start_paused = true)]
async fn failures_and_timeouts_are_tried_again_and_rejections_are_not() {
    for (kind, attempts) in [(FailureKind::Failed, 2), (FailureKind::TimedOut, 2), (FailureKind::Rejected, 1)]
    {
        let bench = bench();
        let handler = failing_as(kind).retry(Retry::after([seconds(1)]));
        let failure = bench.deliver(&component(handler), message(1, 0)).await.unwrap_err();
        assert_eq!((failure.kind(), bench.begun()), (kind, attempts));
    }
}

#[tokio::test(start_paused = true)]
async fn the_author_says_which_failures_are_worth_it() {
    let bench = bench();
    let busy = |failure: &Failure| failure.to_string().contains("busy");
    let retry = || four_delays().only_if(busy);
    let failure = bench.deliver(&component(failing("down").retry(retry())), message(1, 0)).await.unwrap_err();
    assert_eq!(
        (failure.to_string().as_str(), bench.begun()),
        ("down", 1),
        "as it was: there was one attempt"
    );
    let failure = bench.deliver(&component(failing("busy").retry(retry())), message(1, 0)).await.unwrap_err();
    assert!(failure.to_string().contains("5 attempts"), "{failure}");
}

#[tokio::test(start_paused = true)]
async fn what_goes_back_to_the_broker_is_never_tried_again() {
    let bench = bench();
    let handler = failing_as(FailureKind::Returned).retry(four_delays().only_if(|_| true));
    let failure = bench.deliver(&component(handler), message(1, 0)).await.unwrap_err();
    assert_eq!((failure.kind(), bench.begun()), (FailureKind::Returned, 1));
}

#[tokio::test(start_paused = true)]
async fn exponential_delays_double_up_to_the_longest_and_are_shortened_by_half_at_most() {
    let mut seen = std::collections::BTreeSet::new();
    for _ in 0..20 {
        let began = Instant::now();
        let times = Arc::new(std::sync::Mutex::new(Vec::new()));
        let noting = times.clone();
        let handler = handler_fn(move |_: Message, _: Context| {
            noting.lock().unwrap().push(began.elapsed());
            async { Err(Failure::new("down")) }
        });
        let handler = handler.retry(Retry::exponential(seconds(100), seconds(300), 5));
        assert!(bench().deliver(&component(handler), message(1, 0)).await.is_err());
        let times = times.lock().unwrap().clone();
        let delays: Vec<_> = times.windows(2).map(|pair| pair[1] - pair[0]).collect();
        assert_eq!(delays.len(), 4);
        for (delay, whole) in delays.iter().zip([100, 200, 300, 300].map(seconds)) {
            assert!((whole / 2..=whole + Duration::from_millis(2)).contains(delay), "{delay:?} of {whole:?}");
        }
        seen.extend(delays);
    }
    assert!(seen.len() > 20, "at random: {seen:?}");
}

#[tokio::test(start_paused = true)]
async fn without_delays_there_is_one_attempt() {
    for retry in [Retry::after([]), Retry::exponential(seconds(1), seconds(1), 0)] {
        let bench = bench();
        let failure =
            bench.deliver(&component(failing("down").retry(retry)), message(1, 0)).await.unwrap_err();
        assert_eq!((failure.to_string().as_str(), bench.begun()), ("down", 1));
        assert!(bench.notes().is_empty() && bench.statuses().is_empty());
    }
}

#[tokio::test(start_paused = true)]
async fn absurd_delays_are_long_ones() {
    let bench = bench();
    for retry in
        [Retry::after([Duration::MAX]), Retry::exponential(seconds(u64::MAX), Duration::MAX, u32::MAX)]
    {
        let task = send(&bench, &component(failing("down").retry(retry)), message(1, 0)).await;
        assert_eq!(bench.waiting(), 1);
        task.abort();
        settle().await;
    }
}

#[tokio::test(start_paused = true)]
async fn each_attempt_has_a_timeout_of_its_own_wherever_it_stands() {
    let diary = Diary::new();
    let retry = || Retry::after([seconds(10)]);
    let slow = || diary.handler(seconds(60));
    for handler in [
        component(slow().timeout(seconds(5)).retry(retry())),
        component(slow().retry(retry()).timeout(seconds(5))),
    ] {
        let bench = bench();
        let failure = bench.deliver(&handler, message(1, 0)).await.unwrap_err();
        assert_eq!(failure.kind(), FailureKind::TimedOut);
        assert!(failure.to_string().contains("2 attempts"), "{failure}");
    }
    assert_eq!(diary.entries(), [(0, 0), (0, 15), (0, 20), (0, 35)]);
}

#[tokio::test(start_paused = true)]
async fn each_attempt_is_given_the_input_again() {
    #[derive(Deserialize)]
    struct Input {
        n: u64,
    }
    let handler =
        handler_fn(|Input { n }: Input, _: Context| async move { Err(Failure::new(format!("n is {n}"))) });
    let bench = bench();
    let handler = handler.retry(Retry::after([seconds(1)]));
    let failure = bench.deliver(&component(handler), message(1, 7)).await.unwrap_err();
    assert!(failure.to_string().contains("n is 7"), "{failure}");
    assert!(bench.statuses()[0].contains("n is 7"));
}

#[tokio::test(start_paused = true)]
async fn a_message_that_waits_goes_back_when_the_daemon_stops_and_is_noted() {
    let bench = bench();
    let task = send(&bench, &component(failing("down").retry(four_delays())), message(1, 0)).await;
    assert_eq!(bench.notes().len(), 1);
    bench.stop();
    assert!(is_returned(task).await);
}

/// What is noted after this many attempts have failed.
async fn note_after(failed: usize, retry: Retry) -> String {
    let bench = bench();
    let task = send(&bench, &component(failing("down").retry(retry)), message(1, 0)).await;
    while bench.notes().len() < failed {
        advance(seconds(1)).await;
        settle().await;
    }
    task.abort();
    bench.notes()[failed - 1].clone()
}

#[tokio::test(start_paused = true)]
async fn after_a_restart_the_retry_goes_on_after_the_rest_of_the_delay() {
    let note = note_after(2, four_delays()).await;
    let bench = bench().resuming(note);
    let diary = Diary::new();
    let task = send(&bench, &component(recovering(&diary, 9).retry(four_delays())), message(1, 0)).await;
    assert_eq!((bench.waiting(), bench.begun()), (1, 0));
    assert!(task.await.unwrap().unwrap_err().to_string().contains("5 attempts"));
    // By the wall clock, which is not paused: a slow machine has less to wait.
    let times: Vec<_> = diary.entries().iter().map(|(_, at)| *at).collect();
    assert_eq!(times.len(), 3, "two were made before");
    assert!((1..=20).contains(&times[0]), "{times:?}");
    assert_eq!(bench.statuses()[0], "attempt 3 of 5 failed: server down; next in 30 s");
}

#[tokio::test(start_paused = true)]
async fn an_attempt_that_was_due_while_the_daemon_was_away_is_made_at_once() {
    let note = r#"{"version":1,"retries":[{"made":1,"due":1700000000000}]}"#;
    let diary = Diary::new();
    let component = component(recovering(&diary, 0).retry(four_delays()));
    assert!(bench().resuming(note).deliver(&component, message(1, 7)).await.is_ok());
    assert_eq!(diary.entries(), [(7, 0)]);
}

#[tokio::test(start_paused = true)]
async fn a_clock_that_was_set_back_makes_nobody_wait_longer_than_the_delay() {
    let note = r#"{"version":1,"retries":[{"made":2,"due":99999999999999}]}"#;
    let diary = Diary::new();
    let component = component(recovering(&diary, 0).retry(four_delays()));
    assert!(bench().resuming(note).deliver(&component, message(1, 7)).await.is_ok());
    assert_eq!(diary.entries(), [(7, 20)]);
}

#[tokio::test(start_paused = true)]
async fn the_attempt_that_was_promised_is_made_even_if_fewer_are_asked_for_now() {
    let note = r#"{"version":1,"retries":[{"made":9,"due":1700000000000}]}"#;
    let bench = bench().resuming(note);
    let failure =
        bench.deliver(&component(failing("down").retry(four_delays())), message(1, 0)).await.unwrap_err();
    assert_eq!(bench.begun(), 1);
    assert!(failure.to_string().contains("5 attempts"), "{failure}");
}

#[tokio::test(start_paused = true)]
async fn a_note_of_unknown_form_counts_as_none() {
    for note in ["", "{}", "no JSON", r#"{"version":2,"retries":[{"made":4,"due":1}]}"#] {
        let bench = bench().resuming(note);
        let outcome = bench.deliver(&component(failing("down").retry(four_delays())), message(1, 0)).await;
        assert!(outcome.is_err());
        assert_eq!(bench.begun(), 5, "{note}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_retry_inside_of_a_wrapper_that_calls_handle_begins_each_attempt_too() {
    let bench = bench();
    let handler = failing("down").retry(four_delays());
    assert!(handler.handle(message(1, 0), bench.context(message(1, 0))).await.is_err());
    assert_eq!(bench.begun(), 5);
}

/// Fails as a service that says how long it is busy, and notes when it was tried.
fn busy(diary: &Diary, for_so_long: Duration) -> impl Handler<Input = Message> + use<> {
    let diary = diary.clone();
    handler_fn(move |message: Message, _: Context| {
        let diary = diary.clone();
        async move {
            diary.handler(Duration::ZERO).handle(message, bench().context(super::message(1, 0))).await?;
            Err(Failure::new("busy").with_retry_after(for_so_long))
        }
    })
}

#[tokio::test(start_paused = true)]
async fn a_service_that_says_how_long_is_not_asked_before() {
    let diary = Diary::new();
    let component = component(busy(&diary, seconds(25)).retry(Retry::after([10, 40].map(seconds))));
    bench().deliver(&component, message(1, 7)).await.unwrap_err();
    assert_eq!(diary.entries(), [(7, 0), (7, 25), (7, 65)], "what is longer counts");
}

#[tokio::test(start_paused = true)]
async fn a_long_wait_that_was_asked_for_outlives_the_process() {
    let diary = Diary::new();
    let component = component(busy(&diary, seconds(3600)).retry(Retry::after([seconds(1)])));
    let bench = bench();
    let task = send(&bench, &component, message(1, 7)).await;
    task.abort();
    settle().await;
    let next = bench.restarted();
    let task = send(&next, &component, message(1, 7)).await;
    advance(seconds(3590)).await;
    settle().await;
    assert_eq!(diary.entries().len(), 1);
    advance(seconds(20)).await;
    settle().await;
    assert_eq!(diary.entries().len(), 2);
    assert!(task.await.unwrap().is_err());
}
