//! What a case happens in: a broker, a platform, a processor, and the platform's book of all that happens.

use std::{sync::Arc, time::Duration};

use serde_json::{Value, json};
use stand_in_platform::{Builder, Platform};
use tempfile::NamedTempFile;

use crate::{
    book::{Book, INCIDENTS},
    case::Case,
    component,
    daemon::{Daemon, Home},
    platform_side::{DESTINATION, PlatformSide, Queue},
    support::{
        broker::{Broker, Make},
        certificates::{Authority, Request},
        processor::AppConfig,
    },
};

/// How many messages the broker sends ahead.
pub(crate) const PREFETCH: usize = 50;

/// One case's world.
#[derive(Debug)]
pub(crate) struct Scene {
    pub(crate) broker: Broker,
    pub(crate) platform: Platform,
    pub(crate) side: PlatformSide,
    pub(crate) book: Arc<Book>,
    /// Where each processor lives; most cases have one.
    pub(crate) homes: Vec<Home>,
    /// The processor of each home; `None` while a fault keeps it down.
    pub(crate) daemons: Vec<Option<Daemon>>,
    /// What the processors are started with, before a fault wants something else.
    pub(crate) config: AppConfig,
    _ca: NamedTempFile,
}

// === impl Scene ===

impl Scene {
    /// A broker and a platform as the case needs them, and homes for its processors; none runs yet.
    pub(crate) async fn of(case: Case, rate: u32) -> Self {
        let broker = Broker::of(case.make()).await;
        let queue = Queue { make: case.make(), quorum: case.is_quorum() };
        Self::at(broker, queue, Platform::builder(), case.name(), rate, case.processors()).await
    }

    /// The same with ActiveMQ, for a platform that is unlike others.
    pub(crate) async fn with(platform: Builder, name: &str, rate: u32, processors: usize) -> Self {
        let queue = Queue { make: Make::ActiveMq, quorum: false };
        Self::at(Broker::start().await, queue, platform, name, rate, processors).await
    }

    async fn at(
        broker: Broker,
        queue: Queue,
        platform: Builder,
        name: &str,
        rate: u32,
        processors: usize,
    ) -> Self {
        let (platform, ca) = furnished(platform).await;
        let book = Arc::new(Book::new());
        let side = PlatformSide::open(broker.address(), queue, book.clone(), rate).await;
        let home = |number| Home::new(&format!("faults-{name}-{number}"));
        let homes = (1..=processors).map(home).collect();
        let daemons = (0..processors).map(|_| None).collect();
        let config = queue.configure(config(&broker, &platform, &ca));
        Self { broker, platform, side, book, homes, daemons, config, _ca: ca }
    }

    /// Starts the processor of home `which`.
    pub(crate) fn start(&mut self, which: usize) {
        self.daemons[which] = Some(self.homes[which].start());
    }

    /// The processor of home `which`, to be ended.
    pub(crate) fn take(&mut self, which: usize) -> Daemon {
        self.daemons[which].take().expect("the processor runs")
    }

    /// Processors that ended by themselves, in words.
    pub(crate) fn ended(&mut self) -> Option<String> {
        let mut running = self.daemons.iter_mut().flatten();
        running.find_map(Daemon::has_ended).map(|status| format!("a processor ended by itself: {status}"))
    }

    /// Tells all processors to stop; says if one did not do so properly.
    pub(crate) async fn stop(&mut self) -> Option<String> {
        let mut wrong = None;
        for daemon in self.daemons.iter_mut().filter_map(Option::take) {
            let status = daemon.stop().await;
            if !status.success() {
                wrong = Some(format!("a processor told to stop ended with {status}"));
            }
        }
        wrong
    }

    /// Waits until every stored action is answered and nothing is left on the queues; says if that does not happen.
    pub(crate) async fn until_quiet(&self, patience: Duration) -> Option<String> {
        self.side.until_posted().await;
        let answered = self.book.until_all_answered(patience).await;
        let settled = self.side.until_settled(patience).await;
        if answered && settled {
            return None;
        }
        let queues = self.side.queues().await;
        Some(format!("not settled {} s after the last answer; {queues}", patience.as_secs()))
    }
}

/// Enough at a time to keep the processor busy.
fn config(broker: &Broker, platform: &Platform, ca: &NamedTempFile) -> AppConfig {
    let ca = ca.path().display().to_string();
    AppConfig::connecting(broker, "localhost", platform.port(), &ca)
        .set("resilient", "num_workers", "25")
        .set("resilient", "stomp_prefetch_limit", &PREFETCH.to_string())
        .set("resilient", "stop_timeout", "10")
        .set(component::NAME, "destination", DESTINATION)
}

/// Over TLS, with the certificate that is trusted by the file.
async fn furnished(platform: Builder) -> (Platform, NamedTempFile) {
    let authority = Authority::new("CA of the stand-in platform");
    let certificate = authority.issue(&Request::server(["localhost"]));
    let names = component::ACTIONS.iter().zip(1..);
    let actions: Vec<Value> = names.map(|(name, id)| json!({ "id": id, "name": name })).collect();
    let platform = platform
        .tls(certificate.server_config())
        .list("/actions", json!({ "entities": actions }))
        .start()
        .await;
    for id in 1..=INCIDENTS {
        platform.add_incident(json!({ "id": id, "name": "An incident", "properties": {} }));
    }
    (platform, authority.file())
}
