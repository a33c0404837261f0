//! A real PostgreSQL (Debian's package `postgresql`), run from the tests in a directory of its own.
//!
//! It never runs as root: where the tests do, it is started as the user `postgres`. Tests that leave it alone use
//! [`Postgres::shared`], with a [database](Postgres::database) each; those that stop it [`Postgres::start`] theirs.

use std::fs::OpenOptions;
use std::io::Write;
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use tempfile::TempDir;
use tokio::sync::OnceCell;
use tokio::time::Instant;
use tokio_postgres::{Client, NoTls};

use super::signal;

/// The one user, who may do everything.
pub(crate) const USER: &str = "processor";

/// That user's password.
pub(crate) const PASSWORD: &str = "database-password";

/// How long it may take to come up or to stop, on a machine that has much else to do.
const PATIENCE: Duration = Duration::from_secs(60);

/// Waits for its standard input to end, which the system sees to however the test process dies, and then ends the
/// server and removes its directory; a line instead means that both are taken care of.
const WATCHDOG: &str = r#"trap '' INT HUP; read -r _ || { kill -s QUIT "$1"; sleep 1; rm -rf "$2"; }"#;

/// A server of the tests; it ends with this value, or else with the test process, however that ends.
#[derive(Debug)]
pub(crate) struct Postgres {
    running: Option<(Child, Child)>,
    port: u16,
    // Dropped last: the server works in it.
    dir: TempDir,
}

// === impl Postgres ===

impl Postgres {
    /// The one server of this test process, started when first asked for.
    pub(crate) async fn shared() -> &'static Self {
        static SHARED: OnceCell<Postgres> = OnceCell::const_new();
        SHARED.get_or_init(Self::start).await
    }

    /// A server of the caller's own, up when this returns.
    pub(crate) async fn start() -> Self {
        let dir = tempfile::Builder::new().prefix("postgres-").tempdir().unwrap();
        hand_over(dir.path());
        initialise(dir.path());
        let mut server = Self { running: None, port: free_port(), dir };
        server.restart().await;
        server
    }

    /// The URL of `database`, with the password.
    pub(crate) fn url(&self, database: &str) -> String {
        format!("postgres://{USER}:{PASSWORD}@127.0.0.1:{}/{database}", self.port)
    }

    /// Makes an empty database, and gives its URL.
    pub(crate) async fn database(&self) -> String {
        let name = format!("test_{:016x}", fastrand::u64(..));
        let client = self.connect("postgres").await.unwrap();
        client
            .batch_execute(&format!("CREATE DATABASE {name} TEMPLATE template0 ENCODING 'UTF8'"))
            .await
            .unwrap();
        self.url(&name)
    }

    /// Stops it in an orderly way, without waiting for its clients.
    pub(crate) async fn stop(&mut self) {
        self.end("INT").await;
    }

    /// Kills it: what it had not written is lost.
    pub(crate) async fn kill(&mut self) {
        self.end("KILL").await;
    }

    /// Starts it again after [`stop`](Self::stop) or [`kill`](Self::kill), on the same port and data; up on return.
    pub(crate) async fn restart(&mut self) {
        assert!(self.running.is_none(), "the server still runs: stop or kill it first");
        let deadline = Instant::now() + PATIENCE;
        self.running = Some(self.spawn());
        while self.connect("postgres").await.is_err() {
            assert!(Instant::now() < deadline, "PostgreSQL does not come up:\n{}", self.log());
            if self.has_ended() {
                // Processes of the one that was killed were still there.
                self.running = Some(self.spawn());
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    async fn connect(&self, database: &str) -> Result<Client, tokio_postgres::Error> {
        connect(&self.url(database)).await
    }

    fn spawn(&self) -> (Child, Child) {
        let dir = self.dir.path();
        let output = OpenOptions::new().create(true).append(true).open(dir.join("log")).unwrap();
        let child = as_nobody_special(&program("postgres"))
            .arg("-D")
            .arg(dir.join("data"))
            .arg("-k")
            .arg(dir)
            .args(["-p", &self.port.to_string(), "-c", "listen_addresses=127.0.0.1"])
            // Only a power cut could tell the difference.
            .args(["-c", "fsync=off", "-c", "shared_buffers=16MB", "-c", "max_connections=200"])
            .current_dir(dir)
            .stdin(Stdio::null())
            .stdout(output.try_clone().unwrap())
            .stderr(output)
            .spawn()
            .unwrap();
        let watchdog = watch(child.id(), dir);
        (child, watchdog)
    }

    fn has_ended(&mut self) -> bool {
        self.running.as_mut().is_none_or(|(child, _)| child.try_wait().unwrap().is_some())
    }

    async fn end(&mut self, signal: &str) {
        let pid = self.running.as_ref().expect("the server runs").0.id();
        signal::send(pid, signal);
        let deadline = Instant::now() + PATIENCE;
        while !self.has_ended() {
            assert!(Instant::now() < deadline, "PostgreSQL does not end on SIG{signal}");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        dismiss(self.running.take());
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.dir.path().join("log")).unwrap_or_default()
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        if let Some((child, _)) = &mut self.running {
            // Its processes end with it, and leave the directory alone.
            signal::send(child.id(), "QUIT");
            let _ = child.wait();
        }
        dismiss(self.running.take());
    }
}

/// A connection of the test's own.
pub(crate) async fn connect(url: &str) -> Result<Client, tokio_postgres::Error> {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await?;
    tokio::spawn(connection);
    Ok(client)
}

/// Lets the watchdog go.
fn dismiss(running: Option<(Child, Child)>) {
    if let Some((_ended, mut watchdog)) = running {
        let _ = watchdog.stdin.take().map(|mut stdin| stdin.write_all(b"ended\n"));
        let _ = watchdog.wait();
    }
}

/// Debian keeps the programs of each version in a directory of its own.
fn program(name: &str) -> PathBuf {
    let versions = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let mut found: Vec<_> = versions.map(|version| version.path().join("bin").join(name)).collect();
    found.retain(|path| path.exists());
    found.sort();
    found.pop().expect("PostgreSQL is installed (./test installs it)")
}

/// PostgreSQL refuses to run as root.
fn as_nobody_special(program: &Path) -> Command {
    match is_root() {
        true => {
            let mut command = Command::new("setpriv");
            command.args(["--reuid=postgres", "--regid=postgres", "--clear-groups", "--"]).arg(program);
            command
        }
        false => Command::new(program),
    }
}

fn hand_over(dir: &Path) {
    if is_root() {
        let status = Command::new("chown").arg("postgres:postgres").arg(dir).status();
        assert!(status.unwrap().success(), "the user postgres is there");
    }
}

fn is_root() -> bool {
    Command::new("id").arg("-u").output().unwrap().stdout == b"0\n"
}

fn initialise(dir: &Path) {
    let password = dir.join("password");
    std::fs::write(&password, PASSWORD).unwrap();
    let made = as_nobody_special(&program("initdb"))
        .args(["--no-sync", "--no-instructions", "--encoding=UTF8", "--locale=C", "--username", USER])
        .args(["--auth-local=trust", "--auth-host=scram-sha-256", "--pwfile"])
        .arg(&password)
        .arg("-D")
        .arg(dir.join("data"))
        .current_dir(dir)
        .output()
        .unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
}

/// One that it can keep over a restart: below the range that the system gives out.
fn free_port() -> u16 {
    loop {
        let port = fastrand::u16(20_000..30_000);
        if TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok() {
            return port;
        }
    }
}

fn watch(pid: u32, dir: &Path) -> Child {
    Command::new("sh")
        .args(["-c", WATCHDOG, "watchdog", &pid.to_string()])
        .arg(dir)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}
