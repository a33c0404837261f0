use super::Near;

/// A name or a value does not fit the platform's definitions. Somebody must correct it, or create what is missing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FieldError {
    /// The type has no such field: the name is not right, or the field is to be created on the platform.
    #[error("{type_name} has no field {field:?}{near}")]
    NoField {
        /// The type that was looked at.
        type_name: String,
        /// The API access name that was asked for.
        field: String,
        /// Fields that are called nearly so.
        near: Near,
    },
    /// The select field has no such value: the label is not right, or the value is to be added on the platform.
    #[error("the field {field:?} has no value {label:?}{near}")]
    NoValue {
        /// The field's API access name.
        field: String,
        /// The label that was asked for.
        label: String,
        /// Labels that are nearly so.
        near: Near,
    },
}
