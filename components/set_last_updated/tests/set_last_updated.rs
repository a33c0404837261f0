//! What is written to the incident, and when.

// clippy.toml allows this in tests, but does not see that their helpers belong to them.
#![allow(clippy::unwrap_used)]

use action_component::{
    Failure, Reply,
    testing::{self, Bench, Call, Platform},
};
use serde_json::{Value, json};
use std::sync::atomic::{AtomicUsize, Ordering};

/// When the test's message was sent.
const SENT: i64 = 1_488_917_234_000;

fn incident(last_updated: &Value) -> Value {
    json!({ "id": 7, "vers": 3, "huge": u64::MAX, "properties": { "last_updated": last_updated, "other": 1.5 } })
}

/// Delivers a message on `incident`, whose PUT meets somebody else's so many times.
async fn deliver(incident: Value, conflicts: usize) -> (Result<Reply, Failure>, Vec<Call>) {
    let left = AtomicUsize::new(conflicts);
    let platform = Platform::answering(move |call| match call.method.as_str() {
        "GET" => (200, incident.clone()),
        _ if left.load(Ordering::Relaxed) > 0 => {
            left.fetch_sub(1, Ordering::Relaxed);
            (409, json!({ "message": "Changed meanwhile" }))
        }
        _ => (200, call.body.clone()),
    });
    let message = testing::message("Incident Updated", json!({ "incident": { "id": 7 } }));
    let outcome = Bench::new(platform.clone()).deliver(&set_last_updated::component(), message).await;
    (outcome, platform.calls())
}

fn methods(calls: &[Call]) -> Vec<&str> {
    calls.iter().map(|call| call.method.as_str()).collect()
}

#[tokio::test]
async fn the_time_of_the_message_is_noted_and_all_else_left_as_it_was() {
    let (outcome, calls) = deliver(incident(&Value::Null), 0).await;
    assert_eq!(outcome.unwrap().message(), "last_updated set");
    assert_eq!(methods(&calls), ["GET", "PUT"]);
    assert!(calls.iter().all(|call| call.path == "/incidents/7" && call.token.as_deref() == Some("token")));
    assert_eq!(calls[1].body, incident(&json!(SENT)));
}

#[tokio::test(start_paused = true)]
async fn an_incident_that_changes_meanwhile_is_read_and_written_again() {
    let (outcome, calls) = deliver(incident(&json!(1)), 1).await;
    assert_eq!(outcome.unwrap().message(), "last_updated set");
    assert_eq!(methods(&calls), ["GET", "PUT", "GET", "PUT"]);
}

#[tokio::test(start_paused = true)]
async fn an_incident_that_keeps_changing_is_a_failure_that_says_so() {
    let (outcome, _) = deliver(incident(&json!(1)), usize::MAX).await;
    assert!(outcome.unwrap_err().to_string().contains("409"));
}

#[tokio::test]
async fn a_later_time_stays() {
    let (outcome, calls) = deliver(incident(&json!(SENT + 1)), 0).await;
    outcome.unwrap();
    assert_eq!(methods(&calls), ["GET"]);
}

#[tokio::test]
async fn without_the_custom_field_it_says_what_to_create() {
    for incident in
        [json!({ "properties": {} }), json!({ "properties": null }), json!({ "properties": "x" }), json!(1)]
    {
        let (outcome, calls) = deliver(incident, 0).await;
        assert!(outcome.unwrap_err().to_string().contains("`last_updated`"));
        assert_eq!(methods(&calls), ["GET"]);
    }
}
