use crate::rest::{Backend, Body, Request, Response, RestError};
use bytes::Bytes;
use futures_util::future::BoxFuture;
use http::{Method, StatusCode};
use serde_json::Value;
use std::{
    fmt,
    sync::{Arc, Mutex, PoisonError},
};

/// Stands in for the platform's REST API, and remembers each call.
pub struct Platform {
    answer: Box<Answer>,
    calls: Mutex<Vec<Call>>,
}

type Answer = dyn Fn(Request, &Call) -> BoxFuture<'static, Result<Response, RestError>> + Send + Sync;

/// One REST call, as a test compares it.
#[derive(Debug, Clone, PartialEq)]
pub struct Call {
    /// GET, POST, …
    pub method: Method,
    /// As the component gave it: without `/rest/orgs/<id>`.
    pub path: String,
    /// What was sent; `null` where that was not JSON.
    pub body: Value,
    /// The context token that it carried.
    pub token: Option<String>,
}

// === impl Platform ===

impl Platform {
    /// Answers each call with the status and the JSON that `answer` gives. A status of 400 or above makes the call
    /// fail, in the words of the JSON's `message`.
    #[must_use]
    pub fn answering(answer: impl Fn(&Call) -> (u16, Value) + Send + Sync + 'static) -> Arc<Self> {
        let answer = move |_: Request, call: &Call| -> BoxFuture<'static, _> {
            let (status, body) = answer(call);
            Box::pin(std::future::ready(respond(call, status, &body)))
        };
        Arc::new(Self { answer: Box::new(answer), calls: Mutex::default() })
    }

    /// Passes each call on to `backend`, and remembers it.
    #[must_use]
    pub fn watching(backend: Arc<dyn Backend>) -> Arc<Self> {
        let answer = move |request: Request, _: &Call| -> BoxFuture<'static, _> {
            let backend = backend.clone();
            Box::pin(async move { backend.call(request).await })
        };
        Arc::new(Self { answer: Box::new(answer), calls: Mutex::default() })
    }

    /// The calls so far, in order.
    #[must_use]
    pub fn calls(&self) -> Vec<Call> {
        self.calls.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Backend for Platform {
    fn call(&self, request: Request) -> BoxFuture<'_, Result<Response, RestError>> {
        let call = Call::of(&request);
        self.calls.lock().unwrap_or_else(PoisonError::into_inner).push(call.clone());
        (self.answer)(request, &call)
    }
}

impl fmt::Debug for Platform {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Platform").field("calls", &self.calls()).finish_non_exhaustive()
    }
}

fn respond(call: &Call, status: u16, body: &Value) -> Result<Response, RestError> {
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let body = Bytes::from(body.to_string());
    if status.is_success() {
        return Ok(Response::new(status, body));
    }
    Err(RestError::from_answer(call.method.clone(), &call.path, status, None, &body))
}

// === impl Call ===

impl Call {
    fn of(request: &Request) -> Self {
        let body = match &request.body {
            Body::Json(text) => serde_json::from_slice(text).unwrap_or_default(),
            Body::Empty | Body::Multipart(_) => Value::Null,
        };
        let token = request.context_token().map(|token| token.as_str().to_owned());
        Self { method: request.method.clone(), path: request.path.clone(), body, token }
    }
}
