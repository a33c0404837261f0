//! GETs that may be a little old, shared by all messages.

use action_component::rest::{Content, Response, RestError, Scope};
use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use std::{
    collections::HashMap,
    future::Future,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use tokio::{sync::OnceCell, time::Instant};

#[cfg(test)]
mod tests;

/// How many answers are remembered at most.
const MOST: usize = 128;

/// Answers by path, the oldest forgotten first.
#[derive(Debug)]
pub(super) struct Cache {
    ttl: Duration,
    entries: Mutex<HashMap<Key, Entry>>,
}

/// What a cached call asks for.
pub(super) type Key = (Scope, String);

/// An answer, or one on its way: those who ask for the same meanwhile wait for it.
#[derive(Debug, Clone)]
struct Entry {
    asked: Instant,
    answer: Arc<OnceCell<Answer>>,
}

#[derive(Debug, Clone)]
struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    body: Bytes,
}

// === impl Cache ===

impl Cache {
    pub(super) fn new(ttl: Duration) -> Self {
        Self { ttl, entries: Mutex::default() }
    }

    /// The answer to `key`, from `ask` if none is remembered. An error is not remembered.
    pub(super) async fn get<F>(&self, key: Key, ask: impl FnOnce() -> F) -> Result<Response, RestError>
    where
        F: Future<Output = Result<Response, RestError>>,
    {
        let answer = self.entry(key).answer;
        let answer = answer.get_or_try_init(|| async { Ok(Answer::of(ask().await?)) }).await?;
        Ok(Response::new(answer.status, answer.body.clone()).with_headers(answer.headers.clone()))
    }

    /// The entry of `key`: a new one if there is none, or it has grown old.
    fn entry(&self, key: Key) -> Entry {
        let now = Instant::now();
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        entries.retain(|_, entry| now.duration_since(entry.asked) < self.ttl);
        if entries.len() >= MOST && !entries.contains_key(&key) {
            let oldest = entries.iter().min_by_key(|(_, entry)| entry.asked).map(|(key, _)| key.clone());
            oldest.and_then(|key| entries.remove(&key));
        }
        entries.entry(key).or_insert_with(|| Entry { asked: now, answer: Arc::default() }).clone()
    }
}

impl Answer {
    fn of(response: Response) -> Self {
        let body = match response.body {
            Content::Bytes(body) => body,
            // Only whole answers are asked for here.
            _ => Bytes::new(),
        };
        Self { status: response.status, headers: response.headers, body }
    }
}
