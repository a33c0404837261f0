//! `processor check` without `--connect`.

use action_processor::cli::check::{CheckArgs, run};
use action_processor::component::{Component, Context, Failure, Message, Reply, handler_fn};
use clap::Parser;

use super::check;
use crate::support::certificates::file;
use crate::support::processor::AppConfig;

fn valid() -> AppConfig {
    AppConfig::empty()
        .set("resilient", "host", "soar.example.com")
        .set("resilient", "org", "Example")
        .set("resilient", "api_key_id", "the-key's-id")
        .set("resilient", "api_key_secret", "the-key's-secret")
        .set("resilient", "stomp_host", "broker.example.com")
}

#[tokio::test]
async fn a_valid_configuration_is_told_in_a_few_lines_without_secrets() {
    let checked = check(&valid().set("resilient", "noload", "add_task"), &[]).await;
    checked.assert_ok();
    let text = &checked.text;
    for words in [
        "app.config is valid",
        "/app.config",
        "soar.example.com:443",
        "organization   Example",
        "API key the-key's-id",
        "broker.example.com:65001",
        "hello, destination hello, actions say_hello",
        "add_task, left out by noload",
    ] {
        assert!(text.contains(words), "{words:?} is missing in:\n{text}");
    }
    assert!(text.lines().count() < 15 && !text.contains("the-key's-secret"), "{text}");
}

#[tokio::test]
async fn all_mistakes_are_told_at_once_each_with_its_line() {
    let config = AppConfig::empty()
        .set("resilient", "host", "soar.example.com")
        .set("resilient", "port", "many")
        .set("resilient", "stomp_hots", "broker.example.com")
        .set("resilient", "num_workers", "0");
    let checked = check(&config, &[]).await;
    let text = &checked.text;
    assert_eq!(checked.code, 64, "{text}");
    for words in [
        "app.config:3: port",
        "app.config:4: stomp_hots",
        "did you mean stomp_host?",
        "app.config:5: num_workers",
        "api_key_id",
    ] {
        assert!(text.contains(words), "{words:?} is missing in:\n{text}");
    }
}

#[tokio::test]
async fn a_journal_that_cannot_be_used_is_a_mistake_without_its_password() {
    let config = valid().set("store", "url", "postgres://me:hunter2@db:port/journal");
    let checked = check(&config, &[]).await;
    assert_eq!(checked.code, 64, "{}", checked.text);
    assert!(checked.text.contains("[store] url") && !checked.text.contains("hunter2"), "{}", checked.text);
}

#[tokio::test]
async fn a_verification_that_is_turned_off_is_a_warning() {
    let checked = check(&valid().set("resilient", "cafile", "false"), &[]).await;
    checked.assert_ok();
    assert_eq!(checked.lines("cafile", "warning").len(), 1, "{}", checked.text);
    assert_eq!(checked.lines("stomp_cafile", "warning").len(), 1, "{}", checked.text);
}

#[tokio::test]
async fn ca_files_that_do_not_exist_are_told_both_and_have_a_code_of_their_own() {
    let config = valid().set("resilient", "cafile", "/nowhere/platform.pem").set(
        "resilient",
        "stomp_cafile",
        "/nowhere/broker.pem",
    );
    for arguments in [[].as_slice(), &["--connect"]] {
        let checked = check(&config, arguments).await;
        assert_eq!(checked.code, 22, "{}", checked.text);
        for (key, file) in [("cafile", "/nowhere/platform.pem"), ("stomp_cafile", "/nowhere/broker.pem")] {
            let mut lines = checked.text.lines().filter(|line| line.contains("app.config:"));
            let words = format!(": {key}: there is no file {file}");
            assert!(lines.any(|line| line.contains(&words)), "{}", checked.text);
        }
    }
}

#[tokio::test]
async fn a_client_certificate_without_its_file_is_one_mistake() {
    let config = valid().set("resilient", "client_auth_cert", "/nowhere/client.pem");
    let checked = check(&config, &[]).await;
    assert_eq!(checked.code, 64, "{}", checked.text);
    assert_eq!(checked.text.matches("/nowhere/client.pem").count(), 1, "{}", checked.text);
}

#[test]
fn components_that_want_the_same_action_are_a_mistake() {
    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        args: CheckArgs,
    }

    async fn greet(_message: Message, _cx: Context) -> Result<Reply, Failure> {
        Ok(Reply::text("hello"))
    }
    let component = |name| Component::new(name).destination("shared").on("greet", handler_fn(greet));
    let config = file(&valid().text());
    let line = Line::parse_from(["check", "--json", "--config-file", config.path().to_str().unwrap()]);
    let mut out = Vec::new();
    run(&line.args, &[component("one"), component("two")], &mut out);
    let report: serde_json::Value = serde_json::from_slice(&out).unwrap();
    assert_eq!(report["exit_code"], 64, "{report}");
    let told = report["steps"][0]["detail"].as_str().unwrap();
    assert!(told.contains("\"one\"") && told.contains("\"two\"") && told.contains("noload"), "{told}");
}

#[tokio::test]
async fn machines_get_one_object_with_or_without_mistakes() {
    let good = check(&valid(), &["--json"]).await;
    let good: serde_json::Value = serde_json::from_str(&good.text).unwrap();
    assert_eq!((&good["ok"], &good["exit_code"]), (&true.into(), &0.into()));
    assert_eq!(good["steps"][1]["step"], "platform");
    let bad = check(&valid().set("resilient", "port", "many"), &["--json"]).await;
    let told: serde_json::Value = serde_json::from_str(&bad.text).unwrap();
    assert_eq!((bad.code, &told["exit_code"]), (64, &64.into()));
    assert_eq!(told["steps"][0]["outcome"], "failed");
    assert!(told["steps"][0]["detail"].as_str().unwrap().contains("port"), "{told}");
}

#[tokio::test]
async fn help_and_manual_name_every_exit_code_and_what_happens_to_messages() {
    let manual = include_str!("../../docs/check.md");
    let help = check(&AppConfig::empty(), &["--help"]).await;
    help.assert_ok();
    for code in [0, 1, 20, 21, 22, 23, 24, 25, 30, 31, 32, 33, 64] {
        let line = help.text.lines().find(|line| line.starts_with(&format!("  {code:>2}  ")));
        assert!(line.is_some(), "{code} is missing in:\n{}", help.text);
        assert!(manual.contains(&format!("\n| {code} | ")), "{code} is missing in docs/check.md");
    }
    let one_line = help.text.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(one_line.contains("is not acknowledged") && manual.contains("not acknowledged"), "{one_line}");
}

#[tokio::test]
async fn a_file_that_is_not_utf8_says_what_it_looks_like() {
    let text = "[resilient]\nhost = h\n# caf";
    let utf16: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let latin = [text.as_bytes(), &[0xe9]].concat();
    let nulls = [text.as_bytes(), &[0; 200]].concat();
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("other.config");
    for (bytes, line, looks) in [(latin, 3, "Latin-1"), (utf16, 1, "UTF-16"), (nulls, 3, "200 NUL bytes")] {
        std::fs::write(&path, bytes).unwrap();
        let checked = check(&valid(), &["--config-file", path.to_str().unwrap()]).await;
        assert_eq!(checked.code, 64, "{}", checked.text);
        let place = format!("other.config:{line}: ");
        assert!(checked.text.contains(&place) && checked.text.contains(looks), "{}", checked.text);
    }
}
