//! Whose name is written, and how often.

// clippy.toml allows this in tests, but does not see that their helpers belong to them.
#![allow(clippy::unwrap_used)]

use action_component::{
    Failure, Message, Reply,
    testing::{self, Bench, Call, Platform},
};
use serde_json::{Value, json};
use std::{sync::Arc, time::Duration};

fn task(status: &str, first: &Value, last: &Value) -> Value {
    json!({ "id": 1, "name": "Look", "status": status, "owner_fname": first, "owner_lname": last })
}

fn platform(tasks: Value) -> Arc<Platform> {
    let incident = json!({ "id": 7, "vers": 3, "properties": { "next_task_owned_by": null, "other": 1 } });
    Platform::answering(move |call: &Call| match (call.method.as_str(), call.path.as_str()) {
        ("GET", path) if path.starts_with("/incidents/7/tasks") => (200, tasks.clone()),
        ("GET", _) => (200, incident.clone()),
        _ => (200, call.body.clone()),
    })
}

fn changed(incident: i64) -> Message {
    testing::message("Task Changed", json!({ "incident": { "id": incident }, "task": { "id": 1 } }))
}

/// What is written for these tasks.
async fn written(tasks: Value) -> Value {
    let platform = platform(tasks);
    let reply: Result<Reply, Failure> =
        Bench::new(platform.clone()).deliver(&who_owns_next_task::component(), changed(7)).await;
    reply.unwrap();
    let put = platform.calls().into_iter().find(|call| call.method == "PUT").unwrap();
    put.body["properties"]["next_task_owned_by"].clone()
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
    let platform = platform(json!([task("O", &json!("Grace"), &json!("Hopper"))]));
    let (bench, component) = (Bench::new(platform.clone()), who_owns_next_task::component());
    let began = tokio::time::Instant::now();
    let mut burst = Vec::new();
    for _ in 0..5 {
        let (bench, component) = (bench.clone(), component.clone());
        burst.push(tokio::spawn(async move { bench.deliver(&component, changed(7)).await }));
        tokio::time::sleep(Duration::from_secs(10)).await;
    }
    let mut replies = Vec::new();
    for message in burst {
        replies.push(message.await.unwrap().unwrap());
    }
    let superseded = replies.iter().filter(|reply| **reply == Reply::Superseded).count();
    assert_eq!((superseded, began.elapsed().as_secs()), (4, 70));
    assert_eq!(platform.calls().iter().filter(|call| call.method == "PUT").count(), 1);
}

#[tokio::test(start_paused = true)]
async fn without_the_custom_field_it_says_what_to_create() {
    let platform = Platform::answering(|call: &Call| match call.path.as_str() {
        "/incidents/7" => (200, json!({ "id": 7, "properties": {} })),
        _ => (200, json!([])),
    });
    let outcome = Bench::new(platform).deliver(&who_owns_next_task::component(), changed(7)).await;
    assert!(outcome.unwrap_err().to_string().contains("`next_task_owned_by`"));
}
