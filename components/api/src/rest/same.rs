//! Whether two values say the same, in whichever form the platform writes them.
//!
//! The platform keeps another form of much that it is sent (guide, chapter 6): rich text gets tags around it, labels
//! become ids, texts lose the blanks around them, dates their time of day, and what is chosen of several comes in another
//! order. So what is equal is there; what is not equal may be there all the same.

use crate::date;
use serde_json::{Map, Number, Value};
use std::borrow::Cow;

/// How many comparisons of two lists' items are worth making.
const MAX_PAIRS: usize = 250_000;

const DAY: i64 = 86_400_000;

/// Numbers below are no times in milliseconds.
const FIRST_TIME: i64 = 365 * DAY;

/// Whether `stored` is what was `sent`, perhaps in another form.
pub(super) fn same(sent: &Value, stored: &Value) -> bool {
    if sent == stored {
        return true;
    }
    match (sent, stored) {
        (Value::Null, other) | (other, Value::Null) => is_empty(other),
        (Value::Number(sent), Value::Number(stored)) => same_number(sent, stored),
        (Value::String(sent), Value::String(stored)) => same_text(sent, stored),
        (Value::Array(sent), Value::Array(stored)) => same_list(sent, stored, same),
        (Value::Object(sent), Value::Object(stored)) => same_object(sent, stored),
        (Value::Object(handle), plain) | (plain, Value::Object(handle)) => is_named(handle, plain),
        (Value::String(text), plain) | (plain, Value::String(text)) => is_written(text, plain),
        _ => false,
    }
}

/// Whether writing `new` over `old` would change nothing: stricter than [`same`], for a change of the formatting alone
/// is one.
pub(super) fn is_no_change(old: &Value, new: &Value) -> bool {
    if old == new {
        return true;
    }
    match (old, new) {
        (Value::Null, other) | (other, Value::Null) => is_empty(other),
        (Value::Number(old), Value::Number(new)) => match exact(old).zip(exact(new)) {
            Some((old, new)) => old == new,
            None => old.as_f64() == new.as_f64(),
        },
        (Value::String(old), Value::String(new)) => bare(old) == bare(new),
        (Value::Array(old), Value::Array(new)) => old.len() == new.len() && same_list(old, new, is_no_change),
        (Value::Object(old), Value::Object(new)) if is_handle(old) && is_handle(new) => match key(old, new) {
            Some("content") => html_of(old) == html_of(new),
            Some(key) => old.get(key) == new.get(key),
            None => false,
        },
        (Value::Object(handle), Value::String(text)) | (Value::String(text), Value::Object(handle)) => {
            match handle.contains_key("content") {
                true => html_of(handle).is_some_and(|html| bare(&html) == bare(text)),
                false => handle.get("name").and_then(Value::as_str) == Some(text),
            }
        }
        (Value::Object(handle), Value::Number(id)) | (Value::Number(id), Value::Object(handle)) => {
            handle.get("id").and_then(Value::as_number) == Some(id)
        }
        _ => false,
    }
}

/// Whether this is one value in several parts: `{"id", "name"}`, `{"format", "content"}`.
pub(super) fn is_handle(members: &Map<String, Value>) -> bool {
    let known = |name: &String| matches!(name.as_str(), "id" | "name" | "content" | "format" | "type");
    let says = ["id", "name", "content"].iter().any(|name| members.contains_key(*name));
    says && members.keys().all(known)
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.trim().is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(members) => {
            members.is_empty() || (is_handle(members) && members.get("content").is_some_and(is_empty))
        }
        Value::Bool(_) | Value::Number(_) => false,
    }
}

// --- numbers

fn exact(number: &Number) -> Option<i128> {
    number.as_i128()
}

/// Fractions are cut or rounded, times cut to seconds or days.
fn same_number(sent: &Number, stored: &Number) -> bool {
    if let (Some(sent), Some(stored)) = (sent.as_i64(), stored.as_i64()) {
        let cut = |unit: i64| sent - sent.rem_euclid(unit);
        return sent == stored || (sent >= FIRST_TIME && (cut(1000) == stored || cut(DAY) == stored));
    }
    let (Some(sent), Some(stored)) = (sent.as_f64(), stored.as_f64()) else { return false };
    sent.to_bits() == stored.to_bits() || sent.trunc() == stored || sent.round() == stored || sent == stored
}

/// A number, a truth value or a time that was written as a text.
fn is_written(text: &str, plain: &Value) -> bool {
    let text = text.trim();
    let Value::Number(number) = plain else { return text.eq_ignore_ascii_case(&plain.to_string()) };
    let moment = || {
        let moment = text.parse().map(date::to_millis).ok();
        moment.or_else(|| text.parse().map(date::day_to_millis).ok())
    };
    text == number.to_string() || moment().is_some_and(|millis| same_number(&Number::from(millis), number))
}

// --- texts

fn same_text(sent: &str, stored: &str) -> bool {
    let (raw, raw_stored) = (squeezed(sent), squeezed(stored));
    if raw == raw_stored {
        return true;
    }
    let (plain, plain_stored) = (squeezed(&plain(sent)), squeezed(&plain(stored)));
    !plain_stored.is_empty() && (plain == plain_stored || raw == plain_stored)
        || !raw_stored.is_empty() && plain == raw_stored
}

fn squeezed(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(feature = "text")]
fn plain(html: &str) -> Cow<'_, str> {
    crate::text::plain(html).into()
}

#[cfg(not(feature = "text"))]
fn plain(html: &str) -> Cow<'_, str> {
    bare(html).into()
}

/// HTML without what the platform puts around all of it: `<div class="rte"><div>…</div></div>`.
fn bare(html: &str) -> &str {
    let whole = html.trim();
    let wrapped = whole.strip_prefix("<div ").and_then(|rest| rest.split_once('>'));
    let wrapped = wrapped.filter(|(attributes, _)| attributes.contains("rte"));
    let Some(inner) = wrapped.and_then(|(_, rest)| rest.strip_suffix("</div>")) else { return whole };
    let inner = inner.trim();
    let bare = inner.strip_prefix("<div>").and_then(|rest| rest.strip_suffix("</div>"));
    // `<div>a</div><div>b</div>` is two.
    bare.filter(|bare| !bare.contains("<div")).unwrap_or(inner).trim()
}

/// What a text area holds, as HTML.
fn html_of(area: &Map<String, Value>) -> Option<Cow<'_, str>> {
    let content = area.get("content")?.as_str()?;
    let is_html = area.get("format").and_then(Value::as_str) != Some("text");
    Some(if is_html { bare(content).into() } else { escaped(content).into() })
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('\n', "<br>")
}

// --- lists and what refers to something else

/// The order does not matter: of what is chosen it is the platform's own.
fn same_list(sent: &[Value], stored: &[Value], same: fn(&Value, &Value) -> bool) -> bool {
    if sent.len().saturating_mul(stored.len()) > MAX_PAIRS {
        return sent.len() == stored.len()
            && sent.iter().zip(stored).all(|(sent, stored)| same(sent, stored));
    }
    let all = |these: &[Value], those: &[Value], same: &dyn Fn(&Value, &Value) -> bool| {
        these.iter().all(|this| those.iter().any(|that| same(this, that)))
    };
    all(sent, stored, &same) && all(stored, sent, &|stored, sent| same(sent, stored))
}

fn same_object(sent: &Map<String, Value>, stored: &Map<String, Value>) -> bool {
    if is_handle(sent)
        && is_handle(stored)
        && let Some(key) = key(sent, stored)
    {
        let (Some(sent), Some(stored)) = (sent.get(key), stored.get(key)) else { return false };
        return same(sent, stored);
    }
    sent.iter().all(|(name, sent)| same(sent, stored.get(name).unwrap_or(&Value::Null)))
}

/// By what two handles can be compared.
fn key(one: &Map<String, Value>, other: &Map<String, Value>) -> Option<&'static str> {
    let said = |handle: &Map<String, Value>, name: &str| handle.get(name).is_some_and(|said| !said.is_null());
    ["id", "name", "content"].into_iter().find(|name| said(one, name) && said(other, name))
}

/// Whether `plain` is the id, the name or the content of `handle`.
fn is_named(handle: &Map<String, Value>, plain: &Value) -> bool {
    let said = |name: &str| handle.get(name).filter(|said| !said.is_null() && !said.is_object());
    let named = |name: &Value| match (name, plain) {
        (Value::String(name), Value::String(plain)) => {
            name.trim().to_lowercase() == plain.trim().to_lowercase()
        }
        _ => name == plain,
    };
    said("name").is_some_and(named)
        || said("id").is_some_and(|id| id == plain)
        || said("content").is_some_and(|content| same(content, plain))
}
