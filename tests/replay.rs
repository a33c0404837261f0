use action_processor::{
    cli::replay::{ReplayArgs, run},
    component::{Component, Context, Failure, Message, Reply, handler_fn},
};
use clap::{Args, FromArgMatches};
use serde_json::{Value, json};
use std::{
    fs,
    path::Path,
    process::{Command, ExitCode, Output},
};

const RECORDED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/components/add_task/recorded");

fn replay(directory: &Path, flags: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_processor")).arg("replay").arg(directory).args(flags).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// A directory with one message of this action.
fn directory(display_name: &str, body: &Value) -> tempfile::TempDir {
    let directory = tempfile::tempdir().unwrap();
    let name = format!("ActionMessage_{display_name}_2017-03-07T15-07-14.033583");
    fs::write(directory.path().join(name), body.to_string()).unwrap();
    directory
}

#[test]
fn the_first_command_of_the_readme_prints_the_acknowledgement() {
    let output = replay(Path::new(RECORDED), &[]);
    let printed = text(&output.stdout);
    assert!(printed.contains("action complete. task posted. ID 2272955"), "{printed}");
    assert!(printed.contains("REST            POST /incidents/4573/tasks → 200"), "{printed}");
    assert_eq!((output.status.code(), text(&output.stderr)), (Some(0), String::new()));
}

#[test]
fn it_prints_the_same_each_time() {
    let runs = [(); 2].map(|()| text(&replay(Path::new(RECORDED), &[]).stdout));
    assert_eq!(runs[0], runs[1]);
}

#[test]
fn a_call_that_was_not_recorded_is_named_in_the_error_and_exits_1() {
    let directory = tempfile::tempdir().unwrap();
    for file in fs::read_dir(RECORDED).unwrap().map(Result::unwrap) {
        if !file.file_name().to_string_lossy().contains("_tasks_") {
            fs::copy(file.path(), directory.path().join(file.file_name())).unwrap();
        }
    }
    let output = replay(directory.path(), &[]);
    let printed = text(&output.stdout);
    assert!(printed.contains("was not recorded") && printed.contains(r#""message_type":1"#), "{printed}");
    assert_eq!(output.status.code(), Some(1));
}

#[test]
fn a_handler_that_only_answers_needs_no_rest_response() {
    let directory = directory("Say Hello", &json!({ "action_id": 1, "properties": { "name": "Åsa 😀" } }));
    let output = replay(directory.path(), &[]);
    assert!(text(&output.stdout).contains("hello, Åsa 😀"), "{output:?}");
    assert_eq!(output.status.code(), Some(0));
}

#[test]
fn an_unknown_action_is_answered_with_the_handlers_there_are() {
    let directory = directory("Brew Coffee", &json!({ "action_id": 9 }));
    let output = replay(directory.path(), &[]);
    let printed = text(&output.stdout);
    assert!(printed.contains("brew_coffee"), "{printed}");
    assert!(printed.contains("add_task: add_task; hello: say_hello; set_last_updated:"), "{printed}");
    assert_eq!(output.status.code(), Some(1));
}

#[test]
fn another_destination_can_be_named() {
    let output = replay(Path::new(RECORDED), &["--destination", "hello"]);
    let printed = text(&output.stdout);
    assert!(printed.contains("Its handlers there: say_hello."), "{printed}");
    assert_eq!(output.status.code(), Some(1));
}

#[test]
fn a_directory_that_cannot_be_used_is_named() {
    let empty = tempfile::tempdir().unwrap();
    let missing = empty.path().join("missing");
    for (directory, why) in [(missing.as_path(), "cannot be read"), (empty.path(), "holds no message")] {
        let output = replay(directory, &[]);
        let complaint = text(&output.stderr);
        assert!(complaint.contains(why), "{complaint}");
        assert!(complaint.contains(&*directory.to_string_lossy()), "{complaint}");
        assert_eq!(output.status.code(), Some(1));
    }
}

#[test]
fn a_torn_recording_is_named_and_the_others_are_replayed() {
    let directory = tempfile::tempdir().unwrap();
    let body = r#"{"action_id": 34, "properties": {"name": "Joe"}}"#;
    for (time, bytes) in [
        ("01.000000", [b"\xEF\xBB\xBF".as_slice(), body.as_bytes()].concat()),
        ("02.000000", body.as_bytes()[..20].to_vec()),
        ("03.000000", body.as_bytes().to_vec()),
        ("04.000000", "\u{feff}{}".encode_utf16().flat_map(u16::to_le_bytes).collect()),
    ] {
        let name = format!("ActionMessage_Say Hello_2026-01-01T00-00-{time}");
        fs::write(directory.path().join(name), bytes).unwrap();
    }
    // A response that was saved with a byte order mark names the action.
    let actions = b"\xEF\xBB\xBF{\"entities\": [{\"id\": 34, \"name\": \"Say Hello\"}]}";
    fs::write(
        directory.path().join("200_JSON_GET__rest_orgs_201_actions__2026-01-01T00-00-00.000000"),
        actions,
    )
    .unwrap();
    let output = replay(directory.path(), &[]);
    let (printed, complaint) = (text(&output.stdout), text(&output.stderr));
    assert_eq!(printed.matches("hello, Joe").count(), 2, "{printed}");
    for words in ["00-00-02.000000: a recorded message must be JSON", "00-00-04.000000", "UTF-16"] {
        assert!(complaint.contains(words), "{words}: {complaint}");
    }
    assert_eq!((output.status.code(), complaint.lines().count()), (Some(1), 2), "{complaint}");
}

/// In this process, with a component that tells its section.
fn replay_in_process(arguments: &[&str], code: u8) -> String {
    let greet = async |_: Message, cx: Context| {
        Ok::<_, Failure>(Reply::text(cx.section().get("greeting").unwrap_or("none")))
    };
    let components = [
        Component::new("greeter").on("Greet", handler_fn(greet)),
        Component::new("other").on("Other", handler_fn(greet)),
    ];
    let command = ReplayArgs::augment_args(clap::Command::new("replay").no_binary_name(true));
    let matches = command.try_get_matches_from(arguments).unwrap();
    let mut out = Vec::new();
    let ended = run(&ReplayArgs::from_arg_matches(&matches).unwrap(), &components, &mut out);
    let printed = text(&out);
    assert_eq!(format!("{ended:?}"), format!("{:?}", ExitCode::from(code)), "{printed}");
    printed
}

#[test]
fn the_section_of_app_config_counts_and_a_setting_more() {
    let directory = directory("Greet", &json!({ "action_id": 1 }));
    let file = directory.path().join("my.config");
    let (recorded, given) = (directory.path().to_str().unwrap(), file.to_str().unwrap());
    fs::write(&file, "[greeter]\ngreeting = good day\n[other]\ngreeting = ^not_there\n").unwrap();
    let with_file = [recorded, "--config-file", given];
    let printed = replay_in_process(&with_file, 0);
    assert!(printed.contains(r#""good day""#), "{printed}");
    let printed = replay_in_process(&[&with_file[..], &["--set", "greeter.greeting=hi"]].concat(), 0);
    assert!(printed.contains(r#""hi""#), "{printed}");
    fs::write(&file, "[greeter]\ngreeting = ^not_there\n").unwrap();
    assert_eq!(replay_in_process(&with_file, 64), "");
    assert_eq!(replay_in_process(&[recorded, "--set", "gretter.greeting=hi"], 64), "");
}

#[test]
fn a_secret_of_the_section_is_masked() {
    let directory = directory("Greet", &json!({ "action_id": 1 }));
    let file = directory.path().join("my.config");
    fs::write(&file, "[greeter]\ngreeting = hush-4711\npassword = hush-4711\n").unwrap();
    let printed =
        replay_in_process(&[directory.path().to_str().unwrap(), "--config-file", file.to_str().unwrap()], 0);
    assert!(printed.contains("***") && !printed.contains("hush-4711"), "{printed}");
}

#[test]
fn a_setting_that_would_have_no_effect_is_refused() {
    for (setting, why) in [("greeting", "SECTION.KEY=VALUE"), ("hallo.greeting=x", "hello")] {
        let output = replay(Path::new(RECORDED), &["--set", setting]);
        assert!(text(&output.stderr).contains(why), "{output:?}");
        assert!(!output.status.success());
    }
}
