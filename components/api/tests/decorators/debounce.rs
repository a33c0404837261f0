use super::{Diary, bench, component, is_returned, message, seconds, send, settle, text};
use action_component::{Component, Failure, Handler, Message, Reply, testing::Bench};
use proptest::prelude::*;
use std::{collections::BTreeSet, sync::Arc, time::Duration};
use tokio::{
    task::JoinHandle,
    time::{advance, sleep},
};

/// Sends each message that many seconds after the one before it.
async fn burst(
    bench: &Bench,
    component: &Component,
    gaps: &[u64],
) -> Vec<JoinHandle<Result<Reply, Failure>>> {
    let mut tasks = Vec::new();
    for (n, gap) in (0..).zip(gaps) {
        sleep(seconds(*gap)).await;
        tasks.push(send(bench, component, message(1, n)).await);
    }
    tasks
}

async fn texts(tasks: Vec<JoinHandle<Result<Reply, Failure>>>) -> Vec<String> {
    let mut texts = Vec::new();
    for task in tasks {
        texts.push(text(task).await);
    }
    texts
}

#[tokio::test(start_paused = true)]
async fn a_burst_is_handled_in_order_once_it_has_been_quiet() {
    let diary = Diary::new();
    let component = component(diary.handler(Duration::ZERO).debounce(seconds(10)));
    let tasks = burst(&bench(), &component, &[0, 9, 9]).await;
    assert_eq!(texts(tasks).await, ["0 done", "1 done", "2 done"]);
    assert_eq!(diary.entries(), [(0, 28), (1, 28), (2, 28)]);
}

#[tokio::test(start_paused = true)]
async fn a_burst_is_handled_one_by_one() {
    let diary = Diary::new();
    let component = component(diary.handler(seconds(5)).debounce(seconds(10)));
    texts(burst(&bench(), &component, &[0, 0, 0]).await).await;
    assert_eq!(diary.entries(), [(0, 10), (1, 15), (2, 20)]);
}

#[tokio::test(start_paused = true)]
async fn discarding_handles_only_the_last_of_a_burst() {
    let diary = Diary::new();
    let component = component(diary.handler(Duration::ZERO).debounce(seconds(10)).discard());
    let mut tasks = burst(&bench(), &component, &[0, 9, 9]).await;
    let last = tasks.pop().unwrap();
    for task in tasks {
        assert_eq!(task.await.unwrap().unwrap(), Reply::Superseded);
    }
    assert_eq!(diary.now(), 18, "the earlier ones are answered at once");
    assert_eq!(text(last).await, "2 done");
    assert_eq!(diary.entries(), [(2, 28)]);
}

#[tokio::test(start_paused = true)]
async fn the_order_is_that_of_arrival_even_when_tasks_run_in_another() {
    for discard in [false, true] {
        let diary = Diary::new();
        let debounce = diary.handler(Duration::ZERO).debounce(seconds(10));
        let component = component(if discard { debounce.discard() } else { debounce });
        let (earlier, later) = (message(1, 0), message(1, 1));
        let bench = bench();
        let later = send(&bench, &component, later).await;
        let earlier = send(&bench, &component, earlier).await;
        let superseded = "Superseded by a later message.";
        let expected = if discard { superseded } else { "0 done" };
        assert_eq!((text(earlier).await.as_str(), text(later).await.as_str()), (expected, "1 done"));
        let expected: &[_] = if discard { &[(1, 10)] } else { &[(0, 10), (1, 10)] };
        assert_eq!(diary.entries(), expected);
    }
}

#[tokio::test(start_paused = true)]
async fn other_incidents_have_bursts_of_their_own() {
    let diary = Diary::new();
    let component = component(diary.handler(Duration::ZERO).debounce(seconds(10)).discard());
    let bench = bench();
    let one = send(&bench, &component, message(1, 0)).await;
    let two = send(&bench, &component, message(2, 1)).await;
    assert_eq!((text(one).await, text(two).await), ("0 done".into(), "1 done".into()));
}

#[tokio::test(start_paused = true)]
async fn a_key_function_decides_what_belongs_together() {
    let diary = Diary::new();
    let debounce = diary.handler(Duration::ZERO).debounce(seconds(10));
    let component = component(debounce.discard().key(|message: &Message| message.destination().to_owned()));
    let bench = bench();
    let one = send(&bench, &component, message(1, 0)).await;
    let two = send(&bench, &component, message(2, 1)).await;
    assert_eq!(one.await.unwrap().unwrap(), Reply::Superseded);
    assert_eq!(text(two).await, "1 done");
}

#[tokio::test(start_paused = true)]
async fn a_message_that_comes_while_a_burst_is_handled_begins_another() {
    let diary = Diary::new();
    let component = component(diary.handler(seconds(60)).debounce(seconds(10)).discard());
    let tasks = burst(&bench(), &component, &[0, 15]).await;
    assert_eq!(texts(tasks).await, ["0 done", "1 done"]);
    assert_eq!(diary.entries(), [(0, 10), (1, 25)]);
}

#[tokio::test(start_paused = true)]
async fn a_gathering_burst_holds_no_worker() {
    let diary = Diary::new();
    let component = component(diary.handler(Duration::ZERO).debounce(seconds(10)));
    let bench = bench().workers(1);
    let tasks = burst(&bench, &component, &[0; 100]).await;
    assert_eq!(bench.free_workers(), 1);
    assert_eq!(texts(tasks).await.len(), 100);
}

#[tokio::test(start_paused = true)]
async fn on_stopping_a_gathering_burst_goes_back_to_the_broker() {
    let diary = Diary::new();
    let component = component(diary.handler(Duration::ZERO).debounce(seconds(10)));
    let bench = bench();
    let tasks = burst(&bench, &component, &[0, 0]).await;
    bench.stop();
    for task in tasks {
        assert!(is_returned(task).await);
    }
    assert_eq!((diary.now(), diary.entries()), (0, vec![]));
}

#[tokio::test(start_paused = true)]
async fn on_stopping_the_one_at_work_finishes_and_those_in_line_go_back() {
    let diary = Diary::new();
    let component = component(diary.handler(seconds(60)).debounce(seconds(10)));
    let bench = bench();
    let mut tasks = burst(&bench, &component, &[0, 0, 0]).await;
    advance(seconds(11)).await;
    settle().await;
    bench.stop();
    assert_eq!(text(tasks.remove(0)).await, "0 done");
    for task in tasks {
        assert!(is_returned(task).await);
    }
    assert_eq!(diary.entries().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_cancelled_message_holds_up_nobody() {
    let diary = Diary::new();
    let component = component(diary.handler(seconds(5)).debounce(seconds(10)));
    let tasks = burst(&bench(), &component, &[0, 0, 0, 0]).await;
    tasks[1].abort();
    advance(seconds(11)).await;
    settle().await;
    tasks[0].abort();
    tasks[2].abort();
    let last = tasks.into_iter().next_back().unwrap();
    assert_eq!(text(last).await, "3 done");
    assert_eq!(diary.entries().last(), Some(&(3, 11)));
}

#[tokio::test(start_paused = true)]
async fn a_failure_and_a_panic_hold_up_nobody() {
    let handler = action_component::handler_fn(|message: Message, _cx| async move {
        match message.properties().get("n").as_u64() {
            Some(0) => panic!("the first"),
            Some(1) => Err(Failure::new("the second")),
            _ => Ok(Reply::text("the third")),
        }
    });
    let mut tasks = burst(&bench(), &component(handler.debounce(seconds(10))), &[0, 0, 0]).await.into_iter();
    assert!(tasks.next().unwrap().await.unwrap_err().is_panic());
    assert_eq!(tasks.next().unwrap().await.unwrap().unwrap_err().to_string(), "the second");
    assert_eq!(text(tasks.next().unwrap()).await, "the third");
}

#[tokio::test(start_paused = true)]
async fn nothing_is_left_of_a_burst_whether_handled_cancelled_or_returned() {
    let diary = Diary::new();
    let debounce = Arc::new(diary.handler(Duration::ZERO).debounce(seconds(10)));
    let bench = bench();
    let serve = |n| {
        let (debounce, message) = (debounce.clone(), message(1, n));
        let cx = bench.context(message.clone());
        tokio::spawn(async move { debounce.serve(message, cx).await })
    };
    let handled = [serve(0), serve(1)];
    settle().await;
    assert_eq!(debounce.gathering(), 1);
    for task in handled {
        task.await.unwrap().unwrap();
    }
    assert_eq!(debounce.gathering(), 0);

    let cancelled = serve(2);
    settle().await;
    assert_eq!(debounce.gathering(), 1);
    cancelled.abort();
    settle().await;
    assert_eq!(debounce.gathering(), 0);

    let returned = serve(3);
    settle().await;
    bench.stop();
    assert!(is_returned(returned).await);
    assert_eq!(debounce.gathering(), 0);
}

#[tokio::test(start_paused = true)]
async fn an_endless_quiet_is_merely_long() {
    let component = component(Diary::new().handler(Duration::ZERO).debounce(Duration::MAX));
    let bench = bench();
    let task = send(&bench, &component, message(1, 0)).await;
    bench.stop();
    assert!(is_returned(task).await);
}

const QUIET: u64 = 10;

/// When each message is handled, given when it arrives: at the end of its burst's quiet.
fn model(gaps: &[u64], discard: bool) -> Vec<(u64, u64)> {
    let arrivals: Vec<u64> = gaps
        .iter()
        .scan(0, |now, gap| {
            *now += gap;
            Some(*now)
        })
        .collect();
    let ends = |n: usize| {
        let mut last = n;
        while arrivals.get(last + 1).is_some_and(|next| next - arrivals[last] < QUIET) {
            last += 1;
        }
        (last, arrivals[last] + QUIET)
    };
    let handled = (0..arrivals.len()).map(|n| (n, ends(n)));
    handled.filter(|(n, (last, _))| !discard || n == last).map(|(n, (_, end))| (n as u64, end)).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Whatever the gaps between messages, each burst is handled as the model says, and every message is answered.
    #[test]
    fn bursts_are_handled_as_the_model_says(
        // A message that comes in the very instant in which the quiet ends may fall on either side.
        gaps in prop::collection::vec((0..25_u64).prop_filter("the edge", |gap| *gap != QUIET), 1..20),
        discard: bool,
        cancelled in prop::collection::btree_set(0..20_usize, 0..3),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        let (entries, superseded) = runtime.block_on(play(&gaps, discard, &cancelled));
        let expected = model(&gaps, discard);
        let alive = |n: u64| !cancelled.contains(&usize::try_from(n).unwrap());
        let expected: Vec<_> = expected.into_iter().filter(|(n, _)| alive(*n)).collect();
        let entries: Vec<_> = entries.into_iter().filter(|(n, _)| alive(*n)).collect();
        let living = (0..gaps.len() as u64).filter(|n| alive(*n)).count();
        prop_assert_eq!(entries.len() + superseded, living);
        prop_assert_eq!(entries, expected);
    }
}

/// Sends the messages, cancelling some just as they have arrived; gives what was handled and how many of the others
/// were superseded.
async fn play(gaps: &[u64], discard: bool, cancelled: &BTreeSet<usize>) -> (Vec<(u64, u64)>, usize) {
    let diary = Diary::new();
    let debounce = diary.handler(Duration::ZERO).debounce(seconds(QUIET));
    let component = component(if discard { debounce.discard() } else { debounce });
    let bench = bench();
    let mut tasks = Vec::new();
    for (n, gap) in gaps.iter().enumerate() {
        sleep(seconds(*gap)).await;
        let task = send(&bench, &component, message(1, n as u64)).await;
        if cancelled.contains(&n) {
            task.abort();
        } else {
            tasks.push(task);
        }
    }
    let mut superseded = 0;
    for task in tasks {
        superseded += usize::from(task.await.unwrap().unwrap() == Reply::Superseded);
    }
    (diary.entries(), superseded)
}
