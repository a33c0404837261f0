//! S21: the versions of the protocol, each with its own way to acknowledge. Our rules speak to the broker by hand, for
//! the link offers all versions and gets the highest.

use action_processor::stomp::codec::{Codec, Item};
use action_processor::stomp::session::{Received, Session};
use action_processor::stomp::{Command, Frame, Limits, Settings, Version};
use futures_util::{SinkExt, StreamExt};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_util::codec::Framed;

use super::rig::settings;
use super::{PATIENCE, body};
use crate::support::broker::{Broker, Make};
use crate::support::platform_queue::PlatformQueue;

for_each_make! {
    a_message_is_acknowledged_as_the_agreed_version_wants_it,
}

async fn a_message_is_acknowledged_as_the_agreed_version_wants_it(make: Make) {
    let broker = Broker::shared_of(make).await;
    for (offer, version) in [("1.0", Version::V1_0), ("1.1", Version::V1_1), ("1.2", Version::V1_2)] {
        let queue = PlatformQueue::open(broker, &format!("cases_version_{}", offer.replace('.', "_"))).await;
        queue.post(body("to be acknowledged")).await;
        let mut peer = Peer::open(broker, offer).await;
        assert_eq!(peer.session.version(), version);
        let subscribe = peer.session.subscribe("0".parse().unwrap(), &queue.actions(), &peer.settings);
        peer.send(subscribe).await;
        let ack = peer.message().await;
        peer.send(ack).await;
        queue.until_settled(PATIENCE).await;
    }
}

/// One connection, spoken by hand.
struct Peer {
    stream: Framed<TcpStream, Codec>,
    session: Session,
    settings: Settings,
}

impl Peer {
    async fn open(broker: &Broker, offer: &str) -> Self {
        let stream = TcpStream::connect(("127.0.0.1", broker.address().plain)).await.unwrap();
        let mut stream = Framed::new(stream, Codec::new(Version::V1_2, Limits::default()));
        let settings = settings(broker);
        let ours = Session::greeting(&settings, "localhost");
        let mut greeting =
            Frame::new(Command::Connect).with("accept-version", offer).with("heart-beat", "0,0");
        for (name, value) in
            ours.headers.iter().filter(|(name, _)| ["host", "login", "passcode"].contains(name))
        {
            greeting.headers.push(name, value);
        }
        stream.send(Item::Frame(greeting)).await.unwrap();
        let answer = frame(&mut stream).await;
        let session = Session::open(&settings, &answer).unwrap();
        stream.codec_mut().set_version(session.version());
        Self { stream, session, settings }
    }

    async fn send(&mut self, frame: Frame) {
        self.stream.send(Item::Frame(frame)).await.unwrap();
    }

    /// What acknowledges the next message.
    async fn message(&mut self) -> Frame {
        loop {
            let frame = frame(&mut self.stream).await;
            if let Received::Message(message) = self.session.receive(frame).unwrap() {
                return message.ack.unwrap();
            }
        }
    }
}

async fn frame(stream: &mut Framed<TcpStream, Codec>) -> Frame {
    loop {
        let item = timeout(PATIENCE, stream.next()).await.expect("the broker answers");
        if let Item::Frame(frame) = item.expect("the broker stays").unwrap() {
            return frame;
        }
    }
}
