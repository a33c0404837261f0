//! Handlers that wait in the midst of their work.

use super::{Diary, bench, component, is_returned, message, seconds, send, settle, text};
use action_component::{
    Component, Context, Failure, FailureKind, Handler, Message, Reply, Timestamp, decorate::Retry,
    handler_fn, testing::Bench,
};
use serde_json::{Value, json};
use std::{
    future::pending,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    time::Duration,
};
use tokio::{
    sync::Notify,
    time::{Instant, advance, sleep, timeout},
};

const THREE_HOURS: Duration = seconds(3 * 3600);

/// Waits by `wait`, then is done.
fn waiting<F>(wait: impl Fn(Context) -> F + Send + Sync + 'static) -> impl Handler<Input = Message>
where
    F: Future<Output = Result<(), Failure>> + Send,
{
    let wait = Arc::new(wait);
    handler_fn(move |_: Message, cx: Context| {
        let wait = wait.clone();
        async move {
            wait(cx).await?;
            Ok(Reply::text("done"))
        }
    })
}

fn three_hours() -> impl Handler<Input = Message> {
    waiting(|cx| async move { cx.wait("the job", THREE_HOURS).await })
}

/// What was noted last, as it would be found `later`.
fn found_later(bench: &Bench, later: Duration) -> String {
    let mut note: Value = serde_json::from_str(bench.notes().last().unwrap()).unwrap();
    let moments = ["waits", "limits"].map(|kind| note[kind].take());
    for (kind, mut moments) in ["waits", "limits"].into_iter().zip(moments) {
        for moment in moments.as_object_mut().into_iter().flat_map(|moments| moments.values_mut()) {
            *moment = (moment.as_u64().unwrap() - u64::try_from(later.as_millis()).unwrap()).into();
        }
        note[kind] = if moments.is_null() { json!({}) } else { moments };
    }
    note.to_string()
}

/// How long the component takes for a message, in whole seconds.
async fn takes(bench: &Bench, component: &Component) -> u64 {
    let began = Instant::now();
    bench.deliver(component, message(1, 0)).await.unwrap();
    // The wall clock has moved a little between the note and its reading.
    (began.elapsed() + Duration::from_millis(500)).as_secs()
}

#[tokio::test(start_paused = true)]
async fn a_handler_that_waits_leaves_the_only_worker_to_others() {
    let bench = bench().workers(1);
    let slow = send(&bench, &component(three_hours()), message(1, 0)).await;
    assert_eq!((bench.free_workers(), bench.waiting()), (1, 1));
    let diary = Diary::new();
    let quick = component(diary.handler(seconds(1)));
    for n in 1..=3 {
        bench.deliver(&quick, message(1, n)).await.unwrap();
    }
    assert_eq!(diary.entries(), [(1, 0), (2, 1), (3, 2)]);
    assert_eq!(text(slow).await, "done");
    assert_eq!((diary.now(), bench.free_workers(), bench.waiting()), (3 * 3600, 1, 0));
}

#[tokio::test(start_paused = true)]
async fn a_handler_that_goes_on_takes_a_worker_again_and_its_work_is_begun() {
    let bench = bench().workers(1);
    let waits = waiting(|cx| async move {
        cx.wait_for(sleep(seconds(10))).await?;
        sleep(seconds(60)).await;
        Ok(())
    });
    let long = send(&bench, &component(waits), message(1, 0)).await;
    let other = send(&bench, &component(Diary::new().handler(seconds(30))), message(1, 1)).await;
    advance(seconds(11)).await;
    settle().await;
    assert_eq!(bench.begun(), 2, "the other has the worker");
    advance(seconds(20)).await;
    settle().await;
    assert!(other.is_finished());
    assert_eq!((bench.begun(), bench.free_workers()), (3, 0));
    assert_eq!(text(long).await, "done");
}

#[tokio::test(start_paused = true)]
async fn a_wait_with_a_restart_in_its_midst_takes_as_long_as_without() {
    let before = bench();
    let task = send(&before, &component(three_hours()), message(1, 0)).await;
    advance(seconds(3600)).await;
    task.abort();
    let after = bench().resuming(found_later(&before, seconds(3600)));
    assert_eq!(takes(&after, &component(three_hours())).await, 2 * 3600);
    assert_eq!(
        takes(&bench().resuming(found_later(&before, seconds(86_400))), &component(three_hours())).await,
        0
    );
}

#[tokio::test(start_paused = true)]
async fn each_of_two_waits_goes_on_by_its_name() {
    let two = || {
        component(waiting(|cx| async move {
            cx.wait("first", seconds(100)).await?;
            cx.wait("second", seconds(200)).await
        }))
    };
    let before = bench();
    assert_eq!(takes(&before, &two()).await, 300);
    // It died fifty seconds into the second, when the first was long over.
    let after = bench().resuming(found_later(&before, seconds(150)));
    assert_eq!(takes(&after, &two()).await, 50);
}

#[tokio::test(start_paused = true)]
async fn in_a_loop_each_round_waits() {
    let rounds = component(waiting(|cx| async move {
        for _ in 0..5 {
            cx.wait("a round", seconds(10)).await?;
        }
        Ok(())
    }));
    assert_eq!(takes(&bench(), &rounds).await, 50);
}

#[tokio::test(start_paused = true)]
async fn a_wait_is_not_waited_again_when_the_handler_is_tried_again() {
    let attempts = Arc::new(AtomicUsize::new(0));
    let counted = attempts.clone();
    let fails_once = waiting(move |cx| {
        let attempts = counted.clone();
        async move {
            cx.wait("before", seconds(1)).await?;
            if attempts.fetch_add(1, SeqCst) == 0 { Err(Failure::new("not yet")) } else { Ok(()) }
        }
    });
    let before = bench();
    let task =
        send(&before, &component(fails_once.retry(Retry::after([seconds(3600)]))), message(1, 0)).await;
    advance(seconds(2)).await;
    settle().await;
    let noted: Value = serde_json::from_str(before.notes().last().unwrap()).unwrap();
    assert!(noted["waits"]["before"].is_u64() && noted["retries"].is_array(), "{noted}");
    assert_eq!(text(task).await, "done");
    assert_eq!(attempts.load(SeqCst), 2);
}

#[tokio::test(start_paused = true)]
async fn what_was_kept_is_still_kept_after_a_wait() {
    let handler = || {
        component(handler_fn(|_: Message, cx: Context| async move {
            let job: Option<u32> = cx.kept()?;
            cx.keep(&job.map_or(1, |job| job + 1)).await?;
            cx.wait("the job", THREE_HOURS).await?;
            Ok(Reply::text(format!("{:?}", cx.kept::<u32>()?)))
        }))
    };
    let before = bench();
    let task = send(&before, &handler(), message(1, 0)).await;
    let after = bench().resuming(found_later(&before, THREE_HOURS));
    assert_eq!(after.deliver(&handler(), message(1, 0)).await.unwrap().message(), "Some(2)");
    assert_eq!(text(task).await, "Some(1)");
}

#[tokio::test(start_paused = true)]
async fn a_message_that_waits_goes_back_to_the_broker_when_the_daemon_stops() {
    let bench = bench();
    let poll = || waiting(|cx| async move { cx.poll_every(seconds(60), || async { Ok(None) }).await });
    let now = Timestamp::now();
    let until = waiting(move |cx| async move { cx.wait_until(now + THREE_HOURS).await });
    let tasks = [
        send(&bench, &component(three_hours()), message(1, 0)).await,
        send(&bench, &component(poll()), message(1, 1)).await,
        send(&bench, &component(until), message(1, 2)).await,
    ];
    assert_eq!(bench.waiting(), 3);
    bench.stop();
    for task in tasks {
        assert!(is_returned(task).await);
    }
    assert_eq!((bench.waiting(), bench.free_workers()), (0, 25));
}

#[tokio::test(start_paused = true)]
async fn a_moment_that_has_passed_is_not_waited_for() {
    let until = waiting(|cx| async move { cx.wait_until(Timestamp::UNIX_EPOCH).await });
    assert_eq!(takes(&bench(), &component(until)).await, 0);
}

#[tokio::test(start_paused = true)]
async fn questions_are_asked_at_once_and_then_at_intervals_each_in_a_worker() {
    let asked = Arc::new(AtomicUsize::new(0));
    let counter = asked.clone();
    let polls = handler_fn(move |_: Message, cx: Context| {
        let asked = counter.clone();
        async move {
            let poll = async || {
                let asked = asked.fetch_add(1, SeqCst) + 1;
                cx.status(format!("asked {asked} times")).await;
                Ok((asked == 4).then_some("found"))
            };
            Ok(Reply::text(cx.poll_every(seconds(60), poll).await?))
        }
    });
    let bench = bench();
    let task = send(&bench, &component(polls), message(1, 0)).await;
    assert_eq!((asked.load(SeqCst), bench.free_workers()), (1, 25));
    let began = Instant::now();
    assert_eq!(text(task).await, "found");
    assert_eq!((began.elapsed(), bench.begun()), (seconds(180), 4));
    assert_eq!(bench.statuses().last().unwrap(), "asked 4 times");
}

#[tokio::test(start_paused = true)]
async fn a_question_that_fails_ends_the_polling() {
    let polls = waiting(|cx| async move {
        cx.poll_every(seconds(60), || async { Err::<Option<()>, _>(Failure::new("no such job")) }).await
    });
    let failure = bench().deliver(&component(polls), message(1, 0)).await.unwrap_err();
    assert_eq!(failure.to_string(), "no such job");
}

#[tokio::test(start_paused = true)]
async fn waits_do_not_count_towards_a_timeout_and_work_between_them_does() {
    let works = |work: u64| {
        waiting(move |cx| async move {
            for n in 0..3 {
                sleep(seconds(work)).await;
                cx.wait(&format!("round {n}"), seconds(60)).await?;
            }
            Ok(())
        })
    };
    assert_eq!(takes(&bench(), &component(works(3).timeout(seconds(10)))).await, 189);
    let began = Instant::now();
    let failure =
        bench().deliver(&component(works(4).timeout(seconds(10))), message(1, 0)).await.unwrap_err();
    assert_eq!(failure.kind(), FailureKind::TimedOut);
    // A wait is over at a time of the wall clock, which has gone on by a little.
    assert_eq!((began.elapsed() + Duration::from_millis(500)).as_secs(), 4 + 60 + 4 + 60 + 2);
}

#[tokio::test(start_paused = true)]
async fn the_time_that_is_left_counts_waits_and_restarts() {
    let left = || {
        component(handler_fn(|_: Message, cx: Context| async move {
            let left = cx.time_left("the scan", THREE_HOURS).await?;
            Ok(Reply::text((left + Duration::from_millis(500)).as_secs().to_string()))
        }))
    };
    let first = bench();
    assert_eq!(first.deliver(&left(), message(1, 0)).await.unwrap().message(), "10800");
    for (later, expected) in [(3600, "7200"), (86_400, "0")] {
        let after = bench().resuming(found_later(&first, seconds(later)));
        assert_eq!(after.deliver(&left(), message(1, 0)).await.unwrap().message(), expected);
        assert!(after.notes().is_empty(), "it began when it was asked for first");
    }
}

#[tokio::test(start_paused = true)]
async fn a_handler_that_turns_away_from_a_wait_works_in_a_worker_again() {
    let bench = bench().workers(1);
    let impatient = waiting(|cx| async move {
        assert!(timeout(seconds(10), cx.wait_for(pending::<()>())).await.is_err());
        sleep(seconds(60)).await;
        Ok(())
    });
    let task = send(&bench, &component(impatient), message(1, 0)).await;
    assert_eq!((bench.free_workers(), bench.begun()), (1, 1));
    advance(seconds(11)).await;
    settle().await;
    assert_eq!((bench.free_workers(), bench.begun(), bench.waiting()), (0, 2, 0));
    assert_eq!(text(task).await, "done");
    assert_eq!(bench.free_workers(), 1);
}

#[tokio::test(start_paused = true)]
async fn two_waits_at_a_time_come_back_to_one_worker() {
    let bench = bench().workers(1);
    let both = waiting(|cx| async move {
        let (one, other) = tokio::join!(cx.wait("one", seconds(10)), cx.wait_for(sleep(seconds(10))));
        one.and(other)
    });
    assert_eq!(takes(&bench, &component(both)).await, 10);
    assert_eq!((bench.begun(), bench.free_workers(), bench.waiting()), (2, 1, 0));
}

#[tokio::test(start_paused = true)]
async fn work_that_is_called_off_while_it_waits_ends_with_a_worker_to_tidy_up() {
    for keeps_trying in [false, true] {
        let bench = bench().workers(1);
        let cx = bench.context(message(1, 0));
        let tidy = Arc::new(Notify::new());
        let told = tidy.clone();
        let handler = waiting(move |cx| {
            let tidy = told.clone();
            async move {
                let outcome = cx.wait("the job", THREE_HOURS).await;
                sleep(seconds(1)).await;
                tidy.notify_one();
                outcome
            }
        });
        let retry = if keeps_trying { Retry::after([seconds(1)]) } else { Retry::after([]) };
        let component = component(handler.retry(retry));
        let token = cx.cancelled().clone();
        let task = tokio::spawn(async move { component.handlers().next().unwrap().1.run(cx).await });
        settle().await;
        token.cancel();
        settle().await;
        assert_eq!((bench.free_workers(), bench.begun()), (0, 2));
        tidy.notified().await;
        assert_eq!(task.await.unwrap().unwrap_err().kind(), FailureKind::Cancelled);
    }
}

#[tokio::test(start_paused = true)]
async fn work_that_is_called_off_before_it_begins_does_not_begin() {
    let bench = bench().workers(1);
    let diary = Diary::new();
    let busy = send(&bench, &component(diary.handler(THREE_HOURS)), message(1, 0)).await;
    let queued = component(diary.handler(seconds(1)));
    let deferred = component(diary.handler(seconds(1)).defer(THREE_HOURS));
    for component in [queued, deferred] {
        let cx = bench.context(message(1, 1));
        let token = cx.cancelled().clone();
        let task = tokio::spawn(async move { component.handlers().next().unwrap().1.run(cx).await });
        settle().await;
        token.cancel();
        assert_eq!(task.await.unwrap().unwrap_err().kind(), FailureKind::Cancelled);
    }
    assert_eq!((diary.entries(), diary.now()), (vec![(0, 0)], 0));
    busy.abort();
}

#[tokio::test(start_paused = true)]
async fn nobody_waits_for_a_message_that_has_been_answered() {
    let bench = bench();
    let strayed = Arc::new(std::sync::Mutex::new(None));
    let keeper = strayed.clone();
    let handler = waiting(move |cx| {
        *keeper.lock().unwrap() = Some(cx);
        async { Ok(()) }
    });
    bench.deliver(&component(handler), message(1, 0)).await.unwrap();
    let cx = strayed.lock().unwrap().take().unwrap();
    assert!(cx.wait("after all", seconds(1)).await.unwrap_err().to_string().contains("answered"));
    assert_eq!(bench.notes().len(), 0);
}

#[tokio::test]
async fn waits_whose_names_are_too_long_are_refused_and_leave_the_rest_as_it_was() {
    let bench = bench();
    let cx = bench.context(message(1, 0));
    let name = "x".repeat(70_000);
    assert!(cx.wait(&name, seconds(1)).await.is_err());
    assert!(cx.time_left(&name, seconds(1)).await.is_err());
    cx.keep(&1).await.unwrap();
    assert_eq!(bench.notes().len(), 1);
}
