//! A database that stops, is killed, or stays away; a processor that is killed beside another.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use action_processor::store::{Journal, Settings, Standing, StoreError, SyncMode, open};

use super::child::{self, Working};
use super::postgres::Database;
use super::suite::{answer, key};
use crate::support::postgres::Postgres;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_kept_is_there_after_the_database_was_stopped_and_killed() {
    let mut server = Postgres::start().await;
    let database = Database::at(server.database().await);
    let settings = Settings { sync: SyncMode::Always, ..database.settings(Duration::from_secs(15)) };
    let journal = open(&settings).await.unwrap();
    let done = Arc::new(AtomicBool::new(false));
    let workers: Vec<_> =
        (0..8).map(|worker| tokio::spawn(work(journal.clone(), worker, Arc::clone(&done)))).collect();
    for _ in 0..2 {
        tokio::time::sleep(Duration::from_millis(200)).await;
        server.stop().await;
        server.restart().await;
        tokio::time::sleep(Duration::from_millis(200)).await;
        server.kill().await;
        server.restart().await;
    }
    done.store(true, Ordering::Relaxed);
    for (worker, worked) in workers.into_iter().enumerate() {
        let count = worked.await.unwrap();
        assert!(count > 0);
        for number in 0..count {
            let standing = journal.claim(&key(&format!("{worker}-{number}"))).await.unwrap();
            assert_eq!(standing, Standing::Answered(answer("1")), "{worker}-{number} of {count}");
        }
    }
}

/// Gives how many were carried out. Nothing fails: it only takes longer.
async fn work(journal: Journal, worker: usize, done: Arc<AtomicBool>) -> usize {
    let mut count = 0;
    while !done.load(Ordering::Relaxed) {
        let key = key(&format!("{worker}-{count}"));
        let standing = journal.claim(&key).await.unwrap();
        // Whether a question was heard before the connection broke is not known: it may have been.
        assert!(matches!(standing, Standing::New | Standing::Waiting { note: None }), "{standing:?}");
        journal.begin(&key).await.unwrap();
        journal.finish(&key, answer("1")).await.unwrap();
        count += 1;
    }
    count
}

#[tokio::test]
async fn a_database_that_stays_away_is_said_after_a_while_and_once_it_is_back_all_goes_on() {
    let mut server = Postgres::start().await;
    let database = Database::at(server.database().await);
    let journal = open(&database.settings(Duration::from_millis(500))).await.unwrap();
    journal.claim(&key("1")).await.unwrap();
    server.stop().await;
    let error = journal.begin(&key("1")).await.unwrap_err();
    assert!(matches!(error, StoreError::Unavailable(_)), "{error:?}");
    assert!(error.to_string().contains("postgres://127.0.0.1:"), "{error}");
    assert!(matches!(journal.dead(0).await, Err(StoreError::Unavailable(_))));
    server.restart().await;
    journal.begin(&key("1")).await.unwrap();
    journal.finish(&key("1"), answer("1")).await.unwrap();
    assert!(journal.dead(0).await.unwrap().is_empty());
}

#[tokio::test]
async fn what_a_killed_processor_had_is_taken_over_when_its_lease_has_passed() {
    let url = Postgres::shared().await.database().await;
    let database = Database::at(url.clone());
    let test = "store::postgres_faults::works_until_it_is_killed";
    let mut child = Working::start(&[], test, Path::new(&url));
    child.wait_for("begun");
    let journal = database.processor().await;
    assert!(matches!(journal.claim(&key("1")).await.unwrap(), Standing::Elsewhere { .. }));
    child.kill();
    let standing = loop {
        match journal.claim(&key("1")).await.unwrap() {
            Standing::Elsewhere { retry_in } => tokio::time::sleep(retry_in).await,
            standing => break standing,
        }
    };
    assert_eq!(standing, Standing::Interrupted { crashes: 1, note: None });
}

#[tokio::test]
#[ignore = "the other half of what_a_killed_processor_had_is_taken_over_when_its_lease_has_passed"]
async fn works_until_it_is_killed() {
    let Some(url) = child::file() else { return };
    let database = Database::at(url.display().to_string());
    let journal = open(&database.settings(Duration::from_secs(1))).await.unwrap();
    journal.claim(&key("1")).await.unwrap();
    journal.begin(&key("1")).await.unwrap();
    println!("begun");
    std::future::pending::<()>().await;
}
