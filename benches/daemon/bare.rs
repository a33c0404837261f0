//! The bare consumer: what the broker, TLS and a plain loop allow, without a framework.

use crate::support::broker::{API_KEY, Address, Broker, Make};
use crate::support::stomp_client::{Frame, StompClient};

/// With this argument, this program is the bare consumer.
pub(crate) const COMMAND: &str = "--consume";
/// What it prints when it is subscribed.
pub(crate) const READY: &str = "subscribed";
/// What it replies; as long as the daemon's.
const REPLY: &[u8] = br#"{"message_type":0,"message":"hello, Ada","complete":true}"#;

/// What this program is called with to be the bare consumer of `queue`.
pub(crate) fn arguments(broker: &Broker, queue: &str, prefetch: u32) -> Vec<String> {
    let ca_file = broker.ca_file().display().to_string();
    vec![COMMAND.to_owned(), broker.port().to_string(), queue.to_owned(), prefetch.to_string(), ca_file]
}

/// Reads, replies and acknowledges until it is killed.
pub(crate) async fn consume(arguments: &[String]) {
    let [port, queue, prefetch, ca_file] = arguments else { panic!("port, queue, prefetch, CA file") };
    let tls = port.parse().expect("a port");
    let address =
        Address { tls, plain: 0, small: 0, metrics: 0, ca_file: ca_file.into(), make: Make::ActiveMq };
    let mut client = StompClient::connect_tls(&address, API_KEY).await.expect("the broker is up");
    let headers = [
        ("id", "1"),
        ("destination", queue.as_str()),
        ("ack", "client-individual"),
        ("activemq.prefetchSize", prefetch.as_str()),
    ];
    client.confirmed(Frame::new("SUBSCRIBE", &headers)).await.expect("the queue is granted");
    eprintln!("{READY}");
    // A wait for messages that takes too long ends the loop, and the process; nobody minds.
    while let Ok(message) = client.receive().await {
        client.send(&reply(&message)).await.expect("the broker is up");
        client.acknowledge(&message).await.expect("the broker is up");
    }
}

fn reply(message: &Frame) -> Frame {
    let headers = [
        ("destination", message.header("reply-to")),
        ("correlation-id", message.header("correlation-id")),
        ("persistent", "true"),
    ];
    Frame { body: REPLY.to_vec(), ..Frame::new("SEND", &headers) }
}
