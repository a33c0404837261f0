//! Writes whose answers are lost, on a platform that keeps values in forms of its own.

use super::{rest, rest_of, settings};
use action_processor::component::{
    Rest,
    rest::{Patch, Resolution, RestError},
};
use http::Method;
use serde_json::{Value, json};
use stand_in_platform::{Fault, Platform};

fn fields() -> Value {
    let field =
        |name: &str, kind: &str| json!({ "name": name, "text": name, "input_type": kind, "values": [] });
    let choices = json!([
        { "value": 1, "label": "Low", "enabled": true }, { "value": 6, "label": "High", "enabled": true },
    ]);
    let mut fields = vec![field("name", "text"), field("due", "datepicker"), field("times", "number")];
    fields.push(json!({ "name": "description", "text": "", "input_type": "textarea", "rich_text": true }));
    fields.push(json!({ "name": "severity_code", "text": "", "input_type": "select", "values": choices }));
    fields.push(json!({ "name": "kinds", "text": "", "input_type": "multiselect", "values": choices }));
    fields.into()
}

async fn platform() -> Platform {
    let builder = Platform::builder().rewriting();
    let platform =
        builder.list("/types/incident/fields", fields()).list("/types/seen/fields", fields()).start().await;
    platform.add_incident(json!({
        "id": 7, "name": "x", "description": "<div class=\"rte\"><div>seen</div></div>", "severity_code": 1,
        "kinds": [], "due": null, "properties": { "hits": 0 },
    }));
    platform
}

fn lose(platform: &Platform, method: Method, path: &str) {
    platform.fault(Fault::close().after_carrying_out().on(method, path));
}

/// One write to each member that the platform keeps in another form than it is sent.
fn forms() -> Vec<(&'static str, Value)> {
    vec![
        ("description", json!("last hit now")),
        ("description", json!("1 < 2 &amp; <b>so</b> it\nis")),
        ("description", json!({ "format": "html", "content": "<p>hit</p>" })),
        ("severity_code", json!("High")),
        ("severity_code", json!({ "name": "High" })),
        ("kinds", json!(["High", "Low"])),
        ("name", json!(" trimmed ")),
        ("due", json!(1_767_262_500_000_i64)),
    ]
}

#[tokio::test]
async fn get_put_knows_its_change_in_every_form() {
    for (member, value) in forms() {
        for counts in [true, false] {
            let platform = platform().await;
            lose(&platform, Method::PUT, "/incidents/7");
            let change = |incident: &mut Value| {
                incident[member] = value.clone();
                if counts {
                    let hits = incident["properties"]["hits"].as_i64().unwrap();
                    incident["properties"]["hits"] = json!(hits + 1);
                }
            };
            rest_of(&platform).await.get_put("/incidents/7", change).await.unwrap();
            let hits = i64::from(counts);
            assert_eq!(platform.incident(7)["properties"]["hits"], hits, "{member}: {value}");
            assert_eq!(platform.writes().len(), 1, "{member}: {value}");
        }
    }
}

#[tokio::test]
async fn patch_knows_its_change_in_every_form() {
    for (member, value) in forms() {
        for resolution in [Resolution::GiveUp, Resolution::Overwrite] {
            let platform = platform().await;
            lose(&platform, Method::PATCH, "/incidents/7");
            let patch = Patch::of(&platform.incident(7)).set(member, value.clone());
            let rest = rest_of(&platform).await;
            rest.patch_fields("/incidents/7", patch, |_| resolution.clone()).await.unwrap();
            assert_eq!(
                (&platform.incident(7)["vers"], platform.writes().len()),
                (&json!(2), 1),
                "{member}: {value}"
            );
        }
    }
}

#[tokio::test]
async fn a_row_is_changed_once_in_every_form() {
    for (column, value) in forms() {
        let platform = platform().await;
        let table = rest_of(&platform).await.table(7, "seen").await.unwrap();
        let id = table.add(&json!({ "times": 1, "severity_code": "Low", "name": "a" })).await.unwrap().id;
        lose(&platform, Method::PUT, "/row_data");
        let change = |cells: &mut action_processor::component::rest::Cells| {
            cells.set(column, value.clone());
            cells.set("times", cells.get("times").as_i64().unwrap() + 1);
        };
        let row = table.change(id, change).await.unwrap();
        assert_eq!((row.get("times"), row.version), (&json!(2), Some(2)), "{column}: {value}");
    }
}

/// Writes by a platform that answers the PUT with 500 and meanwhile is changed by `meanwhile`.
async fn in_between(
    meanwhile: impl Fn(&Platform) + Send + Sync + 'static,
) -> (Platform, Result<Value, RestError>) {
    let platform = std::sync::Arc::new(platform().await);
    let seen = platform.incident(7);
    platform.fault(Fault::status(500).on(Method::PUT, "/incidents/7"));
    let rest = rest_of(&platform).await;
    let mut first = true;
    let outcome = rest
        .get_put("/incidents/7", |incident| {
            if std::mem::take(&mut first) {
                assert_eq!(incident["vers"], seen["vers"]);
                meanwhile(&platform);
            }
            incident["description"] = json!("ours");
            incident["properties"]["hits"] = json!(incident["properties"]["hits"].as_i64().unwrap() + 1);
        })
        .await;
    (std::sync::Arc::into_inner(platform).unwrap(), outcome)
}

#[tokio::test]
async fn what_was_not_carried_out_is_made_again() {
    for others in [0, 1] {
        let (platform, outcome) = in_between(move |platform| {
            (0..others)
                .for_each(|_| platform.change("/incidents/7", |incident| incident["name"] = json!("theirs")));
        })
        .await;
        outcome.unwrap();
        assert_eq!((&platform.incident(7)["properties"]["hits"], platform.writes().len()), (&json!(1), 1));
    }
}

#[tokio::test]
async fn what_reading_does_not_show_is_left_to_the_author() {
    let doubtful: [fn(&mut Value); 2] = [
        |incident| incident["description"] = json!("<p>theirs</p>"),
        |incident| incident["name"] = json!("theirs"),
    ];
    for (others, change) in [(1, doubtful[0]), (2, doubtful[1])] {
        let (platform, outcome) = in_between(move |platform| {
            (0..others).for_each(|_| platform.change("/incidents/7", change));
        })
        .await;
        let error = outcome.unwrap_err();
        assert!(matches!(error, RestError::InDoubt { .. }) && error.may_have_been_carried_out(), "{error}");
        assert!(error.to_string().contains("may have been carried out") && !error.is_transient(), "{error}");
        assert!(platform.writes().is_empty());
    }
}

#[tokio::test]
async fn an_object_that_cannot_be_read_again_leaves_a_doubt() {
    let platform = platform().await;
    let mut settings = settings(&platform);
    settings.retries.attempts = 1;
    let rest = rest(settings).await;
    lose(&platform, Method::PUT, "/incidents/7");
    let mut round = 0;
    let outcome = rest
        .get_put("/incidents/7", |incident| {
            round += 1;
            platform.fault(Fault::status(403).on(Method::GET, "/incidents/7"));
            incident["name"] = json!("B");
        })
        .await;
    assert!(matches!(outcome, Err(RestError::InDoubt { .. })), "{outcome:?}");
    assert_eq!((round, platform.writes().len()), (1, 1));
}

#[tokio::test]
async fn a_put_without_a_version_is_sent_once() {
    let platform = platform().await;
    lose(&platform, Method::PUT, "/incidents/7");
    let error =
        rest_of(&platform).await.put::<Value>("/incidents/7", &json!({ "name": "B" })).await.unwrap_err();
    assert!(error.to_string().contains("may have been carried out"), "{error}");
    assert_eq!(platform.requests_of(&Method::PUT, "/incidents/7").len(), 1);
}

#[tokio::test]
async fn what_adds_something_says_that_it_may_have_been() {
    let platform = platform().await;
    let rest = rest_of(&platform).await;
    let table = rest.table(7, "seen").await.unwrap();
    lose(&platform, Method::POST, "/row_data");
    let row = table.add(&json!({ "times": 1 })).await.unwrap_err().to_string();
    lose(&platform, Method::POST, "/incidents");
    let incident = rest.create_incident(&json!({ "name": "B" })).await.unwrap_err().to_string();
    lose(&platform, Method::POST, "/attachments");
    let file = action_processor::component::rest::File::bytes("a.txt", "text");
    let sent =
        rest.upload_attachment::<Value>("/incidents/7/attachments", file).await.unwrap_err().to_string();
    for error in [row, incident, sent] {
        assert!(error.contains("may have been carried out"), "{error}");
    }
    assert_eq!(platform.writes().len(), 3);
}

async fn changing_nothing(rest: &Rest, platform: &Platform, member: &str, value: Value) {
    let patch = Patch::of(&platform.incident(7)).set(member, value.clone());
    rest.patch_fields("/incidents/7", patch, |_| Resolution::GiveUp).await.unwrap();
    assert!(platform.requests_of(&Method::PATCH, "/incidents/7").is_empty(), "{member}: {value}");
}

#[tokio::test]
async fn a_patch_that_changes_nothing_is_not_sent() {
    let platform = platform().await;
    platform.change("/incidents/7", |incident| {
        incident["kinds"] = json!([1, 6]);
        incident["owner"] = json!({ "id": 3, "name": "Joe" });
        incident["properties"]["score"] = json!(3.0);
    });
    let rest = rest_of(&platform).await;
    for (member, value) in [
        ("name", json!("x")),
        ("kinds", json!([6, 1])),
        ("description", json!("seen")),
        ("description", json!({ "format": "html", "content": "seen" })),
        ("description", json!({ "format": "text", "content": "seen" })),
        ("due", json!("")),
        ("owner", json!(3)),
        ("owner", json!("Joe")),
        ("properties.score", json!(3)),
    ] {
        changing_nothing(&rest, &platform, member, value).await;
    }
    for (member, value) in
        [("description", json!("<b>seen</b>")), ("kinds", json!([6])), ("name", json!("X"))]
    {
        let patch = Patch::of(&platform.incident(7)).set("name", platform.incident(7)["name"].clone());
        let patch = patch.set(member, value);
        rest.patch_fields("/incidents/7", patch, |_| Resolution::GiveUp).await.unwrap();
        let sent = platform.requests_of(&Method::PATCH, "/incidents/7").pop().unwrap().json();
        assert_eq!(sent["changes"].as_array().unwrap().len(), 1, "{sent}");
    }
}

fn status(more: &Value) -> Value {
    let mut status = json!({
        "success": false, "title": "Not Allowed", "message": "The task is closed", "hints": ["Open it"], "error_code": "closed",
    });
    status.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    status
}

#[tokio::test]
async fn an_answer_that_says_no_is_an_error_by_any_method() {
    let platform = platform().await;
    let rest = rest_of(&platform).await;
    for method in [Method::GET, Method::PUT, Method::POST, Method::PATCH, Method::DELETE] {
        platform.route(method.clone(), "/rest/orgs/201/tasks/1", |_| {
            stand_in_platform::Reply::json(status(&json!({})))
        });
        let mut call = action_processor::component::rest::Request::new(method.clone(), "/tasks/1");
        call.cached = method == Method::GET;
        let error = rest.read::<Value>(call).await.unwrap_err();
        let RestError::Refused { refusal, .. } = &error else { panic!("{error}") };
        assert_eq!((refusal.title.as_deref(), refusal.hints.len()), (Some("Not Allowed"), 1));
        for word in ["not carried out", "Not Allowed", "The task is closed", "Open it", "closed"] {
            assert!(error.to_string().contains(word), "{error}");
        }
        assert!(!error.may_have_been_carried_out() && !error.is_transient());
    }
    platform
        .route(Method::GET, "/rest/orgs/201/tasks/1", |_| stand_in_platform::Reply::json(json!({ "id": 1 })));
    // What said no was not remembered.
    assert_eq!(rest.get_cached::<Value>("/tasks/1").await.unwrap()["id"], 1);
    platform.route(Method::PUT, "/rest/orgs/201/incidents/7", |_| {
        stand_in_platform::Reply::json(status(&json!({})))
    });
    let error = rest.get_put("/incidents/7", |incident| incident["name"] = json!("B")).await.unwrap_err();
    assert!(matches!(error, RestError::Refused { .. }), "{error}");
}

#[tokio::test]
async fn an_object_with_a_member_success_is_no_refusal() {
    let platform = platform().await;
    let rest = rest_of(&platform).await;
    for body in [
        status(&json!({ "id": 7 })),
        status(&json!({ "message": { "format": "text" } })),
        status(&json!({ "success": true })),
        json!({ "success": "false", "message": "x" }),
        json!({ "name": "x", "success": false }),
        json!([{ "success": false }]),
    ] {
        let answer = body.clone();
        platform.route(Method::POST, "/rest/orgs/201/any", move |_| {
            stand_in_platform::Reply::json(answer.clone())
        });
        assert_eq!(rest.post::<Value>("/any", &json!({})).await.unwrap(), body);
    }
}
