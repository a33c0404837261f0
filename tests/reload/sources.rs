//! Files and secrets that the configuration names are part of it: renewed on the disk, they count.

use std::{fs, os::unix::fs::PermissionsExt, path::Path};

use tempfile::TempDir;

use crate::{
    delivery::{PATIENCE, World, hello},
    support::{
        broker::{API_KEY, Broker},
        certificates::Authority,
        platform_queue::PlatformQueue,
        processor::{AppConfig, Processor},
    },
};

fn written(directory: &TempDir, name: &str, text: &str) -> String {
    let path = directory.path().join(name);
    fs::write(&path, text).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o700)).unwrap();
    path.display().to_string()
}

async fn assert_answers(queue: &PlatformQueue, count: usize) {
    queue.post(hello("you")).await;
    assert_eq!(queue.answers(count, PATIENCE).await[count - 1].json()["message"], "hello, you");
}

/// The CA of another broker, or of this one before it got a new one.
fn another_ca() -> String {
    Authority::new("Another CA").pem()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ca_file_renewed_while_the_broker_is_refused_mends_the_link() {
    let (broker, world, directory) = (Broker::shared().await, World::new().await, TempDir::new().unwrap());
    let queue = PlatformQueue::open(broker, "renewed_ca").await;
    let cafile = written(&directory, "ca.pem", &another_ca());
    let config = world.config(broker, "hello", "renewed_ca").set("resilient", "stomp_cafile", &cafile);
    let mut processor = Processor::run(&config.set("resilient", "reload", "false"));
    let line = processor.wait_for_log("no link to the broker", PATIENCE).await;
    assert!(line.contains("ERROR") && line.contains("ca.pem"), "{line}");
    assert_eq!(line.matches("What to do").count(), 1, "said once: {line}");
    assert_eq!(line.matches("is refused").count(), 1, "said once: {line}");
    let renewed = another_ca() + &fs::read_to_string(broker.ca_file()).unwrap();
    fs::write(&cafile, renewed).unwrap();
    processor.wait_for_log("ready", PATIENCE).await;
    assert_answers(&queue, 1).await;
    assert!(processor.stop(PATIENCE).await.success());
}

#[tokio::test(flavor = "multi_thread")]
async fn contents_count_on_sighup_and_a_bad_file_leaves_the_old_in_force() {
    let (broker, world, directory) = (Broker::shared().await, World::new().await, TempDir::new().unwrap());
    let queue = PlatformQueue::open(broker, "contents").await;
    let ours = fs::read_to_string(broker.ca_file()).unwrap();
    let cafile = written(&directory, "ca.pem", &ours);
    let verify = written(&directory, "verify.pem", &another_ca());
    let config = world
        .config(broker, "hello", "contents")
        .set("resilient", "stomp_cafile", &cafile)
        .set("integrations", "verify", &verify)
        .set("resilient", "reload", "false");
    let mut processor = Processor::run(&config);
    processor.wait_for_log("ready", PATIENCE).await;
    fs::write(&cafile, "-----BEGIN CERTIFICATE-----\nhalf").unwrap();
    processor.signal("HUP");
    let line = processor.wait_for_log("keeps the one it has", PATIENCE).await;
    assert!(line.contains("stomp_cafile") && line.contains("line 1"), "{line}");
    assert_answers(&queue, 1).await;
    fs::write(&cafile, another_ca() + &ours).unwrap();
    processor.signal("HUP");
    let line = processor.wait_for_log("[resilient] stomp_cafile", PATIENCE).await;
    assert!(line.contains("this has changed") && line.contains("contents"), "{line}");
    processor.wait_for_lines("ready", 2, PATIENCE).await;
    assert_answers(&queue, 2).await;
    fs::write(&verify, another_ca()).unwrap();
    processor.signal("HUP");
    processor.wait_for_log("[integrations] verify", PATIENCE).await;
    processor.signal("HUP");
    processor.wait_for_log("nothing has changed", PATIENCE).await;
    assert!(processor.stop(PATIENCE).await.success());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_watcher_sees_renewed_files_and_secrets() {
    let (broker, world, directory) = (Broker::shared().await, World::new().await, TempDir::new().unwrap());
    let _queue = PlatformQueue::open(broker, "watched_files").await;
    let cafile = written(&directory, "ca.pem", &fs::read_to_string(broker.ca_file()).unwrap());
    let secret = written(&directory, "token", "the-first-token");
    let config = world
        .config(broker, "hello", "watched_files")
        .set("resilient", "stomp_cafile", &cafile)
        .set("resilient", "secrets_dir", &directory.path().display().to_string())
        .set("hello", "api_token", "^token");
    let mut processor = Processor::run(&config);
    processor.wait_for_log("ready", PATIENCE).await;
    fs::write(&secret, "the-second-token").unwrap();
    let line = processor.wait_for_log("[hello] api_token", PATIENCE).await;
    assert!(line.contains("***"), "{line}");
    fs::write(&cafile, fs::read_to_string(broker.ca_file()).unwrap() + &another_ca()).unwrap();
    processor.wait_for_log("[resilient] stomp_cafile", PATIENCE).await;
    processor.wait_for_lines("ready", 2, PATIENCE).await;
    assert!(processor.stop(PATIENCE).await.success());
    assert!(!processor.log().join("\n").contains("-token\""));
}

/// Credentials that come from `source`, wrong at first; `mend` makes them right.
async fn rotated(name: &str, set: impl FnOnce(AppConfig) -> AppConfig, mend: impl FnOnce()) {
    let (broker, world) = (Broker::shared().await, World::new().await);
    let queue = PlatformQueue::open(broker, name).await;
    let config = set(world.config(broker, "hello", name)).set("resilient", "reload", "false");
    let mut processor = Processor::run(&config);
    processor.wait_for_log("api_key_secret", PATIENCE).await;
    mend();
    processor.wait_for_log("ready", PATIENCE).await;
    assert_answers(&queue, 1).await;
    assert!(processor.stop(PATIENCE).await.success());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rotated_secret_is_looked_up_again_while_it_is_refused() {
    let directory = TempDir::new().unwrap();
    let secret = written(&directory, "key", "no-longer-this");
    let in_directory = |config: AppConfig| {
        config.set("resilient", "secrets_dir", &directory.path().display().to_string()).set(
            "resilient",
            "api_key_secret",
            "^key",
        )
    };
    rotated("rotated_file", in_directory, || fs::write(&secret, API_KEY.passcode).unwrap()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_command_is_asked_again_while_its_secret_is_refused() {
    let directory = TempDir::new().unwrap();
    let answer = directory.path().join("answer");
    fs::write(&answer, "no-longer-this").unwrap();
    let command = command(&directory, &answer);
    let by_command = |config: AppConfig| {
        config.set("resilient", "secret_command", &command).set("resilient", "api_key_secret", "^key")
    };
    rotated("rotated_command", by_command, || fs::write(&answer, API_KEY.passcode).unwrap()).await;
}

fn command(directory: &TempDir, answer: &Path) -> String {
    written(directory, "keeper", &format!("#!/bin/sh\ncat {}\n", answer.display()))
}
