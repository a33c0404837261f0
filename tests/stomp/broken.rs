//! Frames that break a rule or a limit: each costs itself, whatever is wrong with it.

use std::time::Duration;

use action_processor::stomp::codec::{Broken, Codec, CodecError, Item};
use action_processor::stomp::{
    Command, Delivery, Event, Frame, Limits, LinkError, Outgoing, Settings, Settled, Version,
};
use bytes::BytesMut;
use proptest::prelude::*;
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout};
use tokio_util::codec::{Decoder, Encoder};

use super::broker::{Peer, delivery, link, link_over, message, one_second_beats, until};

const LIMITS: Limits = Limits { max_headers: 12, max_header_bytes: 2_048, max_body_bytes: 4_096 };

fn settings() -> Settings {
    Settings { limits: LIMITS, ..Settings::new("broker.example") }
}

/// The head of message `id` up to its last header's line end, on subscription 0.
fn head(id: &str) -> String {
    format!(
        "MESSAGE\nsubscription:0\nmessage-id:ID\\c{id}\nack:A\\c{id}\ndestination:/queue/a\nreply-to:/queue/acks\n\
         correlation-id:invid\\c{id}\n"
    )
}

/// Broken frames whose end can be found: what is wrong, and the bytes; each has all the headers that matter.
fn broken() -> Vec<(&'static str, Vec<u8>)> {
    let many: String = (0..300).map(|number| format!("p{number}:v\n")).collect();
    let with = |more: &str, body: &str| format!("{}{more}\n{body}\0", head("bad")).into_bytes();
    let before = |more: &str| head("bad").replacen("MESSAGE\n", &format!("MESSAGE\n{more}"), 1) + "\n{}\0";
    let length = |length: &str, body: &str| with(&format!("content-length:{length}\n"), body);
    vec![
        ("more than 12 headers", with(&many, "{}")),
        ("more than 12 headers", before(&many[..140]).into_bytes()),
        ("take more than 2048 bytes", with(&format!("long:{}\n", "x".repeat(100_000)), "{}")),
        ("take more than 2048 bytes", before(&format!("long:{}\n", "x".repeat(100_000))).into_bytes()),
        ("take more than 2048 bytes", before(&format!("l:{}\n", "x".repeat(200)).repeat(2_000)).into_bytes()),
        ("header \"odd\" holds an escape", with("odd:a\\tb\n", "{}")),
        ("header \"odd\" holds an escape", with("odd:a\\\n", "{}")),
        ("is not name:value", with("no colon\n", "{}")),
        ("is not name:value", with(":no name\n", "{}")),
        ("holds a NUL character", with("odd:a\0b\n", "{}")),
        ("holds a NUL character", before("odd:a\0\n").into_bytes()),
        ("ended within its headers", format!("{}odd:a\0", head("bad")).into_bytes()),
        ("content-length \"soon\"", length("soon", "{}")),
        ("content-length \"-2\"", length("-2", "{}")),
        ("content-length \"99999999999999999999\"", length("99999999999999999999", "{}")),
        ("does not end where", length("1", "{\"a\":1}")),
        ("does not end where", format!("{}content-length:2\n\n{{}}", head("bad")).into_bytes()),
        ("body takes more than 4096 bytes", length("5000", &"y".repeat(5_000))),
        ("body takes more than 4096 bytes", length("5000", &"\0".repeat(5_000))),
        ("body takes more than 4096 bytes", with("", &"y".repeat(50_000))),
        ("body takes more than 4096 bytes", length("4000000000", &"y".repeat(50_000))),
    ]
}

/// What is no frame at all, and ends with a NUL.
const NOISE: [&[u8]; 6] = [
    b"\0",
    b"what is this\0",
    b"\xff\xfe\0",
    b"FOO\na:b\n\nbody\0",
    b"FOO\ncontent-length:3\n\na\0b\0",
    b"GET / HTTP/1.1\r\n\r\n\0",
];

async fn skipped(events: &mut mpsc::Receiver<Event>) -> String {
    until(events, |event| if let Event::Skipped { reason } = event { Some(reason) } else { None }).await
}

fn reply_to(delivery: &Delivery) -> Outgoing {
    let header = |name| delivery.headers.get(name).unwrap().to_owned();
    let headers = vec![("correlation-id".to_owned(), header("correlation-id"))];
    Outgoing { destination: header("reply-to"), headers, body: "sorry".into() }
}

#[tokio::test(start_paused = true)]
async fn a_broken_message_comes_with_its_fault_and_can_be_settled() {
    let (link, mut events, mut broker) = link(settings(), &["a", "b"]);
    let mut peer = broker.subscribed("0,0", 2).await;
    for (fault, bytes) in broken() {
        peer.raw(&bytes).await;
        peer.deliver(1).await;
        let bad = delivery(&mut events).await;
        let said = bad.fault.clone().unwrap_or_default();
        assert!(said.contains(fault), "{fault}: {said}");
        assert_eq!((bad.id.as_deref(), bad.destination.as_str()), (Some("ID:bad"), "a"), "{fault}");
        assert_eq!(delivery(&mut events).await.id.as_deref(), Some("ID:m1"), "{fault}");
        let settling = link.settle(&bad.ack, Some(reply_to(&bad))).await.unwrap();
        let frames = peer.settled().await;
        assert_eq!(frames[0].header("destination"), Some("/queue/acks"), "{fault}");
        assert_eq!(frames[0].header("correlation-id"), Some("invid:bad"), "{fault}");
        assert_eq!(frames[1].header("id"), Some("A:bad"), "{fault}");
        assert_eq!(settling.confirmed().await, Ok(Settled::Taken));
    }
    assert!(!broker.has_connection());
}

#[tokio::test(start_paused = true)]
async fn what_is_no_frame_is_skipped_and_the_next_one_comes() {
    let (_link, mut events, mut broker) = link(settings(), &["a"]);
    let mut peer = broker.subscribed("0,0", 1).await;
    for noise in NOISE {
        peer.raw(noise).await;
        peer.deliver(1).await;
        assert_eq!(delivery(&mut events).await.fault, None, "{noise:?}");
    }
    assert!(!broker.has_connection());
    tokio::time::sleep(Duration::from_secs(61)).await;
    peer.raw("what is this\0").await;
    assert!(skipped(&mut events).await.contains("what is this"));
    peer.send(super::broker::connected("0,0")).await;
    peer.deliver(2).await;
    assert_eq!(delivery(&mut events).await.id.as_deref(), Some("ID:m2"));
}

#[tokio::test(start_paused = true)]
async fn a_message_without_a_header_that_it_needs_costs_itself_only() {
    let (link, mut events, mut broker) = link(settings(), &["a", "b"]);
    let mut peer = broker.subscribed("0,0", 2).await;
    let without = |name: &str| {
        let kept = head("bad")
            .lines()
            .filter(|line| !line.starts_with(name))
            .fold(String::new(), |kept, line| kept + line + "\n");
        kept + "\n{}\0"
    };
    for (name, fault, id) in [
        ("ack:", Some("no header ack"), Some("ID:bad")),
        ("message-id:", None, None),
        ("subscription:", None, Some("ID:bad")),
        ("destination:", None, Some("ID:bad")),
    ] {
        peer.raw(without(name)).await;
        peer.deliver(1).await;
        let bad = delivery(&mut events).await;
        assert_eq!(bad.destination, "a", "{name}");
        assert_eq!(bad.fault.is_some(), fault.is_some(), "{name} {:?}", bad.fault);
        assert!(bad.fault.clone().unwrap_or_default().contains(fault.unwrap_or_default()), "{:?}", bad.fault);
        assert_eq!(bad.id.as_deref(), id, "{name}");
        let settling = link.settle(&bad.ack, Some(reply_to(&bad))).await.unwrap();
        let acknowledged = if name == "ack:" { 1 } else { 2 };
        assert_eq!(peer.settled().await.len(), acknowledged, "{name}");
        assert_eq!(settling.confirmed().await, Ok(Settled::Taken));
        assert_eq!(delivery(&mut events).await.id.as_deref(), Some("ID:m1"));
    }
    peer.raw("MESSAGE\nack:A\nmessage-id:ID\n\n{}\0").await;
    let homeless = delivery(&mut events).await;
    assert!(homeless.fault.unwrap().contains("which subscribed queue"));
    assert!(!broker.has_connection());
}

#[tokio::test(start_paused = true)]
async fn receipts_and_errors_beyond_the_limits_are_understood() {
    let (_link, mut events, mut broker) = link(settings(), &["a", "b"]);
    let mut peer = broker.welcome("0,0").await;
    let many: String = (0..300).map(|number| format!("p{number}:v\n")).collect();
    let first = peer.expect(Command::Subscribe).await;
    peer.raw(format!("RECEIPT\n{many}receipt-id:{}\n\n\0", first.header("receipt").unwrap())).await;
    let subscribed = until(&mut events, |event| match event {
        Event::Subscribed { destination } => Some(destination),
        _ => None,
    });
    assert_eq!(subscribed.await, "a");
    let second = peer.expect(Command::Subscribe).await;
    let (receipt, trace) = (second.header("receipt").unwrap(), "at java.lang\n".repeat(10_000));
    peer.raw(format!("ERROR\n{many}message:not authorized to read\nreceipt-id:{receipt}\n\n{trace}\0")).await;
    let refused = until(&mut events, |event| match event {
        Event::Refused { destination, reason } => Some((destination, reason)),
        _ => None,
    });
    assert_eq!(refused.await, ("b".to_owned(), "not authorized to read: at java.lang".to_owned()));
    peer.raw(format!("ERROR\n\nthe broker stops\n{trace}\0")).await;
    let down =
        until(&mut events, |event| if let Event::Down { error, .. } = event { Some(error) } else { None });
    assert!(down.await.to_string().contains("the broker stops"));
}

#[tokio::test(start_paused = true)]
async fn a_refused_login_beyond_the_limits_is_still_a_refused_login() {
    let (_link, mut events, mut broker) = link(settings(), &["a"]);
    let mut peer = broker.accept().await;
    let trace = "at java.lang.SecurityException\n".repeat(10_000);
    peer.raw(format!("ERROR\nmessage:User name [key] or password is invalid.\n\n{trace}\0")).await;
    let down =
        until(&mut events, |event| if let Event::Down { error, .. } = event { Some(error) } else { None });
    assert!(down.await.to_string().contains("refused the credentials"));
}

#[tokio::test(start_paused = true)]
async fn what_does_not_speak_stomp_is_told_at_once() {
    let (_link, mut events, mut broker) = link(settings(), &["a"]);
    let mut peer = broker.accept().await;
    peer.raw("HTTP/1.1 400 Bad Request\r\n\r\n").await;
    let down =
        until(&mut events, |event| if let Event::Down { error, .. } = event { Some(error) } else { None });
    assert!(matches!(down.await, LinkError::Codec(CodecError::UnknownCommand(_))));
}

/// The length reaches beyond all that comes: the frame's end shows once nothing more does.
#[tokio::test(start_paused = true)]
async fn a_length_beyond_all_that_comes_is_found_out_while_the_broker_beats() {
    let (_link, mut events, mut broker) = link(one_second_beats(), &["a"]);
    let mut peer = broker.subscribed("1000,1000", 1).await;
    peer.raw(format!("{}content-length:90000\n\n{{}}\0", head("bad"))).await;
    peer.deliver(1).await;
    let (came, beating) = (delivery(&mut events), async {
        loop {
            tokio::time::sleep(Duration::from_secs(1)).await;
            peer.beat().await;
        }
    });
    let bad = tokio::select! { bad = came => bad, () = beating => unreachable!() };
    assert_eq!((bad.id.as_deref(), &bad.body[..]), (Some("ID:bad"), &b"{}"[..]));
    assert_eq!(delivery(&mut events).await.id.as_deref(), Some("ID:m1"));
    assert!(!broker.has_connection());
}

#[tokio::test(start_paused = true)]
async fn what_is_discarded_takes_no_memory() {
    let mut codec = Codec::new(Version::V1_2, LIMITS).skips_broken();
    let mut buffer = BytesMut::from(format!("{}content-length:500000000\n\n", head("bad")).as_bytes());
    for _ in 0..500_000_000 / 16_384 + 1 {
        assert!(codec.decode(&mut buffer).unwrap().is_none());
        buffer.extend_from_slice(&[b'x'; 16_384]);
        assert!(buffer.capacity() < 1 << 20);
    }
    buffer.extend_from_slice(b"\0");
    assert!(matches!(codec.decode(&mut buffer), Ok(Some(Item::Broken(_)))));
    let mut codec = Codec::new(Version::V1_2, LIMITS).skips_broken();
    let mut buffer = BytesMut::from(&b"MESSAGE\n"[..]);
    for number in 0..1_000 {
        buffer.extend_from_slice(format!("h{number}:{}\n", "x".repeat(20_000)).as_bytes());
        assert!(codec.decode(&mut buffer).unwrap().is_none());
        assert!(buffer.capacity() < 1 << 20);
    }
}

#[tokio::test(start_paused = true)]
async fn a_flood_of_beats_is_read_slowly_and_said_once() {
    let (_link, mut events, mut broker) = link_over(64 * 1_024, settings(), &["a"]);
    let mut peer = broker.subscribed("0,0", 1).await;
    let began = Instant::now();
    let flood = async {
        let beats = vec![b'\n'; 1 << 20];
        for _ in 0..10 {
            peer.raw(&beats).await;
        }
        peer.deliver(1).await;
    };
    let mut floods = 0;
    let watching = async {
        loop {
            match events.recv().await.unwrap() {
                Event::Flood => floods += 1,
                Event::Delivery(_) => return,
                _ => {}
            }
        }
    };
    tokio::join!(flood, watching);
    assert_eq!(floods, 1);
    // At most 100 reads of 16 KiB a second.
    assert!(began.elapsed() >= Duration::from_secs(4), "{:?}", began.elapsed());
}

/// A writer that cannot write hears nothing, and so the receipts pile up.
#[tokio::test(start_paused = true)]
async fn more_receipts_than_were_asked_for_are_an_error_of_their_own() {
    let (link, mut events, mut broker) = link_over(64 * 1_024, settings(), &["a"]);
    let mut peer = broker.subscribed("0,0", 1).await;
    peer.deliver(1).await;
    let taken = delivery(&mut events).await;
    let large =
        Outgoing { destination: "/queue/r".into(), headers: Vec::new(), body: vec![b'x'; 1 << 20].into() };
    let _settling = link.settle(&taken.ack, Some(large)).await.unwrap();
    let flood = peer.raw_until_closed("RECEIPT\nreceipt-id:settled 1\n\n\0");
    let down =
        until(&mut events, |event| if let Event::Down { error, .. } = event { Some(error) } else { None });
    let (error, ()) = tokio::join!(down, flood);
    assert!(matches!(error, LinkError::TooManyReceipts), "{error:?}");
}

async fn good_ones(events: &mut mpsc::Receiver<Event>, count: usize) -> Vec<String> {
    let mut good = Vec::new();
    while good.len() < count {
        let next = timeout(Duration::from_secs(120), delivery(events)).await;
        let next = next.unwrap_or_else(|_| panic!("only {good:?} came"));
        if next.fault.is_none() && next.id.as_deref().is_some_and(|id| id.starts_with("ID:m")) {
            good.push(String::from_utf8(next.body.to_vec()).unwrap());
        }
    }
    good
}

#[tokio::test(start_paused = true)]
async fn hundreds_of_good_messages_between_broken_ones_all_come() {
    let (_link, mut events, mut broker) = link(Settings { prefetch: 2_000, ..settings() }, &["a", "b"]);
    let mut peer: Peer = broker.subscribed("0,0", 2).await;
    let all = broken();
    let noise = NOISE.iter().map(|noise| noise.to_vec());
    let bad: Vec<Vec<u8>> = all.into_iter().map(|(_, bytes)| bytes).chain(noise).collect();
    for number in 0..400 {
        peer.raw(&bad[number % bad.len()]).await;
        peer.deliver(number).await;
    }
    let expected: Vec<String> = (0..400).map(|number| number.to_string()).collect();
    assert_eq!(good_ones(&mut events, 400).await, expected);
    assert!(!broker.has_connection());
}

fn encode(frame: &Frame) -> BytesMut {
    let mut bytes = BytesMut::new();
    Codec::new(Version::V1_2, Limits::default()).encode(frame, &mut bytes).unwrap();
    bytes
}

/// A broken frame whose end can be found: its NUL is there, and no other where its length does not say so.
fn any_broken() -> impl Strategy<Value = Vec<u8>> {
    let line = prop_oneof![
        "[a-z]{1,8}:[ -~&&[^\\\\]]{0,40}",
        "[a-z]{1,8}:[ -~]{0,40}\\\\[a-z]",
        "[ -9;-~]{1,60}",
        "content-length:[ -~]{0,12}",
        Just("long:".to_owned() + &"x".repeat(5_000)),
    ];
    let body = prop_oneof!["[ -~\n]{0,80}", Just("y".repeat(9_000))];
    let known = (prop::collection::vec(line, 0..30), body).prop_map(|(lines, body)| {
        let lines: Vec<String> = lines.into_iter().filter(|line| !reaches_beyond(line)).collect();
        format!("MESSAGE\nsubscription:0\nack:A\n{}\n\n{body}\0", lines.join("\n")).into_bytes()
    });
    let noise = prop::collection::vec(1u8.., 0..200).prop_map(|mut noise| {
        noise.push(0);
        noise
    });
    prop_oneof![4 => known, 1 => noise, 2 => prop::sample::select(broken()).prop_map(|(_, bytes)| bytes)]
}

/// A length that is longer than its body takes what follows for the body, until that shows.
fn reaches_beyond(line: &str) -> bool {
    line.strip_prefix("content-length:").is_some_and(|length| length.trim().parse::<usize>().is_ok())
}

proptest! {
    #[test]
    fn every_good_frame_comes_out_between_broken_ones(
        broken in prop::collection::vec(any_broken(), 1..12),
        cuts in prop::collection::vec(1usize..3_000, 0..40),
    ) {
        let mut bytes = Vec::new();
        for (number, bad) in broken.iter().enumerate() {
            bytes.extend_from_slice(bad);
            bytes.extend_from_slice(&encode(&message(number)));
        }
        let mut codec = Codec::new(Version::V1_2, LIMITS).skips_broken();
        let (mut buffer, mut rest, mut good) = (BytesMut::new(), &bytes[..], Vec::new());
        for cut in cuts.into_iter().chain([usize::MAX]) {
            let (chunk, later) = rest.split_at(cut.min(rest.len()));
            rest = later;
            buffer.extend_from_slice(chunk);
            while let Some(item) = codec.decode(&mut buffer).unwrap() {
                match item {
                    Item::Frame(frame) if frame.header("message-id").is_some_and(|id| id.starts_with("ID:m")) => {
                        good.push(frame.header("message-id").unwrap().to_owned());
                    }
                    Item::Broken(Broken { headers, body, .. }) => {
                        prop_assert!(headers.iter().map(|(name, value)| name.len() + value.len()).sum::<usize>() < 40_000);
                        prop_assert!(body.len() <= LIMITS.max_body_bytes);
                    }
                    Item::Frame(_) | Item::Beat => {}
                }
            }
        }
        let expected: Vec<String> = (0..broken.len()).map(|number| format!("ID:m{number}")).collect();
        prop_assert_eq!(good, expected);
    }

    #[test]
    fn no_bytes_end_a_stream_that_skips_and_every_cut_gives_the_same(
        bytes in prop::collection::vec(prop_oneof![any::<u8>(), prop::sample::select(&b"\n\r:\\\0"[..])], 0..300),
        cuts in prop::collection::vec(0usize..20, 0..20),
    ) {
        let limits = Limits { max_headers: 3, max_header_bytes: 60, max_body_bytes: 30 };
        for prefix in [&b""[..], b"MESSAGE\n", b"ERROR\ncontent-length:5\n"] {
            let bytes = [prefix, &bytes, b"\0\n\n\n"].concat();
            let items = |cuts: &[usize]| {
                let mut codec = Codec::new(Version::V1_2, limits).skips_broken();
                let (mut buffer, mut rest, mut items) = (BytesMut::new(), &bytes[..], Vec::new());
                for cut in cuts.iter().copied().chain([usize::MAX]) {
                    let (chunk, later) = rest.split_at(cut.min(rest.len()));
                    rest = later;
                    buffer.extend_from_slice(chunk);
                    while let Some(item) = codec.decode(&mut buffer).unwrap() {
                        if !matches!(item, Item::Beat) {
                            items.push(format!("{item:?}"));
                        }
                    }
                }
                items
            };
            prop_assert_eq!(items(&[]), items(&cuts));
        }
    }
}
