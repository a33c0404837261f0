//! Signals to processes that a test has started, by the shell's own `kill`.

use std::process::Command;

/// Sends `signal` (`TERM`, `KILL`, `STOP`, …) to process `pid`.
pub(crate) fn send(pid: u32, signal: &str) {
    let script = r#"kill -s "$1" "$2""#;
    let status = Command::new("sh").args(["-c", script, "kill", signal, &pid.to_string()]).status();
    assert!(status.expect("sh runs").success(), "process {pid} cannot be sent {signal}");
}
