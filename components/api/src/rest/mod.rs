//! The platform's REST API as a component sees it.
//!
//! [`Rest`] is what a handler calls; [`Backend`] is the narrow seam behind it: one request as a value in, one response
//! out. The daemon's HTTP client, a replay of recorded responses and a test's stand-in are backends.

mod error;

pub use error::RestError;

use bytes::Bytes;
use futures_util::future::BoxFuture;
use http::{HeaderMap, Method, StatusCode};
use serde::{Serialize, de::DeserializeOwned};
use std::{fmt, sync::Arc};

/// Carries out REST calls.
pub trait Backend: Send + Sync + fmt::Debug + 'static {
    /// Carries out one call, with whatever retries are safe for it.
    fn call(&self, request: Request) -> BoxFuture<'_, Result<Response, RestError>>;
}

/// One REST call.
#[derive(Debug)]
#[non_exhaustive]
pub struct Request {
    /// GET, POST, …
    pub method: Method,
    /// Where, with its query if it has one: `/incidents/7/tasks?handle_format=names`.
    pub path: String,
    /// What [`path`](Self::path) is relative to.
    pub scope: Scope,
    /// Further headers.
    pub headers: HeaderMap,
    /// What is sent.
    pub body: Body,
    /// The token of the message that this call is made for.
    pub context_token: Option<ContextToken>,
}

/// What a path is relative to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Scope {
    /// `/rest/orgs/<org id>`
    #[default]
    Organization,
    /// `/rest`
    Platform,
}

/// What a request sends.
#[derive(Debug, Default)]
#[non_exhaustive]
pub enum Body {
    /// Nothing.
    #[default]
    Empty,
    /// A JSON text.
    Json(Bytes),
}

/// What the platform answered: a status of 2xx.
#[derive(Debug)]
#[non_exhaustive]
pub struct Response {
    /// 200, 204, …
    pub status: StatusCode,
    /// The response's headers.
    pub headers: HeaderMap,
    /// The response's body.
    pub body: Bytes,
}

/// The value of the header `Co3ContextToken`, which the platform wants back as `X-Co3ContextToken`.
#[derive(Clone, PartialEq, Eq)]
pub struct ContextToken(Arc<str>);

/// The platform's REST API, for one message. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Rest {
    backend: Arc<dyn Backend>,
    token: Option<ContextToken>,
}

// === impl Rest ===

impl Rest {
    /// Calls by `backend`, each with `token`.
    #[must_use]
    pub fn new(backend: Arc<dyn Backend>, token: Option<ContextToken>) -> Self {
        Self { backend, token }
    }

    /// `GET path`, read as a `T`.
    ///
    /// # Errors
    /// See [`RestError`].
    pub async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, RestError> {
        self.call(Method::GET, path, Body::Empty).await
    }

    /// `POST path`.
    ///
    /// # Errors
    /// See [`RestError`].
    pub async fn post<T: DeserializeOwned>(
        &self,
        path: &str,
        body: &(impl Serialize + Sync),
    ) -> Result<T, RestError> {
        self.call(Method::POST, path, Body::json(body)?).await
    }

    /// `PUT path`.
    ///
    /// # Errors
    /// See [`RestError`].
    pub async fn put<T: DeserializeOwned>(
        &self,
        path: &str,
        body: &(impl Serialize + Sync),
    ) -> Result<T, RestError> {
        self.call(Method::PUT, path, Body::json(body)?).await
    }

    async fn call<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        body: Body,
    ) -> Result<T, RestError> {
        let request = Request {
            method: method.clone(),
            path: path.to_owned(),
            scope: Scope::default(),
            headers: HeaderMap::new(),
            body,
            context_token: self.token.clone(),
        };
        let response = self.backend.call(request).await?;
        serde_json::from_slice(&response.body).map_err(|source| RestError::Unreadable {
            method,
            path: path.to_owned(),
            source,
        })
    }
}

// === impl Body ===

impl Body {
    fn json(value: &impl Serialize) -> Result<Self, RestError> {
        serde_json::to_vec(value).map(|text| Self::Json(text.into())).map_err(RestError::Unwritable)
    }
}

// === impl ContextToken ===

impl ContextToken {
    /// The header's value.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<&str> for ContextToken {
    fn from(token: &str) -> Self {
        Self(token.into())
    }
}

/// The token opens the door to rule-free changes: it stays out of logs.
impl fmt::Debug for ContextToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ContextToken(***)")
    }
}
