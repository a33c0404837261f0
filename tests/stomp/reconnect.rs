//! The link over many sessions: heart-beats, falls, waits.

use std::time::Duration;

use action_processor::stomp::codec::Item;
use action_processor::stomp::session::SessionError;
use action_processor::stomp::{Command, Event, Frame, LinkError, Settings};
use tokio::io::AsyncWriteExt;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep, timeout};

use super::broker::{Peer, delivery, link, one_second_beats, until};

async fn down(events: &mut mpsc::Receiver<Event>) -> (LinkError, Option<Duration>) {
    let picked = until(events, |event| match event {
        Event::Down { error, retry_in, .. } => Some((error, retry_in)),
        _ => None,
    });
    picked.await
}

/// Beats flow both ways for ten intervals.
async fn beats_flow(peer: &mut Peer) {
    for _ in 0..10 {
        peer.beat().await;
        let beat = timeout(Duration::from_millis(900), peer.item()).await;
        assert_eq!(beat.expect("a beat in time"), Some(Item::Beat));
    }
}

#[tokio::test(start_paused = true)]
async fn beats_flow_both_ways_after_each_of_fifty_reconnects() {
    let (_link, mut events, mut broker) = link(one_second_beats(), &["a"]);
    for _ in 0..50 {
        let mut peer = broker.subscribed("1000,1000", 1).await;
        beats_flow(&mut peer).await;
        assert!(!broker.has_connection(), "one connection at a time");
        drop(peer);
        assert!(matches!(down(&mut events).await, (LinkError::ClosedByBroker, Some(_))));
    }
}

#[tokio::test(start_paused = true)]
async fn a_silent_broker_is_noticed_within_the_grace() {
    let (_link, mut events, mut broker) = link(one_second_beats(), &["a"]);
    let _peer = broker.subscribed("1000,1000", 1).await;
    let silent_since = Instant::now();
    assert!(matches!(down(&mut events).await.0, LinkError::Silent(_)));
    assert_eq!(silent_since.elapsed(), Duration::from_secs(2));
}

#[tokio::test(start_paused = true)]
async fn any_byte_counts_as_life() {
    let (_link, mut events, mut broker) = link(one_second_beats(), &["a"]);
    let mut peer = broker.subscribed("1000,1000", 1).await;
    let message = b"MESSAGE\nsubscription:0\nack:1\n\nbyte by byte\0";
    for byte in message {
        sleep(Duration::from_millis(1_900)).await;
        peer.stream.get_mut().write_all(&[*byte]).await.unwrap();
    }
    assert_eq!(&delivery(&mut events).await.body[..], b"byte by byte");
}

#[tokio::test(start_paused = true)]
async fn an_idle_link_without_beats_stays() {
    let (_link, mut events, mut broker) = link(Settings::new("broker.example"), &["a"]);
    let mut peer = broker.subscribed("0,0", 1).await;
    sleep(Duration::from_secs(24 * 3_600)).await;
    peer.deliver(1).await;
    assert_eq!(&delivery(&mut events).await.body[..], b"1");
}

#[tokio::test(start_paused = true)]
async fn what_an_old_session_delivered_cannot_be_settled_on_a_new_one() {
    let (link, mut events, mut broker) = link(one_second_beats(), &["a"]);
    let mut peer = broker.subscribed("0,0", 1).await;
    peer.deliver(1).await;
    let old = delivery(&mut events).await;
    drop(peer);
    let mut peer = broker.subscribed("0,0", 1).await;
    peer.deliver(1).await;
    let new = delivery(&mut events).await;
    assert!(new.ack.epoch() > old.ack.epoch());
    assert!(link.settle(&old.ack, None).await.is_err());
    let settling = link.settle(&new.ack, None).await.unwrap();
    assert_eq!(peer.settled().await[0].header("id"), Some("ID:a1"));
    settling.confirmed().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn wrong_credentials_are_said_and_tried_ever_more_slowly() {
    let (_link, mut events, mut broker) = link(Settings::new("broker.example"), &["a"]);
    let mut waits = Vec::new();
    for _ in 0..8 {
        let mut peer = broker.accept().await;
        let words = "User name [key] or password is invalid.";
        peer.send(Frame::new(Command::Error).with("message", words)).await;
        let (error, wait) = down(&mut events).await;
        assert!(matches!(&error, LinkError::Session(SessionError::Broker(_))), "{error:?}");
        assert!(error.to_string().contains("check the API key"), "{error}");
        waits.push(wait.unwrap());
    }
    assert!(waits[0] >= Duration::from_secs(8), "{waits:?}");
    assert!(waits.windows(2).take(4).all(|pair| pair[1] > pair[0]), "{waits:?}");
    assert!(waits[7] >= Duration::from_secs(240) && waits[7] <= Duration::from_secs(300), "{waits:?}");
}

#[tokio::test(start_paused = true)]
async fn a_broker_that_never_answers_is_given_one_deadline() {
    let settings = Settings { connect_timeout: Duration::from_secs(7), ..Settings::new("broker.example") };
    let (_link, mut events, mut broker) = link(settings, &["a"]);
    let began = Instant::now();
    let _peer = broker.accept().await;
    assert!(matches!(down(&mut events).await.0, LinkError::ConnectTimeout(_)));
    assert_eq!(began.elapsed(), Duration::from_secs(7));
}

#[tokio::test(start_paused = true)]
async fn a_broker_that_accepts_and_drops_is_backed_off() {
    let (_link, mut events, mut broker) = link(Settings::new("broker.example"), &["a"]);
    let began = Instant::now();
    let mut attempts = 0;
    while began.elapsed() < Duration::from_secs(600) {
        drop(broker.welcome("0,0").await);
        down(&mut events).await;
        attempts += 1;
    }
    // Two minutes at 1.6 to 2 s, eight minutes at up to 30 s.
    assert!((75..=105).contains(&attempts), "{attempts}");
}

#[tokio::test(start_paused = true)]
async fn a_refused_queue_does_not_flap_the_link_of_the_others() {
    let (_link, mut events, mut broker) = link(Settings::new("broker.example"), &["bad", "a"]);
    let mut peer = broker.welcome("0,0").await;
    let bad = peer.expect(Command::Subscribe).await;
    peer.refuse(&bad, "access_refused").await;
    drop(peer);
    until(&mut events, |event| matches!(event, Event::Refused { .. }).then_some(())).await;
    down(&mut events).await;
    let mut peer = broker.welcome("0,0").await;
    let up = Instant::now();
    assert_eq!(peer.expect(Command::Subscribe).await.header("destination"), Some("a"));
    assert_eq!(peer.expect(Command::Subscribe).await.header("destination"), Some("bad"));
    assert!(up.elapsed() > Duration::from_secs(20));
}

#[tokio::test(start_paused = true)]
async fn it_gives_up_after_so_many_attempts_if_told_to() {
    let settings = Settings { max_attempts: Some(3), ..Settings::new("broker.example") };
    let (link, mut events, broker) = link(settings, &["a"]);
    drop(broker);
    let mut waits = Vec::new();
    while let Some(event) = events.recv().await {
        if let Event::Down { retry_in, .. } = event {
            waits.push(retry_in.is_some());
        }
    }
    assert_eq!(waits, [true, true, false]);
    assert_eq!(link.close(Duration::ZERO).await, Ok(()));
}

#[tokio::test(start_paused = true)]
async fn a_broker_that_says_connected_and_drops_counts_as_a_failed_attempt() {
    let settings = Settings { max_attempts: Some(3), ..Settings::new("broker.example") };
    let (_link, mut events, mut broker) = link(settings, &["a"]);
    for last in [false, false, true] {
        drop(broker.welcome("0,0").await);
        assert_eq!(down(&mut events).await.1.is_none(), last);
    }
}

#[tokio::test(start_paused = true)]
async fn a_session_that_was_of_use_forgives_the_failures_before_it() {
    let settings = Settings { max_attempts: Some(2), ..Settings::new("broker.example") };
    let (_link, mut events, mut broker) = link(settings, &["a"]);
    for _ in 0..5 {
        drop(broker.welcome("0,0").await);
        assert!(down(&mut events).await.1.is_some());
        drop(broker.subscribed("0,0", 1).await);
        assert!(down(&mut events).await.1.is_some());
    }
}
