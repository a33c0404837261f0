//! What is safe to repeat, and when.
//!
//! | what happened | repeated for |
//! |---|---|
//! | the platform was not reached: DNS, TCP, proxy, TLS | every method: nothing was sent |
//! | 429, or 503 with `Retry-After` | every method: the platform says that it did not do it |
//! | the link broke, no answer in time, 408, 425, 502, 503, 504 | GET, HEAD, DELETE, PUT of what has a version (`vers`); the first time that the link breaks at once, for it may have been an old one |
//! | 500 | GET, HEAD: for a change it is the platform's verdict more often than its mood |
//! | anything else | none |
//!
//! What the platform asks for by `Retry-After` is waited for, never less. Where that is longer than the longest wait, or than
//! the time that the call has left, the call is given up at once: the error says when it may be made again.
//!
//! A PUT that may have been carried out and is then answered by 409 may have met its own change: the caller gets the first
//! error, which says that this is not known, and [`get_put`](action_component::Rest::get_put) finds out by reading. A
//! DELETE that may have been carried out and is then answered by 404 was carried out.

use super::Retries;
use action_component::rest::{Body, Request, Response, RestError};
use bytes::Bytes;
use http::{HeaderMap, HeaderName, Method, StatusCode, header};
use std::time::{Duration, SystemTime};
use tokio::time::Instant;

#[cfg(test)]
mod tests;

/// The attempts at one call.
#[derive(Debug)]
pub(super) struct Attempts {
    policy: Retries,
    method: Method,
    made: u32,
    unsure: Option<RestError>,
    /// No attempt begins after it.
    deadline: Option<Instant>,
}

/// How it goes on after a failed attempt.
#[derive(Debug)]
pub(super) enum Next {
    /// This call, after this time.
    Again(Request, Duration),
    /// No more.
    Done(Result<Response, RestError>),
}

// === impl Attempts ===

impl Attempts {
    pub(super) fn new(policy: Retries, method: Method) -> Self {
        Self { policy, method, made: 0, unsure: None, deadline: None }
    }

    /// The same for a call that has only so much time.
    pub(super) fn until(self, deadline: Option<Instant>) -> Self {
        Self { deadline, ..self }
    }

    /// How many attempts have failed.
    pub(super) fn made(&self) -> u32 {
        self.made
    }

    /// What to do about `error`; `again` is the same call, if its body can be had again.
    pub(super) fn after(&mut self, error: RestError, again: Option<Request>) -> Next {
        self.made += 1;
        if let Some(settled) = self.settled(&error) {
            return Next::Done(settled);
        }
        let again = again.filter(|call| self.made < self.policy.attempts && is_safe(call, &error));
        let Some(again) = again else { return Next::Done(Err(self.last(error))) };
        let Some(wait) = self.wait(&error) else { return Next::Done(Err(self.last(error))) };
        if error.may_have_been_carried_out() {
            self.unsure = Some(error);
        }
        Next::Again(again, wait)
    }

    /// An answer that an earlier attempt explains.
    fn settled(&mut self, error: &RestError) -> Option<Result<Response, RestError>> {
        let status = error.status()?;
        if self.unsure.is_some() && self.method == Method::DELETE && status == StatusCode::NOT_FOUND {
            return Some(Ok(Response::new(StatusCode::NO_CONTENT, Bytes::new())));
        }
        let met_itself = self.method == Method::PUT && status == StatusCode::CONFLICT;
        self.unsure.take_if(|_| met_itself).map(Err)
    }

    /// An earlier attempt that may have been carried out makes the whole call one that may have been.
    fn last(&mut self, error: RestError) -> RestError {
        match self.unsure.take() {
            Some(unsure) if !error.may_have_been_carried_out() => unsure,
            _ => error,
        }
    }

    /// The wait before the next attempt; `None` where that would come too late.
    fn wait(&self, error: &RestError) -> Option<Duration> {
        let wait = self.pause(error)?;
        let late = self.deadline.is_some_and(|deadline| wait >= deadline.duration_since(Instant::now()));
        (!late).then_some(wait)
    }

    fn pause(&self, error: &RestError) -> Option<Duration> {
        if self.made == 1 && matches!(error, RestError::Interrupted { .. }) {
            return Some(Duration::ZERO);
        }
        let Retries { delay, backoff, longest, .. } = self.policy;
        let growth = backoff.max(1.0).powi(i32::try_from(self.made - 1).unwrap_or(i32::MAX));
        let grown = Duration::try_from_secs_f64(delay.as_secs_f64() * growth).unwrap_or(longest).min(longest);
        let asked = error.retry_after();
        if asked.is_some_and(|asked| asked > longest) {
            return None;
        }
        // Nothing shorter than what was asked for, but not all callers at once either.
        let (least, most) = match asked {
            Some(asked) => (asked, asked.saturating_add(delay / 4)),
            None => (grown / 2, grown),
        };
        Some((least + (most - least).mul_f64(fastrand::f64())).min(longest))
    }
}

fn is_safe(call: &Request, error: &RestError) -> bool {
    match error {
        RestError::Unreachable { .. } => true,
        RestError::Interrupted { .. } | RestError::TimedOut { .. } => is_harmless(call),
        RestError::Status(error) => match error.status.as_u16() {
            429 => true,
            503 if error.retry_after.is_some() => true,
            408 | 425 | 502..=504 => is_harmless(call),
            500 => call.method.is_safe(),
            _ => false,
        },
        _ => false,
    }
}

/// Whether making a call that was carried out once more changes nothing. A PUT sets off the platform's rules each time, unless
/// it carries the version that it replaces: then the second is refused.
fn is_harmless(call: &Request) -> bool {
    call.method.is_idempotent() && (call.method != Method::PUT || has_version(&call.body))
}

fn has_version(body: &Body) -> bool {
    #[derive(Default, serde::Deserialize)]
    #[serde(default)]
    struct Versioned {
        #[serde(alias = "version")]
        vers: Option<serde::de::IgnoredAny>,
    }
    match body {
        Body::Json(text) => serde_json::from_slice(text).is_ok_and(|Versioned { vers }| vers.is_some()),
        // Nothing is replaced.
        Body::Empty => true,
        _ => false,
    }
}

/// `Retry-After` (RFC 9110, section 10.2.3): seconds, or a date, which the answer's own `Date` stands beside: the platform's
/// clock need not be ours. What is past is no wait at all, and what is neither says nothing.
pub(super) fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = headers.get(header::RETRY_AFTER)?.to_str().ok()?.trim();
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Some(Duration::from_secs(text.parse().unwrap_or(u64::MAX)));
    }
    let until = httpdate::parse_http_date(text).ok()?;
    let now = date(headers, header::DATE).unwrap_or_else(SystemTime::now);
    Some(until.duration_since(now).unwrap_or_default())
}

fn date(headers: &HeaderMap, name: HeaderName) -> Option<SystemTime> {
    httpdate::parse_http_date(headers.get(name)?.to_str().ok()?.trim()).ok()
}
