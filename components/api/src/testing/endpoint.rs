use super::call::Call;
use http::Method;
use percent_encoding::percent_decode_str;
use std::{fmt, str::FromStr};

/// `GET /incidents/{id}/members`: which calls are meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Endpoint {
    method: Method,
    path: Vec<Segment>,
    /// Without one, calls with any query are meant.
    query: Option<Vec<String>>,
    text: String,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Segment {
    Literal(String),
    /// `{id}`: one segment, whatever it is.
    Capture(String),
    /// `{*path}`: all that is left.
    Rest(String),
}

/// What a call's path holds where the endpoint has names.
pub(super) type Captured = Vec<(String, String)>;

impl Endpoint {
    /// What the call has for the endpoint's captures, if it is meant.
    pub(super) fn captures(&self, call: &Call) -> Option<Captured> {
        let (path, query) = split(&call.path);
        let is_meant =
            self.method == call.method && self.query.as_ref().is_none_or(|wanted| *wanted == query);
        is_meant.then(|| self.captures_of(&path)).flatten()
    }

    fn captures_of(&self, path: &[String]) -> Option<Captured> {
        let mut captured = Captured::new();
        let mut left = path;
        for segment in &self.path {
            if let Segment::Rest(name) = segment {
                captured.push((name.clone(), left.join("/")));
                return Some(captured);
            }
            let (first, rest) = left.split_first()?;
            match segment {
                Segment::Capture(name) => captured.push((name.clone(), first.clone())),
                Segment::Literal(text) if text == first => {}
                Segment::Literal(_) | Segment::Rest(_) => return None,
            }
            left = rest;
        }
        left.is_empty().then_some(captured)
    }

    /// Of two endpoints that mean the same call, the one that leaves less open is the one to answer.
    pub(super) fn precision(&self) -> (bool, usize, bool) {
        let takes_all = self.path.iter().any(|segment| matches!(segment, Segment::Rest(_)));
        let literals = self.path.iter().filter(|segment| matches!(segment, Segment::Literal(_))).count();
        (!takes_all, literals, self.query.is_some())
    }
}

impl FromStr for Endpoint {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("{text:?} is no endpoint: write \"GET /incidents/{{id}}\"");
        let (method, path) = text.trim().split_once(' ').ok_or_else(wrong)?;
        let path = path.trim();
        let is_method = !method.is_empty() && method.bytes().all(|byte| byte.is_ascii_uppercase());
        let method = method.parse().ok().filter(|_| is_method && path.starts_with('/')).ok_or_else(wrong)?;
        let (segments, query) = split(path);
        let query = path.contains('?').then_some(query);
        Ok(Self {
            method,
            path: segments.into_iter().map(Segment::of).collect(),
            query,
            text: text.trim().to_owned(),
        })
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Segment {
    fn of(text: String) -> Self {
        match text.strip_prefix('{').and_then(|text| text.strip_suffix('}')) {
            Some(name) => match name.strip_prefix('*') {
                Some(name) => Self::Rest(name.to_owned()),
                None => Self::Capture(name.to_owned()),
            },
            None => Self::Literal(text),
        }
    }
}

/// A path's segments and its query's pairs, escapes undone; the order of the pairs does not matter.
fn split(path: &str) -> (Vec<String>, Vec<String>) {
    let plain = |text: &str| percent_decode_str(text).decode_utf8_lossy().into_owned();
    let (path, query) = path.split_once('?').unwrap_or((path, ""));
    let segments = path.trim_matches('/').split('/').map(plain).collect();
    let mut query: Vec<String> = query.split('&').filter(|pair| !pair.is_empty()).map(plain).collect();
    query.sort();
    (segments, query)
}

/// The endpoint that a person would set for this call: `GET /users/{id}` for `GET /users/7`.
pub(super) fn proposed(call: &Call) -> String {
    let path = call.path.split('?').next().unwrap_or_default();
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let mut ids = 0;
    let segments = path.split('/').map(|segment| match segment {
        segment if is_number(segment) => {
            ids += 1;
            if ids == 1 { "{id}".to_owned() } else { format!("{{id{ids}}}") }
        }
        segment => segment.to_owned(),
    });
    let path: Vec<String> = segments.collect();
    format!("{} {}", call.method, path.join("/"))
}
