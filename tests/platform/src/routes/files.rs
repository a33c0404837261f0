use super::{World, objects::below};
use crate::{
    Reply,
    platform::{Shared, lock},
    world::StoredFile,
};
use axum::{
    extract::{Multipart, OriginalUri, Path, State},
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use http::{StatusCode, header};
use serde_json::{Value, json};

/// The parts of a form.
#[derive(Default)]
struct Form {
    artifact: Value,
    description: Option<String>,
    file: Option<(String, StoredFile)>,
}

/// `POST …/attachments`, part `file`.
pub(super) async fn attach(State(shared): World, OriginalUri(uri): OriginalUri, form: Multipart) -> Reply {
    match read(form).await {
        Form { file: Some((name, file)), description, .. } => {
            let about = description.map_or(json!({}), |text| json!({ "description": text }));
            Reply::json(keep(&shared, &below(&uri), about, &name, file))
        }
        Form { file: None, .. } => Reply::error(StatusCode::BAD_REQUEST, "the part \"file\" is missing"),
    }
}

/// `POST …/artifacts/files`, parts `file` and `artifact`. The platform answers with a list. What is known of the file stands
/// in the artifact's `attachment`, too.
pub(super) async fn artifact(State(shared): World, OriginalUri(uri): OriginalUri, form: Multipart) -> Reply {
    let collection = below(&uri).trim_end_matches("/files").to_owned();
    match read(form).await {
        Form { mut artifact, file: Some((name, file)), .. } if artifact.is_object() => {
            let id = lock(&shared.world).next_id();
            let size = file.bytes.len();
            let attachment =
                json!({ "id": id, "name": name, "size": size, "content_type": file.content_type });
            if let Some(artifact) = artifact.as_object_mut() {
                artifact.insert("attachment".to_owned(), attachment);
            }
            Reply::json(json!([keep(&shared, &collection, artifact, &name, file)]))
        }
        _ => Reply::error(StatusCode::BAD_REQUEST, "the parts \"file\" and \"artifact\" are needed"),
    }
}

/// `GET …/<file>/contents`
pub(super) async fn contents(
    State(shared): World,
    Path((_org, _parent, file)): Path<(i64, i64, i64)>,
) -> Response {
    let file = lock(&shared.world).files.get(&file).cloned();
    let Some(StoredFile { content_type, bytes }) = file else { return Reply::not_found().into_response() };
    ([(header::CONTENT_TYPE, content_type)], bytes).into_response()
}

fn keep(shared: &Shared, collection: &str, about: Value, name: &str, file: StoredFile) -> Value {
    let mut world = lock(&shared.world);
    let size = file.bytes.len();
    let mut object = json!({ "name": name, "size": size, "content_type": file.content_type });
    if let (Some(object), Value::Object(about)) = (object.as_object_mut(), about) {
        object.extend(about);
    }
    let id = world.add(collection, object);
    world.files.insert(id, file);
    world.objects.get(&format!("{collection}/{id}")).cloned().unwrap_or_default()
}

async fn read(mut form: Multipart) -> Form {
    let mut read = Form::default();
    while let Ok(Some(field)) = form.next_field().await {
        let name = field.name().unwrap_or_default().to_owned();
        let file_name = field.file_name().unwrap_or_default().to_owned();
        let content_type = field.content_type().unwrap_or_default().to_owned();
        let bytes = field.bytes().await.unwrap_or_else(|_broken| Bytes::new());
        match name.as_str() {
            "artifact" => read.artifact = serde_json::from_slice(&bytes).unwrap_or_default(),
            "description" => read.description = Some(String::from_utf8_lossy(&bytes).into_owned()),
            "file" => read.file = Some((file_name, StoredFile { content_type, bytes })),
            _ => {}
        }
    }
    read
}
