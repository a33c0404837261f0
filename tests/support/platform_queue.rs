//! The platform's side of one message destination: posts messages, collects the replies.

use std::collections::{HashMap, HashSet};
use std::io::Result;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::Value;
use tokio::sync::watch;
use tokio::task::AbortHandle;
use tokio::time::{Instant, sleep, timeout};

use super::broker::{Address, Broker, Make, PLATFORM};
use super::statistics::{self, Statistics};
use super::stomp_client::{Frame, StompClient};

/// The organization of the tests.
pub(crate) const ORG: u32 = 201;

/// Stands for the value of a header that is not to be sent.
const LEFT_OUT: &str = "";

/// A message to post, with the headers that the platform gives an action's.
#[derive(Clone, Debug)]
pub(crate) struct Message {
    frame: Frame,
}

/// What the processor sent to the reply queue.
#[derive(Clone, Debug)]
pub(crate) struct Reply {
    pub(crate) correlation_id: String,
    pub(crate) body: String,
    pub(crate) headers: HashMap<String, String>,
}

/// The destination `actions.201.<name>`, or one of another kind, and its reply queue, `acks.201.<name>`, seen from the
/// platform.
///
/// It outlives a broker that is stopped and started: collecting goes on, each reply counted once.
#[derive(Debug)]
pub(crate) struct PlatformQueue {
    kind: &'static str,
    name: String,
    address: Address,
    replies: watch::Receiver<Vec<Reply>>,
    collector: AbortHandle,
}

// === impl Message ===

impl Message {
    /// A message with `body`, which is JSON unless the test is about one that is not. Its `correlation-id` and
    /// `Co3ContextToken` are its own; it is sent as text.
    pub(crate) fn new(body: impl Into<Vec<u8>>) -> Self {
        let number = fastrand::u64(..);
        let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("it is after 1970").as_millis();
        let headers = [
            ("correlation-id", format!("invid:{number}")),
            ("Co3ContextToken", format!("token-{number:016x}")),
            ("Co3ContentType", "application/json".to_owned()),
            ("Co3MessagePayload", "ActionDataDTO".to_owned()),
            ("timestamp", now.to_string()),
            ("persistent", "true".to_owned()),
        ];
        let headers = headers.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        Self { frame: Frame { command: "SEND".to_owned(), headers, body: body.into() } }
    }

    /// Sets a header, instead of the usual value if there is one.
    pub(crate) fn header(mut self, name: &str, value: &str) -> Self {
        self.frame.headers.insert(name.to_owned(), value.to_owned());
        self
    }

    /// Leaves a header out.
    pub(crate) fn without(self, name: &str) -> Self {
        self.header(name, LEFT_OUT)
    }

    /// Sends it with `content-length`, which ActiveMQ takes as bytes and hands on with a length of its own.
    pub(crate) fn binary(self) -> Self {
        let length = self.frame.body.len().to_string();
        self.header("content-length", &length)
    }

    pub(crate) fn correlation_id(&self) -> &str {
        self.frame.header("correlation-id")
    }

    pub(crate) fn context_token(&self) -> &str {
        self.frame.header("Co3ContextToken")
    }

    /// The SEND frame that puts it on the queue `actions`, to be answered on `acks`, unless it names another.
    pub(crate) fn addressed(mut self, actions: &str, acks: &str) -> Frame {
        let headers = &mut self.frame.headers;
        headers.insert("destination".to_owned(), format!("/queue/{actions}"));
        headers.entry("reply-to".to_owned()).or_insert_with(|| format!("/queue/{acks}"));
        headers.retain(|_, value| value != LEFT_OUT);
        self.frame
    }
}

// === impl Reply ===

impl Reply {
    /// The body as JSON.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error} in reply {:?}", self.body))
    }

    /// Whether it ends the invocation; a status update does not.
    pub(crate) fn is_last(&self) -> bool {
        let header = self.headers.get("Co3InvocationComplete").is_none_or(|complete| complete != "false");
        let body: Value = serde_json::from_str(&self.body).unwrap_or_default();
        header && body["complete"] != false
    }

    /// From the MESSAGE frame that it came in.
    pub(crate) fn read(message: &Frame) -> Self {
        Self {
            correlation_id: message.header("correlation-id").to_owned(),
            body: String::from_utf8(message.body.clone()).expect("a reply is UTF-8"),
            headers: message.headers.clone(),
        }
    }
}

// === impl PlatformQueue ===

impl PlatformQueue {
    /// Creates the destination and begins to collect replies. `name` is the test's own.
    pub(crate) async fn open(broker: &Broker, name: &str) -> Self {
        Self::of_kind(broker, "actions", name).await
    }

    /// The same with another first word: `inbound_destinations`, `connectors`.
    pub(crate) async fn of_kind(broker: &Broker, kind: &'static str, name: &str) -> Self {
        let address = broker.address();
        let (sender, replies) = watch::channel(Vec::new());
        let acks = format!("/queue/acks.{ORG}.{name}");
        let collector = tokio::spawn(collect(address.clone(), acks, sender)).abort_handle();
        let queue = Self { kind, name: name.to_owned(), address, replies, collector };
        statistics::create(&queue.address, &queue.actions()).await.expect("the platform creates its queue");
        queue
    }

    /// The destination's name, as the processor subscribes to it, without `/queue/`.
    pub(crate) fn actions(&self) -> String {
        format!("{}.{ORG}.{}", self.kind, self.name)
    }

    /// The reply queue's name, without `/queue/`.
    pub(crate) fn acks(&self) -> String {
        format!("acks.{ORG}.{}", self.name)
    }

    /// Posts one message; the broker has stored it when this returns. Gives its correlation id.
    pub(crate) async fn post(&self, message: Message) -> String {
        let id = message.correlation_id().to_owned();
        self.post_all([message]).await;
        id
    }

    /// Posts messages in order; the broker has stored them when this returns.
    pub(crate) async fn post_all(&self, messages: impl IntoIterator<Item = Message>) {
        let frames =
            messages.into_iter().map(|message| message.addressed(&self.actions(), &self.acks())).collect();
        post(&self.address, frames).await.expect("the broker takes the platform's messages");
    }

    /// Waits until `count` replies have come, status updates among them, and gives all there are.
    pub(crate) async fn replies(&self, count: usize, within: Duration) -> Vec<Reply> {
        self.until(within, |_| true, |found| found.len() >= count).await
    }

    /// Waits until `count` messages have had their last reply, and gives the last replies there are: more than `count`,
    /// where one was [`answered_twice`].
    pub(crate) async fn answers(&self, count: usize, within: Duration) -> Vec<Reply> {
        let enough = |found: &[&Reply]| found.len() - answered_twice(found.iter().copied()).len() >= count;
        self.until(within, Reply::is_last, enough).await
    }

    /// The broker's figures of the destination.
    pub(crate) async fn statistics(&self) -> Statistics {
        statistics::of(&self.address, &self.actions()).await.expect("the broker answers")
    }

    /// Waits until no processor is subscribed.
    pub(crate) async fn until_left(&self, within: Duration) {
        self.until_statistics(within, |figures| figures.consumers == 0).await;
    }

    /// Waits until every message is acknowledged.
    pub(crate) async fn until_settled(&self, within: Duration) {
        self.until_statistics(within, |figures| figures.pending == 0).await;
    }

    /// Waits until a processor has subscribed.
    pub(crate) async fn until_subscribed(&self, within: Duration) {
        self.until_statistics(within, |figures| figures.consumers > 0).await;
    }

    /// Waits until the broker's figures are as wanted; while it is down it has none.
    pub(crate) async fn until_statistics(&self, within: Duration, wanted: impl Fn(&Statistics) -> bool) {
        let deadline = Instant::now() + within;
        loop {
            let figures = statistics::of(&self.address, &self.actions()).await;
            if figures.as_ref().is_ok_and(&wanted) {
                return;
            }
            assert!(Instant::now() < deadline, "after {within:?}, {} has {figures:?}", self.actions());
            sleep(Duration::from_millis(20)).await;
        }
    }

    /// Waits until one of the replies is as wanted, and gives those there are.
    pub(crate) async fn replies_until(
        &self,
        within: Duration,
        wanted: impl Fn(&Reply) -> bool,
    ) -> Vec<Reply> {
        self.until(within, |_| true, |replies| replies.iter().any(|reply| wanted(reply))).await
    }

    async fn until(
        &self,
        within: Duration,
        wanted: impl Fn(&Reply) -> bool,
        enough: impl Fn(&[&Reply]) -> bool,
    ) -> Vec<Reply> {
        let mut replies = self.replies.clone();
        let found = |all: &Vec<Reply>| enough(&all.iter().filter(|reply| wanted(reply)).collect::<Vec<_>>());
        let in_time = timeout(within, replies.wait_for(found)).await.is_ok();
        let mut found = self.replies.borrow().clone();
        found.retain(wanted);
        assert!(in_time, "only {} replies after {within:?}: {found:?}", found.len());
        found
    }
}

impl Drop for PlatformQueue {
    fn drop(&mut self) {
        self.collector.abort();
    }
}

/// The correlation ids that were answered more than once.
pub(crate) fn answered_twice<'a>(answers: impl IntoIterator<Item = &'a Reply>) -> Vec<&'a str> {
    let mut seen = HashSet::new();
    let ids = answers.into_iter().map(|reply| reply.correlation_id.as_str());
    ids.filter(|id| !seen.insert(*id)).collect()
}

/// Waits for the receipts only once everything is sent: a message at a time would be slow.
async fn post(address: &Address, mut frames: Vec<Frame>) -> Result<()> {
    let mut client = StompClient::connect(address, PLATFORM).await?;
    for frame in &mut frames {
        frame.headers.insert("receipt".to_owned(), "stored".to_owned());
        client.send(frame).await?;
    }
    for _ in &frames {
        client.receive().await?;
    }
    client.confirmed(Frame::new("DISCONNECT", &[])).await
}

/// Collects for ever, over every restart of the broker.
async fn collect(address: Address, queue: String, replies: watch::Sender<Vec<Reply>>) {
    let mut seen = HashSet::new();
    loop {
        // An error says that the broker went away; it may come back.
        let _ = collect_once(&address, &queue, &replies, &mut seen).await;
        sleep(Duration::from_millis(50)).await;
    }
}

/// A reply whose acknowledgement was lost with the connection comes again.
async fn collect_once(
    address: &Address,
    queue: &str,
    replies: &watch::Sender<Vec<Reply>>,
    seen: &mut HashSet<String>,
) -> Result<()> {
    let mut client = StompClient::connect(address, PLATFORM).await?;
    client.subscribe(queue).await?;
    loop {
        let message = client.receive().await?;
        if is_new(address.make, &message, seen) {
            replies.send_modify(|all| all.push(Reply::read(&message)));
        }
        client.acknowledge(&message).await?;
    }
}

/// ActiveMQ delivers a message again under the same `message-id`. RabbitMQ's names the delivery, but it says which are
/// repeated.
pub(crate) fn is_new(make: Make, message: &Frame, seen: &mut HashSet<String>) -> bool {
    match make {
        Make::ActiveMq => seen.insert(message.header("message-id").to_owned()),
        Make::RabbitMq => {
            let body = String::from_utf8_lossy(&message.body);
            let first = seen.insert(format!("{} {body}", message.header("correlation-id")));
            first || message.header("redelivered") != "true"
        }
    }
}
