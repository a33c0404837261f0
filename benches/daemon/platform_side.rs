//! The platform's side of a queue: posts messages, and says when each was answered.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use serde_json::json;
use tokio::time::{Instant, interval, timeout};

use crate::support::broker::{Address, PLATFORM};
use crate::support::platform_queue::ORG;
use crate::support::stomp_client::{Frame, StompClient};

/// Length of a message's body in bytes.
const BODY: usize = 1024;
/// After this long without a reply, none is waited for any more.
const SILENCE: Duration = Duration::from_secs(30);

/// The correlation id of an answered message, and when its reply came.
pub(crate) type Arrival = (String, Instant);

/// A message destination.
pub(crate) struct Queue {
    pub(crate) address: Address,
    /// Without `actions.<org>.`
    pub(crate) name: &'static str,
}

/// The replies of a queue.
pub(crate) struct Replies(StompClient);

impl Queue {
    /// Posts so many messages; the broker has them when this returns. Gives their correlation ids.
    pub(crate) async fn post(&self, count: usize) -> HashSet<String> {
        let mut client = self.client().await;
        let ids: HashSet<String> = (0..count).map(|_| new_id()).collect();
        for id in &ids {
            client.send(&self.message(id)).await.expect("the broker takes it");
        }
        client.confirmed(Frame::new("DISCONNECT", &[])).await.expect("the broker has taken all");
        ids
    }

    /// The replies from now on.
    pub(crate) async fn replies(&self) -> Replies {
        let mut client = self.client().await;
        let acks = format!("/queue/acks.{ORG}.{}", self.name);
        let headers = [("id", "1"), ("destination", acks.as_str()), ("ack", "auto")];
        client.confirmed(Frame::new("SUBSCRIBE", &headers)).await.expect("the platform may read replies");
        Replies(client)
    }

    fn message(&self, id: &str) -> Frame {
        let headers = [
            ("destination", &*format!("/queue/actions.{ORG}.{}", self.name)),
            ("reply-to", &*format!("/queue/acks.{ORG}.{}", self.name)),
            ("correlation-id", id),
            ("Co3ContextToken", id),
            ("Co3ContentType", "application/json"),
            ("Co3MessagePayload", "ActionDataDTO"),
            ("persistent", "true"),
        ];
        Frame { body: body(), ..Frame::new("SEND", &headers) }
    }

    async fn client(&self) -> StompClient {
        StompClient::connect(&self.address, PLATFORM).await.expect("the broker is up")
    }
}

impl Replies {
    /// Waits until each of these is answered, or nothing has come for long. Others, of a turn before, don't count.
    pub(crate) async fn collect(mut self, mut waiting: HashSet<String>) -> Vec<Arrival> {
        let mut arrivals = Vec::with_capacity(waiting.len());
        while !waiting.is_empty() {
            let Ok(Ok(reply)) = timeout(SILENCE, self.0.receive()).await else { break };
            if let Some(id) = waiting.take(reply.header("correlation-id")) {
                arrivals.push((id, Instant::now()));
            }
        }
        arrivals
    }
}

/// Posts a message each `pace`; the times from post to reply.
pub(crate) async fn latencies(queue: &Queue, count: usize, pace: Duration) -> Vec<Duration> {
    let ids: Vec<String> = (0..count).map(|_| new_id()).collect();
    let replies = queue.replies().await;
    let arrivals = tokio::spawn(replies.collect(ids.iter().cloned().collect()));
    let (mut client, mut ticks, mut posted) = (queue.client().await, interval(pace), HashMap::new());
    for id in ids {
        ticks.tick().await;
        let message = queue.message(&id);
        posted.insert(id, Instant::now());
        client.send(&message).await.expect("the broker takes it");
    }
    let arrivals = arrivals.await.expect("collecting does not fail");
    arrivals.iter().map(|(id, answered)| *answered - posted[id]).collect()
}

/// Messages per second over the middle nine tenths.
pub(crate) fn middle_rate(arrivals: &[Arrival]) -> f64 {
    assert!(arrivals.len() > 1, "nothing was answered");
    let edge = arrivals.len() / 20;
    let middle = &arrivals[edge..arrivals.len() - edge];
    let taken = middle[middle.len() - 1].1 - middle[0].1;
    (middle.len() - 1) as f64 / taken.as_secs_f64()
}

fn new_id() -> String {
    format!("invid:{:016x}", fastrand::u64(..))
}

fn body() -> Vec<u8> {
    let body = |description: &str| {
        json!({
            "action_id": 1, "object_type": 0, "properties": { "name": "Ada" },
            "incident": { "id": 4573, "name": "An incident", "description": description },
            "user": { "id": 115, "email": "user@example.com" }, "type_info": {},
        })
        .to_string()
    };
    let description = "x".repeat(BODY - body("").len());
    body(&description).into_bytes()
}
