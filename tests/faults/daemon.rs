//! The processor as a process: this very binary, started again with the suite's component in it.

use std::{
    fs::File,
    io::Write,
    path::{Path, PathBuf},
    process::{ExitCode, ExitStatus, Stdio},
    time::Duration,
};

use tokio::{
    io::{AsyncBufReadExt, AsyncRead, BufReader},
    process::{Child, Command},
    task::JoinHandle,
    time::timeout,
};

use crate::{
    component,
    support::{processor::AppConfig, signal},
};

/// Set in the environment of a process that is to be the processor and not the suite.
const ROLE: &str = "FAULTS_PROCESSOR";

/// Longer than `stop_timeout`; a processor that has not ended by then never will.
const PATIENCE: Duration = Duration::from_secs(60);

/// Being ignored is handed down by `exec`: a write beyond the process's limit then is an error, as on a full disk, and
/// not the end. `setpriv` sees to it that the processor does not outlive the suite, however that ends.
const LAUNCHER: &str = r#"trap "" XFSZ; exec setpriv --pdeathsig KILL "$0" run"#;

/// A running processor; killed when dropped.
#[derive(Debug)]
pub(crate) struct Daemon {
    child: Child,
    outputs: [JoinHandle<()>; 2],
}

/// Where a processor lives; what it keeps here outlives it.
#[derive(Debug)]
pub(crate) struct Home {
    config: PathBuf,
    log: PathBuf,
    dir: tempfile::TempDir,
}

/// Runs the processor if that is what this process is for.
pub(crate) fn main_if_asked() -> Option<ExitCode> {
    std::env::var_os(ROLE).map(|_| action_processor::main([component::component()]))
}

// === impl Home ===

impl Home {
    /// What its processors log is added to `<name>.log` in the target directory's `tmp`.
    pub(crate) fn new(name: &str) -> Self {
        let dir = tempfile::Builder::new().prefix("faults-").tempdir().expect("a temporary directory");
        let log = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}.log"));
        // That of an earlier run.
        let _ = std::fs::remove_file(&log);
        Self { config: dir.path().join("app.config"), log, dir }
    }

    /// What the next processor is started with; its journal is here, unless it is told otherwise, and its diary, if it
    /// is to keep one.
    pub(crate) fn configure(&self, config: AppConfig, diary: bool) {
        let path = |name| self.dir().join(name).display().to_string();
        let mut config = config.set("store", "state_dir", &path("state"));
        if diary {
            config = config.set(component::NAME, "diary", &self.diary().display().to_string());
        }
        std::fs::write(&self.config, config.text()).expect("app.config is written");
    }

    /// Its directory.
    pub(crate) fn dir(&self) -> &Path {
        self.dir.path()
    }

    /// Where its handlers note what they begin, if they are to.
    pub(crate) fn diary(&self) -> PathBuf {
        self.dir().join("diary")
    }

    /// Where its log is.
    pub(crate) fn log(&self) -> &Path {
        &self.log
    }

    /// Starts a processor.
    pub(crate) fn start(&self) -> Daemon {
        let mut child = Command::new("sh")
            .args(["-c", LAUNCHER])
            .arg(std::env::current_exe().expect("this binary has a path"))
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", self.dir())
            .env("APP_CONFIG_FILE", &self.config)
            .env(ROLE, "")
            .current_dir(self.dir())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .expect("the binary starts");
        let log = File::options().create(true).append(true).open(&self.log).expect("the log can be written");
        let shared = log.try_clone().expect("a file can be shared");
        let outputs = [
            tokio::spawn(keep(child.stdout.take().expect("piped"), shared)),
            tokio::spawn(keep(child.stderr.take().expect("piped"), log)),
        ];
        Daemon { child, outputs }
    }
}

// === impl Daemon ===

impl Daemon {
    /// Its process id.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id().expect("the processor runs")
    }

    /// Kills it (SIGKILL); all that it has logged is in its log then.
    pub(crate) async fn kill(mut self) {
        self.child.kill().await.expect("the processor can be killed");
        for output in &mut self.outputs {
            output.await.expect("the log is written");
        }
    }

    /// Tells it to stop (SIGTERM) and waits for its end.
    pub(crate) async fn stop(mut self) -> ExitStatus {
        signal::send(self.pid(), "TERM");
        let ended = timeout(PATIENCE, self.child.wait()).await;
        ended.expect("it ends when it is told to").expect("a child can be waited for")
    }

    /// How it ended, if it has.
    pub(crate) fn has_ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().expect("a child can be asked")
    }
}

async fn keep(output: impl AsyncRead + Unpin, mut log: File) {
    let mut lines = BufReader::new(output).lines();
    while let Ok(Some(line)) = lines.next_line().await {
        // The log is there to be looked at; the case does not depend on it.
        let _ = writeln!(log, "{line}");
    }
}
