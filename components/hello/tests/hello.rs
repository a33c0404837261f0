//! The template of a component's tests: a message in, a reply out.

use action_component::{
    Failure, Reply,
    testing::{self, Bench, Outcome, Platform},
};
use serde_json::{Value, json};

/// On a platform of which nothing is asked.
async fn deliver(properties: Value) -> Result<Reply, Failure> {
    let message = testing::message("Say Hello", json!({ "incident": { "id": 7 }, "properties": properties }));
    Bench::new(Platform::new()).deliver(&hello::component(), message).await
}

#[tokio::test]
async fn it_greets_whoever_the_action_names() {
    deliver(json!({ "name": "Zoë" })).await.assert_says("hello, Zoë");
}

#[tokio::test]
async fn without_a_name_it_says_which_field_is_missing() {
    deliver(json!({ "name": null })).await.assert_rejected("name");
}
