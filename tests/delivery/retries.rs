//! Dead letters that are carried out again.

use super::{
    PATIENCE, World,
    handlers::{Daemon, Floor},
    journal::dead,
};
use crate::support::broker::Broker;
use action_processor::store::{DeadLetter, Journal, Key, Settings, SyncMode, Url, open, open_beside};
use serde_json::json;
use std::time::{Duration, SystemTime};

fn settings(world: &World) -> Settings {
    let url = Url::StateDirectory(world.state.path().to_owned());
    let (keep, lease) = (Duration::from_hours(1), Duration::from_secs(30));
    Settings { url, sync: SyncMode::Interval, keep, lease, tls: None }
}

/// Sets aside messages of "Slow" for `queue`, each of so many bytes, and asks for all of them again.
async fn asked_for(world: &World, queue: &str, letters: usize, bytes: usize) {
    let journal = open(&settings(world)).await.unwrap();
    let body = json!({
        "action_id": 4, "object_type": 0, "incident": { "id": 4573 }, "properties": { "large": "x".repeat(bytes) },
        "user": { "id": 115, "email": "user@example.com" }, "type_info": {},
    });
    for number in 0..letters {
        let key = Key { destination: format!("actions.201.{queue}"), id: number.to_string() };
        let letter = DeadLetter {
            number: 0,
            key,
            since: SystemTime::now(),
            reason: "it crashed the process twice".to_owned(),
            headers: Vec::new(),
            body: body.to_string().into_bytes(),
            answer: None,
        };
        let number = journal.bury(letter).await.unwrap();
        assert!(journal.ask_retry(number).await.unwrap());
    }
    journal.close().await;
}

/// How many stand in the list.
async fn listed(journal: &Journal) -> usize {
    journal.dead(0).await.unwrap().len()
}

#[tokio::test(flavor = "multi_thread")]
async fn retried_letters_take_room_as_any_message() {
    let (broker, world, floor) = (Broker::shared().await, World::new().await, Floor::new());
    asked_for(&world, "retried", 10, 1 << 20).await;
    let config = world.config(broker, "floor", "retried").set("resilient", "max_bytes_at_work", "4194304");
    let daemon = Daemon::run(&config, floor.component("retried"));
    for _ in 0..3 {
        floor.one_begun().await;
    }
    let journal = open_beside(&settings(&world)).await.unwrap();
    // Three are at work, and one may be waiting for room.
    assert!(listed(&journal).await >= 6);
    floor.finish.add_permits(10);
    while floor.done() < 10 || listed(&journal).await > 0 {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    daemon.signal(action_processor::signals::Signal::Stop).await;
    daemon.ended().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_letter_that_ends_the_process_is_not_tried_for_ever() {
    let (broker, world, floor) = (Broker::shared().await, World::new().await, Floor::new());
    asked_for(&world, "retry_died", 1, 1).await;
    let config = world.config(broker, "floor", "retry_died");
    let workers = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let daemon = Daemon::with_workers(&config, floor.component("retry_died"), workers.handle().clone());
    floor.one_begun().await;
    daemon.dies(workers).await;
    let _daemon = Daemon::run(&config, floor.component("retry_died"));
    let journal = open_beside(&settings(&world)).await.unwrap();
    let back = async {
        while listed(&journal).await == 0 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(PATIENCE, back).await.unwrap();
    assert!(dead(&config, &["show", "1"]).await.contains("the process ended while it was carried out again"));
    // Once its cause is mended, it is carried out.
    floor.finish.add_permits(1);
    dead(&config, &["retry", "1"]).await;
    floor.one_begun().await;
}
