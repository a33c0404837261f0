//! What the broker says about a queue.

use std::io::{Error, Result};
use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::broker::{Address, Make, PLATFORM};
use super::stomp_client::{Frame, StompClient};

/// A queue's figures.
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
    match address.make {
        Make::ActiveMq => of_activemq(address, queue).await,
        Make::RabbitMq => of_rabbitmq(address, queue).await,
    }
}

/// Creates `queue`, if it is not there, without taking anything from it.
pub(crate) async fn create(address: &Address, queue: &str) -> Result<()> {
    let mut client = StompClient::connect(address, PLATFORM).await?;
    let queue = format!("/queue/{queue}");
    // RabbitMQ knows no browsers: what a new consumer was given goes back when it leaves.
    let headers = [("id", "1"), ("destination", queue.as_str()), ("browser", "true"), ("ack", ack(address))];
    client.confirmed(Frame::new("SUBSCRIBE", &headers)).await?;
    client.confirmed(Frame::new("DISCONNECT", &[])).await
}

fn ack(address: &Address) -> &'static str {
    match address.make {
        Make::ActiveMq => "auto",
        Make::RabbitMq => "client-individual",
    }
}

/// As the statistics plugin gives them.
async fn of_activemq(address: &Address, queue: &str) -> Result<Statistics> {
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

/// Entries look like `{"string": "size", "long": 1}`.
fn figure(map: &Value, name: &str) -> Option<u64> {
    let entries = map.pointer("/map/entry")?.as_array()?;
    entries.iter().find(|entry| entry["string"] == name)?.get("long")?.as_u64()
}

/// As the Prometheus plugin gives them, a tenth of a second late at most.
async fn of_rabbitmq(address: &Address, queue: &str) -> Result<Statistics> {
    let metrics = metrics(address).await?;
    let figure = |name: &str| {
        let line = format!("rabbitmq_detailed_queue_{name}{{vhost=\"/\",queue=\"{queue}\"}} ");
        let value = metrics.lines().find_map(|metric| metric.strip_prefix(&line)?.parse().ok());
        value.ok_or_else(|| Error::other(format!("no figure {name} of {queue}")))
    };
    Ok(Statistics {
        pending: figure("messages")?,
        delivered: figure("messages_unacked")?,
        consumers: figure("consumers")?,
    })
}

async fn metrics(address: &Address) -> Result<String> {
    let mut stream = TcpStream::connect(("127.0.0.1", address.metrics)).await?;
    let families = "family=queue_coarse_metrics&family=queue_consumer_count";
    let request = format!("GET /metrics/detailed?{families} HTTP/1.0\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut answer = String::new();
    timeout(Duration::from_secs(30), stream.read_to_string(&mut answer)).await??;
    Ok(answer)
}
