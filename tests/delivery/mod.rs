//! The daemon between a real ActiveMQ and a stand-in platform, both over TLS.

mod answers;
mod blocking;
mod cancel;
mod data;
mod descriptors;
mod frames;
mod functions;
pub(crate) mod handlers;
pub(crate) mod journal;
mod link;
mod long_work;
mod rabbitmq;
mod refused;
mod retries;
mod secrets;
mod service;
mod stopping;

use crate::support::{
    broker::Broker,
    certificates::{Authority, Request},
    platform_queue::{Message, PlatformQueue},
    processor::AppConfig,
};
use serde_json::{Value, json};
use stand_in_platform::Platform;
use std::time::Duration;
use tempfile::{NamedTempFile, TempDir};

/// Long enough for the slowest machine; nothing waits for it to pass.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// The id of the action with this display name, on the stand-in platform of these tests.
const ACTIONS: [(i64, &str); 6] = [
    (1, "Say Hello"),
    (2, "Incident Updated"),
    (3, "Défense & Co"),
    (4, "Slow"),
    (5, "Deferred"),
    (6, "Nobody's Action"),
];

/// The platform, over TLS, with the certificate that is trusted by `cafile`.
pub(crate) struct World {
    pub(crate) platform: Platform,
    pub(crate) ca: NamedTempFile,
    /// The journal's directory, of all daemons of this world.
    pub(crate) state: TempDir,
}

impl World {
    pub(crate) async fn new() -> Self {
        let authority = Authority::new("CA of the stand-in platform");
        let certificate = authority.issue(&Request::server(["localhost"]));
        let entities: Vec<Value> =
            ACTIONS.iter().map(|(id, name)| json!({ "id": id, "name": name })).collect();
        let platform = Platform::builder()
            .tls(certificate.server_config())
            .api_key(crate::support::broker::LIMITED_KEY.login, crate::support::broker::LIMITED_KEY.passcode)
            .list("/actions", json!({ "entities": entities }))
            .start()
            .await;
        platform.add_incident(
            json!({ "id": 4573, "name": "An incident", "properties": { "last_updated": null } }),
        );
        Self { platform, ca: authority.file(), state: tempfile::tempdir().unwrap() }
    }

    /// What the daemon needs to take `queue`'s messages by the component `component`.
    pub(crate) fn config(&self, broker: &Broker, component: &str, queue: &str) -> AppConfig {
        let ca = self.ca.path().display().to_string();
        AppConfig::connecting(broker, "localhost", self.platform.port(), &ca)
            .set("resilient", "noload", &others(component))
            .set(component, "destination", queue)
            .set("store", "state_dir", &self.state.path().display().to_string())
    }
}

/// The shipped components but this one.
fn others(component: &str) -> String {
    let names = ["add_task", "hello", "set_last_updated"];
    names.iter().filter(|name| **name != component).copied().collect::<Vec<_>>().join(",")
}

/// A message of the action with this id, for incident 4573.
pub(crate) fn action(id: i64, properties: &Value) -> Message {
    let body = json!({
        "action_id": id, "object_type": 0, "incident": { "id": 4573, "name": "An incident" },
        "properties": properties, "user": { "id": 115, "email": "user@example.com" }, "type_info": {},
    });
    Message::new(body.to_string())
}

pub(crate) fn hello(name: &str) -> Message {
    action(1, &json!({ "name": name }))
}

/// The one answer to the one message that `queue` was given.
pub(crate) async fn only_answer(queue: &PlatformQueue) -> Value {
    let answers = queue.answers(1, PATIENCE).await;
    assert_eq!(answers.len(), 1, "{answers:?}");
    answers[0].json()
}
