//! A configuration that changes while the daemon works on a real broker's messages.

mod file;
mod link;
mod sources;

use crate::{
    delivery::{PATIENCE, World, action, handlers::Daemon, hello},
    support::{
        broker::{ACCOUNT, Broker},
        platform_queue::{PlatformQueue, answered_twice},
        processor::Processor,
    },
};
use action_processor::component::{Component, Context, Message, Reply, handler_fn};
use serde_json::json;
use std::{sync::Arc, time::Duration};
use tokio::sync::Semaphore;

/// A component that answers with the `greeting` of its section.
#[derive(Clone)]
pub(crate) struct Speaker {
    /// Handlers of "Slow" that have begun.
    begun: Arc<Semaphore>,
    /// One permit lets one of them finish.
    finish: Arc<Semaphore>,
    /// One permit for each new section.
    reloaded: Arc<Semaphore>,
}

impl Speaker {
    pub(crate) fn new() -> Self {
        let semaphore = || Arc::new(Semaphore::new(0));
        Self { begun: semaphore(), finish: semaphore(), reloaded: semaphore() }
    }

    pub(crate) fn component(&self, destination: &str) -> Component {
        let (slow, reloaded) = (self.clone(), self.reloaded.clone());
        let slow = move |_: Message, cx: Context| {
            let speaker = slow.clone();
            async move {
                speaker.begun.add_permits(1);
                speaker.finish.acquire().await?.forget();
                Ok(Reply::text(greeting(&cx)))
            }
        };
        let quick = |_: Message, cx: Context| async move { Ok(Reply::text(greeting(&cx))) };
        Component::new("speaker")
            .destination(destination)
            .on("Slow", handler_fn(slow))
            .otherwise(handler_fn(quick))
            .reloaded(move |_| reloaded.add_permits(1))
    }

    pub(crate) async fn begun(&self, handlers: u32) {
        let begun = tokio::time::timeout(PATIENCE, self.begun.acquire_many(handlers)).await;
        begun.expect("too few handlers have begun").unwrap().forget();
    }

    /// Lets so many of them finish.
    pub(crate) fn finish(&self, handlers: usize) {
        self.finish.add_permits(handlers);
    }

    /// How many have begun that nobody has waited for.
    pub(crate) fn unforeseen(&self) -> usize {
        self.begun.available_permits()
    }

    /// Waits until the component has been told of one more section.
    pub(crate) async fn told(&self) {
        let told = tokio::time::timeout(PATIENCE, self.reloaded.acquire()).await;
        told.expect("the component was not told").unwrap().forget();
    }

    /// How often it has been told, and nobody has waited for it.
    pub(crate) fn untold(&self) -> usize {
        self.reloaded.available_permits()
    }
}

fn greeting(cx: &Context) -> String {
    cx.section().get("greeting").unwrap_or("nothing").to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_section_reaches_the_next_message_and_not_the_one_at_work() {
    let (broker, world, speaker) = (Broker::shared().await, World::new().await, Speaker::new());
    let queue = PlatformQueue::open(broker, "new_section").await;
    let config = world.config(broker, "speaker", "new_section").set("resilient", "noload", "");
    let daemon = Daemon::run(&config.clone().set("speaker", "greeting", "old"), speaker.component("speaker"));
    let slow = queue.post(action(4, &json!({}))).await;
    speaker.begun(1).await;
    let logins = world.platform.requests().len();
    daemon.reload(&config.set("speaker", "greeting", "new")).await;
    speaker.reloaded.acquire().await.unwrap().forget();
    let quick = queue.post(hello("you")).await;
    let answers = queue.answers(1, PATIENCE).await;
    assert_eq!((&answers[0].correlation_id, answers[0].json()["message"].as_str()), (&quick, Some("new")));
    speaker.finish.add_permits(1);
    let answers = queue.answers(2, PATIENCE).await;
    assert_eq!((&answers[1].correlation_id, answers[1].json()["message"].as_str()), (&slow, Some("old")));
    assert_eq!(world.platform.requests().len(), logins, "nobody has logged in again");
    queue.until_settled(PATIENCE).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn more_workers_take_up_what_waits_for_one() {
    let (broker, world, speaker) = (Broker::shared().await, World::new().await, Speaker::new());
    let queue = PlatformQueue::open(broker, "more_workers").await;
    let config = world.config(broker, "speaker", "more_workers").set("resilient", "noload", "");
    let daemon =
        Daemon::run(&config.clone().set("resilient", "num_workers", "1"), speaker.component("speaker"));
    queue.post_all((0..3).map(|_| action(4, &json!({})))).await;
    speaker.begun(1).await;
    daemon.reload(&config.set("resilient", "num_workers", "3")).await;
    speaker.begun(2).await;
    speaker.finish.add_permits(3);
    let answers = queue.answers(3, PATIENCE).await;
    assert_eq!(answered_twice(&answers), Vec::<&str>::new());
    queue.until_settled(PATIENCE).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn fewer_workers_leave_what_waits_for_one_waiting_until_enough_have_ended() {
    let (broker, world, speaker) = (Broker::shared().await, World::new().await, Speaker::new());
    let queue = PlatformQueue::open(broker, "fewer_workers").await;
    let config = world.config(broker, "speaker", "fewer_workers").set("resilient", "noload", "").set(
        "resilient",
        "stomp_prefetch_limit",
        "12",
    );
    let daemon =
        Daemon::run(&config.clone().set("resilient", "num_workers", "4"), speaker.component("speaker"));
    queue.post_all((0..12).map(|_| action(4, &json!({})))).await;
    speaker.begun(4).await;
    let fewer = config.set("resilient", "num_workers", "2").set("speaker", "greeting", "new");
    daemon.reload(&fewer).await;
    speaker.told().await;
    speaker.finish(3);
    let answers = queue.answers(3, PATIENCE).await;
    assert_eq!(answered_twice(&answers), Vec::<&str>::new());
    // One of the four is still at work, and one has taken the second place.
    speaker.begun(1).await;
    assert_eq!(speaker.unforeseen(), 0, "more than two are at work");
    speaker.finish(9);
    queue.answers(12, PATIENCE).await;
    queue.until_settled(PATIENCE).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn changed_credentials_renew_the_link_once_what_runs_is_answered() {
    let (broker, world, speaker) = (Broker::shared().await, World::new().await, Speaker::new());
    let queue = PlatformQueue::open(broker, "renewed").await;
    let config = world.config(broker, "speaker", "renewed").set("resilient", "noload", "");
    let daemon = Daemon::run(&config, speaker.component("speaker"));
    queue.post_all((0..3).map(|_| action(4, &json!({})))).await;
    speaker.begun(3).await;
    let account = [("api_key_id", ""), ("api_key_secret", ""), ("email", ACCOUNT.login)];
    let changed = account.iter().fold(config, |config, (key, value)| config.set("resilient", key, value));
    daemon.reload(&changed.set("resilient", "password", ACCOUNT.passcode)).await;
    let later = queue.post(hello("you")).await;
    speaker.finish.add_permits(3);
    let answers = queue.answers(4, PATIENCE).await;
    assert_eq!(answered_twice(&answers), Vec::<&str>::new());
    assert!(answers.iter().any(|answer| answer.correlation_id == later));
    queue.until_settled(PATIENCE).await;
    // The last message may have been taken just before the link was renewed.
    let renewed = async {
        while world.platform.logins() == 0 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(PATIENCE, renewed)
        .await
        .expect("a login by e-mail address, after the API key that needs none");
    assert_eq!(world.platform.logins(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_saved_file_is_taken_up_by_itself_and_the_queue_follows_on_the_same_connection() {
    let (broker, world) = (Broker::shared().await, World::new().await);
    let (old, new) =
        (PlatformQueue::open(broker, "moved_from").await, PlatformQueue::open(broker, "moved_to").await);
    let config = world.config(broker, "hello", "moved_from");
    let mut processor = Processor::run(&config);
    processor.wait_for_log("ready", PATIENCE).await;
    std::fs::write(processor.config_file(), config.set("hello", "destination", "moved_to").text()).unwrap();
    let line = processor.wait_for_log("this has changed", PATIENCE).await;
    assert!(
        line.contains("[hello] destination") && line.contains("moved_from") && line.contains("moved_to"),
        "{line}"
    );
    new.post(hello("you")).await;
    assert_eq!(new.answers(1, PATIENCE).await[0].json()["message"], "hello, you");
    old.until_statistics(PATIENCE, |statistics| statistics.consumers == 0).await;
    assert!(processor.stop(PATIENCE).await.success());
    let log = processor.log();
    let connected = log.iter().filter(|line| line.contains("connected to the broker")).count();
    assert_eq!(connected, 1, "{}", log.join("\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_faulty_file_is_refused_with_all_its_mistakes_and_the_old_one_stays() {
    let (broker, world) = (Broker::shared().await, World::new().await);
    let queue = PlatformQueue::open(broker, "faulty").await;
    let config =
        world.config(broker, "hello", "faulty").set("hello", "api_token", "a-secret-of-the-component");
    let mut processor = Processor::run(&config);
    processor.wait_for_log("ready", PATIENCE).await;
    let faulty = config
        .clone()
        .set("resilient", "num_workers", "none")
        .set("resilient", "loglevel", "LOUD")
        .set("hello", "destination", "elsewhere");
    std::fs::write(processor.config_file(), faulty.text()).unwrap();
    processor.signal("HUP");
    let lines = processor.wait_for_lines("keeps the one it has", 2, PATIENCE).await;
    assert!(lines.iter().any(|line| line.contains("num_workers")), "{lines:?}");
    assert!(lines.iter().any(|line| line.contains("LOUD")), "{lines:?}");
    queue.post(hello("you")).await;
    assert_eq!(queue.answers(1, PATIENCE).await[0].json()["message"], "hello, you");
    let mended =
        config.set("hello", "api_token", "another-secret-of-the-component").set("store", "keep", "60");
    std::fs::write(processor.config_file(), mended.text()).unwrap();
    processor.signal("HUP");
    let line = processor.wait_for_log("[hello] api_token", PATIENCE).await;
    assert!(line.contains("***"), "{line}");
    let line = processor.wait_for_log("a restart puts these into effect", PATIENCE).await;
    assert!(line.contains("[store] keep") && !line.contains("api_token"), "{line}");
    assert!(processor.stop(PATIENCE).await.success());
    assert!(!processor.log().join("\n").contains("secret-of-the-component"));
}
