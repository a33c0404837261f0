use super::{directory::Answer, file_name::call_name};
use crate::rest::{Backend, Request, Response, RestError, Scope};
use futures_util::future::BoxFuture;
use http::Method;
use std::{
    cmp::Reverse,
    collections::{HashMap, VecDeque},
    future::ready,
    sync::{Mutex, PoisonError},
};

/// Stands in for the platform: answers each call with what was recorded for it, one recording after the other in the
/// order of their times. The last recording of a GET is given again and again; any other call that was not recorded so
/// often fails, and so does one that was never recorded. The error names the recordings that come closest.
#[derive(Debug)]
pub struct RecordedBackend {
    org_id: Option<u64>,
    left: Mutex<HashMap<String, VecDeque<Answer>>>,
}

/// How many recordings an error names.
const CLOSE: usize = 3;

// === impl RecordedBackend ===

impl RecordedBackend {
    pub(super) fn new(org_id: Option<u64>, answers: &[Answer]) -> Self {
        let mut left: HashMap<String, VecDeque<Answer>> = HashMap::new();
        for answer in answers {
            left.entry(answer.call.clone()).or_default().push_back(answer.clone());
        }
        Self { org_id, left: Mutex::new(left) }
    }

    fn answer(&self, request: &Request) -> Result<Response, RestError> {
        let (method, path) = (request.method.clone(), request.path.as_str());
        let Some(answer) = self.next(&method, &self.full_path(request)) else {
            let reason = self.missing(&call_name(&method, &self.full_path(request)));
            return Err(RestError::Unsendable { method, path: request.path_only().to_owned(), reason });
        };
        if answer.status.is_success() {
            return Ok(Response::new(answer.status, answer.body));
        }
        Err(RestError::from_answer(method, path, answer.status, None, &answer.body))
    }

    fn full_path(&self, request: &Request) -> String {
        let path = &request.path;
        match (request.scope, self.org_id) {
            (Scope::Organization, Some(id)) => format!("/rest/orgs/{id}{path}"),
            (Scope::Organization, None) => format!("/rest/orgs/0{path}"),
            (Scope::Platform, _) => format!("/rest{path}"),
        }
    }

    /// The vendor's recordings know no query, so that a call with one may have been recorded without.
    fn next(&self, method: &Method, path: &str) -> Option<Answer> {
        let mut left = self.left.lock().unwrap_or_else(PoisonError::into_inner);
        let without_query = path.split('?').next().unwrap_or_default();
        [path, without_query].iter().find_map(|path| {
            let answers = left.get_mut(&call_name(method, path))?;
            let is_repeated = *method == Method::GET && answers.len() == 1;
            if is_repeated { answers.front().cloned() } else { answers.pop_front() }
        })
    }

    fn missing(&self, call: &str) -> String {
        let left = self.left.lock().unwrap_or_else(PoisonError::into_inner);
        if left.contains_key(call) {
            return format!("`{call}` was recorded, but not so often");
        }
        let mut close: Vec<&str> = left.keys().map(String::as_str).collect();
        close.sort_by_key(|other| (Reverse(alike(call, other)), *other));
        close.truncate(CLOSE);
        format!("`{call}` was not recorded; closest are `{}`", close.join("`, `"))
    }
}

impl Backend for RecordedBackend {
    fn call(&self, request: Request) -> BoxFuture<'_, Result<Response, RestError>> {
        Box::pin(ready(self.answer(&request)))
    }
}

/// How many characters two names share at their beginnings and ends, the method aside.
fn alike(one: &str, other: &str) -> usize {
    let tail = |name: &str| name.split_once('_').map_or(String::new(), |(_, path)| path.to_owned());
    let (one, other) = (tail(one), tail(other));
    let ahead = one.chars().zip(other.chars()).take_while(|(a, b)| a == b).count();
    let behind = one.chars().rev().zip(other.chars().rev()).take_while(|(a, b)| a == b).count();
    ahead + behind
}
