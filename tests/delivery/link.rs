//! The link: brokers that come and go, credentials that are wrong, queues that are refused, handlers that are slow.

use super::{
    PATIENCE, World, action,
    handlers::{Daemon, Floor, blocking},
    hello, only_answer,
};
use crate::stomp_cases::wire::Wire;
use crate::support::{
    broker::{Broker, LIMITED_KEY},
    platform_queue::{PlatformQueue, answered_twice},
    processor::Processor,
    proxies::TestProxy,
};
use action_processor::{
    component::{Component, Context, Failure, Message, Reply, handler_fn},
    signals::Signal,
};
use serde_json::json;
use stand_in_platform::{Fault, Weather};
use std::time::{Duration, Instant};

#[tokio::test(flavor = "multi_thread")]
async fn a_broker_that_is_stopped_and_one_that_is_killed_lose_nothing_and_answer_nothing_twice() {
    let (mut broker, world) = (Broker::start().await, World::new().await);
    let queue = PlatformQueue::open(&broker, "coming_and_going").await;
    let processor = Processor::run(&world.config(&broker, "hello", "coming_and_going"));
    queue.post_all((0..200).map(|number| hello(&number.to_string()))).await;
    queue.answers(50, PATIENCE).await;
    broker.stop().await;
    processor.wait_for_log("no link to the broker", PATIENCE).await;
    broker.restart().await;
    queue.answers(200, PATIENCE).await;
    queue.post_all((200..400).map(|number| hello(&number.to_string()))).await;
    queue.answers(250, PATIENCE).await;
    broker.kill().await;
    broker.restart().await;
    queue.answers(400, PATIENCE).await;
    queue.until_settled(PATIENCE).await;
    assert_eq!(answered_twice(&queue.answers(400, PATIENCE).await), Vec::<&str>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_at_work_while_the_broker_restarts_is_carried_out_once_and_answered() {
    let (mut broker, world, floor) = (Broker::start().await, World::new().await, Floor::new());
    let queue = PlatformQueue::open(&broker, "restart").await;
    let daemon = Daemon::run(&world.config(&broker, "floor", "restart"), floor.component("restart"));
    queue.post(action(4, &json!({}))).await;
    floor.one_begun().await;
    broker.kill().await;
    broker.restart().await;
    queue.until_subscribed(PATIENCE).await;
    floor.finish.add_permits(2);
    assert_eq!(only_answer(&queue).await["message"], "slow, but done");
    queue.until_settled(PATIENCE).await;
    assert_eq!(floor.done(), 1);
    daemon.signal(Signal::Stop).await;
    daemon.ended().await.unwrap();
    assert_eq!(answered_twice(&queue.answers(1, PATIENCE).await), Vec::<&str>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_credentials_are_said_plainly_and_tried_ever_more_slowly() {
    let (broker, world) = (Broker::shared().await, World::new().await);
    // The platform knows this key; the broker does not.
    world.platform.change_password(stand_in_platform::EMAIL, "known to the platform only");
    let config = world
        .config(broker, "hello", "wrong_password")
        .set("resilient", "api_key_id", "")
        .set("resilient", "api_key_secret", "")
        .set("resilient", "email", stand_in_platform::EMAIL)
        .set("resilient", "password", "known to the platform only");
    let mut processor = Processor::run(&config);
    let line = processor.wait_for_log("ERROR", PATIENCE).await;
    assert!(line.contains("credentials") || line.contains("password"), "{line}");
    assert!(!processor.log().join("\n").contains("known to the platform only"));
    assert!(processor.stop(PATIENCE).await.success());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_api_key_is_said_plainly_and_tried_slowly_and_the_broker_is_left_alone() {
    let (broker, world) = (Broker::shared().await, World::new().await);
    let queue = PlatformQueue::open(broker, "wrong_key").await;
    world.platform.revoke_api_key(stand_in_platform::API_KEY_ID);
    let mut processor = Processor::run(&world.config(broker, "hello", "wrong_key"));
    let line = processor.wait_for_log("the platform refuses us; somebody must act", PATIENCE).await;
    assert!(line.contains("ERROR") && line.contains("api_key_secret"), "{line}");
    let (_, wait) = line.split_once("next=").unwrap();
    let seconds: f64 = wait.trim_matches('"').split(' ').next().unwrap().parse().unwrap();
    assert!(seconds >= 8.0, "{line}");
    assert_eq!(queue.statistics().await.consumers, 0);
    assert!(processor.stop(PATIENCE).await.success());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_proxy_of_the_configuration_leads_to_the_broker_and_sees_no_secret() {
    let (broker, world) = (Broker::shared().await, World::new().await);
    let queue = PlatformQueue::open(broker, "proxied").await;
    let mut proxy = TestProxy::socks(None, 0).await;
    let config = world.config(broker, "hello", "proxied").set(
        "resilient",
        "stomp_proxy",
        &format!("socks5h://{}", proxy.address),
    );
    let _processor = Processor::run(&config);
    queue.post(hello("Ada")).await;
    assert_eq!(only_answer(&queue).await["message"], "hello, Ada");
    assert_eq!(proxy.request().await, format!("name localhost {}", broker.port()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_queue_is_named_and_the_others_run() {
    let (broker, world) = (Broker::start().await, World::new().await);
    let queue = PlatformQueue::open(&broker, "granted").await;
    let config = world
        .config(&broker, "hello", "granted")
        .set("resilient", "noload", "add_task")
        .set("set_last_updated", "destination", "refused")
        .set("resilient", "api_key_id", LIMITED_KEY.login)
        .set("resilient", "api_key_secret", LIMITED_KEY.passcode);
    let processor = Processor::run(&config);
    let line = processor.wait_for_log("the broker refuses this queue", PATIENCE).await;
    assert!(line.contains("actions.201.refused"), "{line}");
    queue.post(hello("Ada")).await;
    assert_eq!(only_answer(&queue).await["message"], "hello, Ada");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_reply_is_named_and_the_next_message_is_answered() {
    let (broker, world) = (Broker::shared().await, World::new().await);
    let queue = PlatformQueue::open(broker, "refused_reply").await;
    let processor = Processor::run(&world.config(broker, "hello", "refused_reply"));
    queue.post(hello("Ada").header("reply-to", "/queue/not.ours")).await;
    let line = processor.wait_for_log("the broker refuses a reply", PATIENCE).await;
    assert!(line.contains("ERROR") && line.contains("/queue/not.ours"), "{line}");
    queue.post(hello("Grace")).await;
    assert_eq!(only_answer(&queue).await["message"], "hello, Grace");
    queue.until_settled(PATIENCE).await;
    assert!(!processor.log().join("\n").contains("no link to the broker"));
}

/// Some brokers cut the link over that, and do not say so.
#[tokio::test(flavor = "multi_thread")]
async fn a_lost_link_names_what_was_unacknowledged_for_long() {
    let (broker, world) = (Broker::shared().await, World::new().await);
    let queue = PlatformQueue::open(broker, "unacknowledged").await;
    let wire = Wire::to(broker.port()).await;
    let config = world.config(broker, "set_last_updated", "unacknowledged").set(
        "resilient",
        "stomp_port",
        &wire.port.to_string(),
    );
    let processor = Processor::run(&config);
    processor.wait_for_log("ready: taking messages", PATIENCE).await;
    world.platform.weather(Weather::of(1.0, [Fault::hang()]));
    queue.post(action(2, &json!({}))).await;
    queue.until_statistics(PATIENCE, |figures| figures.delivered == 1).await;
    // It is the time that is told.
    tokio::time::sleep(Duration::from_secs(6)).await;
    wire.cut();
    let line = processor.wait_for_log("with a message unacknowledged for", PATIENCE).await;
    for words in ["no link to the broker", " message_id=ID:", "action=\"Incident Updated\""] {
        assert!(line.contains(words), "{line} lacks {words}");
    }
    world.platform.weather(Weather::fair());
    assert_eq!(only_answer(&queue).await["message"], "last_updated set");
}

/// The broker's read check is strict, and it drops a silent client after the interval.
#[tokio::test(flavor = "multi_thread")]
async fn a_handler_of_a_minute_costs_no_heart_beat() {
    let (broker, world, floor) = (Broker::start().await, World::new().await, Floor::new());
    let queue = PlatformQueue::open(&broker, "minute").await;
    let config = world
        .config(&broker, "floor", "minute")
        .set("resilient", "stomp_heartbeat_send", "2000")
        .set("resilient", "stomp_heartbeat_receive", "2000");
    let _daemon = Daemon::run(&config, floor.component("minute"));
    queue.post(action(4, &json!({}))).await;
    floor.one_begun().await;
    let begun = Instant::now();
    while begun.elapsed() < Duration::from_secs(60) {
        let statistics = queue.statistics().await;
        assert_eq!((statistics.consumers, statistics.delivered), (1, 1), "the link was replaced");
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    floor.finish.add_permits(1);
    assert_eq!(only_answer(&queue).await["message"], "slow, but done");
    queue.until_settled(PATIENCE).await;
    assert_eq!(floor.done(), 1);
}

/// Three strict read checks of the broker pass while the only worker thread is blocked.
#[tokio::test(flavor = "multi_thread")]
async fn a_handler_that_blocks_every_worker_thread_costs_no_heart_beat() {
    let (broker, world) = (Broker::shared().await, World::new().await);
    let queue = PlatformQueue::open(broker, "burning").await;
    let config = world
        .config(broker, "blocking", "burning")
        .set("resilient", "stomp_heartbeat_send", "2000")
        .set("resilient", "stomp_heartbeat_receive", "2000");
    let workers = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let (component, release) = blocking("burning");
    let _daemon = Daemon::with_workers(&config, component, workers.handle().clone());
    queue.post(action(4, &json!({}))).await;
    queue.until_statistics(PATIENCE, |statistics| statistics.delivered == 1).await;
    let begun = Instant::now();
    while begun.elapsed() < Duration::from_secs(7) {
        let statistics = queue.statistics().await;
        assert_eq!((statistics.consumers, statistics.delivered), (1, 1), "the link was replaced");
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    drop(release);
    assert_eq!(only_answer(&queue).await["message"], "blocked, but done");
    queue.until_settled(PATIENCE).await;
    workers.shutdown_background();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_panic_and_an_error_are_answers() {
    let (broker, world, floor) = (Broker::shared().await, World::new().await, Floor::new());
    let queue = PlatformQueue::open(broker, "panics").await;
    let _daemon = Daemon::run(&world.config(broker, "floor", "panics"), floor.component("panics"));
    let panicked = queue.post(action(3, &json!({}))).await;
    let failed = queue.post(action(6, &json!({}))).await;
    let answers = queue.answers(2, PATIENCE).await;
    let text = |id: &str| {
        let answer = answers.iter().find(|answer| answer.correlation_id == id).unwrap().json();
        assert_eq!(answer["message_type"], 1);
        answer["message"].as_str().unwrap().to_owned()
    };
    assert!(text(&panicked).contains("broke off unexpectedly"), "{}", text(&panicked));
    assert_eq!(text(&failed), "invalid digit found in string");
    queue.until_settled(PATIENCE).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sixty_four_handlers_at_once_are_each_answered_once() {
    let (broker, world) = (Broker::shared().await, World::new().await);
    let queue = PlatformQueue::open(broker, "many").await;
    async fn echo(message: Message, _: Context) -> Result<Reply, Failure> {
        tokio::task::yield_now().await;
        Ok(Reply::text(message.correlation_id().unwrap_or_default()))
    }
    let config = world.config(broker, "echo", "many").set("resilient", "num_workers", "64");
    let _daemon =
        Daemon::run(&config, Component::new("echo").destination("many").otherwise(handler_fn(echo)));
    queue.post_all((0..500).map(|_| action(4, &json!({})))).await;
    let answers = queue.answers(500, PATIENCE).await;
    assert!(answers.iter().all(|answer| answer.json()["message"] == answer.correlation_id.as_str()));
    assert_eq!(answered_twice(&answers), Vec::<&str>::new());
    queue.until_settled(PATIENCE).await;
}
