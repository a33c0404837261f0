use super::{Content, Part, RestError};
use bytes::Bytes;
use http::{HeaderMap, HeaderName, Method, header};
use serde::Serialize;
use std::{fmt, sync::Arc, time::Duration};

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
    /// Further headers. Some are the client's own, and refused here: [`reserved_header`](Self::reserved_header).
    pub headers: HeaderMap,
    /// What is sent.
    pub body: Body,
    /// An answer to the same GET that is a little old will do (`cache_ttl`).
    pub cached: bool,
    /// The answer's body is wanted as a stream, however long it is; otherwise it is read whole, up to a limit.
    pub streamed: bool,
    /// Is tried once: the caller asks again by itself, in its own time.
    pub once: bool,
    /// The time that the call has, repetitions and waits between them included, in place of `request_timeout`. Of a download
    /// it is the time until the answer begins.
    pub timeout: Option<Duration>,
    context_token: Option<ContextToken>,
}

/// What a path is relative to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Scope {
    /// `/rest/orgs/<org id>`
    #[default]
    Organization,
    /// `/rest`
    Platform,
}

/// What a request sends.
#[derive(Default)]
#[non_exhaustive]
pub enum Body {
    /// Nothing.
    #[default]
    Empty,
    /// A JSON text.
    Json(Bytes),
    /// `multipart/form-data`: files, and what is to be known of them.
    Multipart(Vec<Part>),
    /// Anything else.
    Other {
        /// Its MIME type.
        content_type: String,
        /// The bytes.
        content: Content,
    },
}

/// The value of the header `Co3ContextToken`, which the platform wants back as `X-Co3ContextToken`.
#[derive(Clone, PartialEq, Eq)]
pub struct ContextToken(Arc<str>);

/// What no call has of its own; the last two are the session's token and the context token.
const RESERVED: [HeaderName; 13] = [
    header::AUTHORIZATION,
    header::PROXY_AUTHORIZATION,
    header::COOKIE,
    header::HOST,
    header::CONTENT_LENGTH,
    header::TRANSFER_ENCODING,
    header::CONNECTION,
    header::UPGRADE,
    header::TE,
    header::TRAILER,
    header::EXPECT,
    HeaderName::from_static("x-sess-id"),
    HeaderName::from_static("x-co3contexttoken"),
];

// === impl Request ===

impl Request {
    /// A call without a body, relative to the organization.
    #[must_use]
    pub fn new(method: Method, path: impl Into<String>) -> Self {
        Self {
            method,
            path: path.into(),
            scope: Scope::default(),
            headers: HeaderMap::new(),
            body: Body::Empty,
            cached: false,
            streamed: false,
            once: false,
            timeout: None,
            context_token: None,
        }
    }

    /// The token of the message that this call is made for. [`Rest`](super::Rest) attaches it; nobody else can.
    #[must_use]
    pub fn context_token(&self) -> Option<&ContextToken> {
        self.context_token.as_ref()
    }

    /// The path without its query, which may hold what does not belong into a log.
    #[must_use]
    pub fn path_only(&self) -> &str {
        self.path.split('?').next().unwrap_or_default()
    }

    /// The first header of its own that a call must not have: who calls, for which message, where to, and how the body
    /// is sent is the client's to say.
    #[must_use]
    pub fn reserved_header(&self) -> Option<&HeaderName> {
        self.headers.keys().find(|name| RESERVED.contains(name))
    }

    /// The same call for another attempt; none where its body can be read only once.
    #[must_use]
    pub fn again(&self) -> Option<Self> {
        Some(Self {
            method: self.method.clone(),
            path: self.path.clone(),
            scope: self.scope,
            headers: self.headers.clone(),
            body: self.body.again()?,
            cached: self.cached,
            streamed: self.streamed,
            once: self.once,
            timeout: self.timeout,
            context_token: self.context_token.clone(),
        })
    }

    pub(super) fn with_token(mut self, token: Option<ContextToken>) -> Self {
        self.context_token = token;
        self
    }
}

// === impl Body ===

impl Body {
    /// `value` as JSON.
    ///
    /// # Errors
    /// The value has no JSON form: a map whose keys are not text, a number that is NaN or infinite, or a `Serialize` that
    /// fails.
    pub fn json(value: &(impl Serialize + ?Sized)) -> Result<Self, RestError> {
        crate::finite::check(value).map_err(RestError::Unwritable)?;
        serde_json::to_vec(value).map(|text| Self::Json(text.into())).map_err(RestError::Unwritable)
    }

    /// What is neither JSON nor a form: CSV, XML, a picture.
    ///
    /// ```
    /// # use action_component::{Failure, Rest, rest::{Body, Request}};
    /// # async fn handle(rest: Rest) -> Result<(), Failure> {
    /// let mut request = Request::new(http::Method::POST, "/imports");
    /// request.body = Body::other("text/csv", "a,b\n1,2\n");
    /// let done: serde_json::Value = rest.read(request).await?;
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn other(content_type: impl Into<String>, content: impl Into<Content>) -> Self {
        Self::Other { content_type: content_type.into(), content: content.into() }
    }
}

impl Body {
    fn again(&self) -> Option<Self> {
        match self {
            Self::Empty => Some(Self::Empty),
            Self::Json(text) => Some(Self::Json(text.clone())),
            Self::Other { content_type, content } => {
                Some(Self::Other { content_type: content_type.clone(), content: content.again()? })
            }
            Self::Multipart(parts) => {
                parts.iter().map(Part::again).collect::<Option<_>>().map(Self::Multipart)
            }
        }
    }
}

/// A body may hold a password: it stays out of logs.
impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("Empty"),
            Self::Json(text) => write!(f, "Json({} bytes)", text.len()),
            Self::Other { content_type, content } => {
                f.debug_struct("Other").field("content_type", content_type).field("content", content).finish()
            }
            Self::Multipart(parts) => f.debug_tuple("Multipart").field(parts).finish(),
        }
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
