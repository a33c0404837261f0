//! What stands in the guide for authors besides Rust: commands are run, sections of app.config are checked, what is typed
//! into the playground is answered. The Rust is compiled by the crate `guide` (`cargo test --doc -p guide`).

mod blocks;

use self::blocks::{Block, GUIDE};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use tempfile::TempDir;

/// Kinds of blocks, each of which is tried below, or in the crate `guide`.
const KINDS: [&str; 5] = ["rust", "rust,no_run", "console", "ini", "playground"];

/// What is run by nobody, and why.
const NOT_RUN: [(&str, &str); 1] = [(
    "cargo build --release",
    "takes minutes, and says no more than `cargo build`, which `cargo run` has done",
)];

/// What the sections of the guide refer to.
const SECRETS: [&str; 3] = ["LOOKUP_KEY", "SOAR_KEY", "TICKETS_KEY"];

/// What the reader has filled in by then, where a block leaves it out.
const FILLED_IN: [(&str, &str); 4] = [
    ("PROCESSOR__RESILIENT__HOST", "soar.example.com"),
    ("PROCESSOR__RESILIENT__ORG", "Example"),
    ("PROCESSOR__RESILIENT__API_KEY_ID", "x"),
    ("PROCESSOR__RESILIENT__API_KEY_SECRET", "y"),
];

fn processor() -> Command {
    Command::new(env!("CARGO_BIN_EXE_processor"))
}

/// Cargo's directory, in which the tests were built too.
fn target() -> PathBuf {
    let built = Path::new(env!("CARGO_BIN_EXE_processor"));
    built.ancestors().nth(2).unwrap().to_owned()
}

fn text(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

#[test]
fn every_block_is_of_a_kind_that_is_tried() {
    for Block { place, kind, .. } in blocks::all() {
        assert!(KINDS.contains(&kind.as_str()), "{place}: {kind:?}");
    }
}

#[test]
fn every_chapter_is_compiled_and_in_the_index() {
    let compiled = std::fs::read_to_string(Path::new(GUIDE).join("../../tests/guide/src/lib.rs")).unwrap();
    let index = std::fs::read_to_string(Path::new(GUIDE).join("README.md")).unwrap();
    for chapter in blocks::chapters() {
        assert!(compiled.contains(&format!("\"{chapter}\"")), "tests/guide/src/lib.rs lacks {chapter}");
        assert!(
            chapter == "README.md" || index.contains(&format!("({chapter})")),
            "the index lacks {chapter}"
        );
    }
}

#[test]
fn every_link_leads_somewhere() {
    for chapter in blocks::chapters() {
        for link in blocks::links(&chapter) {
            let (file, heading) = link.split_once('#').unwrap_or((&link, ""));
            let file = if file.is_empty() { &chapter } else { file };
            let path = Path::new(GUIDE).join(file);
            assert!(path.exists(), "{chapter}: {link}");
            let found = heading.is_empty() || blocks::headings(&path).iter().any(|known| known == heading);
            assert!(found, "{chapter}: {link}; {file} has {:?}", blocks::headings(&path));
        }
    }
}

#[test]
fn every_configuration_is_accepted() {
    for Block { place, text: section, .. } in blocks::of_kind("ini") {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("app.config"), &section).unwrap();
        let platform = FILLED_IN.into_iter().filter(|_| !section.contains("host ="));
        let secrets = SECRETS.map(|name| (name, "a-secret-of-the-guide"));
        let mut check = processor();
        let output =
            check.arg("check").current_dir(dir.path()).envs(secrets).envs(platform).output().unwrap();
        let text = text(&output);
        assert!(output.status.success() && !text.contains("unknown"), "{place}\n{section}\n{text}");
    }
}

#[test]
fn every_command_of_the_other_chapters_runs_in_a_new_project() {
    let (dir, project) = new_project();
    for block in
        blocks::of_kind("console").into_iter().filter(|block| !block.place.starts_with("first-run.md"))
    {
        for command in block.commands().filter(|command| !NOT_RUN.iter().any(|(name, _)| name == command)) {
            let output = Command::new("sh")
                .args(["-c", command])
                .current_dir(&project)
                .envs(FILLED_IN)
                .env("CARGO_TARGET_DIR", target())
                .env("HOME", dir.path())
                .env("CARGO_HOME", at_home("CARGO_HOME", ".cargo"))
                .env("RUSTUP_HOME", at_home("RUSTUP_HOME", ".rustup"))
                .output()
                .unwrap();
            assert!(output.status.success(), "{}: {command}\n{}", block.place, text(&output));
        }
    }
}

/// From nothing to an answered function, on a real broker.
#[test]
fn the_first_run_is_as_the_guide_says() {
    let script = Path::new(GUIDE).join("first-run.sh");
    let output = Command::new(script).arg("--here").env("CARGO_TARGET_DIR", target()).output().unwrap();
    assert!(output.status.success(), "{}", text(&output));
    println!("{}", text(&output));
}

#[test]
fn the_first_run_takes_ten_commands_at_most() {
    let first_run = |block: &Block| block.place.starts_with("first-run.md");
    let typed = 1;
    let blocks = blocks::of_kind("console");
    let commands: Vec<&str> =
        blocks.iter().filter(|block| first_run(block)).flat_map(Block::commands).collect();
    assert!(commands.len() + typed <= 10, "{commands:#?}");
}

fn new_project() -> (TempDir, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let output = processor().args(["new", "my_component"]).current_dir(dir.path()).output().unwrap();
    assert!(output.status.success(), "{}", text(&output));
    let project = dir.path().join("my_component");
    (dir, project)
}

/// Where cargo and rustup have what is theirs; the home directory of these commands is empty, so that no app.config is found
/// in it.
fn at_home(variable: &str, directory: &str) -> PathBuf {
    let home = || PathBuf::from(std::env::var_os("HOME").unwrap()).join(directory);
    std::env::var_os(variable).map_or_else(home, PathBuf::from)
}
