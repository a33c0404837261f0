//! Notes on each incident, in the custom field `last_updated`, when it was last updated.

use action_component::{Component, Context, Failure, Message, Reply, handler_fn};
use serde_json::Value;

/// The custom field of incidents, of the type "date and time".
const FIELD: &str = "last_updated";

/// The component that the processor links in.
pub fn component() -> Component {
    Component::new("set_last_updated")
        .version(env!("CARGO_PKG_VERSION"))
        .about("Notes on each incident when it was last updated.")
        .on("Incident Updated", handler_fn(incident_updated))
}

async fn incident_updated(message: Message, cx: Context) -> Result<Reply, Failure> {
    let id = message.incident_id().ok_or_else(|| Failure::new("The message names no incident."))?;
    let sent =
        message.timestamp().ok_or_else(|| Failure::new("The message does not say when it was sent."))?;
    let note = |incident: &mut Value| note(incident, sent.as_millisecond());
    cx.rest().get_put(&format!("/incidents/{id}"), note).await?;
    Ok(Reply::text("last_updated set"))
}

/// Two messages can be handled at the same time: the later time stays, whichever is written first.
fn note(incident: &mut Value, sent: i64) -> Result<(), Failure> {
    let field = incident.get_mut("properties").and_then(|fields| fields.get_mut(FIELD));
    let field =
        field.ok_or_else(|| Failure::new(format!("Incidents have no custom field `{FIELD}`: create it.")))?;
    if field.as_i64().is_none_or(|noted| noted < sent) {
        *field = sent.into();
    }
    Ok(())
}
