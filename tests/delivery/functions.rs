//! Functions over a real broker: calls in, status and results out. The component has an action of its own on the same
//! queue, so that the daemon takes messages from it.

use super::{PATIENCE, World, action, handlers::Daemon, only_answer};
use crate::support::{
    broker::Broker,
    platform_queue::{Message, PlatformQueue},
};
use action_processor::{
    component::{
        Component, Context, Failure, Message as Input, Reply, function_fn, handler_fn,
        inputs::{Date, Select, TextArea},
    },
    signals::Signal,
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::{
    fs,
    os::unix::fs::PermissionsExt,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
};
use tokio::sync::Semaphore;

#[derive(Deserialize)]
struct Inputs {
    mock_input_text: String,
    mock_input_number: u32,
    mock_input_boolean: Option<bool>,
    mock_input_select: Option<Select>,
    #[serde(default)]
    mock_input_multiselect: Vec<String>,
    mock_input_date_picker: Option<Date>,
    mock_input_text_with_value_string: Option<TextArea>,
}

#[derive(Serialize)]
struct Seen {
    text: String,
    number: u32,
    boolean: Option<bool>,
    select: Option<Select>,
    multiselect: Vec<String>,
    date: Option<Date>,
    area: Option<TextArea>,
}

async fn see(inputs: Inputs, cx: Context) -> Result<Seen, Failure> {
    cx.status("looking").await;
    match inputs.mock_input_text.as_str() {
        "in vain" => return Err(Failure::unsuccessful("there is nothing to see")),
        "broken" => return Err(Failure::new("the lookup broke")),
        "defect" => panic!("a defect of the component"),
        _ => {}
    }
    Ok(Seen {
        text: inputs.mock_input_text,
        number: inputs.mock_input_number,
        boolean: inputs.mock_input_boolean,
        select: inputs.mock_input_select,
        multiselect: inputs.mock_input_multiselect,
        date: inputs.mock_input_date_picker,
        area: inputs.mock_input_text_with_value_string,
    })
}

async fn bare(_: Input, _: Context) -> Result<Reply, Failure> {
    Reply::custom(json!({ "rows": [1, 2, 3] }))
}

async fn nameless(message: Input, _: Context) -> Result<Reply, Failure> {
    Ok(Reply::text(format!("unnamed, of incident {}", message.incident_id().unwrap_or_default())))
}

async fn row(message: Input, _: Context) -> Result<Reply, Failure> {
    let row = message.row().ok_or_else(|| Failure::new("no row"))?;
    let verdict = row.label("verdict").unwrap_or_default();
    Ok(Reply::text(format!("{} is {verdict}", row.cell("host").as_str().unwrap_or_default())))
}

fn component(destination: &str) -> Component {
    Component::new("seer")
        .destination(destination)
        .version("1.2.3")
        .function("mock_function_one", function_fn(see))
        .function("mock_function_two", handler_fn(bare))
        .on("_unnamed_", handler_fn(nameless))
        .on("Say Hello", handler_fn(row))
}

/// A call of this function, as the platform sends it.
fn call(function: &str, inputs: &Value) -> Message {
    let body = json!({
        "function": { "id": 3, "name": function, "display_name": function, "version": null, "tags": [] },
        "inputs": inputs,
        "groups": [],
        "playbook_instance": null,
        "principal": { "id": 1, "name": "admin@example.com", "type": "user" },
        "workflow": { "workflow_id": 3, "name": "mock", "programmatic_name": "mock" },
        "workflow_instance": { "workflow_instance_id": 54 },
    });
    Message::new(body.to_string()).header("Co3MessagePayload", "FunctionDTO")
}

/// The answers to calls of `mock_function_one` with these texts, in that order.
async fn answers(queue: &PlatformQueue, texts: &[&str]) -> Vec<Value> {
    let mut found = Vec::new();
    for text in texts {
        let id = queue
            .post(call("mock_function_one", &json!({ "mock_input_text": text, "mock_input_number": 1 })))
            .await;
        let replies =
            queue.replies_until(PATIENCE, |reply| reply.correlation_id == id && reply.is_last()).await;
        let last = replies.iter().find(|reply| reply.correlation_id == id && reply.is_last()).unwrap();
        found.push(last.json());
    }
    found
}

#[tokio::test(flavor = "multi_thread")]
async fn a_function_with_inputs_of_every_type_is_answered_with_status_and_results() {
    let (broker, world) = (Broker::shared().await, World::new().await);
    let queue = PlatformQueue::open(broker, "fn_every_type").await;
    let _daemon = Daemon::run(&world.config(broker, "seer", "fn_every_type"), component("fn_every_type"));
    let inputs = json!({
        "mock_input_text": "plain",
        "mock_input_number": 123,
        "mock_input_boolean": true,
        "mock_input_select": { "id": 54, "name": "select  ล ฦ ว ศ ษ ส ห ฬ อ" },
        "mock_input_multiselect": [{ "id": 55, "name": "value one" }, { "id": 56, "name": "value two" }],
        "mock_input_date_picker": 1_624_924_800_000_i64,
        "mock_input_date_time_picker": null,
        "mock_input_text_with_value_string": { "format": "html", "content": "<b>x</b>" },
    });
    queue.post(call("mock_function_one", &inputs)).await;
    let replies = queue.replies(2, PATIENCE).await;
    assert_eq!(replies[0].json(), json!({ "message_type": 0, "message": "looking", "complete": false }));
    let answer = replies[1].json();
    assert_eq!(
        (&answer["message_type"], &answer["message"], &answer["complete"]),
        (&json!(0), &json!("Completed"), &json!(true))
    );
    let results = &answer["results"];
    assert_eq!(
        (&results["version"], &results["success"], &results["raw"]),
        (&json!(2.0), &json!(true), &Value::Null)
    );
    assert_eq!(
        results["content"],
        json!({
            "text": "plain",
            "number": 123,
            "boolean": true,
            "select": { "id": 54, "name": "select  ล ฦ ว ศ ษ ส ห ฬ อ" },
            "multiselect": ["value one", "value two"],
            "date": 1_624_924_800_000_i64,
            "area": { "format": "html", "content": "<b>x</b>" },
        })
    );
    assert_eq!(results["inputs"]["mock_input_select"], "select  ล ฦ ว ศ ษ ส ห ฬ อ");
    assert_eq!(results["inputs"]["mock_input_multiselect"], json!(["value one", "value two"]));
    assert_eq!(
        (&results["metrics"]["package"], &results["metrics"]["package_version"]),
        (&json!("seer"), &json!("1.2.3"))
    );
    queue.until_settled(PATIENCE).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_goes_wrong_in_a_function_fails_the_workflow_in_words_or_lets_it_go_on() {
    let (broker, world) = (Broker::shared().await, World::new().await);
    let queue = PlatformQueue::open(broker, "fn_wrong").await;
    let config = world.config(broker, "seer", "fn_wrong");
    let daemon = Daemon::run(&config, component("fn_wrong"));
    let texts = ["in vain", "broken", "defect"];
    let [vain, broken, defect] = answers(&queue, &texts).await.try_into().unwrap();
    assert_eq!((&vain["message_type"], &vain["results"]["success"]), (&json!(0), &json!(false)));
    assert_eq!(vain["results"]["reason"], "there is nothing to see");
    assert_eq!((&broken["message_type"], &broken["message"]), (&json!(1), &json!("the lookup broke")));
    assert!(
        broken.get("results").is_none() && defect["message"].as_str().unwrap().contains("a panic"),
        "{defect}"
    );
    let cases = [
        (json!({ "mock_input_text": "x" }), "input mock_input_number: missing field: it was left empty"),
        (
            json!({ "mock_input_text": "x", "mock_input_number": "many" }),
            "input mock_input_number: came a text, expected a whole number",
        ),
        (json!({ "mock_input_text": null, "mock_input_number": 1 }), "input mock_input_text: missing field"),
    ];
    for (number, (inputs, words)) in cases.iter().enumerate() {
        let id = queue.post(call("mock_function_one", inputs)).await;
        let answers = queue.answers(texts.len() + number + 1, PATIENCE).await;
        let answer = answers.iter().find(|answer| answer.correlation_id == id).unwrap().json();
        assert!(
            answer["message_type"] == 1 && answer["message"].as_str().unwrap().starts_with(words),
            "{answer}"
        );
    }
    queue.until_settled(PATIENCE).await;
    daemon.signal(Signal::Stop).await;
    daemon.ended().await.unwrap();
    let _trapping = Daemon::run(&config.set("resilient", "trap_exception", "true"), component("fn_wrong"));
    for answer in answers(&queue, &["broken", "defect"]).await {
        assert_eq!(
            (&answer["message_type"], &answer["results"]["success"]),
            (&json!(0), &json!(false)),
            "{answer}"
        );
        assert_eq!(answer["results"]["reason"], answer["message"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn custom_results_reach_the_platform_bare() {
    let (broker, world) = (Broker::shared().await, World::new().await);
    let queue = PlatformQueue::open(broker, "fn_custom").await;
    let _daemon = Daemon::run(&world.config(broker, "seer", "fn_custom"), component("fn_custom"));
    queue.post(call("mock_function_two", &json!({}))).await;
    assert_eq!(only_answer(&queue).await["results"], json!({ "rows": [1, 2, 3] }));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_function_that_is_delivered_again_is_answered_once_with_the_results_that_it_had() {
    let (mut broker, world) = (Broker::start().await, World::new().await);
    let queue = PlatformQueue::open(&broker, "fn_again").await;
    let config = world.config(&broker, "seer", "fn_again");
    let (runs, begun, finish) = (Arc::new(AtomicUsize::new(0)), semaphore(), semaphore());
    let counting = {
        let (runs, begun, finish) = (runs.clone(), begun.clone(), finish.clone());
        move |_: Input, _: Context| {
            let (run, begun, finish) = (runs.fetch_add(1, SeqCst), begun.clone(), finish.clone());
            async move {
                begun.add_permits(1);
                finish.acquire().await?.forget();
                Reply::results(json!({ "run": run }))
            }
        }
    };
    let component = Component::new("seer")
        .destination("fn_again")
        .function("count", handler_fn(counting))
        .otherwise(handler_fn(row));
    let daemon = Daemon::run(&config, component.clone());
    queue.post(call("count", &json!({}))).await;
    begun.acquire().await.unwrap().forget();
    // Its answer finds no broker, and stays in the journal.
    broker.kill().await;
    finish.add_permits(1);
    daemon.signal(Signal::Stop).await;
    daemon.ended().await.unwrap();
    broker.restart().await;
    let _next = Daemon::run(&config, component);
    assert_eq!(only_answer(&queue).await["results"]["content"], json!({ "run": 0 }));
    queue.until_settled(PATIENCE).await;
    assert_eq!(runs.load(SeqCst), 1);
}

fn semaphore() -> Arc<Semaphore> {
    Arc::new(Semaphore::new(0))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_of_the_operators_reaches_the_function_that_may_have_it_and_nobody_else() {
    const SECRET: &str = "c0rrect-horse-battery";
    let (broker, world) = (Broker::shared().await, World::new().await);
    let queue = PlatformQueue::open(broker, "fn_secrets").await;
    let (secrets, recorded) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    for name in ["allowed", "other"] {
        let file = secrets.path().join(name);
        fs::write(&file, SECRET).unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
    }
    let path = |directory: &tempfile::TempDir| directory.path().display().to_string();
    let config = world
        .config(broker, "seer", "fn_secrets")
        .set("resilient", "secrets_dir", &path(&secrets))
        .set("resilient", "log_http_responses", &path(&recorded))
        .set("seer", "input_secrets", "allowed");
    let daemon = Daemon::run(&config, component("fn_secrets"));
    let [given, kept_back, missing] =
        answers(&queue, &["^{allowed} and more", "^other", "$other"]).await.try_into().unwrap();
    assert_eq!(
        given["results"]["content"]["text"], "*** and more",
        "the handler had it; its answer is masked"
    );
    assert_eq!(given["results"]["inputs"]["mock_input_text"], "^{allowed} and more");
    for (answer, text) in [(kept_back, "^other"), (missing, "$other")] {
        assert_eq!(answer["results"]["content"]["text"], text);
    }
    daemon.signal(Signal::Stop).await;
    daemon.ended().await.unwrap();
    let journal = fs::read_dir(world.state.path()).unwrap().chain(fs::read_dir(recorded.path()).unwrap());
    for file in journal.map(|file| file.unwrap().path()).filter(|path| path.is_file()) {
        let contents = String::from_utf8_lossy(&fs::read(&file).unwrap()).into_owned();
        assert!(!contents.contains(SECRET), "{}", file.display());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn workflow_actions_without_a_name_and_rows_of_data_tables_reach_their_handlers() {
    let (broker, world) = (Broker::shared().await, World::new().await);
    let queue = PlatformQueue::open(broker, "fn_actions").await;
    let _daemon = Daemon::run(&world.config(broker, "seer", "fn_actions"), component("fn_actions"));
    queue.post(action(99, &json!({}))).await;
    assert_eq!(only_answer(&queue).await["message"], "unnamed, of incident 4573");
    let without_id = json!({ "action_id": null, "incident": { "id": 7 }, "properties": null });
    queue.post(Message::new(without_id.to_string())).await;
    let columns = json!({ "host": { "id": 251 }, "verdict": { "id": 252, "values": { "7": { "label": "Malicious" } } } });
    let body = json!({
        "action_id": 1, "object_type": 1000, "incident": { "id": 4573 }, "properties": {},
        "row": { "id": 12, "type_id": 1000, "cells": { "251": { "value": "a.example" }, "252": { "value": 7 } } },
        "type_info": { "hosts": { "type_id": 1000, "fields": columns } },
    });
    queue.post(Message::new(body.to_string())).await;
    let answers = queue.answers(3, PATIENCE).await;
    let said = |text: &str| answers.iter().any(|answer| answer.json()["message"] == text);
    assert!(said("unnamed, of incident 7") && said("a.example is Malicious"), "{answers:?}");
    queue.until_settled(PATIENCE).await;
}
