//! What is wrong with an input, in words for the person who filled in a form or configured a workflow.

use crate::Kind;
use serde::de::{self, Expected, Unexpected};
use serde_json::Value;
use std::{
    borrow::Cow,
    fmt::{self, Display},
};

/// How many characters of what came are shown: it may be a whole mail by mistake.
const LONGEST: usize = 120;

/// Why an input cannot be read.
#[derive(Debug)]
pub(crate) enum Mistake {
    /// A field that has to be there is not, or empty.
    Missing(&'static str),
    /// Something else came than was expected; `sort` says as much of it as may always be shown.
    Came { came: String, sort: &'static str, expected: String },
    /// What the type itself says.
    Other(String),
}

impl Mistake {
    /// The mistake at `path`, of a message of this `kind`. Nothing is shown of a value that holds a `secret`; a `number` is
    /// shown as it was written.
    pub(super) fn explain(&self, path: &str, kind: Kind, secret: bool, number: Option<&str>) -> String {
        let path = &*cut(path);
        let (inside, path) = if path == "." { (String::new(), "") } else { (format!("{path}."), path) };
        let noun = if kind == Kind::Function { "input " } else { "" };
        match self {
            Self::Missing(field) => format!("{noun}{inside}{field}: missing field: {}", reason(kind)),
            said => {
                let said = match (said, number) {
                    _ if secret => said.discreet(),
                    (Self::Came { sort: "a number", expected, .. }, Some(number)) => {
                        format!("came the number {}, expected {expected}", cut(number))
                    }
                    _ => said.to_string(),
                };
                if path.is_empty() { said } else { format!("{noun}{path}: {said}") }
            }
        }
    }

    fn discreet(&self) -> String {
        match self {
            Self::Came { sort, expected, .. } => {
                format!("came {sort} (from a secret, and not shown), expected {expected}")
            }
            Self::Missing(_) | Self::Other(_) => {
                "what the secret holds that is named there does not suit the handler".to_owned()
            }
        }
    }

    fn came(unexpected: &Unexpected<'_>, expected: &dyn Expected) -> Self {
        let sort = sort(unexpected);
        let came = match unexpected {
            Unexpected::Bool(value) => value.to_string(),
            Unexpected::Unsigned(number) => format!("the number {number}"),
            Unexpected::Signed(number) => format!("the number {number}"),
            Unexpected::Float(number) => format!("the number {number}"),
            _ => sort.to_owned(),
        };
        Self::Came { came, sort, expected: plain(&expected.to_string()) }
    }
}

/// Why something that is needed may be missing.
fn reason(kind: Kind) -> &'static str {
    match kind {
        Kind::Action => "it was left empty, or the rule does not ask for it",
        Kind::Function => {
            "it was left empty where the workflow or playbook calls the function, or the function has no such input"
        }
        Kind::Inbound | Kind::Connector => "it is empty, or not there",
    }
}

/// Texts may be anything, passwords too, and rejections are shown and logged: they are not quoted.
fn sort(unexpected: &Unexpected<'_>) -> &'static str {
    match unexpected {
        Unexpected::Bool(_) => "a boolean",
        Unexpected::Unsigned(_) | Unexpected::Signed(_) | Unexpected::Float(_) => "a number",
        Unexpected::Char(_) | Unexpected::Str(_) => "a text",
        Unexpected::Unit | Unexpected::Option => "nothing",
        Unexpected::Seq => "a list",
        Unexpected::Map => "an object",
        Unexpected::Other("a select value") => "a select value",
        Unexpected::Other("a text area") => "a text area",
        _ => "something else",
    }
}

pub(super) fn of_value(value: &Value) -> &'static str {
    match value {
        Value::Null => "nothing",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

fn cut(text: &str) -> Cow<'_, str> {
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()).into(),
        None => text.into(),
    }
}

/// What serde calls a type, for people who do not program.
fn plain(expected: &str) -> String {
    let words = match expected {
        "a string" | "a borrowed string" | "string" => "a text",
        "a boolean" => "true or false",
        "a sequence" => "a list",
        "a map" => "an object",
        "unit" => "nothing",
        "enum" => "one of its values",
        "a character" => "a single character",
        "f32" | "f64" => "a number",
        "u8" => "a whole number from 0 to 255",
        "u16" => "a whole number from 0 to 65535",
        "u32" => "a whole number from 0 to 4294967295",
        "u64" | "u128" | "usize" => "a whole number, 0 or more",
        "i8" => "a whole number from -128 to 127",
        "i16" => "a whole number from -32768 to 32767",
        "i32" => "a whole number from -2147483648 to 2147483647",
        "i64" | "i128" | "isize" => "a whole number",
        other if other.starts_with("struct ") || other.starts_with("map with ") => "an object",
        other if other.starts_with("enum ") || other.starts_with("variant ") => "one of its values",
        other => other,
    };
    words.to_owned()
}

impl Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing(field) => write!(f, "{field} is missing"),
            Self::Came { came, expected, .. } => write!(f, "came {came}, expected {expected}"),
            Self::Other(text) => f.write_str(text),
        }
    }
}

impl std::error::Error for Mistake {}

impl de::Error for Mistake {
    fn custom<T: Display>(text: T) -> Self {
        Self::Other(text.to_string())
    }

    fn invalid_type(unexpected: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::came(&unexpected, expected)
    }

    fn invalid_value(unexpected: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::came(&unexpected, expected)
    }

    fn invalid_length(length: usize, expected: &dyn Expected) -> Self {
        let came = format!("a list of {length}");
        Self::Came { came, sort: "a list", expected: plain(&expected.to_string()) }
    }

    fn unknown_variant(variant: &str, expected: &'static [&'static str]) -> Self {
        let known: Vec<String> = expected.iter().map(|name| format!("{name:?}")).collect();
        let expected = match known.as_slice() {
            [] => "nothing at all".to_owned(),
            [only] => only.clone(),
            several => format!("one of {}", several.join(", ")),
        };
        Self::Came { came: format!("{:?}", cut(variant)), sort: "a text", expected }
    }

    fn unknown_field(field: &str, _expected: &'static [&'static str]) -> Self {
        Self::Other(format!("{:?} came, which the handler does not know", cut(field)))
    }

    fn missing_field(field: &'static str) -> Self {
        Self::Missing(field)
    }

    fn duplicate_field(field: &'static str) -> Self {
        Self::Other(format!("{field:?} came twice"))
    }
}

impl From<serde_json::Error> for Mistake {
    fn from(error: serde_json::Error) -> Self {
        Self::Other(error.to_string())
    }
}
