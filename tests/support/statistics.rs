//! What the broker says about a queue.

use std::io::Result;
use std::time::Duration;

use serde_json::Value;
use tokio::time::timeout;

use super::broker::{Address, PLATFORM};
use super::stomp_client::{Frame, StompClient};

/// A queue's figures, as ActiveMQ's statistics plugin gives them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Statistics {
    /// Messages on the queue, those included that were delivered and not acknowledged.
    pub(crate) pending: u64,
    /// Of these, the delivered ones.
    pub(crate) delivered: u64,
    /// Subscriptions.
    pub(crate) consumers: u64,
}

/// Asks for the figures of `queue` (a name without `/queue/`), which must exist.
pub(crate) async fn of(address: &Address, queue: &str) -> Result<Statistics> {
    let mut client = StompClient::connect(address, PLATFORM).await?;
    let replies = "/temp-queue/statistics";
    let headers =
        [("id", "1"), ("destination", replies), ("ack", "auto"), ("transformation", "jms-map-json")];
    client.confirmed(Frame::new("SUBSCRIBE", &headers)).await?;
    let question = format!("/queue/ActiveMQ.Statistics.Destination.{queue}");
    client.send(&Frame::new("SEND", &[("destination", &question), ("reply-to", replies)])).await?;
    let answer = timeout(Duration::from_secs(30), client.receive()).await??;
    let map: Value = serde_json::from_slice(&answer.body)?;
    let figure = |name| figure(&map, name).expect("a figure of the statistics plugin");
    Ok(Statistics {
        pending: figure("size"),
        delivered: figure("inflightCount"),
        consumers: figure("consumerCount"),
    })
}

/// Creates `queue`, if it is not there, without taking anything from it.
pub(crate) async fn create(address: &Address, queue: &str) -> Result<()> {
    let mut client = StompClient::connect(address, PLATFORM).await?;
    let queue = format!("/queue/{queue}");
    let headers = [("id", "1"), ("destination", queue.as_str()), ("browser", "true"), ("ack", "auto")];
    client.confirmed(Frame::new("SUBSCRIBE", &headers)).await?;
    client.confirmed(Frame::new("DISCONNECT", &[])).await
}

/// Entries look like `{"string": "size", "long": 1}`.
fn figure(map: &Value, name: &str) -> Option<u64> {
    let entries = map.pointer("/map/entry")?.as_array()?;
    entries.iter().find(|entry| entry["string"] == name)?.get("long")?.as_u64()
}
