//! Platforms that come, go and come back while the daemon runs.

use serde_json::json;
use tokio::runtime::Handle;

use super::{platform, shared};
use crate::{
    delivery::{PATIENCE, World, action, handlers::Daemon, hello},
    reload::Speaker,
    support::{
        broker::Broker,
        log::Log,
        platform_queue::{PlatformQueue, answered_twice},
        processor::AppConfig,
    },
};

/// The platform `us` with a broker of its own, and `europe`; the speaker speaks on both.
struct Rig {
    us: Broker,
    /// What both have in common, and `europe`.
    europe: AppConfig,
    /// The same, with `us`.
    both: AppConfig,
    speaker: Speaker,
    _worlds: [World; 2],
}

impl Rig {
    async fn new(destination: &str) -> Self {
        let (europe, us) = (World::new().await, World::new().await);
        let (here, there) = (Broker::shared().await, Broker::start().await);
        let config = shared(&europe).set("speaker", "destination", destination).set(
            "resilient",
            "stop_timeout",
            "300",
        );
        let config = platform(config, "europe", &europe, here);
        let both = platform(config.clone(), "us", &us, &there);
        Self { us: there, europe: config, both, speaker: Speaker::new(), _worlds: [europe, us] }
    }

    fn run(&self, config: &AppConfig) -> Daemon {
        Daemon::with_all(config, vec![self.speaker.component("speaker")], Handle::current())
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_component_on_two_platforms_is_told_once_of_its_new_section() {
    let rig = Rig::new("told_once").await;
    let daemon = rig.run(&rig.both);
    let queue = PlatformQueue::open(&rig.us, "told_once").await;
    queue.until_subscribed(PATIENCE).await;
    daemon.reload(&rig.both.clone().set("speaker", "greeting", "one")).await;
    rig.speaker.told().await;
    daemon.reload(&rig.both.clone().set("speaker", "greeting", "two")).await;
    rig.speaker.told().await;
    queue.post(hello("you")).await;
    assert_eq!(queue.answers(1, PATIENCE).await[0].json()["message"], "two");
    assert_eq!(rig.speaker.untold(), 0);
}

#[tokio::test]
async fn a_platform_that_comes_back_before_its_work_has_ended_begins_nothing_twice() {
    let log = Log::begin();
    let mut rig = Rig::new("back_soon").await;
    let daemon = rig.run(&rig.both);
    let queue = PlatformQueue::open(&rig.us, "back_soon").await;
    queue.post_all((0..4).map(|_| action(4, &json!({})))).await;
    rig.speaker.begun(4).await;
    daemon.reload(&rig.europe).await;
    log.wait_for(&["stopping: what runs is finished"], PATIENCE).await;
    daemon.reload(&rig.both).await;
    log.wait_for(&["this has changed", "[resilient:us]", "host"], PATIENCE).await;
    // All four are delivered again: to the link that is ending, or to one that should not be there yet.
    rig.us.kill().await;
    rig.us.restart().await;
    queue.until_subscribed(PATIENCE).await;
    queue.until_statistics(PATIENCE, |statistics| statistics.pending == 4 && statistics.delivered == 4).await;
    assert_eq!(rig.speaker.unforeseen(), 0, "a message at work has been begun again");
    rig.speaker.finish(8);
    let answers = queue.answers(4, PATIENCE).await;
    assert_eq!(answered_twice(&answers), Vec::<&str>::new());
    queue.post(hello("you")).await;
    queue.answers(5, PATIENCE).await;
    queue.until_settled(PATIENCE).await;
    assert_eq!(rig.speaker.unforeseen(), 0);
}

#[tokio::test]
async fn a_reload_while_a_platform_is_being_given_up_has_it_tried_again() {
    let log = Log::begin();
    let mut rig = Rig::new("give_up").await;
    let daemon = rig.run(&rig.both.clone().set("resilient:us", "max_connection_retries", "1"));
    let queue = PlatformQueue::open(&rig.us, "give_up").await;
    queue.post(action(4, &json!({}))).await;
    rig.speaker.begun(1).await;
    rig.us.kill().await;
    log.wait_for(&["stopping: what runs is finished"], PATIENCE).await;
    daemon.reload(&rig.both).await;
    log.wait_for(&["this has changed", "max_connection_retries"], PATIENCE).await;
    rig.us.restart().await;
    rig.speaker.finish(1);
    queue.answers(1, PATIENCE).await;
    queue.post(hello("you")).await;
    queue.answers(2, PATIENCE).await;
}
