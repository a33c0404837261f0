//! Inbound destinations: news that nobody answers.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering::SeqCst},
};

use action_processor::component::{Component, Context, Failure, Message as Input, Reply, handler_fn};
use serde_json::json;
use tokio::sync::mpsc;

use super::{PATIENCE, Rig, stop};
use crate::{
    delivery::journal::dead,
    support::platform_queue::{Message, PlatformQueue},
};

async fn inbound(rig: &Rig, name: &str) -> PlatformQueue {
    PlatformQueue::of_kind(rig.broker, "inbound_destinations", name).await
}

fn news(event: &str) -> Message {
    Message::new(json!({ "action": event, "offense": { "id": 41 } }).to_string())
}

/// Tells what came to which handler.
fn component(destination: &str) -> (Component, mpsc::UnboundedReceiver<String>) {
    let (sender, heard) = mpsc::unbounded_channel();
    let handler = |name: &'static str| {
        let sender = sender.clone();
        handler_fn(move |message: Input, cx: Context| {
            let heard = sender.send(format!("{name} {} of {}", message.action(), message.destination()));
            async move {
                cx.status("nobody is told").await;
                heard.map_err(|_| Failure::new("nobody listens"))?;
                Ok(Reply::text("nor is this sent"))
            }
        })
    };
    let component = Component::new("news").inbound(destination, "create", handler("created"));
    (component.inbound(destination, "close", handler("closed")), heard)
}

#[tokio::test]
async fn news_comes_to_the_handler_of_its_event_and_is_acknowledged_without_a_reply() {
    let rig = Rig::new().await;
    let queue = inbound(&rig, "inbound_news").await;
    let (component, mut heard) = component("inbound_news");
    let daemon = rig.run(component);
    queue.post_all([news("create"), news(" Close")]).await;
    let mut both = [heard.recv().await.unwrap(), heard.recv().await.unwrap()];
    both.sort();
    assert_eq!(both, ["closed close of inbound_news", "created create of inbound_news"]);
    queue.until_settled(PATIENCE).await;
    stop(daemon).await;
    assert!(queue.replies(0, PATIENCE).await.is_empty());
}

#[tokio::test]
async fn news_that_no_handler_takes_is_acknowledged_and_not_kept() {
    let rig = Rig::new().await;
    let queue = inbound(&rig, "inbound_unknown").await;
    let (component, _heard) = component("inbound_unknown");
    let daemon = rig.run(component);
    queue.post(news("reopen")).await;
    rig.log.wait_for(&["INFO", "reopen", "no handler takes"], PATIENCE).await;
    queue.until_settled(PATIENCE).await;
    assert!(!dead(&rig.config(), &["list"]).await.contains("inbound_unknown"));
    stop(daemon).await;
    assert!(queue.replies(0, PATIENCE).await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn news_whose_handler_fails_is_set_aside_and_can_be_tried_again() {
    let rig = Rig::new().await;
    let queue = inbound(&rig, "inbound_failing").await;
    let tried = Arc::new(AtomicUsize::new(0));
    let (done, mut heard) = mpsc::unbounded_channel();
    let failing = {
        let tried = tried.clone();
        handler_fn(move |_: Input, _: Context| {
            let first = tried.fetch_add(1, SeqCst) == 0;
            let done = done.clone();
            async move {
                if first {
                    return Err(Failure::new("the ticket system is down"));
                }
                done.send(()).map_err(|_| Failure::new("nobody listens"))?;
                Ok(Reply::text("done"))
            }
        })
    };
    let config = rig.config();
    let daemon = rig.run(Component::new("news").inbound_otherwise("inbound_failing", failing));
    queue.post(news("create")).await;
    queue.until_settled(PATIENCE).await;
    let shown = dead(&config, &["show", "1"]).await;
    assert!(shown.contains("the ticket system is down") && shown.contains("\"offense\""), "{shown}");
    dead(&config, &["retry", "1"]).await;
    heard.recv().await.unwrap();
    stop(daemon).await;
    assert!(queue.replies(0, PATIENCE).await.is_empty());
}

#[tokio::test]
async fn news_that_cannot_be_read_or_does_not_say_what_it_is_is_set_aside() {
    let rig = Rig::new().await;
    let queue = inbound(&rig, "inbound_unreadable").await;
    let (component, _heard) = component("inbound_unreadable");
    let daemon = rig.run(component);
    queue.post_all([Message::new("no JSON"), Message::new(r#"{"offense": 1}"#)]).await;
    queue.until_settled(PATIENCE).await;
    assert_eq!(rig.log.lines(&["set aside; see"]).len(), 2);
    stop(daemon).await;
    assert!(queue.replies(0, PATIENCE).await.is_empty());
}
