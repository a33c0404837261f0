//! A component's own section of app.config.

use config::{Map, Value, ValueKind};
use serde::de::DeserializeOwned;
use std::{collections::BTreeMap, fmt};

/// What the daemon reads from every component's section.
const DAEMON_KEYS: [&str; 6] = [
    "destination",
    "inbound_destination_api_name",
    "input_secrets",
    "order_by",
    "platform",
    "trap_exception",
];

/// The keys and values of one section, secrets resolved. Printing it shows the keys only.
#[derive(Clone, Default)]
pub struct Section {
    name: String,
    values: BTreeMap<String, String>,
    /// Keys that are read by the wrappers of the component's handlers.
    tuned: Vec<String>,
}

/// The section does not have the shape that the component asks for.
#[derive(Debug, thiserror::Error)]
#[error("section [{section}] of app.config: {reason}")]
pub struct SectionError {
    section: String,
    reason: String,
}

impl Section {
    /// The section called `name`, holding `values`.
    #[must_use]
    pub fn new<K: Into<String>, V: Into<String>>(
        name: impl Into<String>,
        values: impl IntoIterator<Item = (K, V)>,
    ) -> Self {
        let values = values.into_iter().map(|(key, value)| (key.into(), value.into())).collect();
        Self { name: name.into(), values, tuned: Vec::new() }
    }

    /// What stands between the brackets.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The value of `key`, as it stands in the file.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&str> {
        self.values.get(key).map(String::as_str)
    }

    /// The value of `key` as a flag (`yes`, `no`, `on`, `off`, `true`, `false`, `1`, `0`); `None` where it is not set.
    ///
    /// # Errors
    /// It is none of these.
    pub fn flag(&self, key: &str) -> Result<Option<bool>, SectionError> {
        match self.get(key).map(|value| value.trim().to_lowercase()).as_deref() {
            None | Some("") => Ok(None),
            Some("yes" | "on" | "true" | "1") => Ok(Some(true)),
            Some("no" | "off" | "false" | "0") => Ok(Some(false)),
            Some(_) => Err(self.mistake(format!("{key}: expected `true` or `false`"))),
        }
    }

    /// The names that `key` lists, separated by commas.
    pub fn list(&self, key: &str) -> impl Iterator<Item = &str> {
        let names = self.get(key).unwrap_or_default().split(',');
        names.map(str::trim).filter(|name| !name.is_empty())
    }

    /// The keys that are set.
    pub fn keys(&self) -> impl Iterator<Item = &str> {
        self.values.keys().map(String::as_str)
    }

    /// Reads the section as a type of the component's own. Numbers and booleans (`yes`, `no`, `on`, `off`, `true`,
    /// `false`, `1`, `0`) are read from their text.
    ///
    /// # Errors
    /// A key is missing, or its value is not of the field's type. The error names the key, never the value.
    pub fn read<T: DeserializeOwned>(&self) -> Result<T, SectionError> {
        let others = || DAEMON_KEYS.into_iter().chain(self.tuned.iter().map(String::as_str));
        let mut left_out: Vec<&str> = Vec::new();
        loop {
            let error = match self.read_where(|key| !left_out.contains(&key)) {
                Ok(value) => return Ok(value),
                Err(error) => error,
            };
            // A type that denies unknown fields knows its own, not the daemon's.
            match others().find(|key| !left_out.contains(key) && error.denies(key)) {
                Some(key) => left_out.push(key),
                None => return Err(error),
            }
        }
    }

    /// The same section, of which the wrappers of the component's handlers read these keys.
    pub(crate) fn knowing(mut self, tuned: impl IntoIterator<Item = String>) -> Self {
        self.tuned = tuned.into_iter().collect();
        self
    }

    fn read_where<T: DeserializeOwned>(&self, wanted: impl Fn(&str) -> bool) -> Result<T, SectionError> {
        let table: Map<String, Value> = self
            .values
            .iter()
            .filter(|(key, _)| wanted(key))
            .map(|(key, value)| (key.clone(), Value::new(None, ValueKind::String(value.clone()))))
            .collect();
        let error = |error: config::ConfigError| SectionError {
            section: self.name.clone(),
            reason: self.without_values(&error.to_string()),
        };
        Value::new(None, ValueKind::Table(table)).try_deserialize().map_err(error)
    }

    /// A mistake that the component found by itself. `reason` names the key, never the value.
    #[must_use]
    pub fn mistake(&self, reason: impl Into<String>) -> SectionError {
        SectionError { section: self.name.clone(), reason: reason.into() }
    }

    /// A value may be a secret, and errors are shown.
    fn without_values(&self, text: &str) -> String {
        let values = self.values.values().filter(|value| value.len() > 3);
        values.fold(text.to_owned(), |text, value| text.replace(value.as_str(), "***"))
    }
}

/// Of name and values: who reads them makes no difference.
impl PartialEq for Section {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name && self.values == other.values
    }
}

impl Eq for Section {}

impl SectionError {
    /// The type that was read denies unknown fields, and this one is.
    fn denies(&self, key: &str) -> bool {
        self.reason.contains(&format!("unknown field `{key}`"))
    }

    /// Both mistakes of one section.
    pub(crate) fn and(self, other: &Self) -> Self {
        Self { reason: format!("{}; {}", self.reason, other.reason), ..self }
    }
}

impl fmt::Debug for Section {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Section").field("name", &self.name).field("keys", &self.values.keys()).finish()
    }
}
