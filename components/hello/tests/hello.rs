//! The template of a component's tests: a message in, a reply out.

use action_component::{
    Failure, Reply,
    reply::FailureKind,
    testing::{self, Bench, Platform},
};
use serde_json::{Value, json};

async fn deliver(properties: Value) -> Result<Reply, Failure> {
    let bench = Bench::new(Platform::answering(|_| (404, json!({}))));
    let message = testing::message("Say Hello", json!({ "incident": { "id": 7 }, "properties": properties }));
    bench.deliver(&hello::component(), message).await
}

#[tokio::test]
async fn it_greets_whoever_the_action_names() {
    assert_eq!(deliver(json!({ "name": "Zoë" })).await.unwrap().message(), "hello, Zoë");
}

#[tokio::test]
async fn without_a_name_it_says_which_field_is_missing() {
    let failure = deliver(json!({ "name": null })).await.unwrap_err();
    assert_eq!(failure.kind(), FailureKind::Rejected);
    assert!(failure.to_string().contains("name"), "{failure}");
}
