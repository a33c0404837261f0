//! What happens to the file itself: written in parts, replaced, deleted; and what its new values must not give away.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

use tempfile::TempDir;

use crate::{
    delivery::{PATIENCE, World, hello},
    support::{
        broker::Broker,
        platform_queue::PlatformQueue,
        processor::{AppConfig, Processor},
    },
};

/// The shipped `hello` at `queue`, running.
async fn running(queue: &str) -> (World, PlatformQueue, AppConfig, Processor) {
    let (broker, world) = (Broker::shared().await, World::new().await);
    let queue_there = PlatformQueue::open(broker, queue).await;
    let config = world.config(broker, "hello", queue);
    let processor = Processor::run(&config);
    processor.wait_for_log("ready", PATIENCE).await;
    (world, queue_there, config, processor)
}

async fn assert_answers(queue: &PlatformQueue, count: usize) {
    queue.post(hello("you")).await;
    let answers = queue.answers(count, PATIENCE).await;
    assert_eq!(answers.last().unwrap().json()["message"], "hello, you");
}

/// Puts `config` in the file's place, as careful editors and configuration managers do.
fn replace(processor: &Processor, config: &AppConfig) {
    let new = processor.dir().join("app.config.new");
    fs::write(&new, config.text()).unwrap();
    fs::rename(new, processor.config_file()).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn of_several_signals_in_quick_succession_the_last_ones_file_is_in_force() {
    let (_world, queue, config, mut processor) = running("quick_signals").await;
    for workers in 3..10 {
        let config = config.clone().set("resilient", "num_workers", &workers.to_string());
        replace(&processor, &config.set("resilient", "reload", "false"));
        processor.signal("HUP");
    }
    let last = processor.wait_for_log("now=9", PATIENCE).await;
    assert!(last.contains("num_workers"), "{last}");
    assert_answers(&queue, 1).await;
    assert!(processor.stop(PATIENCE).await.success());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_was_replaced_is_taken_up_and_one_that_was_deleted_leaves_all_as_it_is() {
    let (_world, queue, config, mut processor) = running("replaced").await;
    replace(&processor, &config.clone().set("resilient", "num_workers", "7"));
    processor.wait_for_log("now=7", PATIENCE).await;
    fs::remove_file(processor.config_file()).unwrap();
    processor.signal("HUP");
    let line = processor.wait_for_log("keeps the one it has", PATIENCE).await;
    assert!(line.contains("app.config") && line.contains("cannot be read"), "{line}");
    assert_answers(&queue, 1).await;
    fs::write(processor.config_file(), config.set("resilient", "num_workers", "8").text()).unwrap();
    processor.wait_for_log("now=8", PATIENCE).await;
    assert_answers(&queue, 2).await;
    assert!(processor.stop(PATIENCE).await.success());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_odd_about_a_new_file_is_warned_of_and_a_journal_that_cannot_be_is_refused() {
    let (_world, _queue, config, mut processor) = running("odd").await;
    replace(
        &processor,
        &config.clone().set("resilient", "noload", "add_task,set_last_updated,no_such_thing"),
    );
    let line = processor.wait_for_log("no_such_thing, which is no component", PATIENCE).await;
    assert!(line.contains("WARN"), "{line}");
    replace(&processor, &config.set("store", "url", "postgres://localhost/journal?sslmode=maybe"));
    let line = processor.wait_for_log("keeps the one it has", PATIENCE).await;
    assert!(line.contains("sslmode"), "{line}");
    assert!(processor.stop(PATIENCE).await.success());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_that_came_with_a_reload_is_neither_logged_nor_recorded() {
    const SECRET: &str = "brand-new-and-never-to-be-shown";
    let (broker, world) = (Broker::shared().await, World::new().await);
    let queue = PlatformQueue::open(broker, "new_secret").await;
    let recorded = TempDir::new().unwrap();
    let config = world.config(broker, "hello", "new_secret").set("resilient", "loglevel", "TRACE").set(
        "resilient",
        "log_http_responses",
        &recorded.path().display().to_string(),
    );
    let mut processor = Processor::run(&config);
    processor.wait_for_log("ready", PATIENCE).await;
    replace(&processor, &config.set("hello", "api_token", SECRET));
    processor.wait_for_log("[hello] api_token", PATIENCE).await;
    queue.post(hello(SECRET)).await;
    queue.answers(1, PATIENCE).await;
    assert!(processor.stop(PATIENCE).await.success());
    assert!(!processor.log().join("\n").contains(SECRET));
    let recordings: Vec<PathBuf> =
        fs::read_dir(recorded.path()).unwrap().map(|file| file.unwrap().path()).collect();
    let contents: Vec<String> = recordings.iter().map(|file| fs::read_to_string(file).unwrap()).collect();
    assert!(contents.iter().any(|text| text.contains("\"name\": \"***\"")), "{recordings:?}");
    assert!(!contents.iter().any(|text| text.contains(SECRET)));
}

/// A command that prints a secret, and never ends once the file `hang` is beside it.
fn keeper_of_secrets(directory: &Path) -> PathBuf {
    let (script, hang) = (directory.join("keeper"), directory.join("hang"));
    let text = format!("#!/bin/sh\n[ -e {} ] && exec sleep 90\necho kept-by-a-command\n", hang.display());
    fs::write(&script, text).unwrap();
    fs::set_permissions(&script, fs::Permissions::from_mode(0o700)).unwrap();
    script
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_command_that_hangs_holds_up_neither_the_messages_nor_the_end() {
    let (broker, world) = (Broker::shared().await, World::new().await);
    let queue = PlatformQueue::open(broker, "hanging").await;
    let directory = TempDir::new().unwrap();
    let command = keeper_of_secrets(directory.path());
    let config = world
        .config(broker, "hello", "hanging")
        .set("resilient", "secret_command", &command.display().to_string())
        .set("hello", "api_token", "^anything");
    let mut processor = Processor::run(&config);
    processor.wait_for_log("ready", PATIENCE).await;
    fs::write(directory.path().join("hang"), "").unwrap();
    processor.signal("HUP");
    assert_answers(&queue, 1).await;
    assert!(processor.stop(PATIENCE).await.success());
}
