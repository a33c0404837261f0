use axum::{
    body::Body,
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use serde_json::{Value, json};

/// What a test's own route answers.
#[derive(Debug, Clone)]
pub struct Reply {
    /// 200, …
    pub status: StatusCode,
    /// Headers.
    pub headers: HeaderMap,
    /// The body.
    pub body: Bytes,
}

impl Reply {
    /// 200 with JSON.
    #[must_use]
    #[expect(clippy::needless_pass_by_value, reason = "reads better with json!")]
    pub fn json(value: Value) -> Self {
        Self::text(StatusCode::OK, value.to_string())
    }

    /// A JSON text, to the letter.
    #[must_use]
    pub fn text(status: StatusCode, text: impl Into<Bytes>) -> Self {
        let json = (header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        Self { status, headers: HeaderMap::from_iter([json]), body: text.into() }
    }

    /// The platform's error body.
    #[must_use]
    pub fn error(status: StatusCode, message: &str) -> Self {
        let body = json!({
            "success": false, "title": status.canonical_reason(), "message": message, "hints": [], "error_code": "generic",
        });
        Self::text(status, body.to_string())
    }

    pub(crate) fn not_found() -> Self {
        Self::error(StatusCode::NOT_FOUND, "Unable to find object")
    }
}

impl IntoResponse for Reply {
    fn into_response(self) -> Response {
        let mut response = Response::new(Body::from(self.body));
        *response.status_mut() = self.status;
        *response.headers_mut() = self.headers;
        response
    }
}
