use bytes::Bytes;
use http::{HeaderMap, Method};
use serde_json::Value;
use std::sync::{Mutex, PoisonError};
use tokio::sync::watch;

/// A request as it came.
#[derive(Debug, Clone)]
pub struct Recorded {
    /// GET, POST, …
    pub method: Method,
    /// `/rest/orgs/201/incidents/7`
    pub path: String,
    /// What stands after the question mark.
    pub query: Option<String>,
    /// Its headers.
    pub headers: HeaderMap,
    /// Its body.
    pub body: Bytes,
}

impl Recorded {
    /// The body as JSON; null if it is none.
    #[must_use]
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }

    /// The message that it was made for.
    #[must_use]
    pub fn context_token(&self) -> Option<&str> {
        self.header("x-co3contexttoken")
    }

    /// A header's value.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// `POST /rest/session`
    #[must_use]
    pub fn line(&self) -> String {
        format!("{} {}", self.method, self.path)
    }
}

/// The requests that came.
#[derive(Debug, Default)]
pub(crate) struct Log {
    requests: Mutex<Vec<Recorded>>,
    /// Requests are not remembered.
    forgets: bool,
    count: watch::Sender<usize>,
}

impl Log {
    pub(crate) fn new(forgets: bool) -> Self {
        Self { forgets, ..Self::default() }
    }

    pub(crate) fn add(&self, request: Recorded) {
        if !self.forgets {
            let mut requests = self.requests.lock().unwrap_or_else(PoisonError::into_inner);
            requests.push(request);
            self.count.send_replace(requests.len());
        }
    }

    pub(crate) fn all(&self) -> Vec<Recorded> {
        self.requests.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) async fn wait_until(&self, mut enough: impl FnMut(&[Recorded]) -> bool) -> Vec<Recorded> {
        let mut count = self.count.subscribe();
        loop {
            count.mark_unchanged();
            let all = self.all();
            // The sender lives as long as the log, so that waiting cannot fail.
            if enough(&all) || count.changed().await.is_err() {
                return all;
            }
        }
    }
}
