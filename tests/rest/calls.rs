//! What each call sends, and how its answer is read.

use super::{TOKEN, rest, rest_of, settings};
use action_processor::{
    component::rest::{Request, RestError, segment, with_query},
    rest::{Exchange, Recorder},
};
use http::{HeaderName, HeaderValue, Method, StatusCode};
use serde::Deserialize;
use serde_json::{Value, json};
use stand_in_platform::{API_KEY_SECRET, Fault, ORG_ID, Platform, Reply};
use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

#[derive(Debug, Deserialize, PartialEq)]
struct Task {
    id: i64,
    name: String,
}

#[tokio::test]
async fn answers_are_read_as_the_types_that_the_caller_names() {
    let platform = Platform::start().await;
    let id = platform.add_incident(json!({ "id": 7, "name": "Phishing" }));
    let rest = rest_of(&platform).await;
    let made: Value = rest.post(&format!("/incidents/{id}/tasks"), &json!({ "name": "Look" })).await.unwrap();
    let tasks: Vec<Task> = rest.get("/incidents/7/tasks?handle_format=names").await.unwrap();
    assert_eq!(tasks, [Task { id: made["id"].as_i64().unwrap(), name: "Look".to_owned() }]);
    assert_eq!(platform.requests().last().unwrap().query.as_deref(), Some("handle_format=names"));
}

#[tokio::test]
async fn every_call_carries_the_context_token_of_its_message() {
    let platform = Platform::start().await;
    platform.add_incident(json!({ "id": 7 }));
    let rest = rest_of(&platform).await;
    let before = platform.requests().len();
    let _: Value = rest.get("/incidents/7").await.unwrap();
    let _: Value = rest.get_cached("/types/incident/fields").await.unwrap();
    let _: Value = rest.post("/incidents/7/comments", &json!({ "text": "x" })).await.unwrap();
    let _: Value = rest.put("/incidents/7/members", &json!({ "members": [1], "vers": 1 })).await.unwrap();
    let _: Value = rest.patch("/incidents/7", &json!({ "changes": [] })).await.unwrap();
    let _: Value = rest.search(&json!({ "query": "x" })).await.unwrap();
    let _: Value = rest.platform().get("/const").await.unwrap();
    rest.get_put("/incidents/7", |incident| incident["name"] = json!("new")).await.unwrap();
    rest.delete::<()>("/incidents/7").await.unwrap();
    let calls = platform.requests().split_off(before);
    assert_eq!(calls.len(), 10);
    assert!(calls.iter().all(|call| call.context_token() == Some(TOKEN)));
    assert_eq!(platform.writes_for(TOKEN), 5);
}

#[tokio::test]
async fn a_call_with_a_header_that_is_ours_is_refused_in_words() {
    let platform = Platform::start().await;
    platform.add_incident(json!({ "id": 7 }));
    let rest = rest_of(&platform).await;
    let before = platform.requests().len();
    for name in ["authorization", "cookie", "x-sess-id", "x-co3contexttoken", "host", "content-length"] {
        let mut request = Request::new(Method::GET, "/incidents/7");
        request.headers.insert(HeaderName::from_static(name), HeaderValue::from_static("of-its-own"));
        let error = rest.send(request).await.unwrap_err().to_string();
        assert!(error.contains(name) && error.contains("the processor sends it"), "{error}");
        assert!(!error.contains("of-its-own"), "{error}");
    }
    assert_eq!(platform.requests().len(), before);
    let mut request = Request::new(Method::GET, "/incidents/7");
    request.headers.insert("x-trace", HeaderValue::from_static("of-its-own"));
    rest.send(request).await.unwrap();
    assert_eq!(platform.requests().len(), before + 1);
}

#[tokio::test]
async fn an_answer_without_a_body_reads_as_nothing() {
    let platform = Platform::start().await;
    for id in [7, 8, 9] {
        platform.add_incident(json!({ "id": id }));
    }
    let rest = rest_of(&platform).await;
    rest.delete::<()>("/incidents/7").await.unwrap();
    assert_eq!(rest.delete::<Value>("/incidents/8").await.unwrap(), Value::Null);
    assert_eq!(rest.delete::<Option<Task>>("/incidents/9").await.unwrap(), None);
}

#[tokio::test]
async fn names_in_paths_and_queries_are_escaped() {
    let platform = Platform::start().await;
    platform.set("/functions/Défense & Co", json!({ "name": "Défense & Co" }));
    let rest = rest_of(&platform).await;
    let path = format!("/functions/{}", segment("Défense & Co"));
    let function: Value = rest.get(&with_query(&path, [("handle_format", "names")])).await.unwrap();
    assert_eq!(function["name"], "Défense & Co");
}

#[tokio::test]
async fn an_error_tells_what_the_platform_said_and_nothing_that_is_secret() {
    let platform = Platform::start().await;
    platform.route(Method::POST, "/rest/orgs/201/incidents", |_| {
        let body = r#"{"success":false,"title":"Bad","message":"The name is missing","hints":["Give one"],"error_code":"generic"}"#;
        Reply::text(StatusCode::BAD_REQUEST, body)
    });
    let rest = rest_of(&platform).await;
    let error = rest.post::<Value>("/incidents?key=a-secret", &json!({})).await.unwrap_err();
    assert_eq!(error.to_string(), "POST /incidents: 400 Bad Request: The name is missing (Give one)");
    let printed = format!("{error:?}");
    assert!(!printed.contains("a-secret") && !printed.contains(API_KEY_SECRET) && !printed.contains(TOKEN));
    let RestError::Status(error) = error else { panic!("{printed}") };
    assert_eq!((error.status, error.error_code.as_deref()), (StatusCode::BAD_REQUEST, Some("generic")));
}

#[tokio::test]
async fn an_error_that_is_no_json_is_told_by_its_beginning() {
    let platform = Platform::start().await;
    let rest = rest_of(&platform).await;
    platform.fault(Fault::status(403).body(format!("  <html>{}", "x".repeat(10_000))));
    let error = rest.get::<Value>("/users").await.unwrap_err().to_string();
    assert!(error.starts_with("GET /users: 403 Forbidden: <html>xxx"), "{error}");
    assert!(error.chars().count() < 400);
}

#[tokio::test]
async fn an_answer_of_another_shape_is_told_with_the_place() {
    let platform = Platform::start().await;
    platform.set("/users", json!([{ "id": 1, "name": "A" }, { "id": "x", "name": "B" }]));
    let error = rest_of(&platform).await.get::<Vec<Task>>("/users").await.unwrap_err();
    assert!(matches!(error, RestError::Unreadable { .. }));
    assert!(error.to_string().contains("[1].id"), "{error}");
}

#[tokio::test]
async fn an_answer_that_is_too_long_is_not_held_in_memory() {
    let platform = Platform::start().await;
    let long = "x".repeat(5000);
    platform.set("/users", json!([long]));
    let mut settings = settings(&platform);
    settings.max_answer = 4000;
    let error = rest(settings).await.get::<Value>("/users").await.unwrap_err();
    assert!(matches!(error, RestError::TooLarge { limit: 4000, .. }), "{error}");
}

#[tokio::test]
async fn a_redirect_is_not_followed_with_the_credentials() {
    let (platform, elsewhere) = (Platform::start().await, Platform::start().await);
    let address = format!("http://{}/rest/const", elsewhere.address());
    platform.fault(Fault::status(302).header("location", &address).on(Method::GET, "/users"));
    let error = rest_of(&platform).await.get::<Value>("/users").await.unwrap_err();
    assert_eq!(error.status(), Some(StatusCode::FOUND));
    assert!(elsewhere.requests().is_empty());
}

#[tokio::test]
async fn cached_answers_are_shared_and_asked_for_once_at_a_time() {
    let platform = Platform::start().await;
    platform.set("/users", json!([1]));
    platform.fault(Fault::delay(Duration::from_millis(20)).on(Method::GET, "/users"));
    let rest = rest_of(&platform).await;
    let calls = (0..20).map(|_| {
        let rest = rest.clone();
        tokio::spawn(async move { rest.get_cached::<Value>("/users").await.unwrap() })
    });
    for call in calls.collect::<Vec<_>>() {
        assert_eq!(call.await.unwrap(), json!([1]));
    }
    assert_eq!(platform.requests_of(&Method::GET, "/users").len(), 1);
    let _: Value = rest.get("/users").await.unwrap();
    assert_eq!(platform.requests_of(&Method::GET, "/users").len(), 2);
}

#[tokio::test]
async fn an_error_is_not_cached() {
    let platform = Platform::start().await;
    let rest = rest_of(&platform).await;
    rest.get_cached::<Value>("/types/task").await.unwrap_err();
    platform.set("/types/task", json!({ "id": 1 }));
    assert_eq!(rest.get_cached::<Value>("/types/task").await.unwrap(), json!({ "id": 1 }));
}

/// Keeps the first line of each exchange.
#[derive(Debug, Default)]
struct Lines(Mutex<Vec<String>>);

impl Recorder for Lines {
    fn record(&self, exchange: &Exchange<'_>) {
        let length = exchange.body.map_or(0, <[u8]>::len);
        let line = format!(
            "{} {} {} {}",
            exchange.status.as_u16(),
            exchange.method,
            exchange.path_and_query,
            if length > 0 { "with a body" } else { "empty" }
        );
        self.0.lock().unwrap().push(line);
    }
}

#[tokio::test]
async fn a_recorder_sees_each_answer() {
    let platform = Platform::start().await;
    let lines = Arc::new(Lines::default());
    let mut settings = settings(&platform);
    settings.recorder = Some(lines.clone());
    let rest = rest(settings).await;
    rest.get::<Value>("/nothing?a=b").await.unwrap_err();
    let expected = [
        "200 GET /rest/session with a body".to_owned(),
        format!("200 GET /rest/orgs/{ORG_ID} with a body"),
        format!("404 GET /rest/orgs/{ORG_ID}/nothing?a=b with a body"),
    ];
    assert_eq!(*lines.0.lock().unwrap(), expected);
}

#[tokio::test]
async fn the_platform_may_live_below_a_prefix() {
    let platform = Platform::builder().prefix("/soar").start().await;
    let mut settings = settings(&platform);
    settings.address.prefix = "soar/".to_owned();
    let version: Value = rest(settings).await.platform().get("/const").await.unwrap();
    assert_eq!(version["server_version"]["major"], 51);
}

#[tokio::test]
async fn a_path_of_which_only_a_part_would_be_sent_is_refused() {
    let platform = Platform::start().await;
    let rest = rest_of(&platform).await;
    let error = rest.get::<Value>("/functions/c#").await.unwrap_err();
    assert!(matches!(error, RestError::Unsendable { .. }) && error.to_string().contains('#'), "{error}");
}

#[tokio::test]
async fn a_handler_knows_where_it_is_and_as_whom() {
    let platform = Platform::start().await;
    let key = rest_of(&platform).await;
    let site = key.site().unwrap();
    assert_eq!((site.org_id, site.org_name.as_str()), (ORG_ID, stand_in_platform::ORG_NAME));
    assert_eq!(site.base_url, format!("http://127.0.0.1:{}", platform.port()));
    assert_eq!(site.identity.api_key_handle, Some(4));
    let user = rest(super::Settings { credentials: super::user(), ..settings(&platform) }).await;
    let identity = &user.site().unwrap().identity;
    assert_eq!((identity.user_id, identity.email.as_deref()), (Some(3), Some(stand_in_platform::EMAIL)));
    assert!(identity.is(&json!(3)));
}
