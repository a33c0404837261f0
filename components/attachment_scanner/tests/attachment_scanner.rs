//! The component against a platform that has one file, and processes that die while they work on it.

#![allow(clippy::unwrap_used, reason = "tests, and what they share")]

use action_component::{
    Message, Section,
    testing::{self, Answer, Bench, Outcome, Platform, PlatformCollection},
};
use serde_json::{Value, json};
use std::sync::Arc;

/// A million times `a`, a test vector of FIPS 180.
const SHA256: &str = "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0";

/// A platform with a file, and what an incident has besides.
struct Stage {
    platform: Arc<Platform>,
    artifacts: PlatformCollection,
    notes: PlatformCollection,
}

/// The file is said to have `size` bytes; those that come are a million.
fn stage_with(size: usize) -> Stage {
    let platform = Platform::new();
    let info = json!({ "id": 3, "name": "<b>invoice</b>.exe", "content_type": "x/y", "size": size });
    let contents = || Answer::file("x/y", vec![b'a'; 1_000_000]);
    platform
        .on("GET /incidents/7/attachments/3", info.clone())
        .on("GET /incidents/7/attachments/3/contents", contents())
        .on("GET /tasks/4/attachments/3", info.clone())
        .on("GET /tasks/4/attachments/3/contents", contents())
        .on("GET /incidents/7/artifacts/5", json!({ "id": 5, "attachment": info }))
        .on("GET /incidents/7/artifacts/5/contents", contents());
    let artifacts = platform.collection("/incidents/7/artifacts", []);
    let notes = platform.collection("/incidents/7/comments", []);
    Stage { platform, artifacts, notes }
}

fn stage() -> Stage {
    stage_with(1_000_000)
}

impl Stage {
    fn bench(&self) -> Bench {
        Bench::new(self.platform.clone())
    }

    /// How many artifacts and notes the incident has.
    fn counts(&self) -> (usize, usize) {
        (self.artifacts.now().len(), self.notes.now().len())
    }
}

fn message(mut body: Value) -> Message {
    body["incident"] = testing::incident(7);
    testing::message("Scan Attachment", body)
}

fn attachment() -> Message {
    message(json!({ "attachment": { "id": 3 } }))
}

#[tokio::test]
async fn the_hash_of_a_file_becomes_an_artifact_and_a_note() {
    let (stage, component) = (stage(), attachment_scanner::component());
    let bench = stage.bench();
    let outcome = bench.deliver(&component, attachment()).await;
    outcome.assert_says(&format!("<b>invoice</b>.exe: 1000000 bytes, SHA-256 {SHA256}"));
    assert_eq!(bench.statuses(), ["Reading <b>invoice</b>.exe…"]);
    let artifact = &stage.artifacts.now()[0];
    assert_eq!((&artifact["type"], &artifact["value"]), (&json!("Malware SHA-256 Hash"), &json!(SHA256)));
    let note = stage.notes.now()[0]["text"]["content"].as_str().unwrap().to_owned();
    assert!(note.starts_with("<b>&lt;b&gt;invoice&lt;/b&gt;.exe</b> has 1000000 bytes"), "{note}");
    assert!(stage.platform.calls().iter().all(|call| call.token.as_deref() == Some("token")));
}

#[tokio::test]
async fn the_file_is_looked_for_where_the_message_says() {
    for (about, endpoint) in [
        (json!({ "attachment": { "id": 3 } }), "GET /incidents/7/attachments/3/contents"),
        (json!({ "attachment": { "id": 3 }, "task": { "id": 4 } }), "GET /tasks/4/attachments/3/contents"),
        (
            json!({ "artifact": { "id": 5, "attachment": { "id": 3 } } }),
            "GET /incidents/7/artifacts/5/contents",
        ),
    ] {
        let stage = stage();
        stage.bench().deliver(&attachment_scanner::component(), message(about)).await.unwrap();
        let _only = stage.platform.asked_once(endpoint);
    }
    let without_file = message(json!({ "artifact": { "id": 5 } }));
    let outcome = stage().bench().deliver(&attachment_scanner::component(), without_file).await;
    outcome.assert_fails("The rule must be one on attachments.");
}

#[tokio::test]
async fn a_file_that_is_shorter_than_it_should_be_is_no_file() {
    let stage = stage_with(2_000_000);
    let outcome = stage.bench().deliver(&attachment_scanner::component(), attachment()).await;
    outcome.assert_fails("<b>invoice</b>.exe: only 1000000 bytes came; try again.");
    stage.platform.assert_nothing_changed();
}

#[tokio::test]
async fn whichever_step_a_process_dies_at_the_next_one_adds_what_is_missing_and_nothing_twice() {
    for (endpoint, done) in [
        ("GET /incidents/7/attachments/3/contents", (0, 0)),
        ("GET /incidents/7/artifacts", (0, 0)),
        ("POST /incidents/7/artifacts", (1, 0)),
        ("GET /incidents/7/comments", (1, 0)),
        ("POST /incidents/7/comments", (1, 1)),
    ] {
        let (stage, component) = (stage(), attachment_scanner::component());
        let bench = stage.bench();
        let unanswered = stage.platform.hold(endpoint);
        bench.start(&component, attachment()).await.die();
        drop(unanswered);
        assert_eq!(stage.counts(), done, "what was done when the process died, asking {endpoint}");
        bench
            .restarted()
            .deliver(&component, attachment())
            .await
            .assert_says(&format!("<b>invoice</b>.exe: 1000000 bytes, SHA-256 {SHA256}"));
        assert_eq!(stage.counts(), (1, 1), "after the process died, asking {endpoint}");
    }
}

#[tokio::test]
async fn a_file_that_has_been_read_is_not_read_again_after_a_crash() {
    let (stage, component) = (stage(), attachment_scanner::component());
    let bench = stage.bench();
    let unanswered = stage.platform.hold("POST /incidents/7/artifacts");
    bench.start(&component, attachment()).await.die();
    drop(unanswered);
    bench.restarted().deliver(&component, attachment()).await.unwrap();
    let _only = stage.platform.asked_once("GET /incidents/7/attachments/3/contents");
}

#[tokio::test]
async fn two_scans_of_one_file_at_a_time_add_what_one_does() {
    let (stage, component) = (stage(), attachment_scanner::component());
    let bench = stage.bench();
    let looking = stage.platform.hold("GET /incidents/7/artifacts");
    let first = bench.start(&component, attachment()).await;
    let second = bench.start(&component, attachment()).await;
    drop(looking);
    first.outcome().await.unwrap();
    second.outcome().await.unwrap();
    assert_eq!(stage.counts(), (1, 1));
}

#[tokio::test]
async fn an_artifact_of_another_type_or_value_is_another_one() {
    let stage = stage();
    let other = json!({ "id": 1, "type": "File SHA-256", "value": SHA256 });
    let artifacts = stage.platform.collection("/incidents/7/artifacts", [other]);
    let bench = stage.bench();
    bench.deliver(&attachment_scanner::component(), attachment()).await.unwrap();
    assert_eq!(artifacts.now().len(), 2);
    let section = Section::new("attachment_scanner", [("artifact_type", "File SHA-256")]);
    bench.section(section).deliver(&attachment_scanner::component(), attachment()).await.unwrap();
    assert_eq!(artifacts.now().len(), 2);
}
