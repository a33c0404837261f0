//! Changes of single fields.

use super::{TOKEN, rest_of};
use action_processor::component::rest::{Patch, Resolution, RestError};
use http::{Method, StatusCode};
use serde_json::{Value, json};
use stand_in_platform::{Fault, ORG_ID, Platform, Reply};

async fn with_incident() -> Platform {
    let platform = Platform::start().await;
    platform.add_incident(json!({ "id": 7, "name": "A", "properties": { "score": 3 } }));
    platform
}

fn patch(platform: &Platform) -> Patch {
    Patch::of(&platform.incident(7)).set("name", "B").set("properties.score", 4)
}

#[tokio::test]
async fn a_patch_names_the_version_and_each_fields_old_and_new_value() {
    let platform = with_incident().await;
    let patch = patch(&platform);
    rest_of(&platform).await.patch_fields("/incidents/7", patch, |_| Resolution::GiveUp).await.unwrap();
    let sent = platform.requests().pop().unwrap();
    assert_eq!(sent.header("handle_format"), Some("names"));
    assert_eq!(sent.context_token(), Some(TOKEN));
    let change = |field: &str, old: Value, new: Value| json!({ "field": field, "old_value": { "object": old }, "new_value": { "object": new } });
    let changes = [change("name", json!("A"), json!("B")), change("properties.score", json!(3), json!(4))];
    assert_eq!(sent.json(), json!({ "version": 1, "changes": changes }));
    assert_eq!(platform.incident(7)["properties"]["score"], 4);
}

#[tokio::test]
async fn a_conflict_of_versions_means_the_same_patch_again() {
    let platform = with_incident().await;
    platform.fault(Fault::status(409).on(Method::PATCH, "/incidents/7").times(3));
    let patch = patch(&platform);
    rest_of(&platform).await.patch_fields("/incidents/7", patch, |_| Resolution::GiveUp).await.unwrap();
    let sent = platform.requests_of(&Method::PATCH, "/incidents/7");
    assert_eq!(sent.len(), 4);
    assert!(sent.iter().all(|request| request.body == sent[0].body));
}

#[tokio::test]
async fn a_version_that_is_never_right_is_a_conflict() {
    let platform = with_incident().await;
    platform.fault(Fault::status(409).on(Method::PATCH, "/incidents/7").times(100));
    let patch = patch(&platform);
    let rest = rest_of(&platform).await;
    let error = rest.patch_fields("/incidents/7", patch, |_| Resolution::GiveUp).await.unwrap_err();
    assert!(matches!(error, RestError::Conflict { method: Method::PATCH, .. }));
}

#[tokio::test]
async fn who_calls_decides_about_a_field_that_somebody_else_changed() {
    let platform = with_incident().await;
    let patch = patch(&platform);
    platform.change("/incidents/7", |incident| incident["properties"]["score"] = json!(10));
    let resolve = |failure: &action_processor::component::rest::FieldFailure| {
        assert_eq!((failure.field.as_str(), &failure.your_original_value), ("properties.score", &json!(3)));
        Resolution::Use(json!(failure.actual_current_value.as_i64().unwrap() + 1))
    };
    rest_of(&platform).await.patch_fields("/incidents/7", patch, resolve).await.unwrap();
    let now = platform.incident(7);
    assert_eq!((&now["name"], &now["properties"]["score"]), (&json!("B"), &json!(11)));
}

#[tokio::test]
async fn overwriting_and_leaving_are_decisions_too() {
    for (resolution, score) in [(Resolution::Overwrite, 4), (Resolution::Leave, 10)] {
        let platform = with_incident().await;
        let patch = patch(&platform);
        platform.change("/incidents/7", |incident| incident["properties"]["score"] = json!(10));
        let rest = rest_of(&platform).await;
        rest.patch_fields("/incidents/7", patch, |_| resolution.clone()).await.unwrap();
        let now = platform.incident(7);
        assert_eq!((&now["name"], &now["properties"]["score"]), (&json!("B"), &json!(score)));
    }
}

#[tokio::test]
async fn giving_up_changes_nothing_and_names_the_field() {
    let platform = with_incident().await;
    let patch = patch(&platform);
    platform.change("/incidents/7", |incident| incident["name"] = json!("theirs"));
    let before = platform.incident(7);
    let rest = rest_of(&platform).await;
    let error = rest.patch_fields("/incidents/7", patch, |_| Resolution::GiveUp).await.unwrap_err();
    assert_eq!(error.to_string(), "PATCH /incidents/7: somebody else changed name; nothing was changed");
    assert_eq!(platform.incident(7), before);
}

#[tokio::test]
async fn a_patch_whose_answer_was_lost_is_found_to_be_done() {
    let platform = with_incident().await;
    platform.fault(Fault::close().after_carrying_out().on(Method::PATCH, "/incidents/7"));
    let patch = patch(&platform);
    rest_of(&platform).await.patch_fields("/incidents/7", patch, |_| Resolution::GiveUp).await.unwrap();
    let now = platform.incident(7);
    assert_eq!((&now["name"], &now["vers"]), (&json!("B"), &json!(2)));
}

#[tokio::test]
async fn a_refusal_without_a_field_is_told_in_the_platforms_words() {
    let platform = with_incident().await;
    platform.route(Method::PATCH, &format!("/rest/orgs/{ORG_ID}/incidents/7"), |_| {
        Reply::text(
            StatusCode::OK,
            r#"{"success":false,"field_failures":[],"message":"The incident is closed"}"#,
        )
    });
    let patch = patch(&platform);
    let rest = rest_of(&platform).await;
    let error = rest.patch_fields("/incidents/7", patch, |_| Resolution::Overwrite).await.unwrap_err();
    assert_eq!(error.to_string(), "PATCH /incidents/7: not carried out: The incident is closed");
}
