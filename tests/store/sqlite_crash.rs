//! The file survives the death of its process at any moment.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use action_processor::store::{Journal, SqliteStore, Standing, StoreError, SyncMode};

use super::child::{self, Working};
use super::sqlite::Directory;
use super::suite::{Place, answer, key};

#[tokio::test]
async fn whatever_was_kept_survives_a_kill() {
    let directory = Directory::new();
    let mut child = Working::start(&[], "store::sqlite_crash::works_until_it_is_killed", &directory.file());
    let mut lines: Vec<String> = std::iter::from_fn(|| child.next()).take(3000).collect();
    lines.extend(child.kill());
    let said = |word: &str| -> HashSet<String> {
        lines.iter().filter_map(|line| line.strip_prefix(word)).map(|id| id.trim().to_owned()).collect()
    };
    let (begun, finished) = (said("begun "), said("finished "));
    assert!(finished.len() > 1000, "{}", finished.len());
    let journal = directory.open().await;
    for id in &begun {
        match journal.claim(&key(id)).await.unwrap() {
            Standing::Answered(kept) => assert_eq!(kept, answer(id)),
            // It may have died between keeping the answer and saying so, not the other way round.
            Standing::Interrupted { crashes: 1, note: None } => assert!(!finished.contains(id), "{id}"),
            other => panic!("{id}: {other:?}"),
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
#[ignore = "the other half of whatever_was_kept_survives_a_kill"]
async fn works_until_it_is_killed() {
    let Some(file) = child::file() else { return };
    let journal = open(&file, SyncMode::Interval);
    let workers = (0..8).map(|worker| tokio::spawn(work(journal.clone(), worker)));
    for worker in workers.collect::<Vec<_>>() {
        worker.await.unwrap();
    }
}

async fn work(journal: Journal, worker: usize) {
    for number in 0.. {
        let id = format!("{worker}-{number}");
        journal.begin(&key(&id)).await.unwrap();
        println!("begun {id}");
        journal.finish(&key(&id), answer(&id)).await.unwrap();
        println!("finished {id}");
    }
}

/// A file may not grow beyond a limit: as on a full disk, a write succeeds in part or not at all.
#[tokio::test]
async fn a_full_disk_is_said_and_once_there_is_room_all_goes_on() {
    let directory = Directory::new();
    let limited = ["sh", "-c", r#"trap "" XFSZ; ulimit -S -f 2000; exec "$@""#, "sh"];
    let test = "store::sqlite_crash::writes_until_the_disk_is_full_and_again";
    let mut child = Working::start(&limited, test, &directory.file());
    child.wait_for("refused");
    let pid = child.pid().to_string();
    let lifted = std::process::Command::new("prlimit").args(["--pid", &pid, "--fsize=unlimited"]).status();
    assert!(lifted.unwrap().success());
    let mut kept = String::new();
    while let Some(line) = child.next() {
        if let Some(line) = line.strip_prefix("kept ") {
            kept = line.to_owned();
            break;
        }
    }
    child.kill();
    let kept: usize = kept.parse().unwrap();
    let journal = directory.open().await;
    for number in 0..kept {
        let standing = journal.claim(&key(&number.to_string())).await.unwrap();
        assert!(matches!(standing, Standing::Answered(_)), "{number} of {kept}: {standing:?}");
    }
}

#[tokio::test]
#[ignore = "the other half of a_full_disk_is_said_and_once_there_is_room_all_goes_on"]
async fn writes_until_the_disk_is_full_and_again() {
    let Some(file) = child::file() else { return };
    let journal = open(&file, SyncMode::Interval);
    let long = || {
        let mut long = answer("long");
        long.body = "x".repeat(50_000);
        long
    };
    // One refusal may be cured by moving the log into the file; three in a row are not.
    let (mut kept, mut refusals) = (0, Vec::new());
    while refusals.len() < 3 {
        match journal.finish(&key(&kept.to_string()), long()).await {
            Ok(()) => (kept, refusals) = (kept + 1, Vec::new()),
            Err(error) => refusals.push(error),
        }
    }
    for error in refusals {
        let words = error.to_string();
        assert!(matches!(error, StoreError::Unavailable(_)), "{words}");
        assert!(words.contains("journal.db") && words.contains("disk"), "{words}");
    }
    // What is there can still be read, and nothing is there in part.
    assert!(matches!(journal.claim(&key("0")).await.unwrap(), Standing::Answered(_)));
    assert_eq!(journal.claim(&key(&kept.to_string())).await.unwrap(), Standing::New);
    println!("refused");
    while journal.finish(&key(&kept.to_string()), long()).await.is_err() {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    println!("kept {}", kept + 1);
    // Until it is killed.
    std::future::pending::<()>().await;
}

fn open(file: &std::path::Path, sync: SyncMode) -> Journal {
    Arc::new(SqliteStore::open(file, sync, Duration::from_hours(1)).unwrap())
}
