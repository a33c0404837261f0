//! What is written to the incident, and when.

// clippy.toml allows this in tests, but does not see that their helpers belong to them.
#![allow(clippy::unwrap_used)]

use action_component::{
    Failure, Reply,
    testing::{self, Answer, Bench, Outcome, Platform},
};
use serde_json::{Value, json};
use std::sync::Arc;

/// When the test's message was sent.
const SENT: i64 = 1_488_917_234_000;

fn incident(last_updated: &Value) -> Value {
    let mut incident = testing::incident(7);
    incident["huge"] = u64::MAX.into();
    incident["properties"] = json!({ "last_updated": last_updated, "other": 1.5 });
    incident
}

async fn deliver(platform: &Arc<Platform>) -> Result<Reply, Failure> {
    let message = testing::message("Incident Updated", json!({ "incident": { "id": 7 } }));
    Bench::new(platform.clone()).deliver(&set_last_updated::component(), message).await
}

#[tokio::test]
async fn the_time_of_the_message_is_noted_and_all_else_left_as_it_was() {
    let platform = Platform::new();
    let _incident = platform.object("/incidents/7", incident(&Value::Null));
    deliver(&platform).await.assert_says("last_updated set");
    platform.assert_calls(["GET /incidents/7", "PUT /incidents/7"]);
    let put = platform.asked_once("PUT /incidents/7");
    assert_eq!((put.body, put.token.as_deref()), (incident(&json!(SENT)), Some("token")));
}

#[tokio::test(start_paused = true)]
async fn an_incident_that_changes_meanwhile_is_read_and_written_again() {
    let platform = Platform::new();
    let object = platform.object("/incidents/7", incident(&json!(1)));
    object.meanwhile(|incident| incident["name"] = "new".into());
    deliver(&platform).await.assert_says("last_updated set");
    let now = object.now();
    assert_eq!((&now["name"], &now["properties"]["last_updated"]), (&json!("new"), &json!(SENT)));
}

#[tokio::test(start_paused = true)]
async fn an_incident_that_keeps_changing_is_a_failure_that_says_so() {
    let platform = Platform::new();
    platform
        .on("GET /incidents/7", incident(&json!(1)))
        .on("PUT /incidents/7", Answer::error(409, "Changed meanwhile"));
    deliver(&platform).await.assert_fails("409");
}

#[tokio::test]
async fn a_later_time_stays() {
    let platform = Platform::new();
    let _incident = platform.object("/incidents/7", incident(&json!(SENT + 1)));
    deliver(&platform).await.unwrap();
    platform.assert_nothing_changed();
}

#[tokio::test]
async fn without_the_custom_field_it_says_what_to_create() {
    for incident in
        [json!({ "properties": {} }), json!({ "properties": null }), json!({ "properties": "x" }), json!(1)]
    {
        let platform = Platform::new();
        platform.on("GET /incidents/7", incident);
        deliver(&platform).await.assert_fails("`last_updated`");
        platform.assert_nothing_changed();
    }
}
