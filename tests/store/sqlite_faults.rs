//! A file that is broken, torn, foreign, too new, or out of reach.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use action_processor::store::{Answer, Journal, SqliteStore, Standing, StoreError, SyncMode};

use super::sqlite::Directory;
use super::suite::{Place, answer, key};
use crate::support::log::logged;

fn open(file: &Path) -> (Result<SqliteStore, StoreError>, String) {
    logged(|| SqliteStore::open(file, SyncMode::Interval, Duration::from_hours(1)))
}

fn refusal(file: &Path) -> String {
    match open(file).0 {
        Err(StoreError::Unusable(words)) => words,
        other => panic!("{other:?}"),
    }
}

/// The files beside the journal whose names begin with `journal.db.corrupt-`.
fn set_aside(directory: &Directory) -> Vec<std::path::PathBuf> {
    let files = fs::read_dir(directory.file().parent().unwrap()).unwrap().map(|entry| entry.unwrap().path());
    files.filter(|file| file.to_str().unwrap().contains("journal.db.corrupt-")).collect()
}

#[tokio::test]
async fn a_file_that_is_no_database_is_set_aside_and_a_new_one_begun() {
    let directory = Directory::new();
    let before = "once upon a time ".repeat(1000);
    fs::write(directory.file(), &before).unwrap();
    let (journal, log) = open(&directory.file());
    let journal: Journal = Arc::new(journal.unwrap());
    assert!(log.contains("ERROR") && log.contains("may be carried out again"), "{log}");
    let [aside] = set_aside(&directory).try_into().unwrap();
    assert_eq!(fs::read_to_string(&aside).unwrap(), before);
    assert!(log.contains(aside.to_str().unwrap()), "{log}");
    journal.finish(&key("1"), answer("1")).await.unwrap();
    assert_eq!(journal.claim(&key("1")).await.unwrap(), Standing::Answered(answer("1")));
}

#[tokio::test]
async fn a_database_with_a_broken_page_is_set_aside() {
    let directory = Directory::new();
    let journal = directory.open().await;
    for number in 0..200 {
        journal.finish(&key(&number.to_string()), answer("1")).await.unwrap();
    }
    journal.close().await;
    let mut bytes = fs::read(directory.file()).unwrap();
    bytes[4096..].fill(0x5a);
    fs::write(directory.file(), bytes).unwrap();
    let (journal, log) = open(&directory.file());
    let journal: Journal = Arc::new(journal.unwrap());
    assert!(log.contains("the journal is broken"), "{log}");
    assert_eq!(set_aside(&directory).len(), 1);
    assert_eq!(journal.claim(&key("1")).await.unwrap(), Standing::New);
}

#[tokio::test]
async fn a_file_that_breaks_while_it_is_used_is_set_aside() {
    let directory = Directory::new();
    let journal = directory.open().await;
    let long = Answer { body: "x".repeat(10_000), ..answer("1") };
    for number in 0..600 {
        journal.finish(&key(&number.to_string()), long.clone()).await.unwrap();
    }
    journal.close().await;
    let journal = directory.open().await;
    let mut bytes = fs::read(directory.file()).unwrap();
    bytes[4096..].fill(0x5a);
    // In place: the journal keeps the file open.
    let file = fs::OpenOptions::new().write(true).open(directory.file()).unwrap();
    std::os::unix::fs::FileExt::write_all_at(&file, &bytes, 0).unwrap();
    let mut numbers = 0..600;
    let error = loop {
        let number = numbers.next().expect("a broken page is met");
        if let Err(error) = journal.claim(&key(&number.to_string())).await {
            break error.to_string();
        }
    };
    assert!(error.contains("is broken"), "{error}");
    journal.finish(&key("new"), answer("1")).await.unwrap();
    assert_eq!(journal.claim(&key("new")).await.unwrap(), Standing::Answered(answer("1")));
    assert_eq!(set_aside(&directory).len(), 1);
}

/// More than a start may read.
#[tokio::test]
async fn a_large_file_is_looked_over_beside_the_work() {
    let directory = Directory::new();
    let journal = directory.open().await;
    let long = Answer { body: "x".repeat(4_000_000), ..answer("1") };
    for number in 0..12 {
        journal.finish(&key(&number.to_string()), long.clone()).await.unwrap();
    }
    journal.close().await;
    let file = fs::OpenOptions::new().write(true).open(directory.file()).unwrap();
    let end = file.metadata().unwrap().len();
    std::os::unix::fs::FileExt::write_all_at(&file, &[0x5a; 8192], end - 1_000_000).unwrap();
    let (journal, log) = open(&directory.file());
    let journal: Journal = Arc::new(journal.unwrap());
    assert!(!log.contains("is broken"), "{log}");
    while set_aside(&directory).is_empty() {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    journal.finish(&key("new"), answer("1")).await.unwrap();
    assert_eq!(journal.claim(&key("new")).await.unwrap(), Standing::Answered(answer("1")));
    assert_eq!(journal.claim(&key("1")).await.unwrap(), Standing::New);
}

/// Whoever may write the directory could have another file overwritten, or its mode changed.
#[tokio::test]
async fn no_file_is_reached_by_a_link() {
    use std::os::unix::fs::{PermissionsExt, symlink};
    for name in ["journal.db", "journal.lock"] {
        let directory = Directory::new();
        let theirs = directory.file().with_file_name("theirs");
        fs::write(&theirs, "theirs").unwrap();
        fs::set_permissions(&theirs, fs::Permissions::from_mode(0o644)).unwrap();
        symlink(&theirs, directory.file().with_file_name(name)).unwrap();
        let words = refusal(&directory.file());
        assert!(words.contains(name) && words.contains("symbolic link"), "{words}");
        assert_eq!(theirs.metadata().unwrap().permissions().mode() & 0o777, 0o644);
        assert_eq!(fs::read_to_string(&theirs).unwrap(), "theirs");
    }
    // A directory may be reached by one, as /var/run is.
    let (directory, other) = (Directory::new(), Directory::new());
    let link = other.file().with_file_name("link");
    symlink(directory.file().parent().unwrap(), &link).unwrap();
    assert!(open(&link.join("journal.db")).0.is_ok());
}

/// A copy of a journal in use is what a power cut leaves behind.
#[tokio::test]
async fn a_torn_end_is_cut_off_and_the_rest_is_there() {
    let (directory, copy) = (Directory::new(), Directory::new());
    let journal = directory.open().await;
    for number in 0..20 {
        journal.finish(&key(&number.to_string()), answer("1")).await.unwrap();
    }
    let log_of = |directory: &Directory| directory.file().with_file_name("journal.db-wal");
    let log = fs::read(log_of(&directory)).unwrap();
    fs::copy(directory.file(), copy.file()).unwrap();
    for (torn, kept) in
        [(log[..log.len() - 100].to_vec(), 19), (flipped(&log, log.len() - 100), 19), (log, 20)]
    {
        fs::write(log_of(&copy), &torn).unwrap();
        let (journal, said) = open(&copy.file());
        let journal: Journal = Arc::new(journal.unwrap());
        assert_eq!(said.contains("WARN") && said.contains("torn"), kept < 20, "{said}");
        for number in 0..kept {
            let standing = journal.claim(&key(&number.to_string())).await.unwrap();
            assert_eq!(standing, Standing::Answered(answer("1")), "{number} of {kept}");
        }
        if kept < 20 {
            assert_eq!(journal.claim(&key("19")).await.unwrap(), Standing::New);
        }
        assert_eq!(set_aside(&copy).len(), 0);
        copy.die(journal).await;
        fs::copy(directory.file(), copy.file()).unwrap();
        let _ = fs::remove_file(copy.file().with_file_name("journal.db-shm"));
    }
}

fn flipped(bytes: &[u8], at: usize) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    bytes[at] ^= 1;
    bytes
}

#[test]
fn another_programs_database_is_left_alone() {
    let directory = Directory::new();
    let other = rusqlite::Connection::open(directory.file()).unwrap();
    other.execute_batch("CREATE TABLE theirs (x)").unwrap();
    let words = refusal(&directory.file());
    assert!(words.contains("journal.db: this is a database, but no journal"), "{words}");
    assert_eq!(set_aside(&directory).len(), 0);
}

#[tokio::test]
async fn a_newer_versions_journal_is_left_alone() {
    let directory = Directory::new();
    directory.open().await.close().await;
    let newer = rusqlite::Connection::open(directory.file()).unwrap();
    newer.execute_batch("PRAGMA user_version = 99").unwrap();
    drop(newer);
    let words = refusal(&directory.file());
    assert!(words.contains("a newer version") && words.contains("99"), "{words}");
    assert_eq!(set_aside(&directory).len(), 0);
}

#[test]
fn a_missing_directory_is_named_with_what_to_do() {
    let directory = Directory::new();
    let words = refusal(&directory.file().with_file_name("missing").join("journal.db"));
    assert!(words.contains("missing") && words.contains("No such file or directory"), "{words}");
    assert!(words.contains("[store] url"), "{words}");
}

#[test]
fn a_directory_in_place_of_the_file_is_named() {
    let directory = Directory::new();
    fs::create_dir(directory.file()).unwrap();
    let (opened, _) = open(&directory.file());
    assert!(opened.unwrap_err().to_string().contains("journal.db"));
}
