//! What is asked of the platform for each piece of news.

// clippy.toml allows this in tests, but does not see that their helpers belong to them.
#![allow(clippy::unwrap_used)]

use action_component::{
    Failure, Message, Reply, Requirement,
    testing::{Bench, Platform},
};
use serde_json::{Value, json};
use std::sync::Arc;

const QUERY: &str = "/incidents/query_paged?return_level=full&handle_format=names";

/// A platform on which the alert's incident is this; null for none.
fn platform(incident: Value) -> Arc<Platform> {
    let data: Vec<Value> = [incident].into_iter().filter(|incident| !incident.is_null()).collect();
    Platform::answering(move |call| match (call.method.as_str(), call.path.as_str()) {
        ("POST", QUERY) => (200, json!({ "data": data })),
        ("POST", "/incidents?handle_format=names") => (200, json!({ "id": 2001 })),
        ("PATCH", "/incidents/2001") => (200, json!({ "success": true })),
        _ => (404, json!({ "message": "no such thing" })),
    })
}

fn existing() -> Value {
    json!({ "id": 2001, "vers": 3, "name": "Old", "severity_code": "Low", "plan_status": "A" })
}

fn alert() -> Value {
    json!({ "id": "A-17", "title": "Beacon", "details": "to 203.0.113.9", "severity": "high", "noticed": 1_488_917_234_000_i64 })
}

/// Has the handler of `event` take the news.
async fn deliver(platform: &Arc<Platform>, event: &str, alert: Value) -> Result<Reply, Failure> {
    let component = escalation::component();
    let inbound =
        component.inbounds().iter().find(|inbound| inbound.event.as_deref() == Some(event)).unwrap();
    let body = json!({ "action": event, "alert": alert });
    let queue = ("destination".to_owned(), "/queue/inbound_destinations.201.escalation".to_owned());
    let raw = body.to_string().into();
    let message = Message::new(event, inbound.destination.clone(), vec![queue], body, raw);
    inbound.handler.run(Bench::new(platform.clone()).context(message)).await
}

fn lines(platform: &Platform) -> Vec<String> {
    platform.calls().iter().map(|call| format!("{} {}", call.method, call.path)).collect()
}

#[tokio::test]
async fn an_alert_becomes_an_incident() {
    let platform = platform(Value::Null);
    let reply = deliver(&platform, "create", alert()).await.unwrap();
    assert!(reply.message().contains("2001"), "{reply:?}");
    let calls = platform.calls();
    assert_eq!(calls[0].body["filters"][0]["conditions"][0]["value"], "A-17");
    let incident = json!({
        "name": "Beacon",
        "description": { "format": "text", "content": "to 203.0.113.9" },
        "severity_code": "High",
        "discovered_date": 1_488_917_234_000_i64,
        "properties": { "escalation_id": "A-17" },
    });
    assert_eq!(calls[1].body, incident);
}

#[tokio::test]
async fn an_alert_that_comes_twice_becomes_one_incident() {
    let platform = platform(existing());
    deliver(&platform, "create", alert()).await.unwrap();
    assert_eq!(lines(&platform), [format!("POST {QUERY}")]);
}

#[tokio::test]
async fn an_update_changes_the_alerts_incident() {
    let platform = platform(existing());
    deliver(&platform, "update", alert()).await.unwrap();
    let patch = platform.calls().pop().unwrap();
    let fields: Vec<&str> = patch.body["changes"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|change| change["field"].as_str())
        .collect();
    assert_eq!(fields, ["name", "description", "severity_code"]);
    assert_eq!(patch.body["changes"][2]["new_value"]["object"], "High");
}

#[tokio::test]
async fn a_closed_alert_closes_its_incident() {
    let platform = platform(existing());
    deliver(&platform, "close", alert()).await.unwrap();
    let patch = platform.calls().pop().unwrap();
    assert_eq!(patch.body["changes"][0]["field"], "plan_status");
    assert_eq!(patch.body["changes"][0]["new_value"]["object"], "C");
}

#[tokio::test]
async fn news_of_an_alert_without_an_incident_fails_so_that_somebody_looks_into_it() {
    for event in ["update", "close"] {
        let failure = deliver(&platform(Value::Null), event, alert()).await.unwrap_err();
        assert!(failure.to_string().contains("A-17"), "{failure}");
    }
}

#[tokio::test]
async fn what_is_no_alert_changes_nothing_and_the_failure_says_what_is_missing() {
    let platform = platform(Value::Null);
    let failure =
        deliver(&platform, "create", json!({ "id": "A-17", "severity": "high" })).await.unwrap_err();
    assert!(failure.to_string().contains("title"), "{failure}");
    assert_eq!(lines(&platform), Vec::<String>::new());
}

#[test]
fn the_field_that_tells_alerts_apart_is_required() {
    let component = escalation::component();
    assert_eq!(component.requirements(), [Requirement::Field { name: "escalation_id".to_owned() }]);
}
