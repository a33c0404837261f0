//! Messages that end one session after the other: they are held back, and the others go on.

use std::time::Duration;

use action_processor::stomp::{Event, Limits, Settings};
use tokio::time::Instant;

use super::broker::{Peer, delivery, link, until};

fn settings() -> Settings {
    Settings { limits: Limits::default(), ..Settings::new("broker.example") }
}

/// A message on `subscription` that never ends, and says to be larger than anything.
fn endless(subscription: &str) -> String {
    format!(
        "MESSAGE\nsubscription:{subscription}\nmessage-id:ID\\cbad\nack:A\ncontent-length:200000000\n\nand no more of it"
    )
}

fn names(frames: &[action_processor::stomp::Frame]) -> Vec<&str> {
    frames.iter().map(|frame| frame.header("destination").unwrap()).collect()
}

async fn isolated(events: &mut tokio::sync::mpsc::Receiver<Event>) -> (String, Option<String>, Duration) {
    let pick = |event| match event {
        Event::Isolated { destination, id, retry_in } => Some((destination, id, retry_in)),
        _ => None,
    };
    until(events, pick).await
}

#[tokio::test(start_paused = true)]
async fn a_message_that_ends_two_sessions_is_held_back_and_the_others_go_on() {
    let (_link, mut events, mut broker) = link(settings(), &["bad", "good"]);
    for _ in 0..2 {
        let mut peer = broker.subscribed("0,0", 2).await;
        peer.raw(endless("0")).await;
    }
    let (destination, id, retry_in) = isolated(&mut events).await;
    assert_eq!((destination.as_str(), id.as_deref()), ("bad", Some("ID:bad")));
    let mut peer = broker.welcome("0,0").await;
    let subscribed = peer.confirm_subscriptions(1).await;
    assert_eq!(names(&subscribed), ["good"]);
    for number in 0..200 {
        peer.raw(format!("MESSAGE\nsubscription:1\nmessage-id:g{number}\nack:g{number}\n\n{{}}\0")).await;
        assert_eq!(delivery(&mut events).await.id, Some(format!("g{number}")));
    }
    let asked = Instant::now();
    assert_eq!(names(&peer.confirm_subscriptions(1).await), ["bad"]);
    assert!(asked.elapsed() <= retry_in && asked.elapsed() > retry_in / 2);
    peer.raw(endless("0")).await;
    let (_, _, next) = isolated(&mut events).await;
    assert!(next > retry_in, "the pauses grow: {retry_in:?}, {next:?}");
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_falls_within_the_same_message_twice_is_its_fault() {
    let (_link, mut events, mut broker) = link(settings(), &["bad", "good"]);
    for _ in 0..2 {
        let mut peer = broker.subscribed("0,0", 2).await;
        peer.raw("MESSAGE\nsubscription:0\nmessage-id:ID\\cbad\nack:A\n\n{\"half").await;
        drop(peer);
    }
    assert_eq!(isolated(&mut events).await.0, "bad");
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_falls_between_messages_is_nobodys_fault() {
    let (_link, mut events, mut broker) = link(settings(), &["a", "b"]);
    for _ in 0..4 {
        let mut peer = broker.subscribed("0,0", 2).await;
        peer.deliver(1).await;
        delivery(&mut events).await;
        drop(peer);
        let down = until(&mut events, |event| match event {
            Event::Isolated { .. } => Some(false),
            Event::Down { .. } => Some(true),
            _ => None,
        });
        assert!(down.await);
    }
}

/// What comes cannot be read at all: the queue is the one that was asked for last.
#[tokio::test(start_paused = true)]
async fn what_cannot_be_read_is_traced_to_its_queue() {
    let (_link, mut events, mut broker) = link(settings(), &["one", "bad", "three"]);
    let endless_head = async |peer: &mut Peer| {
        peer.raw("MESSAGE\nx:").await;
        peer.raw_until_closed(vec![b'x'; 1 << 20]).await;
    };
    let mut peer = broker.subscribed("0,0", 3).await;
    endless_head(&mut peer).await;
    let mut peer = broker.welcome("0,0").await;
    let asked = Instant::now();
    assert_eq!(names(&peer.confirm_subscriptions(2).await), ["one", "bad"]);
    assert!(asked.elapsed() >= Duration::from_millis(400), "one after the other");
    endless_head(&mut peer).await;
    let (destination, id, _) = isolated(&mut events).await;
    assert_eq!((destination.as_str(), id), ("bad", None));
    let mut peer = broker.welcome("0,0").await;
    assert_eq!(names(&peer.confirm_subscriptions(2).await), ["one", "three"]);
}
