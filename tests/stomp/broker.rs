//! A scripted broker at the other end of an in-memory stream: the tests say every word of it.

use std::io;
use std::time::Duration;

use action_processor::stomp::codec::{Codec, Item};
use action_processor::stomp::{
    Command, Delivery, Dial, Event, Frame, Heartbeat, Limits, Link, Settings, Version, start,
};
use futures_util::{SinkExt, StreamExt};
use tokio::io::{AsyncWriteExt, DuplexStream};
use tokio::sync::mpsc;
use tokio_util::codec::Framed;

/// Dials a [`Broker`].
pub(super) struct Dialer {
    streams: mpsc::UnboundedSender<DuplexStream>,
    /// How many bytes fit into the wire in each direction.
    wire: usize,
    /// Where connections beside the session arrive, if there can be any.
    aside: Option<mpsc::UnboundedSender<DuplexStream>>,
}

/// Where the link's connections arrive.
pub(super) struct Broker {
    streams: mpsc::UnboundedReceiver<DuplexStream>,
}

/// One connection, from the broker's side.
pub(super) struct Peer {
    pub(super) stream: Framed<DuplexStream, Codec>,
}

impl Dial for Dialer {
    type Io = DuplexStream;
    type Error = io::Error;

    async fn dial(&mut self) -> io::Result<DuplexStream> {
        let (ours, theirs) = tokio::io::duplex(self.wire);
        self.streams.send(theirs).map_err(|_| io::ErrorKind::ConnectionRefused)?;
        Ok(ours)
    }

    fn aside(&self) -> Option<Self> {
        let streams = self.aside.clone()?;
        Some(Self { streams, wire: self.wire, aside: None })
    }
}

/// A link with these destinations, what it tells, and its broker.
pub(super) fn link(settings: Settings, destinations: &[&str]) -> (Link, mpsc::Receiver<Event>, Broker) {
    link_over(1 << 20, settings, destinations)
}

/// The same, and where the connections beside its session arrive.
pub(super) fn link_with_aside(
    settings: Settings,
    destinations: &[&str],
) -> (Link, mpsc::Receiver<Event>, Broker, Broker) {
    let (sender, streams) = mpsc::unbounded_channel();
    let (beside, aside) = mpsc::unbounded_channel();
    let names = destinations.iter().map(|name| (*name).to_owned()).collect();
    let (link, events) =
        start(settings, names, Dialer { streams: sender, wire: 1 << 20, aside: Some(beside) });
    (link, events, Broker { streams }, Broker { streams: aside })
}

/// The same over a wire that holds so many bytes.
pub(super) fn link_over(
    wire: usize,
    settings: Settings,
    destinations: &[&str],
) -> (Link, mpsc::Receiver<Event>, Broker) {
    let (sender, streams) = mpsc::unbounded_channel();
    let names = destinations.iter().map(|name| (*name).to_owned()).collect();
    let (link, events) = start(settings, names, Dialer { streams: sender, wire, aside: None });
    (link, events, Broker { streams })
}

/// Heart-beats of one second both ways.
pub(super) fn one_second_beats() -> Settings {
    let second = Duration::from_secs(1);
    Settings {
        heartbeat: Heartbeat { send: second, receive: second, grace: 2.0 },
        ..Settings::new("broker.example")
    }
}

impl Broker {
    /// The next connection, once it has said CONNECT; not yet answered.
    pub(super) async fn accept(&mut self) -> Peer {
        let stream = self.streams.recv().await.expect("the link dials");
        let stream = Framed::new(stream, Codec::new(Version::V1_2, Limits::default()));
        let mut peer = Peer { stream };
        peer.expect(Command::Connect).await;
        peer
    }

    /// The next connection, answered with this offer of heart-beats.
    pub(super) async fn welcome(&mut self, beats: &str) -> Peer {
        let mut peer = self.accept().await;
        peer.send(connected(beats)).await;
        peer
    }

    /// The next connection, with so many subscriptions confirmed.
    pub(super) async fn subscribed(&mut self, beats: &str, count: usize) -> Peer {
        let mut peer = self.welcome(beats).await;
        peer.confirm_subscriptions(count).await;
        peer
    }

    /// Whether the link has dialed again.
    pub(super) fn has_connection(&mut self) -> bool {
        !self.streams.is_empty()
    }
}

pub(super) fn connected(beats: &str) -> Frame {
    Frame::new(Command::Connected)
        .with("version", "1.2")
        .with("server", "scripted/1")
        .with("heart-beat", beats)
}

impl Peer {
    pub(super) async fn send(&mut self, frame: Frame) {
        self.stream.send(Item::Frame(frame)).await.expect("the link listens");
    }

    /// Bytes that are perhaps no frame.
    pub(super) async fn raw(&mut self, bytes: impl AsRef<[u8]>) {
        self.stream.get_mut().write_all(bytes.as_ref()).await.expect("the link listens");
    }

    /// The same over and over, until the link listens no more.
    pub(super) async fn raw_until_closed(&mut self, bytes: impl AsRef<[u8]>) {
        while self.stream.get_mut().write_all(bytes.as_ref()).await.is_ok() {}
    }

    pub(super) async fn beat(&mut self) {
        self.stream.send(Item::Beat).await.expect("the link listens");
    }

    /// The next frame or beat; `None` once the link has closed the connection.
    pub(super) async fn item(&mut self) -> Option<Item> {
        self.stream.next().await.and_then(Result::ok)
    }

    /// The next frame, beats left out.
    pub(super) async fn frame(&mut self) -> Option<Frame> {
        loop {
            match self.item().await? {
                Item::Frame(frame) => return Some(frame),
                Item::Beat | Item::Broken(_) => {}
            }
        }
    }

    /// The next frame, which must be this one.
    pub(super) async fn expect(&mut self, command: Command) -> Frame {
        let frame = self.frame().await.expect("a frame");
        assert_eq!(frame.command, command, "{frame:?}");
        frame
    }

    /// The next transaction: what stands between BEGIN and COMMIT, and COMMIT.
    pub(super) async fn transaction(&mut self) -> (Vec<Frame>, Frame) {
        let begin = self.expect(Command::Begin).await;
        let mut frames = Vec::new();
        loop {
            let frame = self.frame().await.expect("a frame");
            assert_eq!(frame.header("transaction"), begin.header("transaction"), "{frame:?}");
            if frame.command == Command::Commit {
                return (frames, frame);
            }
            frames.push(frame);
        }
    }

    /// The next transaction, which is confirmed: what stands in it.
    pub(super) async fn settled(&mut self) -> Vec<Frame> {
        let (frames, commit) = self.transaction().await;
        self.confirm(&commit).await;
        frames
    }

    /// Confirms so many SUBSCRIBEs; gives them back.
    pub(super) async fn confirm_subscriptions(&mut self, count: usize) -> Vec<Frame> {
        let mut frames = Vec::new();
        for _ in 0..count {
            let frame = self.expect(Command::Subscribe).await;
            self.confirm(&frame).await;
            frames.push(frame);
        }
        frames
    }

    pub(super) async fn confirm(&mut self, frame: &Frame) {
        let receipt = frame.header("receipt").expect("a receipt is asked for");
        self.send(Frame::new(Command::Receipt).with("receipt-id", receipt)).await;
    }

    pub(super) async fn refuse(&mut self, frame: &Frame, words: &str) {
        let receipt = frame.header("receipt").expect("a receipt is asked for");
        self.send(Frame::new(Command::Error).with("receipt-id", receipt).with("message", words)).await;
    }

    /// Delivers message number `number` to the first subscription.
    pub(super) async fn deliver(&mut self, number: usize) {
        self.send(message(number)).await;
    }
}

pub(super) fn message(number: usize) -> Frame {
    Frame::new(Command::Message)
        .with("subscription", "0")
        .with("message-id", format!("ID:m{number}"))
        .with("ack", format!("ID:a{number}"))
        .with("destination", "/queue/a")
        .with_body(number.to_string())
}

/// The next delivery, other events left out.
pub(super) async fn delivery(events: &mut mpsc::Receiver<Event>) -> Delivery {
    loop {
        if let Event::Delivery(delivery) = events.recv().await.expect("the link lives") {
            return delivery;
        }
    }
}

/// The next event of this kind, others left out.
pub(super) async fn until<T>(events: &mut mpsc::Receiver<Event>, pick: impl Fn(Event) -> Option<T>) -> T {
    loop {
        if let Some(found) = pick(events.recv().await.expect("the link lives")) {
            return found;
        }
    }
}
