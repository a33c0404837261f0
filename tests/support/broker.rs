//! A real broker, Apache ActiveMQ or RabbitMQ (Debian's packages `activemq` and `rabbitmq-server`), run from the tests.
//!
//! It has a directory of its own, a TLS connector for the daemon with a certificate by a CA of its own, a plain one for
//! the tests' side, users with passwords and rights, and a store that outlives it. Starting one takes seconds: tests
//! that leave it alone use [`Broker::shared`], with a queue name per test; those that stop it [`Broker::start`] theirs,
//! whose journal is forced to the disk.
//! Each comes as an ActiveMQ, the platform's own, or [`of`](Broker::of) another make.
//! The shared ones' logs are `activemq-shared.log` and `rabbitmq-shared.log` in the target directory's `tmp`.

mod activemq;
mod certificates;
mod ports;
mod process;
mod rabbitmq;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use tempfile::TempDir;
use tokio::sync::OnceCell;
use tokio::time::Instant;

use self::activemq::Sync;
use self::ports::Ports;
use self::process::Process;
use super::signal;
use super::stomp_client::StompClient;

/// How long the broker may take to come up or to stop, on a machine that has much else to do.
const PATIENCE: Duration = Duration::from_secs(90);

/// A name and its password, as `login` and `passcode` of CONNECT.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Credentials {
    pub(crate) login: &'static str,
    pub(crate) passcode: &'static str,
}

/// The platform itself: may do everything.
pub(crate) const PLATFORM: Credentials = Credentials { login: "platform", passcode: "platform-passcode" };

/// The daemon's API key: reads `actions.>`, `inbound_destinations.>`, `connectors.>`; writes `acks.>`.
pub(crate) const API_KEY: Credentials =
    Credentials { login: stand_in_platform::API_KEY_ID, passcode: stand_in_platform::API_KEY_SECRET };

/// A person's account with the API key's rights.
pub(crate) const ACCOUNT: Credentials =
    Credentials { login: stand_in_platform::EMAIL, passcode: stand_in_platform::PASSWORD };

/// An API key that reads queues named `granted` only (`actions.<any organization>.granted`); writes `acks.>`.
pub(crate) const LIMITED_KEY: Credentials =
    Credentials { login: "0b6f1d52-8e4b-4b44-a6a5-52a0b3a4de22", passcode: "limited-secret-of-the-tests" };

/// A key that RabbitMQ lets write nowhere; unknown to ActiveMQ.
pub(crate) const READER: Credentials =
    Credentials { login: "7e0f1f0e-93ac-4c39-8f0f-5d1c0b7a9a11", passcode: "reader-secret-of-the-tests" };

/// The largest body that [`Address::small`] takes.
pub(crate) const SMALL_BYTES: usize = 100_000;

/// The largest message that RabbitMQ takes (`max_message_size`).
pub(crate) const RABBITMQ_BYTES: usize = 25_000_000;

/// A make of broker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Make {
    /// Apache ActiveMQ 5, which is what the platform runs.
    ActiveMq,
    /// RabbitMQ with its STOMP plugin.
    RabbitMq,
}

/// Where a broker is reached; stays the same when it is started again.
#[derive(Clone, Debug)]
pub(crate) struct Address {
    /// Port of `stomp+ssl` on 127.0.0.1, for the daemon; the certificate names `localhost` and 127.0.0.1.
    pub(crate) tls: u16,
    /// Port of plain `stomp` on 127.0.0.1, for the tests' side.
    pub(crate) plain: u16,
    /// Port of an ActiveMQ's `stomp+ssl` that takes no body above [`SMALL_BYTES`].
    pub(crate) small: u16,
    /// Port on 127.0.0.1 at which RabbitMQ tells its figures.
    pub(crate) metrics: u16,
    /// The CA's certificate in PEM.
    pub(crate) ca_file: PathBuf,
    /// What is reached there.
    pub(crate) make: Make,
}

/// A broker of the tests; it ends with this value, or else with the test process, however that ends.
#[derive(Debug)]
pub(crate) struct Broker {
    process: Option<Process>,
    ports: Ports,
    address: Address,
    log: PathBuf,
    // Dropped last: the broker works in it.
    dir: TempDir,
}

// === impl Make ===

impl Make {
    /// CONNECT's `host`: any will do for ActiveMQ, RabbitMQ takes it for the name of a virtual host.
    pub(crate) fn virtual_host(self) -> &'static str {
        match self {
            Self::ActiveMq => "localhost",
            Self::RabbitMq => "/",
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::ActiveMq => "activemq",
            Self::RabbitMq => "rabbitmq",
        }
    }

    fn prepare(self, dir: &Path, ports: &Ports, sync: Sync) {
        match self {
            Self::ActiveMq => activemq::prepare(dir, ports, sync),
            Self::RabbitMq => rabbitmq::prepare(dir, ports),
        }
    }

    fn command(self, dir: &Path, ports: &Ports) -> Command {
        match self {
            Self::ActiveMq => activemq::command(dir),
            Self::RabbitMq => rabbitmq::command(dir, ports),
        }
    }
}

// === impl Broker ===

impl Broker {
    /// The one broker of this test process, started when first asked for. Use a queue name per test.
    pub(crate) async fn shared() -> &'static Self {
        Self::shared_of(Make::ActiveMq).await
    }

    /// The one broker of this make.
    pub(crate) async fn shared_of(make: Make) -> &'static Self {
        static ACTIVEMQ: OnceCell<Broker> = OnceCell::const_new();
        static RABBITMQ: OnceCell<Broker> = OnceCell::const_new();
        let shared = match make {
            Make::ActiveMq => &ACTIVEMQ,
            Make::RabbitMq => &RABBITMQ,
        };
        let log = format!("{}-shared.log", make.name());
        shared.get_or_init(|| Self::start_with(make, &log, Sync::Never)).await
    }

    /// A broker of the caller's own, up when this returns. Whatever it has confirmed outlives it, however it ends.
    pub(crate) async fn start() -> Self {
        Self::of(Make::ActiveMq).await
    }

    /// The same, of this make.
    pub(crate) async fn of(make: Make) -> Self {
        let log = format!("{}-{}.log", make.name(), fastrand::u64(..));
        Self::start_with(make, &log, Sync::Always).await
    }

    /// Port for the daemon: `stomp+ssl` on 127.0.0.1.
    pub(crate) fn port(&self) -> u16 {
        self.address.tls
    }

    /// The certificate, in PEM, of the CA that signed the broker's.
    pub(crate) fn ca_file(&self) -> &Path {
        &self.address.ca_file
    }

    /// Where it is reached, for clients that outlive a restart.
    pub(crate) fn address(&self) -> Address {
        self.address.clone()
    }

    /// Stops it in an orderly way (SIGTERM) and waits for its end.
    pub(crate) async fn stop(&mut self) {
        self.end("TERM").await;
    }

    /// Kills it (SIGKILL) and waits for its end; the store keeps what it had acknowledged.
    pub(crate) async fn kill(&mut self) {
        self.end("KILL").await;
    }

    /// Starts it again after [`stop`](Self::stop) or [`kill`](Self::kill), on the same ports and store; up on return.
    pub(crate) async fn restart(&mut self) {
        assert!(self.process.is_none(), "the broker still runs: stop or kill it first");
        assert!(self.try_start().await, "the broker does not come up again{}", self.log_tail());
    }

    /// Freezes it: connections stay open, nothing answers once this returns.
    pub(crate) async fn pause(&self) {
        self.signal("STOP");
        let process = self.process.as_ref().expect("the broker runs");
        while !process.is_stopped() {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }

    /// Lets it go on after [`pause`](Self::pause).
    pub(crate) fn resume(&self) {
        self.signal("CONT");
    }

    async fn start_with(make: Make, log: &str, sync: Sync) -> Self {
        for _ in 0..3 {
            let mut broker = Self::prepare(make, ports::free(), log, sync);
            if broker.try_start().await {
                return broker;
            }
            // Most likely somebody took a port between our look and the broker's.
        }
        panic!("the broker does not start; see {log} in {}", log_dir().display());
    }

    fn prepare(make: Make, ports: Ports, log: &str, sync: Sync) -> Self {
        let prefix = format!("{}-", make.name());
        let dir = tempfile::Builder::new().prefix(&prefix).tempdir().expect("a temporary directory");
        let ca_file = certificates::write(dir.path());
        make.prepare(dir.path(), &ports, sync);
        let Ports { tls, plain, small, metrics, .. } = ports;
        let address = Address { tls, plain, small, metrics, ca_file, make };
        let log = log_dir().join(log);
        // That of an earlier run.
        let _ = std::fs::remove_file(&log);
        Self { process: None, ports, address, log, dir }
    }

    /// Whether it came up; false if it ended by itself.
    async fn try_start(&mut self) -> bool {
        let command = self.address.make.command(self.dir.path(), &self.ports);
        self.process = Some(Process::start(command, self.dir.path(), &self.log));
        self.comes_up().await
    }

    /// Readiness is a login that works on either connector, not a line in a log.
    async fn comes_up(&mut self) -> bool {
        let deadline = Instant::now() + PATIENCE;
        while Instant::now() < deadline {
            if self.process.as_mut().is_none_or(Process::has_ended) {
                return false;
            }
            if StompClient::connect(&self.address, PLATFORM).await.is_ok()
                && StompClient::connect_tls(&self.address, PLATFORM).await.is_ok()
            {
                return true;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("the broker is not up after {PATIENCE:?}{}", self.log_tail());
    }

    async fn end(&mut self, signal: &str) {
        let mut process = self.process.take().expect("the broker runs");
        signal::send(process.pid(), signal);
        let deadline = Instant::now() + PATIENCE;
        while !process.has_ended() {
            assert!(Instant::now() < deadline, "the broker does not end on SIG{signal}");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    fn signal(&self, signal: &str) {
        signal::send(self.process.as_ref().expect("the broker runs").pid(), signal);
    }

    fn log_tail(&self) -> String {
        let log = std::fs::read_to_string(&self.log).unwrap_or_default();
        let lines: Vec<_> = log.lines().collect();
        format!("; the end of its log:\n{}", lines[lines.len().saturating_sub(40)..].join("\n"))
    }
}

/// Cargo names its directory to tests and benches, but not to examples.
fn log_dir() -> PathBuf {
    option_env!("CARGO_TARGET_TMPDIR").map_or_else(std::env::temp_dir, PathBuf::from)
}

impl Drop for Broker {
    /// A failed test's broker leaves its log behind.
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("the broker's log is kept in {}", self.log.display());
        } else {
            let _ = std::fs::remove_file(&self.log);
        }
    }
}
