use http::{Method, StatusCode};

/// What went wrong with a REST call. None of these texts holds a credential.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RestError {
    /// The platform refused the call.
    #[error("{method} {path}: {status}: {message}")]
    Status {
        /// The call's method.
        method: Method,
        /// The call's path, without the organization's prefix.
        path: String,
        /// 400 and above.
        status: StatusCode,
        /// The platform's own words.
        message: String,
    },
    /// The platform could not be reached, or the link broke; it may or may not have carried the call out.
    #[error("{method} {path}: {reason}")]
    Unreachable {
        /// The call's method.
        method: Method,
        /// The call's path.
        path: String,
        /// What happened on the way.
        reason: String,
    },
    /// The platform's answer is not what the caller asked for.
    #[error("{method} {path}: the platform's answer does not have the expected shape: {source}")]
    Unreadable {
        /// The call's method.
        method: Method,
        /// The call's path.
        path: String,
        /// Where it differs.
        source: serde_json::Error,
    },
    /// What the caller wants to send has no JSON form.
    #[error("the body has no JSON form: {0}")]
    Unwritable(serde_json::Error),
}
