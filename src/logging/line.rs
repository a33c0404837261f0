//! One event as a line of text or JSON.

use super::fields::Fields;
use jiff::Zoned;
use serde_json::{Map, Value};
use std::fmt::Write;
use tracing::Level;

pub(super) struct Line {
    time: Zoned,
    level: Level,
    target: String,
    message: String,
    fields: Fields,
}

/// How long a line of text usually is, in bytes.
const USUAL: usize = 256;

// === impl Line ===

impl Line {
    /// Libraries that log through the `log` crate name their module in a field.
    pub(super) fn new(time: Zoned, level: Level, target: &str, mut fields: Fields) -> Self {
        let logged = fields.take("log.target");
        for field in ["log.module_path", "log.file", "log.line"] {
            let _ = fields.take(field);
        }
        let target = logged.as_ref().and_then(Value::as_str).unwrap_or(target).to_owned();
        let message = fields.take("message").as_ref().and_then(Value::as_str).unwrap_or_default().to_owned();
        Self { time, level, target, message, fields }
    }
}

/// `2026-11-22 02:37:00,123 INFO [module] message key=value`: as the vendor's framework writes it, local time included.
/// Nothing inside a message or value can begin a new line.
pub(super) fn text(line: &Line) -> String {
    let time = line.time.strftime("%Y-%m-%d %H:%M:%S,%3f");
    let mut text = String::with_capacity(USUAL);
    let _ = write!(text, "{time} {} [{}] ", line.level, line.target);
    push_escaped(&mut text, &line.message, false);
    for (name, value) in line.fields.iter() {
        text.extend([" ", name, "="]);
        match value {
            Value::String(value) if needs_quotes(value) => {
                text.push('"');
                push_escaped(&mut text, value, true);
                text.push('"');
            }
            Value::String(value) => text.push_str(value),
            value => {
                let _ = write!(text, "{value}");
            }
        }
    }
    text.push('\n');
    text
}

/// One object: `timestamp` (RFC 3339, UTC), `level`, `target`, `message`, then the fields.
pub(super) fn json(line: &Line) -> String {
    let mut object = Map::new();
    object.insert("timestamp".to_owned(), format!("{:.3}", line.time.timestamp()).into());
    object.insert("level".to_owned(), line.level.to_string().into());
    object.insert("target".to_owned(), line.target.clone().into());
    object.insert("message".to_owned(), line.message.clone().into());
    for (name, value) in line.fields.iter() {
        object.entry(name).or_insert_with(|| value.clone());
    }
    json_text(&Value::Object(object)) + "\n"
}

/// JSON in which what may be a line's end to a viewer is escaped too.
fn json_text(value: &Value) -> String {
    let mut text = String::new();
    for c in value.to_string().chars() {
        match c {
            c if is_unsafe(c) => push_units(&mut text, c),
            c => text.push(c),
        }
    }
    text
}

/// `c` as JSON escapes it.
fn push_units(text: &mut String, c: char) {
    for unit in c.encode_utf16(&mut [0; 2]) {
        let _ = write!(text, "\\u{unit:04x}");
    }
}

fn needs_quotes(value: &str) -> bool {
    value.is_empty()
        || value.chars().any(|c| c.is_whitespace() || matches!(c, '"' | '=' | '\\') || is_unsafe(c))
}

fn push_escaped(text: &mut String, value: &str, quoted: bool) {
    for c in value.chars() {
        match c {
            '"' | '\\' if quoted => text.extend(['\\', c]),
            '\n' => text.push_str("\\n"),
            '\r' => text.push_str("\\r"),
            '\t' => text.push_str("\\t"),
            c if is_unsafe(c) => text.extend(c.escape_unicode()),
            c => text.push(c),
        }
    }
}

/// What ends a line or moves the cursor in a viewer: control characters, Unicode's line ends, changes of direction.
pub(crate) fn is_unsafe(c: char) -> bool {
    c.is_control()
        || matches!(
            c,
            '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{200e}' | '\u{200f}' | '\u{61c}'
        )
}
