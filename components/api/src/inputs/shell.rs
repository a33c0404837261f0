//! Inputs that came from a command line, where all is text.

use jiff::{Timestamp, Zoned, civil::DateTime, tz::TimeZone};
use serde_json::{Number, Value};
use std::{
    cell::RefCell,
    collections::BTreeSet,
    sync::{Mutex, PoisonError},
};

/// The names of the inputs that were written on a command line, and which of them the handler has read.
///
/// A shell knows no types: `12345` may be meant as a text or as a number. [`guessed`](Self::guessed) makes a value of it
/// that loses nothing, and a typed input then reads that as the type that the handler asks for: a number or `true` as
/// the text that was written, a text as a number or a boolean, and an ISO 8601 date as the milliseconds that the platform
/// would send.
#[derive(Debug, Default)]
pub struct ShellInputs {
    names: BTreeSet<String>,
    /// Those of them that may be read as another type than was guessed.
    texts: BTreeSet<String>,
    /// Those that a typed input has taken in; `None` before the first one was read.
    read: Mutex<Option<BTreeSet<String>>>,
}

/// One reading of shell inputs.
#[derive(Debug, Clone, Copy)]
pub(super) struct Reading<'a> {
    pub(super) texts: &'a BTreeSet<String>,
    /// Those that this reading has no field for.
    pub(super) ignored: &'a RefCell<BTreeSet<String>>,
}

// === impl ShellInputs ===

impl ShellInputs {
    /// Inputs of these names came from a command line; those of `texts` as mere text, the others as JSON.
    #[must_use]
    pub fn new(names: BTreeSet<String>, texts: BTreeSet<String>) -> Self {
        Self { names, texts, read: Mutex::default() }
    }

    /// What a handler that does not say what it wants is given for `text`: a number or a boolean where `text` is just what
    /// that would be written as, so that nothing is lost, and otherwise the text. `007`, `1.50` and `1e5` are texts.
    #[must_use]
    pub fn guessed(text: &str) -> Value {
        match text {
            "true" => true.into(),
            "false" => false.into(),
            _ => match text.parse::<Number>() {
                Ok(number) if number.to_string() == text => number.into(),
                _ => text.into(),
            },
        }
    }

    /// The inputs that no typed input has a field for, in order; none where the handler takes the message as it came.
    #[must_use]
    pub fn unread(&self) -> Vec<String> {
        let read = self.read.lock().unwrap_or_else(PoisonError::into_inner);
        read.as_ref().map_or_else(Vec::new, |read| self.names.difference(read).cloned().collect())
    }

    /// Runs one reading, and notes what it has taken in.
    pub(super) fn reading<T>(&self, read: impl FnOnce(Reading<'_>) -> T) -> T {
        let ignored = RefCell::default();
        let outcome = read(Reading { texts: &self.texts, ignored: &ignored });
        let ignored = ignored.into_inner();
        let mut known = self.read.lock().unwrap_or_else(PoisonError::into_inner);
        known.get_or_insert_default().extend(self.names.difference(&ignored).cloned());
        outcome
    }
}

// === impl Reading ===

impl Reading<'_> {
    pub(super) fn holds(&self, name: &str) -> bool {
        self.texts.contains(name)
    }

    pub(super) fn ignores(&self, name: &str) {
        self.ignored.borrow_mut().insert(name.to_owned());
    }
}

/// As it was written, where [`ShellInputs::guessed`] took it for something else.
pub(super) fn as_text(value: &Value) -> Option<String> {
    match value {
        Value::Bool(_) | Value::Number(_) => Some(value.to_string()),
        Value::Null | Value::String(_) | Value::Array(_) | Value::Object(_) => None,
    }
}

/// A number, or the milliseconds of a date.
pub(super) fn as_number(text: &str) -> Option<Number> {
    let text = text.trim();
    let whole =
        || text.parse::<i64>().map(Number::from).or_else(|_| text.parse::<u64>().map(Number::from)).ok();
    let decimal = || text.parse::<f64>().ok().and_then(Number::from_f64);
    whole().or_else(decimal).or_else(|| milliseconds(text).map(Number::from))
}

/// Of an ISO 8601 date, or date and time; one without a zone is taken for UTC.
fn milliseconds(text: &str) -> Option<i64> {
    let zoned = || text.parse::<Zoned>().map(|zoned| zoned.timestamp());
    let local = || {
        text.parse::<DateTime>().and_then(|time| time.to_zoned(TimeZone::UTC)).map(|zoned| zoned.timestamp())
    };
    let time = text.parse::<Timestamp>().or_else(|_| zoned()).or_else(|_| local());
    time.ok().map(Timestamp::as_millisecond)
}
