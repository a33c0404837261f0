//! What stands in README.md, docs and the components' READMEs besides Rust: commands are run, sections of app.config are
//! checked, what is typed into the playground is answered, what is said to be printed is printed. The Rust is compiled by the
//! crate `guide` (`cargo test --doc -p guide`). A block that nothing of this tries makes a test fail.

mod blocks;
mod vendor;

use self::blocks::{Block, GUIDE};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use tempfile::TempDir;

/// Kinds of blocks of the guide, each of which is tried below, or in the crate `guide`.
const KINDS: [&str; 5] = ["rust", "rust,no_run", "console", "ini", "playground"];

/// Blocks of other pages, but for sections of app.config, and what tries them: a test of this module, or a file that names
/// the page.
const ELSEWHERE: [(&str, &str, &str); 16] = [
    ("README.md", "console", "each_command_of_the_other_pages_is_tried"),
    ("README.md", "text", "the_first_command_prints_what_the_readme_shows"),
    ("README.md", "rust", "tests/guide/src/lib.rs"),
    ("README.md", "rust,no_run", "tests/guide/src/lib.rs"),
    ("ARCHITECTURE.md", "text", "nothing: it is a drawing"),
    ("components/hello/README.md", "rust,no_run", "tests/guide/src/lib.rs"),
    ("components/add_task/README.md", "console", "each_command_of_the_other_pages_is_tried"),
    ("components/escalation/README.md", "json", "what_is_shown_as_json_is_json"),
    ("docs/check.md", "text", "nothing: it depends on the platform what is printed; see the module `check`"),
    ("docs/operating.md", "console", "each_command_of_the_other_pages_is_tried"),
    ("docs/operating.md", "logrotate", "tests/startup/files.rs"),
    ("docs/operating.md", "sh", "tests/startup/secret_store.rs"),
    ("docs/guide/deploying.md", "sh", "tests/startup/waiting.rs"),
    ("docs/testing.md", "rust", "components/api/tests/testing/guide.rs"),
    ("docs/testing.md", "text", "the_test_kits_complaint_begins_as_shown"),
    ("docs/testing.md", "toml", "the_manifest_of_a_new_project_has_what_tests_take"),
];

/// Commands of pages other than the guide, which no test of this module runs.
const TRIED_ELSEWHERE: [(&str, &str); 10] = [
    ("./test", "is what runs this"),
    ("cargo run -- new my_component", "is the third of the first run"),
    ("processor check --connect", "needs a platform: the module `check`"),
    ("processor run", "needs a platform: the module `delivery`"),
    ("processor dead list", "the module `dead`"),
    ("sudo ", "needs root; the unit itself is tried by the module `systemd`"),
    ("sudoedit ", "needs root, and somebody who types"),
    ("systemctl status ", "needs a systemd that runs it"),
    ("cargo build --release && sudo ", "needs root"),
    (
        "cargo run -- invoke my_component_count_words text=\"to be or not\"",
        "needs a platform: the module `invoke`",
    ),
];

/// What is run by nobody, and why.
const NOT_RUN: [(&str, &str); 2] = [
    (
        "cargo build --release",
        "takes minutes, and says no more than `cargo build`, which `cargo run` has done",
    ),
    (
        "docker ",
        "needs a container engine and base images; the module `container` runs the program as an image would",
    ),
];

/// What the sections refer to.
const SECRETS: [&str; 5] = ["LOOKUP_KEY", "REPUTATION_API_KEY", "SCANNER_KEY", "SOAR_KEY", "TICKETS_KEY"];

/// What they refer to as systemd's credentials.
const CREDENTIALS: [&str; 1] = ["api_key_secret"];

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
    let module = include_str!("mod.rs");
    for block in blocks::all() {
        let (place, kind) = (block.place(), block.kind.as_str());
        if kind == "ini" || (block.is_of_the_guide() && KINDS.contains(&kind)) {
            continue;
        }
        let by = ELSEWHERE.iter().find(|(page, of_kind, _)| *page == block.page && *of_kind == kind);
        let (_, _, by) = by.unwrap_or_else(|| panic!("{place}: nothing tries this block of kind {kind:?}"));
        let is_tried = match by.ends_with(".rs") {
            true => std::fs::read_to_string(blocks::at(by)).unwrap().contains(&block.page),
            false => by.starts_with("nothing") || module.contains(&format!("fn {by}()")),
        };
        assert!(is_tried, "{place}: {by} does not try it");
    }
}

#[test]
fn whatever_tries_a_block_of_another_page_has_one_to_try() {
    let blocks = blocks::all();
    for (page, kind, _) in ELSEWHERE {
        assert!(blocks.iter().any(|block| block.page == page && block.kind == kind), "{page}: {kind}");
    }
}

#[test]
fn each_command_of_the_other_pages_is_tried() {
    let dir = tempfile::tempdir().unwrap();
    let blocks = blocks::of_kind("console");
    let (guide, others): (Vec<_>, Vec<_>) = blocks.iter().partition(|block| block.is_of_the_guide());
    let of_the_guide: Vec<&str> = guide.iter().flat_map(|block| block.commands()).collect();
    for (block, command) in
        others.iter().flat_map(|block| block.commands().map(move |command| (block, command)))
    {
        let elsewhere = |(begin, _): &(&str, &str)| {
            command == *begin || (begin.ends_with(' ') && command.starts_with(begin))
        };
        if of_the_guide.contains(&command) || TRIED_ELSEWHERE.iter().any(elsewhere) {
            continue;
        }
        let arguments =
            command.strip_prefix("processor ").or_else(|| command.strip_prefix("cargo run --release -- "));
        let arguments = arguments.unwrap_or_else(|| panic!("{}: nothing tries {command}", block.place()));
        // What is named lies in the clone; what is written goes to the directory.
        let arguments = arguments.split(' ').map(|word| match blocks::at(word).exists() {
            true => blocks::at(word),
            false => word.into(),
        });
        let output =
            processor().args(arguments).current_dir(dir.path()).env("HOME", dir.path()).output().unwrap();
        assert!(output.status.success(), "{}: {command}\n{}", block.place(), text(&output));
    }
}

#[test]
fn the_first_command_prints_what_the_readme_shows() {
    let shown = blocks::of_kind("text").into_iter().find(|block| block.page == "README.md").unwrap();
    let recorded = blocks::at("components/add_task/recorded");
    let output = processor().arg("replay").arg(recorded).output().unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stdout), shown.text);
}

#[test]
fn what_is_shown_as_json_is_json() {
    for block in blocks::of_kind("json") {
        let read = serde_json::from_str::<serde_json::Value>(&block.text);
        assert!(read.is_ok(), "{}: {read:?}", block.place());
    }
}

#[test]
fn the_test_kits_complaint_begins_as_shown() {
    let shown = blocks::of_kind("text").into_iter().find(|block| block.page == "docs/testing.md").unwrap();
    let kit = std::fs::read_to_string(blocks::at("components/api/src/testing/platform.rs")).unwrap();
    assert!(kit.contains(shown.text.lines().next().unwrap()));
}

#[test]
fn the_manifest_of_a_new_project_has_what_tests_take() {
    let (_dir, project) = new_project();
    let manifest = std::fs::read_to_string(project.join("Cargo.toml")).unwrap();
    let (_, development) = manifest.split_once("[dev-dependencies]").unwrap();
    let shown = blocks::of_kind("toml").into_iter().find(|block| block.page == "docs/testing.md").unwrap();
    for line in shown.text.lines().filter(|line| !line.starts_with('[')) {
        let (name, _) = line.split_once(" = ").unwrap();
        assert!(
            development.contains(&format!("{name} = ")) || manifest.contains(&format!("\n{name} = ")),
            "{line}"
        );
    }
    assert!(
        development.contains("features = [\"testing\"]") && shown.text.contains("features = [\"testing\"]")
    );
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
    for block in blocks::of_kind("ini") {
        let (place, section) = (block.place(), &block.text);
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("app.config"), section).unwrap();
        CREDENTIALS.iter().for_each(|name| std::fs::write(dir.path().join(name), "a-credential").unwrap());
        let platform = FILLED_IN.into_iter().filter(|_| !section.contains("host ="));
        let secrets = SECRETS.map(|name| (name, "a-secret-of-the-guide"));
        let mut check = processor();
        check.arg("check").current_dir(dir.path()).env("CREDENTIALS_DIRECTORY", dir.path());
        let output = check.envs(secrets).envs(platform).output().unwrap();
        let text = text(&output);
        assert!(output.status.success() && !text.contains("unknown"), "{place}\n{section}\n{text}");
    }
}

#[test]
fn every_command_of_the_other_chapters_runs_in_a_new_project() {
    let (dir, project) = new_project();
    let of_other_chapters = |block: &Block| block.is_of_the_guide() && !is_first_run(block);
    for block in blocks::of_kind("console").into_iter().filter(of_other_chapters) {
        for command in block.commands().filter(|command| {
            !NOT_RUN
                .iter()
                .any(|(name, _)| command == name || (name.ends_with(' ') && command.starts_with(name)))
        }) {
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
            assert!(output.status.success(), "{}: {command}\n{}", block.place(), text(&output));
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
    let typed = 1;
    let blocks = blocks::of_kind("console");
    let commands: Vec<&str> =
        blocks.iter().filter(|block| is_first_run(block)).flat_map(Block::commands).collect();
    assert!(commands.len() + typed <= 10, "{commands:#?}");
}

fn is_first_run(block: &Block) -> bool {
    block.page == "docs/guide/first-run.md"
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
