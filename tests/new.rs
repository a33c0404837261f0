//! `processor new`: what it refuses, and that what it makes builds, passes its tests and runs.

use serde_json::json;
use std::{
    fs,
    path::Path,
    process::{Command, Output},
};

const SOURCES: &str = env!("CARGO_MANIFEST_DIR");

fn new(directory: &Path, arguments: &[&str]) -> Output {
    let processor = env!("CARGO_BIN_EXE_processor");
    Command::new(processor).arg("new").args(arguments).current_dir(directory).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// All that is in `directory`, hidden files too.
fn names(directory: &Path) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(directory)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[test]
fn it_makes_a_project_and_says_what_comes_next() {
    let directory = tempfile::tempdir().unwrap();
    let output = new(directory.path(), &["fire_drill"]);
    assert!(output.status.success(), "{output:?}");
    let printed = text(&output.stdout);
    for words in ["cd fire_drill", "cargo test", "fire_drill_count_words", "check --connect"] {
        assert!(printed.contains(words), "{printed}");
    }
    let project = directory.path().join("fire_drill");
    assert_eq!(names(directory.path()), ["fire_drill"]);
    for file in ["Cargo.toml", "Cargo.lock", "README.md", "src/lib.rs", "src/main.rs", "tests/fire_drill.rs"]
    {
        let contents = fs::read_to_string(project.join(file)).unwrap();
        assert!(
            !contents.contains("my_component") && !contents.contains("My Component"),
            "{file}: {contents}"
        );
    }
    assert!(fs::read_to_string(project.join("src/lib.rs")).unwrap().contains("Fire Drill Note"));
    assert!(
        names(&project.join("recorded"))
            .iter()
            .any(|name| name.starts_with("ActionMessage_Fire Drill Note_"))
    );
    let manifest = fs::read_to_string(project.join("Cargo.toml")).unwrap();
    let daemon = format!("action-processor = {{ path = {}, default-features = false }}", json!(SOURCES));
    assert!(manifest.contains(&daemon) && !manifest.contains("# {"), "{manifest}");
}

#[test]
fn a_name_that_will_not_do_is_refused_and_nothing_is_written() {
    let directory = tempfile::tempdir().unwrap();
    let long = "a".repeat(51);
    for (name, why, instead) in [
        ("", "empty", "my_component"),
        ("My-Component", "lower-case letters", "my_component"),
        ("Jira Cloud", "lower-case letters", "jira_cloud"),
        ("défense", "lower-case letters", "my_component"),
        ("../escape/", "current directory", "escape"),
        ("/tmp/Fire Drill", "current directory", "fire_drill"),
        ("..", "lower-case letters", "my_component"),
        ("7up", "begin with a letter", "component_7up"),
        ("_x", "begin with a letter", "x"),
        (long.as_str(), "longer", "my_component"),
        ("async", "Rust", "async_component"),
        ("test", "Rust", "test_component"),
        ("tokio", "depends on", "tokio_component"),
        ("processor", "program", "processor_component"),
        ("resilient", "app.config", "resilient_component"),
    ] {
        let output = new(directory.path(), &["--", name]);
        let told = text(&output.stderr);
        assert!(told.contains(why) && told.ends_with(&format!("; try {instead}\n")), "{name}: {told}");
        assert_eq!((output.status.code(), names(directory.path())), (Some(64), vec![]), "{name}");
    }
}

#[test]
fn what_is_there_already_is_left_alone() {
    let directory = tempfile::tempdir().unwrap();
    fs::create_dir(directory.path().join("taken")).unwrap();
    fs::write(directory.path().join("a_file"), "mine").unwrap();
    std::os::unix::fs::symlink("nowhere", directory.path().join("a_link")).unwrap();
    for name in ["taken", "a_file", "a_link"] {
        let output = new(directory.path(), &[name]);
        assert!(text(&output.stderr).contains("already there"), "{output:?}");
        assert_eq!(output.status.code(), Some(64));
    }
    assert_eq!(names(directory.path()), ["a_file", "a_link", "taken"]);
    assert_eq!(names(&directory.path().join("taken")), Vec::<String>::new());
}

#[test]
fn a_directory_that_is_not_the_processors_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join("Cargo.toml"), "[package]\nname = \"other\"\n").unwrap();
    for (path, why) in [("missing", "No such file"), (".", "not of the package")] {
        let output = new(directory.path(), &["mine", "--path", path]);
        assert!(text(&output.stderr).contains(why), "{output:?}");
        assert_eq!(output.status.code(), Some(64));
    }
    assert_eq!(names(directory.path()), ["Cargo.toml"]);
}

#[test]
fn it_does_not_become_a_member_of_the_processors_own_workspace() {
    let output = new(&Path::new(SOURCES).join("components"), &["stranger"]);
    assert!(text(&output.stderr).contains("somewhere else"), "{output:?}");
    assert_eq!(output.status.code(), Some(64));
    assert!(!Path::new(SOURCES).join("components/stranger").exists());
}

/// What the build keeps for tests. It outlives them, so that the next run compiles next to nothing.
const KEPT: &str = env!("CARGO_TARGET_TMPDIR");

/// As the project's own .cargo/config.toml has it: what was compiled for the processor is not compiled again.
fn target() -> &'static Path {
    Path::new(KEPT).parent().unwrap()
}

/// Runs cargo in `project`; that it succeeds.
fn cargo(project: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    // What the test was built with is not the project's.
    let ours = std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("CARGO_"));
    for (name, _) in ours.filter(|(name, _)| name != "CARGO_HOME") {
        command.env_remove(name);
    }
    let output = command
        .args(arguments)
        .env("CARGO_TARGET_DIR", target())
        .env_remove("RUST_BACKTRACE")
        .current_dir(project)
        .output()
        .unwrap();
    assert!(output.status.success(), "{arguments:?}: {}\n{}", text(&output.stdout), text(&output.stderr));
    output
}

#[test]
fn the_project_builds_passes_its_tests_and_runs_offline() {
    // In the same place each time: cargo tells packages apart by where they are.
    let directory = Path::new(KEPT).join("new-project");
    let _first_time = fs::remove_dir_all(&directory);
    fs::create_dir_all(&directory).unwrap();
    assert!(new(&directory, &["fire_drill", "--path", SOURCES]).status.success());
    let project = directory.join("fire_drill");

    let tested = text(&cargo(&project, &["test", "--offline"]).stdout);
    assert!(tested.contains("test result: ok. 4 passed"), "{tested}");

    let run = ["run", "--offline", "--quiet", "--"];
    let replayed = text(&cargo(&project, &[&run[..], &["replay", "recorded"]].concat()).stdout);
    assert!(replayed.contains("POST /incidents/2095/comments → 200"), "{replayed}");
    assert!(replayed.contains("note 17 written"), "{replayed}");

    let arguments =
        ["invoke", "fire_drill_count_words", "text=to be or not", "shortest=3", "--mock", "recorded"];
    let invoked = text(&cargo(&project, &[&run[..], &arguments].concat()).stdout);
    assert!(invoked.contains(r#""longest": "not""#), "{invoked}");

    let listed = text(&cargo(&project, &[&run[..], &["list"]].concat()).stdout);
    assert_eq!(listed.lines().count(), 1, "only its own component: {listed}");
}
