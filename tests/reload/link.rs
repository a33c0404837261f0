//! What else changes together with the link, and what stays although it does not.

use std::{collections::HashMap, fs, os::unix::fs::PermissionsExt, time::Duration};

use action_processor::component::{Component, Context, Handler, Message, Reply, handler_fn};
use serde_json::json;
use tempfile::TempDir;

use super::Speaker;
use crate::{
    delivery::{PATIENCE, World, action, handlers::Daemon, hello, only_answer},
    support::{
        broker::Broker,
        platform_queue::{self, PlatformQueue},
    },
};

#[tokio::test(flavor = "multi_thread")]
async fn a_component_is_told_of_its_new_section_when_the_link_is_another_one_too() {
    let (broker, world, speaker) = (Broker::shared().await, World::new().await, Speaker::new());
    let queue = PlatformQueue::open(broker, "told_anew").await;
    let config = world.config(broker, "speaker", "told_anew").set("resilient", "noload", "");
    let daemon = Daemon::run(&config.clone().set("speaker", "greeting", "old"), speaker.component("speaker"));
    queue.until_subscribed(PATIENCE).await;
    let both = config.set("speaker", "greeting", "new").set("resilient", "max_bytes_at_work", "1000000");
    daemon.reload(&both).await;
    speaker.told().await;
    queue.post(hello("you")).await;
    assert_eq!(only_answer(&queue).await["message"], "new");
    assert_eq!(speaker.untold(), 0, "it is told once of each change");
}

/// A directory that holds `text` as the secret `word`.
fn secrets(text: &str) -> TempDir {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("word");
    fs::write(&file, text).unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
    directory
}

#[tokio::test(flavor = "multi_thread")]
async fn secrets_in_inputs_are_looked_up_where_the_new_configuration_says_when_the_link_is_another_one_too() {
    let (broker, world) = (Broker::shared().await, World::new().await);
    let queue = PlatformQueue::open(broker, "secrets_anew").await;
    let (old, new) = (secrets("the-old-password"), secrets("the-new-password"));
    let path = |directory: &TempDir| directory.path().display().to_string();
    let which = |inputs: HashMap<String, String>, _: Context| async move {
        let known = ["the-old-password", "the-new-password"].iter().position(|word| *word == inputs["word"]);
        Ok(Reply::text(["old", "new", "neither"][known.unwrap_or(2)]))
    };
    let component = Component::new("seer").destination("secrets_anew").function("see", handler_fn(which));
    let component =
        component.on("Say Hello", handler_fn(async |_: Message, _: Context| Ok(Reply::text("hello"))));
    let config = world
        .config(broker, "seer", "secrets_anew")
        .set("resilient", "noload", "")
        .set("seer", "input_secrets", "word")
        .set("resilient", "secrets_dir", &path(&old));
    let daemon = Daemon::run(&config, component);
    queue.post(see()).await;
    assert_eq!(only_answer(&queue).await["results"]["content"], "old");
    let both =
        config.set("resilient", "secrets_dir", &path(&new)).set("resilient", "max_bytes_at_work", "1000000");
    daemon.reload(&both).await;
    // A platform that begins anew reads the actions' names again; the old link is closed by then.
    let begun = |requests: &[stand_in_platform::Recorded]| {
        requests.iter().filter(|request| request.path.ends_with("/actions")).count() == 2
    };
    world.platform.wait_until(begun).await;
    queue.post(see()).await;
    assert_eq!(queue.answers(2, PATIENCE).await[1].json()["results"]["content"], "new");
}

/// A call of the function that says which secret it was given.
fn see() -> platform_queue::Message {
    let body = json!({ "function": { "id": 7, "name": "see" }, "inputs": { "word": "^word" } });
    platform_queue::Message::new(body.to_string()).header("Co3MessagePayload", "FunctionDTO")
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_that_wait_keep_their_own_subscriptions_through_a_reload_and_a_new_session() {
    let (mut broker, world, speaker) = (Broker::start().await, World::new().await, Speaker::new());
    let queue = PlatformQueue::open(&broker, "kept_wide").await;
    let hour = Duration::from_secs(3600);
    let later = handler_fn(async |_: Message, _: Context| Ok(Reply::text("later"))).defer(hour);
    let component = speaker.component("kept_wide").on("Deferred", later);
    let config = world.config(&broker, "speaker", "kept_wide").set("resilient", "noload", "").set(
        "resilient",
        "stomp_prefetch_limit",
        "4",
    );
    let daemon = Daemon::run(&config, component);
    queue.post_all((0..12).map(|_| action(5, &json!({})))).await;
    queue.until_statistics(PATIENCE, |statistics| statistics.consumers >= 4).await;
    daemon.reload(&config.set("speaker", "greeting", "new")).await;
    speaker.told().await;
    broker.kill().await;
    broker.restart().await;
    queue.until_statistics(PATIENCE, |statistics| statistics.consumers >= 4).await;
    queue.post(hello("you")).await;
    assert_eq!(queue.answers(1, PATIENCE).await[0].json()["message"], "new");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_queue_that_comes_with_more_workers_has_messages_enough_for_them() {
    let (broker, world, speaker) = (Broker::shared().await, World::new().await, Speaker::new());
    let (old, new) =
        (PlatformQueue::open(broker, "wide_old").await, PlatformQueue::open(broker, "wide_new").await);
    let config = world.config(broker, "speaker", "wide_old").set("resilient", "noload", "").set(
        "resilient",
        "num_workers",
        "2",
    );
    let daemon = Daemon::run(&config, speaker.component("speaker"));
    old.until_subscribed(PATIENCE).await;
    let more = config.set("resilient", "num_workers", "6").set("speaker", "destination", "wide_new");
    new.post_all((0..6).map(|_| action(4, &json!({})))).await;
    daemon.reload(&more).await;
    speaker.begun(6).await;
    speaker.finish(6);
    new.answers(6, PATIENCE).await;
}
