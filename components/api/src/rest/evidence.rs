//! Was a write carried out whose answer was lost? One rule for every helper that has to know.
//!
//! Only reading can tell, and not always: the platform keeps another form of much that it is sent (see `same`), so that a
//! value which is equal proves that it was written, but one that is not equal proves nothing. The version helps, which the
//! platform counts up by one with each write, and so does a second look at what refers to something else, with ids and
//! names side by side. What stays in doubt is never written again: the author is told.

use super::{HandleFormat, RestError, same};
use serde_json::{Map, Value};

/// What reading shows of a write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Finding {
    /// It was carried out.
    Done,
    /// It was not; it may be made again.
    NotDone,
    /// It may have been.
    InDoubt,
}

/// An object's version, which each write counts up: `vers`, or `version` of a row.
pub(super) type Version = Option<i64>;

/// One member that a write wanted to change: as it was, as it was sent, as it is now.
#[derive(Debug)]
pub(super) struct Member<'a> {
    pub(super) before: &'a Value,
    pub(super) sent: &'a Value,
    pub(super) now: &'a Value,
}

/// What one member shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shows {
    /// The new value.
    New,
    /// The old value, and the new one would look otherwise.
    Old,
    /// What may be the old or the new one.
    Either,
    /// Another value, or one that cannot be compared.
    Other,
}

pub(super) static NULL: Value = Value::Null;

/// Looks at an object's version before the write and now, and at each member that the write wanted to change.
pub(super) fn find(before: Version, now: Version, members: &[Member<'_>]) -> Finding {
    let writes = before.zip(now).map(|(before, now)| now - before);
    if writes == Some(0) {
        return Finding::NotDone;
    }
    let shown: Vec<Shows> = members.iter().map(Member::shows).collect();
    let has = |shows: Shows| shown.contains(&shows);
    if !has(Shows::Old) && !has(Shows::Other) {
        return Finding::Done;
    }
    match writes {
        // Exactly one write was carried out since, and it was this one.
        Some(1) if has(Shows::New) => Finding::Done,
        // Exactly one, and it was another.
        Some(1) if !has(Shows::Other) => Finding::NotDone,
        _ => Finding::InDoubt,
    }
}

pub(super) fn version(object: &Value) -> Version {
    object.get("vers").or_else(|| object.get("version")).and_then(Value::as_i64)
}

/// The members in which `sent` differs from `before`, however deep.
pub(super) fn members<'a>(before: &'a Value, sent: &'a Value, now: &'a Value) -> Vec<Member<'a>> {
    let mut found = Vec::new();
    collect(before, sent, now, &mut found);
    found
}

fn collect<'a>(before: &'a Value, sent: &'a Value, now: &'a Value, found: &mut Vec<Member<'a>>) {
    if before == sent {
        return;
    }
    match (before, sent, now) {
        (Value::Object(old), Value::Object(new), Value::Object(current)) if !same::is_handle(new) => {
            let member = |members: &'a Map<String, Value>, name: &str| members.get(name).unwrap_or(&NULL);
            let removed = old.keys().filter(|name| !new.contains_key(*name));
            for name in new.keys().chain(removed) {
                collect(member(old, name), member(new, name), member(current, name), found);
            }
        }
        _ => found.push(Member { before, sent, now }),
    }
}

/// The path of the same object with ids and names side by side; none where the author asked for that already.
pub(super) fn with_names(path: &str) -> Option<String> {
    let asked = HandleFormat::of(path);
    (asked != Some("objects")).then(|| HandleFormat::without(path))
}

/// What an author is told who has to find out.
pub(super) fn in_doubt(lost: RestError) -> RestError {
    RestError::InDoubt { source: Box::new(lost) }
}

// === impl Member ===

impl Member<'_> {
    fn shows(&self) -> Shows {
        let Self { before, sent, now } = *self;
        if now == sent {
            return Shows::New;
        }
        let old = same::same(before, now);
        match (same::same(sent, now), old) {
            (true, false) => Shows::New,
            (true, true) => Shows::Either,
            (false, true) if same::same(sent, before) => Shows::Either,
            (false, true) if are_comparable(before, sent) => Shows::Old,
            _ => Shows::Other,
        }
    }
}

/// Whether no form of `sent` can be `before`: a label may become the very id that was there, a number never another.
fn are_comparable(before: &Value, sent: &Value) -> bool {
    match (before, sent) {
        (Value::Null, Value::Object(_) | Value::Array(_)) => false,
        (Value::Null, _) | (_, Value::Null) => true,
        (Value::Bool(_), Value::Bool(_))
        | (Value::Number(_), Value::Number(_))
        | (Value::String(_), Value::String(_)) => true,
        (Value::Array(before), Value::Array(sent)) => {
            let kind = |value: &Value| std::mem::discriminant(value);
            let plain = before.iter().chain(sent).all(|item| item.is_number() || item.is_string());
            let kinds = |one: &[Value], other: &[Value]| {
                one.iter().all(|item| other.is_empty() || other.iter().any(|that| kind(that) == kind(item)))
            };
            plain && kinds(before, sent) && kinds(sent, before)
        }
        _ => false,
    }
}
