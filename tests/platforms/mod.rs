//! Several platforms in one daemon, and several instances of one component.

mod change;
mod commands;

use crate::{
    delivery::{PATIENCE, World, handlers::Daemon, hello},
    reload::Speaker,
    support::{
        broker::{API_KEY, Broker},
        certificates::{Authority, Request},
        platform_queue::PlatformQueue,
        processor::{AppConfig, Processor},
        tls_server::TlsServer,
    },
};
use action_processor::component::{Component, Context, Failure, Message, Reply, Section, handler_fn};
use serde_json::json;
use std::sync::Arc;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::Semaphore,
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

/// Two platforms at one broker, of which `europe` answers for both by the shipped `hello`: their organization is the same.
fn two(broker: &Broker, europe: &World, us: &World, destination: &str) -> AppConfig {
    let config = platform(shared(europe), "europe", europe, broker);
    platform(config, "us", us, broker)
        .set("resilient", "noload", "add_task, set_last_updated")
        .set("hello", "platform", "europe")
        .set("hello", "destination", destination)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_platform_whose_certificate_is_not_trusted_is_sent_nothing_and_tried_again_until_it_is() {
    let (broker, europe, us) = (Broker::shared().await, World::new().await, World::new().await);
    let queue = PlatformQueue::open(broker, "untrusted").await;
    let config = two(broker, &europe, &us, "untrusted");
    let trusted = us.ca.path().display().to_string();
    let other = Authority::new("CA of somebody else").file();
    let untrusting = config.clone().set("resilient", "loglevel", "DEBUG").set(
        "resilient:us",
        "cafile",
        &other.path().display().to_string(),
    );
    let mut processor = Processor::run(&untrusting);
    let told = processor.wait_for_log("somebody must act", PATIENCE).await;
    assert!(told.contains("platform=us") && told.contains("cafile"), "{told}");
    // Told once, tried on.
    let again = processor.wait_for_log("as before", PATIENCE).await;
    assert!(again.contains("platform=us"), "{again}");
    queue.post(hello("you")).await;
    assert_eq!(queue.answers(1, PATIENCE).await[0].json()["message"], "hello, you");
    assert!(us.platform.requests().is_empty());
    assert_eq!(queue.statistics().await.consumers, 1);
    std::fs::write(processor.config_file(), config.set("resilient:us", "cafile", &trusted).text()).unwrap();
    processor.signal("HUP");
    us.platform.wait_until(|requests| !requests.is_empty()).await;
    queue.post(hello("you")).await;
    queue.answers(2, PATIENCE).await;
    assert!(processor.stop(PATIENCE).await.success());
    let connected = |platform: &str| {
        let log = processor.log();
        log.iter().filter(|line| line.contains("connected to the broker") && line.contains(platform)).count()
    };
    assert_eq!(connected("platform=europe"), 1, "the other's link has stayed");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broker_whose_certificate_is_not_trusted_is_sent_nothing_and_the_other_platform_goes_on() {
    let (broker, europe, us) = (Broker::shared().await, World::new().await, World::new().await);
    let queue = PlatformQueue::open(broker, "untrusted_broker").await;
    let authority = Authority::new("CA of a stranger");
    let mut stranger =
        TlsServer::start(authority.issue(&Request::server(["localhost"])).server_config()).await;
    let config = two(broker, &europe, &us, "untrusted_broker")
        .set("resilient:us", "stomp_port", &stranger.port().to_string())
        .set("hello", "platform", "europe, us");
    let mut processor = Processor::run(&config);
    let line = processor.wait_for_log("no link to the broker; somebody must act", PATIENCE).await;
    assert!(line.contains("platform=us") && line.contains("CA of a stranger"), "{line}");
    for _ in 0..2 {
        let connection = stranger.connection().await;
        assert!(connection.received.is_empty(), "{connection:?}");
    }
    queue.post(hello("you")).await;
    assert_eq!(queue.answers(1, PATIENCE).await[0].json()["message"], "hello, you");
    assert!(processor.stop(PATIENCE).await.success());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_platform_with_a_wrong_api_key_is_taken_up_once_the_file_has_the_right_one() {
    let (broker, europe, us) = (Broker::shared().await, World::new().await, World::new().await);
    let (here, there) =
        (PlatformQueue::open(broker, "wrong_key").await, PlatformQueue::open(broker, "wrong_key_us").await);
    let config = two(broker, &europe, &us, "wrong_key")
        .set("hello:eu", "platform", "europe")
        .set("hello:us", "platform", "us")
        .set("hello:us", "destination", "wrong_key_us");
    let wrong = config.clone().set("resilient:us", "api_key_secret", "not-the-right-one");
    let mut processor = Processor::run(&wrong);
    let line = processor.wait_for_log("the platform refuses us; somebody must act", PATIENCE).await;
    assert!(line.contains("platform=us") && line.contains("api_key_secret"), "{line}");
    here.post(hello("you")).await;
    here.answers(1, PATIENCE).await;
    assert_eq!(there.statistics().await.consumers, 0, "it has not logged in");
    there.post(hello("you")).await;
    std::fs::write(processor.config_file(), config.text()).unwrap();
    assert_eq!(there.answers(1, PATIENCE).await[0].json()["message"], "hello, you");
    here.post(hello("you")).await;
    here.answers(2, PATIENCE).await;
    assert!(processor.stop(PATIENCE).await.success());
    assert!(!processor.log().join("\n").contains("not-the-right-one"));
}

/// Two free ports in a row, as free as ports can be.
async fn two_ports() -> u16 {
    loop {
        let first = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = first.local_addr().unwrap().port();
        if port < u16::MAX && TcpListener::bind(("127.0.0.1", port + 1)).await.is_ok() {
            return port;
        }
    }
}

/// What the port says to a message of "Say Hello" for this queue, the second time that it speaks.
async fn submit(port: u16, queue: &str) -> String {
    let mut client = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    let text = format!("{queue} {}", json!({ "action_id": 1, "properties": { "name": "you" } }));
    client.write_u32(4 + u32::try_from(text.len()).unwrap()).await.unwrap();
    client.write_u32(1).await.unwrap();
    client.write_all(text.as_bytes()).await.unwrap();
    let mut said = Vec::new();
    for _ in 0..2 {
        said = vec![0; client.read_u32().await.unwrap().try_into().unwrap()];
        client.read_exact(&mut said).await.unwrap();
    }
    String::from_utf8(said).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn test_actions_reach_each_platform_by_a_port_of_its_own() {
    let (broker, europe, us) = (Broker::shared().await, World::new().await, World::new().await);
    let port = two_ports().await;
    let config = two(broker, &europe, &us, "tested")
        .set("resilient", "test_actions", "true")
        .set("resilient", "test_port", &port.to_string())
        .set("hello:lyon", "destination", "lyon")
        .set("hello:texas", "destination", "texas")
        .set("hello:texas", "platform", "us");
    let mut processor = Processor::run(&config);
    let lines = processor.wait_for_lines("test actions are taken", 2, PATIENCE).await;
    let named = |line: &String, platform: &str, port: u16| {
        line.contains(&format!("platform={platform}")) && line.contains(&format!(":{port}"))
    };
    assert!(lines.iter().any(|line| named(line, "europe", port)), "{lines:?}");
    assert!(lines.iter().any(|line| named(line, "us", port + 1)), "{lines:?}");
    assert!(submit(port, "lyon").await.contains("hello, you"));
    assert!(submit(port + 1, "texas").await.contains("hello, you"));
    let stranger = submit(port + 1, "lyon").await;
    assert!(stranger.contains("no handler"), "{stranger}");
    assert!(processor.stop(PATIENCE).await.success());
}

#[tokio::test(flavor = "multi_thread")]
async fn instances_share_nothing_that_was_made_of_a_section() {
    let (broker, world) = (Broker::shared().await, World::new().await);
    let client = |section: &Section| Ok::<_, Failure>(section.get("key").unwrap_or("none").to_owned());
    let ask = async |_: Message, cx: Context| Ok::<_, Failure>(Reply::text(cx.state::<String>()?.as_str()));
    let component = Component::new("naive").state(client).otherwise(handler_fn(ask));
    let config = world
        .config(broker, "naive", "naive_a")
        .set("naive:a", "destination", "naive_a")
        .set("naive:a", "key", "one")
        .set("naive:b", "destination", "naive_b")
        .set("naive:b", "key", "two");
    let (a, b) = (PlatformQueue::open(broker, "naive_a").await, PlatformQueue::open(broker, "naive_b").await);
    let told = Arc::new(Semaphore::new(0));
    let tells = told.clone();
    let daemon = Daemon::run(&config, component.reloaded(move |_| tells.add_permits(1)));
    a.post(hello("you")).await;
    assert_eq!(a.answers(1, PATIENCE).await[0].json()["message"], "one");
    b.post(hello("you")).await;
    assert_eq!(b.answers(1, PATIENCE).await[0].json()["message"], "two");
    daemon.reload(&config.set("naive:a", "key", "new")).await;
    tokio::time::timeout(PATIENCE, told.acquire()).await.unwrap().unwrap().forget();
    a.post(hello("you")).await;
    assert_eq!(a.answers(2, PATIENCE).await[1].json()["message"], "new");
    b.post(hello("you")).await;
    assert_eq!(b.answers(2, PATIENCE).await[1].json()["message"], "two");
}
