//! Read, change, write back.

use super::rest_of;
use action_processor::component::{Failure, rest::RestError};
use http::{Method, StatusCode};
use serde_json::{Value, json};
use stand_in_platform::{Fault, ORG_ID, Platform, Reply};

async fn with_incident() -> Platform {
    let platform = Platform::start().await;
    platform.add_incident(json!({ "id": 7, "name": "A", "properties": { "count": 1 } }));
    platform
}

fn count_up(incident: &mut Value) {
    let count = incident["properties"]["count"].as_i64().unwrap();
    incident["properties"]["count"] = json!(count + 1);
}

#[tokio::test]
async fn the_change_is_written_with_everything_else_as_it_was() {
    let platform = Platform::start().await;
    let text = r#"{"vers":3,"z":1.50,"big":123456789012345678901234567890,"unknown":{"b":[1e2,0.12345678901234567890],"a":null},"name":"A"}"#;
    let path = format!("/rest/orgs/{ORG_ID}/incidents/7");
    platform.route(Method::GET, &path, move |_| Reply::text(StatusCode::OK, text));
    platform.route(Method::PUT, &path, |request| Reply::text(StatusCode::OK, request.body.clone()));
    rest_of(&platform).await.get_put("/incidents/7", |incident| incident["name"] = json!("B")).await.unwrap();
    let written = platform.requests_of(&Method::PUT, "/incidents/7");
    assert_eq!(String::from_utf8_lossy(&written[0].body), text.replace("\"A\"", "\"B\""));
}

#[tokio::test]
async fn somebody_elses_change_is_kept_and_ours_made_again() {
    let platform = with_incident().await;
    for _ in 0..3 {
        platform.meddle("/incidents/7", |incident| {
            count_up(incident);
            incident["name"] = json!("theirs");
        });
    }
    let now = rest_of(&platform).await.get_put("/incidents/7", count_up).await.unwrap();
    assert_eq!((&now["name"], &now["properties"]["count"]), (&json!("theirs"), &json!(5)));
    assert_eq!(platform.incident(7), now);
    assert_eq!(platform.requests_of(&Method::PUT, "/incidents/7").len(), 4);
}

#[tokio::test]
async fn somebody_who_is_always_faster_makes_a_conflict() {
    let platform = with_incident().await;
    for _ in 0..100 {
        platform.meddle("/incidents/7", count_up);
    }
    let error = rest_of(&platform).await.get_put("/incidents/7", count_up).await.unwrap_err();
    assert!(matches!(error, RestError::Conflict { .. }) && error.is_transient());
    assert!(platform.writes().is_empty());
}

#[tokio::test]
async fn a_change_whose_answer_was_lost_is_not_made_twice() {
    for fault in [Fault::close(), Fault::status(502), Fault::status(500)] {
        let platform = with_incident().await;
        platform.fault(fault.after_carrying_out().on(Method::PUT, "/incidents/7"));
        let now = rest_of(&platform).await.get_put("/incidents/7", count_up).await.unwrap();
        assert_eq!(now["properties"]["count"], 2);
        assert_eq!((&platform.incident(7)["properties"]["count"], platform.writes().len()), (&json!(2), 1));
    }
}

#[tokio::test]
async fn a_lost_change_is_made_again_on_top_of_somebody_elses() {
    let platform = with_incident().await;
    // It did not arrive, and meanwhile somebody else was there.
    platform.fault(Fault::status(500).on(Method::PUT, "/incidents/7"));
    platform.meddle("/incidents/7", |incident| incident["name"] = json!("theirs"));
    let now = rest_of(&platform).await.get_put("/incidents/7", count_up).await.unwrap();
    assert_eq!((&now["name"], &now["properties"]["count"]), (&json!("theirs"), &json!(2)));
}

#[tokio::test]
async fn a_change_that_changes_nothing_is_not_written() {
    let platform = with_incident().await;
    rest_of(&platform).await.get_put("/incidents/7", |incident| incident["name"] = json!("A")).await.unwrap();
    assert!(platform.writes().is_empty());
}

#[tokio::test]
async fn the_change_may_fail_with_an_error_of_its_own() {
    let platform = with_incident().await;
    let rest = rest_of(&platform).await;
    let mut asked = 0;
    let failure = rest
        .get_put("/incidents/7", |_incident| {
            asked += 1;
            Err(Failure::new("not today"))
        })
        .await
        .unwrap_err();
    assert_eq!((failure.to_string().as_str(), asked), ("not today", 1));
    assert!(platform.writes().is_empty());
}

#[tokio::test]
async fn twenty_at_once_all_have_their_way() {
    let platform = with_incident().await;
    let rest = rest_of(&platform).await;
    let calls = (0..20).map(|_| {
        let rest = rest.clone();
        tokio::spawn(async move {
            while let Err(error) = rest.get_put("/incidents/7", count_up).await {
                assert!(matches!(error, RestError::Conflict { .. }), "{error}");
            }
        })
    });
    for call in calls.collect::<Vec<_>>() {
        call.await.unwrap();
    }
    assert_eq!(platform.incident(7)["properties"]["count"], 21);
}
