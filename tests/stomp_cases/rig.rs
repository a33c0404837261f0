//! A link to a real broker, over a wire that can be cut.

use std::sync::Arc;
use std::time::Duration;

use action_processor::stomp::backoff::Ramp;
use action_processor::stomp::transport::{Brokers, Dialer};
use action_processor::stomp::{
    BackoffPolicy, Delivery, Event, Heartbeat, Link, LinkError, Make as Profile, Outgoing, Settings, start,
};
use action_processor::tls;
use bytes::Bytes;
use rustls::ClientConfig;
use tokio::sync::mpsc;
use tokio::time::timeout;

use super::PATIENCE;
use super::wire::Wire;
use crate::support::broker::{API_KEY, Broker, Make};
use crate::support::platform_queue::PlatformQueue;

/// A link that takes one queue's messages.
pub(super) struct Rig {
    pub(super) link: Link,
    pub(super) events: mpsc::Receiver<Event>,
    pub(super) wire: Wire,
}

// === impl Rig ===

impl Rig {
    /// Subscribed when this returns.
    pub(super) async fn subscribed(broker: &Broker, queue: &PlatformQueue) -> Self {
        Self::with(broker, queue, settings(broker)).await
    }

    pub(super) async fn with(broker: &Broker, queue: &PlatformQueue, settings: Settings) -> Self {
        let wire = Wire::to(broker.port()).await;
        let (link, events) = start(settings, vec![queue.actions()], Brokers::from(dialer(broker, wire.port)));
        let mut rig = Self { link, events, wire };
        rig.until(|event| matches!(event, Event::Subscribed { .. }).then_some(())).await;
        rig
    }

    /// The next event of this kind.
    pub(super) async fn until<T>(&mut self, pick: impl Fn(Event) -> Option<T>) -> T {
        until(&mut self.events, pick).await
    }

    pub(super) async fn delivery(&mut self) -> Delivery {
        self.until(|event| if let Event::Delivery(delivery) = event { Some(delivery) } else { None }).await
    }

    /// Waits until the link has fallen and says why, and until it is subscribed again.
    pub(super) async fn falls_and_comes_back(&mut self) -> LinkError {
        let down = |event| if let Event::Down { error, .. } = event { Some(error) } else { None };
        let error = self.until(down).await;
        self.until(|event| matches!(event, Event::Subscribed { .. }).then_some(())).await;
        error
    }

    /// Sends the body back as the reply, and waits until the broker has it.
    pub(super) async fn echo(&self, delivery: Delivery) {
        let reply = Some(echo(&delivery));
        self.link.settle(&delivery.ack, reply).await.unwrap().confirmed().await.unwrap();
    }
}

pub(super) async fn until<T>(events: &mut mpsc::Receiver<Event>, pick: impl Fn(Event) -> Option<T>) -> T {
    let found = async {
        loop {
            if let Some(found) = pick(events.recv().await.expect("the link lives")) {
                return found;
            }
        }
    };
    timeout(PATIENCE, found).await.expect("it happens in time")
}

/// The reply to `delivery` that says what it said.
pub(super) fn echo(delivery: &Delivery) -> Outgoing {
    let header = |name| delivery.headers.get(name).unwrap_or_default().to_owned();
    let headers = vec![("correlation-id".to_owned(), header("correlation-id"))];
    Outgoing { destination: header("reply-to"), headers, body: Bytes::clone(&delivery.body) }
}

/// Beats of a second, and no long waits.
pub(super) fn settings(broker: &Broker) -> Settings {
    let second = Duration::from_secs(1);
    let short = Ramp::try_new(Duration::from_millis(20), Duration::from_millis(20)).unwrap();
    let backoff = BackoffPolicy::try_new(short, short, short, second, second).unwrap();
    Settings {
        login: Some(API_KEY.login.into()),
        passcode: Some(API_KEY.passcode.into()),
        heartbeat: Heartbeat { send: second, receive: second, ..Heartbeat::default() },
        backoff,
        virtual_host: (broker.address().make == Make::RabbitMq).then(|| "/".to_owned()),
        ..Settings::new("localhost")
    }
}

pub(super) fn dialer(broker: &Broker, port: u16) -> Dialer {
    Dialer { host: "localhost".into(), port, tls: trusting(broker), server_name: None, proxy: None }
}

fn trusting(broker: &Broker) -> Arc<ClientConfig> {
    let purpose = tls::Purpose {
        label: "STOMP",
        option: "stomp_cafile",
        name_option: None,
        server: "localhost".to_owned(),
    };
    let roots = tls::Roots::File(broker.ca_file().to_owned());
    tls::client_config(&tls::Settings { purpose, roots, client_certificate: None, server_name: None })
        .unwrap()
}

/// What the link must find out of this broker.
pub(super) fn profile(make: Make) -> Profile {
    match make {
        Make::ActiveMq => Profile::ActiveMq,
        Make::RabbitMq => Profile::RabbitMq,
    }
}
