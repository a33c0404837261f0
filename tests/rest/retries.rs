//! What is repeated, and what is not.

use super::{rest, rest_of, settings, user};
use crate::support::log::Log;
use action_processor::component::rest::{Request, RestError};
use action_processor::rest::connect;
use http::{Method, StatusCode};
use serde_json::{Value, json};
use stand_in_platform::{Fault, Platform};
use std::time::{Duration, Instant};

async fn with_incident() -> Platform {
    let platform = Platform::start().await;
    platform.add_incident(json!({ "id": 7, "name": "A" }));
    platform
}

#[tokio::test]
async fn a_get_is_repeated_whatever_the_platform_suffers_from() {
    let platform = with_incident().await;
    let rest = rest_of(&platform).await;
    for fault in
        [Fault::status(500), Fault::status(502), Fault::status(503), Fault::status(504), Fault::close()]
    {
        platform.fault(fault.on(Method::GET, "/incidents/7").times(4));
        assert_eq!(rest.get::<Value>("/incidents/7").await.unwrap()["name"], "A");
    }
}

#[tokio::test]
async fn after_five_attempts_the_last_error_is_told() {
    let platform = with_incident().await;
    let rest = rest_of(&platform).await;
    platform.fault(Fault::status(502).on(Method::GET, "/incidents").times(100));
    let error = rest.get::<Value>("/incidents/7").await.unwrap_err();
    assert_eq!((error.status(), error.is_transient()), (Some(StatusCode::BAD_GATEWAY), true));
    assert_eq!(platform.requests_of(&Method::GET, "/incidents/7").len(), 5);
}

#[tokio::test]
async fn a_post_that_may_have_been_carried_out_is_never_repeated() {
    for fault in
        [Fault::close(), Fault::status(500), Fault::status(502), Fault::status(503), Fault::status(504)]
    {
        let platform = with_incident().await;
        let rest = rest_of(&platform).await;
        platform.fault(fault.after_carrying_out().on(Method::POST, "/comments"));
        let error = rest.post::<Value>("/incidents/7/comments", &json!({})).await.unwrap_err();
        assert!(error.may_have_been_carried_out(), "{error}");
        assert_eq!(platform.objects("/incidents/7/comments").len(), 1);
        assert_eq!(platform.requests_of(&Method::POST, "/comments").len(), 1);
    }
}

#[tokio::test]
async fn a_post_is_repeated_where_the_platform_says_that_it_did_nothing() {
    let platform = with_incident().await;
    let rest = rest_of(&platform).await;
    platform.fault(Fault::status(429).on(Method::POST, "/comments"));
    platform.fault(Fault::status(503).header("retry-after", "0").on(Method::POST, "/comments"));
    let _: Value = rest.post("/incidents/7/comments", &json!({})).await.unwrap();
    assert_eq!(platform.objects("/incidents/7/comments").len(), 1);
    assert_eq!(platform.requests_of(&Method::POST, "/comments").len(), 3);
}

#[tokio::test]
async fn a_refusal_is_not_repeated() {
    let platform = with_incident().await;
    let rest = rest_of(&platform).await;
    for status in [400, 403, 404, 409] {
        platform.fault(Fault::status(status).on(Method::PUT, "/incidents/7"));
        let error = rest.put::<Value>("/incidents/7", &json!({})).await.unwrap_err();
        assert_eq!(error.status().unwrap().as_u16(), status);
    }
    assert_eq!(platform.requests_of(&Method::PUT, "/incidents/7").len(), 4);
}

#[tokio::test]
async fn retry_after_is_waited_for_in_seconds_and_by_date() {
    let platform = with_incident().await;
    let rest = rest_of(&platform).await;
    let past = "Sun, 06 Nov 1994 08:49:37 GMT";
    platform.fault(Fault::status(503).header("retry-after", past).on(Method::GET, "/incidents/7"));
    platform.fault(Fault::status(429).header("retry-after", "1").on(Method::GET, "/incidents/7"));
    let begun = Instant::now();
    let _: Value = rest.get("/incidents/7").await.unwrap();
    // At least: a machine under load may take longer, but never less.
    assert!(begun.elapsed() >= Duration::from_secs(1));
}

#[tokio::test]
async fn a_longer_wait_than_the_longest_is_given_up_and_told() {
    let platform = with_incident().await;
    let rest = rest_of(&platform).await;
    let dated = ("Sun, 06 Nov 1994 08:49:37 GMT", "Monday, 07-Nov-94 08:49:37 GMT");
    for (status, date, retry_after) in
        [(503, None, "86400"), (429, None, "86400"), (429, Some(dated.0), dated.1)]
    {
        let fault = Fault::status(status).header("retry-after", retry_after);
        let fault = if let Some(date) = date { fault.header("date", date) } else { fault };
        platform.fault(fault.on(Method::GET, "/incidents/7"));
        let before = platform.requests().len();
        let error = rest.get::<Value>("/incidents/7").await.unwrap_err();
        assert_eq!(platform.requests().len(), before + 1);
        assert_eq!(error.retry_after(), Some(Duration::from_secs(86_400)), "{error}");
        assert!(error.to_string().contains("86400 s of patience, until 2"), "{error}");
        let failure = action_processor::component::Failure::from(error);
        assert_eq!(failure.retry_after(), Some(Duration::from_secs(86_400)));
    }
}

#[tokio::test]
async fn an_answer_of_202_says_when_to_come_again() {
    let platform = with_incident().await;
    platform.fault(Fault::status(202).body("{}").header("retry-after", "7").on(Method::GET, "/incidents/7"));
    let request = Request::new(Method::GET, "/incidents/7");
    let response = rest_of(&platform).await.send(request).await.unwrap();
    assert_eq!((response.status.as_u16(), response.retry_after), (202, Some(Duration::from_secs(7))));
}

#[tokio::test]
async fn a_login_that_is_to_wait_says_so() {
    let platform = with_incident().await;
    platform.fault(Fault::status(429).header("retry-after", "3600").on(Method::GET, "/session"));
    let error = connect(settings(&platform)).await.unwrap_err();
    assert_eq!(error.retry_after(), Some(Duration::from_secs(3600)), "{error}");
    assert!(error.is_transient() && error.to_string().contains("3600 s of patience"), "{error}");
    // A session that ran out: no second login before its time, whoever asks.
    let mut settings = settings(&platform);
    settings.credentials = user();
    let rest = rest(settings).await;
    platform.expire_sessions();
    platform.fault(Fault::status(503).header("retry-after", "3600").on(Method::POST, "/session").times(5));
    let logins = platform.requests_of(&Method::POST, "/session").len();
    for _ in 0..3 {
        let error = rest.get::<Value>("/incidents/7").await.unwrap_err();
        assert_eq!(error.retry_after(), Some(Duration::from_secs(3600)), "{error}");
    }
    assert_eq!(platform.requests_of(&Method::POST, "/session").len(), logins + 1);
}

#[tokio::test]
async fn a_call_has_a_time_of_its_own() {
    let platform = with_incident().await;
    let mut settings = settings(&platform);
    settings.timeouts.total = Duration::from_millis(300);
    let rest = rest(settings).await;
    let short = rest.with_timeout(Duration::from_millis(50));
    for fault in [Fault::hang(), Fault::status(502), Fault::status(429).header("retry-after", "5")] {
        platform.fault(fault.on(Method::GET, "/incidents/7").times(1));
    }
    let begun = Instant::now();
    let error = short.get::<Value>("/incidents/7").await.unwrap_err();
    assert!(matches!(&error, RestError::TimedOut { after, .. } if after.as_millis() == 50), "{error}");
    assert!(begun.elapsed() < Duration::from_secs(20));
    let patient = rest.with_timeout(Duration::from_secs(60));
    platform.fault(Fault::delay(Duration::from_millis(600)).on(Method::POST, "/comments"));
    let _: Value = patient.post("/incidents/7/comments", &json!({})).await.unwrap();
}

#[tokio::test]
async fn a_delete_whose_answer_was_lost_counts_as_done_when_the_object_is_gone() {
    let platform = with_incident().await;
    let rest = rest_of(&platform).await;
    platform.fault(Fault::close().after_carrying_out().on(Method::DELETE, "/incidents/7"));
    rest.delete::<()>("/incidents/7").await.unwrap();
    assert_eq!(platform.writes().len(), 1);
}

#[tokio::test]
async fn a_put_that_meets_its_own_change_is_told_as_not_known() {
    let platform = with_incident().await;
    let rest = rest_of(&platform).await;
    platform.fault(Fault::close().after_carrying_out().on(Method::PUT, "/incidents/7"));
    let body = json!({ "id": 7, "name": "B", "vers": 1 });
    let error = rest.put::<Value>("/incidents/7", &body).await.unwrap_err();
    assert!(matches!(error, RestError::Interrupted { .. }), "{error}");
    assert_eq!(platform.incident(7)["name"], "B");
}

#[tokio::test]
async fn a_put_that_never_arrived_is_repeated() {
    let platform = with_incident().await;
    let rest = rest_of(&platform).await;
    platform.fault(Fault::close().on(Method::PUT, "/incidents/7"));
    let body = json!({ "id": 7, "name": "B", "vers": 1 });
    let _: Value = rest.put("/incidents/7", &body).await.unwrap();
    assert_eq!((&platform.incident(7)["name"], platform.writes().len()), (&json!("B"), 1));
}

#[tokio::test]
async fn silence_ends_a_call_after_its_time() {
    let platform = with_incident().await;
    let mut settings = settings(&platform);
    settings.timeouts.total = Duration::from_millis(200);
    settings.retries.attempts = 2;
    let rest = rest(settings).await;
    platform.fault(Fault::hang().on(Method::POST, "/comments").times(10));
    let error = rest.post::<Value>("/incidents/7/comments", &json!({})).await.unwrap_err();
    assert!(matches!(error, RestError::TimedOut { .. }) && error.may_have_been_carried_out(), "{error}");
    platform.fault(Fault::hang().on(Method::GET, "/incidents/7"));
    let _: Value = rest.get("/incidents/7").await.unwrap();
}

#[tokio::test]
async fn a_platform_that_went_away_was_not_sent_anything() {
    let platform = with_incident().await;
    let rest = rest_of(&platform).await;
    let pooled = platform.port();
    drop(platform);
    // The pooled connection ends first; what comes after finds nobody.
    let _ = rest.get::<Value>("/incidents/7").await;
    let error = rest.post::<Value>("/incidents/7/comments", &json!({})).await.unwrap_err();
    assert!(matches!(error, RestError::Unreachable { .. }), "port {pooled}: {error}");
    assert!(error.is_transient() && !error.may_have_been_carried_out());
}

#[tokio::test]
async fn each_retry_is_a_warning_that_names_the_call_and_not_its_query() {
    let log = Log::begin();
    let platform = with_incident().await;
    let rest = rest_of(&platform).await;
    platform.fault(Fault::status(502).on(Method::GET, "/incidents/7").times(2));
    let _: Value = rest.get("/incidents/7?key=a-secret").await.unwrap();
    let warnings = log.lines(&["WARN"]);
    assert_eq!(warnings.len(), 2, "{:?}", log.lines(&[]));
    for (warning, attempt) in warnings.iter().zip(["attempt=1", "attempt=2"]) {
        assert!(
            warning.contains("method=GET path=\"/incidents/7\"") && warning.contains(attempt),
            "{warning}"
        );
    }
    assert_eq!(log.lines(&["a-secret"]), [""; 0]);
}
