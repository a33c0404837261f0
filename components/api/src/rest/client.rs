use super::{Backend, Body, Content, ContextToken, HandleFormat, Request, Response, RestError, Scope};
use bytes::Bytes;
use http::Method;
use serde::{Serialize, de::DeserializeOwned};
use std::{sync::Arc, time::Duration};

/// The platform's REST API, for one message. Cheap to clone.
///
/// Paths are relative to the organization: `/incidents/7` means `/rest/orgs/<org id>/incidents/7`. Every call carries the
/// message's context token; there is no other way to make one.
///
/// ```
/// # use action_component::{Context, Failure};
/// # async fn handle(cx: Context) -> Result<(), Failure> {
/// #[derive(serde::Deserialize)]
/// struct Task {
///     id: i64,
///     name: String,
/// }
/// let rest = cx.rest();
/// let tasks: Vec<Task> = rest.get("/incidents/7/tasks?handle_format=names").await?;
/// let done: serde_json::Value = rest.post("/incidents/7/tasks", &serde_json::json!({ "name": "Look" })).await?;
/// # Ok(()) }
/// ```
#[derive(Debug, Clone)]
pub struct Rest {
    backend: Arc<dyn Backend>,
    token: Option<ContextToken>,
    scope: Scope,
    format: Option<HandleFormat>,
    timeout: Option<Duration>,
}

// === impl Rest ===

impl Rest {
    /// Calls by `backend`, each with `token`.
    #[must_use]
    pub fn new(backend: Arc<dyn Backend>, token: Option<ContextToken>) -> Self {
        Self { backend, token, scope: Scope::Organization, format: None, timeout: None }
    }

    /// The same, for paths outside the organization: `rest.platform().get("/const")` is `GET /rest/const`.
    #[must_use]
    pub fn platform(&self) -> Self {
        Self { scope: Scope::Platform, ..self.clone() }
    }

    /// The same, for answers that say selects, users, phases, … by their names:
    /// `rest.names().get("/incidents/7")` gives `"severity_code": "High"`. What is sent may hold ids as well as names,
    /// whatever is asked for (guide, chapter 6, "Object handles").
    #[must_use]
    pub fn names(&self) -> Self {
        self.in_format(HandleFormat::Names)
    }

    /// The same, for answers that say them by their ids, as the platform does unasked.
    #[must_use]
    pub fn ids(&self) -> Self {
        self.in_format(HandleFormat::Ids)
    }

    /// The same, for answers that say them as `{id, name}`.
    #[must_use]
    pub fn objects(&self) -> Self {
        self.in_format(HandleFormat::Objects)
    }

    pub(super) fn backend(&self) -> &dyn Backend {
        self.backend.as_ref()
    }

    /// The same, for calls that have `time` each, repetitions and waits between them included, in place of
    /// `request_timeout`: more for a search that takes long, less where somebody waits.
    ///
    /// ```
    /// # use action_component::{Context, Failure};
    /// # use std::time::Duration;
    /// # async fn handle(cx: Context) -> Result<(), Failure> {
    /// let patient = cx.rest().with_timeout(Duration::from_secs(300));
    /// let found: serde_json::Value = patient.search(&serde_json::json!({ "query": "malware" })).await?;
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn with_timeout(&self, time: Duration) -> Self {
        Self { timeout: Some(time), ..self.clone() }
    }

    pub(super) fn in_format(&self, format: HandleFormat) -> Self {
        Self { format: Some(format), ..self.clone() }
    }

    /// The same, for answers as the platform gives them unasked.
    pub(super) fn in_default_format(&self) -> Self {
        Self { format: None, ..self.clone() }
    }

    /// `GET path`, read as a `T`.
    ///
    /// # Errors
    /// See [`RestError`].
    pub async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, RestError> {
        self.read(Request::new(Method::GET, path)).await
    }

    /// `GET path`, where an answer that is a little old will do: fields, types, users. All messages share what is
    /// remembered, for `cache_ttl` seconds.
    ///
    /// # Errors
    /// See [`RestError`].
    pub async fn get_cached<T: DeserializeOwned>(&self, path: &str) -> Result<T, RestError> {
        let mut request = Request::new(Method::GET, path);
        request.cached = true;
        self.read(request).await
    }

    /// `POST path`. An empty answer reads as `()` or `Value::Null`.
    ///
    /// # Errors
    /// See [`RestError`].
    pub async fn post<T: DeserializeOwned>(
        &self,
        path: &str,
        body: &(impl Serialize + Sync + ?Sized),
    ) -> Result<T, RestError> {
        self.write(Method::POST, path, Body::json(body)?).await
    }

    /// `PUT path`. An object with the field `vers` that somebody else changed since it was read is answered by 409:
    /// [`get_put`](Self::get_put) sees to that.
    ///
    /// # Errors
    /// See [`RestError`].
    pub async fn put<T: DeserializeOwned>(
        &self,
        path: &str,
        body: &(impl Serialize + Sync + ?Sized),
    ) -> Result<T, RestError> {
        self.write(Method::PUT, path, Body::json(body)?).await
    }

    /// `PATCH path` with a body of one's own. [`patch_fields`](Self::patch_fields) makes the usual one.
    ///
    /// # Errors
    /// See [`RestError`].
    pub async fn patch<T: DeserializeOwned>(
        &self,
        path: &str,
        body: &(impl Serialize + Sync + ?Sized),
    ) -> Result<T, RestError> {
        self.write(Method::PATCH, path, Body::json(body)?).await
    }

    /// `DELETE path`.
    ///
    /// # Errors
    /// See [`RestError`].
    pub async fn delete<T: DeserializeOwned>(&self, path: &str) -> Result<T, RestError> {
        self.read(Request::new(Method::DELETE, path)).await
    }

    /// Searches incidents and what belongs to them (`POST /rest/search_ex`, `SearchExInputDTO`).
    ///
    /// # Errors
    /// See [`RestError`].
    pub async fn search<T: DeserializeOwned>(
        &self,
        query: &(impl Serialize + Sync + ?Sized),
    ) -> Result<T, RestError> {
        self.platform().post("/search_ex", query).await
    }

    /// Any other call, answered as it comes.
    ///
    /// # Errors
    /// See [`RestError`]. An answer that says that the call was not carried out is one: [`RestError::Refused`].
    pub async fn send(&self, request: Request) -> Result<Response, RestError> {
        let (method, path) = (request.method.clone(), request.path_only().to_owned());
        let streamed = request.streamed;
        let response = self.send_as_it_is(request).await?;
        let refused = match &response.body {
            // A file is a file, whatever it holds.
            Content::Bytes(body) if !streamed => RestError::refused(&method, &path, body),
            _ => None,
        };
        refused.map_or(Ok(response), Err)
    }

    /// Answered as it comes, also where the answer says that the call was not carried out.
    pub(super) async fn send_as_it_is(&self, mut request: Request) -> Result<Response, RestError> {
        if self.scope == Scope::Platform {
            request.scope = Scope::Platform;
        }
        if let Some(format) = self.format {
            format.ask(&mut request);
        }
        request.timeout = request.timeout.or(self.timeout);
        if let Some(name) = request.reserved_header() {
            let reason = format!("a call cannot have a header {name} of its own: the processor sends it");
            let path = request.path_only().to_owned();
            return Err(RestError::Unsendable { method: request.method, path, reason });
        }
        self.backend.call(request.with_token(self.token.clone())).await
    }

    pub(super) async fn write<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        body: Body,
    ) -> Result<T, RestError> {
        let mut request = Request::new(method, path);
        request.body = body;
        self.read(request).await
    }

    /// Any other call, read as a `T`.
    ///
    /// # Errors
    /// See [`RestError`].
    pub async fn read<T: DeserializeOwned>(&self, request: Request) -> Result<T, RestError> {
        let (method, path) = (request.method.clone(), request.path_only().to_owned());
        let text = self.text(request).await?;
        read(&text, method, path)
    }

    /// The answer's body, whole.
    pub(super) async fn text(&self, request: Request) -> Result<Bytes, RestError> {
        let (method, path) = (request.method.clone(), request.path_only().to_owned());
        let response = self.send(request).await?;
        whole(response, method, path).await
    }

    /// The answer of a call that may say that it was not carried out, read as a `T`.
    pub(super) async fn read_as_it_is<T: DeserializeOwned>(&self, request: Request) -> Result<T, RestError> {
        let (method, path) = (request.method.clone(), request.path_only().to_owned());
        let response = self.send_as_it_is(request).await?;
        let text = whole(response, method.clone(), path.clone()).await?;
        read(&text, method, path)
    }
}

async fn whole(response: Response, method: Method, path: String) -> Result<Bytes, RestError> {
    match response.body {
        Content::Bytes(text) => Ok(text),
        // A backend that streams unasked has its own limit.
        content => content.read(usize::MAX).await.map_err(|error| RestError::Interrupted {
            method,
            path,
            source: error.into(),
        }),
    }
}

/// 204, and some answers of 200, have no body: that reads as `null`.
fn read<T: DeserializeOwned>(text: &[u8], method: Method, path: String) -> Result<T, RestError> {
    let text = if text.trim_ascii().is_empty() { b"null" } else { text };
    serde_path_to_error::deserialize(&mut serde_json::Deserializer::from_slice(text))
        .map_err(|source| RestError::Unreadable { method, path, source: Box::new(source) })
}
