use super::{World, patch};
use crate::{
    Reply,
    platform::{Shared, lock},
    world::touch,
};
use axum::{
    Json,
    extract::{OriginalUri, State},
    routing::{MethodRouter, get},
};
use http::{HeaderMap, StatusCode, Uri};
use serde_json::{Value, json};
use std::sync::Arc;

/// An object that can be read, replaced, changed and deleted.
pub(super) fn one() -> MethodRouter<Arc<Shared>> {
    get(read).put(put).patch(patch::patch).delete(delete)
}

/// The path below the organization: `/incidents/7`.
pub(super) fn below(uri: &Uri) -> String {
    let after = uri.path().split_once("/orgs/").map_or("", |(_, after)| after);
    after.find('/').and_then(|start| after.get(start..)).unwrap_or_default().trim_end_matches('/').to_owned()
}

pub(super) async fn read(State(shared): World, OriginalUri(uri): OriginalUri, headers: HeaderMap) -> Reply {
    let world = lock(&shared.world);
    let path = below(&uri);
    let Some(mut object) = world.objects.get(&path).cloned() else { return Reply::not_found() };
    world.definitions_at(&path).show(&mut object, &format(&uri, &headers));
    Reply::json(object)
}

/// How what refers to something else is wanted.
pub(super) fn format(uri: &Uri, headers: &HeaderMap) -> String {
    let query = uri.query().unwrap_or_default().split('&');
    let asked = query.filter_map(|pair| pair.strip_prefix("handle_format=")).next();
    let header = headers.get("handle_format").and_then(|value| value.to_str().ok());
    asked.or(header).unwrap_or("ids").to_owned()
}

/// Replaces an object, unless the sender has an old version of it.
pub(super) async fn put(
    State(shared): World,
    OriginalUri(uri): OriginalUri,
    Json(mut new): Json<Value>,
) -> Reply {
    let path = below(&uri);
    let mut world = lock(&shared.world);
    world.meddle(&path);
    let definitions = world.definitions_at(&path);
    let Some(object) = world.objects.get_mut(&path) else { return Reply::not_found() };
    if new.get("vers").is_some_and(|version| Some(version) != object.get("vers")) {
        return Reply::error(StatusCode::CONFLICT, "The object has been changed by somebody else");
    }
    if let (Some(new), Some(version)) = (new.as_object_mut(), object.get("vers")) {
        new.insert("vers".to_owned(), version.clone());
    }
    touch(&mut new);
    definitions.store(&mut new);
    *object = new;
    Reply::json(object.clone())
}

pub(super) async fn delete(State(shared): World, OriginalUri(uri): OriginalUri) -> Reply {
    match lock(&shared.world).objects.remove(&below(&uri)) {
        Some(_) => Reply::text(StatusCode::NO_CONTENT, ""),
        None => Reply::not_found(),
    }
}

pub(super) async fn list(State(shared): World, OriginalUri(uri): OriginalUri) -> Reply {
    Reply::json(Value::Array(lock(&shared.world).below(&below(&uri))))
}

pub(super) async fn create(
    State(shared): World,
    OriginalUri(uri): OriginalUri,
    Json(mut object): Json<Value>,
) -> Reply {
    let collection = below(&uri);
    let mut world = lock(&shared.world);
    world.definitions_at(&format!("{collection}/0")).store(&mut object);
    let id = world.add(&collection, object);
    let created = world.objects.get(&format!("{collection}/{id}")).cloned();
    Reply::json(created.unwrap_or_default())
}

/// Refuses an incident without the fields that `/types/incident/fields` requires always, as the platform does.
pub(super) async fn create_incident(world: World, uri: OriginalUri, Json(incident): Json<Value>) -> Reply {
    let definitions = lock(&world.0.world).lists.get("/types/incident/fields").cloned().unwrap_or_default();
    let definitions = definitions.as_array().into_iter().flatten();
    let missing: Vec<_> =
        definitions.filter(|definition| is_missing(definition, &incident)).cloned().collect();
    if missing.is_empty() {
        return create(world, uri, Json(incident)).await;
    }
    let body = json!({
        "success": false, "title": null, "message": "A required field is missing.", "hints": [{ "field_defs": missing }],
    });
    Reply::text(StatusCode::BAD_REQUEST, body.to_string())
}

fn is_missing(definition: &Value, incident: &Value) -> bool {
    let member = |name: &str| definition.get(name).and_then(Value::as_str);
    let holder = member("prefix").map_or(Some(incident), |prefix| incident.get(prefix));
    let value = holder.zip(member("name")).and_then(|(holder, name)| holder.get(name));
    member("required") == Some("always") && value.is_none_or(Value::is_null)
}

/// A task is read and changed at `/tasks/<id>`, but made and listed at its incident. The platform answers with its id only.
pub(super) async fn create_task(
    State(shared): World,
    OriginalUri(uri): OriginalUri,
    Json(object): Json<Value>,
) -> Reply {
    let mut world = lock(&shared.world);
    let id = world.add(&below(&uri), object.clone());
    let task =
        [object, json!({ "id": id })].into_iter().filter_map(|part| part.as_object().cloned()).flatten();
    world.add("/tasks", Value::Object(task.collect()));
    Reply::json(json!({ "id": id }))
}

/// `POST /search_ex`: the incidents whose name holds the query.
pub(super) async fn search(State(shared): World, Json(query): Json<Value>) -> Reply {
    let wanted = query.get("query").and_then(Value::as_str).unwrap_or_default().to_lowercase();
    let holds = |incident: &Value| {
        incident.get("name").and_then(Value::as_str).is_some_and(|name| name.to_lowercase().contains(&wanted))
    };
    let found = lock(&shared.world).below("/incidents").into_iter().filter(holds);
    Reply::json(json!({ "results": found.map(|incident| json!({ "obj": incident })).collect::<Vec<_>>() }))
}
