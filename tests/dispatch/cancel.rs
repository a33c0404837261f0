//! When the platform is asked what has become of a workflow, and what follows, on a paused clock.

use crate::support::log::Log;
use action_processor::{
    component::{
        CancellationToken, Failure, FailureKind, Reply, Rest,
        testing::{Answer, Call, Platform},
    },
    dispatch::cancel::{Cancel, Instance, Terminated},
};
use serde_json::{Value, json};
use std::{collections::BTreeSet, future::pending, sync::Arc, time::Duration};
use tokio::{
    task::JoinHandle,
    time::{Instant, sleep},
};

const EVERY: Duration = Duration::from_secs(10);

type Outcome = Result<Reply, Failure>;

fn cancel(platform: &Arc<Platform>) -> Arc<Cancel> {
    Cancel::new(Rest::new(platform.clone(), None), EVERY)
}

/// Workflows are terminated once the clock has moved so far.
fn terminated_after(time: Duration) -> Arc<Platform> {
    let began = Instant::now();
    Platform::answering(move |_| match began.elapsed() {
        elapsed if elapsed < time => (200, json!({ "status": "running" })),
        _ => (200, json!({ "status": "terminated", "terminated_by": { "display_name": "Ada" } })),
    })
}

fn done() -> Outcome {
    Ok(Reply::text("done"))
}

/// Work for workflow `id` that takes so long, and is deaf.
fn work(cancel: &Arc<Cancel>, id: i64, time: Duration) -> JoinHandle<Outcome> {
    let cancel = cancel.clone();
    tokio::spawn(async move {
        let work = async {
            sleep(time).await;
            done()
        };
        cancel.unless_terminated(Instance::Workflow(id), &CancellationToken::new(), work).await
    })
}

#[tokio::test(start_paused = true)]
async fn short_work_is_not_asked_about_and_nothing_is_once_all_is_done() {
    let platform = terminated_after(Duration::ZERO);
    let cancel = cancel(&platform);
    assert!(work(&cancel, 1, EVERY / 2).await.unwrap().is_ok());
    sleep(10 * EVERY).await;
    assert_eq!(platform.calls().len(), 0);
}

#[tokio::test(start_paused = true)]
async fn another_interval_counts_at_once_for_what_is_at_work_too() {
    let platform = terminated_after(Duration::ZERO);
    let (began, cancel) = (Instant::now(), cancel(&platform));
    cancel.ask_every(Duration::ZERO);
    let work = work(&cancel, 1, EVERY * 1000);
    sleep(EVERY * 100).await;
    assert_eq!(platform.calls().len(), 0, "zero is never");
    cancel.ask_every(EVERY * 2);
    sleep(EVERY).await;
    cancel.ask_every(EVERY / 2);
    assert_eq!(work.await.unwrap().unwrap_err().kind(), FailureKind::Cancelled);
    let (asked, grace) = (EVERY * 101 + EVERY / 2, Duration::from_secs(5));
    assert_eq!(began.elapsed(), asked + grace);
}

#[tokio::test(start_paused = true)]
async fn one_question_serves_all_functions_of_an_instance() {
    let platform = terminated_after(EVERY * 3);
    let cancel = cancel(&platform);
    let all: Vec<_> = (0..20).map(|_| work(&cancel, 1, EVERY * 100)).collect();
    for one in all {
        assert_eq!(one.await.unwrap().unwrap_err().kind(), FailureKind::Cancelled);
    }
    assert!(platform.calls().iter().all(|call| call.path == "/workflow_instances/1"));
    assert_eq!(platform.calls().len(), 3);
}

#[tokio::test(start_paused = true)]
async fn the_platform_is_asked_four_times_a_second_at_most() {
    let platform = terminated_after(EVERY * 1000);
    let cancel = cancel(&platform);
    let all: Vec<_> = (0..100).map(|id| work(&cancel, id, EVERY * 2)).collect();
    for one in all {
        assert!(one.await.unwrap().is_ok());
    }
    assert!((38..=42).contains(&platform.calls().len()), "{} in ten seconds", platform.calls().len());
}

#[tokio::test(start_paused = true)]
async fn all_that_fall_due_are_asked_before_any_is_again() {
    let platform = terminated_after(EVERY * 1000);
    let cancel = cancel(&platform);
    let all: Vec<_> = (0..100).map(|id| work(&cancel, id, EVERY * 100)).collect();
    sleep(EVERY + Duration::from_secs(25)).await;
    let paths = |calls: &[Call]| calls.iter().map(|call| call.path.clone()).collect::<BTreeSet<_>>();
    let calls = platform.calls();
    assert_eq!((calls.len(), paths(&calls).len()), (100, 100));
    sleep(Duration::from_secs(25)).await;
    assert_eq!(paths(&platform.calls()[100..]).len(), 100, "and so in the next round");
    all.iter().for_each(JoinHandle::abort);
}

#[tokio::test(start_paused = true)]
async fn a_platform_that_does_not_answer_is_told_of_and_asked_on() {
    let log = Log::begin();
    let platform = Platform::new();
    platform.otherwise(Answer::from(json!({})).after(EVERY * 1000));
    let cancel = cancel(&platform);
    let all: Vec<_> = (0..3).map(|id| work(&cancel, id, EVERY * 100)).collect();
    sleep(EVERY * 5).await;
    assert_eq!(log.lines(&["WARN", "did not answer in time", "limit=10s"]).len(), 1, "once a minute");
    let asked: BTreeSet<String> = platform.calls().iter().map(|call| call.path.clone()).collect();
    assert_eq!(asked.len(), 3, "each has its own ten seconds");
    sleep(EVERY * 8).await;
    assert_eq!(log.lines(&["WARN", "did not answer in time"]).len(), 2);
    all.iter().for_each(JoinHandle::abort);
}

#[tokio::test(start_paused = true)]
async fn work_that_does_not_listen_is_dropped_after_a_grace() {
    let platform = terminated_after(Duration::ZERO);
    let (began, called_off) = (Instant::now(), CancellationToken::new());
    let cancel = cancel(&platform);
    let deaf = cancel.unless_terminated(Instance::Workflow(54), &called_off, pending());
    let failure = deaf.await.unwrap_err();
    assert_eq!((failure.kind(), began.elapsed()), (FailureKind::Cancelled, EVERY + Duration::from_secs(5)));
    assert!(called_off.is_cancelled());
    let text = failure.to_string();
    assert!(text.contains("terminated on the platform by Ada") && text.contains("done in part"), "{text}");
}

#[tokio::test(start_paused = true)]
async fn whatever_the_handler_comes_to_it_was_no_success() {
    type End = fn() -> Outcome;
    let ends: [(End, FailureKind, &str); 3] = [
        (done, FailureKind::Cancelled, "come to its end nevertheless"),
        (|| Err(Failure::new("disk full")), FailureKind::Cancelled, "ended with: disk full"),
        // Another processor has the message by now.
        (|| Err(Failure::returned()), FailureKind::Returned, "goes back"),
    ];
    for (end, kind, words) in ends {
        let platform = terminated_after(Duration::ZERO);
        let called_off = CancellationToken::new();
        let work = async {
            called_off.cancelled().await;
            end()
        };
        let failure =
            cancel(&platform).unless_terminated(Instance::Workflow(1), &called_off, work).await.unwrap_err();
        assert_eq!(failure.kind(), kind);
        assert!(failure.to_string().contains(words), "{failure}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_platform_that_does_not_say_calls_nothing_off() {
    for status in [403, 404, 500, 503] {
        let platform = Platform::answering(move |_| (status, json!({ "message": "terminated" })));
        assert!(work(&cancel(&platform), 1, EVERY * 5).await.unwrap().is_ok());
        assert!(platform.calls().len() >= 4, "it is asked again");
    }
}

#[tokio::test(start_paused = true)]
async fn a_playbook_is_asked_for_by_its_id_and_another_ones_fate_is_not_its_own() {
    let rows = |id: i64, status: &str| json!({ "data": [{ "id": id, "status": status }] });
    for (answer, expected) in [
        (rows(7, "canceled"), Some(Terminated::default())),
        (rows(7, "running"), None),
        (rows(7, "completed"), None),
        (rows(8, "canceled"), None),
        (json!({ "data": [] }), None),
        (Value::Null, None),
    ] {
        let platform = Platform::answering(move |_: &Call| (200, answer.clone()));
        let rest = Rest::new(platform.clone(), None);
        assert_eq!(Instance::Playbook(7).ask(&rest).await.unwrap(), expected);
        let call = &platform.calls()[0];
        assert_eq!(call.path, "/playbooks/execution/query_paged");
        assert_eq!(call.body["filters"][0]["conditions"][0]["value"], 7);
    }
}

#[test]
fn what_called_a_function_is_read_from_its_message() {
    let function = |caller: Value| {
        let mut body = caller;
        body["function"] = json!({ "name": "scan" });
        Instance::of(&body)
    };
    let workflow = json!({ "workflow_instance": { "workflow_instance_id": 54 }, "playbook_instance": null });
    assert_eq!(function(workflow.clone()), Some(Instance::Workflow(54)));
    assert_eq!(
        function(json!({ "playbook_instance": { "playbook_instance_id": 7 } })),
        Some(Instance::Playbook(7))
    );
    assert_eq!(function(json!({ "playbook_instance": { "id": 7 } })), Some(Instance::Playbook(7)));
    assert_eq!(function(json!({})), None);
    assert_eq!(
        Instance::of(&json!({ "request_originator": { "playbook_instance_id": 100 } })),
        Some(Instance::Playbook(100))
    );
    assert_eq!(Instance::of(&workflow), None, "news from outside may hold any word");
}
