//! The REST calls of a component, against backends made up here.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests, and what they share")]

use action_component::{
    Rest,
    rest::{
        Backend, Body, Content, ContextToken, File, Part, Patch, Request, Resolution, Response, RestError,
        Scope, segment, with_query,
    },
};
use bytes::Bytes;
use futures_util::future::BoxFuture;
use http::{Method, StatusCode};
use proptest::prelude::*;
use serde_json::{Value, json};
use std::{
    fmt,
    sync::{Arc, Mutex},
    time::Duration,
};

type Answer = dyn Fn(usize, &Request) -> Result<Response, RestError> + Send + Sync;

/// Answers by a closure, which gets the number of the call; keeps the calls.
struct Made {
    answer: Box<Answer>,
    calls: Mutex<Vec<Request>>,
}

impl fmt::Debug for Made {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Made")
    }
}

impl Backend for Made {
    fn call(&self, request: Request) -> BoxFuture<'_, Result<Response, RestError>> {
        let mut calls = self.calls.lock().unwrap();
        let answer = (self.answer)(calls.len(), &request);
        calls.push(request);
        Box::pin(async { answer })
    }
}

fn made(
    answer: impl Fn(usize, &Request) -> Result<Response, RestError> + Send + Sync + 'static,
) -> (Arc<Made>, Rest) {
    let made = Arc::new(Made { answer: Box::new(answer), calls: Mutex::default() });
    let rest = Rest::new(made.clone(), Some(ContextToken::from("the-token")));
    (made, rest)
}

fn ok(body: &'static str) -> Result<Response, RestError> {
    Ok(Response::new(StatusCode::OK, body))
}

fn status(request: &Request, status: StatusCode) -> RestError {
    RestError::from_answer(request.method.clone(), &request.path, status, None, &Bytes::new())
}

fn sent(request: &Request) -> Value {
    match &request.body {
        Body::Json(text) => serde_json::from_slice(text).unwrap(),
        other => panic!("no JSON: {other:?}"),
    }
}

#[tokio::test]
async fn a_call_that_the_author_puts_together_carries_the_token_too() {
    let (made, rest) = made(|_, _| ok(""));
    rest.send(Request::new(Method::OPTIONS, "/incidents")).await.unwrap();
    rest.clone().platform().send(Request::new(Method::GET, "/const")).await.unwrap();
    let calls = made.calls.lock().unwrap();
    assert!(calls.iter().all(|call| call.context_token().unwrap().as_str() == "the-token"));
    assert_eq!((calls[0].scope, calls[1].scope), (Scope::Organization, Scope::Platform));
}

#[tokio::test]
async fn the_token_survives_another_attempt_and_is_never_printed() {
    let (made, rest) = made(|_, _| ok(""));
    rest.post::<()>("/incidents", &json!({ "password": "a-secret" })).await.unwrap();
    let calls = made.calls.lock().unwrap();
    let again = calls[0].again().unwrap();
    assert_eq!(again.context_token(), calls[0].context_token());
    let printed = format!("{again:?} {rest:?}");
    assert!(!printed.contains("the-token") && !printed.contains("a-secret"), "{printed}");
}

#[tokio::test]
async fn a_search_goes_to_the_platform_and_not_to_the_organization() {
    let (made, rest) = made(|_, _| ok("[]"));
    let _: Value = rest.search(&json!({ "query": "x" })).await.unwrap();
    let calls = made.calls.lock().unwrap();
    assert_eq!((&calls[0].method, calls[0].path.as_str()), (&Method::POST, "/search_ex"));
    assert_eq!(calls[0].scope, Scope::Platform);
}

#[tokio::test]
async fn only_a_cached_get_may_be_answered_from_memory() {
    let (made, rest) = made(|_, _| ok("1"));
    let _: u8 = rest.get("/users").await.unwrap();
    let _: u8 = rest.get_cached("/users").await.unwrap();
    let calls = made.calls.lock().unwrap();
    assert_eq!(calls.iter().map(|call| call.cached).collect::<Vec<_>>(), [false, true]);
}

#[tokio::test(start_paused = true)]
async fn get_put_begins_again_a_bounded_number_of_times() {
    let (made, rest) = made(|_, request| match request.method {
        Method::GET => ok(r#"{"vers":1,"n":0}"#),
        _ => Err(status(request, StatusCode::CONFLICT)),
    });
    let mut applied = 0;
    let error = rest
        .get_put("/incidents/7?handle_format=names", |incident| {
            applied += 1;
            incident["n"] = json!(applied);
        })
        .await
        .unwrap_err();
    let RestError::Conflict { path, attempts, .. } = error else { panic!("{error}") };
    assert_eq!((path.as_str(), attempts), ("/incidents/7", applied));
    assert_eq!(made.calls.lock().unwrap().len(), 2 * attempts as usize);
}

#[tokio::test]
async fn get_put_stops_at_any_other_error() {
    let (made, rest) = made(|_, request| match request.method {
        Method::GET => ok("{}"),
        _ => Err(status(request, StatusCode::FORBIDDEN)),
    });
    let error = rest.get_put("/incidents/7", |incident| incident["n"] = json!(1)).await.unwrap_err();
    assert_eq!(error.status(), Some(StatusCode::FORBIDDEN));
    assert_eq!(made.calls.lock().unwrap().len(), 2);
}

#[tokio::test]
async fn get_put_on_what_is_no_json_says_so() {
    let (_, rest) = made(|_, _| ok("<html>"));
    let error = rest.get_put("/incidents/7", |_| ()).await.unwrap_err();
    assert!(matches!(error, RestError::Unreadable { method: Method::GET, .. }), "{error}");
}

#[tokio::test]
async fn a_patch_is_changed_by_what_the_caller_decides_and_sent_again() {
    let failed = json!({ "success": false, "field_failures": [
        { "field": "name", "your_original_value": "A", "actual_current_value": "theirs" },
        { "field": "city", "your_original_value": null, "actual_current_value": "Rome" },
        { "field": "zip", "your_original_value": null, "actual_current_value": "new" },
    ]});
    let (made, rest) = made(move |call, _| {
        let answer = if call == 0 { failed.clone() } else { json!({ "success": true }) };
        Response::json(&answer).map_err(RestError::Unwritable)
    });
    let patch = Patch::of_version(17)
        .change("name", "A", "ours")
        .change("city", Value::Null, "Paris")
        .change("zip", Value::Null, "new")
        .change("state", Value::Null, "kept");
    let mut asked = Vec::new();
    rest.patch_fields("/incidents/7", patch, |failure| {
        asked.push(failure.field.clone());
        if failure.field == "name" { Resolution::Use(json!("both")) } else { Resolution::Leave }
    })
    .await
    .unwrap();
    // What already has its new value is nobody's to decide.
    assert_eq!(asked, ["name", "city"]);
    let expected = json!([
        { "field": "name", "old_value": { "object": "theirs" }, "new_value": { "object": "both" } },
        { "field": "state", "old_value": { "object": null }, "new_value": { "object": "kept" } },
    ]);
    assert_eq!(sent(&made.calls.lock().unwrap()[1])["changes"], expected);
}

#[tokio::test]
async fn a_field_that_has_its_new_value_already_is_nobodys_to_decide_in_whichever_form_it_comes() {
    for (new, current) in [
        (json!("High"), json!({ "id": 6, "name": "High" })),
        (json!(6), json!({ "id": 6, "name": "High" })),
        (json!({ "format": "html", "content": "<b>x</b>" }), json!("<b>x</b>")),
    ] {
        let failure = json!({ "field": "f", "your_original_value": null, "actual_current_value": current });
        let (_, rest) = made(move |_, _| {
            let answer = json!({ "success": false, "field_failures": [failure] });
            Response::json(&answer).map_err(RestError::Unwritable)
        });
        let patch = Patch::of_version(17).change("f", Value::Null, new.clone());
        rest.patch_fields("/incidents/7", patch, |_| panic!("asked about {new}")).await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn a_field_that_changes_each_time_is_given_up_in_the_end() {
    let (made, rest) = made(|call, _| {
        let failure =
            json!({ "field": "name", "your_original_value": call, "actual_current_value": call + 1 });
        let answer = json!({ "success": false, "field_failures": [failure] });
        Response::json(&answer).map_err(RestError::Unwritable)
    });
    let patch = Patch::of_version(17).change("name", "A", "ours");
    let error = rest.patch_fields("/incidents/7", patch, |_| Resolution::Overwrite).await.unwrap_err();
    assert!(matches!(error, RestError::FieldConflict { fields, .. } if fields[0].field == "name"));
    assert!(made.calls.lock().unwrap().len() < 20);
}

#[tokio::test]
async fn a_patch_without_changes_is_not_sent() {
    let (made, rest) = made(|_, request| Err(status(request, StatusCode::BAD_REQUEST)));
    rest.patch_fields("/incidents/7", Patch::of(&json!({})), |_| Resolution::GiveUp).await.unwrap();
    assert!(made.calls.lock().unwrap().is_empty());
}

#[tokio::test]
async fn an_artifact_file_is_sent_in_two_parts() {
    let (made, rest) = made(|_, _| ok(""));
    let file = File::bytes("a.txt", "text").content_type("text/plain");
    let artifact = json!({ "type": "Log" });
    rest.upload_artifact_file::<()>("/incidents/7/artifacts/files", &artifact, file).await.unwrap();
    let calls = made.calls.lock().unwrap();
    let Body::Multipart(parts) = &calls[0].body else { panic!("{calls:?}") };
    let about =
        |part: &Part| (part.name.clone(), part.file_name.clone(), part.content_type.clone(), part.length);
    let text = ToOwned::to_owned;
    assert_eq!(
        parts.iter().map(about).collect::<Vec<_>>(),
        [
            (text("artifact"), None, text("application/json"), Some(14)),
            (text("file"), Some(text("a.txt")), text("text/plain"), Some(4)),
        ]
    );
}

#[tokio::test]
async fn content_is_read_up_to_a_limit_however_it_comes() {
    let too_large = std::io::ErrorKind::FileTooLarge;
    let chunks =
        || futures_util::stream::iter([Ok(Bytes::from_static(b"12")), Ok(Bytes::from_static(b"34"))]);
    assert_eq!(Content::stream(chunks()).read(4).await.unwrap(), "1234");
    assert_eq!(Content::stream(chunks()).read(3).await.unwrap_err().kind(), too_large);
    assert_eq!(Content::from("1234").read(3).await.unwrap_err().kind(), too_large);
}

#[test]
fn errors_that_pass_are_told_from_those_that_need_a_person() {
    let answer = |code, retry_after| {
        let status = StatusCode::from_u16(code).unwrap();
        RestError::from_answer(Method::PUT, "/x?secret=y", status, retry_after, &Bytes::new())
    };
    for code in [408, 409, 425, 429, 500, 502, 503, 504] {
        assert!(answer(code, None).is_transient(), "{code}");
    }
    for code in [302, 400, 401, 403, 404, 405, 413, 422, 501] {
        assert!(!answer(code, None).is_transient(), "{code}");
    }
    assert!(!answer(403, None).to_string().contains("secret"));
    assert!(answer(409, None).to_string().contains("`get_put` reads it again"));
    assert!(answer(503, None).may_have_been_carried_out());
    assert!(!answer(503, Some(Duration::ZERO)).may_have_been_carried_out());
}

proptest! {
    /// Whatever a name holds, it stays one segment, and one value of a query.
    #[test]
    fn names_are_escaped_whatever_they_hold(name in any::<String>()) {
        let path = with_query("/x?a=b", [("name", name.as_str())]);
        let value = path.strip_prefix("/x?a=b&name=").unwrap();
        for escaped in [value, &segment(&name)] {
            let plain = |c: char| c.is_ascii_alphanumeric() || "-._~%".contains(c);
            prop_assert!(escaped.chars().all(plain), "{}", escaped);
        }
    }
}
