//! What an error of the HTTP library means for the call: was it sent, may it have been carried out?

use super::{Proxy, hop};
use crate::{descriptors, tls};
use action_component::rest::{BoxError, Request, RestError};
use http::Method;
use std::{error::Error, fmt, io, time::Duration};

/// A call's name in errors.
#[derive(Debug, Clone)]
pub(super) struct Call {
    pub(super) method: Method,
    pub(super) path: String,
}

/// Marks the failure of what was to be sent, so that it is not taken for one of the network.
#[derive(Debug)]
pub(super) struct Unread {
    pub(super) file: String,
    pub(super) error: io::Error,
}

/// Nothing was sent, because there was no descriptor left for the connection.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct OutOfDescriptors(BoxError);

/// Whether the call would have been made but for a descriptor.
pub(super) fn lacks_descriptors(error: &RestError) -> bool {
    match error {
        RestError::Unreachable { source, .. } => source.is::<OutOfDescriptors>(),
        RestError::File { source, .. } => descriptors::is_limit(source),
        _ => false,
    }
}

// === impl Call ===

impl Call {
    pub(super) fn of(request: &Request) -> Self {
        Self { method: request.method.clone(), path: request.path_only().to_owned() }
    }

    /// `allowed` is the time that the whole call had, `proxy` what it went through.
    pub(super) fn failed(self, error: reqwest::Error, allowed: Duration, proxy: Option<&Proxy>) -> RestError {
        let Self { method, path } = self;
        // The address may hold a query, and the query a secret.
        let error = error.without_url();
        if let Some(Unread { file, error }) = find::<Unread>(&error) {
            let copy = || io::Error::new(error.kind(), error.to_string());
            let source = error.raw_os_error().map_or_else(copy, io::Error::from_raw_os_error);
            return RestError::File { file: file.clone(), source };
        }
        let refused = find::<rustls::Error>(&error).filter(|error| is_certificate(error)).cloned();
        if let Some(refused) = tls::refusal(&error).cloned() {
            RestError::Certificate { method, path, source: refused.into() }
        } else if let Some(refused) = refused {
            RestError::Certificate { method, path, source: refused.into() }
        } else if error.is_builder() {
            RestError::Unsendable { method, path, reason: error.to_string() }
        } else if error.is_connect() && (descriptors::ran_out(&error) || descriptors::none_left()) {
            RestError::Unreachable { method, path, source: Box::new(OutOfDescriptors(root(&error))) }
        } else if error.is_connect() {
            RestError::Unreachable { method, path, source: hop::unreachable(&error, proxy) }
        } else if error.is_timeout() {
            RestError::TimedOut { method, path, after: allowed }
        } else {
            RestError::Interrupted { method, path, source: root(&error) }
        }
    }

    pub(super) fn unsendable(self, reason: impl fmt::Display) -> RestError {
        RestError::Unsendable { method: self.method, path: self.path, reason: reason.to_string() }
    }

    pub(super) fn timed_out(self, after: Duration) -> RestError {
        RestError::TimedOut { method: self.method, path: self.path, after }
    }

    pub(super) fn unreadable(self, source: serde_path_to_error::Error<serde_json::Error>) -> RestError {
        RestError::Unreadable { method: self.method, path: self.path, source: Box::new(source) }
    }

    pub(super) fn too_large(self, limit: usize) -> RestError {
        RestError::TooLarge { method: self.method, path: self.path, limit }
    }
}

// === impl Unread ===

impl fmt::Display for Unread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.file, self.error)
    }
}

impl Error for Unread {}

/// Where the verifier is the library's own.
fn is_certificate(error: &rustls::Error) -> bool {
    use rustls::Error::{InvalidCertificate, NoCertificatesPresented};
    matches!(error, InvalidCertificate(_) | NoCertificatesPresented)
}

/// What lies at the bottom of it: the layers above only say that a request failed.
fn root(error: &reqwest::Error) -> BoxError {
    if let Some(words) = tls::in_words(error) {
        return words.into();
    }
    let mut root: &dyn Error = error;
    while let Some(cause) = root.source() {
        root = cause;
    }
    root.to_string().into()
}

/// The cause of type `T`, also inside an [`io::Error`], which does not name what it wraps as its source.
fn find<'a, T: Error + 'static>(error: &'a (dyn Error + 'static)) -> Option<&'a T> {
    if let Some(found) = error.downcast_ref() {
        return Some(found);
    }
    let wrapped = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
    let wrapped = wrapped.map(|inner| inner as &(dyn Error + 'static));
    wrapped.or_else(|| error.source()).and_then(find)
}
