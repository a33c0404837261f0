use super::{Rest, RestError};
use crate::fields::{Field, FieldError, Fields, Required};
use http::StatusCode;
use serde::Serialize;
use serde_json::Value;

/// Why an incident was not created.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum IncidentError {
    /// Fields that the platform requires were left empty. Nothing was sent, or the platform refused it.
    #[error("the incident was not created: fill in {}", described(.fields))]
    Missing {
        /// The fields, as the platform defines them.
        fields: Vec<Field>,
    },
    /// Names or labels do not fit the platform's definitions. Nothing was sent.
    #[error("the incident was not created: {}", joined(.mistakes))]
    Mistaken {
        /// Each of them.
        mistakes: Vec<FieldError>,
    },
    /// The call failed.
    #[error(transparent)]
    Rest(#[from] RestError),
}

// === impl Rest ===

impl Rest {
    /// Creates an incident, and gives it back as the platform made it. Before anything is sent, `incident` is compared
    /// with the definitions of the platform's fields: what is required and missing, custom fields that are not there and
    /// labels that a select field does not have are named, all at once. Selects can be given by label or id.
    ///
    /// ```
    /// # use action_component::{Context, Failure, date};
    /// # use serde_json::json;
    /// # async fn handle(cx: Context) -> Result<(), Failure> {
    /// let incident = json!({
    ///     "name": "Phishing",
    ///     "discovered_date": date::to_millis(date::Timestamp::now()),
    ///     "severity_code": "High",
    ///     "properties": { "ticket": "T-17" },
    /// });
    /// let incident = cx.rest().create_incident(&incident).await?;
    /// let id = incident["id"].as_i64();
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// See [`IncidentError`]. A call that broke off may have created the incident all the same:
    /// [`RestError::may_have_been_carried_out`].
    pub async fn create_incident(
        &self,
        incident: &(impl Serialize + Sync + ?Sized),
    ) -> Result<Value, IncidentError> {
        let incident = crate::finite::to_value(incident).map_err(RestError::Unwritable)?;
        let fields = self.fields("incident").await?;
        let missing = fields.missing(&incident, Required::Always);
        if !missing.is_empty() {
            return Err(IncidentError::Missing { fields: missing.into_iter().cloned().collect() });
        }
        let mistakes = fields.mistakes(&incident);
        if !mistakes.is_empty() {
            return Err(IncidentError::Mistaken { mistakes });
        }
        self.post("/incidents", &incident).await.map_err(|error| refused(error, &incident, &fields))
    }
}

/// The platform may require more by now than the definitions that we remember.
fn refused(error: RestError, incident: &Value, fields: &Fields) -> IncidentError {
    let missing = unfilled(named_fields(&error), incident, fields);
    if missing.is_empty() { error.into() } else { IncidentError::Missing { fields: missing } }
}

/// The fields that the platform finds fault with.
pub(super) fn named_fields(error: &RestError) -> &[String] {
    match error {
        RestError::Status(status) if status.status == StatusCode::BAD_REQUEST => &status.fields,
        RestError::Refused { refusal, .. } => &refusal.fields,
        _ => &[],
    }
}

/// Those of the `named` fields that were left empty.
pub(super) fn unfilled(named: &[String], incident: &Value, fields: &Fields) -> Vec<Field> {
    let named = fields.iter().filter(|field| named.contains(&field.name));
    named.filter(|field| field.value_in(incident).is_null()).cloned().collect()
}

pub(super) fn described(fields: &[Field]) -> String {
    let described = |field: &Field| format!("{:?} ({}, {})", field.label, field.path(), field.input_type);
    fields.iter().map(described).collect::<Vec<_>>().join(", ")
}

pub(super) fn joined(mistakes: &[FieldError]) -> String {
    mistakes.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}
