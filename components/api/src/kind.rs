//! What sort of message the platform sent.

use serde_json::Value;

/// What queued a message, which says how its handler is found and what is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Kind {
    /// A rule or workflow fired an action: found by the action's name, answered with an acknowledgement.
    Action,
    /// A workflow or playbook called a function: found by the function's name, answered with results.
    Function,
    /// An inbound destination's news (`create`, `update`, `close`, …): only acknowledged to the broker.
    Inbound,
    /// A low-code connector's request: found by its queue, answered with results.
    Connector,
}

impl Kind {
    /// The header that names the body's type.
    pub const PAYLOAD: &str = "Co3MessagePayload";

    /// The kind of a message from a queue whose name begins with `queue_kind` (`actions`, `inbound_destinations`, …),
    /// with this header [`PAYLOAD`](Self::PAYLOAD) and this body.
    #[must_use]
    pub fn of(queue_kind: &str, payload: Option<&str>, body: &Value) -> Self {
        match (queue_kind, payload) {
            ("inbound_destinations", _) => Self::Inbound,
            ("connectors", _) | (_, Some("RestAPIExecutionEventDTO")) => Self::Connector,
            _ if body["function"].is_object() => Self::Function,
            _ => Self::Action,
        }
    }
}
