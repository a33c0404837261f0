//! Sessions that run out.

use super::{rest, rest_of, settings, user};
use action_processor::component::{
    Rest,
    rest::{File, RestError},
};
use http::Method;
use serde_json::{Value, json};
use stand_in_platform::{API_KEY_ID, EMAIL, Fault, PASSWORD, Platform};

async fn as_user(platform: &Platform) -> Rest {
    let mut settings = settings(platform);
    settings.credentials = user();
    rest(settings).await
}

#[tokio::test]
async fn a_session_that_ran_out_is_renewed_and_the_call_repeated() {
    let platform = Platform::start().await;
    platform.add_incident(json!({ "id": 7 }));
    let rest = as_user(&platform).await;
    platform.expire_sessions();
    let _: Value = rest.post("/incidents/7/comments", &json!({ "text": "x" })).await.unwrap();
    assert_eq!(platform.logins(), 2);
    assert_eq!(platform.objects("/incidents/7/comments").len(), 1);
}

#[tokio::test]
async fn a_hundred_calls_that_meet_the_end_of_a_session_make_one_login() {
    let platform = Platform::start().await;
    platform.set("/users", json!([]));
    let rest = as_user(&platform).await;
    platform.expire_sessions();
    let calls = (0..100).map(|_| {
        let rest = rest.clone();
        tokio::spawn(async move { rest.get::<Value>("/users").await.unwrap() })
    });
    for call in calls.collect::<Vec<_>>() {
        call.await.unwrap();
    }
    assert_eq!(platform.logins(), 2);
}

#[tokio::test]
async fn a_second_refusal_after_a_fresh_login_is_final() {
    let platform = Platform::start().await;
    let rest = as_user(&platform).await;
    platform.fault(Fault::status(401).on(Method::GET, "/users").times(10));
    let error = rest.get::<Value>("/users").await.unwrap_err();
    assert!(matches!(error, RestError::Unauthorized { .. }) && !error.is_transient());
    assert_eq!(platform.logins(), 2);
    assert_eq!(platform.requests_of(&Method::GET, "/users").len(), 2);
}

#[tokio::test]
async fn a_password_that_was_changed_is_not_tried_by_every_call() {
    let platform = Platform::start().await;
    let rest = as_user(&platform).await;
    platform.expire_sessions();
    platform.change_password(EMAIL, "another");
    let calls = (0..20).map(|_| {
        let rest = rest.clone();
        tokio::spawn(async move { rest.get::<Value>("/users").await.unwrap_err() })
    });
    for call in calls.collect::<Vec<_>>() {
        let error = call.await.unwrap();
        assert!(matches!(error, RestError::Unauthorized { .. }));
        assert!(!format!("{error:?}").contains(PASSWORD));
    }
    rest.get::<Value>("/users").await.unwrap_err();
    assert_eq!(platform.requests_of(&Method::POST, "/session").len(), 2);
}

#[tokio::test]
async fn an_api_key_that_is_refused_is_not_tried_again() {
    let platform = Platform::start().await;
    let rest = rest_of(&platform).await;
    platform.revoke_api_key(API_KEY_ID);
    let error = rest.get::<Value>("/users").await.unwrap_err();
    assert!(matches!(error, RestError::Unauthorized { .. }));
    assert_eq!(platform.requests_of(&Method::GET, "/users").len(), 1);
}

#[tokio::test]
async fn a_body_that_can_be_read_once_does_not_meet_a_session_that_ran_out() {
    let platform = Platform::start().await;
    platform.add_incident(json!({ "id": 7 }));
    let rest = as_user(&platform).await;
    platform.expire_sessions();
    let file = File::reader("once.txt", &b"only once"[..]);
    let made: Value = rest.upload_attachment("/incidents/7/attachments", file).await.unwrap();
    assert_eq!(made["size"], 9);
    assert_eq!(platform.requests_of(&Method::POST, "/attachments").len(), 1);
}
