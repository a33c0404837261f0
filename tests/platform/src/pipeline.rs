//! The way of a request: log, faults, a test's own routes, who is it, the handler.

use crate::{
    Fault, Recorded, Reply, Write,
    fault::Kind,
    platform::{Shared, lock},
    world::World,
};
use axum::{
    body::Body,
    extract::{Request, State},
    middleware::Next,
    response::{IntoResponse, Response},
};
use base64::{Engine, prelude::BASE64_STANDARD};
use bytes::Bytes;
use futures_util::{Stream, StreamExt, stream};
use http::{HeaderMap, Method, StatusCode};
use std::{
    io,
    sync::{Arc, atomic::Ordering::Relaxed},
};

pub(crate) async fn pass(State(shared): State<Arc<Shared>>, request: Request, next: Next) -> Response {
    let (parts, body) = request.into_parts();
    let mut recorded = Recorded {
        method: parts.method.clone(),
        path: parts.uri.path().to_owned(),
        query: parts.uri.query().map(ToOwned::to_owned),
        headers: parts.headers.clone(),
        body: Bytes::new(),
    };
    let fault = fault(&shared, &recorded);
    let early = fault.as_ref().filter(|fault| !fault.after);
    if early.is_some_and(Fault::hangs) {
        shared.log.add(recorded);
        // The body goes unread for as long as the connection lasts.
        let _unread = body;
        return std::future::pending().await;
    }
    let Ok(body) = axum::body::to_bytes(body, usize::MAX).await else {
        return Reply::error(StatusCode::BAD_REQUEST, "the body broke off").into_response();
    };
    recorded.body = body.clone();
    shared.log.add(recorded.clone());
    if let Some(fault) = early
        && let Some(response) = misbehave(fault, None).await
    {
        return response;
    }
    let response = match refused(&shared, &recorded) {
        Some(reply) => reply.into_response(),
        None => next.run(Request::from_parts(parts, Body::from(body))).await,
    };
    note(&shared, &recorded, response.status());
    match fault.filter(|fault| fault.after) {
        Some(fault) => {
            misbehave(&fault, Some(response)).await.unwrap_or_else(|| Reply::not_found().into_response())
        }
        None => response,
    }
}

/// What this request meets: a fault that was asked for, or one by chance.
fn fault(shared: &Shared, request: &Recorded) -> Option<Fault> {
    let asked_for = Fault::take(&mut lock(&shared.faults), &request.method, &request.path);
    let fault = asked_for.or_else(|| lock(&shared.weather).strikes(&request.method, &request.path))?;
    shared.misbehaved.fetch_add(1, Relaxed);
    if matches!(fault.kind, Kind::Expire) {
        lock(&shared.world).sessions.clear();
    }
    Some(fault)
}

/// The answer in place of `right`, or, before there is that one, none if the request goes on.
async fn misbehave(fault: &Fault, right: Option<Response>) -> Option<Response> {
    match &fault.kind {
        Kind::Answer { status, headers, body } => {
            let mut reply = Reply::text(*status, body.clone());
            reply.headers.extend(headers.clone());
            Some(reply.into_response())
        }
        Kind::Expire => right,
        Kind::Hang => std::future::pending().await,
        // Unwinding ends the connection's task, and so the connection, without the panic message.
        Kind::Close => std::panic::resume_unwind(Box::new("closed on demand")),
        Kind::Delay(time) => {
            tokio::time::sleep(*time).await;
            right
        }
        Kind::CutOff => Some(begun(right?, stream::once(cut_off())).await),
        Kind::Stall => Some(begun(right?, stream::pending()).await),
    }
}

async fn cut_off() -> io::Result<Bytes> {
    // What came before is sent only when the body has nothing more for the moment.
    tokio::task::yield_now().await;
    Err(io::Error::other("cut off on demand"))
}

/// The first half of `right`, and then `rest`.
async fn begun(right: Response, rest: impl Stream<Item = io::Result<Bytes>> + Send + 'static) -> Response {
    let (parts, body) = right.into_parts();
    let bytes = axum::body::to_bytes(body, usize::MAX).await.unwrap_or_default();
    let half = bytes.slice(..bytes.len() / 2);
    Response::from_parts(parts, Body::from_stream(stream::iter([Ok(half)]).chain(rest)))
}

/// An answer that comes before the handler's: a test's own, or 401.
fn refused(shared: &Shared, request: &Recorded) -> Option<Reply> {
    let fits = |route: &&crate::platform::OwnRoute| {
        route.method == request.method && request.path.starts_with(&route.prefix)
    };
    let own = lock(&shared.own).iter().find(fits).cloned();
    if let Some(route) = own {
        return Some((route.answer)(request));
    }
    let is_login = request.method == Method::POST && request.path.ends_with("/rest/session");
    let known = is_login || is_known(&lock(&shared.world), &request.headers);
    (!known).then(|| Reply::error(StatusCode::UNAUTHORIZED, "Unauthorized"))
}

/// By API key, or by session.
fn is_known(world: &World, headers: &HeaderMap) -> bool {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let key = text("authorization").and_then(|value| value.strip_prefix("Basic "));
    if let Some(key) = key.and_then(|key| BASE64_STANDARD.decode(key).ok()) {
        let key = String::from_utf8_lossy(&key).into_owned();
        return key
            .split_once(':')
            .is_some_and(|(id, secret)| world.api_keys.get(id).is_some_and(|known| known == secret));
    }
    let cookies = text("cookie").unwrap_or_default().split("; ");
    let session = cookies.filter_map(|cookie| cookie.strip_prefix("JSESSIONID=")).next();
    let token = session.and_then(|session| world.sessions.get(session));
    token.is_some() && token.map(String::as_str) == text("x-sess-id")
}

/// Remembers a change that was carried out.
fn note(shared: &Shared, request: &Recorded, status: StatusCode) {
    let changes = !request.method.is_safe() && !request.path.ends_with("/session");
    if changes && status.is_success() && !request.path.ends_with("/search_ex") {
        lock(&shared.writes).push(Write {
            context_token: request.context_token().map(ToOwned::to_owned),
            method: request.method.clone(),
            path: request.path.clone(),
        });
    }
}
