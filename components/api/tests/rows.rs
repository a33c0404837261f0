//! Data tables, against a platform made up here.

use action_component::{
    Rest,
    rest::{RestError, Row, RowError, Table},
    testing::{Call, Platform},
};
use http::Method;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering::Relaxed},
};

const TABLE: &str = "/incidents/7/table_data/seen?handle_format=names";
const ROW: &str = "/incidents/7/table_data/seen/row_data/3?handle_format=names";

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Seen {
    address: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    times: Option<i64>,
}

fn columns() -> Value {
    json!([
        { "id": 251, "name": "address", "text": "Address", "input_type": "text", "values": [] },
        { "id": 252, "name": "times", "text": "Times seen", "input_type": "number", "values": [] },
        { "id": 253, "name": "verdict", "text": "Verdict", "input_type": "select",
          "values": [{ "value": 1, "label": "Good", "enabled": true }, { "value": 2, "label": "Bad", "enabled": true }] },
    ])
}

fn row(times: i64) -> Value {
    let cell = |value: Value| json!({ "row_id": 3, "value": value });
    json!({ "id": 3, "version": 5, "type_id": 1010, "cells": {
        "address": cell(json!("192.0.2.1")), "times": cell(json!(times)), "verdict": { "id": "verdict", "row_id": 3 },
    } })
}

/// The table of incident 7, whose platform answers writes by `write`.
async fn table(write: impl Fn(&Call) -> (u16, Value) + Send + Sync + 'static) -> (Arc<Platform>, Table) {
    let platform = Platform::answering(move |call| match (&call.method, call.path.as_str()) {
        (&Method::GET, "/types/seen/fields") => (200, columns()),
        (&Method::GET, TABLE) => (200, json!({ "id": 1010, "rows": [row(4)] })),
        _ => write(call),
    });
    let table = Rest::new(platform.clone(), Some("token".into())).table(7, "seen").await.unwrap();
    (platform, table)
}

fn refuse(_: &Call) -> (u16, Value) {
    (400, json!({ "message": "nobody should have asked" }))
}

fn count_up(cells: &mut action_component::rest::Cells) {
    cells.set("times", cells.get("times").as_i64().unwrap() + 1);
}

#[tokio::test]
async fn rows_come_with_their_cells_by_name_and_as_types() {
    let (_, table) = table(refuse).await;
    let rows = table.rows().await.unwrap();
    assert_eq!((rows[0].id, rows[0].version), (3, Some(5)));
    assert_eq!((rows[0].get("times"), rows[0].get("verdict")), (&json!(4), &Value::Null));
    assert_eq!(rows[0].read::<Seen>().unwrap(), Seen { address: "192.0.2.1".into(), times: Some(4) });
    let labels: Vec<_> = table.columns().iter().map(|column| column.label.as_str()).collect();
    assert_eq!(labels, ["Address", "Times seen", "Verdict"]);
}

#[tokio::test]
async fn rows_are_found_by_a_column() {
    let (_, table) = table(refuse).await;
    assert_eq!(table.find("times", 4).await.unwrap().len(), 1);
    assert!(table.find("address", "192.0.2.2").await.unwrap().is_empty());
    let error = table.find("adress", 4).await.unwrap_err();
    assert_eq!(error.to_string(), r#"seen has no field "adress"; did you mean "address"?"#);
}

#[tokio::test]
async fn a_row_of_a_message_is_read_like_any_other_also_by_numbers() {
    let (_, table) = table(refuse).await;
    let sent = json!({ "id": 3, "cells": { "251": { "id": 251, "value": "192.0.2.1" } } });
    assert_eq!(Row::of(&sent, table.columns()).unwrap().get("address"), "192.0.2.1");
    assert_eq!(Row::of(&json!({ "id": 3 }), table.columns()), None);
}

#[tokio::test]
async fn a_row_is_added_from_a_type_of_ones_own() {
    let (platform, table) = table(|_| (200, row(1))).await;
    let added = table.add(&Seen { address: "192.0.2.1".into(), times: Some(1) }).await.unwrap();
    assert_eq!(added.id, 3);
    let call = platform.calls().pop().unwrap();
    assert_eq!(call.path, "/incidents/7/table_data/seen/row_data?handle_format=names");
    let cells = json!({ "address": { "value": "192.0.2.1" }, "times": { "value": 1 } });
    assert_eq!(call.body, json!({ "cells": cells }));
    assert_eq!(call.token.as_deref(), Some("token"));
}

#[tokio::test]
async fn columns_and_labels_that_are_not_there_are_never_sent() {
    let (platform, table) = table(refuse).await;
    let unknown = table.add(&json!({ "time": 1 })).await.unwrap_err();
    assert!(unknown.to_string().contains(r#"did you mean "times"?"#), "{unknown}");
    let label = table.change(3, |cells| cells.set("verdict", "Baad")).await.unwrap_err();
    assert!(label.to_string().contains(r#"did you mean "Bad"?"#), "{label}");
    assert!(matches!(table.add(&json!([1])).await, Err(RowError::NoCells("a list"))));
    assert!(platform.calls().iter().all(|call| call.method == Method::GET));
}

#[tokio::test]
async fn a_change_sends_every_cell_and_the_version() {
    let (platform, table) = table(|_| (200, row(5))).await;
    assert_eq!(table.change(3, count_up).await.unwrap().get("times"), 5);
    let call = platform.calls().pop().unwrap();
    assert_eq!((&call.method, call.path.as_str()), (&Method::PUT, ROW));
    let cells =
        json!({ "address": { "value": "192.0.2.1" }, "times": { "value": 5 }, "verdict": { "value": null } });
    assert_eq!(call.body, json!({ "id": 3, "version": 5, "cells": cells }));
}

#[tokio::test]
async fn a_change_that_changes_nothing_is_not_sent() {
    let (_, table) = table(refuse).await;
    assert_eq!(table.change(3, |cells| cells.set("times", 4)).await.unwrap().get("times"), 4);
}

#[tokio::test(start_paused = true)]
async fn a_conflict_means_reading_and_changing_again_but_not_for_ever() {
    let asked = AtomicUsize::new(0);
    let (platform, once) = table(move |_| match asked.fetch_add(1, Relaxed) {
        0 => (409, json!({})),
        _ => (200, row(5)),
    })
    .await;
    once.change(3, count_up).await.unwrap();
    let reads = platform.calls().iter().filter(|call| call.path == TABLE).count();
    assert_eq!(reads, 2);
    let (_, always) = table(|_| (409, json!({}))).await;
    let error = always.change(3, count_up).await.unwrap_err();
    assert!(matches!(error, RowError::Rest(RestError::Conflict { method: Method::PUT, .. })), "{error}");
}

#[tokio::test]
async fn a_row_that_is_gone_is_told() {
    let (_, table) = table(|_| (404, json!({ "message": "gone" }))).await;
    let error = table.change(9, count_up).await.unwrap_err();
    assert_eq!(error.to_string(), "seen has no row 9; somebody may have deleted it");
    assert!(!table.delete(3).await.unwrap());
}
