//! The platform's status object: `{"success", "title", "message", "hints", "error_code"}`.

use bytes::Bytes;
use serde::Deserialize;
use serde_json::{Map, Value};

/// How much of an answer that is no JSON goes into an error.
const EXCERPT: usize = 300;

/// The status object's members; those behind `error_code` are not in each of its kinds.
const MEMBERS: [&str; 9] = [
    "success",
    "title",
    "message",
    "hints",
    "error_code",
    "error_payload",
    "field_failures",
    "details",
    "status_code",
];

/// Why the platform did not carry out a call that it answered with a status of 2xx.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Refusal {
    /// What it is about, in a word or two.
    pub title: Option<String>,
    /// What happened.
    pub message: Option<String>,
    /// What may help.
    pub hints: Vec<String>,
    /// The platform's code for the error: a word or a number.
    pub error_code: Option<String>,
    /// The API access names of the fields that the platform finds fault with, where it says them.
    pub fields: Vec<String>,
}

/// `{"success": false, "title", "message", "hints", "error_code"}`, each of which may be missing.
#[derive(Deserialize, Default)]
#[serde(default)]
struct ErrorBody {
    title: Option<String>,
    message: Option<String>,
    hints: Option<Vec<Value>>,
    error_code: Option<Value>,
}

/// What an error's text is made of.
#[derive(Default)]
pub(super) struct Words {
    pub(super) message: String,
    pub(super) error_code: Option<String>,
    pub(super) fields: Vec<String>,
}

// === impl Refusal ===

impl Refusal {
    /// What the body of an answer says, if it is a status object that says no. An object of the platform's that happens to
    /// have a member `success` has others, too, that a status object has not.
    #[must_use]
    pub fn of(body: &[u8]) -> Option<Self> {
        let body = body.trim_ascii();
        // Nearly every answer is none, and some are long.
        if !body.starts_with(b"{") || !body.windows(9).any(|text| text == b"\"success\"") {
            return None;
        }
        let object: Map<String, Value> = serde_json::from_slice(body).ok()?;
        let is_status = object.get("success") == Some(&Value::Bool(false))
            && object.iter().all(|(name, value)| is_member(name, value));
        let object = is_status.then_some(Value::Object(object))?;
        serde_json::from_value::<ErrorBody>(object).ok().map(Self::from)
    }

    /// Another's words.
    pub(super) fn said(message: impl Into<String>) -> Self {
        Self { message: Some(message.into()), ..Self::default() }
    }

    /// All that is said, in one line.
    pub(super) fn words(&self) -> String {
        let said = [&self.title, &self.message].into_iter().flatten().map(String::as_str);
        let mut said: Vec<&str> = said.filter(|text| !text.trim().is_empty()).collect();
        said.dedup();
        let said = if said.is_empty() { "the platform does not say why".to_owned() } else { said.join(": ") };
        let hints = self.hints.iter().chain(&self.fields);
        let mut words = hints.fold(said, |text, hint| format!("{text} ({hint})"));
        if let Some(code) = &self.error_code {
            words = format!("{words} [{code}]");
        }
        excerpt(&words)
    }
}

impl From<ErrorBody> for Refusal {
    fn from(body: ErrorBody) -> Self {
        let hints = body.hints.unwrap_or_default();
        let code = body.error_code.filter(|code| !code.is_null());
        let texts = hints.iter().filter_map(Value::as_str).filter(|hint| !hint.is_empty());
        Self {
            title: body.title.filter(|text| !text.is_empty()),
            message: body.message.filter(|text| !text.is_empty()),
            hints: texts.map(ToOwned::to_owned).collect(),
            error_code: code.map(|code| code.as_str().map_or_else(|| code.to_string(), ToOwned::to_owned)),
            fields: hints.iter().flat_map(faulty_fields).collect(),
        }
    }
}

/// Whether a status object may have this member.
fn is_member(name: &str, value: &Value) -> bool {
    let fits = match name {
        "title" | "message" => value.is_string(),
        "hints" => value.is_array(),
        // A PATCH's own body is answered with the fields that somebody else changed: the author asked for them.
        "field_failures" => value.as_array().is_some_and(Vec::is_empty),
        "error_code" => value.is_string() || value.is_number(),
        "success" => value.is_boolean(),
        name => MEMBERS.contains(&name),
    };
    fits || (value.is_null() && MEMBERS.contains(&name))
}

// === impl Words ===

impl Words {
    /// What the platform says of an error.
    pub(super) fn of(body: &Bytes) -> Self {
        let Ok(error) = serde_json::from_slice::<ErrorBody>(body) else {
            return Self { message: excerpt(&String::from_utf8_lossy(body)), ..Self::default() };
        };
        let Refusal { title, message, hints, error_code, fields } = error.into();
        let said = message.or(title).unwrap_or_default();
        let message = hints.iter().chain(&fields).fold(said, |text, hint| format!("{text} ({hint})"));
        Self { message: excerpt(&message), error_code, fields }
    }
}

/// The fields in a hint of the form `{"field_defs": [{"name": …}]}` (guide, chapter 5).
fn faulty_fields(hint: &Value) -> Vec<String> {
    let definitions = hint.get("field_defs").and_then(Value::as_array).into_iter().flatten();
    let names = definitions.filter_map(|definition| definition.get("name")?.as_str());
    names.map(ToOwned::to_owned).collect()
}

fn excerpt(text: &str) -> String {
    let text = text.trim();
    match text.char_indices().nth(EXCERPT) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    }
}
