//! Field definitions, data tables, incidents and files, as handlers use them.

use super::{TOKEN, rest_of};
use action_processor::component::{
    Rest,
    rest::{File, FileAt, IncidentError, RowError},
};
use http::Method;
use serde_json::{Value, json};
use stand_in_platform::{Fault, Platform};
use tokio::io::AsyncReadExt;

async fn platform() -> Platform {
    let platform = Platform::start().await;
    platform.add_incident(json!({ "id": 7, "name": "A", "severity_code": 6 }));
    platform.set(
        "/types/incident/fields",
        json!([
            { "id": 1, "name": "name", "text": "Name", "input_type": "text", "required": "always" },
            { "id": 2, "name": "severity_code", "text": "Severity", "input_type": "select",
              "values": [{ "value": 6, "label": "High", "enabled": true }] },
        ]),
    );
    platform.set(
        "/types/seen/fields",
        json!([
            { "id": 3, "name": "address", "text": "Address", "input_type": "text" },
            { "id": 4, "name": "times", "text": "Times", "input_type": "number" },
        ]),
    );
    platform
}

const ROWS: &str = "/incidents/7/table_data/seen/row_data";

async fn add_row(rest: &Rest) -> i64 {
    let table = rest.table(7, "seen").await.unwrap();
    table.add(&json!({ "address": "192.0.2.1", "times": 1 })).await.unwrap().id
}

fn count_up(cells: &mut action_processor::component::rest::Cells) {
    cells.set("times", cells.get("times").as_i64().unwrap() + 1);
}

#[tokio::test]
async fn definitions_are_asked_for_once_and_shared() {
    let platform = platform().await;
    let rest = rest_of(&platform).await;
    for _ in 0..3 {
        let fields = rest.fields("incident").await.unwrap();
        assert_eq!(fields.label(&platform.incident(7), "severity_code").unwrap(), Some("High"));
        assert_eq!(fields.id("severity_code", "High").unwrap(), 6);
    }
    assert_eq!(platform.requests_of(&Method::GET, "/types/incident/fields").len(), 1);
}

#[tokio::test]
async fn names_are_asked_for_in_the_query_of_any_call() {
    let platform = platform().await;
    let rest = rest_of(&platform).await.names();
    rest.get::<Value>("/incidents/7").await.unwrap();
    rest.post::<Value>("/incidents/7/tasks?x=y", &json!({})).await.unwrap();
    rest.get_put("/incidents/7", |incident| incident["name"] = json!("B")).await.unwrap();
    rest.get::<Value>("/incidents/7?handle_format=ids").await.unwrap();
    let queries: Vec<_> = platform.requests().into_iter().filter_map(|request| request.query).collect();
    let names = "handle_format=names";
    assert_eq!(queries, [names, "x=y&handle_format=names", names, names, "handle_format=ids"]);
}

#[tokio::test]
async fn rows_are_added_found_changed_and_deleted() {
    let platform = platform().await;
    let rest = rest_of(&platform).await;
    let id = add_row(&rest).await;
    let table = rest.table(7, "seen").await.unwrap();
    assert_eq!(table.find("address", "192.0.2.1").await.unwrap()[0].id, id);
    let row = table.change(id, count_up).await.unwrap();
    assert_eq!(
        (row.get("times"), row.get("address"), row.version),
        (&json!(2), &json!("192.0.2.1"), Some(2))
    );
    assert!(table.delete(id).await.unwrap() && !table.delete(id).await.unwrap());
    assert!(matches!(table.change(id, count_up).await, Err(RowError::NoRow { .. })));
    assert!(platform.writes().iter().all(|write| write.context_token.as_deref() == Some(TOKEN)));
}

#[tokio::test]
async fn a_row_that_somebody_else_changed_is_read_and_changed_again() {
    let platform = platform().await;
    let rest = rest_of(&platform).await;
    let id = add_row(&rest).await;
    platform.meddle(&format!("{ROWS}/{id}"), |row| {
        row["version"] = json!(2);
        row["cells"]["times"]["value"] = json!(10);
        row["cells"]["address"]["value"] = json!("theirs");
    });
    let row = rest.table(7, "seen").await.unwrap().change(id, count_up).await.unwrap();
    assert_eq!((row.get("times"), row.get("address")), (&json!(11), &json!("theirs")));
}

#[tokio::test]
async fn a_rows_change_whose_answer_was_lost_is_not_made_twice() {
    let platform = platform().await;
    let rest = rest_of(&platform).await;
    let id = add_row(&rest).await;
    platform.fault(Fault::close().after_carrying_out().on(Method::PUT, ROWS));
    let row = rest.table(7, "seen").await.unwrap().change(id, count_up).await.unwrap();
    assert_eq!((row.get("times"), row.version), (&json!(2), Some(2)));
}

#[tokio::test]
async fn an_incident_that_lacks_a_field_is_refused_before_and_after_the_platform_is_asked() {
    let platform = platform().await;
    let rest = rest_of(&platform).await;
    let error = rest.create_incident(&json!({ "severity_code": "High" })).await.unwrap_err();
    assert!(error.to_string().contains("\"Name\" (name, text)"), "{error}");
    assert!(platform.requests_of(&Method::POST, "/incidents").is_empty());
    let created = rest.create_incident(&json!({ "name": "B", "severity_code": "High" })).await.unwrap();
    assert_eq!(platform.incident(created["id"].as_i64().unwrap())["name"], "B");
    // Somebody makes another field a required one; what we remember does not say so yet.
    let state = json!({ "id": 5, "name": "severity_code", "text": "Severity", "input_type": "select", "required": "always" });
    platform.set("/types/incident/fields", json!([state]));
    let error = rest.create_incident(&json!({ "name": "C" })).await.unwrap_err();
    assert!(matches!(error, IncidentError::Missing { fields } if fields[0].name == "severity_code"));
}

#[tokio::test]
async fn a_file_is_found_described_and_passed_on_without_being_held() {
    let platform = platform().await;
    let rest = rest_of(&platform).await;
    let bytes: Vec<u8> = (0..2_000_000_u32).map(|n| (n % 251) as u8).collect();
    let file = File::bytes("sample.bin", bytes.clone()).content_type("x/y");
    let about = json!({ "type": "Malware Sample" });
    let made: Value = rest.upload_artifact_file("/incidents/7/artifacts/files", &about, file).await.unwrap();
    let artifact = FileAt::Artifact { incident: 7, artifact: made[0]["id"].as_i64().unwrap() };
    let info = rest.file_info(&artifact).await.unwrap();
    assert_eq!((info.name.as_str(), info.size), ("sample.bin", Some(2_000_000)));
    // From the artifact to an attachment of a task, chunk by chunk.
    let download = rest.download_file(&artifact).await.unwrap();
    let file = File::stream("copy.bin", download);
    let made: Value = rest.upload_attachment("/tasks/9/attachments", file).await.unwrap();
    let copy = FileAt::Task { task: 9, attachment: made["id"].as_i64().unwrap() };
    assert_eq!(rest.file_info(&copy).await.unwrap().name, "copy.bin");
    let mut down = Vec::new();
    rest.download_file(&copy).await.unwrap().into_reader().read_to_end(&mut down).await.unwrap();
    assert!(down == bytes);
    rest.delete_file(&copy).await.unwrap();
    assert!(rest.file_info(&copy).await.is_err());
}
