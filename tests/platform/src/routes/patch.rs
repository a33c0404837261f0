use super::{
    World,
    objects::{below, format},
};
use crate::{Reply, platform::lock, rewrite::Definitions, world::touch};
use axum::{
    Json,
    extract::{OriginalUri, State},
};
use http::HeaderMap;
use serde_json::{Value, json};

/// Changes single fields, if each still has the value that the sender expects.
pub(super) async fn patch(
    State(shared): World,
    OriginalUri(uri): OriginalUri,
    headers: HeaderMap,
    Json(patch): Json<Value>,
) -> Reply {
    let path = below(&uri);
    let mut world = lock(&shared.world);
    world.meddle(&path);
    let (definitions, format) = (world.definitions_at(&path), format(&uri, &headers));
    let Some(object) = world.objects.get_mut(&path) else { return Reply::not_found() };
    let changes = patch.get("changes").and_then(Value::as_array).cloned().unwrap_or_default();
    let failures: Vec<Value> =
        changes.iter().filter_map(|change| failure(object, change, &definitions, &format)).collect();
    if failures.is_empty() {
        for change in &changes {
            if let Some(place) = object.pointer_mut(&place(change)) {
                *place = definitions.stored(field(change), &value(change, "new_value"));
            }
        }
        touch(object);
    }
    let message =
        if failures.is_empty() { Value::Null } else { json!("Some fields were changed by somebody else") };
    Reply::json(
        json!({ "success": failures.is_empty(), "field_failures": failures, "message": message, "hints": [] }),
    )
}

/// Old values may come in any form, and are told in the one that was asked for.
fn failure(object: &Value, change: &Value, definitions: &Definitions, format: &str) -> Option<Value> {
    let current = object.pointer(&place(change)).cloned().unwrap_or_default();
    let expected = value(change, "old_value");
    let is_expected = current == definitions.stored(field(change), &expected);
    let current = definitions.shown(field(change), &current, format);
    (!is_expected).then(|| {
        json!({
            "field": change.get("field"), "your_original_value": expected, "actual_current_value": current,
        })
    })
}

/// `properties.score` is the member `score` of the member `properties`.
fn place(change: &Value) -> String {
    format!("/{}", field(change).replace('.', "/"))
}

fn field(change: &Value) -> &str {
    change.get("field").and_then(Value::as_str).unwrap_or_default()
}

fn value(change: &Value, name: &str) -> Value {
    change.pointer(&format!("/{name}/object")).cloned().unwrap_or_default()
}
