//! Replies that the broker does not take: they stop no other.

use super::{PATIENCE, World, hello, journal::dead, only_answer};
use crate::support::{
    broker::{Broker, RABBITMQ_BYTES, SMALL_BYTES},
    platform_queue::{PlatformQueue, answered_twice},
    processor::{AppConfig, Processor},
};

/// Two queues that one processor serves, and so one link.
pub(super) struct Two {
    pub(super) suspect: PlatformQueue,
    pub(super) others: PlatformQueue,
    pub(super) config: AppConfig,
}

/// How many messages the other queue has.
const OTHERS: usize = 300;

impl Two {
    pub(super) async fn open(world: &World, broker: &Broker, name: &str) -> Self {
        let (suspect, others) = (format!("{name}_suspect"), format!("{name}_others"));
        let config = world
            .config(broker, "hello:suspect", &suspect)
            .set("resilient", "noload", "add_task,set_last_updated")
            .set("hello:others", "destination", &others);
        let suspect = PlatformQueue::open(broker, &suspect).await;
        Self { suspect, others: PlatformQueue::open(broker, &others).await, config }
    }

    /// Posts to the other queue for as long as `meanwhile` takes; each is answered once, and the link is lost once at most.
    pub(super) async fn hold(&self, processor: &Processor, meanwhile: impl Future<Output = ()>) {
        let half = || (0..OTHERS / 2).map(|number| hello(&number.to_string()));
        self.others.post_all(half()).await;
        meanwhile.await;
        self.others.post_all(half()).await;
        let answers = self.others.answers(OTHERS, PATIENCE).await;
        assert_eq!(answered_twice(&answers), Vec::<&str>::new());
        self.suspect.until_settled(PATIENCE).await;
        self.others.until_settled(PATIENCE).await;
        let log = processor.log();
        let lost = log.iter().filter(|line| line.contains("no link to the broker")).count();
        assert!(lost <= 1, "the link was lost {lost} times:\n{}", log.join("\n"));
    }
}

/// Exactly one ERROR, which names a message.
pub(super) fn the_error(processor: &Processor) -> String {
    let log = processor.log();
    let errors: Vec<_> = log.iter().filter(|line| line.contains(" ERROR ")).collect();
    assert_eq!(errors.len(), 1, "{}", log.join("\n"));
    assert!(errors[0].contains(" message_id="), "{}", errors[0]);
    errors[0].clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reply_too_large_for_activemq_stops_no_other() {
    let (broker, world) = (Broker::shared().await, World::new().await);
    let two = Two::open(&world, broker, "large_reply").await;
    let small = two.config.clone().set("resilient", "stomp_port", &broker.address().small.to_string());
    let mut processor = Processor::run(&small);
    let name = "x".repeat(SMALL_BYTES + 50_000);
    two.hold(&processor, async {
        two.suspect.post(hello(&name)).await;
        let answer = only_answer(&two.suspect).await;
        assert_eq!(answer["message_type"], 1, "{answer}");
        let text = answer["message"].as_str().unwrap();
        assert!(text.contains("150") && text.contains("more than the broker takes"), "{text}");
    })
    .await;
    assert!(the_error(&processor).contains("withheld"));
    // After that it is known without asking.
    two.suspect.post(hello(&name)).await;
    two.suspect.answers(2, PATIENCE).await;
    two.suspect.until_settled(PATIENCE).await;
    assert!(processor.stop(PATIENCE).await.success());
    let lost = processor.log().iter().filter(|line| line.contains("no link to the broker")).count();
    assert_eq!(lost, 1, "{}", processor.log().join("\n"));
    // Where there is room, it can be sent later.
    let listed = dead(&small, &["list", "--json"]).await;
    assert!(listed.contains("withheld"), "{listed}");
    let _roomy = Processor::run(&two.config);
    dead(&two.config, &["retry", "1"]).await;
    let answers = two.suspect.answers(2, PATIENCE).await;
    let _ = two.suspect.replies_until(PATIENCE, |reply| reply.body.contains(&name)).await;
    assert!(answers.iter().all(|answer| answer.json()["message_type"] == 1 || answer.body.contains(&name)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reply_above_stomp_max_reply_bytes_is_never_sent() {
    let (broker, world) = (Broker::shared().await, World::new().await);
    let two = Two::open(&world, broker, "max_reply").await;
    let config = two.config.clone().set("resilient", "stomp_max_reply_bytes", "2000");
    let processor = Processor::run(&config);
    two.hold(&processor, async {
        // Counted as it is sent: six bytes for each of them.
        two.suspect.post(hello(&"é".repeat(400))).await;
        let answer = only_answer(&two.suspect).await;
        assert_eq!(answer["message_type"], 1, "{answer}");
        let text = answer["message"].as_str().unwrap();
        assert!(text.contains("24") && text.contains("2000"), "{text}");
    })
    .await;
    let error = the_error(&processor);
    assert!(error.contains("stomp_max_reply_bytes is 2000"), "{error}");
    assert!(!processor.log().join("\n").contains("no link to the broker"));
    let listed = dead(&config, &["list", "--json"]).await;
    assert!(listed.contains("stomp_max_reply_bytes"), "{listed}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reply_too_large_for_rabbitmq_stops_no_other() {
    let (broker, world) =
        (Broker::shared_of(crate::support::broker::Make::RabbitMq).await, World::new().await);
    let two = Two::open(&world, broker, "large_rabbitmq").await;
    let config = two.config.clone().set("resilient", "stomp_broker", "rabbitmq").set(
        "resilient",
        "stomp_max_reply_bytes",
        "100000000",
    );
    let processor = Processor::run(&config);
    two.hold(&processor, async {
        // Two bytes on the way here, six on the way back.
        two.suspect.post(hello(&"é".repeat(RABBITMQ_BYTES / 6 + 100_000))).await;
        let answer = only_answer(&two.suspect).await;
        let text = answer["message"].as_str().unwrap();
        assert!(text.contains(&RABBITMQ_BYTES.to_string()) && text.contains("broker takes"), "{text}");
    })
    .await;
    assert!(the_error(&processor).contains("withheld"));
}
