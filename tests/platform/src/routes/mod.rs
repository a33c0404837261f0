//! The handlers.

mod files;
mod objects;
mod patch;
mod rows;
mod session;

use crate::{Reply, pipeline, platform::Shared, platform::lock};
use axum::{
    Router,
    extract::{DefaultBodyLimit, Path, State},
    middleware,
    routing::{get, post, put},
};
use http::Uri;
use std::sync::Arc;

type World = State<Arc<Shared>>;

/// All routes, below `<prefix>/rest`.
pub(crate) fn all(shared: &Arc<Shared>, prefix: &str) -> Router {
    let rest = Router::new()
        .route("/session", get(session::show).post(session::log_in))
        .route("/search_ex", post(objects::search))
        .route("/orgs/{org}", get(session::organization))
        .nest("/orgs/{org}", organization());
    Router::new()
        .nest(&format!("{}/rest", prefix.trim_end_matches('/')), rest)
        .fallback(whole)
        .layer(DefaultBodyLimit::disable())
        .layer(middleware::from_fn_with_state(shared.clone(), pipeline::pass))
        .with_state(shared.clone())
}

fn organization() -> Router<Arc<Shared>> {
    let contents = get(files::contents);
    Router::new()
        .route("/incidents", get(objects::list).post(objects::create_incident))
        .route("/incidents/{id}", objects::one())
        .route("/incidents/{id}/members", get(objects::read).put(objects::put))
        .route("/incidents/{id}/tasks", get(objects::list).post(objects::create_task))
        .route("/incidents/{id}/comments", get(objects::list).post(objects::create))
        .route("/incidents/{id}/artifacts", get(objects::list).post(objects::create))
        .route("/incidents/{id}/artifacts/files", post(files::artifact))
        .route("/incidents/{id}/attachments", get(objects::list).post(files::attach))
        .route("/incidents/{id}/attachments/{file}", objects::one())
        .route("/incidents/{id}/attachments/{file}/contents", contents.clone())
        .route("/incidents/{id}/artifacts/{artifact}", objects::one())
        .route("/incidents/{id}/artifacts/{file}/contents", contents.clone())
        .route("/incidents/{id}/table_data/{table}", get(rows::table))
        .route("/incidents/{id}/table_data/{table}/row_data", post(rows::add))
        .route("/incidents/{id}/table_data/{table}/row_data/{row}", put(rows::put).delete(objects::delete))
        .route("/tasks/{id}", objects::one())
        .route("/tasks/{id}/attachments", get(objects::list).post(files::attach))
        .route("/tasks/{id}/attachments/{file}", objects::one())
        .route("/tasks/{id}/attachments/{file}/contents", contents)
        .route("/{*list}", get(named))
}

/// What a test has set for this path below the organization.
async fn named(State(shared): World, Path((_org, list)): Path<(i64, String)>) -> Reply {
    let found = lock(&shared.world).lists.get(&format!("/{list}")).cloned();
    found.map_or_else(Reply::not_found, Reply::json)
}

/// What a test has set for this path from `/rest` on.
async fn whole(State(shared): World, uri: Uri) -> Reply {
    let below = uri.path().find("/rest/").and_then(|start| uri.path().get(start..)).unwrap_or_default();
    let found = lock(&shared.world).lists.get(below).cloned();
    found.map_or_else(Reply::not_found, Reply::json)
}
