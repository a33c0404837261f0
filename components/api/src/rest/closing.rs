use super::{
    Patch, Resolution, Rest, RestError,
    incidents::{described, joined, named_fields, unfilled},
};
use crate::fields::{Field, FieldError, Fields, Required};
use serde::Serialize;
use serde_json::{Map, Value};

/// Why an incident was not closed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CloseError {
    /// Fields that the platform requires at the close are empty. Nothing was sent, or the platform refused it.
    #[error("incident {incident} was not closed: fill in {}", described(.fields))]
    Missing {
        /// The incident's id.
        incident: i64,
        /// The fields, as the platform defines them.
        fields: Vec<Field>,
    },
    /// Names or labels do not fit the platform's definitions. Nothing was sent.
    #[error("incident {incident} was not closed: {}", joined(.mistakes))]
    Mistaken {
        /// The incident's id.
        incident: i64,
        /// Each of them.
        mistakes: Vec<FieldError>,
    },
    /// The call failed.
    #[error(transparent)]
    Rest(#[from] RestError),
}

// === impl Rest ===

impl Rest {
    /// Closes an incident, with what is to be filled in at the close: fields by their API names, custom ones too, selects by
    /// label or id. Before anything is sent, the incident and `fields` are compared with the definitions of the platform's
    /// fields: what is required at the close and empty, names and labels that are not there are named, all at once.
    ///
    /// ```
    /// # use action_component::{Context, Failure};
    /// # use serde_json::json;
    /// # async fn handle(cx: Context) -> Result<(), Failure> {
    /// let outcome = json!({ "resolution_id": "Resolved", "resolution_summary": "The sender is blocked." });
    /// cx.rest().close_incident(2095, &outcome).await?;
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// See [`CloseError`]. As with [`patch_fields`](Self::patch_fields), nothing is written twice, and nothing of another
    /// client's overwritten: [`RestError::FieldConflict`], [`RestError::InDoubt`].
    pub async fn close_incident(
        &self,
        incident: i64,
        fields: &(impl Serialize + Sync + ?Sized),
    ) -> Result<(), CloseError> {
        let given = crate::finite::to_value(fields).map_err(RestError::Unwritable)?;
        let definitions = self.fields("incident").await?;
        let changes =
            changes(&given, &definitions).map_err(|mistakes| CloseError::Mistaken { incident, mistakes })?;
        let path = format!("/incidents/{incident}");
        let before: Value = self.names().get(&path).await?;
        let mut closed = before.clone();
        changes.iter().for_each(|(field, value)| put(&mut closed, field, value.clone()));
        let missing = definitions.missing(&closed, Required::Close);
        if !missing.is_empty() {
            return Err(CloseError::Missing { incident, fields: missing.into_iter().cloned().collect() });
        }
        let patch =
            changes.into_iter().fold(Patch::of(&before), |patch, (field, value)| patch.set(field, value));
        let patch = patch.set("plan_status", "C");
        let outcome = self.patch_fields(&path, patch, |_| Resolution::GiveUp).await;
        outcome.map_err(|error| refused(error, incident, &closed, &definitions))
    }
}

/// What is to be changed, by the fields' paths.
fn changes(given: &Value, definitions: &Fields) -> Result<Vec<(String, Value)>, Vec<FieldError>> {
    let empty = Map::new();
    let given = given.as_object().unwrap_or(&empty);
    let custom = given.get("properties").and_then(Value::as_object).unwrap_or(&empty);
    let plain = given.iter().filter(|(name, value)| *name != "properties" || !value.is_object());
    let (mut changes, mut mistakes) = (Vec::new(), Vec::new());
    for (name, value) in plain.chain(custom) {
        let name = name.strip_prefix("properties.").unwrap_or(name);
        // Whether it is closed is not the caller's to say.
        if name == "plan_status" {
            continue;
        }
        match definitions.find(name) {
            Ok(field) => {
                mistakes.extend(field.unknown_labels(value));
                changes.push((field.path(), value.clone()));
            }
            Err(unknown) => mistakes.push(unknown),
        }
    }
    if mistakes.is_empty() { Ok(changes) } else { Err(mistakes) }
}

fn put(object: &mut Value, field: &str, new: Value) {
    let mut place = object;
    for name in field.split('.') {
        if !place.is_object() {
            *place = Value::Object(Map::new());
        }
        let Some(members) = place.as_object_mut() else { return };
        place = members.entry(name).or_insert(Value::Null);
    }
    *place = new;
}

/// The platform may require more by now than the definitions that we remember.
fn refused(error: RestError, incident: i64, closed: &Value, definitions: &Fields) -> CloseError {
    let fields = unfilled(named_fields(&error), closed, definitions);
    if fields.is_empty() { error.into() } else { CloseError::Missing { incident, fields } }
}
