//! A contender's process, and what the system knows of it.

use std::process::Stdio;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, BufReader, copy, sink};
use tokio::process::{Child, Command};
use tokio::time::{Instant, timeout};

use crate::support::signal;

/// Nothing here takes longer.
const PATIENCE: Duration = Duration::from_secs(60);
/// In which `/proc` counts processor time: USER_HZ, 100 a second on every Linux.
const TICK: Duration = Duration::from_millis(10);

/// A running process; killed when dropped.
pub(crate) struct Process {
    child: Child,
    pid: u32,
}

impl Process {
    /// Starts it, waits until a line with `ready` stands in its log, and says how long that took.
    pub(crate) async fn start(mut command: Command, ready: &str) -> (Self, Duration) {
        let begun = Instant::now();
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).kill_on_drop(true);
        let mut child = command.spawn().unwrap_or_else(|error| panic!("{command:?}: {error}"));
        let mut log = BufReader::new(child.stderr.take().expect("stderr is piped"));
        let (mut text, mut read) = (String::new(), 0);
        while !text[read..].contains(ready) {
            read = text.len();
            let line = timeout(PATIENCE, log.read_line(&mut text)).await;
            assert!(matches!(line, Ok(Ok(1..))), "it does not get ready: {command:?}\n{text}");
        }
        let taken = begun.elapsed();
        // A pipe that nobody reads would stop it.
        tokio::spawn(async move { copy(&mut log, &mut sink()).await });
        let pid = child.id().expect("it runs");
        (Self { child, pid }, taken)
    }

    /// Freezes it.
    pub(crate) fn pause(&self) {
        signal::send(self.pid, "STOP");
    }

    /// Lets it go on.
    pub(crate) fn resume(&self) {
        signal::send(self.pid, "CONT");
    }

    /// Tells it to stop, and kills it if it does not.
    pub(crate) async fn stop(&mut self) {
        signal::send(self.pid, "TERM");
        if timeout(PATIENCE, self.child.wait()).await.is_err() {
            self.child.kill().await.expect("it can be killed");
        }
    }

    /// Resident memory in bytes.
    pub(crate) fn memory(&self) -> u64 {
        self.status("VmRSS:") * 1024
    }

    /// How many threads it has.
    pub(crate) fn threads(&self) -> u64 {
        self.status("Threads:")
    }

    /// Processor time it has used, in the system and out of it.
    pub(crate) fn processor_time(&self) -> Duration {
        let stat = self.proc("stat");
        // The command's name, in brackets, may hold anything. After it: state (3), …, utime (14), stime (15).
        let fields: Vec<&str> = stat.rsplit(')').next().unwrap().split_whitespace().collect();
        let ticks: u32 = fields[11..13].iter().map(|ticks| ticks.parse::<u32>().unwrap()).sum();
        TICK * ticks
    }

    fn status(&self, name: &str) -> u64 {
        let status = self.proc("status");
        let line = status.lines().find_map(|line| line.strip_prefix(name)).expect("Linux says so");
        line.split_whitespace().next().unwrap().parse().unwrap()
    }

    fn proc(&self, file: &str) -> String {
        std::fs::read_to_string(format!("/proc/{}/{file}", self.pid)).expect("it runs, on Linux")
    }
}
