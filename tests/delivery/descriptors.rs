//! A process that may have few file descriptors.

use super::{PATIENCE, World};
use crate::support::{
    broker::Broker,
    platform_queue::{Message, PlatformQueue},
    processor::{AppConfig, Processor},
};
use serde_json::json;
use stand_in_platform::{Fault, Weather};
use std::time::Duration;

/// More calls at once than there are descriptors for connections.
#[tokio::test(flavor = "multi_thread")]
async fn too_few_descriptors_are_waited_for_and_named_once() {
    let (broker, world) = (Broker::shared().await, World::new().await);
    let queue = PlatformQueue::open(broker, "descriptors").await;
    let config = world.config(broker, "set_last_updated", "descriptors");
    world.platform.weather(Weather::of(1.0, [Fault::delay(Duration::from_millis(300))]));
    let mut processor = Processor::limited(&config, "ulimit -n 24");
    processor.wait_for_log("ready: taking messages", PATIENCE).await;
    let updated = |incident: i64| {
        let body = json!({ "action_id": 2, "object_type": 0, "incident": { "id": incident }, "properties": {},
            "user": { "id": 115, "email": "user@example.com" }, "type_info": {} });
        Message::new(body.to_string())
    };
    for incident in 1..=60 {
        world
            .platform
            .add_incident(json!({ "id": incident, "name": "x", "properties": { "last_updated": null } }));
    }
    queue.post_all((1..=60).map(updated)).await;
    let answers = queue.answers(60, PATIENCE).await;
    let failed: Vec<_> = answers.iter().filter(|answer| answer.json()["message_type"] != 0).collect();
    assert!(failed.is_empty(), "{failed:?}");
    let errors: Vec<String> =
        processor.log().into_iter().filter(|line| line.contains("ERROR") || line.contains("WARN")).collect();
    let [error] = errors.as_slice() else { panic!("{errors:?}") };
    assert!(error.contains("no file descriptors left") && error.contains("LimitNOFILE"), "{error}");
    assert!(processor.stop(PATIENCE).await.success());
}

#[tokio::test]
async fn the_soft_limit_of_descriptors_is_raised_to_the_hard_one() {
    let config = AppConfig::empty()
        .set("resilient", "host", "127.0.0.1")
        .set("resilient", "port", "1")
        .set("resilient", "api_key_id", "id")
        .set("resilient", "api_key_secret", "hushhush");
    let processor = Processor::limited(&config, "ulimit -S -n 64; ulimit -H -n 128");
    processor.wait_for_log("the platform cannot be used yet", PATIENCE).await;
    let limits = std::fs::read_to_string(format!("/proc/{}/limits", processor.id())).unwrap();
    let open = limits.lines().find(|line| line.starts_with("Max open files")).unwrap();
    let numbers: Vec<&str> = open.split_whitespace().skip(3).take(2).collect();
    assert_eq!(numbers, ["128", "128"]);
}
