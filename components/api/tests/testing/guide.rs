//! The code of docs/testing.md, word for word: a change of one is a change of both.
#![allow(unreachable_pub, reason = "a component's function is public where it is one")]

use action_component::{Component, Context, Failure, Message, Reply, function_fn, handler_fn};
use serde_json::{Value, json};

async fn make_note(message: Message, cx: Context) -> Result<Reply, Failure> {
    let id = message.incident_id().ok_or_else(|| Failure::new("The message names no incident."))?;
    let text = message.properties().text("text").unwrap_or("nothing to say");
    cx.status("about to write").await;
    let note: Value = cx.rest().post(&format!("/incidents/{id}/comments"), &json!({ "text": text })).await?;
    Ok(Reply::text(format!("noted as {}", note["id"])))
}

async fn count_words(message: Message, _cx: Context) -> Result<Value, Failure> {
    let text = message.inputs()["text"].as_str().unwrap_or_default();
    Ok(json!({ "words": text.split_whitespace().count() }))
}

pub fn component() -> Component {
    Component::new("notes")
        .on("Make Note", handler_fn(make_note))
        .function("count_words", function_fn(count_words))
}

use action_component::testing::{self, Answer, Asked, Bench, Outcome, Platform};

#[tokio::test]
async fn the_note_is_written_to_the_messages_incident() {
    let platform = Platform::new();
    platform.on("POST /incidents/{id}/comments", json!({ "id": 3 }));
    let bench = Bench::new(platform.clone());

    let body = json!({ "incident": testing::incident(7), "properties": { "text": "look here" } });
    let outcome = bench.deliver(&component(), testing::message("Make Note", body)).await;

    outcome.assert_says("noted as 3");
    assert_eq!(bench.statuses(), ["about to write"]);
    assert_eq!(platform.asked_once("POST /incidents/7/comments").body, json!({ "text": "look here" }));
}

#[tokio::test]
async fn words_are_counted() {
    let call = testing::function("count_words", json!({ "text": "one two" }));
    let outcome = Bench::new(Platform::new()).deliver(&component(), call).await;
    outcome.assert_content(&json!({ "words": 2 }));
}

use action_component::Section;

#[derive(serde::Deserialize)]
struct Login {
    password: String,
}

async fn log_in(login: Login, cx: Context) -> Result<Value, Failure> {
    let session: Value = cx.rest().post("/door", &json!({ "password": login.password })).await?;
    cx.status(format!("logged in with {}", login.password)).await;
    Ok(json!({ "session": session["id"] }))
}

#[tokio::test]
async fn the_password_is_sent_and_never_shown() {
    let component = Component::new("door").function("log_in", function_fn(log_in));
    let platform = Platform::new();
    platform.on("POST /door", json!({ "id": 5 }));
    let bench = Bench::new(platform.clone())
        .secrets([("PIN", "4711-secret")])
        .section(Section::new("door", [("input_secrets", "PIN")]));

    let call = testing::function("log_in", json!({ "password": "$PIN" }));
    bench.deliver(&component, call).await.assert_content(&json!({ "session": 5 }));

    assert_eq!(platform.asked_once("POST /door").body["password"], "4711-secret");
    assert_eq!(bench.statuses(), ["logged in with ***"]);
}

use action_component::{Handler, testing::advance};
use std::time::Duration;

#[tokio::test(start_paused = true)]
async fn the_last_of_a_burst_is_carried_out_after_a_minute_of_quiet() {
    let minute = Duration::from_secs(60);
    let handler = handler_fn(async |_: Message, _| Ok::<_, Failure>(Reply::text("done")));
    let component = Component::new("quiet").on("Act", handler.debounce(minute).discard());
    let bench = Bench::new(Platform::new());

    let first = bench.start(&component, testing::message("Act", json!({}))).await;
    advance(minute / 2).await;
    let last = bench.start(&component, testing::message("Act", json!({}))).await;
    advance(minute / 2).await;
    assert!(!last.is_answered());
    advance(minute / 2).await;

    assert_eq!(first.outcome().await.unwrap(), Reply::Superseded);
    last.outcome().await.assert_says("done");
}

async fn note_once(message: Message, cx: Context) -> Result<Reply, Failure> {
    let path = format!("/incidents/{}/comments", message.incident_id().unwrap_or_default());
    let notes: Vec<Value> = cx.rest().get(&path).await?;
    if !notes.iter().any(|note| note["text"] == "scanned") {
        cx.rest().post::<Value>(&path, &json!({ "text": "scanned" })).await?;
    }
    Ok(Reply::text("noted"))
}

#[tokio::test]
async fn a_process_that_dies_after_the_note_leaves_one_note() {
    let component = Component::new("notes").on("Note Once", handler_fn(note_once));
    let platform = Platform::new();
    let notes = platform.collection("/incidents/7/comments", []);
    let bench = Bench::new(platform.clone());
    let message = || testing::message("Note Once", json!({ "incident": testing::incident(7) }));

    let unanswered = platform.hold("POST /incidents/7/comments");
    bench.start(&component, message()).await.die();
    drop(unanswered);
    bench.restarted().deliver(&component, message()).await.assert_says("noted");

    assert_eq!(notes.now().len(), 1);
}

async fn watch(_: Message, cx: Context) -> Result<Value, Failure> {
    cx.wait("for the host", Duration::from_secs(3600)).await?;
    Ok(json!("it is back"))
}

#[tokio::test(start_paused = true)]
async fn a_workflow_that_is_terminated_ends_the_wait() {
    let component = Component::new("watch").function("watch_host", function_fn(watch));
    let bench = Bench::new(Platform::new());
    let delivery = bench.start(&component, testing::function("watch_host", json!({}))).await;
    advance(Duration::from_secs(60)).await;

    delivery.cancel();

    delivery.outcome().await.assert_fails("was terminated on the platform");
    assert_eq!(bench.waiting(), 0);
}

#[tokio::test]
async fn the_bench_is_told_what_the_daemon_would_be_told() {
    let bench = Bench::new(Platform::new())
        .section(Section::new("notes", [("greeting", "hello")])) // cx.section(), cx.config()
        .integrations(Section::new("integrations", [("https_proxy", "proxy:8080")])) // cx.integrations()
        .workers(1);
    let component = Component::new("notes").on(
        "Act",
        handler_fn(async |_: Message, cx: Context| {
            let proxy = cx.integrations().get("https_proxy");
            Ok::<_, Failure>(Reply::text(format!("{:?} {proxy:?}", cx.section().get("greeting"))))
        }),
    );
    let outcome = bench.deliver(&component, testing::message("Act", json!({}))).await;
    outcome.assert_says(r#"Some("hello") Some("proxy:8080")"#);
}

#[tokio::test(start_paused = true)]
async fn endpoints_answer_as_they_are_set() {
    let platform = Platform::new();
    // the same each time: JSON, or a status and JSON
    platform.on("GET /users/{id}", json!({ "id": 115, "enabled": true }));
    platform.on("GET /users/{id}/photo", (404, json!({ "message": "no photo" })));
    // what a closure makes of the call
    platform.on("PUT /tasks/{id}", |asked: &Asked| json!({ "id": asked.id("id") }));
    // one after the other, and no more
    platform.on("POST /incidents", [Answer::error(503, "busy"), Answer::json(200, &json!({ "id": 1 }))]);
    // files, delays and broken links
    platform.on("GET /incidents/{id}/attachments/{file}/contents", Answer::file("text/plain", "hello"));
    platform.on("GET /slow", Answer::from(json!({})).after(Duration::from_secs(60)));
    platform.on("GET /gone", Answer::unreachable());
    // an incident that is read, changed and written back, while somebody else is faster once
    let incident = platform.object("/incidents/7", testing::incident(7));
    incident.meanwhile(|incident| incident["owner_id"] = 3.into());
    // what is listed by GET and added to by POST
    let notes = platform.collection("/incidents/7/comments", [json!({ "id": 1, "text": "seen" })]);
    let rest = action_component::Rest::new(platform.clone(), None);
    assert_eq!(rest.get::<Value>("/users/3").await.unwrap()["id"], 115);
    assert!(rest.get::<Value>("/users/3/photo").await.is_err());
    let task: Value = rest.put("/tasks/9", &json!({ "name": "x" })).await.unwrap();
    assert_eq!(task, json!({ "id": 9 }));
    assert!(rest.post::<Value>("/incidents", &json!({})).await.is_err());
    assert!(rest.post::<Value>("/incidents", &json!({})).await.is_ok());
    assert_eq!(rest.get::<Value>("/incidents/7").await.unwrap()["id"], 7);
    assert_eq!(rest.get::<Vec<Value>>("/incidents/7/comments").await.unwrap(), notes.now());
}

/// So that the block below is run where its directory is.
#[test]
fn recordings_make_a_platform() {
    struct Platform;
    impl Platform {
        fn recorded(directory: &str) -> std::sync::Arc<testing::Platform> {
            let components = concat!(env!("CARGO_MANIFEST_DIR"), "/../add_task");
            testing::Platform::recorded(format!("{components}/{directory}"))
        }
    }
    let platform = Platform::recorded("recorded");
    assert!(platform.calls().is_empty());
}

#[test]
fn every_code_block_of_the_guide_stands_in_this_file() {
    let guide = include_str!("../../../../docs/testing.md");
    let code = lines(include_str!("guide.rs"));
    let blocks: Vec<&str> =
        guide.split("```rust\n").skip(1).filter_map(|rest| rest.split("```").next()).collect();
    assert!(blocks.len() >= 6, "the guide's code blocks begin with ```rust");
    for block in blocks {
        let block = lines(block);
        assert!(code.windows(block.len()).any(|lines| *lines == block), "not in guide.rs: {block:#?}");
    }
}

fn lines(text: &str) -> Vec<&str> {
    text.lines().map(str::trim).filter(|line| !line.is_empty()).collect()
}
