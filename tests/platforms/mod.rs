//! Several platforms in one daemon, and several instances of one component.

use crate::{
    delivery::{PATIENCE, World, handlers::Daemon, hello},
    reload::Speaker,
    support::{
        broker::{API_KEY, Broker},
        platform_queue::PlatformQueue,
        processor::{AppConfig, Processor},
    },
};

/// `[resilient:<name>]`: the platform of `world` and its `broker`.
fn platform(config: AppConfig, name: &str, world: &World, broker: &Broker) -> AppConfig {
    let section = format!("resilient:{name}");
    config
        .set(&section, "host", "localhost")
        .set(&section, "port", &world.platform.port().to_string())
        .set(&section, "cafile", &world.ca.path().display().to_string())
        .set(&section, "stomp_host", "localhost")
        .set(&section, "stomp_port", &broker.port().to_string())
        .set(&section, "stomp_cafile", &broker.ca_file().display().to_string())
}

/// What both platforms have in common.
fn shared(state: &World) -> AppConfig {
    AppConfig::empty()
        .set("resilient", "org", stand_in_platform::ORG_NAME)
        .set("resilient", "api_key_id", API_KEY.login)
        .set("resilient", "api_key_secret", API_KEY.passcode)
        .set("store", "state_dir", &state.state.path().display().to_string())
}

#[tokio::test(flavor = "multi_thread")]
async fn each_platform_is_answered_by_its_instance_and_goes_on_while_the_others_broker_is_down() {
    let (here, mut there) = (Broker::shared().await, Broker::start().await);
    let (europe, us) = (World::new().await, World::new().await);
    let config = platform(shared(&europe), "europe", &europe, here);
    let config = platform(config, "us", &us, &there)
        .set("speaker", "destination", "two_platforms")
        .set("speaker:lyon", "greeting", "bonjour")
        .set("speaker:lyon", "platform", "europe")
        .set("speaker:texas", "greeting", "howdy")
        .set("speaker:texas", "platform", "us");
    let (one, other) = (
        PlatformQueue::open(here, "two_platforms").await,
        PlatformQueue::open(&there, "two_platforms").await,
    );
    let _daemon = Daemon::run(&config, Speaker::new().component("speaker"));
    one.post(hello("you")).await;
    other.post(hello("you")).await;
    assert_eq!(one.answers(1, PATIENCE).await[0].json()["message"], "bonjour");
    assert_eq!(other.answers(1, PATIENCE).await[0].json()["message"], "howdy");
    there.kill().await;
    one.post(hello("you")).await;
    assert_eq!(one.answers(2, PATIENCE).await[1].json()["message"], "bonjour");
    there.restart().await;
    other.post(hello("you")).await;
    assert_eq!(other.answers(2, PATIENCE).await[1].json()["message"], "howdy");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_platform_that_is_given_up_is_named_and_leaves_the_other_alone() {
    let (broker, europe, us) = (Broker::shared().await, World::new().await, World::new().await);
    let queue = PlatformQueue::open(broker, "given_up").await;
    let config = platform(shared(&europe), "europe", &europe, broker);
    let config = platform(config, "us", &us, broker)
        .set("resilient:us", "api_key_secret", "not-the-right-one")
        .set("resilient:us", "max_connection_retries", "1")
        .set("resilient", "noload", "add_task, set_last_updated")
        .set("hello", "destination", "given_up");
    let mut processor = Processor::run(&config);
    let line = processor.wait_for_log("the platform refuses us", PATIENCE).await;
    assert!(line.contains("platform=us"), "{line}");
    queue.post(hello("you")).await;
    assert_eq!(queue.answers(1, PATIENCE).await[0].json()["message"], "hello, you");
    processor.wait_for_log("this platform is given up", PATIENCE).await;
    assert!(processor.stop(PATIENCE).await.success());
}
