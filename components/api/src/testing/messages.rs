use crate::{Kind, Message, name::handler_name};
use serde_json::{Value, json};

/// The organization of the made-up queues.
const ORG: &str = "201";

/// A message of the action with this display name, with the headers that the platform sends: the context token is
/// `token`, the correlation id `invid:390`, the time 2017-03-07T20:07:14Z.
#[must_use]
pub fn message(display_name: &str, body: Value) -> Message {
    made_up(handler_name(display_name), &format!("actions.{ORG}.test"), "test", "ActionDataDTO", body)
}

/// A call of the function with this API name, from a workflow of the user `author@example.com`, with these inputs.
///
/// They are as the platform sends them: a select is `{"id": 3, "name": "High"}`, a date is milliseconds since 1970 UTC, a
/// text area `{"format": "text", "content": "…"}`, and one that was left empty is not there or null.
#[must_use]
pub fn function(name: &str, inputs: Value) -> Message {
    let mut body = json!({
        "function": { "id": 1, "name": name, "display_name": name },
        "workflow": { "workflow_id": 1, "programmatic_name": "test", "name": "Test" },
        "workflow_instance": { "workflow_instance_id": 1, "workflow": { "name": "Test" } },
        "principal": { "id": 1, "name": "author@example.com", "type": "user" },
    });
    body["inputs"] = inputs;
    made_up(name.to_owned(), &format!("actions.{ORG}.test"), "test", "FunctionDTO", body)
}

/// News of an inbound destination: its body's `action` is `event` (`create`, `update`, `close`, …), the rest is `body`,
/// an object.
#[must_use]
pub fn inbound(destination: &str, event: &str, mut body: Value) -> Message {
    if let Some(fields) = body.as_object_mut() {
        fields.insert("action".to_owned(), event.into());
    }
    let queue = format!("inbound_destinations.{ORG}.{destination}");
    made_up(event.trim().to_lowercase(), &queue, destination, "InboundDestinationDTO", body)
}

/// A request of the low-code connector with this queue, named as for [`connector`](crate::Component::connector).
#[must_use]
pub fn connector(queue: &str, request: Value) -> Message {
    let mut body = json!({ "request_originator": { "type": "playbook", "playbook_instance_id": 1 } });
    body["request_payload"] = request;
    made_up(queue.to_owned(), &format!("connectors.{ORG}.{queue}"), queue, "RestAPIExecutionEventDTO", body)
}

/// The same message with this header, in place of the one that it has or besides those.
#[must_use]
pub fn with_header(message: &Message, name: &str, value: &str) -> Message {
    let others = message.headers().filter(|(other, _)| *other != name);
    let mut headers: Vec<_> = others.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    headers.push((name.to_owned(), value.to_owned()));
    let (action, destination) = (message.action(), message.destination());
    Message::new(action, destination, headers, message.body().clone(), message.raw().clone())
}

/// An incident as the platform's `FullIncidentDataDTO` has it, with something valid in every field that a new
/// organization requires: for a message's `incident`, or for what `GET /incidents/{id}` answers. Change what the test is
/// about: `incident["severity_code"] = 5.into()`.
#[must_use]
pub fn incident(id: i64) -> Value {
    json!({
        "id": id,
        "name": format!("Incident {id}"),
        "description": { "format": "text", "content": "Made up by a test." },
        "discovered_date": 1_488_917_000_000_i64,
        "create_date": 1_488_917_100_000_i64,
        "inc_last_modified_date": 1_488_917_200_000_i64,
        "start_date": null,
        "end_date": null,
        "owner_id": 1,
        "creator_id": 1,
        "members": [],
        "plan_status": "A",
        "phase_id": 1,
        "severity_code": null,
        "incident_type_ids": [],
        "workspace": 1,
        "vers": 1,
        "perms": { "read": true, "write": true },
        "properties": {},
    })
}

fn made_up(action: String, queue: &str, destination: &str, payload: &str, body: Value) -> Message {
    let (queue, reply_to) = (format!("/queue/{queue}"), format!("/queue/acks.{ORG}.{destination}"));
    let headers = [
        ("message-id", "ID:test:1"),
        ("correlation-id", "invid:390"),
        ("destination", queue.as_str()),
        ("reply-to", reply_to.as_str()),
        ("timestamp", "1488917234000"),
        ("Co3ContextToken", "token"),
        (Kind::PAYLOAD, payload),
    ];
    let headers = headers.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let raw = body.to_string().into();
    Message::new(action, destination, headers.into(), body, raw)
}
