//! Low-code connectors: their queues are the platform's to list, and to change while the daemon runs.

use action_processor::component::{Component, Context, Message as Input, Reply, handler_fn};
use http::Method;
use serde_json::{Value, json};
use stand_in_platform::Fault;

use super::{PATIENCE, Rig, saying, stop};
use crate::support::{
    platform_queue::{Message, PlatformQueue},
    processor::AppConfig,
};

const LIST: &str = "/connectors/queues";

async fn connector(rig: &Rig, name: &str) -> PlatformQueue {
    PlatformQueue::of_kind(rig.broker, "connectors", name).await
}

fn list<'a>(queues: impl IntoIterator<Item = &'a PlatformQueue>) -> Value {
    let queues = queues.into_iter().map(|queue| json!({ "queue_name": queue.actions(), "id": 1 }));
    json!({ "queues": queues.collect::<Vec<_>>() })
}

/// Answers whatever connector there is.
fn any() -> Component {
    let answer = |message: Input, _: Context| {
        std::future::ready(Ok(Reply::text(format!("connected by {}", message.destination()))))
    };
    Component::new("low_code").connector_otherwise(handler_fn(answer))
}

fn request() -> Message {
    let body = json!({ "request_originator": { "type": "playbook" }, "request_payload": { "url": "https://a.example" } });
    Message::new(body.to_string()).header("Co3MessagePayload", "RestAPIExecutionEventDTO")
}

/// The platform's word that connectors have come or gone.
fn update(body: &Value) -> Message {
    Message::new(body.to_string()).header("Co3MessagePayload", "ConnectorSubscriptionUpdateDTO")
}

fn told_by(config: AppConfig, queue: &PlatformQueue) -> AppConfig {
    config.set("resilient", "low_code_subscription_queue", &queue.actions())
}

#[tokio::test]
async fn the_connectors_that_the_platform_lists_are_answered_and_no_others() {
    let rig = Rig::new().await;
    let (one, own, other) =
        (connector(&rig, "one").await, connector(&rig, "own").await, connector(&rig, "unlisted").await);
    rig.world.platform.set(LIST, list([&one, &own]));
    let component = any().connector("own", saying("by a handler of its own"));
    let daemon = rig.run(component);
    one.post(request()).await;
    own.post(request()).await;
    one.answers(1, PATIENCE).await;
    own.answers(1, PATIENCE).await;
    one.until_settled(PATIENCE).await;
    assert_eq!(other.statistics().await.consumers, 0);
    stop(daemon).await;
}

#[tokio::test]
async fn connectors_come_and_go_at_the_platforms_word_which_is_acknowledged_without_a_reply() {
    let rig = Rig::new().await;
    let (first, second) = (connector(&rig, "first").await, connector(&rig, "second").await);
    let word = connector(&rig, "subscriptions").await;
    rig.world.platform.set(LIST, list([&first]));
    // The list is not asked for again meanwhile: only the word counts.
    let config = told_by(rig.config().set("resilient", "definitions_refresh", "3600"), &word);
    let daemon = rig.run_all(&config, [any()]);
    first.until_subscribed(PATIENCE).await;
    word.post(update(&json!({ "subscribe": [second.actions()], "unsubscribe": null }))).await;
    second.post(request()).await;
    second.answers(1, PATIENCE).await;
    word.post(update(&json!({ "subscribe": [], "unsubscribe": [first.actions()] }))).await;
    first.until_left(PATIENCE).await;
    word.until_settled(PATIENCE).await;
    assert_eq!(second.statistics().await.consumers, 1);
    stop(daemon).await;
    assert!(word.replies(0, PATIENCE).await.is_empty());
}

#[tokio::test]
async fn the_platforms_word_subscribes_to_connectors_of_this_organization_only() {
    let rig = Rig::new().await;
    let word = connector(&rig, "word").await;
    let actions = rig.queue("not_by_word").await;
    rig.world.platform.set(LIST, list([]));
    let daemon = rig.run_all(&told_by(rig.config(), &word), [any()]);
    let foreign = ["connectors.999.theirs", "connectors.201.>", "connectors.201.a,actions.201.not_by_word"];
    let mut foreign: Vec<String> = foreign.map(str::to_owned).into();
    foreign.push(actions.actions());
    word.post(update(&json!({ "subscribe": foreign }))).await;
    let refused = rig.log.wait_for(&["WARN", "not subscribed to"], PATIENCE).await;
    assert!(foreign.iter().all(|queue| refused.contains(queue)), "{refused}");
    word.until_settled(PATIENCE).await;
    assert_eq!(actions.statistics().await.consumers, 0);
    assert!(rig.log.lines(&["subscribed", "theirs"]).len() <= rig.log.lines(&["not subscribed to"]).len());
    stop(daemon).await;
}

#[tokio::test]
async fn a_word_that_cannot_be_read_is_acknowledged_and_the_list_is_asked_for() {
    let rig = Rig::new().await;
    let (word, new) = (connector(&rig, "garbled").await, connector(&rig, "after_garbled").await);
    rig.world.platform.set(LIST, list([]));
    let config = told_by(rig.config().set("resilient", "definitions_refresh", "3600"), &word);
    let daemon = rig.run_all(&config, [any()]);
    word.until_subscribed(PATIENCE).await;
    rig.world.platform.set(LIST, list([&new]));
    word.post(Message::new("no JSON").header("Co3MessagePayload", "ConnectorSubscriptionUpdateDTO")).await;
    new.until_subscribed(PATIENCE).await;
    word.until_settled(PATIENCE).await;
    stop(daemon).await;
}

#[tokio::test]
async fn a_platform_without_connectors_is_warned_of_once_and_the_rest_runs() {
    let rig = Rig::new().await;
    let actions = rig.queue("no_low_code").await;
    rig.world.platform.fault(Fault::status(500).on(Method::GET, LIST));
    let component = any().destination("no_low_code").on("Say Hello", saying("hello"));
    let daemon = rig.run(component);
    actions.post(crate::delivery::action(1, &json!({}))).await;
    actions.answers(1, PATIENCE).await;
    rig.asked(LIST, 2).await;
    assert_eq!(rig.log.lines(&["WARN", "lists no low-code connectors"]).len(), 1);
    stop(daemon).await;
}
