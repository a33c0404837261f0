//! The daemon as a process: the binary that is shipped, with a configuration of the test's own.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, AsyncRead, BufReader};
use tokio::process::{Child, Command};
use tokio::sync::watch;
use tokio::time::timeout;

use super::broker::{API_KEY, Broker};
use super::signal;

/// An `app.config` in the making.
#[derive(Clone, Debug, Default)]
pub(crate) struct AppConfig {
    options: Vec<(String, String, String)>,
}

/// A started `processor`; killed when dropped.
#[derive(Debug)]
pub(crate) struct Processor {
    child: Child,
    log: watch::Receiver<Vec<String>>,
    // Holds app.config and whatever the daemon writes.
    dir: TempDir,
}

// === impl AppConfig ===

impl AppConfig {
    /// Only what is set by [`set`](Self::set).
    pub(crate) fn empty() -> Self {
        Self::default()
    }

    /// The API key's login at `broker`, and the platform's REST API at `host`:`port`, trusted by `cafile`.
    pub(crate) fn connecting(broker: &Broker, host: &str, port: u16, cafile: &str) -> Self {
        Self::empty()
            .set("resilient", "host", host)
            .set("resilient", "port", &port.to_string())
            .set("resilient", "cafile", cafile)
            .set("resilient", "org", stand_in_platform::ORG_NAME)
            .set("resilient", "api_key_id", API_KEY.login)
            .set("resilient", "api_key_secret", API_KEY.passcode)
            .set("resilient", "stomp_host", "localhost")
            .set("resilient", "stomp_port", &broker.port().to_string())
            .set("resilient", "stomp_cafile", &broker.ca_file().display().to_string())
    }

    /// Sets an option, instead of an earlier value.
    pub(crate) fn set(mut self, section: &str, option: &str, value: &str) -> Self {
        self.options
            .retain(|(in_section, name, _)| (in_section.as_str(), name.as_str()) != (section, option));
        self.options.push((section.to_owned(), option.to_owned(), value.to_owned()));
        self
    }

    /// The file's text.
    pub(crate) fn text(&self) -> String {
        let mut sections: Vec<&str> = self.options.iter().map(|(section, ..)| section.as_str()).collect();
        sections.sort_unstable();
        sections.dedup();
        sections.into_iter().map(|section| self.section(section)).collect()
    }

    fn section(&self, section: &str) -> String {
        let options = self.options.iter().filter(|(name, ..)| name == section);
        let lines: String = options.map(|(_, option, value)| format!("{option}={value}\n")).collect();
        format!("[{section}]\n{lines}\n")
    }
}

// === impl Processor ===

impl Processor {
    /// Starts `processor run`.
    pub(crate) fn run(config: &AppConfig) -> Self {
        Self::command(config, &["run"])
    }

    /// Starts `processor` with other arguments.
    pub(crate) fn command(config: &AppConfig, arguments: &[&str]) -> Self {
        Self::start(config, arguments, &[])
    }

    /// Starts `processor run` within what the shell's command `limits` sets.
    pub(crate) fn limited(config: &AppConfig, limits: &str) -> Self {
        let script = format!(r#"{limits}; exec "$@""#);
        let shell = ["sh", "-c", &script, "sh", env!("CARGO_BIN_EXE_processor"), "run"];
        Self::spawn(config, &shell, &[])
    }

    /// Starts `processor` with `variables` in an environment that is otherwise empty but for `PATH`.
    pub(crate) fn start(config: &AppConfig, arguments: &[&str], variables: &[(&str, &str)]) -> Self {
        Self::spawn(config, &[&[env!("CARGO_BIN_EXE_processor")], arguments].concat(), variables)
    }

    fn spawn(config: &AppConfig, words: &[&str], variables: &[(&str, &str)]) -> Self {
        let dir = tempfile::Builder::new().prefix("processor-").tempdir().expect("a temporary directory");
        let config_file = dir.path().join("app.config");
        std::fs::write(&config_file, config.text()).expect("app.config is written");
        // It holds secrets: as `processor config -c` makes it.
        let owners = std::fs::Permissions::from_mode(0o600);
        std::fs::set_permissions(&config_file, owners).expect("app.config is ours");
        let mut child = Command::new(words[0])
            .args(&words[1..])
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", dir.path())
            .env("APP_CONFIG_FILE", config_file)
            .envs(variables.iter().copied())
            .current_dir(dir.path())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .expect("the binary starts");
        let (sender, log) = watch::channel(Vec::new());
        tokio::spawn(collect(child.stdout.take().expect("stdout is piped"), sender.clone()));
        tokio::spawn(collect(child.stderr.take().expect("stderr is piped"), sender));
        Self { child, log, dir }
    }

    /// Its working directory, where app.config is.
    pub(crate) fn dir(&self) -> &Path {
        self.dir.path()
    }

    /// Where app.config is.
    pub(crate) fn config_file(&self) -> PathBuf {
        self.dir().join("app.config")
    }

    /// The lines printed so far, on standard output and standard error.
    pub(crate) fn log(&self) -> Vec<String> {
        self.log.borrow().clone()
    }

    /// Waits for a printed line that contains `text`, an earlier one included, and gives it.
    pub(crate) async fn wait_for_log(&self, text: &str, within: Duration) -> String {
        self.wait_for_lines(text, 1, within).await.remove(0)
    }

    /// Waits until `count` printed lines contain `text`, and gives those there are.
    pub(crate) async fn wait_for_lines(&self, text: &str, count: usize, within: Duration) -> Vec<String> {
        let mut log = self.log.clone();
        let matching = |lines: &[String]| -> Vec<String> {
            lines.iter().filter(|line| line.contains(text)).cloned().collect()
        };
        let enough = log.wait_for(|lines| matching(lines).len() >= count);
        let found = timeout(within, enough).await.is_ok_and(|result| result.is_ok());
        assert!(
            found,
            "{count} lines with {text:?} were not printed in {within:?}:\n{}",
            self.log().join("\n")
        );
        matching(&self.log())
    }

    /// Its process's number.
    pub(crate) fn id(&self) -> u32 {
        self.child.id().expect("the processor runs")
    }

    /// Sends it a signal: `TERM`, `INT`, `HUP`, `KILL`, `STOP`, `CONT`.
    pub(crate) fn signal(&self, signal: &str) {
        signal::send(self.id(), signal);
    }

    /// Waits for its end, and for the end of what it prints.
    pub(crate) async fn wait(&mut self, within: Duration) -> ExitStatus {
        let ended = timeout(within, async {
            let status = self.child.wait().await.expect("a child can be waited for");
            while self.log.changed().await.is_ok() {}
            status
        });
        let ended = ended.await;
        ended.unwrap_or_else(|_| panic!("it still runs after {within:?}:\n{}", self.log().join("\n")))
    }

    /// Tells it to stop (SIGTERM) and waits for its end.
    pub(crate) async fn stop(&mut self, within: Duration) -> ExitStatus {
        self.signal("TERM");
        self.wait(within).await
    }
}

/// Ends with the stream; the last of both streams closes the channel.
async fn collect(output: impl AsyncRead + Unpin, log: watch::Sender<Vec<String>>) {
    let mut lines = BufReader::new(output).lines();
    while let Ok(Some(line)) = lines.next_line().await {
        log.send_modify(|all| all.push(line));
    }
}
