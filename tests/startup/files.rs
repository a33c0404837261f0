//! The log file while others rename and delete it; directories that cannot be written.

use super::{PATIENCE, config, until};
use crate::support::processor::{AppConfig, Processor};
use std::{fs, path::Path};
use tempfile::tempdir;

fn logging(directory: &Path, rotating: bool) -> AppConfig {
    let bytes = if rotating { "10000000" } else { "0" };
    config(directory).set("resilient", "logdir", &directory.join("logs").display().to_string()).set(
        "resilient",
        "log_max_bytes",
        bytes,
    )
}

async fn reload(processor: &Processor, number: usize) {
    processor.signal("HUP");
    processor.wait_for_lines("nothing has changed", number, PATIENCE).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_file_that_is_moved_or_deleted_is_begun_anew() {
    for rotating in [true, false] {
        let directory = tempdir().unwrap();
        let (log, old) = (directory.path().join("logs/app.log"), directory.path().join("logs/app.log.old"));
        let mut processor = Processor::run(&logging(directory.path(), rotating));
        processor.wait_for_log("the platform cannot be used yet", PATIENCE).await;
        let holds =
            |path: &Path| fs::read_to_string(path).unwrap_or_default().contains("nothing has changed");
        fs::rename(&log, &old).unwrap();
        reload(&processor, 1).await;
        until("the first line", || holds(&log)).await;
        assert!(!holds(&old), "what comes after SIGHUP is in the new file");
        fs::remove_file(&log).unwrap();
        reload(&processor, 2).await;
        until("the second line", || holds(&log)).await;
        fs::remove_dir_all(directory.path().join("logs")).unwrap();
        reload(&processor, 3).await;
        until("the third line", || holds(&log)).await;
        assert!(processor.stop(PATIENCE).await.success());
    }
}

#[test]
fn the_documented_rotation_tells_the_processor() {
    let text = include_str!("../../docs/operating.md");
    let block = text.split("```logrotate\n").nth(1).and_then(|rest| rest.split("```").next()).unwrap();
    let unit = include_str!("../../systemd/processor.service");
    assert!(block.contains("kill --kill-who=main -s HUP processor") && unit.contains("kill -HUP $MAINPID"));
    assert!(block.starts_with("/var/log/processor/app.log {") && unit.contains("LogsDirectory=processor"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_file_is_missed_without_a_signal_too() {
    let directory = tempdir().unwrap();
    let log = directory.path().join("logs/app.log");
    let config = logging(directory.path(), false).set("resilient", "loglevel", "DEBUG");
    let mut processor = Processor::run(&config);
    processor.wait_for_log("the platform cannot be used yet", PATIENCE).await;
    fs::remove_file(&log).unwrap();
    // Each attempt to reach the platform has a line.
    until("a new file", || log.exists()).await;
    assert!(processor.stop(PATIENCE).await.success());
}

#[tokio::test(flavor = "multi_thread")]
async fn check_tries_the_directories_and_leaves_nothing() {
    let directory = tempdir().unwrap();
    let file = directory.path().join("a-file");
    fs::write(&file, "").unwrap();
    let below = file.join("below").display().to_string();
    let check = async |config: &AppConfig, variables: &[(&str, &str)]| {
        let mut check = Processor::start(config, &["check"], variables);
        (check.wait(PATIENCE).await.code(), check.log().join("\n"))
    };
    let config = config(directory.path());
    for (section, key, step) in [
        ("store", "state_dir", "state_dir"),
        ("resilient", "logdir", "logdir"),
        ("resilient", "log_http_responses", "recordings"),
    ] {
        let (code, text) = check(&config.clone().set(section, key, &below), &[]).await;
        assert_eq!(code, Some(1), "{text}");
        assert!(text.contains(step) && text.contains(&below) && text.contains("failed"), "{text}");
    }
    // The default place, of a user without a home.
    let homeless = AppConfig::empty().set("resilient", "host", "h").set("resilient", "api_key_id", "id").set(
        "resilient",
        "api_key_secret",
        "secret",
    );
    let (code, text) = check(&homeless, &[("HOME", "/dev/null")]).await;
    assert_eq!(code, Some(1), "{text}");
    assert!(
        text.contains("/dev/null/.local/state/processor") && text.contains("[store] state_dir"),
        "{text}"
    );

    let logs = directory.path().join("some/new/logs").display().to_string();
    let (code, text) = check(&config.set("resilient", "logdir", &logs), &[]).await;
    assert_eq!(code, Some(0), "{text}");
    let left: Vec<_> =
        fs::read_dir(directory.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left, ["a-file"]);
}

#[test]
fn each_program_has_a_journal_of_its_own() {
    let directory = tempdir().unwrap();
    let program =
        Path::new(env!("CARGO_BIN_EXE_processor")).with_file_name(format!("mine-{}", std::process::id()));
    fs::hard_link(env!("CARGO_BIN_EXE_processor"), &program).unwrap();
    let path = directory.path().join("app.config");
    fs::write(&path, "[resilient]\nhost = h\napi_key_id = id\napi_key_secret = secret\n").unwrap();
    let mut check = std::process::Command::new(&program);
    check.args(["check", "--config-file"]).arg(&path).env_clear().env("HOME", "/dev/null");
    let output = check.output().unwrap();
    fs::remove_file(&program).unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let name = program.file_name().unwrap().to_str().unwrap();
    assert!(text.contains(&format!("/dev/null/.local/state/{name}")), "{text}");
}

/// Runs `processor config -u` on a file that is mounted read-only; `None` on machines that let nobody mount anything.
fn update_read_only(file: &Path) -> Option<std::process::Output> {
    let mount =
        r#"mount --bind "$1" "$1" && mount -o remount,ro,bind "$1" || exit 99; exec "$0" config -u "$1""#;
    let mut command = std::process::Command::new("unshare");
    command
        .args(["--map-root-user", "--mount", "sh", "-c", mount, env!("CARGO_BIN_EXE_processor")])
        .arg(file);
    let output = command.output().ok().filter(|output| output.status.code() != Some(99));
    let allowed = output.filter(|output| !String::from_utf8_lossy(&output.stderr).contains("unshare:"));
    if allowed.is_none() {
        eprintln!("skipped: nothing can be mounted here");
    }
    allowed
}

#[test]
fn a_read_only_file_that_lacks_nothing_needed_will_do() {
    let directory = tempdir().unwrap();
    let path = directory.path().join("app.config");
    fs::write(&path, "[resilient]\nhost = h\n").unwrap();
    let Some(output) = update_read_only(&path) else { return };
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    assert!(said.contains("WARN") && said.contains("[hello]") && said.contains("Read-only"), "{said}");
    assert_eq!(fs::read_to_string(&path).unwrap(), "[resilient]\nhost = h\n");
}
