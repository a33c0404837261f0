//! Makes incidents of alerts that another system escalates.
//!
//! The other system puts its alerts into the inbound destination `escalation`. Nobody awaits an answer, so what a handler
//! returns goes to the log only, and what fails is kept for the operator (`processor dead`).
//!
//! | `action` | what happens |
//! |---|---|
//! | `create` | an incident is made, unless the alert has one |
//! | `update` | its incident gets the alert's title, details and severity as they are now |
//! | `close` | its incident is closed |
//!
//! Any of them may come twice, when a processor dies at the wrong moment. So each first looks for the alert's incident, by
//! the incident field `escalation_id`: without that field on the platform the component is not loaded.

use action_component::{
    Component, Context, Failure, Message, Reply, handler_fn,
    rest::{FieldFailure, Patch, Resolution},
};
use serde::Deserialize;
use serde_json::{Value, json};

/// The inbound destination. The operator can choose another: `inbound_destination_api_name` in `[escalation]`.
const DESTINATION: &str = "escalation";

/// The component that the processor links in.
pub fn component() -> Component {
    Component::new("escalation")
        .version(env!("CARGO_PKG_VERSION"))
        .about("Makes incidents of alerts that another system escalates.")
        .inbound(DESTINATION, "create", handler_fn(create))
        .inbound(DESTINATION, "update", handler_fn(update))
        .inbound(DESTINATION, "close", handler_fn(close))
        .requires_field("escalation_id")
        // An update must not overtake its alert's creation.
        .order_by(|message| message.body()["alert"]["id"].as_str().map(str::to_owned))
}

/// What the other system sends, beside `action`.
#[derive(Deserialize)]
struct Alert {
    /// Its name in the other system.
    id: String,
    title: String,
    #[serde(default)]
    details: String,
    severity: Severity,
    /// When it was noticed: milliseconds since 1970.
    noticed: Option<i64>,
}

#[derive(Deserialize, Clone, Copy)]
#[serde(rename_all = "lowercase")]
enum Severity {
    Low,
    Medium,
    High,
}

/// What the platform answers to a query.
#[derive(Deserialize)]
struct Found {
    data: Vec<Value>,
}

async fn create(message: Message, cx: Context) -> Result<Reply, Failure> {
    let alert = Alert::of(&message)?;
    if let Some(incident) = incident(&alert, &cx).await? {
        return Ok(Reply::text(format!("alert {} has incident {} already", alert.id, incident["id"])));
    }
    let incident: Value = cx.rest().post("/incidents?handle_format=names", &alert.incident(&message)).await?;
    Ok(Reply::text(format!("alert {} has become incident {}", alert.id, incident["id"])))
}

async fn update(message: Message, cx: Context) -> Result<Reply, Failure> {
    let alert = Alert::of(&message)?;
    let incident = known(&alert, &cx).await?;
    let patch = Patch::of(&incident)
        .set("name", alert.title.as_str())
        .set("description", alert.description())
        .set("severity_code", alert.severity.label());
    write(&incident, patch, &cx).await
}

async fn close(message: Message, cx: Context) -> Result<Reply, Failure> {
    let alert = Alert::of(&message)?;
    let incident = known(&alert, &cx).await?;
    let summary = format!("Closed with alert {}.", alert.id);
    let patch = Patch::of(&incident)
        .set("plan_status", "C")
        .set("resolution_id", "Resolved")
        .set("resolution_summary", summary);
    write(&incident, patch, &cx).await
}

/// The other system knows better than whoever changed the incident meanwhile.
async fn write(incident: &Value, patch: Patch, cx: &Context) -> Result<Reply, Failure> {
    let id = &incident["id"];
    let overwrite = |_: &FieldFailure| Resolution::Overwrite;
    cx.rest().patch_fields(&format!("/incidents/{id}"), patch, overwrite).await?;
    Ok(Reply::text(format!("incident {id} has been changed")))
}

/// The alert's incident, if there is one.
async fn incident(alert: &Alert, cx: &Context) -> Result<Option<Value>, Failure> {
    let condition =
        json!({ "field_name": "properties.escalation_id", "method": "equals", "value": alert.id });
    let query = json!({ "filters": [{ "conditions": [condition] }], "start": 0, "length": 1 });
    let path = "/incidents/query_paged?return_level=full&handle_format=names";
    let Found { data } = cx.rest().post(path, &query).await?;
    Ok(data.into_iter().next())
}

/// The alert's incident, which must be there.
async fn known(alert: &Alert, cx: &Context) -> Result<Value, Failure> {
    let none = || Failure::new(format!("no incident has the escalation_id {:?}: was it deleted?", alert.id));
    incident(alert, cx).await?.ok_or_else(none)
}

// === impl Alert ===

impl Alert {
    fn of(message: &Message) -> Result<Self, Failure> {
        let alert = Self::deserialize(&message.body()["alert"]);
        alert.map_err(|error| Failure::new(format!("this is no alert: {error}")))
    }

    fn incident(&self, message: &Message) -> Value {
        let noticed = self.noticed.or_else(|| message.timestamp().map(|sent| sent.as_millisecond()));
        json!({
            "name": self.title,
            "description": self.description(),
            "severity_code": self.severity.label(),
            "discovered_date": noticed.unwrap_or_default(),
            "properties": { "escalation_id": self.id },
        })
    }

    fn description(&self) -> Value {
        json!({ "format": "text", "content": self.details })
    }
}

// === impl Severity ===

impl Severity {
    /// As the platform calls it.
    fn label(self) -> &'static str {
        match self {
            Self::Low => "Low",
            Self::Medium => "Medium",
            Self::High => "High",
        }
    }
}
