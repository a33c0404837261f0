//! The fields of a type, as the platform defines them: what an id means, what a field takes, what must be filled in.
//!
//! ```
//! # use action_component::{Context, Failure};
//! # use serde_json::json;
//! # async fn handle(cx: Context) -> Result<(), Failure> {
//! let fields = cx.rest().fields("incident").await?;
//! let incident: serde_json::Value = cx.rest().get("/incidents/7").await?;
//! let severity = fields.label(&incident, "severity_code")?; // Some("High") for 6
//! let high = fields.id("severity_code", "High")?; // 6
//! # Ok(()) }
//! ```
//!
//! A message brings the labels of its own ids along ([`Object::label`](crate::Object::label)); these definitions are for
//! what is read or written over REST.

mod definition;
mod error;
mod near;

pub use definition::{Choice, Field, InputType, Required};
pub use error::FieldError;
pub use near::Near;

use serde_json::{Map, Value};
use std::{fmt, sync::Arc};

/// The fields of one type: `incident`, `task`, `artifact`, a data table, `__function` (the inputs of functions),
/// `actioninvocation` (activity fields). Cheap to clone. Got by [`Rest::fields`](crate::Rest::fields).
#[derive(Clone)]
pub struct Fields {
    type_name: Arc<str>,
    fields: Arc<[Field]>,
}

// === impl Fields ===

impl Fields {
    /// The fields of the type `type_name`.
    #[must_use]
    pub fn new(type_name: &str, fields: Vec<Field>) -> Self {
        Self { type_name: type_name.into(), fields: fields.into() }
    }

    /// The type's name.
    #[must_use]
    pub fn type_name(&self) -> &str {
        &self.type_name
    }

    /// All of them, in the platform's order.
    pub fn iter(&self) -> impl Iterator<Item = &Field> {
        self.fields.iter()
    }

    /// The field called `name` (its API access name), if there is one.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Field> {
        self.iter().find(|field| field.name == name)
    }

    /// The field called `name`.
    ///
    /// # Errors
    /// There is none: the error names those that are called nearly so.
    pub fn find(&self, name: &str) -> Result<&Field, FieldError> {
        self.get(name).ok_or_else(|| {
            let labelled = self.iter().find(|field| field.label.eq_ignore_ascii_case(name));
            let near = match labelled {
                // Who takes the label for the name means exactly that field.
                Some(field) => Near::one(&field.name),
                None => Near::of(name, self.iter().map(|field| field.name.as_str())),
            };
            FieldError::NoField { type_name: self.type_name.to_string(), field: name.to_owned(), near }
        })
    }

    /// The label of what `object` holds in the select field `name`; none where it holds nothing, or a value that is no
    /// longer among those of the field.
    ///
    /// # Errors
    /// There is no such field.
    pub fn label<'a>(&'a self, object: &'a Value, name: &str) -> Result<Option<&'a str>, FieldError> {
        let field = self.find(name)?;
        Ok(field.label_of(field.value_in(object)))
    }

    /// The labels of what `object` holds in the multi-select field `name`.
    ///
    /// # Errors
    /// There is no such field.
    pub fn labels<'a>(&'a self, object: &'a Value, name: &str) -> Result<Vec<&'a str>, FieldError> {
        let field = self.find(name)?;
        Ok(field.labels_of(field.value_in(object)))
    }

    /// The id behind a label of the select field `name`, to be written.
    ///
    /// # Errors
    /// There is no such field, or it has no such value: the error names near misses.
    pub fn id(&self, name: &str, label: &str) -> Result<&Value, FieldError> {
        self.find(name)?.id_of(label)
    }

    /// The fields that must be filled in at the moment `when`, and that `object` leaves empty.
    #[must_use]
    pub fn missing(&self, object: &Value, when: Required) -> Vec<&Field> {
        let must = self.iter().filter(|field| field.required.is_some_and(|required| required <= when));
        must.filter(|field| !field.read_only && is_empty(field.value_in(object))).collect()
    }

    /// What is wrong with the values of `object` before it is sent: custom fields that are not there, labels that a field
    /// does not have. Members that are no fields are the platform's to judge.
    #[must_use]
    pub fn mistakes(&self, object: &Value) -> Vec<FieldError> {
        let custom = object.get("properties").and_then(Value::as_object).into_iter().flat_map(Map::keys);
        let unknown = custom.filter_map(|name| self.find(name).err());
        let values = self.iter().flat_map(|field| field.unknown_labels(field.value_in(object)));
        unknown.chain(values).collect()
    }
}

impl fmt::Debug for Fields {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Fields")
            .field("type_name", &self.type_name)
            .field("fields", &self.fields.len())
            .finish_non_exhaustive()
    }
}

/// What the platform takes for a field that was not filled in.
fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.trim().is_empty(),
        Value::Array(values) => values.is_empty(),
        Value::Object(members) => members.get("content").is_some_and(is_empty),
        Value::Bool(_) | Value::Number(_) => false,
    }
}
