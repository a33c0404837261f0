//! What a component needs to find on the platform.

use std::fmt;

/// Something that the platform's administrator must have made before a component can do its work.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Requirement {
    /// An incident field, custom or not.
    Field {
        /// Its API access name.
        name: String,
    },
    /// An activity field, which rules ask the user to fill in.
    ActionField {
        /// Its API access name.
        name: String,
        /// Its input type: `text`, `select`, `multiselect`, `number`, …
        input_type: String,
    },
    /// A function.
    Function {
        /// Its API name.
        name: String,
    },
}

impl fmt::Display for Requirement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Field { name } => write!(f, "the incident field {name:?}"),
            Self::ActionField { name, input_type } => {
                write!(f, "the activity field {name:?} of type {input_type:?}")
            }
            Self::Function { name } => write!(f, "the function {name:?}"),
        }
    }
}
