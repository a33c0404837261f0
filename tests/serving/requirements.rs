//! A component is loaded once the platform has what it needs.

use action_processor::component::Component;
use serde_json::json;

use super::{PATIENCE, Rig, messages, saying, stop};
use crate::delivery::action;

fn needy(destination: &str) -> Component {
    Component::new("needy")
        .destination(destination)
        .on("Say Hello", saying("hello"))
        .requires_field("last_updated")
        .requires_action_field("ticket_priority", "select")
        .requires_function("helper")
}

fn field(name: &str, input_type: &str) -> serde_json::Value {
    json!([{ "name": "address", "input_type": "text" }, { "name": name, "input_type": input_type }])
}

#[tokio::test]
async fn a_component_is_loaded_once_all_that_it_needs_has_been_created() {
    let rig = Rig::new().await;
    let (needed, free) = (rig.queue("needy").await, rig.queue("content").await);
    let content = Component::new("content").on("Say Hello", saying("content"));
    let daemon = rig.run_all(&rig.config(), [needy("needy"), content]);
    needed.post(action(1, &json!({}))).await;
    free.post(action(1, &json!({}))).await;
    assert_eq!(messages(&free, 1).await, ["content"]);
    rig.asked("/types/incident/fields", 2).await;
    assert_eq!(needed.statistics().await.consumers, 0);
    for words in [
        ["ERROR", "the incident field", "create an incident field with the API access name"],
        ["ERROR", "the activity field", "create an activity field with the API access name"],
        ["ERROR", "the function", "create a function with the API name"],
    ] {
        assert_eq!(rig.log.lines(&words).len(), 1, "{words:?}");
    }
    let platform = &rig.world.platform;
    platform.set("/types/incident/fields", field("last_updated", "datetimepicker"));
    platform.set("/types/actioninvocation/fields", field("ticket_priority", "select"));
    rig.define("helper", "of_others");
    assert_eq!(messages(&needed, 1).await, ["hello"]);
    stop(daemon).await;
}

#[tokio::test]
async fn an_activity_field_of_another_type_is_told_with_both_types() {
    let rig = Rig::new().await;
    rig.world.platform.set("/types/actioninvocation/fields", field("ticket_priority", "text"));
    let component =
        Component::new("choosy").on("A", saying("a")).requires_action_field("ticket_priority", "select");
    let daemon = rig.run(component);
    rig.log.wait_for(&["ERROR", "of type \\\"text\\\"", "create one of type \\\"select\\\""], PATIENCE).await;
    stop(daemon).await;
}

#[tokio::test]
async fn a_message_for_a_component_that_is_not_loaded_is_told_why_where_it_comes_all_the_same() {
    let rig = Rig::new().await;
    let shared = rig.queue("shared_need").await;
    let other = Component::new("other").destination("shared_need").on("Incident Updated", saying("other"));
    let daemon = rig.run_all(&rig.config(), [needy("shared_need"), other]);
    shared.post(action(1, &json!({}))).await;
    let answer = messages(&shared, 1).await.remove(0).to_string();
    assert!(
        answer.contains("needy") && answer.contains("last_updated") && answer.contains("not loaded"),
        "{answer}"
    );
    shared.post(action(2, &json!({}))).await;
    assert!(messages(&shared, 2).await.contains(&json!("other")));
    stop(daemon).await;
}

#[tokio::test]
async fn a_component_that_runs_goes_on_when_what_it_needed_goes() {
    let rig = Rig::new().await;
    let queue = rig.queue("goes_on").await;
    rig.world.platform.set("/types/incident/fields", field("last_updated", "datetimepicker"));
    rig.define("keeps_asking", "goes_on_too");
    let component = Component::new("goes_on")
        .on("Say Hello", saying("hello"))
        .function("keeps_asking", saying("asked"))
        .requires_field("last_updated");
    let daemon = rig.run(component);
    queue.until_subscribed(PATIENCE).await;
    rig.world.platform.set("/types/incident/fields", json!([]));
    rig.asked("/functions/keeps_asking", 2).await;
    queue.post(action(1, &json!({}))).await;
    assert_eq!(messages(&queue, 1).await, ["hello"]);
    stop(daemon).await;
}
