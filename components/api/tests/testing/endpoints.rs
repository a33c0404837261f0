use super::{act, acting, complaint, rest};
use action_component::{
    Failure, Reply,
    recording::Recordings,
    rest::{File, RestError},
    testing::{Answer, Asked, Platform},
};
use serde_json::{Value, json};
use std::{fs, sync::Arc, time::Duration};

#[tokio::test]
async fn an_endpoint_answers_the_calls_that_its_pattern_means() {
    let platform = Platform::new();
    platform.on("GET /users/{id}", |asked: &Asked| json!({ "id": asked.id("id"), "name": asked.text("id") }));
    let user: Value = rest(&platform).get("/users/115?handle_format=names").await.unwrap();
    assert_eq!(user, json!({ "id": 115, "name": "115" }));
}

#[tokio::test]
async fn captures_lose_their_escapes_and_a_star_takes_all_that_is_left() {
    let platform = Platform::new();
    platform
        .on("GET /functions/{name}", |asked: &Asked| json!(asked.text("name")))
        .on("GET /files/{*path}", |asked: &Asked| json!(asked.text("path")));
    let rest = rest(&platform);
    assert_eq!(rest.get::<String>("/functions/look%20up").await.unwrap(), "look up");
    assert_eq!(rest.get::<String>("/files/a/b/c").await.unwrap(), "a/b/c");
}

#[tokio::test]
async fn the_endpoint_that_leaves_least_open_answers_and_of_equal_ones_the_last() {
    let platform = Platform::new();
    platform
        .on("GET /users/me", json!("me"))
        .on("GET /users/{id}", json!("first"))
        .on("GET /users/{id}", json!("last"))
        .on("GET /users/{id}?full=true&x=1", json!("full"))
        .on("GET /{*all}", json!("all"));
    let rest = rest(&platform);
    for (path, expected) in [
        ("/users/me", "me"),
        ("/users/7", "last"),
        ("/users/7?x=1&full=true", "full"),
        ("/users/7?full=false", "last"),
        ("/users/7/picture", "all"),
    ] {
        assert_eq!(rest.get::<String>(path).await.unwrap(), expected, "{path}");
    }
}

#[tokio::test]
async fn answers_in_turn_come_one_after_the_other_and_one_more_fails_the_test() {
    let platform = Platform::new();
    platform.on("POST /incidents", [Answer::error(503, "busy"), json!({ "id": 1 }).into()]);
    let rest = rest(&platform);
    let busy = rest.post::<Value>("/incidents", &json!({})).await.unwrap_err();
    assert!(busy.to_string().contains("busy"), "{busy}");
    assert_eq!(rest.post::<Value>("/incidents", &json!({})).await.unwrap(), json!({ "id": 1 }));
    let words = complaint(rest.post::<Value>("/incidents", &json!({}))).await;
    assert!(words.contains("POST /incidents more often than the test has set answers"), "{words}");
}

#[tokio::test]
async fn an_endpoint_that_is_not_set_fails_the_test_and_is_named_whatever_the_handler_makes_of_errors() {
    let component = acting(async |_, cx| {
        let user = cx.rest().get::<Value>("/users/7").await;
        Ok(Reply::text(if user.is_ok() { "found" } else { "never mind" }))
    });
    let platform = Platform::new();
    platform.on("GET /incidents/{id}", json!({}));
    let words = complaint(act(platform, &component)).await;
    for word in ["GET /users/7", "    GET /incidents/{id}\n", r#"platform.on("GET /users/{id}""#] {
        assert!(words.contains(word), "{words}");
    }
}

#[tokio::test]
async fn otherwise_answers_what_no_endpoint_does() {
    let platform = Platform::new();
    platform.on("GET /known", json!(1)).otherwise(Answer::error(404, "no such thing"));
    let rest = rest(&platform);
    assert_eq!(rest.get::<Value>("/known").await.unwrap(), json!(1));
    let error = rest.get::<Value>("/unknown").await.unwrap_err();
    assert!(error.to_string().contains("404") && error.to_string().contains("no such thing"), "{error}");
}

#[tokio::test]
async fn what_is_no_endpoint_is_refused() {
    for text in ["/incidents", "GET incidents", "get /incidents", "GET", " /x"] {
        let words = complaint(async { drop(Platform::new().on(text, json!(1)).calls()) }).await;
        assert!(words.contains("is no endpoint"), "{words}");
    }
}

#[tokio::test]
async fn a_closure_may_keep_a_state_and_ask_what_has_been_asked() {
    let platform = Platform::new();
    let watched = Arc::downgrade(&platform);
    let mut count = 0;
    platform.on("GET /count", move |_: &Asked| {
        count += 1;
        json!([count, watched.upgrade().map(|platform| platform.calls().len())])
    });
    assert_eq!(rest(&platform).get::<Value>("/count").await.unwrap(), json!([1, 1]));
    assert_eq!(rest(&platform).get::<Value>("/count").await.unwrap(), json!([2, 2]));
}

#[tokio::test]
async fn a_call_can_fail_on_its_way() {
    let platform = Platform::new();
    platform.on("GET /x", [Answer::unreachable(), Answer::interrupted(), Answer::timed_out()]);
    let rest = rest(&platform);
    assert!(matches!(rest.get::<Value>("/x").await, Err(RestError::Unreachable { .. })));
    assert!(matches!(rest.get::<Value>("/x").await, Err(RestError::Interrupted { .. })));
    assert!(matches!(rest.get::<Value>("/x").await, Err(RestError::TimedOut { .. })));
}

#[tokio::test(start_paused = true)]
async fn an_answer_can_take_its_time() {
    let platform = Platform::new();
    platform.on("GET /slow", Answer::from(json!(1)).after(Duration::from_secs(60)));
    let begun = tokio::time::Instant::now();
    rest(&platform).get::<Value>("/slow").await.unwrap();
    assert_eq!(begun.elapsed().as_secs(), 60);
}

#[tokio::test]
async fn files_go_up_and_come_down() {
    let platform = Platform::new();
    platform
        .on("POST /incidents/{id}/artifacts/files", |asked: &Asked| json!({ "parts": asked.uploads().len() }))
        .on("GET /incidents/{id}/attachments/{file}/contents", Answer::file("text/plain", "hello"));
    let rest = rest(&platform);
    let file = File::bytes("evil.exe", "MZ").content_type("application/octet-stream");
    let about = json!({ "type": "Malware Sample" });
    let sent: Value = rest.upload_artifact_file("/incidents/7/artifacts/files", &about, file).await.unwrap();
    assert_eq!(sent, json!({ "parts": 2 }));
    let uploads = platform.uploads();
    assert_eq!(uploads[0].bytes, about.to_string());
    assert_eq!((uploads[1].field.as_str(), uploads[1].file_name.as_deref()), ("file", Some("evil.exe")));
    assert_eq!(uploads[1].bytes, "MZ");

    let download = rest.download("/incidents/7/attachments/3/contents").await.unwrap();
    assert_eq!((download.content_type(), download.length()), (Some("text/plain"), Some(5)));
    assert_eq!(download.read(10).await.unwrap(), "hello");
}

#[tokio::test]
async fn recordings_answer_what_is_not_set_and_name_the_closest_of_what_was_not_recorded() {
    let directory = tempfile::tempdir().unwrap();
    let name = "200_JSON_GET__rest_orgs_201_users_115__2017-03-07T15-07-14.289859";
    fs::write(directory.path().join(name), r#"{"id": 115}"#).unwrap();
    assert!(Recordings::open(&directory).is_err(), "no message is recorded");

    let platform = Platform::recorded(&directory);
    platform.on("GET /users/7", json!({ "id": 7 }));
    let rest = rest(&platform);
    assert_eq!(rest.get::<Value>("/users/115").await.unwrap(), json!({ "id": 115 }));
    assert_eq!(rest.get::<Value>("/users/7").await.unwrap(), json!({ "id": 7 }));
    let words = complaint(rest.get::<Value>("/users/8")).await;
    assert!(words.contains("GET /users/8") && words.contains("users_115"), "{words}");
}

#[tokio::test]
async fn what_was_asked_can_be_told_endpoint_by_endpoint() {
    let platform = Platform::new();
    platform.on("GET /users/{id}", json!({})).on("PUT /users/{id}", json!({}));
    let rest = rest(&platform);
    for path in ["/users/1", "/users/2"] {
        rest.get::<Value>(path).await.unwrap();
    }
    platform.assert_nothing_changed();
    rest.put::<Value>("/users/2", &json!({ "name": "x" })).await.unwrap();

    platform.assert_calls(["GET /users/1", "GET /users/2", "PUT /users/2"]);
    assert_eq!(platform.asked("GET /users/{id}").len(), 2);
    let put = platform.asked_once("PUT /users/{id}");
    assert_eq!((put.body, put.token.as_deref()), (json!({ "name": "x" }), Some("token")));
}

#[tokio::test]
async fn an_assertion_that_does_not_hold_shows_the_calls() {
    let platform = Platform::new();
    platform.on("POST /a", json!({})).on("GET /never", json!({})).on("GET /twice", [json!(1), json!(2)]);
    rest(&platform).post::<Value>("/a", &json!({})).await.unwrap();
    rest(&platform).get::<Value>("/twice").await.unwrap();
    let complaints = [
        complaint(async { platform.assert_calls(["GET /a"]) }).await,
        complaint(async { platform.assert_nothing_changed() }).await,
        complaint(async { platform.asked_once("GET /a") }).await,
    ];
    assert!(complaints.iter().all(|words| words.contains("POST /a")), "{complaints:?}");
    let words = complaint(async { platform.assert_all_asked() }).await;
    assert!(words.contains("GET /never was not asked for"), "{words}");
    assert!(words.contains("GET /twice was asked for 1 times less than it has answers"), "{words}");
}

#[tokio::test]
async fn a_failure_of_the_platform_is_the_handlers_to_see() {
    let component = acting(async |_, cx| -> Result<Reply, Failure> {
        cx.rest().get::<Value>("/x").await?;
        Ok(Reply::text("done"))
    });
    let platform = Platform::new();
    platform.on("GET /x", (500, json!({ "message": "out of order" })));
    let failure = act(platform, &component).await.unwrap_err();
    assert!(failure.to_string().contains("out of order"), "{failure}");
}
