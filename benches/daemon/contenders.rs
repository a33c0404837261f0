//! Who is measured, and how each is started.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use serde_json::json;
use stand_in_platform::Platform;
use tempfile::{NamedTempFile, TempDir};
use tokio::process::Command;

use crate::bare;
use crate::platform_side::Queue;
use crate::process::Process;
use crate::support::broker::Broker;
use crate::support::certificates::{Authority, Request};
use crate::support::platform_queue::ORG;
use crate::support::processor::AppConfig;

/// How many unacknowledged messages each may hold: the daemon's default.
pub(crate) const PREFETCH: u32 = 25;
/// Names the vendor's framework's executable.
const PEER: &str = "RESILIENT_CIRCUITS";
/// What the vendor's framework runs, the counterpart of the component `hello`.
const PEER_COMPONENT: &str = r#"
from resilient_circuits import ResilientComponent, handler

class Hello(ResilientComponent):
    channel = "actions.bench_peer"

    @handler("say_hello")
    def say_hello(self, event, *args, **kwargs):
        return "hello, " + event.message["properties"]["name"]
"#;

/// A broker and a platform.
pub(crate) struct Setting {
    broker: Broker,
    platform: Platform,
    ca: NamedTempFile,
}

/// A program that consumes a queue of its own.
pub(crate) struct Contender {
    pub(crate) name: &'static str,
    queue: &'static str,
    program: PathBuf,
    arguments: Vec<String>,
    /// Stands in its log once it is subscribed.
    ready: &'static str,
    /// Its working directory, with its app.config.
    dir: TempDir,
}

// === impl Setting ===

impl Setting {
    pub(crate) async fn new() -> Self {
        let authority = Authority::new("CA of the stand-in platform");
        let certificate = authority.issue(&Request::server(["localhost"]));
        let platform = Platform::builder()
            .tls(certificate.server_config())
            .list("/actions", json!({ "entities": [{ "id": 1, "name": "Say Hello" }] }))
            // What the vendor's framework asks for at its start.
            .list("/types/incident/fields", json!([]))
            .list("/types/actioninvocation/fields", json!([]))
            .list("/connectors/queues", json!({ "queues": [] }))
            .list("/rest/const", json!({ "server_version": { "version": "51.0.0.0.0" } }))
            .start()
            .await;
        Self { broker: Broker::start().await, platform, ca: authority.file() }
    }

    /// The bare consumer first.
    pub(crate) fn contenders(&self) -> Vec<Contender> {
        let peer = std::env::var_os(PEER).map(|program| self.peer(program.into()));
        [self.bare(), self.processor()].into_iter().chain(peer).collect()
    }

    pub(crate) fn queue(&self, contender: &Contender) -> Queue {
        Queue { address: self.broker.address(), name: contender.queue }
    }

    fn bare(&self) -> Contender {
        let queue = "bench_bare";
        Contender {
            name: "bare consumer",
            queue,
            program: std::env::current_exe().expect("a running program has a path"),
            arguments: bare::arguments(&self.broker, &format!("/queue/actions.{ORG}.{queue}"), PREFETCH),
            ready: bare::READY,
            dir: directory(&AppConfig::empty()),
        }
    }

    fn processor(&self) -> Contender {
        let queue = "bench_processor";
        let config = self.config().set("resilient", "noload", "add_task,set_last_updated").set(
            "hello",
            "destination",
            queue,
        );
        Contender {
            name: "processor",
            queue,
            program: env!("CARGO_BIN_EXE_processor").into(),
            arguments: vec!["run".to_owned()],
            ready: "ready: taking messages",
            dir: directory(&config),
        }
    }

    fn peer(&self, program: PathBuf) -> Contender {
        // Both are taken relative to its working directory.
        let config = self.config().set("resilient", "componentsdir", ".").set("resilient", "logdir", ".");
        let dir = directory(&config);
        fs::write(dir.path().join("hello.py"), PEER_COMPONENT).expect("a component is written");
        Contender {
            name: "resilient-circuits",
            queue: "bench_peer",
            program,
            arguments: vec!["run".to_owned()],
            ready: "Subscribed to message destination",
            dir,
        }
    }

    fn config(&self) -> AppConfig {
        let ca = self.ca.path().display().to_string();
        AppConfig::connecting(&self.broker, "localhost", self.platform.port(), &ca).set(
            "resilient",
            "stomp_prefetch_limit",
            &PREFETCH.to_string(),
        )
    }
}

// === impl Contender ===

impl Contender {
    /// The process, and how long it took to subscribe.
    pub(crate) async fn start(&self) -> (Process, Duration) {
        let mut command = Command::new(&self.program);
        command
            .args(&self.arguments)
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", self.dir.path())
            .env("APP_CONFIG_FILE", self.dir.path().join("app.config"))
            .current_dir(self.dir.path());
        Process::start(command, self.ready).await
    }
}

fn directory(config: &AppConfig) -> TempDir {
    let dir = tempfile::Builder::new().prefix("bench-").tempdir().expect("a temporary directory");
    fs::write(dir.path().join("app.config"), config.text()).expect("app.config is written");
    dir
}
