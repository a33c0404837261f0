//! Signals, and what the processor started.

use super::{PATIENCE, config, script, until};
use crate::support::processor::Processor;
use std::fs;
use tempfile::tempdir;

/// Whether a process runs; one that is only not yet waited for does not.
pub(super) fn is_alive(pid: &str) -> bool {
    let state = fs::read_to_string(format!("/proc/{}/stat", pid.trim())).unwrap_or_default();
    !state.is_empty() && !state.contains(") Z")
}

#[tokio::test(flavor = "multi_thread")]
async fn signals_without_a_meaning_are_ignored() {
    let directory = tempdir().unwrap();
    let mut processor = Processor::run(&config(directory.path()));
    processor.wait_for_log("the platform cannot be used yet", PATIENCE).await;
    for signal in ["USR1", "USR2", "ALRM", "VTALRM", "PROF", "IO", "PWR", "XFSZ", "16", "40"] {
        processor.signal(signal);
    }
    processor.signal("HUP");
    processor.wait_for_log("nothing has changed", PATIENCE).await;
    processor.signal("QUIT");
    assert!(processor.wait(PATIENCE).await.success());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_reload_started_ends_with_the_processor() {
    let directory = tempdir().unwrap();
    let pids = directory.path().join("pids");
    let text = format!(
        "[ -f {0} ] || {{ echo one > {0}; echo keysecret-of-store; exit 0; }}\nsleep 600 & echo $! $$ > {0}.new; mv {0}.new {0}; wait",
        pids.display()
    );
    let command = script(directory.path(), "store", &text);
    let config = config(directory.path()).set("resilient", "api_key_secret", "^soar_secret").set(
        "resilient",
        "secret_command",
        &format!("{command} {{name}}"),
    );
    let mut processor = Processor::run(&config);
    processor.wait_for_log("the platform cannot be used yet", PATIENCE).await;
    processor.signal("HUP");
    let children = || fs::read_to_string(&pids).unwrap_or_default();
    until("the command", || children().contains(' ')).await;
    assert!(processor.stop(PATIENCE).await.success());
    for pid in children().split_whitespace() {
        until("the end of what the command started", || !is_alive(pid)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_check_that_is_interrupted_ends_its_command() {
    let directory = tempdir().unwrap();
    let pid = directory.path().join("pid");
    let command = script(directory.path(), "store", &format!("echo $$ > {}; exec sleep 600", pid.display()));
    for signal in ["INT", "TERM"] {
        let _earlier = fs::remove_file(&pid);
        let config = config(directory.path()).set("resilient", "api_key_secret", "^soar_secret").set(
            "resilient",
            "secret_command",
            &format!("{command} {{name}}"),
        );
        let mut check = Processor::command(&config, &["check"]);
        until("the command", || fs::read_to_string(&pid).is_ok_and(|text| text.ends_with('\n'))).await;
        check.signal(signal);
        assert!(!check.wait(PATIENCE).await.success());
        assert!(!is_alive(&fs::read_to_string(&pid).unwrap()), "{signal}");
    }
}
