//! Fills secrets into a function's inputs, where they are named there.
//!
//! Inputs are written by people on the platform, secrets belong to the operator. So only those are filled in that the
//! component's section names in `input_secrets`; any other reference is passed on as it came.

use super::{Followed, Secrets};
use crate::{Failure, Kind, Message, Section};
use serde_json::Value;
use std::{collections::BTreeSet, sync::Arc};

/// The key of a component's section.
const KEY: &str = "input_secrets";

/// What has come of one message's inputs. Printing it does not show them.
#[derive(Default)]
pub struct Filling {
    inputs: Value,
    found: bool,
    /// The inputs with references that are not allowed.
    pub refused: BTreeSet<String>,
    /// The inputs whose references lead nowhere, and why: that is for the operator only.
    pub missing: Vec<(String, String)>,
}

/// Whether something in `message` may be a reference: only what calls a function or a connector can name secrets.
#[must_use]
pub fn may_refer(message: &Message) -> bool {
    matches!(message.kind(), Kind::Function | Kind::Connector) && has_sigils(message.entered())
}

fn has_sigils(value: &Value) -> bool {
    match value {
        Value::String(text) => has_sigil(text),
        Value::Array(values) => values.iter().any(has_sigils),
        Value::Object(fields) => fields.values().any(has_sigils),
        _ => false,
    }
}

fn has_sigil(text: &str) -> bool {
    text.contains(['$', '^'])
}

// === impl Filling ===

impl Filling {
    /// Follows what `inputs` name and `section` allows, which may take as long as `secrets` do.
    #[must_use]
    pub fn of(mut inputs: Value, section: &Section, secrets: &dyn Secrets) -> Self {
        let allowed: Vec<&str> = section.list(KEY).collect();
        let mut filling = Self::default();
        filling.through(&mut inputs, "", &|text| secrets.follow(section.name(), text, &allowed));
        Self { inputs, ..filling }
    }

    /// `message` with what was found.
    ///
    /// # Errors
    /// A secret that is allowed cannot be had. The platform's user is told in which input it is named, not where it was
    /// looked for.
    pub fn into(self, message: Message, secrets: Arc<dyn Secrets>) -> Result<Message, Failure> {
        match (self.missing.as_slice(), self.found) {
            ([], true) => Ok(message.with_secrets(self.inputs, secrets)),
            ([], false) => Ok(message),
            (missing, _) => Err(nowhere(missing)),
        }
    }

    /// Follows the references in every text of `value`, which is the input called `name`.
    fn through(&mut self, value: &mut Value, name: &str, follow: &dyn Fn(&str) -> Followed) {
        match value {
            Value::String(text) if has_sigil(text) => self.note(text, name, follow),
            Value::Array(values) => values.iter_mut().for_each(|value| self.through(value, name, follow)),
            Value::Object(fields) => {
                for (field, value) in fields {
                    // Only the outermost names are the inputs'.
                    self.through(value, if name.is_empty() { field } else { name }, follow);
                }
            }
            _ => {}
        }
    }

    fn note(&mut self, text: &mut String, name: &str, follow: &dyn Fn(&str) -> Followed) {
        let followed = follow(text);
        if followed.refused {
            self.refused.insert(name.to_owned());
        }
        self.missing.extend(followed.missing.into_iter().map(|why| (name.to_owned(), why)));
        if followed.found {
            self.found = true;
            *text = followed.text;
        }
    }
}

impl std::fmt::Debug for Filling {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Filling").field("refused", &self.refused).finish_non_exhaustive()
    }
}

fn nowhere(missing: &[(String, String)]) -> Failure {
    let inputs: BTreeSet<&str> = missing.iter().map(|(input, _)| input.as_str()).collect();
    let inputs = inputs.into_iter().collect::<Vec<_>>().join(", ");
    Failure::new(format!(
        "The secret that this input names cannot be found: {inputs}. Nothing has been done. The processor's log says \
         where it was looked for."
    ))
}
