//! What the service manager is told: ready once subscribed, alive all along, stopping.

use super::{PATIENCE, World};
use crate::support::{
    broker::Broker,
    certificates::Authority,
    platform_queue::PlatformQueue,
    processor::{AppConfig, Processor},
};
use std::path::Path;
use tempfile::TempDir;
use tokio::{net::UnixDatagram, time::timeout};

/// The service manager's end of `NOTIFY_SOCKET`.
struct Manager {
    socket: UnixDatagram,
    directory: TempDir,
}

impl Manager {
    fn new() -> Self {
        let directory = TempDir::new().unwrap();
        let socket = UnixDatagram::bind(directory.path().join("notify")).unwrap();
        Self { socket, directory }
    }

    fn path(&self) -> String {
        self.directory.path().join("notify").display().to_string()
    }

    /// The next notice that contains `text`, and all that came before it.
    async fn until(&self, text: &str) -> Vec<String> {
        let mut notices = Vec::new();
        let mut buffer = [0; 4096];
        let wait = async {
            loop {
                let length = self.socket.recv(&mut buffer).await.unwrap();
                notices.push(String::from_utf8_lossy(&buffer[..length]).into_owned());
                if notices.last().is_some_and(|notice| notice.contains(text)) {
                    return;
                }
            }
        };
        assert!(timeout(PATIENCE, wait).await.is_ok(), "{text} never came");
        notices
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_service_manager_hears_ready_after_the_subscriptions_and_beats_from_the_start() {
    let (broker, world, manager) = (Broker::shared().await, World::new().await, Manager::new());
    let queue = PlatformQueue::open(broker, "service").await;
    let config = world.config(broker, "hello", "service");
    let environment = [("NOTIFY_SOCKET", manager.path()), ("WATCHDOG_USEC", "400000".to_owned())];
    let environment = environment.each_ref().map(|(name, value)| (*name, value.as_str()));
    let mut processor = Processor::start(&config, &["run"], &environment);
    let notices = manager.until("READY=1").await;
    assert!(notices.iter().any(|notice| notice.contains("WATCHDOG=1")), "{notices:?}");
    assert_eq!(queue.statistics().await.consumers, 1, "ready means subscribed");
    manager.until("WATCHDOG=1").await;
    processor.signal("HUP");
    let notices = manager.until("READY=1").await;
    assert!(notices.iter().any(|notice| notice.contains("RELOADING=1")), "{notices:?}");
    processor.wait_for_log("nothing has changed", PATIENCE).await;
    assert!(processor.stop(PATIENCE).await.success());
    manager.until("STOPPING=1").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_service_manager_shows_that_a_changed_configuration_was_refused_until_a_good_one_is_read() {
    let (broker, world, manager) = (Broker::shared().await, World::new().await, Manager::new());
    let _queue = PlatformQueue::open(broker, "refused").await;
    let config = world.config(broker, "hello", "refused");
    let mut processor = Processor::start(&config, &["run"], &[("NOTIFY_SOCKET", &manager.path())]);
    manager.until("READY=1").await;
    rewrite(&processor.config_file(), &config.clone().set("resilient", "num_workers", "none").text());
    processor.signal("HUP");
    let notices = manager.until("the changed app.config is refused (mistakes: 1").await;
    assert!(notices.last().unwrap().starts_with("STATUS=taking messages; "), "{notices:?}");
    rewrite(&processor.config_file(), &config.text());
    processor.signal("HUP");
    let notices = manager.until("STATUS=").await;
    assert!(!notices.last().unwrap().contains("refused"), "{notices:?}");
    assert!(processor.stop(PATIENCE).await.success());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_is_away_at_the_start_is_waited_for_and_sigterm_ends_the_waiting() {
    let manager = Manager::new();
    let config = [("host", "localhost"), ("api_key_id", "id"), ("api_key_secret", "secret")]
        .into_iter()
        .fold(AppConfig::empty(), |config, (key, value)| config.set("resilient", key, value))
        .set("store", "url", "postgres://me:pass-of-the-journal@127.0.0.1:1/journal?sslmode=disable")
        .set("store", "lease", "1");
    let mut processor = Processor::start(&config, &["run"], &[("NOTIFY_SOCKET", &manager.path())]);
    let line = processor.wait_for_log("the journal is waited for", PATIENCE).await;
    assert!(line.contains("WARN") && line.contains("127.0.0.1:1/journal"), "{line}");
    manager.until("STATUS=waiting for the journal").await;
    assert!(processor.stop(PATIENCE).await.success());
    assert!(!processor.log().join("\n").contains("pass-of-the-journal"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_that_waiting_does_not_mend_lets_the_start_return() {
    let (broker, world) = (Broker::shared().await, World::new().await);
    let stranger = Authority::new("another CA").file();
    let good = world.config(broker, "hello", "refused-start");
    let wrong_key = good.clone().set("resilient", "api_key_secret", "\"wrong\"");
    let wrong_ca = good.clone().set("resilient", "cafile", &stranger.path().display().to_string());
    let wrong_broker_ca = good.set("resilient", "stomp_cafile", &stranger.path().display().to_string());
    for (config, refused_by) in
        [(wrong_key, "the platform"), (wrong_ca, "the platform"), (wrong_broker_ca, "the broker")]
    {
        let manager = Manager::new();
        let mut processor = Processor::start(&config, &["run"], &[("NOTIFY_SOCKET", &manager.path())]);
        manager.until("READY=1").await;
        manager.until(&format!("STATUS=refused by {refused_by}")).await;
        assert!(processor.stop(PATIENCE).await.success());
        if processor.log().join("\n").contains("API key") {
            // What is odd about the secret stands beside its refusal.
            processor.wait_for_log("api_key_secret stands in quotes, which", PATIENCE).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_store_that_is_down_keeps_ready_back() {
    let directory = TempDir::new().unwrap();
    let (manager, up) = (Manager::new(), directory.path().join("up"));
    let config =
        [("host", "localhost"), ("port", "1"), ("api_key_id", "id"), ("api_key_secret", "^soar_secret")]
            .into_iter()
            .fold(AppConfig::empty(), |config, (key, value)| config.set("resilient", key, value))
            .set("resilient", "secret_command", &format!("cat {}", up.display()))
            .set("store", "state_dir", &directory.path().display().to_string());
    let mut processor = Processor::start(&config, &["run"], &[("NOTIFY_SOCKET", &manager.path())]);
    let notices = manager.until("STATUS=waiting for the secret store").await;
    assert!(notices.last().unwrap().contains("No such file"), "{notices:?}");
    std::fs::write(&up, "keysecret-of-store\n").unwrap();
    let notices = manager.until("STATUS=waiting for the platform").await;
    assert!(!notices.iter().any(|notice| notice.contains("READY=1")), "{notices:?}");
    assert!(processor.stop(PATIENCE).await.success());
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_takes_the_connection_and_is_silent_is_named() {
    let world = World::new().await;
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = silent.local_addr().unwrap().port().to_string();
    let good = [("host", "localhost"), ("api_key_id", "id"), ("api_key_secret", "secret")]
        .into_iter()
        .fold(AppConfig::empty(), |config, (key, value)| config.set("resilient", key, value))
        .set("store", "state_dir", &world.state.path().display().to_string());
    let key = crate::support::broker::LIMITED_KEY;
    let platform = good.clone().set("resilient", "port", &port);
    let broker = good
        .set("resilient", "port", &world.platform.port().to_string())
        .set("resilient", "cafile", &world.ca.path().display().to_string())
        .set("resilient", "api_key_id", key.login)
        .set("resilient", "api_key_secret", key.passcode)
        .set("resilient", "stomp_host", "127.0.0.1")
        .set("resilient", "stomp_port", &port);
    for (config, name) in [(platform, "platform"), (broker, "broker")] {
        let manager = Manager::new();
        let mut processor = Processor::start(&config, &["run"], &[("NOTIFY_SOCKET", &manager.path())]);
        manager.until(&format!("STATUS=waiting for the {name}: it has not answered yet")).await;
        let line = processor.wait_for_log(&format!("the {name} has not answered"), PATIENCE).await;
        assert!(line.contains("WARN") && line.contains("seconds=5"), "{line}");
        assert!(processor.stop(PATIENCE).await.success());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_configuration_is_named_by_key_and_a_faulty_one_is_refused_without_its_secret() {
    let (broker, world) = (Broker::shared().await, World::new().await);
    let _queue = PlatformQueue::open(broker, "reload").await;
    let config = world.config(broker, "hello", "reload");
    let mut processor = Processor::run(&config);
    processor.wait_for_log("ready", PATIENCE).await;
    rewrite(
        &processor.config_file(),
        &config.clone().set("resilient", "password", "a-new-secret-word").text(),
    );
    processor.signal("HUP");
    let line = processor.wait_for_log("this has changed", PATIENCE).await;
    assert!(line.contains("[resilient] password"), "{line}");
    rewrite(&processor.config_file(), &config.set("resilient", "num_workers", "none").text());
    processor.signal("HUP");
    let line = processor.wait_for_log("keeps the one it has", PATIENCE).await;
    assert!(line.contains("num_workers"), "{line}");
    assert!(processor.stop(PATIENCE).await.success());
    assert!(!processor.log().join("\n").contains("a-new-secret-word"));
}

fn rewrite(file: &Path, text: &str) {
    std::fs::write(file, text).unwrap();
}
