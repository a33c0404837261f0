//! What is asked of the platform for each piece of news.

// clippy.toml allows this in tests, but does not see that their helpers belong to them.
#![allow(clippy::unwrap_used)]

use action_component::{
    Failure, Message, Reply, Requirement, Section,
    testing::{self, Asked, Bench, Outcome, Platform, PlatformObject},
};
use serde_json::{Value, json};
use std::sync::Arc;

const QUERY: &str = "POST /incidents/query_paged?return_level=full&handle_format=names";
const CREATION: &str = "POST /incidents?handle_format=names";

/// A platform on which no incident is the alert's.
fn empty() -> Arc<Platform> {
    let platform = Platform::new();
    platform.on(QUERY, json!({ "data": [] })).on(CREATION, json!({ "id": 2001 }));
    platform
}

/// A platform on which the alert's incident is 2001, and the incident.
fn with_incident() -> (Arc<Platform>, PlatformObject) {
    let mut incident = testing::incident(2001);
    incident["name"] = "Old".into();
    incident["severity_code"] = "Low".into();
    let platform = Platform::new();
    let incident = platform.object("/incidents/2001", incident);
    let found = incident.clone();
    platform.on(QUERY, move |_: &Asked| json!({ "data": [found.now()] }));
    (platform, incident)
}

fn alert() -> Value {
    json!({ "id": "A-17", "title": "Beacon", "details": "to 203.0.113.9", "severity": "high", "noticed": 1_488_917_234_000_i64 })
}

fn news(event: &str, alert: &Value) -> Message {
    testing::inbound("escalation", event, json!({ "alert": alert }))
}

async fn deliver(platform: &Arc<Platform>, event: &str, alert: &Value) -> Result<Reply, Failure> {
    Bench::new(platform.clone()).deliver(&escalation::component(), news(event, alert)).await
}

#[tokio::test]
async fn an_alert_becomes_an_incident() {
    let platform = empty();
    deliver(&platform, "create", &alert()).await.assert_says("alert A-17 has become incident 2001");
    let query = platform.asked_once(QUERY).body;
    assert_eq!(query["filters"][0]["conditions"][0]["value"], "A-17");
    let incident = json!({
        "name": "Beacon",
        "description": { "format": "text", "content": "to 203.0.113.9" },
        "severity_code": "High",
        "discovered_date": 1_488_917_234_000_i64,
        "properties": { "escalation_id": "A-17" },
    });
    assert_eq!(platform.asked_once(CREATION).body, incident);
}

#[tokio::test]
async fn an_alert_that_comes_twice_becomes_one_incident() {
    let (platform, _incident) = with_incident();
    deliver(&platform, "create", &alert()).await.assert_says("alert A-17 has incident 2001 already");
    platform.assert_calls([QUERY]);
}

#[tokio::test]
async fn an_update_changes_the_alerts_incident() {
    let (platform, incident) = with_incident();
    deliver(&platform, "update", &alert()).await.assert_says("incident 2001 has been changed");
    let now = incident.now();
    assert_eq!((&now["name"], &now["severity_code"]), (&json!("Beacon"), &json!("High")));
    assert_eq!(now["description"], json!({ "format": "text", "content": "to 203.0.113.9" }));
}

#[tokio::test]
async fn a_closed_alert_closes_its_incident() {
    let (platform, incident) = with_incident();
    deliver(&platform, "close", &alert()).await.assert_says("incident 2001 has been changed");
    let now = incident.now();
    assert_eq!((&now["plan_status"], &now["resolution_id"]), (&json!("C"), &json!("Resolved")));
    assert_eq!(now["resolution_summary"], "Closed with alert A-17.");
}

#[tokio::test]
async fn an_update_does_not_overtake_its_alerts_creation() {
    let platform = empty();
    let (bench, component) = (Bench::new(platform.clone()), escalation::component());
    let held = platform.hold(CREATION);
    let _create = bench.start(&component, news("create", &alert())).await;
    let update = bench.start(&component, news("update", &alert())).await;
    platform.assert_calls([QUERY, CREATION]);
    let other = json!({ "id": "A-18", "title": "Another", "severity": "low" });
    let another = bench.start(&component, news("update", &other)).await;
    another.outcome().await.assert_fails("A-18");
    drop(held);
    update.outcome().await.assert_fails("A-17");
}

#[tokio::test]
async fn news_of_an_alert_without_an_incident_fails_so_that_somebody_looks_into_it() {
    for event in ["update", "close"] {
        deliver(&empty(), event, &alert()).await.assert_fails("A-17");
    }
}

#[tokio::test]
async fn what_is_no_alert_changes_nothing_and_the_failure_says_what_is_missing() {
    let platform = empty();
    let outcome = deliver(&platform, "create", &json!({ "id": "A-17", "severity": "high" })).await;
    outcome.assert_fails("title");
    platform.assert_calls([]);
}

#[tokio::test]
async fn the_operator_can_choose_another_inbound_destination() {
    let platform = empty();
    let section = Section::new("escalation", [("inbound_destination_api_name", "alarms")]);
    let bench = Bench::new(platform.clone()).section(section);
    let message = testing::inbound("alarms", "create", json!({ "alert": alert() }));
    bench.deliver(&escalation::component(), message).await.unwrap();
    platform.assert_all_asked();
}

#[test]
fn the_field_that_tells_alerts_apart_is_required() {
    let component = escalation::component();
    assert_eq!(component.requirements(), [Requirement::Field { name: "escalation_id".to_owned() }]);
}
