//! Replays the recording, and what may go otherwise.

// clippy.toml allows this in tests, but does not see that their helpers belong to them.
#![allow(clippy::unwrap_used)]

use action_component::{
    Failure, Message, Reply,
    recording::Recordings,
    testing::{self, Bench, Outcome, Platform},
};
use serde_json::{Value, json};
use std::sync::Arc;

const RECORDED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/recorded");

/// The recorded message's body.
fn body() -> Value {
    Recordings::open(RECORDED).unwrap().messages()[0].body.clone()
}

fn message(body: Value) -> Message {
    testing::message("Add Task", body)
}

/// A platform whose incident has these members.
fn platform(members: &Value) -> Arc<Platform> {
    let platform = Platform::new();
    platform
        .on("GET /users/115", json!({ "id": 115, "enabled": true }))
        .on("POST /incidents/4573/tasks", json!({ "id": 1 }));
    let _members = platform.object("/incidents/4573/members", json!({ "members": members, "vers": 17 }));
    platform
}

async fn deliver(platform: &Arc<Platform>, body: Value) -> Result<Reply, Failure> {
    Bench::new(platform.clone()).deliver(&add_task::component(), message(body)).await
}

#[tokio::test]
async fn the_recorded_message_is_carried_out_as_it_was_recorded() {
    let platform = Platform::recorded(RECORDED);
    deliver(&platform, body()).await.assert_says("action complete. task posted. ID 2272955");
    platform.assert_calls([
        "GET /users/115",
        "GET /incidents/4573/members",
        "PUT /incidents/4573/members",
        "POST /incidents/4573/tasks",
    ]);
    let members = platform.asked_once("PUT /incidents/{id}/members").body;
    assert_eq!(members, json!({ "members": [115], "vers": 17 }));
    let task = json!({
        "name": "A test task",
        "instr_text": "Make it happen",
        "inc_id": 4573,
        "phase_id": "Engage",
        "owner_id": 115,
    });
    assert_eq!(platform.asked_once("POST /incidents/{id}/tasks").body, task);
    assert!(platform.calls().iter().all(|call| call.token.as_deref() == Some("token")));
}

#[tokio::test]
async fn a_member_is_not_added_again() {
    let platform = platform(&json!([3, 115]));
    deliver(&platform, body()).await.unwrap();
    assert!(platform.asked("PUT /{*any}").is_empty());
}

#[tokio::test(start_paused = true)]
async fn members_that_change_meanwhile_are_read_again() {
    let platform = platform(&json!([]));
    let members = platform.object("/incidents/4573/members", json!({ "members": [], "vers": 17 }));
    members.meanwhile(|object| object["members"] = json!([3]));
    deliver(&platform, body()).await.unwrap();
    assert_eq!(members.now()["members"], json!([3, 115]));
}

#[tokio::test]
async fn a_disabled_user_gets_no_task() {
    let platform = platform(&json!([]));
    platform.on("GET /users/115", json!({ "id": 115, "enabled": false }));
    deliver(&platform, body()).await.assert_fails("disabled");
    platform.assert_nothing_changed();
}

#[tokio::test]
async fn a_task_without_a_name_changes_nothing() {
    for name in [Value::Null, json!("  ")] {
        let (platform, mut body) = (platform(&json!([])), body());
        body["properties"]["task_name"] = name;
        deliver(&platform, body).await.assert_fails("task_name");
        platform.assert_nothing_changed();
    }
}

#[tokio::test]
async fn an_incident_without_a_list_of_members_is_a_failure_and_no_task() {
    let platform = platform(&json!("none"));
    deliver(&platform, body()).await.assert_fails("members");
    platform.assert_nothing_changed();
}
