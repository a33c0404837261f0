//! The broker's process, which never outlives the tests.

use std::fs::OpenOptions;
use std::io::Write;
use std::path::Path;
use std::process::{Child, Command, Stdio};

/// Waits for its standard input to end, which the system sees to however the test process dies, and then kills the
/// broker and removes its directory; a line instead means that both are taken care of.
const WATCHDOG: &str = r#"trap '' INT HUP; read -r _ || { kill -s KILL "$1"; rm -rf "$2"; }"#;

/// A running broker, and the shell that watches over it.
#[derive(Debug)]
pub(super) struct Process {
    child: Child,
    watchdog: Child,
}

// === impl Process ===

impl Process {
    /// Starts the broker that works in `dir`; what it prints is added to `log`.
    pub(super) fn start(mut command: Command, dir: &Path, log: &Path) -> Self {
        let output = OpenOptions::new().create(true).append(true).open(log).expect("the broker's log opens");
        let child = command
            .stdin(Stdio::null())
            .stderr(output.try_clone().expect("a file can be shared"))
            .stdout(output)
            .spawn()
            .expect("the broker is installed (./test installs it)");
        Self { watchdog: watch(child.id(), dir), child }
    }

    pub(super) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Whether each of its threads has been stopped by a signal, which takes them a moment.
    pub(super) fn is_stopped(&self) -> bool {
        let mut threads = std::fs::read_dir(format!("/proc/{}/task", self.pid())).expect("it runs");
        let stopped = |thread: std::io::Result<std::fs::DirEntry>| {
            let state = std::fs::read_to_string(thread.expect("it runs").path().join("stat"));
            // After the name, which is in parentheses. A thread that has just ended is no matter.
            state.map_or(true, |state| state.rsplit(')').next().is_some_and(|rest| rest.starts_with(" T")))
        };
        threads.all(stopped)
    }

    /// Whether it has ended.
    pub(super) fn has_ended(&mut self) -> bool {
        self.child.try_wait().expect("a child can be asked").is_some()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // An error says that it has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = self.watchdog.stdin.take().map(|mut stdin| stdin.write_all(b"ended\n"));
        let _ = self.watchdog.wait();
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
        .expect("sh runs")
}
