//! What a handler's typed input may be made of: the values of a function's inputs and of activity fields, as the platform
//! writes them.
//!
//! Any `Deserialize` type will do. Its fields bear the inputs' API names, and may be of these types:
//!
//! | input on the platform | comes as | read as |
//! |---|---|---|
//! | text | `"x"` | `String` |
//! | number | `5` | any number type; one that is too large for it is rejected |
//! | boolean | `true` | `bool` |
//! | select | `{"id": 52, "name": "High"}` | `String` (its name), an integer (its id), [`Select`], or an enum whose variants are called as its values |
//! | multi-select | a list of those | a `Vec` or set of those |
//! | date, date and time | milliseconds since 1970 | [`Date`], or an integer |
//! | text area | `{"format": "html", "content": "<b>x</b>"}` | `String` (its content), or [`TextArea`] |
//! | anything | | `serde_json::Value`, as it came |
//!
//! An action's activity fields hold the ids of selects only; the names are in the message too, so that they are read as
//! `String` or enum just the same, but not as [`Select`].
//!
//! What was left empty (`null`, or not there at all) is none to an `Option`, the default to `#[serde(default)]`, and
//! otherwise rejected. A field that `#[serde(flatten)]` takes in, or an untagged enum, is read as it came: there a select
//! is an object.
//!
//! ```
//! use action_component::inputs::{Date, Select, TextArea};
//!
//! #[derive(serde::Deserialize)]
//! struct Inputs {
//!     host: String,
//!     #[serde(default)]
//!     tags: Vec<String>,
//!     severity: Severity,
//!     queue: Option<Select>,
//!     since: Option<Date>,
//!     notes: Option<TextArea>,
//! }
//!
//! #[derive(serde::Deserialize)]
//! enum Severity {
//!     Low,
//!     #[serde(rename = "Very high")]
//!     VeryHigh,
//! }
//! ```

mod deserializer;
mod fields;
mod mistake;
mod shell;
mod written;

pub(crate) use fields::fields_of;
pub(crate) use mistake::Mistake;
pub use shell::ShellInputs;

use crate::{Kind, message::Rejection};
use deserializer::Input;
use jiff::Timestamp;
use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{self, DeserializeOwned, MapAccess, Visitor},
};
use serde_json::{Map, Value};
use serde_path_to_error::{Path, Segment};
use std::fmt;

/// One value of a select or multi-select input, whole.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Select {
    /// Its id on this platform; another platform has another one for the same name.
    pub id: i64,
    /// What people see.
    pub name: String,
}

/// A date, or date and time: milliseconds since 1970 UTC on the wire. Any from the year -9999 to 9999-12-30, 22:00 UTC; where
/// 9999-12-31 stands for "never", an `i64` and [`day_from_millis`](crate::date::day_from_millis) take that too.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Date(pub Timestamp);

/// A text area with its format; a plain text is one too.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize)]
pub struct TextArea {
    /// How `content` is to be read.
    pub format: TextFormat,
    /// The text.
    pub content: String,
}

/// How the content of a [`TextArea`] is to be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum TextFormat {
    /// As it stands.
    #[default]
    Text,
    /// As HTML: rich text.
    Html,
    /// The platform did not say, or said what is not known here.
    Unknown,
}

/// What a [`TextArea`] is called while it is read.
const TEXT_AREA: &str = "$action_component::TextArea";

/// Reads `value` as a `T`; `null` inside it is as good as absent. `fields` is what the message's `type_info` says of its
/// fields. Where secrets were filled in, `sent` is what came instead, and what the rejection may show. What came from a
/// `shell` is read as what is asked for. `raw` is the message's body, for a number that has more digits than are kept.
pub(crate) fn read<T: DeserializeOwned>(
    value: &Value,
    fields: &Value,
    sent: Option<&Value>,
    kind: Kind,
    shell: Option<&ShellInputs>,
    raw: &[u8],
) -> Result<T, Rejection> {
    let nothing = Value::Object(Map::new());
    let value = if value.is_null() { &nothing } else { value };
    if !value.is_object() {
        let came = mistake::of_value(value);
        return Err(Rejection(format!("{}: came {came}, expected an object", place(kind))));
    }
    let input = Input::outermost(value, fields);
    let outcome = match shell {
        Some(shell) => shell.reading(|reading| serde_path_to_error::deserialize(input.of_shell(reading))),
        None => serde_path_to_error::deserialize(input),
    };
    outcome.map_err(|error| {
        let path = error.path();
        let secret = sent.is_some_and(|sent| find(sent, path) != find(value, path));
        let number = written::number(raw, kind, path);
        Rejection(error.inner().explain(&path.to_string(), kind, secret, number.as_deref()))
    })
}

/// The part of the message's body that a typed input is read from.
pub(crate) fn place(kind: Kind) -> &'static str {
    match kind {
        Kind::Action => "properties",
        Kind::Function => "inputs",
        Kind::Connector => "request_payload",
        Kind::Inbound => "the message",
    }
}

fn find<'a>(value: &'a Value, path: &Path) -> Option<&'a Value> {
    path.iter().try_fold(value, |value, segment| match segment {
        Segment::Seq { index } => value.get(*index),
        Segment::Map { key } => value.get(key),
        Segment::Enum { .. } | Segment::Unknown => Some(value),
    })
}

// === impl Date ===

impl<'de> Deserialize<'de> for Date {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        const REACH: &str = "a date between the years -9999 and 9999 (milliseconds since 1970)";

        struct Milliseconds;

        impl Visitor<'_> for Milliseconds {
            type Value = Date;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a date (milliseconds since 1970)")
            }

            fn visit_i64<E: de::Error>(self, number: i64) -> Result<Date, E> {
                let beyond = |_| E::invalid_value(de::Unexpected::Signed(number), &REACH);
                Timestamp::from_millisecond(number).map(Date).map_err(beyond)
            }

            fn visit_u64<E: de::Error>(self, number: u64) -> Result<Date, E> {
                match i64::try_from(number) {
                    Ok(number) => self.visit_i64(number),
                    Err(_) => Err(E::invalid_value(de::Unexpected::Unsigned(number), &REACH)),
                }
            }
        }

        deserializer.deserialize_i64(Milliseconds)
    }
}

impl Serialize for Date {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_i64(self.0.as_millisecond())
    }
}

impl From<Date> for Timestamp {
    fn from(date: Date) -> Self {
        date.0
    }
}

// === impl TextArea ===

impl<'de> Deserialize<'de> for TextArea {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Area;

        impl<'de> Visitor<'de> for Area {
            type Value = TextArea;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a text, or an object with its format and content")
            }

            fn visit_newtype_struct<D: Deserializer<'de>>(self, inner: D) -> Result<TextArea, D::Error> {
                inner.deserialize_any(self)
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<TextArea, E> {
                Ok(TextArea { format: TextFormat::Text, content: text.to_owned() })
            }

            fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<TextArea, A::Error> {
                let (mut format, mut content) = (None, None);
                while let Some(key) = fields.next_key::<String>()? {
                    match key.as_str() {
                        // The platform's REST API says `format`, the messages of some versions `type`.
                        "format" | "type" => format = fields.next_value::<Option<String>>()?,
                        "content" => content = fields.next_value::<Option<String>>()?,
                        _ => drop(fields.next_value::<de::IgnoredAny>()?),
                    }
                }
                let content = content.ok_or_else(|| de::Error::missing_field("content"))?;
                Ok(TextArea { format: TextFormat::named(format.as_deref()), content })
            }
        }

        // The name lets an input's deserializer know that a text will do.
        deserializer.deserialize_newtype_struct(TEXT_AREA, Area)
    }
}

impl TextFormat {
    fn named(name: Option<&str>) -> Self {
        match name.map(str::to_lowercase).as_deref() {
            Some("text") => Self::Text,
            Some("html") => Self::Html,
            _ => Self::Unknown,
        }
    }
}
