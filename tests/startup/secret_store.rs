//! A store of secrets that is down, silent or slow.

use super::{PATIENCE, config, script};
use crate::support::processor::Processor;
use std::{fs, time::Instant};
use tempfile::tempdir;

/// Says no until a file `up` lies beside it.
const DOWN: &str = r#"[ -f "$(dirname "$0")/up" ] && { echo keysecret-of-store; exit 0; }
echo "token $STORE_TOKEN for https://me:pw-in-url@vault: connection refused: vault.example.com:8200" >&2
echo "second line" >&2
exit 2"#;

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_is_down_at_start_is_waited_for() {
    let directory = tempdir().unwrap();
    let command = script(directory.path(), "store", DOWN);
    let config = config(directory.path()).set("resilient", "api_key_secret", "^soar_secret").set(
        "resilient",
        "secret_command",
        &format!("{command} {{service}} {{name}}"),
    );
    let mut processor = Processor::start(&config, &["run"], &[("STORE_TOKEN", "s.hvs-very-secret")]);
    let line = processor.wait_for_log("secret store unavailable", PATIENCE).await;
    for word in ["WARN", "api_key_secret", "^soar_secret", "connection refused: vault.example.com:8200"] {
        assert!(line.contains(word), "{word} is not in {line}");
    }
    fs::write(directory.path().join("up"), "").unwrap();
    processor.wait_for_log("all secrets are available", PATIENCE).await;
    processor.wait_for_log("the platform cannot be used yet", PATIENCE).await;
    assert!(processor.stop(PATIENCE).await.success());
    let log = processor.log().join("\n");
    for secret in ["keysecret-of-store", "s.hvs-very-secret", "pw-in-url", "second line"] {
        assert!(!log.contains(secret), "{log}");
    }
    assert_eq!(log.matches("secret store unavailable").count(), 1, "{log}");
}

#[tokio::test(flavor = "multi_thread")]
async fn sigterm_ends_the_waiting_and_the_command() {
    let directory = tempdir().unwrap();
    let pid = directory.path().join("pid");
    let command = script(directory.path(), "store", &format!("echo $$ > {}; exec sleep 600", pid.display()));
    let config = config(directory.path())
        .set("resilient", "api_key_secret", "^soar_secret")
        .set("resilient", "secret_command", &format!("{command} {{name}}"))
        .set("resilient", "secret_timeout", "600");
    let mut processor = Processor::run(&config);
    super::until("the command", || fs::read_to_string(&pid).is_ok_and(|text| text.ends_with('\n'))).await;
    let child = fs::read_to_string(&pid).unwrap();
    assert!(processor.stop(PATIENCE).await.success());
    assert!(!super::ending::is_alive(&child));
}

#[tokio::test(flavor = "multi_thread")]
async fn check_fails_within_the_limit_and_says_why() {
    let directory = tempdir().unwrap();
    let down = script(directory.path(), "store", DOWN);
    let silent = script(directory.path(), "silent", "sleep 600");
    for (command, limit, says) in [
        (down.as_str(), "20", "connection refused: vault.example.com:8200"),
        (silent.as_str(), "0.5", "no answer within 0.5 s"),
        ("/nowhere/at-all", "20", "cannot be run"),
    ] {
        // Several secrets: a silent store is not waited for once for each.
        let config = config(directory.path())
            .set("resilient", "api_key_secret", "^soar_secret")
            .set("resilient", "secret_command", &format!("{command} {{name}}"))
            .set("resilient", "secret_timeout", limit)
            .set("integrations", "https_proxy", "http://u:^{proxy/password}@h:1")
            .set("hello", "token", "^hello/token");
        let begun = Instant::now();
        let mut check = Processor::command(&config, &["check"]);
        let code = check.wait(PATIENCE).await.code();
        let text = check.log().join("\n");
        assert_eq!(code, Some(if command.starts_with("/nowhere") { 64 } else { 1 }), "{text}");
        assert!(text.contains(says) && text.contains("api_key_secret: ^soar_secret"), "{text}");
        assert!(begun.elapsed() < PATIENCE / 2, "{text}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_never_answers_is_waited_for_within_the_limit() {
    let directory = tempdir().unwrap();
    let pipe = directory.path().join("soar_secret");
    assert!(std::process::Command::new("mkfifo").args(["-m", "600"]).arg(&pipe).status().unwrap().success());
    let config = config(directory.path())
        .set("resilient", "api_key_secret", "^soar_secret")
        .set("resilient", "secrets_dir", &directory.path().display().to_string())
        .set("resilient", "secret_timeout", "0.5");
    let mut check = Processor::command(&config, &["check"]);
    let code = check.wait(PATIENCE).await.code();
    let text = check.log().join("\n");
    assert_eq!(code, Some(1), "{text}");
    assert!(text.contains("soar_secret: no answer within 0.5 s (secret_timeout)"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_in_itself_is_not_waited_for() {
    let directory = tempdir().unwrap();
    let command = script(directory.path(), "store", DOWN);
    let config = config(directory.path())
        .set("resilient", "api_key_secret", "^soar_secret")
        .set("resilient", "num_workers", "many")
        .set("resilient", "secret_command", &format!("{command} {{name}}"));
    let mut processor = Processor::run(&config);
    assert_eq!(processor.wait(PATIENCE).await.code(), Some(64));
    assert!(processor.log().join("\n").contains("num_workers is many"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_is_down_at_a_reload_is_asked_again() {
    let directory = tempdir().unwrap();
    let (command, up) = (script(directory.path(), "store", DOWN), directory.path().join("up"));
    fs::write(&up, "").unwrap();
    let config = config(directory.path()).set("resilient", "api_key_secret", "^soar_secret").set(
        "resilient",
        "secret_command",
        &format!("{command} {{name}}"),
    );
    let mut processor = Processor::run(&config);
    processor.wait_for_log("the platform cannot be used yet", PATIENCE).await;
    fs::remove_file(&up).unwrap();
    processor.signal("HUP");
    let line = processor.wait_for_log("the configuration in force stays", PATIENCE).await;
    assert!(line.contains("WARN") && line.contains("connection refused: vault"), "{line}");
    fs::write(&up, "").unwrap();
    processor.wait_for_log("nothing has changed", PATIENCE).await;
    assert!(processor.stop(PATIENCE).await.success());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_that_takes_long_is_told_after_a_while() {
    let directory = tempdir().unwrap();
    let command = script(directory.path(), "store", "sleep 6; echo keysecret-of-store");
    let config = config(directory.path()).set("resilient", "api_key_secret", "^soar_secret").set(
        "resilient",
        "secret_command",
        &format!("{command} {{name}}"),
    );
    let mut processor = Processor::run(&config);
    let line = processor.wait_for_log("a secret has not been answered yet", PATIENCE).await;
    assert!(line.contains("WARN") && line.contains("soar_secret") && line.contains("seconds=5"), "{line}");
    processor.wait_for_log("the platform cannot be used yet", PATIENCE).await;
    assert!(processor.stop(PATIENCE).await.success());
}

#[test]
fn the_unit_comes_back_after_any_outage() {
    let unit = include_str!("../../systemd/processor.service");
    let lines: Vec<&str> = unit.lines().collect();
    for line in ["StartLimitIntervalSec=0", "Restart=always", "RestartPreventExitStatus=64"] {
        assert!(lines.contains(&line), "{line}");
    }
    assert!(!lines.iter().any(|line| line.starts_with("ExecStartPre")), "its exit code would not be seen");
}

/// The script of docs/operating.md that holds `words`.
fn documented(words: &str) -> String {
    let text = include_str!("../../docs/operating.md");
    let blocks = text.split("```sh\n").skip(1).filter_map(|rest| rest.split("```").next());
    blocks.into_iter().find(|block| block.contains(words)).expect("such a script").replace("#!/bin/sh\n", "")
}

#[test]
fn the_documented_scripts_ask_for_the_vendors_names() {
    let directory = tempdir().unwrap();
    for program in ["vault", "curl"] {
        script(directory.path(), program, r#"for word in "$@"; do echo "<$word>"; done"#);
    }
    script(directory.path(), "jq", "cat");
    let path = format!("{}:/usr/bin:/bin", directory.path().display());
    let printed = |words: &str, name: &str| {
        let script = script(directory.path(), "script", &documented(words));
        let mut command = std::process::Command::new(script);
        command.arg(name).env("PATH", &path);
        for variable in ["CCP_ADDRESS", "CCP_APP_ID", "CCP_CERT", "CCP_KEY"] {
            command.env(variable, variable);
        }
        String::from_utf8(command.output().unwrap().stdout).unwrap()
    };
    let vault = printed("vault kv get", "secret.mysql/web.app.password");
    assert_eq!(vault, "<kv>\n<get>\n<-mount=secret>\n<-field=password>\n<mysql/web.app>\n");
    let ccp = printed("AIMWebService", "Test/Website-example.com x");
    for word in ["<AppID=CCP_APP_ID>", "<Safe=Test>", "<Object=Website-example.com x>"] {
        assert!(ccp.contains(word), "{ccp}");
    }
}
