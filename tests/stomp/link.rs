//! One session of the whole link: deliveries, settling, refusals, closing.

use std::time::Duration;

use action_processor::stomp::{CloseError, Command, Event, Outgoing, Settings, Settled, Stale, Unsent};
use tokio::time::{Instant, timeout};

use super::broker::{delivery, link, one_second_beats, until};

fn settings() -> Settings {
    Settings::new("broker.example")
}

fn reply(body: impl Into<bytes::Bytes>) -> Outgoing {
    let headers = vec![("correlation-id".to_owned(), "invid:390".to_owned())];
    Outgoing { destination: "/queue/acks.201.x".to_owned(), headers, body: body.into() }
}

const SOON: Duration = Duration::from_secs(5);

#[tokio::test(start_paused = true)]
async fn it_tells_up_subscribed_ready_and_then_delivers() {
    let (_link, mut events, mut broker) = link(settings(), &["a", "b"]);
    let mut peer = broker.subscribed("0,0", 2).await;
    peer.deliver(1).await;
    let mut told = Vec::new();
    for _ in 0..5 {
        told.push(match events.recv().await.unwrap() {
            Event::Up { broker, version, .. } => format!("up {} {version}", broker.unwrap()),
            Event::Subscribed { destination } => format!("subscribed {destination}"),
            Event::Ready => "ready".to_owned(),
            Event::Delivery(delivery) => format!("{} from {}", delivery.body.len(), delivery.destination),
            other => format!("{other:?}"),
        });
    }
    assert_eq!(told, ["up scripted/1 1.2", "subscribed a", "subscribed b", "ready", "1 from a"]);
}

#[tokio::test(start_paused = true)]
async fn an_interim_message_goes_to_the_session_that_delivered() {
    let (link, mut events, mut broker) = link(settings(), &["a"]);
    let mut peer = broker.subscribed("0,0", 1).await;
    peer.deliver(1).await;
    let old = delivery(&mut events).await;
    link.send(Some(&old.ack), reply("working")).await.unwrap();
    assert_eq!(&peer.expect(Command::Send).await.body[..], b"working");
    drop(peer);
    until(&mut events, |event| matches!(event, Event::Down { .. }).then_some(())).await;
    assert_eq!(link.send(None, reply("nobody there")).await, Err(Unsent::Stale(Stale)));
    let mut peer = broker.subscribed("0,0", 1).await;
    until(&mut events, |event| matches!(event, Event::Ready).then_some(())).await;
    assert_eq!(link.send(Some(&old.ack), reply("too late")).await, Err(Unsent::Stale(Stale)));
    link.send(None, reply("here")).await.unwrap();
    assert_eq!(&peer.expect(Command::Send).await.body[..], b"here");
}

#[tokio::test(start_paused = true)]
async fn a_refused_queue_is_named_and_tried_again_while_the_others_run() {
    let (_link, mut events, mut broker) = link(settings(), &["bad", "a"]);
    let mut peer = broker.welcome("0,0").await;
    let bad = peer.expect(Command::Subscribe).await;
    peer.refuse(&bad, "User key is not authorized to read from: queue://bad").await;
    let good = peer.expect(Command::Subscribe).await;
    peer.confirm(&good).await;
    let refused = until(&mut events, |event| match event {
        Event::Refused { destination, reason } => Some((destination, reason)),
        _ => None,
    });
    let (destination, reason) = refused.await;
    assert_eq!(destination, "bad");
    assert!(reason.contains("not authorized"), "{reason}");
    until(&mut events, |event| matches!(event, Event::Ready).then_some(())).await;
    let asked = Instant::now();
    let again = peer.expect(Command::Subscribe).await;
    assert_eq!(again.header("id"), bad.header("id"));
    assert!(asked.elapsed() > Duration::from_secs(20));
    peer.confirm(&again).await;
    let subscribed = until(&mut events, |event| match event {
        Event::Subscribed { destination } => Some(destination),
        _ => None,
    });
    assert_eq!(subscribed.await, "bad");
}

#[tokio::test(start_paused = true)]
async fn a_subscription_that_is_not_answered_is_named() {
    let (_link, mut events, mut broker) = link(settings(), &["a", "dropped"]);
    let _peer = broker.subscribed("0,0", 1).await;
    let refused = until(&mut events, |event| match event {
        Event::Refused { destination, .. } => Some(destination),
        _ => None,
    });
    assert_eq!(refused.await, "dropped");
    assert!(matches!(events.recv().await, Some(Event::Ready)));
}

#[tokio::test(start_paused = true)]
async fn destinations_come_and_go_while_running_and_over_a_reconnect() {
    let (link, _events, mut broker) = link(settings(), &["a"]);
    let mut peer = broker.subscribed("0,0", 1).await;
    link.subscribe("b".into()).await;
    link.subscribe("c".into()).await;
    peer.confirm_subscriptions(2).await;
    link.unsubscribe("b").await;
    assert_eq!(peer.expect(Command::Unsubscribe).await.header("id"), Some("1"));
    drop(peer);
    let mut peer = broker.welcome("0,0").await;
    let names = peer.confirm_subscriptions(2).await;
    let names: Vec<_> =
        names.iter().map(|f| (f.header("id").unwrap(), f.header("destination").unwrap())).collect();
    assert_eq!(names, [("0", "a"), ("2", "c")]);
}

#[tokio::test(start_paused = true)]
async fn closing_writes_everything_queued_and_awaits_the_receipt() {
    let (link, mut events, mut broker) = link(settings(), &["a"]);
    let mut peer = broker.subscribed("0,0", 1).await;
    for number in 0..100 {
        peer.deliver(number).await;
    }
    let mut late = None;
    for _ in 0..100 {
        let next = delivery(&mut events).await;
        let settling = link.settle(&next.ack, Some(reply("done"))).await.unwrap();
        late = Some((next.ack, settling));
    }
    let closing = tokio::spawn({
        let link = link.clone();
        async move { link.close(SOON).await }
    });
    let mut settled = 0;
    while settled < 200 {
        settled += peer.settled().await.len();
    }
    let disconnect = peer.expect(Command::Disconnect).await;
    peer.deliver(100).await;
    let (late, settling) = late.unwrap();
    assert_eq!(settling.confirmed().await, Ok(Settled::Taken));
    assert_eq!(link.send(Some(&late), reply("after the end")).await, Err(Unsent::Stale(Stale)));
    assert!(!closing.is_finished());
    peer.confirm(&disconnect).await;
    assert_eq!(closing.await.unwrap(), Ok(()));
    assert!(peer.frame().await.is_none(), "the connection is closed");
    assert_eq!(link.close(SOON).await, Ok(()), "closing twice is no mistake");
    tokio::time::sleep(Duration::from_secs(3_600)).await;
    assert!(!broker.has_connection());
}

#[tokio::test(start_paused = true)]
async fn closing_does_not_wait_longer_than_it_was_told() {
    let (link, _events, mut broker) = link(settings(), &[]);
    let _peer = broker.welcome("0,0").await;
    tokio::task::yield_now().await;
    let began = Instant::now();
    assert_eq!(link.close(SOON).await, Err(CloseError::Deadline));
    assert_eq!(began.elapsed(), SOON);
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_falls_while_closing_is_said() {
    let (link, mut events, mut broker) = link(settings(), &[]);
    let mut peer = broker.welcome("0,0").await;
    until(&mut events, |event| matches!(event, Event::Ready).then_some(())).await;
    let closing = tokio::spawn(async move { link.close(SOON).await });
    peer.expect(Command::Disconnect).await;
    drop(peer);
    assert_eq!(closing.await.unwrap(), Err(CloseError::Lost));
}

#[tokio::test(start_paused = true)]
async fn closing_between_attempts_is_immediate() {
    let (link, mut events, broker) = link(settings(), &["a"]);
    drop(broker);
    until(&mut events, |event| matches!(event, Event::Down { .. }).then_some(())).await;
    assert_eq!(link.close(Duration::ZERO).await, Ok(()));
    assert!(events.recv().await.is_none());
}

#[tokio::test(start_paused = true)]
async fn after_an_abort_nothing_more_happens() {
    let (link, mut events, mut broker) = link(one_second_beats(), &["a"]);
    let mut peer = broker.subscribed("1000,1000", 1).await;
    link.abort();
    while peer.item().await.is_some() {}
    while events.recv().await.is_some() {}
    assert_eq!(link.close(SOON).await, Err(CloseError::Aborted));
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert!(!broker.has_connection());
}

#[tokio::test(start_paused = true)]
async fn a_link_whose_events_nobody_receives_ends() {
    let (link, events, mut broker) = link(settings(), &["a"]);
    let mut peer = broker.subscribed("0,0", 1).await;
    drop(events);
    assert!(timeout(SOON, peer.frame()).await.unwrap().is_none());
    assert_eq!(link.close(SOON).await, Err(CloseError::Aborted));
}

#[tokio::test(start_paused = true)]
async fn a_link_whose_last_handle_is_dropped_disconnects() {
    let (link, _events, mut broker) = link(settings(), &["a"]);
    let mut peer = broker.subscribed("0,0", 1).await;
    drop(link);
    peer.expect(Command::Disconnect).await;
}
