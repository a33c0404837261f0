use crate::rest::{Body, Part, Request};
use bytes::Bytes;
use http::Method;
use serde_json::Value;
use std::{fmt, io, ops::Deref};

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

/// A call on its way to an endpoint's answer: all that [`Call`] has, and what the endpoint's pattern captured.
#[derive(Debug, Clone)]
pub struct Asked {
    pub(super) call: Call,
    pub(super) captured: Vec<(String, String)>,
    pub(super) uploads: Vec<Upload>,
}

/// A file that was sent, or what was sent along with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Upload {
    /// The call's path.
    pub path: String,
    /// The form's field: `file`, or `artifact` for what is to be known of one; `body` for a body that is no form.
    pub field: String,
    /// The file's name, if it is one.
    pub file_name: Option<String>,
    /// Its MIME type.
    pub content_type: String,
    /// All its bytes.
    pub bytes: Bytes,
}

/// No test sends more than this at once.
const LARGEST_UPLOAD: usize = 256 * 1024 * 1024;

// === impl Call ===

impl Call {
    pub(super) fn of(request: &Request) -> Self {
        let body = match &request.body {
            Body::Json(text) => serde_json::from_slice(text).unwrap_or_default(),
            Body::Empty | Body::Multipart(_) | Body::Other { .. } => Value::Null,
        };
        let token = request.context_token().map(|token| token.as_str().to_owned());
        Self { method: request.method.clone(), path: request.path.clone(), body, token }
    }
}

/// `GET /users/7`
impl fmt::Display for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.method, self.path)
    }
}

// === impl Asked ===

impl Asked {
    /// The text that stands where the pattern has `{name}`, without its escapes.
    ///
    /// # Panics
    /// The pattern has no such capture.
    #[must_use]
    #[track_caller]
    pub fn text(&self, name: &str) -> &str {
        let found = self.captured.iter().find(|(captured, _)| captured == name);
        let Some((_, value)) = found else { panic!("{}: its endpoint captures no {{{name}}}", self.call) };
        value
    }

    /// The number that stands where the pattern has `{name}`.
    ///
    /// # Panics
    /// The pattern has no such capture, or that is no number.
    #[must_use]
    #[track_caller]
    pub fn id(&self, name: &str) -> i64 {
        let text = self.text(name);
        let Ok(id) = text.parse() else { panic!("{}: {{{name}}} is {text:?}, not a number", self.call) };
        id
    }

    /// The files that the call sends, and what it sends along with them.
    #[must_use]
    pub fn uploads(&self) -> &[Upload] {
        &self.uploads
    }
}

impl Deref for Asked {
    type Target = Call;

    fn deref(&self) -> &Call {
        &self.call
    }
}

// === impl Upload ===

impl Upload {
    /// Reads what `body` sends, as the platform would.
    pub(super) async fn all(path: &str, body: Body) -> io::Result<Vec<Self>> {
        let parts = match body {
            Body::Multipart(parts) => parts,
            Body::Other { content_type, content } => {
                let (name, file_name, length) = ("body".to_owned(), None, None);
                vec![Part { name, file_name, content_type, length, content }]
            }
            Body::Empty | Body::Json(_) => return Ok(Vec::new()),
        };
        let mut uploads = Vec::new();
        for part in parts {
            uploads.push(Self::read(path, part).await?);
        }
        Ok(uploads)
    }

    async fn read(path: &str, part: Part) -> io::Result<Self> {
        let Part { name, file_name, content_type, content, .. } = part;
        let bytes = content.read(LARGEST_UPLOAD).await?;
        Ok(Self { path: path.to_owned(), field: name, file_name, content_type, bytes })
    }
}
