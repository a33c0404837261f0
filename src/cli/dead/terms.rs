//! One dead letter in a few words.

use crate::{dispatch::decode, logging::is_unsafe, store::DeadLetter};
use jiff::{Timestamp, tz::TimeZone};
use serde::Deserialize;
use serde_json::Value;

/// What it asked for: the function's name or the action's number, and the incident; where its body does not say, the
/// invocation.
pub(super) fn what(letter: &DeadLetter) -> String {
    let body = body(letter).unwrap_or_default();
    let function = body.function["name"].as_str().map(str::to_owned);
    let action = || body.action_id.as_i64().map(|id| format!("action {id}"));
    let Some(name) = function.or_else(action) else { return printable(invocation(letter)) };
    let incident = body.incident["id"].as_i64().map(|id| format!(", incident {id}"));
    printable(&(name + &incident.unwrap_or_default()))
}

/// Names it on the platform; failing that, at the broker.
fn invocation(letter: &DeadLetter) -> &str {
    letter.header("correlation-id").unwrap_or(&letter.key.id)
}

/// What is looked at of a body; the rest, which may be large, is passed over.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Body {
    function: Value,
    action_id: Value,
    incident: Value,
}

/// Its body, where that is JSON.
fn body(letter: &DeadLetter) -> Option<Body> {
    let text = decode::text(&letter.body).ok()?;
    serde_json::from_str(&text).ok()
}

/// Its number, queue and what it asked for.
pub(super) fn line(letter: &DeadLetter) -> String {
    format!("{}  {}  {}", letter.number, queue(letter), what(letter))
}

/// The queue's name, without the broker's word for queues.
pub(super) fn queue(letter: &DeadLetter) -> String {
    let name = &letter.key.destination;
    printable(name.strip_prefix("/queue/").unwrap_or(name))
}

/// When it was set aside; `None` before the year 1 and after 9999.
pub(super) fn since(letter: &DeadLetter) -> Option<Timestamp> {
    letter.since.try_into().ok()
}

/// The same, in the machine's time zone, as in the log.
pub(super) fn local(letter: &DeadLetter, format: &str) -> String {
    let zoned = since(letter).map(|since| since.to_zoned(TimeZone::system()));
    zoned.map(|zoned| zoned.strftime(format).to_string()).unwrap_or_default()
}

pub(super) fn count(letters: usize) -> String {
    if letters == 1 { "1 dead letter".to_owned() } else { format!("{letters} dead letters") }
}

/// In one line, and without what a terminal would take for a command.
pub(super) fn printable(text: &str) -> String {
    text.chars().flat_map(|each| escaped(each, false)).collect()
}

/// Likewise, with its line ends and tabs.
pub(super) fn printable_lines(text: &str) -> String {
    text.chars().flat_map(|each| escaped(each, true)).collect()
}

fn escaped(each: char, keeps_lines: bool) -> Vec<char> {
    match each {
        '\n' | '\t' if keeps_lines => vec![each],
        each if is_unsafe(each) => each.escape_default().collect(),
        each => vec![each],
    }
}

/// JSON of several lines in which the same is escaped as JSON does.
pub(super) fn printable_json(value: &Value) -> String {
    let mut text = String::new();
    for each in format!("{value:#}").chars() {
        if each != '\n' && is_unsafe(each) {
            let units = each
                .encode_utf16(&mut [0; 2])
                .iter()
                .map(|unit| format!("\\u{unit:04x}"))
                .collect::<String>();
            text.push_str(&units);
        } else {
            text.push(each);
        }
    }
    text
}
