//! How many messages a second the journal takes: 64 callers, each `begin`, `finish`, `confirmed`, over and over.
//!
//! ```text
//! cargo bench --bench store
//! STORE=postgres://user:password@localhost/bench cargo bench --bench store
//! ```
#![allow(clippy::expect_used, reason = "a bench that cannot go on panics")]

use std::time::{Duration, Instant};

use action_processor::store::{Answer, Journal, Key, Settings, SyncMode, Url, open};

const CALLERS: usize = 64;
const TIME: Duration = Duration::from_secs(3);

#[tokio::main]
async fn main() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    for sync in [SyncMode::Interval, SyncMode::Always] {
        let url = match std::env::var("STORE") {
            Ok(url) => url.parse().expect("STORE is a [store] url"),
            Err(_) => Url::Sqlite(directory.path().join(format!("{sync:?}.db"))),
        };
        let settings =
            Settings { url, sync, keep: Duration::from_hours(1), lease: Duration::from_secs(15), tls: None };
        let journal = open(&settings).await.expect("the journal opens");
        let begun = Instant::now();
        let callers: Vec<_> =
            (0..CALLERS).map(|caller| tokio::spawn(work(journal.clone(), caller, begun))).collect();
        let mut pairs = 0;
        for caller in callers {
            pairs += caller.await.expect("a caller ends");
        }
        let seconds = begun.elapsed().as_secs_f64();
        println!("{} sync = {sync:?}: {:.0} pairs/s", settings.url, f64::from(pairs) / seconds);
        journal.close().await;
    }
}

async fn work(journal: Journal, caller: usize, begun: Instant) -> u32 {
    let run = fastrand::u64(..);
    let mut pairs = 0;
    while begun.elapsed() < TIME {
        let key = Key {
            destination: "actions.201.fn_set_last_updated".to_owned(),
            id: format!("ID:broker.example-40001-1700000000000-2:{run}:{caller}:1:{pairs}"),
        };
        let answer = Answer {
            reply_to: "acks.201.fn_set_last_updated".to_owned(),
            correlation_id: Some(format!("invid:{pairs}")),
            body: "x".repeat(200),
        };
        journal.claim(&key).await.expect("a claim is answered");
        journal.begin(&key).await.expect("a beginning is kept");
        journal.finish(&key, answer).await.expect("an answer is kept");
        journal.confirmed(&key);
        pairs += 1;
    }
    pairs
}
