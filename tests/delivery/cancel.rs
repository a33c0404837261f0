//! Functions whose workflow or playbook was terminated on the platform.

use super::{PATIENCE, World, handlers::Daemon, only_answer};
use crate::support::{
    broker::Broker,
    platform_queue::{Message, PlatformQueue},
};
use action_processor::component::{Component, Context, Message as Input, Reply, handler_fn};
use http::Method;
use serde_json::{Value, json};
use stand_in_platform::{ORG_ID, Reply as Answer};
use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering::SeqCst},
};

/// The function "scan", called by `caller`.
fn call(caller: &Value) -> Message {
    let mut body =
        json!({ "function": { "id": 3, "name": "scan" }, "inputs": {}, "principal": { "name": "ada" } });
    for (name, value) in caller.as_object().unwrap() {
        body[name] = value.clone();
    }
    Message::new(body.to_string()).header("Co3MessagePayload", "FunctionDTO")
}

/// "scan" waits for ever, and counts how often it was called off. The destination is the function's, too.
fn scanning(queue: &str, called_off: &Arc<AtomicUsize>) -> Component {
    let called_off = called_off.clone();
    let scan = move |_: Input, cx: Context| {
        let called_off = called_off.clone();
        async move {
            cx.status("scanning").await;
            cx.cancelled().cancelled().await;
            called_off.fetch_add(1, SeqCst);
            // Whatever the handler says, it was no success.
            Ok(Reply::text("done"))
        }
    };
    let hello = |_: Input, _: Context| async { Ok(Reply::text("hello")) };
    Component::new("scanning")
        .destination(queue)
        .on("Say Hello", handler_fn(hello))
        .function("scan", handler_fn(scan))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_function_whose_workflow_was_terminated_is_called_off_and_answered_as_an_error_once() {
    let (broker, world) = (Broker::shared().await, World::new().await);
    let queue = PlatformQueue::open(broker, "terminated").await;
    let config =
        world.config(broker, "scanning", "terminated").set("resilient", "cancel_check_interval", "0.2");
    world.platform.set("/workflow_instances/54", json!({ "workflow_instance_id": 54, "status": "running" }));
    let called_off = Arc::new(AtomicUsize::new(0));
    let _daemon = Daemon::run(&config, scanning("terminated", &called_off));
    queue.post(call(&json!({ "workflow_instance": { "workflow_instance_id": 54 } }))).await;
    queue.replies(1, PATIENCE).await;
    let asked = |requests: &[stand_in_platform::Recorded]| {
        requests.iter().filter(|request| request.path.ends_with("/workflow_instances/54")).count() >= 2
    };
    world.platform.wait_until(asked).await;
    assert_eq!(called_off.load(SeqCst), 0, "a workflow that runs is left alone");
    let terminated = json!({ "status": "terminated", "terminate_reason": "a false alarm" });
    world.platform.set("/workflow_instances/54", terminated);
    let answer = only_answer(&queue).await;
    assert_eq!((&answer["message_type"], &answer["complete"]), (&json!(1), &json!(true)), "{answer}");
    let text = answer["message"].as_str().unwrap();
    for word in ["workflow (instance 54)", "terminated", "a false alarm", "done in part"] {
        assert!(text.contains(word), "{text}");
    }
    queue.until_settled(PATIENCE).await;
    assert_eq!(called_off.load(SeqCst), 1);
    assert_eq!(queue.answers(1, PATIENCE).await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn so_is_one_whose_playbook_was_cancelled() {
    let (broker, world) = (Broker::shared().await, World::new().await);
    let queue = PlatformQueue::open(broker, "cancelled").await;
    let config =
        world.config(broker, "scanning", "cancelled").set("resilient", "cancel_check_interval", "0.2");
    let executions = format!("/rest/orgs/{ORG_ID}/playbooks/execution/query_paged");
    world.platform.route(Method::POST, &executions, |_| {
        Answer::json(json!({ "data": [{ "id": 7, "status": "canceled" }], "recordsTotal": 1 }))
    });
    let called_off = Arc::new(AtomicUsize::new(0));
    let _daemon = Daemon::run(&config, scanning("cancelled", &called_off));
    queue.post(call(&json!({ "playbook_instance": { "playbook_instance_id": 7 } }))).await;
    let answer = only_answer(&queue).await;
    assert_eq!(answer["message_type"], 1);
    assert!(answer["message"].as_str().unwrap().contains("playbook (instance 7)"), "{answer}");
    assert_eq!(called_off.load(SeqCst), 1);
}
