use super::{
    FieldFailure,
    status::{Refusal, Words},
};
use crate::with_causes;
use bytes::Bytes;
use http::{Method, StatusCode};
use jiff::{SignedDuration, Timestamp};
use std::{error::Error, fmt, io, time::Duration};

/// Any error, as the cause of a [`RestError`].
pub type BoxError = Box<dyn Error + Send + Sync>;

/// What went wrong with a REST call. None of these texts holds a credential or a query, which may hold one.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RestError {
    /// The platform refused the call. Some of these pass: see [`is_transient`](Self::is_transient).
    #[error("{0}")]
    Status(Box<StatusError>),
    /// The platform does not know the API key, the password is wrong, or the account may not do this (401), also after
    /// a fresh login. A person must correct the account or app.config.
    #[error("{method} {path}: the platform refused the credentials (401 Unauthorized): {message}")]
    Unauthorized {
        /// The call's method.
        method: Method,
        /// The call's path.
        path: String,
        /// The platform's own words.
        message: String,
    },
    /// Somebody else changed the object each time between reading and writing it. Nothing was written; the same call
    /// may succeed later.
    #[error("{method} {path}: somebody else was faster {attempts} times (409 Conflict); nothing was changed")]
    Conflict {
        /// The call's method.
        method: Method,
        /// The call's path.
        path: String,
        /// How often it was tried.
        attempts: u32,
    },
    /// Somebody else changed fields that a PATCH wanted to change, and it was given up; nothing was changed.
    #[error("PATCH {path}: somebody else changed {}; nothing was changed", names(.fields))]
    FieldConflict {
        /// The call's path.
        path: String,
        /// The fields, with the value expected and the one found.
        fields: Vec<FieldFailure>,
    },
    /// The platform answered with a status of 2xx, but says in the answer that it did not carry the call out: its status
    /// object with `"success": false`.
    #[error("{method} {path}: not carried out: {}", refusal.words())]
    Refused {
        /// The call's method.
        method: Method,
        /// The call's path.
        path: String,
        /// What the platform says of it.
        refusal: Box<Refusal>,
    },
    /// The platform could not be reached; nothing was sent, so the call was not carried out.
    #[error("{method} {path}: the platform cannot be reached: {}", with_causes(.source.as_ref()))]
    Unreachable {
        /// The call's method.
        method: Method,
        /// The call's path.
        path: String,
        /// What happened on the way.
        source: BoxError,
    },
    /// The platform's certificate was refused; nothing was sent. A person must see to the certificate or to `cafile`.
    #[error("{method} {path}: the platform's certificate was refused: {}", with_causes(.source.as_ref()))]
    Certificate {
        /// The call's method.
        method: Method,
        /// The call's path.
        path: String,
        /// Why, from the TLS library.
        source: BoxError,
    },
    /// The link broke when the call was on its way: the platform may or may not have carried it out.
    #[error("{method} {path}: the link broke before the answer was here{}: {}", doubt(.method), with_causes(.source.as_ref()))]
    Interrupted {
        /// The call's method.
        method: Method,
        /// The call's path.
        path: String,
        /// What happened.
        source: BoxError,
    },
    /// No answer in time: the platform may or may not have carried the call out.
    #[error("{method} {path}: no answer within {} s{}", .after.as_secs_f32(), doubt(.method))]
    TimedOut {
        /// The call's method.
        method: Method,
        /// The call's path.
        path: String,
        /// The time that was allowed.
        after: Duration,
    },
    /// The answer to a write was lost, and what is there now does not show whether it was carried out: the platform keeps
    /// another form of much that it is sent. It was not made again. Read the object before you write it again.
    #[error(
        "{source}; reading the object does not show whether it was carried out: look before writing again"
    )]
    InDoubt {
        /// How the answer was lost.
        source: Box<RestError>,
    },
    /// The answer is longer than is allowed for one that is held in memory. Files come as a stream:
    /// [`Rest::download`](super::Rest::download).
    #[error("{method} {path}: the answer has more than {limit} bytes{}", doubt(.method))]
    TooLarge {
        /// The call's method.
        method: Method,
        /// The call's path.
        path: String,
        /// In bytes.
        limit: usize,
    },
    /// The platform's answer is not what the caller asked for.
    #[error("{method} {path}: the platform's answer does not have the expected shape{}: {source}", doubt(.method))]
    Unreadable {
        /// The call's method.
        method: Method,
        /// The call's path.
        path: String,
        /// Where it differs.
        source: Box<serde_path_to_error::Error<serde_json::Error>>,
    },
    /// What the caller wants to send has no JSON form.
    #[error("the body has no JSON form: {0}")]
    Unwritable(serde_json::Error),
    /// The path or a header is not one that HTTP can carry.
    #[error("{method} {path}: this cannot be sent: {reason}")]
    Unsendable {
        /// The call's method.
        method: Method,
        /// The call's path.
        path: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The file that was to be sent could not be read.
    #[error("{file}: cannot be read: {source}")]
    File {
        /// Its name.
        file: String,
        /// Why not.
        source: io::Error,
    },
}

/// An answer of 400 and above, other than 401.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct StatusError {
    /// The call's method.
    pub method: Method,
    /// The call's path, without the organization's prefix and the query.
    pub path: String,
    /// 400 and above.
    pub status: StatusCode,
    /// The platform's own words, or the beginning of what stood in their place.
    pub message: String,
    /// The platform's code for the error: a word or a number.
    pub error_code: Option<String>,
    /// The API access names of the fields that the platform finds fault with, where it says them.
    pub fields: Vec<String>,
    /// How long the platform asks to be left alone, from when it answered.
    pub retry_after: Option<Duration>,
    /// When that is over, where this machine's calendar reaches so far.
    pub retry_at: Option<Timestamp>,
}

// === impl RestError ===

impl RestError {
    /// Whether the same call may succeed later without anybody's help. It says nothing of whether repeating it is safe:
    /// after [`Interrupted`](Self::Interrupted) and [`TimedOut`](Self::TimedOut) the call may have been carried out.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Status(error) => error.is_transient(),
            Self::Conflict { .. }
            | Self::Unreachable { .. }
            | Self::Interrupted { .. }
            | Self::TimedOut { .. } => true,
            Self::Unauthorized { .. }
            | Self::FieldConflict { .. }
            | Self::Refused { .. }
            | Self::Certificate { .. }
            | Self::InDoubt { .. }
            | Self::TooLarge { .. }
            | Self::Unreadable { .. }
            | Self::Unwritable(_)
            | Self::Unsendable { .. }
            | Self::File { .. } => false,
        }
    }

    /// Whether the platform may have carried out the call all the same.
    #[must_use]
    pub fn may_have_been_carried_out(&self) -> bool {
        match self {
            Self::Status(error) => error.may_have_been_carried_out(),
            Self::Interrupted { .. }
            | Self::TimedOut { .. }
            | Self::InDoubt { .. }
            | Self::TooLarge { .. }
            | Self::Unreadable { .. } => true,
            Self::Conflict { .. }
            | Self::Unreachable { .. }
            | Self::Unauthorized { .. }
            | Self::FieldConflict { .. }
            | Self::Refused { .. }
            | Self::Certificate { .. }
            | Self::Unwritable(_)
            | Self::Unsendable { .. }
            | Self::File { .. } => false,
        }
    }

    /// How long the platform asks to be left alone, by `Retry-After`, from when it answered. A call that is made again
    /// sooner will be refused again.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Status(error) => error.retry_after,
            _ => None,
        }
    }

    /// Whether it is worth finding out if the call was carried out, and making it again if not.
    pub(super) fn is_unsure(&self) -> bool {
        self.is_transient() && self.may_have_been_carried_out()
    }

    /// The error that the body of a 2xx answer stands for, if it says that the call was not carried out.
    #[must_use]
    pub fn refused(method: &Method, path: &str, body: &[u8]) -> Option<Self> {
        let path = || path.split('?').next().unwrap_or_default().to_owned();
        let refused =
            |refusal| Self::Refused { method: method.clone(), path: path(), refusal: Box::new(refusal) };
        Refusal::of(body).map(refused)
    }

    /// The status that the platform answered, where it was an error's.
    #[must_use]
    pub fn status(&self) -> Option<StatusCode> {
        match self {
            Self::Status(error) => Some(error.status),
            Self::Unauthorized { .. } => Some(StatusCode::UNAUTHORIZED),
            Self::Conflict { .. } => Some(StatusCode::CONFLICT),
            _ => None,
        }
    }

    /// The error that an answer of 400 and above stands for. `path` loses its query.
    #[must_use]
    pub fn from_answer(
        method: Method,
        path: &str,
        status: StatusCode,
        retry_after: Option<Duration>,
        body: &Bytes,
    ) -> Self {
        let path = path.split('?').next().unwrap_or_default().to_owned();
        let Words { message, error_code, fields } = Words::of(body);
        if status == StatusCode::UNAUTHORIZED {
            return Self::Unauthorized { method, path, message };
        }
        let retry_at = retry_after.and_then(at);
        let error = StatusError { method, path, status, message, error_code, fields, retry_after, retry_at };
        Self::Status(Box::new(error))
    }
}

// === impl StatusError ===

impl StatusError {
    fn is_transient(&self) -> bool {
        matches!(self.status.as_u16(), 408 | 409 | 425 | 429 | 500 | 502 | 503 | 504)
    }

    /// A 503 with `Retry-After` is the platform's own word that it did nothing; any other 5xx may be a gateway's.
    fn may_have_been_carried_out(&self) -> bool {
        let asked_to_wait = self.status == StatusCode::SERVICE_UNAVAILABLE && self.retry_after.is_some();
        self.status.is_server_error() && !asked_to_wait
    }
}

impl fmt::Display for StatusError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { method, path, status, message, .. } = self;
        write!(f, "{method} {path}: {status}")?;
        if self.may_have_been_carried_out() {
            f.write_str(doubt(method))?;
        }
        if *status == StatusCode::CONFLICT && method == Method::PUT {
            f.write_str(" (changed since it was read; `get_put` reads it again and makes the change anew)")?;
        }
        if !message.is_empty() {
            write!(f, ": {message}")?;
        }
        match (self.retry_after, self.retry_at) {
            (Some(wait), _) if wait < Duration::from_secs(1) => Ok(()),
            (Some(wait), Some(at)) => write!(f, "; asks for {} s of patience, until {at:.0}", wait.as_secs()),
            (Some(wait), None) => write!(f, "; asks for {} s of patience", wait.as_secs()),
            (None, _) => Ok(()),
        }
    }
}

fn at(wait: Duration) -> Option<Timestamp> {
    let wait = SignedDuration::try_from(wait).ok()?;
    Timestamp::now().checked_add(wait).ok()
}

/// What must be said of a call that may have changed something, where its answer is not known.
fn doubt(method: &Method) -> &'static str {
    if method.is_safe() { "" } else { " (the call may have been carried out)" }
}

fn names(fields: &[FieldFailure]) -> String {
    fields.iter().map(|failure| failure.field.as_str()).collect::<Vec<_>>().join(", ")
}
