//! The unit file, by the judgement of `systemd-analyze`; machines without it skip these.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use tempfile::TempDir;

#[test]
fn the_unit_is_one_that_systemd_accepts_without_a_warning() {
    let (_dir, unit) = unit_with_this_binary();
    let Some(output) = analyze(&["verify", "--man=no", "--recursive-errors=no"], &unit) else { return };
    let complaints = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && complaints.is_empty(), "{complaints}");
}

#[test]
fn the_unit_is_exposed_to_no_more_than_two_of_ten() {
    let (_dir, unit) = unit_with_this_binary();
    let arguments = ["security", "--no-pager", "--offline=true", "--threshold=20"];
    let Some(output) = analyze(&arguments, &unit) else { return };
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
}

#[test]
fn the_unit_leaves_no_core_dump() {
    let (_dir, unit) = unit_with_this_binary();
    let text = fs::read_to_string(&unit).unwrap();
    let service = text.split_once("[Service]").unwrap().1.split_once("[Install]").unwrap().0;
    let limits: Vec<&str> = service.lines().filter(|line| line.starts_with("LimitCORE")).collect();
    assert_eq!(limits, ["LimitCORE=0"]);
    // Memory is the operator's to limit: advice only.
    for advice in ["#MemoryHigh=", "#MemoryMax="] {
        assert_eq!(service.lines().filter(|line| line.starts_with(advice)).count(), 1, "{advice}");
    }
}

#[test]
fn what_the_journal_reads_from_standard_error_has_a_priority() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("stderr");
    let stderr = fs::File::create(&path).unwrap();
    let metadata = stderr.metadata().unwrap();
    for (stream, starts) in [
        (format!("{}:{}", metadata.dev(), metadata.ino()), "<3>processor: the configuration"),
        ("8:1".to_owned(), "processor: the configuration"),
    ] {
        stderr.set_len(0).unwrap();
        let mut check = Command::new(env!("CARGO_BIN_EXE_processor"));
        check.arg("check").current_dir(&dir).env_clear().env("JOURNAL_STREAM", stream);
        let output = fs::OpenOptions::new().append(true).open(&path).unwrap();
        assert_eq!(check.stderr(output).status().unwrap().code(), Some(64));
        let written = fs::read_to_string(&path).unwrap();
        assert!(written.starts_with(starts), "{written}");
    }
}

/// The unit as shipped, but for the place where the binary is installed.
fn unit_with_this_binary() -> (TempDir, PathBuf) {
    let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("systemd/processor.service");
    let text = fs::read_to_string(shipped).unwrap();
    let dir = tempfile::tempdir().unwrap();
    let unit = dir.path().join("processor.service");
    fs::write(&unit, text.replace("/usr/local/bin/processor", env!("CARGO_BIN_EXE_processor"))).unwrap();
    (dir, unit)
}

fn analyze(arguments: &[&str], unit: &Path) -> Option<Output> {
    let output = Command::new("systemd-analyze").args(arguments).arg(unit).output();
    if output.is_err() {
        eprintln!("skipped: systemd-analyze is not installed");
    }
    output.ok()
}
