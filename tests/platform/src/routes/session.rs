use super::World;
use crate::{EMAIL, Reply, platform::lock, world};
use axum::{
    Json,
    extract::{Path, State},
};
use http::{HeaderValue, StatusCode, header};
use serde_json::{Value, json};

/// `GET /session`, for an API key.
pub(super) async fn show(State(shared): World) -> Reply {
    Reply::json(session(&lock(&shared.world), None))
}

/// `POST /session`, by e-mail address and password.
pub(super) async fn log_in(State(shared): World, Json(body): Json<Value>) -> Reply {
    let mut world = lock(&shared.world);
    let text = |name: &str| body.get(name).and_then(Value::as_str).unwrap_or_default();
    if world.users.get(text("email")).map(String::as_str) != Some(text("password")) {
        return Reply::error(StatusCode::UNAUTHORIZED, "Invalid user name or password");
    }
    world.logins += 1;
    let number = world.logins;
    let (session, token) = (format!("session-{number}"), format!("csrf-{number}"));
    let mut reply = Reply::json(self::session(&world, Some(&token)));
    let cookie = HeaderValue::from_str(&format!("JSESSIONID={session}; Path=/; Secure; HttpOnly"));
    reply.headers.extend(cookie.into_iter().map(|cookie| (header::SET_COOKIE, cookie)));
    world.sessions.insert(session, token);
    reply
}

/// `GET /orgs/<id>`
pub(super) async fn organization(State(shared): World, Path(id): Path<i64>) -> Reply {
    let organizations = &lock(&shared.world).organizations;
    let found = organizations.iter().find(|organization| organization.get("id") == Some(&json!(id)));
    found.cloned().map_or_else(Reply::not_found, Reply::json)
}

fn session(world: &world::World, token: Option<&str>) -> Value {
    let mut session = json!({ "orgs": world.organizations, "csrf_token": token, "session_ip": "127.0.0.1", "is_saml": false });
    let account = match token {
        Some(_) => {
            json!({ "user_id": 3, "user_fname": "The", "user_lname": "Processor", "user_email": EMAIL })
        }
        None => json!({ "user_id": null, "api_key_handle": 4, "api_key_name": "processor" }),
    };
    if let (Some(session), Value::Object(account)) = (session.as_object_mut(), account) {
        session.extend(account);
    }
    session
}
