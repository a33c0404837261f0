//! The platform's side of the broker: posts actions steadily, collects the replies, over every loss of the broker.

use std::{
    collections::HashSet,
    io::Result,
    sync::Arc,
    time::{Duration, SystemTime},
};

use tokio::{
    sync::Semaphore,
    task::AbortHandle,
    time::{Instant, interval, sleep, sleep_until},
};

use crate::{
    book::{Book, Number, timestamp},
    support::{
        broker::{Address, Make, PLATFORM},
        platform_queue::{Message, ORG, Reply, is_new},
        processor::AppConfig,
        statistics,
        stomp_client::{Frame, StompClient},
    },
};

/// The message destination's programmatic name.
pub(crate) const DESTINATION: &str = "faults";

/// At most so many actions in one go; the broker forces its journal to the disk for them together.
const BATCH: usize = 10;

/// How soon after a failure the broker is tried again.
const PAUSE: Duration = Duration::from_millis(50);

/// What kind of queue the actions are on.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Queue {
    pub(crate) make: Make,
    pub(crate) quorum: bool,
}

/// Both tasks; they end with this value.
#[derive(Debug)]
pub(crate) struct PlatformSide {
    address: Address,
    allowance: Arc<Semaphore>,
    tasks: [AbortHandle; 2],
}

// === impl PlatformSide ===

impl PlatformSide {
    /// Creates the queues; posts `rate` actions a second where it is [allowed](Self::allow) to.
    pub(crate) async fn open(address: Address, queue: Queue, book: Arc<Book>, rate: u32) -> Self {
        queue.create(&address).await.expect("the platform creates its queue");
        let allowance = Arc::new(Semaphore::new(0));
        let poster = Poster {
            address: address.clone(),
            queue,
            book: book.clone(),
            allowance: allowance.clone(),
            rate,
        };
        let tasks = [
            tokio::spawn(poster.post()).abort_handle(),
            tokio::spawn(collect(address.clone(), book)).abort_handle(),
        ];
        Self { address, allowance, tasks }
    }

    /// Lets this many more actions be posted.
    pub(crate) fn allow(&self, actions: usize) {
        self.allowance.add_permits(actions);
    }

    /// Lets `rate` actions a second be posted until the handle is aborted; what could not be posted in time is made up
    /// for.
    pub(crate) fn allow_steadily(&self, rate: u32) -> AbortHandle {
        let allowance = self.allowance.clone();
        let task = tokio::spawn(async move {
            let mut ticks = interval(Duration::from_secs(1) / rate);
            loop {
                ticks.tick().await;
                allowance.add_permits(1);
            }
        });
        task.abort_handle()
    }

    /// Waits until everything that was allowed is posted.
    pub(crate) async fn until_posted(&self) {
        while self.allowance.available_permits() > 0 {
            sleep(PAUSE).await;
        }
    }

    /// Waits until both queues are empty; false if they are not after `patience`.
    pub(crate) async fn until_settled(&self, patience: Duration) -> bool {
        let deadline = Instant::now() + patience;
        while Instant::now() < deadline {
            let depths = [self.depth(&actions()).await, self.depth(&acks()).await];
            if depths == [Some(0), Some(0)] {
                return true;
            }
            sleep(PAUSE).await;
        }
        false
    }

    /// What the broker says of both queues, in words.
    pub(crate) async fn queues(&self) -> String {
        let mut words = Vec::new();
        for queue in [actions(), acks()] {
            words.push(match statistics::of(&self.address, &queue).await {
                Ok(figures) => {
                    format!("{queue}: {} pending, {} delivered", figures.pending, figures.delivered)
                }
                Err(error) => format!("{queue}: {error}"),
            });
        }
        words.join("; ")
    }

    async fn depth(&self, queue: &str) -> Option<u64> {
        statistics::of(&self.address, queue).await.ok().map(|figures| figures.pending)
    }
}

impl Drop for PlatformSide {
    fn drop(&mut self) {
        self.tasks.iter().for_each(AbortHandle::abort);
    }
}

struct Poster {
    address: Address,
    queue: Queue,
    book: Arc<Book>,
    allowance: Arc<Semaphore>,
    rate: u32,
}

// === impl Poster ===

impl Poster {
    async fn post(self) {
        loop {
            // An error says that the broker went away; it will come back.
            let _ = self.post_by_one_connection().await;
            sleep(PAUSE).await;
        }
    }

    async fn post_by_one_connection(&self) -> Result<()> {
        let mut client = StompClient::connect(&self.address, PLATFORM).await?;
        let mut due = Instant::now();
        loop {
            let batch = self.allowed().await;
            match self.queue.make {
                Make::ActiveMq => self.post_batch(&mut client, batch).await?,
                Make::RabbitMq => self.post_each(&mut client, batch).await?,
            }
            let took = Duration::from_secs(1) * u32::try_from(batch).expect("a small number") / self.rate;
            due = (due + took).max(Instant::now());
            sleep_until(due).await;
        }
    }

    /// Waits for an allowance, and takes a small part of it.
    async fn allowed(&self) -> usize {
        self.allowance.acquire().await.expect("never closed").forget();
        let more = (1..BATCH).map_while(|_| self.allowance.try_acquire().ok());
        more.map(tokio::sync::SemaphorePermit::forget).count() + 1
    }

    /// One transaction. What the broker has not confirmed is not posted again: it may be there, and may be answered.
    async fn post_batch(&self, client: &mut StompClient, count: usize) -> Result<()> {
        let transaction = [("transaction", "batch")];
        client.send(&Frame::new("BEGIN", &transaction)).await?;
        let batch: Vec<(Number, Message)> = (0..count).map(|_| self.book.write_down()).collect();
        let numbers: Vec<Number> = batch.iter().map(|(number, _)| *number).collect();
        for (_, message) in batch {
            client.send(&message.header("transaction", "batch").addressed(&actions(), &acks())).await?;
        }
        client.confirmed(Frame::new("COMMIT", &transaction)).await?;
        numbers.into_iter().for_each(|number| self.book.stored(number));
        Ok(())
    }

    /// For a broker whose transactions say nothing of its disk.
    async fn post_each(&self, client: &mut StompClient, count: usize) -> Result<()> {
        for _ in 0..count {
            let (number, message) = self.book.write_down();
            let mut message =
                message.header("amqp-message-id", &number.to_string()).addressed(&actions(), &acks());
            message.headers.insert("destination".to_owned(), self.queue.destination());
            client.confirmed(message).await?;
            self.book.stored(number);
        }
        Ok(())
    }
}

// === impl Queue ===

impl Queue {
    /// What the processors need to know.
    pub(crate) fn configure(self, config: AppConfig) -> AppConfig {
        let config = match self.make {
            Make::ActiveMq => config,
            Make::RabbitMq => config.set("resilient", "stomp_broker", "rabbitmq"),
        };
        if self.quorum { config.set("resilient", "stomp_queue_prefix", "/amq/queue/") } else { config }
    }

    fn destination(self) -> String {
        format!("{}{}", if self.quorum { "/amq/queue/" } else { "/queue/" }, actions())
    }

    async fn create(self, address: &Address) -> Result<()> {
        if !self.quorum {
            return statistics::create(address, &actions()).await;
        }
        let mut client = StompClient::connect(address, PLATFORM).await?;
        let destination = format!("/queue/{}", actions());
        let headers = [
            ("id", "1"),
            ("destination", destination.as_str()),
            ("ack", "client-individual"),
            ("durable", "true"),
            ("auto-delete", "false"),
            ("x-queue-type", "quorum"),
        ];
        client.confirmed(Frame::new("SUBSCRIBE", &headers)).await?;
        client.confirmed(Frame::new("DISCONNECT", &[])).await
    }
}

/// Collects for ever. A reply whose acknowledgement was lost comes again under the same `message-id`.
async fn collect(address: Address, book: Arc<Book>) {
    let mut seen = HashSet::new();
    loop {
        let _ = collect_by_one_connection(&address, &book, &mut seen).await;
        sleep(PAUSE).await;
    }
}

async fn collect_by_one_connection(address: &Address, book: &Book, seen: &mut HashSet<String>) -> Result<()> {
    let mut client = StompClient::connect(address, PLATFORM).await?;
    client.subscribe(&subscribed(address.make)).await?;
    loop {
        let message = client.receive().await?;
        if is_new(address.make, &message, seen) {
            let at = match address.make {
                Make::ActiveMq => timestamp(message.header("timestamp")),
                Make::RabbitMq => SystemTime::now(),
            };
            book.replied(&Reply::read(&message), at);
        }
        client.acknowledge(&message).await?;
    }
}

fn actions() -> String {
    format!("actions.{ORG}.{DESTINATION}")
}

fn acks() -> String {
    format!("acks.{ORG}.{DESTINATION}")
}

/// The reply queue, as the platform subscribes to it.
fn subscribed(make: Make) -> String {
    match make {
        Make::ActiveMq => acks(),
        Make::RabbitMq => format!("/queue/{}", acks()),
    }
}
