//! The daemon in this process, on a real ActiveMQ, and a platform on which things appear, move and vanish.

mod connectors;
mod functions;
mod inbound;
mod reload;
mod requirements;

use std::time::Duration;

use action_processor::{
    component::{Component, Context, Handler, Message as Input, Reply, handler_fn},
    signals::Signal,
};
use serde_json::{Value, json};
use stand_in_platform::ORG_ID;
use tokio::runtime::Handle;

use crate::{
    delivery::{World, handlers::Daemon},
    support::{
        broker::Broker,
        log::Log,
        platform_queue::{Message, PlatformQueue},
        processor::AppConfig,
    },
};

/// Long enough for the slowest machine; nothing waits for it to pass.
const PATIENCE: Duration = Duration::from_secs(60);

/// A broker, a platform, and what the daemon between them logs.
struct Rig {
    broker: &'static Broker,
    world: World,
    log: Log,
}

impl Rig {
    async fn new() -> Self {
        Self { broker: Broker::shared().await, world: World::new().await, log: Log::begin() }
    }

    /// The platform is asked every second.
    fn config(&self) -> AppConfig {
        self.world.config(self.broker, "none", "none").set("resilient", "definitions_refresh", "1")
    }

    fn run(&self, component: Component) -> Daemon {
        self.run_all(&self.config(), [component])
    }

    fn run_all(&self, config: &AppConfig, components: impl IntoIterator<Item = Component>) -> Daemon {
        Daemon::with_all(config, components.into_iter().collect(), Handle::current())
    }

    /// The function is defined on the platform from now on, at this destination.
    fn define(&self, function: &str, destination: &str) {
        let definition = json!({ "id": 7, "name": function, "destination_handle": destination });
        self.world.platform.set(&path(function), definition);
    }

    async fn queue(&self, name: &str) -> PlatformQueue {
        PlatformQueue::open(self.broker, name).await
    }

    /// Waits until the platform has been asked for `path` so many times more.
    async fn asked(&self, path: &str, times: usize) {
        let path = format!("/rest/orgs/{ORG_ID}{path}");
        let count = |requests: &[stand_in_platform::Recorded]| {
            requests.iter().filter(|request| request.path == path).count()
        };
        let before = count(&self.world.platform.requests());
        self.world.platform.wait_until(|requests| count(requests) >= before + times).await;
    }
}

fn path(function: &str) -> String {
    format!("/functions/{function}")
}

/// Ends the daemon as SIGTERM does.
async fn stop(daemon: Daemon) {
    daemon.signal(Signal::Stop).await;
    daemon.ended().await.unwrap();
}

fn saying(text: &'static str) -> impl Handler {
    handler_fn(move |_: Input, _: Context| std::future::ready(Ok(Reply::text(text))))
}

/// A call of a function.
fn call(function: &str) -> Message {
    let body = json!({
        "function": { "id": 7, "name": function, "display_name": function }, "inputs": {},
        "workflow_instance": { "workflow_instance_id": 1 }, "principal": { "id": 115, "name": "user@example.com" },
    });
    Message::new(body.to_string()).header("Co3MessagePayload", "FunctionDTO")
}

/// The answers to the messages that `queue` was given, each with its message only.
async fn messages(queue: &PlatformQueue, count: usize) -> Vec<Value> {
    let answers = queue.answers(count, PATIENCE).await;
    answers.iter().map(|answer| answer.json()["message"].clone()).collect()
}
