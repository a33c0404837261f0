//! What calls functions on the platform, and how the platform says that it was terminated.

use crate::component::{Rest, rest::RestError};
use serde_json::{Value, json};
use std::fmt;

/// One run of a workflow or a playbook, by its id on the platform.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Instance {
    /// `workflow_instance.workflow_instance_id` of a message.
    Workflow(i64),
    /// `playbook_instance`'s id, or `request_originator.playbook_instance_id` of a low-code message.
    Playbook(i64),
}

/// How a workflow or a playbook was terminated, as far as the platform says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Terminated {
    /// By whom.
    pub by: Option<String>,
    /// Why, in their words.
    pub reason: Option<String>,
}

// === impl Instance ===

impl Instance {
    /// What called the function of a message with this body; `None` where nothing that could be terminated did.
    #[must_use]
    pub fn of(body: &Value) -> Option<Self> {
        if !body["function"].is_object() {
            return body["request_originator"]["playbook_instance_id"].as_i64().map(Self::Playbook);
        }
        let id = |value: &Value, name: &str| value[name].as_i64().or_else(|| value["id"].as_i64());
        let workflow = id(&body["workflow_instance"], "workflow_instance_id").map(Self::Workflow);
        workflow.or_else(|| id(&body["playbook_instance"], "playbook_instance_id").map(Self::Playbook))
    }

    /// Asks the platform; `None` while it goes on, or has come to its own end.
    ///
    /// # Errors
    /// The platform does not say.
    pub async fn ask(self, rest: &Rest) -> Result<Option<Terminated>, RestError> {
        match self {
            Self::Workflow(id) => {
                let answer: Value = rest.get(&format!("/workflow_instances/{id}")).await?;
                Ok(Terminated::read(&answer))
            }
            Self::Playbook(id) => {
                let this = json!({ "field_name": "id", "method": "equals", "value": id });
                let query = json!({ "filters": [{ "conditions": [this] }], "start": 0, "length": 1 });
                let answer: Value = rest.post("/playbooks/execution/query_paged", &query).await?;
                let rows = answer["data"].as_array().map(Vec::as_slice).unwrap_or_default();
                // A platform that does not know the condition may answer with another's.
                Ok(rows.iter().find(|row| row["id"] == id).and_then(Terminated::read))
            }
        }
    }
}

impl fmt::Display for Instance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Workflow(id) => write!(f, "workflow (instance {id})"),
            Self::Playbook(id) => write!(f, "playbook (instance {id})"),
        }
    }
}

// === impl Terminated ===

impl Terminated {
    /// From the platform's description of an instance. A workflow's `status` is `terminated`, a playbook's `canceled`.
    #[must_use]
    pub fn read(instance: &Value) -> Option<Self> {
        if !matches!(instance["status"].as_str(), Some("terminated" | "canceled" | "cancelled")) {
            return None;
        }
        let by = ["terminated_by", "canceled_by"].iter().find_map(|name| person(&instance[*name]));
        let reason = ["terminate_reason", "cancel_reason"].iter().find_map(|name| words(&instance[*name]));
        Some(Self { by, reason })
    }
}

/// terminated on the platform by Ada ("a false alarm")
impl fmt::Display for Terminated {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("terminated on the platform")?;
        if let Some(by) = &self.by {
            write!(f, " by {by}")?;
        }
        if let Some(reason) = &self.reason {
            write!(f, " (\"{reason}\")")?;
        }
        Ok(())
    }
}

/// A user's name, where the platform gives one, as a text or as an object.
fn person(value: &Value) -> Option<String> {
    words(value).or_else(|| words(&value["display_name"])).or_else(|| words(&value["name"]))
}

fn words(value: &Value) -> Option<String> {
    value.as_str().map(str::trim).filter(|text| !text.is_empty()).map(ToOwned::to_owned)
}
