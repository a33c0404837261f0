//! Replies and acknowledgements: taken together or not at all, and known to be.

use std::collections::HashSet;
use std::time::Duration;

use action_processor::stomp::{
    Command, Delivery, Event, Frame, Link, LinkError, Make, Outgoing, Settings, Settled, Settling, Stale,
    Unsettled,
};
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::broker::{Peer, delivery, link, one_second_beats, until};

fn settings() -> Settings {
    Settings::new("broker.example")
}

fn by_receipts() -> Settings {
    Settings { make: Some(Make::RabbitMq), ..settings() }
}

fn reply(body: impl Into<bytes::Bytes>) -> Outgoing {
    let headers = vec![("correlation-id".to_owned(), "invid:390".to_owned())];
    Outgoing { destination: "/queue/acks.201.x".to_owned(), headers, body: body.into() }
}

async fn deliveries(peer: &mut Peer, events: &mut mpsc::Receiver<Event>, count: usize) -> Vec<Delivery> {
    let mut all = Vec::new();
    for number in 0..count {
        peer.deliver(number).await;
        all.push(delivery(events).await);
    }
    all
}

async fn settle(link: &Link, delivery: &Delivery) -> Settling {
    link.settle(&delivery.ack, Some(reply(delivery.body.clone()))).await.unwrap()
}

fn words(frames: &[Frame]) -> Vec<String> {
    let word = |frame: &Frame| match frame.command {
        Command::Ack => format!("ack {}", frame.header("id").unwrap()),
        _ => format!("reply {}", String::from_utf8_lossy(&frame.body)),
    };
    frames.iter().map(word).collect()
}

#[tokio::test(start_paused = true)]
async fn reply_and_acknowledgement_stand_in_one_transaction() {
    let (link, mut events, mut broker) = link(settings(), &["a"]);
    let mut peer = broker.subscribed("0,0", 1).await;
    peer.deliver(1).await;
    let delivery = delivery(&mut events).await;
    let settling = link.settle(&delivery.ack, Some(reply("d\u{e9}j\u{e0} vu"))).await.unwrap();
    let (frames, commit) = peer.transaction().await;
    let names = ["destination", "persistent", "content-length", "correlation-id"];
    assert_eq!(
        names.map(|name| frames[0].header(name).unwrap()),
        ["/queue/acks.201.x", "true", "9", "invid:390"]
    );
    let ack = Frame::new(Command::Ack).with("id", "ID:a1").with("transaction", "t1");
    assert_eq!(frames[1..], [ack]);
    let confirmed = tokio::spawn(settling.confirmed());
    tokio::time::sleep(Duration::from_secs(5)).await;
    assert!(!confirmed.is_finished(), "only the broker's receipt confirms");
    peer.confirm(&commit).await;
    assert_eq!(confirmed.await.unwrap(), Ok(Settled::Taken));
}

#[tokio::test(start_paused = true)]
async fn one_group_is_at_the_broker_at_a_time_and_the_next_takes_all_that_gathered() {
    let (link, mut events, mut broker) = link(Settings { prefetch: 50, ..settings() }, &["a"]);
    let mut peer = broker.subscribed("0,0", 1).await;
    let messages = deliveries(&mut peer, &mut events, 20).await;
    let first = settle(&link, &messages[0]).await;
    let (frames, commit) = peer.transaction().await;
    assert_eq!(words(&frames), ["reply 0", "ack ID:a0"]);
    let mut later = Vec::new();
    for message in &messages[1..] {
        later.push(settle(&link, message).await);
    }
    tokio::task::yield_now().await;
    peer.confirm(&commit).await;
    assert_eq!(first.confirmed().await, Ok(Settled::Taken));
    let frames = peer.settled().await;
    let expected: Vec<_> = (1..20).flat_map(|n| [format!("reply {n}"), format!("ack ID:a{n}")]).collect();
    assert_eq!(words(&frames), expected);
    for settling in later {
        assert_eq!(settling.confirmed().await, Ok(Settled::Taken));
    }
}

#[tokio::test(start_paused = true)]
async fn only_the_first_reply_to_a_queue_asks_whether_it_may() {
    let (link, mut events, mut broker) = link(settings(), &["a"]);
    let mut peer = broker.subscribed("0,0", 1).await;
    let messages = deliveries(&mut peer, &mut events, 3).await;
    let mut asked = Vec::new();
    for message in &messages {
        let settling = settle(&link, message).await;
        asked.push(peer.settled().await[0].header("receipt").is_some());
        settling.confirmed().await.unwrap();
    }
    assert_eq!(asked, [true, false, false]);
}

#[tokio::test(start_paused = true)]
async fn a_refused_reply_is_told_and_the_link_stays_and_the_next_one_asks_again() {
    let (link, mut events, mut broker) = link(settings(), &["a"]);
    let mut peer = broker.subscribed("0,0", 1).await;
    let messages = deliveries(&mut peer, &mut events, 2).await;
    for message in &messages {
        let settling = settle(&link, message).await;
        let (frames, commit) = peer.transaction().await;
        peer.refuse(&frames[0], "User key is not authorized to write to: queue://acks.201.x").await;
        peer.confirm(&commit).await;
        let Ok(Settled::ReplyRefused(reason)) = settling.confirmed().await else { panic!("it is refused") };
        assert!(reason.contains("not authorized"), "{reason}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_session_that_falls_leaves_what_it_was_settling_unsettled() {
    let (link, mut events, mut broker) = link(settings(), &["a"]);
    let mut peer = broker.subscribed("0,0", 1).await;
    let messages = deliveries(&mut peer, &mut events, 2).await;
    let at_the_broker = settle(&link, &messages[0]).await;
    peer.transaction().await;
    let gathered = settle(&link, &messages[1]).await;
    drop(peer);
    assert_eq!(at_the_broker.confirmed().await, Err(Unsettled { reply_taken: false }));
    assert_eq!(gathered.confirmed().await, Err(Unsettled { reply_taken: false }));
}

#[tokio::test(start_paused = true)]
async fn a_message_is_settled_once() {
    let (link, mut events, mut broker) = link(settings(), &["a"]);
    let mut peer = broker.subscribed("0,0", 1).await;
    peer.deliver(1).await;
    let delivery = delivery(&mut events).await;
    let settling = link.settle(&delivery.ack, None).await.unwrap();
    assert!(delivery.ack.is_stale());
    assert_eq!(link.settle(&delivery.ack, Some(reply("twice"))).await.unwrap_err(), Stale);
    assert_eq!(words(&peer.settled().await), ["ack ID:a1"]);
    assert_eq!(settling.confirmed().await, Ok(Settled::Taken));
}

#[tokio::test]
async fn sixty_four_tasks_settle_at_once_and_each_reply_is_before_its_ack() {
    let count = 640;
    let (link, mut events, mut broker) = link(Settings { prefetch: 640, ..settings() }, &["a"]);
    let mut peer = broker.subscribed("0,0", 1).await;
    let (work, shared) = mpsc::channel(count);
    for message in deliveries(&mut peer, &mut events, count).await {
        work.try_send(message).unwrap();
    }
    drop(work);
    let shared = std::sync::Arc::new(tokio::sync::Mutex::new(shared));
    for _ in 0..64 {
        let (link, shared) = (link.clone(), shared.clone());
        tokio::spawn(async move {
            loop {
                let Some(next) = shared.lock().await.recv().await else { return };
                settle(&link, &next).await.confirmed().await.unwrap();
            }
        });
    }
    let mut seen = HashSet::new();
    while seen.len() < count {
        for pair in words(&peer.settled().await).chunks(2) {
            assert_eq!(pair[0].replace("reply ", "ack ID:a"), pair[1]);
            assert!(seen.insert(pair[1].clone()));
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_broker_that_beats_but_confirms_nothing_is_replaced() {
    let (link, mut events, mut broker) = link(one_second_beats(), &["a"]);
    let mut peer = broker.subscribed("1000,1000", 1).await;
    peer.deliver(1).await;
    let taken = delivery(&mut events).await;
    let settling = settle(&link, &taken).await;
    peer.transaction().await;
    let began = Instant::now();
    let fallen = until(&mut events, |event| match event {
        Event::Down { error, .. } => Some(error),
        _ => None,
    });
    let error = tokio::select! {
        error = fallen => error,
        () = async { loop { tokio::time::sleep(Duration::from_millis(500)).await; peer.beat().await } } => unreachable!(),
    };
    assert!(matches!(error, LinkError::Unconfirmed(_)), "{error}");
    assert_eq!(began.elapsed().as_secs(), 10);
    assert!(settling.confirmed().await.is_err());
}

#[tokio::test(start_paused = true)]
async fn by_receipts_the_acknowledgements_follow_once_every_reply_is_confirmed() {
    let (link, mut events, mut broker) = link(Settings { prefetch: 9, ..by_receipts() }, &["a"]);
    let mut peer = broker.subscribed("0,0", 1).await;
    let messages = deliveries(&mut peer, &mut events, 3).await;
    let first = settle(&link, &messages[0]).await;
    let reply = peer.expect(Command::Send).await;
    let later = [settle(&link, &messages[1]).await, settle(&link, &messages[2]).await];
    peer.confirm(&reply).await;
    let ack = peer.expect(Command::Ack).await;
    assert_eq!(ack.header("id"), Some("ID:a0"));
    peer.confirm(&ack).await;
    assert_eq!(first.confirmed().await, Ok(Settled::Taken));
    let replies = [peer.expect(Command::Send).await, peer.expect(Command::Send).await];
    peer.refuse(&replies[1], "not authorized").await;
    peer.confirm(&replies[0]).await;
    assert_eq!(peer.expect(Command::Ack).await.header("receipt"), None);
    let last = peer.expect(Command::Ack).await;
    peer.confirm(&last).await;
    let [second, third] = later;
    assert_eq!(second.confirmed().await, Ok(Settled::Taken));
    assert_eq!(third.confirmed().await, Ok(Settled::ReplyRefused("not authorized".to_owned())));
}

#[tokio::test(start_paused = true)]
async fn by_receipts_a_reply_that_the_broker_has_is_known_though_the_session_falls() {
    let (link, mut events, mut broker) = link(Settings { prefetch: 9, ..by_receipts() }, &["a"]);
    let mut peer = broker.subscribed("0,0", 1).await;
    let messages = deliveries(&mut peer, &mut events, 1).await;
    let settling = settle(&link, &messages[0]).await;
    let reply = peer.expect(Command::Send).await;
    peer.confirm(&reply).await;
    peer.expect(Command::Ack).await;
    drop(peer);
    assert_eq!(settling.confirmed().await, Err(Unsettled { reply_taken: true }));
}

#[tokio::test(start_paused = true)]
async fn a_reply_without_a_delivery_is_confirmed_too() {
    let (link, mut events, mut broker) = link(settings(), &["a"]);
    assert_eq!(link.reply(reply("nobody there")).await.unwrap_err(), Stale);
    let mut peer = broker.subscribed("0,0", 1).await;
    until(&mut events, |event| matches!(event, Event::Ready).then_some(())).await;
    let settling = link.reply(reply("late")).await.unwrap();
    assert_eq!(words(&peer.settled().await), ["reply late"]);
    assert_eq!(settling.confirmed().await, Ok(Settled::Taken));
}
