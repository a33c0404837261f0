//! The log file: rotation, failure, and what is written before the end.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking, its helpers included")]

use super::{Redactor, build, file};
use crate::config::{Log, LogFile, LogFormat};
use std::{fs, io, io::Write, os::unix::fs::PermissionsExt, path::Path};
use tracing::{info, subscriber::with_default};

#[test]
fn everything_is_written_when_the_guard_is_dropped() {
    let directory = tempfile::tempdir().unwrap();
    let settings = settings(&directory.path().join("made/on/the/way"), 0, 0);
    let (subscriber, guard, unopened) =
        build(&settings, Redactor::new([&"s3cret".into()]), io::sink(), false);
    assert!(unopened.is_none());
    with_default(subscriber, || (0..1000).for_each(|number| info!(number, password = "s3cret", "event")));
    assert_eq!(guard.dropped_lines(), 0);
    drop(guard);
    let path = directory.path().join("made/on/the/way/app.log");
    let log = fs::read_to_string(&path).unwrap();
    assert_eq!(log.lines().count(), 1000);
    assert!(log.lines().all(|line| line.ends_with("password=***")));
    assert_eq!(fs::metadata(path).unwrap().permissions().mode() & 0o777, 0o640);
}

#[test]
fn the_file_is_set_aside_before_it_grows_too_large_and_old_ones_go() {
    let directory = tempfile::tempdir().unwrap();
    let settings = settings(directory.path(), 100, 2);
    let mut writer = file::open(settings.file.as_ref().unwrap()).unwrap();
    for number in 0..10 {
        writer.write_all(format!("{number}{}\n", "x".repeat(38)).as_bytes()).unwrap();
        writer.flush().unwrap();
    }
    let first = |name| fs::read_to_string(directory.path().join(name)).unwrap().chars().next();
    assert_eq!(first("app.log"), Some('8'));
    assert_eq!(first("app.log.1"), Some('6'));
    assert_eq!(first("app.log.2"), Some('4'));
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 3);
}

#[test]
fn a_directory_that_cannot_be_made_leaves_the_console() {
    let directory = tempfile::tempdir().unwrap();
    let in_the_way = directory.path().join("file");
    fs::write(&in_the_way, "").unwrap();
    let (console, written) = (directory.path().join("console"), directory.path().join("console"));
    let console = fs::File::create(console).unwrap();
    let (subscriber, guard, unopened) =
        build(&settings(&in_the_way, 100_000, 1), Redactor::default(), console, false);
    assert!(unopened.is_some());
    with_default(subscriber, || info!("still here"));
    drop(guard);
    assert!(fs::read_to_string(written).unwrap().contains("still here"));
}

#[test]
fn what_systemds_journal_reads_says_how_bad_it_is_and_the_file_does_not() {
    let directory = tempfile::tempdir().unwrap();
    let written = directory.path().join("console");
    let console = fs::File::create(&written).unwrap();
    let (subscriber, guard, _) = build(&settings(directory.path(), 0, 0), Redactor::default(), console, true);
    with_default(subscriber, || {
        tracing::error!("somebody must act");
        tracing::warn!("it mends itself");
        info!("it lives");
    });
    drop(guard);
    let starts =
        |text: String| text.lines().map(|line| line.chars().take(3).collect()).collect::<Vec<String>>();
    assert_eq!(starts(fs::read_to_string(written).unwrap()), ["<3>", "<4>", "<6>"]);
    let file = fs::read_to_string(directory.path().join("app.log")).unwrap();
    assert!(!file.contains('<') && file.lines().count() == 3, "{file}");
}

/// Fails as a full disk does, then has room again.
struct Full(u32, Vec<u8>);

impl Write for Full {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        if self.0 > 0 {
            self.0 -= 1;
            return Err(io::ErrorKind::StorageFull.into());
        }
        self.1.write(line)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_full_disk_loses_lines_and_nothing_else() {
    let mut full = Full(2, Vec::new());
    let mut writer = file::Steady::new("app.log", &mut full);
    for line in ["one\n", "two\n", "three\n"] {
        assert_eq!(writer.write(line.as_bytes()).unwrap(), line.len());
    }
    assert_eq!(full.1, b"three\n");
}

fn settings(directory: &Path, max_bytes: u64, backups: u64) -> Log {
    let file = LogFile { directory: directory.to_owned(), name: "app.log".to_owned(), max_bytes, backups };
    Log { levels: "info".parse().unwrap(), format: LogFormat::Text, file: Some(file) }
}
