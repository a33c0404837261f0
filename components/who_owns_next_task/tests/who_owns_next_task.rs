//! Whose name is written, and how often.

use action_component::{
    Message, Reply,
    testing::{self, Bench, Outcome, Platform, PlatformObject, advance},
};
use serde_json::{Value, json};
use std::{sync::Arc, time::Duration};

fn task(status: &str, first: &Value, last: &Value) -> Value {
    json!({ "id": 1, "name": "Look", "status": status, "owner_fname": first, "owner_lname": last })
}

/// A platform whose incident has these tasks and these custom fields, and the incident.
fn platform(tasks: Value, properties: Value) -> (Arc<Platform>, PlatformObject) {
    let platform = Platform::new();
    let mut incident = testing::incident(7);
    incident["properties"] = properties;
    let incident = platform.object("/incidents/7", incident);
    platform.on("GET /incidents/7/tasks", tasks);
    (platform, incident)
}

fn with_field(tasks: Value) -> (Arc<Platform>, PlatformObject) {
    platform(tasks, json!({ "next_task_owned_by": null, "other": 1 }))
}

fn changed() -> Message {
    testing::message("Task Changed", json!({ "incident": testing::incident(7), "task": { "id": 1 } }))
}

/// What is written for these tasks.
async fn written(tasks: Value) -> Value {
    let (platform, incident) = with_field(tasks);
    let outcome = Bench::new(platform).deliver(&who_owns_next_task::component(), changed()).await;
    let owner = incident.now()["properties"]["next_task_owned_by"].clone();
    outcome.assert_says(&format!("next_task_owned_by set to {owner}"));
    owner
}

#[tokio::test(start_paused = true)]
async fn it_is_the_owner_of_the_first_task_that_is_open() {
    let tasks = json!([
        task("C", &json!("Ada"), &json!("Lovelace")),
        task("O", &json!("Grace"), &json!("Hopper")),
        task("O", &json!("Ada"), &json!("Lovelace")),
    ]);
    assert_eq!(written(tasks).await, "Grace Hopper");
}

#[tokio::test(start_paused = true)]
async fn a_task_without_an_owner_and_no_task_at_all_are_said_so() {
    assert_eq!(written(json!([task("O", &Value::Null, &Value::Null)])).await, "Nobody yet");
    assert_eq!(written(json!([task("O", &json!("Grace"), &Value::Null)])).await, "Grace");
    assert_eq!(written(json!([task("C", &json!("Ada"), &json!("Lovelace"))])).await, "All tasks complete");
    assert_eq!(written(json!([])).await, "All tasks complete");
}

#[tokio::test(start_paused = true)]
async fn of_a_burst_only_the_last_message_is_carried_out_once_it_is_quiet() {
    let (platform, _incident) = with_field(json!([task("O", &json!("Grace"), &json!("Hopper"))]));
    let (bench, component) = (Bench::new(platform.clone()), who_owns_next_task::component());
    let mut burst = Vec::new();
    for _ in 0..5 {
        advance(Duration::from_secs(10)).await;
        burst.push(bench.start(&component, changed()).await);
    }
    advance(Duration::from_secs(29)).await;
    platform.assert_calls([]);
    advance(Duration::from_secs(1)).await;
    let mut superseded = 0;
    for delivery in burst {
        assert!(delivery.is_answered());
        superseded += usize::from(matches!(delivery.outcome().await, Ok(Reply::Superseded)));
    }
    assert_eq!(superseded, 4);
    platform.assert_calls([
        "GET /incidents/7/tasks?handle_format=names",
        "GET /incidents/7",
        "PUT /incidents/7",
    ]);
}

#[tokio::test(start_paused = true)]
async fn without_the_custom_field_it_says_what_to_create() {
    let (platform, _incident) = platform(json!([]), json!({}));
    let outcome = Bench::new(platform.clone()).deliver(&who_owns_next_task::component(), changed()).await;
    outcome.assert_fails("`next_task_owned_by`");
    platform.assert_nothing_changed();
}
