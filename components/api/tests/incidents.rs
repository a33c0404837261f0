//! Incidents that are created.

use crate::fields::definitions;
use action_component::{Rest, rest::IncidentError, testing::Platform};
use http::Method;
use serde_json::{Value, json};
use std::sync::Arc;

/// A platform that answers each POST so.
fn platform(status: u16, answer: Value) -> (Arc<Platform>, Rest) {
    let platform = Platform::answering(move |call| match call.method {
        Method::POST => (status, answer.clone()),
        _ => (200, definitions()),
    });
    (platform.clone(), Rest::new(platform, Some("token".into())))
}

fn posts(platform: &Platform) -> Vec<Value> {
    let posts = platform.calls().into_iter().filter(|call| call.method == Method::POST);
    posts.map(|call| call.body).collect()
}

#[tokio::test]
async fn an_incident_is_created_and_comes_back() {
    let (platform, rest) = platform(200, json!({ "id": 7 }));
    let incident = json!({ "name": "A", "discovered_date": 0, "severity_code": "High", "unknown": [1] });
    assert_eq!(rest.create_incident(&incident).await.unwrap()["id"], 7);
    assert_eq!(posts(&platform), [incident]);
}

#[tokio::test]
async fn what_is_missing_is_named_before_the_platform_is_asked() {
    let (platform, rest) = platform(200, json!({ "id": 7 }));
    let error = rest.create_incident(&json!({ "discovered_date": null })).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        r#"the incident was not created: fill in "Date Discovered" (discovered_date, datetimepicker), "Name" (name, text)"#
    );
    assert_eq!(posts(&platform), [Value::Null; 0]);
}

#[tokio::test]
async fn labels_and_custom_fields_that_are_not_there_are_named_all_at_once() {
    let (platform, rest) = platform(200, json!({ "id": 7 }));
    let incident = json!({
        "name": "A", "discovered_date": 0, "severity_code": "Hihg", "owner_id": "user@example.com",
        "properties": { "logsorce": "x", "required_multiselect": ["Value 1", "Value 9"] },
    });
    let IncidentError::Mistaken { mistakes } = rest.create_incident(&incident).await.unwrap_err() else {
        unreachable!()
    };
    let texts: Vec<_> = mistakes.iter().map(ToString::to_string).collect();
    assert_eq!(texts[0], r#"incident has no field "logsorce"; did you mean "logsource"?"#);
    assert!(texts[1].contains(r#""Value 9"; did you mean "Value 1""#), "{texts:?}");
    assert!(texts[2].contains(r#"did you mean "High"?"#), "{texts:?}");
    assert_eq!((texts.len(), posts(&platform).len()), (3, 0));
}

#[tokio::test]
async fn a_refusal_of_the_platforms_own_names_the_field() {
    let answer = json!({
        "success": false, "title": null, "message": "Field discovered date is required.",
        "hints": [{ "field_defs": [{ "name": "logsource", "type": "text", "required": true }] }],
    });
    let (_, rest) = platform(400, answer);
    let error = rest.create_incident(&json!({ "name": "A", "discovered_date": 0 })).await.unwrap_err();
    let IncidentError::Missing { fields } = &error else { unreachable!("{error}") };
    assert_eq!(fields[0].path(), "properties.logsource");
}

#[tokio::test]
async fn any_other_refusal_stays_what_it_is() {
    let answer =
        json!({ "message": "No", "hints": ["ask somebody", { "field_defs": [{ "name": "name" }] }] });
    let (_, rest) = platform(400, answer);
    let error = rest.create_incident(&json!({ "name": "A", "discovered_date": 0 })).await.unwrap_err();
    assert_eq!(error.to_string(), "POST /incidents: 400 Bad Request: No (ask somebody) (name)");
}
