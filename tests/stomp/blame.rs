//! What the broker ends a session over is found, and sent no more; the others are answered.

use action_processor::stomp::{
    Command, Delivery, Event, Frame, Link, Make, MaxReply, Outgoing, Refusal, Settings, Settled, Unsent,
    Unsettled,
};
use tokio::sync::mpsc;

use super::broker::{Broker, Peer, delivery, link, link_with_aside, until};

fn settings() -> Settings {
    Settings { prefetch: 9, ..Settings::new("broker.example") }
}

/// To each message an invocation of its own.
fn reply(delivery: &Delivery) -> Outgoing {
    let id = delivery.id.clone().unwrap();
    Outgoing {
        destination: "/queue/acks.201.x".to_owned(),
        headers: vec![("correlation-id".to_owned(), id)],
        body: delivery.body.clone(),
    }
}

async fn deliveries(peer: &mut Peer, events: &mut mpsc::Receiver<Event>, bodies: &[&str]) -> Vec<Delivery> {
    let mut all = Vec::new();
    for (number, body) in bodies.iter().enumerate() {
        peer.send(super::broker::message(number).with_body((*body).to_owned())).await;
        all.push(delivery(events).await);
    }
    all
}

async fn settle(link: &Link, delivery: &Delivery) -> Result<Settled, Unsettled> {
    link.settle(&delivery.ack, Some(reply(delivery))).await.unwrap().confirmed().await
}

/// All of them at once; what the broker has been sent when it ends the session with these words, or without a word.
async fn falls(link: &Link, peer: &mut Peer, messages: &[Delivery], words: Option<&str>) {
    for message in messages {
        let _on_its_way = link.settle(&message.ack, Some(reply(message))).await.unwrap();
    }
    let mut replies = 0;
    while replies < messages.len() {
        let frame = peer.frame().await.unwrap();
        replies += usize::from(frame.command == Command::Send);
        if frame.command == Command::Commit {
            break;
        }
    }
    if let Some(words) = words {
        peer.send(Frame::new(Command::Error).with("message", words)).await;
    }
}

async fn down(events: &mut mpsc::Receiver<Event>) {
    until(events, |event| matches!(event, Event::Down { .. }).then_some(())).await;
}

fn body(frame: &Frame) -> String {
    String::from_utf8_lossy(&frame.body).into_owned()
}

/// Answers what is asked on connections beside the session, until the reply with this body: that one ends each.
async fn refuses(mut aside: Broker, bad: &'static str, words: Option<&'static str>) {
    loop {
        let mut peer = aside.welcome("0,0").await;
        while let Some(frame) = peer.frame().await {
            assert_eq!(frame.header("transaction"), None);
            if body(&frame) != bad {
                peer.confirm(&frame).await;
                continue;
            }
            if let Some(words) = words {
                peer.send(Frame::new(Command::Error).with("message", words)).await;
            }
            break;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn an_error_without_a_name_has_each_reply_tried_alone() {
    let (link, mut events, mut broker, aside) = link_with_aside(settings(), &["a"]);
    let mut peer = broker.subscribed("0,0", 1).await;
    let bodies = ["good", "bad!", "fine"];
    let messages = deliveries(&mut peer, &mut events, &bodies).await;
    falls(&link, &mut peer, &messages, Some("a header that is not liked")).await;
    drop(peer);
    down(&mut events).await;
    tokio::spawn(refuses(aside, "bad!", Some("a header that is not liked")));
    let mut peer = broker.subscribed("0,0", 1).await;
    let messages = deliveries(&mut peer, &mut events, &bodies).await;
    let refused = settle(&link, &messages[1]).await.unwrap();
    assert!(
        matches!(&refused, Settled::Withheld(Refusal::Message(words)) if words.contains("not liked")),
        "{refused:?}"
    );
    // It is not acknowledged yet: an error takes its place, which is suspected too.
    let short = Outgoing { body: "short".into(), ..reply(&messages[1]) };
    for (message, reply) in [(0, reply(&messages[0])), (1, short), (2, reply(&messages[2]))] {
        let settling = link.settle(&messages[message].ack, Some(reply)).await.unwrap();
        let frames = peer.settled().await;
        assert_eq!(frames.len(), 1, "{frames:?}");
        assert_eq!(frames[0].command, Command::Ack);
        assert_eq!(settling.confirmed().await, Ok(Settled::Taken));
    }
}

#[tokio::test(start_paused = true)]
async fn a_reply_over_which_two_sessions_end_in_silence_is_tried_alone() {
    let (link, mut events, mut broker, aside) = link_with_aside(settings(), &["a"]);
    for _ in 0..2 {
        let mut peer = broker.subscribed("0,0", 1).await;
        let messages = deliveries(&mut peer, &mut events, &["bad!"]).await;
        falls(&link, &mut peer, &messages, None).await;
        drop(peer);
        down(&mut events).await;
    }
    tokio::spawn(refuses(aside, "bad!", None));
    let mut peer = broker.subscribed("0,0", 1).await;
    let messages = deliveries(&mut peer, &mut events, &["bad!"]).await;
    let refused = settle(&link, &messages[0]).await.unwrap();
    assert!(matches!(refused, Settled::Withheld(Refusal::Message(_))), "{refused:?}");
}

#[tokio::test(start_paused = true)]
async fn without_a_second_connection_a_suspect_goes_alone_on_the_session() {
    let (link, mut events, mut broker) = link(settings(), &["a"]);
    for words in [Some("what was that?"), Some("what was that?")] {
        let mut peer = broker.subscribed("0,0", 1).await;
        let messages = deliveries(&mut peer, &mut events, &["bad!"]).await;
        falls(&link, &mut peer, &messages, words).await;
        drop(peer);
        down(&mut events).await;
    }
    let mut peer = broker.subscribed("0,0", 1).await;
    let messages = deliveries(&mut peer, &mut events, &["bad!"]).await;
    let refused = settle(&link, &messages[0]).await.unwrap();
    assert!(
        matches!(&refused, Settled::Withheld(Refusal::Message(words)) if words == "what was that?"),
        "{refused:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn an_error_about_size_is_laid_at_the_largest_replys_door() {
    let (link, mut events, mut broker, aside) = link_with_aside(settings(), &["a"]);
    tokio::spawn(refuses(aside, "", Some("nothing is to be tried alone")));
    let mut peer = broker.subscribed("0,0", 1).await;
    let messages = deliveries(&mut peer, &mut events, &["much too large"]).await;
    falls(&link, &mut peer, &messages, Some("The maximum data length was exceeded")).await;
    drop(peer);
    down(&mut events).await;
    let mut peer = broker.subscribed("0,0", 1).await;
    let messages = deliveries(&mut peer, &mut events, &["much too large", "small", "as large as that"]).await;
    for large in [&messages[0], &messages[2]] {
        let refused = settle(&link, large).await.unwrap();
        let Settled::Withheld(Refusal::TooLarge { bytes, .. }) = refused else { panic!("{refused:?}") };
        assert_eq!(bytes, large.body.len());
    }
    let settling = link.settle(&messages[1].ack, Some(reply(&messages[1]))).await.unwrap();
    assert_eq!(peer.settled().await.len(), 2);
    assert_eq!(settling.confirmed().await, Ok(Settled::Taken));
}

#[tokio::test(start_paused = true)]
async fn rabbitmqs_limit_is_taken_from_its_words() {
    let rabbitmq = Settings { make: Some(Make::RabbitMq), ..settings() };
    let (link, mut events, mut broker) = link(rabbitmq, &["a"]);
    let words = "PRECONDITION_FAILED - message size 14 is larger than configured max size 10";
    let mut peer = broker.subscribed("0,0", 1).await;
    peer.send(super::broker::message(0).with("amqp-message-id", "m").with_body("fourteen bytes")).await;
    let message = delivery(&mut events).await;
    falls(&link, &mut peer, std::slice::from_ref(&message), Some(words)).await;
    drop(peer);
    down(&mut events).await;
    let mut peer = broker.subscribed("0,0", 1).await;
    peer.send(super::broker::message(1).with("amqp-message-id", "n").with_body("eleven: bad")).await;
    let message = delivery(&mut events).await;
    let refused = settle(&link, &message).await.unwrap();
    assert!(
        matches!(refused, Settled::Withheld(Refusal::TooLarge { bytes: 11, limit: Some(10), .. })),
        "{refused:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_consumer_timeout_blames_no_reply() {
    let (link, mut events, mut broker) = link(settings(), &["a"]);
    let words = "PRECONDITION_FAILED - delivery acknowledgement on channel 1 timed out. Timeout value used: 1800000 ms.";
    for _ in 0..3 {
        let mut peer = broker.subscribed("0,0", 1).await;
        let messages = deliveries(&mut peer, &mut events, &["good"]).await;
        falls(&link, &mut peer, &messages, Some(words)).await;
        let error = until(&mut events, |event| match event {
            Event::Down { error, .. } => Some(error.to_string()),
            _ => None,
        });
        let error = error.await;
        assert!(error.contains("consumer_timeout") && !error.contains("stomp_queue_prefix"), "{error}");
    }
    let mut peer = broker.subscribed("0,0", 1).await;
    let messages = deliveries(&mut peer, &mut events, &["good"]).await;
    let settling = link.settle(&messages[0].ack, Some(reply(&messages[0]))).await.unwrap();
    assert_eq!(peer.settled().await.len(), 2);
    assert_eq!(settling.confirmed().await, Ok(Settled::Taken));
}

#[tokio::test(start_paused = true)]
async fn what_is_above_the_limit_never_reaches_the_broker() {
    let limited = Settings { max_reply: MaxReply::Bytes(10), ..settings() };
    let (link, mut events, mut broker) = link(limited, &["a"]);
    let mut peer = broker.subscribed("0,0", 1).await;
    let messages = deliveries(&mut peer, &mut events, &["eleven: bad", "ten: good!"]).await;
    let refused = settle(&link, &messages[0]).await.unwrap();
    assert_eq!(refused, Settled::Withheld(Refusal::OverLimit { bytes: 11, limit: 10 }));
    let status = link.send(Some(&messages[0].ack), reply(&messages[0])).await;
    assert_eq!(status, Err(Unsent::Refused(Refusal::OverLimit { bytes: 11, limit: 10 })));
    let settling = link.settle(&messages[1].ack, Some(reply(&messages[1]))).await.unwrap();
    assert_eq!(peer.settled().await.len(), 2);
    assert_eq!(settling.confirmed().await, Ok(Settled::Taken));
}

#[tokio::test(start_paused = true)]
async fn statuses_that_end_a_session_are_tried_alone_too() {
    let (link, mut events, mut broker, aside) = link_with_aside(settings(), &["a"]);
    let mut peer = broker.subscribed("0,0", 1).await;
    let messages = deliveries(&mut peer, &mut events, &["status"]).await;
    link.send(Some(&messages[0].ack), reply(&messages[0])).await.unwrap();
    peer.expect(Command::Send).await;
    peer.send(Frame::new(Command::Error).with("message", "what was that?")).await;
    down(&mut events).await;
    tokio::spawn(refuses(aside, "status", Some("that again")));
    let mut peer = broker.subscribed("0,0", 1).await;
    let messages = deliveries(&mut peer, &mut events, &["status"]).await;
    for _ in 0..2 {
        let status = link.send(Some(&messages[0].ack), reply(&messages[0])).await;
        assert_eq!(status, Err(Unsent::Refused(Refusal::Message("that again".to_owned()))));
    }
}

/// RabbitMQ ends the connection over a queue that it refuses; the others are to pay for that once.
#[tokio::test(start_paused = true)]
async fn a_queue_that_was_refused_is_asked_for_on_a_connection_of_its_own() {
    let rabbitmq = Settings { make: Some(Make::RabbitMq), ..settings() };
    let (_link, mut events, mut broker, mut aside) = link_with_aside(rabbitmq, &["a", "b"]);
    let words = "ACCESS_REFUSED - access to queue 'b' in vhost '/' refused for user 'x'";
    let mut peer = broker.welcome("0,0").await;
    peer.confirm_subscriptions(1).await;
    peer.expect(Command::Subscribe).await;
    peer.send(Frame::new(Command::Error).with("message", words)).await;
    drop(peer);
    let mut peer = broker.subscribed("0,0", 1).await;
    let refused =
        |event| if let Event::Refused { destination, .. } = event { Some(destination) } else { None };
    assert_eq!(until(&mut events, refused).await, "b");
    let mut beside = aside.welcome("0,0").await;
    let asked = beside.expect(Command::Subscribe).await;
    assert_eq!((asked.header("destination"), asked.header("prefetch-count")), (Some("/queue/b"), Some("1")));
    beside.send(Frame::new(Command::Error).with("message", words)).await;
    assert_eq!(until(&mut events, refused).await, "b");
    let mut beside = aside.welcome("0,0").await;
    let asked = beside.expect(Command::Subscribe).await;
    beside.confirm(&asked).await;
    let asked = peer.expect(Command::Subscribe).await;
    assert_eq!(asked.header("destination"), Some("/queue/b"));
    peer.confirm(&asked).await;
    let subscribed =
        |event| if let Event::Subscribed { destination } = event { Some(destination) } else { None };
    while until(&mut events, subscribed).await != "b" {}
}

#[tokio::test(start_paused = true)]
async fn a_queue_that_is_never_answered_does_not_keep_the_others_from_theirs() {
    let rabbitmq = Settings { make: Some(Make::RabbitMq), ..settings() };
    let (link, mut events, mut broker, mut aside) = link_with_aside(rabbitmq, &["a", "b"]);
    let mut peer = broker.welcome("0,0").await;
    peer.confirm_subscriptions(1).await;
    peer.expect(Command::Subscribe).await;
    peer.send(super::broker::message(1).with("amqp-message-id", "m1")).await;
    let message = delivery(&mut events).await;
    let stuck = link.settle(&message.ack, Some(reply(&message))).await.unwrap();
    peer.expect(Command::Send).await;
    let refused =
        |event| if let Event::Refused { destination, .. } = event { Some(destination) } else { None };
    assert_eq!(until(&mut events, refused).await, "b");
    assert_eq!(stuck.confirmed().await, Err(Unsettled { reply_taken: false }));
    drop(peer);
    let mut peer = broker.subscribed("0,0", 1).await;
    peer.send(super::broker::message(2).with("amqp-message-id", "m2")).await;
    let message = delivery(&mut events).await;
    let settling = link.settle(&message.ack, Some(reply(&message))).await.unwrap();
    let sent = peer.expect(Command::Send).await;
    peer.confirm(&sent).await;
    let ack = peer.expect(Command::Ack).await;
    peer.confirm(&ack).await;
    assert_eq!(settling.confirmed().await, Ok(Settled::Taken));
    let mut beside = aside.welcome("0,0").await;
    assert_eq!(beside.expect(Command::Subscribe).await.header("destination"), Some("/queue/b"));
}
