//! `processor check`, as a process, against the stand-in platform over TLS and a real broker.

mod broker;
mod configuration;
mod definitions;
mod platform;
mod scripted;

use std::time::Duration;

use stand_in_platform::{Builder, ORG_NAME, Platform};
use tempfile::NamedTempFile;
use tokio::net::TcpListener;

use crate::support::broker::{API_KEY, Broker, Credentials, LIMITED_KEY};
use crate::support::certificates::{Authority, Request};
use crate::support::processor::{AppConfig, Processor};

/// How long the process may take on a busy machine; its own steps have less.
const PATIENCE: Duration = Duration::from_secs(120);

/// What the command said.
struct Checked {
    code: i32,
    text: String,
}

// === impl Checked ===

impl Checked {
    /// The lines whose step and outcome are these.
    fn lines(&self, step: &str, outcome: &str) -> Vec<&str> {
        let wanted = |line: &&str| {
            let rest = line.strip_prefix("  ").and_then(|line| line.strip_prefix(step));
            rest.is_some_and(|rest| rest.trim_start().starts_with(outcome))
        };
        self.text.lines().filter(wanted).collect()
    }

    /// That it ended with `code`, and that the only failed lines are `step`'s, holding these words.
    fn assert_failed(&self, code: i32, step: &str, words: &[&str]) {
        let text = &self.text;
        assert_eq!(self.code, code, "{text}");
        let failed = self.lines(step, "failed").join("\n");
        assert!(!failed.is_empty(), "{step} has not failed:\n{text}");
        assert_eq!(failed.lines().count(), self.failures(), "{text}");
        for word in words {
            assert!(failed.contains(word), "{word:?} is missing in {failed}");
        }
    }

    /// How many lines tell of a failure: the outcome stands in a column of its own.
    fn failures(&self) -> usize {
        let failed = |line: &&str| line.get(17..).is_some_and(|rest| rest.starts_with("failed "));
        self.text.lines().filter(failed).count()
    }

    fn assert_ok(&self) {
        assert_eq!(self.code, 0, "{}", self.text);
    }
}

/// Runs `processor check` with these further arguments.
async fn check(config: &AppConfig, arguments: &[&str]) -> Checked {
    let mut processor = Processor::command(config, &[&["check"], arguments].concat());
    let code = processor.wait(PATIENCE).await.code().unwrap();
    Checked { code, text: processor.log().join("\n") }
}

async fn connect(config: &AppConfig) -> Checked {
    check(config, &["--connect"]).await
}

/// A platform over TLS, and the file that trusts it.
struct Served {
    platform: Platform,
    cafile: NamedTempFile,
}

// === impl Served ===

impl Served {
    /// One that knows the broker's keys.
    async fn start() -> Self {
        Self::with(Platform::builder()).await
    }

    async fn with(builder: Builder) -> Self {
        Self::showing(&Request::server(["localhost"]), builder).await
    }

    /// With this certificate.
    async fn showing(certificate: &Request, builder: Builder) -> Self {
        let authority = Authority::new("CA of the platform");
        let tls = authority.issue(certificate).server_config();
        let builder = [API_KEY, LIMITED_KEY]
            .iter()
            .fold(builder.tls(tls), |builder, key| builder.api_key(key.login, key.passcode));
        Self { platform: builder.start().await, cafile: authority.file() }
    }

    /// The way here and to `broker`, with the component `hello` at `destination` only.
    fn config(&self, broker: &Broker, destination: &str) -> AppConfig {
        let cafile = self.cafile.path().display().to_string();
        AppConfig::connecting(broker, "localhost", self.platform.port(), &cafile)
            .set("resilient", "org", ORG_NAME)
            .set("resilient", "selftest_timeout", "60")
            .set("resilient", "noload", "add_task, set_last_updated")
            .set("hello", "destination", destination)
    }

    /// The same, where the broker does not matter: there is none.
    async fn without_broker(&self) -> AppConfig {
        let cafile = self.cafile.path().display().to_string();
        AppConfig::empty()
            .set("resilient", "host", "localhost")
            .set("resilient", "port", &self.platform.port().to_string())
            .set("resilient", "cafile", &cafile)
            .set("resilient", "org", ORG_NAME)
            .set("resilient", "api_key_id", API_KEY.login)
            .set("resilient", "api_key_secret", API_KEY.passcode)
            .set("resilient", "stomp_port", &unused_port().await.to_string())
            .set("resilient", "selftest_timeout", "60")
    }
}

fn with_key(config: AppConfig, key: Credentials) -> AppConfig {
    config.set("resilient", "api_key_id", key.login).set("resilient", "api_key_secret", key.passcode)
}

/// A port at which nobody listens.
async fn unused_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port()
}

/// A port that takes connections and never says a word.
async fn silent_port() -> (TcpListener, u16) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    (listener, port)
}
