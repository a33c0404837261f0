use super::{FieldError, Near};
use serde::{Deserialize, Deserializer};
use serde_json::Value;
use std::{convert::Infallible, str::FromStr};

/// One field, as the platform defines it (`FieldDefDTO`).
#[derive(Debug, Clone, Deserialize)]
#[non_exhaustive]
pub struct Field {
    /// Its number.
    #[serde(default)]
    pub id: Option<i64>,
    /// Its API access name: `severity_code`.
    pub name: String,
    /// What users see: "Severity".
    #[serde(rename = "text", default, deserialize_with = "or_default")]
    pub label: String,
    /// What it takes.
    pub input_type: InputType,
    /// Where it stands in its object: `properties` for custom fields of incidents, `pii` for some; else at the top.
    #[serde(default)]
    pub prefix: Option<String>,
    /// When it must be filled in; none if it need not be.
    #[serde(default, deserialize_with = "Required::read")]
    pub required: Option<Required>,
    /// Whether a text area takes HTML.
    #[serde(default)]
    pub rich_text: bool,
    /// Whether only the platform writes it.
    #[serde(default)]
    pub read_only: bool,
    /// The values of a select or multi-select field.
    #[serde(default, deserialize_with = "or_default")]
    pub values: Vec<Choice>,
}

/// What a field takes.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Deserialize)]
#[serde(from = "String")]
#[non_exhaustive]
pub enum InputType {
    /// One line of text.
    Text,
    /// Several lines of text, HTML where the field is [`rich_text`](Field::rich_text).
    TextArea,
    /// A whole number.
    Number,
    /// `true` or `false`.
    Boolean,
    /// One of its [`values`](Field::values).
    Select,
    /// Some of its [`values`](Field::values).
    MultiSelect,
    /// A day, as milliseconds since 1970 UTC at its beginning in UTC.
    Date,
    /// A time, as milliseconds since 1970 UTC.
    DateTime,
    /// A user or group that owns (`select_owner`).
    Owner,
    /// Users and groups (`multiselect_members`).
    Members,
    /// Another, by the platform's word for it.
    Other(String),
}

/// The moment at which a field must be filled in. What is required always is required at the close, too.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Required {
    /// From the creation on.
    Always,
    /// When the incident is closed.
    Close,
}

/// One value of a select field.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[non_exhaustive]
pub struct Choice {
    /// Its id, a number for most fields.
    pub value: Value,
    /// What users see.
    #[serde(default, deserialize_with = "or_default")]
    pub label: String,
    /// Whether it can still be chosen. Objects may hold values that no longer can.
    #[serde(default = "yes")]
    pub enabled: bool,
}

fn yes() -> bool {
    true
}

/// The platform writes `null` for what is not there.
fn or_default<'de, T: Default + Deserialize<'de>, D: Deserializer<'de>>(reader: D) -> Result<T, D::Error> {
    Ok(Option::deserialize(reader)?.unwrap_or_default())
}

// === impl Field ===

impl Field {
    /// Its name within its object, as a PATCH wants it: `name`, `properties.score`.
    #[must_use]
    pub fn path(&self) -> String {
        match &self.prefix {
            Some(prefix) => format!("{prefix}.{}", self.name),
            None => self.name.clone(),
        }
    }

    /// What `object` holds in this field; `null` where there is nothing.
    #[must_use]
    pub fn value_in<'a>(&self, object: &'a Value) -> &'a Value {
        let holder = self.prefix.as_ref().map_or(Some(object), |prefix| object.get(prefix));
        holder.and_then(|holder| holder.get(&self.name)).unwrap_or(&Value::Null)
    }

    /// The label of a value: of an id, of `{id, name}`, or of what is a label already.
    #[must_use]
    pub fn label_of<'a>(&'a self, value: &'a Value) -> Option<&'a str> {
        let id = value.get("id").unwrap_or(value);
        let choice = self.values.iter().find(|choice| choice.has_id(id));
        let choice = choice.or_else(|| self.values.iter().find(|choice| id.as_str() == Some(&choice.label)));
        choice.map(|choice| choice.label.as_str()).or_else(|| value.get("name")?.as_str())
    }

    /// The labels of a list of values, or of a single one. Values without a label are left out.
    #[must_use]
    pub fn labels_of<'a>(&'a self, value: &'a Value) -> Vec<&'a str> {
        each(value).filter_map(|value| self.label_of(value)).collect()
    }

    /// The id behind a label. Capitals and blanks around it do not matter, where that leaves no doubt.
    ///
    /// # Errors
    /// There is none: the error names near misses.
    pub fn id_of(&self, label: &str) -> Result<&Value, FieldError> {
        let same = |choice: &&Choice| choice.label == label;
        let alike = |choice: &&Choice| choice.label.trim().to_lowercase() == label.trim().to_lowercase();
        let choosable = || self.values.iter().filter(|choice| choice.enabled);
        let found = choosable().find(same).or_else(|| {
            let mut alike = choosable().filter(alike);
            alike.next().filter(|_| alike.next().is_none())
        });
        found.map(|choice| &choice.value).ok_or_else(|| self.no_value(label))
    }

    fn no_value(&self, label: &str) -> FieldError {
        let near = Near::of(label, self.values.iter().map(|choice| choice.label.as_str()));
        FieldError::NoValue { field: self.name.clone(), label: label.to_owned(), near }
    }

    /// The texts in `value` that no label of a select field is. Other types take any text.
    pub(crate) fn unknown_labels(&self, value: &Value) -> Vec<FieldError> {
        if !matches!(self.input_type, InputType::Select | InputType::MultiSelect) || self.values.is_empty() {
            return Vec::new();
        }
        let known = |text: &str| self.id_of(text).is_ok() || self.label_of(&text.into()).is_some();
        let texts = each(value).filter_map(Value::as_str).filter(|text| !text.is_empty());
        texts.filter(|text| !known(text)).map(|text| self.no_value(text)).collect()
    }
}

fn each(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().map_or(std::slice::from_ref(value), Vec::as_slice).iter()
}

// === impl Choice ===

impl Choice {
    /// Ids are numbers, but become text where they are keys.
    fn has_id(&self, id: &Value) -> bool {
        self.value == *id || (id.is_string() && id.as_str() == Some(self.value.to_string().as_str()))
    }
}

// === impl InputType ===

impl InputType {
    /// The platform's word for it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::Text => "text",
            Self::TextArea => "textarea",
            Self::Number => "number",
            Self::Boolean => "boolean",
            Self::Select => "select",
            Self::MultiSelect => "multiselect",
            Self::Date => "datepicker",
            Self::DateTime => "datetimepicker",
            Self::Owner => "select_owner",
            Self::Members => "multiselect_members",
            Self::Other(word) => word,
        }
    }
}

impl From<String> for InputType {
    fn from(word: String) -> Self {
        match word.as_str() {
            "text" => Self::Text,
            "textarea" => Self::TextArea,
            "number" => Self::Number,
            "boolean" => Self::Boolean,
            "select" => Self::Select,
            "multiselect" => Self::MultiSelect,
            "datepicker" => Self::Date,
            "datetimepicker" => Self::DateTime,
            "select_owner" => Self::Owner,
            "multiselect_members" => Self::Members,
            _ => Self::Other(word),
        }
    }
}

impl FromStr for InputType {
    type Err = Infallible;

    fn from_str(word: &str) -> Result<Self, Infallible> {
        Ok(word.to_owned().into())
    }
}

impl std::fmt::Display for InputType {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

// === impl Required ===

impl Required {
    fn read<'de, D: Deserializer<'de>>(reader: D) -> Result<Option<Self>, D::Error> {
        Ok(match Option::<String>::deserialize(reader)?.as_deref() {
            Some("always") => Some(Self::Always),
            Some("close") => Some(Self::Close),
            _ => None,
        })
    }
}
