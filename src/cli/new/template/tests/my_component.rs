//! Messages in, replies out: no platform, no broker.

use action_component::{
    Section,
    testing::{self, Bench, Outcome, Platform},
};
use my_component::component;
use serde_json::json;

#[tokio::test]
async fn the_note_greets_whoever_the_user_names() {
    let platform = Platform::new();
    platform.on("POST /incidents/{id}/comments", json!({ "id": 3 }));
    let bench = Bench::new(platform.clone())
        .section(Section::new("my_component", [("greeting", "Good morning")]));

    let body = json!({ "incident": testing::incident(2095), "properties": { "who": "Zoë" } });
    let outcome = bench
        .deliver(&component(), testing::message("My Component Note", body))
        .await;

    outcome.assert_says("note 3 written");
    let note = platform.asked_once("POST /incidents/2095/comments");
    assert_eq!(note.body["text"]["content"], "Good morning, Zoë!");
}

#[tokio::test]
async fn the_recorded_message_is_answered_as_it_was() {
    let platform = Platform::recorded(concat!(env!("CARGO_MANIFEST_DIR"), "/recorded"));
    let body = json!({ "incident": testing::incident(2095) });
    let outcome = Bench::new(platform)
        .deliver(&component(), testing::message("My Component Note", body))
        .await;
    outcome.assert_says("note 17 written");
}

#[tokio::test]
async fn words_are_counted() {
    let bench = Bench::new(Platform::new());
    let call = testing::function(
        "my_component_count_words",
        json!({ "text": "to be or not", "shortest": 3 }),
    );
    bench
        .deliver(&component(), call)
        .await
        .assert_content(&json!({ "words": 1, "longest": "not" }));
    assert_eq!(bench.statuses(), ["counting"]);
}

#[tokio::test]
async fn a_missing_input_is_named() {
    let call = testing::function("my_component_count_words", json!({}));
    Bench::new(Platform::new())
        .deliver(&component(), call)
        .await
        .assert_rejected("text");
}
