use http::{HeaderMap, Method, StatusCode};
use std::fmt;

/// Sees each answer of the platform, as it came (`log_http_responses`).
pub trait Recorder: Send + Sync + fmt::Debug {
    /// Called once for each answer. It must not block: calls wait for it.
    fn record(&self, exchange: &Exchange<'_>);
}

/// A call and its answer. It holds whatever the platform sent: take secrets out before writing it anywhere.
#[derive(Debug, Clone, Copy)]
pub struct Exchange<'a> {
    /// The call's method.
    pub method: &'a Method,
    /// `/rest/orgs/211/incidents/7?handle_format=names`
    pub path_and_query: &'a str,
    /// Any status.
    pub status: StatusCode,
    /// The answer's headers.
    pub headers: &'a HeaderMap,
    /// The answer's body; none where it is passed on as a stream.
    pub body: Option<&'a [u8]>,
}
