//! The log: its lines, what stands in them, and what never does.

use action_processor::{
    config::LogFormat,
    logging::{Redactor, with_writer},
    secret::Secret,
};
use base64::{Engine, engine::general_purpose::STANDARD};
use proptest::prelude::*;
use serde_json::Value;
use std::{
    io,
    sync::{Arc, Mutex, PoisonError},
};
use tracing::{debug, error, info, info_span, subscriber::with_default, warn};
use tracing_subscriber::fmt::writer::BoxMakeWriter;

#[test]
fn a_line_of_text_has_time_level_module_message_and_fields() {
    let log = text(|| info!(attempt = 3, host = "soar", note = "two words", ok = true, "connected"));
    let (time, rest) = log.split_at(23);
    let shape: String = time.chars().map(|c| if c.is_ascii_digit() { '0' } else { c }).collect();
    assert_eq!(shape, "0000-00-00 00:00:00,000");
    assert_eq!(rest, " INFO [processor::logging] connected attempt=3 host=soar note=\"two words\" ok=true\n");
}

#[test]
fn every_line_says_which_message_it_is_about() {
    let log = text(|| {
        let _message = info_span!("message", message_id = "ID:1", incident = tracing::field::Empty).entered();
        tracing::Span::current().record("incident", 2095);
        let _step = info_span!("step", action = "add_task", message_id = "inner").entered();
        warn!(action = "own", "slow");
    });
    assert!(
        log.ends_with(" WARN [processor::logging] slow action=own message_id=inner incident=2095\n"),
        "{log}"
    );
}

#[test]
fn a_line_of_json_is_one_object() {
    let log = json(|| {
        let _message = info_span!("message", message_id = "ID:1").entered();
        info!(attempt = 3, "two\nlines");
    });
    let line: Value = serde_json::from_str(&log).unwrap();
    assert_eq!((&line["level"], &line["message"]), (&"INFO".into(), &"two\nlines".into()));
    assert_eq!((&line["attempt"], &line["message_id"]), (&3.into(), &"ID:1".into()));
    assert!(line["timestamp"].as_str().unwrap().ends_with('Z'));
    assert_eq!(log.lines().count(), 1);
}

#[test]
fn no_value_can_forge_a_line() {
    let evil = "x\n2026-11-22 02:37:00,123 ERROR [root] pwned\r\n\u{1b}[2K\u{2028}\u{85}\u{202e}\" a=b";
    for log in
        [text(|| info!(evil, "{evil}")), json(|| info!(evil, "{evil}")), text(|| info!(?evil, %evil, "x"))]
    {
        assert_eq!(log.lines().count(), 1, "{log:?}");
        let only_end = log.find(|c: char| c.is_control()) == Some(log.len() - 1);
        assert!(only_end, "{log:?}");
    }
    assert!(!text(|| info!(evil, "x")).contains(['\u{2028}', '\u{202e}']));
}

#[test]
fn an_error_is_told_with_its_causes() {
    #[derive(Debug, thiserror::Error)]
    #[error("cannot connect")]
    struct Outer(#[source] io::Error);
    let error = Outer(io::Error::other("no route"));
    let log = text(|| error!(error = &error as &dyn std::error::Error, "down"));
    assert!(log.ends_with("down error=\"cannot connect: no route\"\n"), "{log}");
}

#[test]
fn levels_are_chosen_by_module() {
    let levels = "warn,noisy::part=debug".parse().unwrap();
    let log = capture(levels, LogFormat::Text, &[], || {
        info!("not this");
        debug!(target: "noisy::part::deeper", "but this");
        debug!(target: "noisy", "nor this");
    });
    assert!(log.contains("but this") && log.lines().count() == 1, "{log}");
}

#[test]
fn a_secret_is_masked_wherever_and_however_it_stands() {
    for secret in
        ["s3cret-s3cret", "p\"a\\s's\nw", "pässwörd🔑", "a+b/c d=e&f%", "<tag>&amp;", "\u{1}\u{2}\u{3}x"]
    {
        for format in [LogFormat::Text, LogFormat::Json] {
            let log = capture(levels(), format, &[secret], || tell(secret));
            assert_hidden(&log, secret);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn any_secret_is_masked(secret in "[\\PC\\x00-\\x1f\"\\\\%]{4,12}") {
        for format in [LogFormat::Text, LogFormat::Json] {
            let log = capture(levels(), format, &[&secret], || tell(&secret));
            assert_hidden(&log, &secret);
        }
    }
}

/// A secret in every disguise that the daemon is likely to give it.
fn tell(secret: &str) {
    let json = serde_json::json!({"password": secret}).to_string();
    let basic = STANDARD.encode(format!("id:{secret}"));
    let percent = percent_encoding::utf8_percent_encode(secret, percent_encoding::NON_ALPHANUMERIC);
    info!(secret, "plain {secret} and {secret}{secret}");
    info!(?secret, "debugged {secret:?}");
    info!(%json, body = json, "JSON {json}");
    info!(inner = ?json, nested = serde_json::json!([json]).to_string(), "JSON inside JSON");
    info!(%percent, "percent-encoded");
    info!(header = %format!("Basic {basic}"), "base64 {basic}");
    for before in ["", "a", "ab", "abc"] {
        info!(token = STANDARD.encode(format!("{before}{secret}after")), "inside other base64");
    }
    let _span = info_span!("span", secret).entered();
    info!("in a span's field");
}

fn assert_hidden(log: &str, secret: &str) {
    let json = Value::from(secret).to_string();
    let core = STANDARD.encode(format!("id:{secret}"));
    let percent =
        percent_encoding::utf8_percent_encode(secret, percent_encoding::NON_ALPHANUMERIC).to_string();
    for form in [secret, json.trim_matches('"'), &format!("{secret:?}"), &core, &percent] {
        assert!(!log.contains(form), "{form:?} is in {log}");
    }
    assert!(log.lines().all(|line| line.contains("***")), "{log}");
}

#[test]
fn json_stays_json_when_secrets_are_masked() {
    let secret = "p\"a\\s's\nw";
    let log = capture(levels(), LogFormat::Json, &[secret], || tell(secret));
    for line in log.lines() {
        let line: Value = serde_json::from_str(line).unwrap();
        assert!(line["message"].is_string());
    }
}

#[test]
fn short_secrets_would_give_themselves_away_and_are_not_masked() {
    let log = capture(levels(), LogFormat::Text, &["abc", "", "true"], || info!(ok = true, "abcabc"));
    assert!(log.ends_with("abcabc ok=true\n"), "{log}");
}

#[test]
fn a_redactor_learns_more_while_it_is_in_use() {
    let redactor = Redactor::default();
    let shared = redactor.clone();
    assert_eq!(redactor.mask("session-1"), "session-1");
    shared.add(&Secret::from("session-1"));
    assert_eq!(redactor.mask("a session-1 b session-1session-1"), "a *** b ***");
    assert!(!format!("{redactor:?}").contains("session-1"));
}

fn text(events: impl FnOnce()) -> String {
    capture(levels(), LogFormat::Text, &[], events)
}

fn json(events: impl FnOnce()) -> String {
    capture(levels(), LogFormat::Json, &[], events)
}

fn levels() -> tracing_subscriber::filter::Targets {
    "info".parse().unwrap()
}

fn capture(
    levels: tracing_subscriber::filter::Targets,
    format: LogFormat,
    secrets: &[&str],
    events: impl FnOnce(),
) -> String {
    crate::support::log::hear_all_threads();
    let secrets: Vec<Secret> = secrets.iter().map(|secret| Secret::from(*secret)).collect();
    let buffer = Buffer::default();
    let writer = buffer.clone();
    let writer = BoxMakeWriter::new(move || writer.clone());
    with_default(with_writer(levels, format, Redactor::new(&secrets), writer), events);
    let bytes = buffer.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
    String::from_utf8(bytes).unwrap()
}

#[derive(Clone, Default)]
struct Buffer(Arc<Mutex<Vec<u8>>>);

impl io::Write for Buffer {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
