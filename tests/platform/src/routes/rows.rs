use super::{
    World,
    objects::{below, format},
};
use crate::{Reply, platform::lock, rewrite};
use axum::{
    Json,
    extract::{OriginalUri, State},
};
use http::{HeaderMap, StatusCode};
use serde_json::{Map, Value, json};

/// `GET …/table_data/<table>`
pub(super) async fn table(State(shared): World, OriginalUri(uri): OriginalUri, headers: HeaderMap) -> Reply {
    let world = lock(&shared.world);
    let path = below(&uri);
    let (definitions, format) = (world.definitions(table_of(&path)), format(&uri, &headers));
    let mut rows = world.below(&format!("{path}/row_data"));
    rows.iter_mut().for_each(|row| {
        rewrite::cells(row, |column, value| definitions.shown(column, value, &format));
    });
    Reply::json(json!({ "id": 1010, "rows": rows }))
}

/// `POST …/row_data`
pub(super) async fn add(
    State(shared): World,
    OriginalUri(uri): OriginalUri,
    Json(mut row): Json<Value>,
) -> Reply {
    let collection = below(&uri);
    let mut world = lock(&shared.world);
    let id = world.next_id();
    let definitions = world.definitions(table_of(&collection));
    rewrite::cells(&mut row, |column, value| definitions.stored(column, value));
    world.add(&collection, json!({ "id": id, "version": 1, "cells": cells(id, &row) }));
    Reply::json(world.objects.get(&format!("{collection}/{id}")).cloned().unwrap_or_default())
}

/// `PUT …/row_data/<row>`: the row has the cells that are sent, and no others.
pub(super) async fn put(
    State(shared): World,
    OriginalUri(uri): OriginalUri,
    Json(mut new): Json<Value>,
) -> Reply {
    let path = below(&uri);
    let mut world = lock(&shared.world);
    world.meddle(&path);
    let definitions = world.definitions(table_of(&path));
    rewrite::cells(&mut new, |column, value| definitions.stored(column, value));
    let Some(row) = world.objects.get_mut(&path) else { return Reply::not_found() };
    let version = row.get("version").and_then(Value::as_i64).unwrap_or_default();
    if new.get("version").is_some_and(|sent| *sent != version) {
        return Reply::error(StatusCode::CONFLICT, "The row has been changed by somebody else");
    }
    let id = row.get("id").and_then(Value::as_i64).unwrap_or_default();
    *row = json!({ "id": id, "version": version + 1, "cells": cells(id, &new) });
    Reply::json(row.clone())
}

/// The table's name in `/incidents/7/table_data/<table>/…`.
fn table_of(path: &str) -> &str {
    path.split('/').nth(4).unwrap_or_default()
}

/// A cell without a value has no member `value`.
fn cells(row_id: i64, row: &Value) -> Value {
    let sent = row.get("cells").and_then(Value::as_object).cloned().unwrap_or_default();
    let cell = |(column, cell): (String, Value)| {
        let mut whole = json!({ "id": column, "row_id": row_id });
        if let (Some(value), Some(whole)) =
            (cell.get("value").filter(|value| !value.is_null()), whole.as_object_mut())
        {
            whole.insert("value".to_owned(), value.clone());
        }
        (column, whole)
    };
    Value::Object(sent.into_iter().map(cell).collect::<Map<_, _>>())
}
