//! What the shell gave is read as what the handler asks for; app.config's sections count for the handler that is meant.

use super::{RECORDED, component, file, invoke_in, process, reply, run_in_process, text};
use action_component::inputs::{Date, TextArea};
use action_processor::component::{Component, Context, Failure, Message, Reply, function_fn, handler_fn};
use serde::Deserialize;
use serde_json::{Value, json};
use std::{fs, path::Path};

#[derive(Deserialize)]
struct Everything {
    text: Option<String>,
    whole: Option<i64>,
    small: Option<u8>,
    decimal: Option<f64>,
    flag: Option<bool>,
    when: Option<Date>,
    area: Option<TextArea>,
    any: Option<Value>,
    level: Option<Level>,
}

#[derive(Deserialize, Debug)]
enum Level {
    #[serde(rename = "5")]
    Five,
    High,
}

fn typed() -> Component {
    let read = async |given: Everything, _: Context| {
        Ok::<_, Failure>(json!({
            "text": given.text, "whole": given.whole, "small": given.small, "decimal": given.decimal,
            "flag": given.flag, "when": given.when, "area": given.area, "any": given.any,
            "level": given.level.map(|level| format!("{level:?}")),
        }))
    };
    let set = async |given: Everything, _: Context| Ok(Reply::text(given.text.unwrap_or_default()));
    let needy = async |_: Message, cx: Context| Ok::<_, Failure>(json!({ "url": cx.section().get("url") }));
    Component::new("typed")
        .function("read", function_fn(read))
        .function("url", function_fn(needy))
        .on("Set It", handler_fn(set))
}

fn invoke(arguments: &[&str], code: u8) -> String {
    let all = [arguments, &["--mock", RECORDED]].concat();
    run_in_process(&all, &[typed(), component()], code)
}

/// What the handler read of `input`, under its name.
fn read(input: &str) -> Value {
    let name = input.split_once('=').unwrap().0.trim_end_matches(':');
    let printed = invoke(&["read", input], 0);
    reply(&printed)["results"]["content"][name].clone()
}

#[test]
fn what_is_asked_for_as_text_is_the_text() {
    for given in
        ["12345", "true", "192.168", "-0", "007", "1.50", "1e5", "12345678901234567890123", "x=y", "0x1F"]
    {
        assert_eq!(read(&format!("text={given}")), json!(given));
        assert_eq!(read(&format!("area={given}"))["content"], json!(given));
    }
    assert_eq!(read("level=5"), "Five");
    assert_eq!(read("level=High"), "High");
    assert_eq!(read("text="), Value::Null);
}

#[test]
fn what_is_asked_for_as_a_number_or_boolean_is_one() {
    for (input, expected) in [
        ("whole=-5", json!(-5)),
        ("whole=007", json!(7)),
        ("small=255", json!(255)),
        ("decimal=1", json!(1.0)),
        ("decimal=1e5", json!(100_000.0)),
        ("decimal=1.50", json!(1.5)),
        ("flag=true", json!(true)),
        ("flag=false", json!(false)),
    ] {
        assert_eq!(read(input), expected, "{input}");
    }
    for (input, why) in [("whole=five", "a text"), ("small=256", "256"), ("flag=5", "the number 5")] {
        let printed = invoke(&["read", input], 1);
        assert!(printed.contains(why), "{input}: {printed}");
    }
}

#[test]
fn an_iso_date_is_a_date() {
    for (given, milliseconds) in [
        ("2024-01-02", 1_704_153_600_000_i64),
        ("2024-01-02T03:04:05Z", 1_704_164_645_000),
        ("2024-01-02T03:04:05", 1_704_164_645_000),
        ("2024-01-02 03:04:05", 1_704_164_645_000),
        ("2024-01-02T05:04:05+02:00", 1_704_164_645_000),
        ("1704164645000", 1_704_164_645_000),
    ] {
        assert_eq!(read(&format!("when={given}")), json!(milliseconds), "{given}");
        assert_eq!(read(&format!("whole={given}")), json!(milliseconds), "{given}");
    }
    assert_eq!(read("text=2024-01-02"), "2024-01-02");
    let printed = invoke(&["read", "when=tomorrow"], 1);
    assert!(printed.contains("expected a date"), "{printed}");
}

#[test]
fn json_stays_what_it_is() {
    assert_eq!(read("any:=5"), json!(5));
    assert_eq!(read("any:=\"5\""), json!("5"));
    assert_eq!(read("any=5"), json!(5));
    let printed = invoke(&["read", "text:=5"], 1);
    assert!(printed.contains("input text: came the number 5"), "{printed}");
}

#[test]
fn activity_fields_are_read_alike() {
    assert_eq!(reply(&invoke(&["set_it", "text=12345"], 0))["message"], "12345");
}

#[test]
fn an_input_that_the_handler_does_not_read_is_named() {
    let output = process(&["say_hello", "nmae=Joe", "name=12345", "--mock", RECORDED]);
    assert!(text(&output.stdout).contains("hello, 12345"), "{output:?}");
    let complaint = text(&output.stderr);
    assert!(complaint.contains("nmae") && !complaint.contains("name,"), "{complaint}");
    assert_eq!(output.status.code(), Some(0));
    let output = process(&["say_hello", "name=Joe", "--mock", RECORDED]);
    assert_eq!(text(&output.stderr), "");
}

#[test]
fn a_result_as_input_stands_for_its_inputs() {
    for other in [r#""metrics": {"package": "x"}"#, r#""content": {"row": {"id": 93}}"#] {
        let sample = format!(
            r#"{{"version": 2.0, "success": true, {other}, "inputs": {{"whole": 2101, "any": {{"id": 0}}}}}}"#
        );
        let (_directory, path) = file(&sample);
        let content = &reply(&invoke(&["read", "--input", &path], 0))["results"]["content"];
        assert_eq!((&content["whole"], &content["any"]), (&json!(2101), &json!({ "id": 0 })));
    }
    let (_directory, path) = file(r#"{"inputs": "of another kind", "whole": 1}"#);
    assert_eq!(reply(&invoke(&["read", "--input", &path], 0))["results"]["content"]["whole"], 1);
}

#[test]
fn an_input_file_in_another_encoding_is_read_or_named() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("given.json");
    let given = path.to_str().unwrap();
    fs::write(&path, b"\xEF\xBB\xBF{\"whole\": 3}").unwrap();
    assert_eq!(reply(&invoke(&["read", "--input", given], 0))["results"]["content"]["whole"], 3);
    let utf16: Vec<u8> = "\u{feff}{}".encode_utf16().flat_map(u16::to_le_bytes).collect();
    for (bytes, why) in
        [(utf16.as_slice(), "UTF-16"), (b"{\"name\": \"Zo\xEB\"}", "not UTF-8 text (byte 12)")]
    {
        fs::write(&path, bytes).unwrap();
        let output = process(&["say_hello", "--input", given, "--mock", RECORDED]);
        assert!(text(&output.stderr).contains(why), "{output:?}");
        assert_eq!(output.status.code(), Some(64));
    }
}

#[test]
fn a_torn_recording_does_not_hide_the_others() {
    let directory = tempfile::tempdir().unwrap();
    for (name, body) in [
        ("200_JSON_GET__rest_orgs_201_users_115__2026-01-12T09-30-00.250000", "{\"enabled\": true}"),
        ("ActionMessage_Act On It_2026-01-12T09-30-00.250000", "{"),
    ] {
        fs::write(directory.path().join(name), body).unwrap();
    }
    let printed = invoke_in(directory.path(), &["act_on_it"], 0);
    assert!(printed.contains("GET /users/115 → 200"), "{printed}");
}

/// An app.config in a directory of its own.
fn app_config(contents: &str) -> (tempfile::TempDir, String) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("app.config");
    fs::write(&path, contents).unwrap();
    let path = path.to_str().unwrap().to_owned();
    (directory, path)
}

#[test]
fn with_recordings_the_components_section_counts() {
    let (_directory, path) = app_config("[typed]\nurl = https://a.example\n");
    let url = |arguments: &[&str]| {
        let printed = invoke(&[&["url", "--config-file", &path], arguments].concat(), 0);
        reply(&printed)["results"]["content"]["url"].clone()
    };
    assert_eq!(url(&[]), "https://a.example");
    assert_eq!(url(&["--set", "typed.url=https://b.example"]), "https://b.example");
}

#[test]
fn a_secret_in_the_section_is_masked_and_a_missing_one_named() {
    let (_directory, path) = app_config("[typed]\nurl = https://joe:pass-4711@a.example\n");
    let printed = invoke(&["url", "--config-file", &path], 0);
    assert!(!printed.contains("pass-4711"), "{printed}");
    let (_directory, path) = app_config("[typed]\nurl = ^not_there\n[mine]\nkey = ^not_there_either\n");
    invoke(&["url", "--config-file", &path], 64);
    // Of other components' sections nothing is asked.
    invoke(&["read", "--config-file", &path, "--set", "typed.url=x"], 0);
}

#[test]
fn an_app_config_that_cannot_be_read_is_said_so() {
    let (_directory, path) = app_config("url = before any section\n");
    invoke(&["url", "--config-file", &path], 64);
    invoke(&["url", "--config-file", "/nowhere/app.config"], 64);
    assert!(!Path::new("/nowhere/app.config").exists());
}
