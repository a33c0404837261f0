//! Replays the recording, and what may go otherwise.

// clippy.toml allows this in tests, but does not see that their helpers belong to them.
#![allow(clippy::unwrap_used)]

use action_component::{
    Failure, Message, Reply,
    recording::Recordings,
    testing::{self, Bench, Call, Platform},
};
use serde_json::{Value, json};

fn recordings() -> Recordings {
    Recordings::open(concat!(env!("CARGO_MANIFEST_DIR"), "/recorded")).unwrap()
}

fn recorded() -> (Message, Value) {
    let recordings = recordings();
    let message = &recordings.messages()[0];
    (testing::message(&message.display_name, message.body.clone()), message.body.clone())
}

fn call(method: &str, path: &str, body: Value) -> Call {
    Call { method: method.parse().unwrap(), path: path.into(), body, token: Some("token".into()) }
}

/// A platform whose incident has these members and, the first time, changes under the caller's hands.
async fn deliver(members: Value, user: Value, body: Value) -> (Result<Reply, Failure>, Vec<Call>) {
    let tried = std::sync::atomic::AtomicBool::new(false);
    let platform = Platform::answering(move |call| match (call.method.as_str(), call.path.as_str()) {
        ("GET", "/users/115") => (200, user.clone()),
        ("GET", "/incidents/4573/members") => (200, json!({ "members": members, "vers": 17 })),
        ("PUT", "/incidents/4573/members") if !tried.swap(true, std::sync::atomic::Ordering::Relaxed) => {
            (409, json!({ "message": "Changed meanwhile" }))
        }
        ("PUT", "/incidents/4573/members") => (200, call.body.clone()),
        ("POST", "/incidents/4573/tasks") => (200, json!({ "id": 1 })),
        _ => (404, json!({ "message": "no such thing" })),
    });
    let outcome = Bench::new(platform.clone())
        .deliver(&add_task::component(), testing::message("Add Task", body))
        .await;
    (outcome, platform.calls())
}

fn methods(calls: &[Call]) -> Vec<&str> {
    calls.iter().map(|call| call.method.as_str()).collect()
}

#[tokio::test]
async fn the_recorded_message_is_carried_out_as_it_was_recorded() {
    let platform = Platform::watching(std::sync::Arc::new(recordings().backend()));
    let (message, _) = recorded();
    let reply = Bench::new(platform.clone()).deliver(&add_task::component(), message).await.unwrap();
    assert_eq!(reply.message(), "action complete. task posted. ID 2272955");
    let task = json!({
        "name": "A test task",
        "instr_text": "Make it happen",
        "inc_id": 4573,
        "phase_id": "Engage",
        "owner_id": 115,
    });
    let expected = [
        call("GET", "/users/115", Value::Null),
        call("GET", "/incidents/4573/members", Value::Null),
        call("PUT", "/incidents/4573/members", json!({ "members": [115], "vers": 17 })),
        call("POST", "/incidents/4573/tasks", task),
    ];
    assert_eq!(platform.calls(), expected);
}

#[tokio::test]
async fn a_member_is_not_added_again() {
    let (outcome, calls) =
        deliver(json!([3, 115]), json!({ "id": 115, "enabled": true }), recorded().1).await;
    outcome.unwrap();
    assert_eq!(methods(&calls), ["GET", "GET", "POST"]);
}

#[tokio::test(start_paused = true)]
async fn members_that_change_meanwhile_are_read_again() {
    let (outcome, calls) = deliver(json!([3]), json!({ "id": 115, "enabled": true }), recorded().1).await;
    outcome.unwrap();
    assert_eq!(methods(&calls), ["GET", "GET", "PUT", "GET", "PUT", "POST"]);
    assert_eq!(calls[4].body, json!({ "members": [3, 115], "vers": 17 }));
}

#[tokio::test]
async fn a_disabled_user_gets_no_task() {
    let (outcome, calls) = deliver(json!([]), json!({ "id": 115, "enabled": false }), recorded().1).await;
    assert!(outcome.unwrap_err().to_string().contains("disabled"));
    assert_eq!(methods(&calls), ["GET"]);
}

#[tokio::test]
async fn a_task_without_a_name_changes_nothing() {
    for name in [Value::Null, json!("  ")] {
        let mut body = recorded().1;
        body["properties"]["task_name"] = name;
        let (outcome, calls) = deliver(json!([]), json!({ "id": 115, "enabled": true }), body).await;
        assert!(outcome.unwrap_err().to_string().contains("task_name"));
        assert_eq!(methods(&calls), ["GET"]);
    }
}

#[tokio::test]
async fn an_incident_without_a_list_of_members_is_a_failure_and_no_task() {
    let (outcome, calls) = deliver(json!("none"), json!({ "id": 115, "enabled": true }), recorded().1).await;
    assert!(outcome.unwrap_err().to_string().contains("members"));
    assert_eq!(methods(&calls), ["GET", "GET"]);
}
