use serde_json::{Value, json};
use std::{
    fs,
    path::Path,
    process::{Command, Output},
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
fn a_setting_that_would_have_no_effect_is_refused() {
    for (setting, why) in [("greeting", "SECTION.KEY=VALUE"), ("hallo.greeting=x", "hello")] {
        let output = replay(Path::new(RECORDED), &["--set", setting]);
        assert!(text(&output.stderr).contains(why), "{output:?}");
        assert!(!output.status.success());
    }
}
