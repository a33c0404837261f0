//! What people type who come from the vendor's framework.

use super::{PATIENCE, config};
use crate::support::processor::Processor;
use std::fs;
use tempfile::tempdir;

async fn said(arguments: &[&str], directory: &std::path::Path) -> (Option<i32>, String) {
    let mut processor = Processor::command(&config(directory), arguments);
    let code = processor.wait(PATIENCE).await.code();
    (code, processor.log().join("\n"))
}

#[tokio::test(flavor = "multi_thread")]
async fn run_takes_the_vendors_options_as_typed() {
    let directory = tempdir().unwrap();
    let arguments = [
        "run",
        "-r",
        "--no-prompt-password",
        "true",
        "--stomp-max-retries",
        "3",
        "--rc_use_persistent_sessions",
        "yes",
        "--low_code_queues_list",
        "a",
        "--resilient-mock",
        "x.Y",
        "--proxy",
        "p",
        "--",
        "--loglevel",
        "DEBUG",
    ];
    let mut processor = Processor::command(&config(directory.path()), &arguments);
    let line = processor.wait_for_log("--auto-restart change nothing", PATIENCE).await;
    assert!(line.contains("INFO"), "{line}");
    processor.wait_for_log("DEBUG", PATIENCE).await;
    assert!(processor.stop(PATIENCE).await.success());
    let mut processor = Processor::command(&config(directory.path()), &["run", "--auto-restart"]);
    processor.wait_for_log("--auto-restart change nothing", PATIENCE).await;
    processor.wait_for_log("the platform cannot be used yet", PATIENCE).await;
    assert!(processor.stop(PATIENCE).await.success());
}

#[tokio::test(flavor = "multi_thread")]
async fn selftest_is_check_connect() {
    let directory = tempdir().unwrap();
    for arguments in [&["selftest"][..], &["selftest", "-l", "hello"], &["selftest", "--print-env"]] {
        let (code, text) = said(arguments, directory.path()).await;
        assert_eq!(code, Some(20), "{text}");
        assert!(text.contains("REST localhost:1"), "{text}");
    }
    let (code, text) = said(&["check", "-l", "fn_utilities"], directory.path()).await;
    assert_eq!(code, Some(2), "{text}");
    assert!(text.contains("fn_utilities is no component"), "{text}");
    let (_, text) = said(&["check", "-l", "hello"], directory.path()).await;
    assert!(text.contains("hello, destination") && !text.contains("add_task"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn commands_that_are_not_here_name_what_is() {
    let directory = tempdir().unwrap();
    for (command, instead) in [
        ("customize", "import the export"),
        ("service", "systemd"),
        ("test", "processor invoke"),
        ("codegen", "processor new"),
        ("package", "cargo build --release"),
    ] {
        let (code, text) = said(&[command, "-y", "-l", "fn_x"], directory.path()).await;
        assert_eq!(code, Some(64), "{text}");
        assert!(text.contains(&format!("no command `{command}`")) && text.contains(instead), "{text}");
    }
    let (code, text) = said(&["chekc"], directory.path()).await;
    assert!(code == Some(64) && text.contains("unrecognized subcommand"), "{text}");
    let (code, text) = said(&["-v", "list", "-v"], directory.path()).await;
    assert!(code == Some(0) && text.contains("hello"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn options_count_as_their_keys_do() {
    let directory = tempdir().unwrap();
    let (code, text) = said(&["check", "--pam-type", "HashiCorpVault"], directory.path()).await;
    assert_eq!(code, Some(64), "{text}");
    assert!(
        text.contains("--pam_type: pam_type HashiCorpVault") && text.contains("secret_command"),
        "{text}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn config_takes_a_list_and_a_file_in_any_place() {
    let directory = tempdir().unwrap();
    let path = directory.path().join("new.config");
    let file = path.to_str().unwrap();
    let (code, text) = said(&["config", file, "-c", "-l", "hello", "fn_x"], directory.path()).await;
    assert_eq!(code, Some(0), "{text}");
    assert!(text.contains("fn_x is no component"), "{text}");
    let written = fs::read_to_string(&path).unwrap();
    assert!(written.contains("\n[hello]\n") && !written.contains("\n[add_task]\n"));
    let (code, text) = said(&["config", "-u", file, "-l", "add_task"], directory.path()).await;
    assert_eq!(code, Some(0), "{text}");
    assert!(text.contains("[add_task]") && !text.contains("set_last_updated"), "{text}");
}
