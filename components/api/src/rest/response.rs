use super::Content;
use http::{HeaderMap, StatusCode};
use serde::Serialize;
use std::time::Duration;

/// What the platform answered: a status of 2xx.
#[derive(Debug)]
#[non_exhaustive]
pub struct Response {
    /// 200, 204, …
    pub status: StatusCode,
    /// The response's headers.
    pub headers: HeaderMap,
    /// How long the platform asks to be left alone before it is asked again, as with a 202: not done yet.
    pub retry_after: Option<Duration>,
    /// The response's body: [`Content::Bytes`], unless the request asked for a stream.
    pub body: Content,
}

impl Response {
    /// An answer with this body and no headers.
    #[must_use]
    pub fn new(status: StatusCode, body: impl Into<Content>) -> Self {
        Self { status, headers: HeaderMap::new(), retry_after: None, body: body.into() }
    }

    /// 200 with `value` as JSON, for backends that make answers up.
    ///
    /// # Errors
    /// The value has no JSON form.
    pub fn json(value: &(impl Serialize + ?Sized)) -> Result<Self, serde_json::Error> {
        Ok(Self::new(StatusCode::OK, serde_json::to_vec(value)?))
    }

    /// The same answer with these headers.
    #[must_use]
    pub fn with_headers(mut self, headers: HeaderMap) -> Self {
        self.headers = headers;
        self
    }

    /// The same answer with this wait before the next question.
    #[must_use]
    pub fn with_retry_after(mut self, wait: Option<Duration>) -> Self {
        self.retry_after = wait;
        self
    }

    /// The same answer with this body.
    #[must_use]
    pub fn with_body(mut self, body: Content) -> Self {
        self.body = body;
        self
    }
}
