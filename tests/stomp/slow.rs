//! Slow owners and slow brokers: nobody waits for anybody else.

use std::time::Duration;

use action_processor::stomp::codec::Item;
use action_processor::stomp::{Event, LinkError, Outgoing, Settings, Settled};
use bytes::Bytes;
use futures_util::{SinkExt, StreamExt};
use tokio::io::AsyncReadExt;
use tokio::time::{Instant, sleep, timeout};

use super::broker::{delivery, link, link_over, message, one_second_beats, until};

fn large(bytes: usize) -> Outgoing {
    Outgoing { destination: "/queue/r".into(), headers: Vec::new(), body: Bytes::from(vec![b'x'; bytes]) }
}

/// The events' channel holds prefetch times destinations messages and some more; this many it cannot.
const TOO_MANY: usize = 1_000;

#[tokio::test(start_paused = true)]
async fn the_link_beats_and_lives_while_nobody_takes_its_events() {
    let settings = Settings { prefetch: 1, ..one_second_beats() };
    let (_link, mut events, mut broker) = link_over(4_096, settings, &["a"]);
    let peer = broker.subscribed("1000,1000", 1).await;
    let (mut sink, mut source) = peer.stream.split();
    let flood = tokio::spawn(async move {
        for number in 0..TOO_MANY {
            sink.send(Item::Frame(message(number))).await.unwrap();
        }
        sink
    });
    for _ in 0..60 {
        let beat = timeout(Duration::from_millis(900), source.next()).await;
        assert_eq!(beat.expect("a beat in time").unwrap().unwrap(), Item::Beat);
    }
    assert!(!flood.is_finished(), "what is not taken is not read");
    for number in 0..TOO_MANY {
        assert_eq!(delivery(&mut events).await.body, number.to_string());
    }
    assert!(flood.await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn a_prefetch_of_messages_waits_without_stopping_the_reader() {
    let settings = Settings { prefetch: 200, ..one_second_beats() };
    let (link, _events, mut broker) = link(settings, &["a"]);
    let mut peer = broker.subscribed("0,0", 1).await;
    for number in 0..200 {
        peer.deliver(number).await;
    }
    link.subscribe("b".into()).await;
    peer.confirm_subscriptions(1).await;
}

#[tokio::test(start_paused = true)]
async fn a_broker_that_takes_nothing_is_replaced() {
    let (link, mut events, mut broker) = link_over(8_192, one_second_beats(), &["a"]);
    let mut peer = broker.subscribed("0,1000", 1).await;
    peer.deliver(1).await;
    let taken = delivery(&mut events).await;
    let settling = link.settle(&taken.ack, Some(large(100_000))).await.unwrap();
    let began = Instant::now();
    let error = until(&mut events, |event| match event {
        Event::Down { error, .. } => Some(error),
        _ => None,
    });
    assert!(matches!(error.await, LinkError::Stalled(_)));
    assert_eq!(began.elapsed(), Duration::from_secs(2));
    assert!(settling.confirmed().await.is_err());
    broker.subscribed("0,1000", 1).await;
}

#[tokio::test(start_paused = true)]
async fn a_broker_that_takes_little_at_a_time_is_kept() {
    let (link, mut events, mut broker) = link_over(1_000, one_second_beats(), &["a"]);
    let mut peer = broker.subscribed("0,1000", 1).await;
    until(&mut events, |event| matches!(event, Event::Ready).then_some(())).await;
    link.send(None, large(20_000)).await.unwrap();
    let (mut bytes, mut chunk) = (Vec::new(), [0; 500]);
    while !bytes.windows(2).any(|pair| pair == b"x\0") {
        sleep(Duration::from_millis(900)).await;
        let count = peer.stream.get_mut().read(&mut chunk).await.unwrap();
        assert!(count > 0, "the link stays");
        bytes.extend_from_slice(&chunk[..count]);
    }
    assert!(bytes.len() > 20_000);
}

#[tokio::test(start_paused = true)]
async fn what_is_queued_is_bounded_and_dies_with_the_session() {
    let (link, mut events, mut broker) = link_over(1_000, Settings::new("broker.example"), &["a"]);
    let mut peer = broker.subscribed("0,0", 1).await;
    peer.deliver(1).await;
    let taken = delivery(&mut events).await;
    let (queued, mut counted) = tokio::sync::mpsc::unbounded_channel();
    let sending = tokio::spawn(async move {
        while link.send(Some(&taken.ack), large(1 << 20)).await.is_ok() {
            queued.send(()).unwrap();
        }
    });
    sleep(Duration::from_secs(30)).await;
    let mut count = 0;
    while counted.try_recv().is_ok() {
        count += 1;
    }
    assert!((30..=40).contains(&count), "{count} MiB are waiting");
    drop(peer);
    timeout(Duration::from_secs(1), sending).await.expect("the waiting one is told").unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_large_reply_arrives_whole() {
    let (link, mut events, mut broker) = link(Settings::new("broker.example"), &["a"]);
    let mut peer = broker.subscribed("0,0", 1).await;
    peer.deliver(1).await;
    let taken = delivery(&mut events).await;
    let settling = link.settle(&taken.ack, Some(large(20 << 20))).await.unwrap();
    assert_eq!(peer.settled().await[0].body, large(20 << 20).body);
    assert_eq!(settling.confirmed().await, Ok(Settled::Taken));
}
