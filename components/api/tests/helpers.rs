//! Closing incidents, long lists, where the platform is: against the test kit's platform.

use action_component::{
    Message, Rest,
    rest::{CloseError, Identity, RestError, Site},
    testing::{self, Answer, Asked, Platform},
};
use serde_json::{Value, json};
use std::sync::{Arc, Mutex};

fn rest(platform: &Arc<Platform>) -> Rest {
    Rest::new(platform.clone(), Some("token".into()))
}

// --- closing

fn definitions() -> Value {
    let choices = json!([{ "value": 53, "label": "Unresolved", "enabled": true }, { "value": 56, "label": "Resolved", "enabled": true }]);
    json!([
        { "name": "name", "text": "Name", "input_type": "text", "required": "always" },
        { "name": "plan_status", "text": "Status", "input_type": "select", "values": [] },
        { "name": "resolution_id", "text": "Resolution", "input_type": "select", "required": "close", "values": choices },
        { "name": "resolution_summary", "text": "Summary", "input_type": "textarea", "required": "close", "rich_text": true },
        { "name": "root_cause", "text": "Root cause", "input_type": "text", "required": "close", "prefix": "properties" },
    ])
}

fn open_incident() -> (Arc<Platform>, testing::PlatformObject) {
    let platform = Platform::new();
    platform.on("GET /types/incident/fields", definitions());
    let incident = json!({
        "id": 7, "vers": 3, "name": "Phishing", "plan_status": "A", "resolution_id": null, "resolution_summary": null,
        "properties": { "root_cause": null },
    });
    let object = platform.object("/incidents/7", incident);
    (platform, object)
}

fn outcome() -> Value {
    json!({ "resolution_id": "Resolved", "resolution_summary": "Blocked.", "root_cause": "a mail" })
}

#[tokio::test]
async fn an_incident_is_closed_with_what_the_close_requires() {
    let nested = json!({
        "resolution_id": "Resolved", "resolution_summary": "Blocked.", "properties": { "root_cause": "a mail" },
    });
    for given in [outcome(), nested] {
        let (platform, object) = open_incident();
        rest(&platform).close_incident(7, &given).await.unwrap();
        let now = object.now();
        assert_eq!((&now["plan_status"], &now["resolution_id"]), (&json!("C"), &json!("Resolved")));
        assert_eq!((&now["properties"]["root_cause"], &now["vers"]), (&json!("a mail"), &json!(4)));
        // Closed already: nothing is sent.
        rest(&platform).close_incident(7, &given).await.unwrap();
        assert_eq!(platform.asked("PATCH /incidents/{id}").len(), 1);
    }
}

#[tokio::test]
async fn what_the_close_lacks_is_named_before_anything_is_sent() {
    let (platform, _object) = open_incident();
    let error = rest(&platform).close_incident(7, &json!({ "resolution_id": 56 })).await.unwrap_err();
    assert!(matches!(&error, CloseError::Missing { incident: 7, fields } if fields.len() == 2), "{error}");
    let text = error.to_string();
    assert!(
        text.contains("incident 7 was not closed")
            && text.contains("\"Root cause\" (properties.root_cause, text)"),
        "{text}"
    );
    let mistaken =
        json!({ "resolution_id": "Resolvd", "rootcause": "x", "properties": { "root_caus": "x" } });
    let text = rest(&platform).close_incident(7, &mistaken).await.unwrap_err().to_string();
    for near in ["did you mean \"Resolved\"?", "did you mean \"root_cause\"?"] {
        assert!(text.contains(near), "{text}");
    }
    platform.assert_nothing_changed();
}

#[tokio::test]
async fn the_platforms_own_complaint_names_the_fields_too() {
    for status in [200, 400] {
        let (platform, _object) = open_incident();
        let hint = json!([{ "field_defs": [{ "name": "vendor" }] }]);
        let mut known = definitions();
        known
            .as_array_mut()
            .unwrap()
            .push(json!({ "name": "vendor", "text": "Vendor", "input_type": "text" }));
        platform.on("GET /types/incident/fields", known);
        let refusal =
            json!({ "success": false, "title": null, "message": "A field is required.", "hints": hint });
        platform.on("PATCH /incidents/7", Answer::json(status, &refusal));
        let error = rest(&platform).close_incident(7, &outcome()).await.unwrap_err();
        assert!(
            matches!(&error, CloseError::Missing { fields, .. } if fields[0].name == "vendor"),
            "{error}"
        );
    }
}

#[tokio::test]
async fn a_close_whose_answer_was_lost_is_found_to_be_done() {
    let (platform, object) = open_incident();
    object.lose_answer();
    object.keeps_as(|incident| {
        if let Some(text) = incident["resolution_summary"].as_str().filter(|text| !text.starts_with('<')) {
            incident["resolution_summary"] = format!("<div class=\"rte\"><div>{text}</div></div>").into();
        }
        incident["resolution_id"] = 56.into();
    });
    rest(&platform).close_incident(7, &outcome()).await.unwrap();
    assert_eq!((&object.now()["plan_status"], platform.asked("PATCH /incidents/7").len()), (&json!("C"), 1));
}

#[tokio::test]
async fn a_lost_change_can_be_tried_in_the_test_kit() {
    let (platform, object) = open_incident();
    object.lose_answer();
    object.keeps_as(|incident| {
        incident["name"] =
            format!("<div class=\"rte\"><div>{}</div></div>", incident["name"].as_str().unwrap()).into()
    });
    rest(&platform).get_put("/incidents/7", |incident| incident["name"] = json!("seen")).await.unwrap();
    assert_eq!((platform.asked("PUT /incidents/7").len(), &object.now()["vers"]), (1, &json!(4)));
    object.lose_answer();
    object.keeps_as(|incident| incident["name"] = json!("something else"));
    let error = rest(&platform)
        .get_put("/incidents/7", |incident| incident["name"] = json!("new"))
        .await
        .unwrap_err();
    assert!(matches!(error, RestError::InDoubt { .. }), "{error}");
    assert_eq!(platform.asked("PUT /incidents/7").len(), 2);
}

// --- long lists

/// A list on the platform; `meanwhile` is what others do to it after each page.
fn list(
    rows: Vec<i64>,
    total: bool,
    meanwhile: impl Fn(usize, &mut Vec<i64>) + Send + Sync + 'static,
) -> Arc<Platform> {
    let platform = Platform::new();
    let rows = Mutex::new(rows);
    platform.on("POST /incidents/query_paged", move |asked: &Asked| {
        let mut rows = rows.lock().unwrap();
        let number = |name: &str| usize::try_from(asked.body[name].as_u64().unwrap()).unwrap();
        let (start, length) = (number("start"), number("length"));
        let page: Vec<Value> = rows.iter().skip(start).take(length).map(|id| json!({ "id": id })).collect();
        let mut answer = json!({ "data": page });
        if total {
            answer["recordsFiltered"] = rows.len().into();
            answer["recordsTotal"] = 1_000_000.into();
        }
        meanwhile(start, &mut rows);
        answer
    });
    platform
}

#[derive(serde::Deserialize)]
struct Incident {
    id: i64,
}

async fn ids(platform: &Arc<Platform>, length: u64) -> Vec<i64> {
    let paged = rest(platform)
        .query_paged::<Incident>("/incidents/query_paged", &json!({ "filters": [], "length": length }));
    paged.unwrap().all().await.unwrap().into_iter().map(|incident| incident.id).collect()
}

#[tokio::test]
async fn a_long_list_comes_whole_whatever_its_length() {
    for total in [true, false] {
        for count in [0, 1, 2, 3, 4, 5, 9, 10, 11, 100] {
            for length in [1, 2, 3, 5, 10, 1000] {
                let platform = list((0..count).collect(), total, |_, _| ());
                assert_eq!(
                    ids(&platform, length).await,
                    (0..count).collect::<Vec<_>>(),
                    "{count} by {length}"
                );
                let most = 3 + 2 * usize::try_from(count).unwrap();
                assert!(platform.calls().len() <= most, "{} calls", platform.calls().len());
            }
        }
    }
}

#[tokio::test]
async fn rows_that_come_and_go_meanwhile_cost_no_other_row() {
    for total in [true, false] {
        // Each page's reading is followed by the deletion of what came first, or by a row before it.
        let platform = list((100..160).collect(), total, |_, rows| drop(rows.drain(..rows.len().min(3))));
        let found = ids(&platform, 10).await;
        let mut once = found.clone();
        once.sort_unstable();
        once.dedup();
        assert_eq!(once.len(), found.len());
        assert!(found.contains(&159) && found.len() >= 40, "{found:?}");
        let first = Mutex::new(100);
        let platform = list((100..160).collect(), total, move |_, rows| {
            let mut first = first.lock().unwrap();
            *first -= 1;
            rows.insert(0, *first);
        });
        let found = ids(&platform, 10).await;
        assert!((100..160).all(|id| found.iter().filter(|found| **found == id).count() == 1), "{found:?}");
    }
    // One deletion, of a row that was read already: none behind it is missed.
    let platform = list((0..30).collect(), true, |start, rows| {
        if start == 0 && rows.len() == 30 {
            rows.remove(0);
            rows.remove(4);
        }
    });
    assert_eq!(ids(&platform, 10).await, (0..30).collect::<Vec<_>>());
}

#[tokio::test(start_paused = true)]
async fn a_page_that_was_lost_is_asked_for_again_and_a_bad_row_named() {
    let platform = Platform::new();
    let page = json!({ "data": [{ "id": 1 }, { "id": "x" }] });
    platform.on(
        "POST /artifacts/query_paged",
        [Answer::interrupted(), Answer::json(502, &json!({})), page.into()],
    );
    let mut rows = rest(&platform).query_paged::<Incident>("/artifacts/query_paged", &json!({})).unwrap();
    assert_eq!(rows.next().await.unwrap().unwrap().id, 1);
    let error = rows.next().await.err().unwrap();
    assert!(matches!(&error, RestError::Unreadable { .. }) && error.to_string().contains("id"), "{error}");
    assert_eq!(platform.calls()[0].body, json!({ "start": 0, "length": 1000 }));
}

// --- where and who

#[test]
fn links_have_the_platforms_form() {
    let site = Site::new("https://soar.example.com:8443/", 201, "Test");
    assert_eq!(site.incident_url(2095), "https://soar.example.com:8443/#incidents/2095?orgId=201");
    assert!(
        site.task_url(2095, 5)
            .starts_with("https://soar.example.com:8443/#incidents/2095?orgId=201&taskId=5")
    );
    assert!(site.artifacts_url(2095).starts_with(&site.incident_url(2095)));
    let pak = Site::new("https://cases-rest.cp.example.com", 201, "Test");
    assert_eq!(pak.incident_url(7), "https://cp.example.com/app/respond/#cases/7?orgId=201");
}

#[test]
fn one_knows_oneself() {
    let key =
        Identity::of_session(&json!({ "user_id": null, "api_key_handle": 12, "api_key_name": "processor" }));
    assert_eq!(key, Identity::api_key(12, "processor"));
    let user = Identity::of_session(
        &json!({ "user_id": 3, "user_fname": "Ada", "user_lname": "L", "user_email": "a@b.c" }),
    );
    assert_eq!(user, Identity::user(3, "Ada L", "a@b.c"));
    for me in [
        json!(3),
        json!("A@b.c"),
        json!({ "id": 3, "name": "x" }),
        json!({ "email": "a@b.c" }),
        json!("Ada L"),
    ] {
        assert!(user.is(&me), "{me}");
    }
    for other in [json!(4), json!({ "id": 4, "name": "Ada L" }), json!(null), json!([3]), json!("")] {
        assert!(!user.is(&other), "{other}");
    }
    assert!(!Identity::default().is(&Value::Null));
}

#[tokio::test]
async fn the_test_kit_has_a_site_too() {
    let platform = Platform::new();
    assert_eq!(rest(&platform).site().unwrap().org_id, 201);
    let other = Platform::new();
    other.at(Site::new("https://other.example.com", 5, "Five"));
    assert_eq!(
        rest(&other).site().unwrap().incident_url(1),
        "https://other.example.com/#incidents/1?orgId=5"
    );
}

// --- labels

#[test]
fn labels_are_found_in_every_form_and_mixed() {
    let values = json!({ "6": { "label": "High" }, "4": { "label": "Low" } });
    let body = json!({
        "action_id": 1, "object_type": 0, "properties": {},
        "type_info": { "incident": { "fields": { "severity_code": { "values": values }, "kinds": { "values": values } } } },
        "incident": {
            "id": 7, "severity_code": { "id": 6, "name": "an old name" }, "kinds": [6, { "id": 4, "name": "Low" }, "High", { "id": 9, "name": "Gone" }, 8],
            "other": { "id": 1, "name": "Malware" }, "others": [{ "id": 1, "name": "Malware" }, { "id": 2 }],
        },
    });
    let message: Message = testing::message("x", body);
    let incident = message.incident();
    assert_eq!(incident.label("severity_code"), Some("High"));
    assert_eq!(incident.labels("kinds"), ["High", "Low", "High", "Gone"]);
    assert_eq!((incident.label("other"), incident.labels("others")), (Some("Malware"), vec!["Malware"]));
}
