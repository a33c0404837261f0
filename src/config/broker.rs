//! Where the brokers are, and how to deal with them.

use super::{kind::Trust, reader::Reader, typed::Platform};
use crate::secret::Secret;
use std::{fmt, time::Duration};

/// The link to the broker.
#[derive(Debug, Clone)]
pub struct Broker {
    /// The one to try first; the platform's host unless stated.
    pub first: BrokerAddress,
    /// Those to try when it fails, in turn.
    pub others: Vec<BrokerAddress>,
    /// The make, where it is not to be found out.
    pub make: Option<BrokerMake>,
    /// The virtual host to log in to, where it is stated.
    pub virtual_host: Option<String>,
    /// Which certificates are trusted.
    pub trust: Trust,
    /// The name that each certificate must be for, where that is not the host's.
    pub server_name: Option<String>,
    /// The way there.
    pub proxy: BrokerProxy,
    /// One deadline over name look-up, TCP, TLS and CONNECTED.
    pub connect_timeout: Duration,
    /// How often we offer a heart-beat; zero for never.
    pub heartbeat_send: Duration,
    /// How often we want one; zero for never.
    pub heartbeat_receive: Duration,
    /// Missing beats are forgiven up to this many intervals, at least 1.
    pub heartbeat_grace: f64,
    /// Messages that a queue may send ahead.
    pub prefetch: u32,
    /// Limit of a frame's body.
    pub max_body_bytes: usize,
    /// Limit of a header line.
    pub max_header_bytes: usize,
    /// Limit of headers in a frame.
    pub max_headers: usize,
    /// The largest reply that is sent, where it is stated.
    pub max_reply_bytes: Option<usize>,
    /// Before each queue's name, where it is not as the make wants it.
    pub queue_prefix: Option<String>,
    /// How many times connecting is tried again in a row before giving up; `None`: for ever.
    pub max_connection_retries: Option<u32>,
    /// How long heart-beats may fail before giving up; `None`: for ever.
    pub heartbeat_timeout_threshold: Option<Duration>,
}

/// Where a broker is. Shown as `host:port`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BrokerAddress {
    /// Host name or IP address.
    pub host: String,
    /// TCP port.
    pub port: u16,
}

/// A make of broker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BrokerMake {
    /// Apache ActiveMQ 5.
    ActiveMq,
    /// Apache `ActiveMQ` Artemis.
    Artemis,
    /// `RabbitMQ`.
    RabbitMq,
}

/// The way to the broker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BrokerProxy {
    /// None.
    Direct,
    /// As `HTTPS_PROXY` and `NO_PROXY` say.
    Environment,
    /// Through this URL, which may hold a password.
    Url(Secret),
}

// === impl Broker ===

impl Broker {
    /// All addresses, in words.
    #[must_use]
    pub fn addresses(&self) -> String {
        let all = std::iter::once(&self.first).chain(&self.others);
        all.map(ToString::to_string).collect::<Vec<_>>().join(", ")
    }

    pub(super) fn read(reader: &Reader<'_>, platform: &Platform) -> Self {
        let retries: i64 = reader.number("max_connection_retries");
        let port = reader.number("stomp_port");
        let hosts = reader.hosts("stomp_host").unwrap_or_default().into_iter();
        let mut addresses = hosts.map(|(host, own)| BrokerAddress { host, port: own.unwrap_or(port) });
        Self {
            first: addresses.next().unwrap_or_else(|| BrokerAddress { host: platform.host.clone(), port }),
            others: addresses.collect(),
            make: BrokerMake::read(reader),
            virtual_host: reader.optional("stomp_virtual_host"),
            trust: reader.trust("stomp_cafile").unwrap_or_else(|| platform.trust.clone()),
            server_name: reader.optional("tls_server_name"),
            proxy: BrokerProxy::read(reader),
            connect_timeout: reader.seconds("stomp_timeout"),
            heartbeat_send: reader.milliseconds("stomp_heartbeat_send"),
            heartbeat_receive: reader.milliseconds("stomp_heartbeat_receive"),
            heartbeat_grace: reader.decimal("stomp_heartbeat_grace"),
            prefetch: if reader.is_set("stomp_prefetch_limit") {
                reader.number("stomp_prefetch_limit")
            } else {
                reader.number("num_workers")
            },
            max_body_bytes: reader.number("stomp_max_body_bytes"),
            max_header_bytes: reader.number("stomp_max_header_bytes"),
            max_headers: reader.number("stomp_max_headers"),
            max_reply_bytes: reader
                .is_set("stomp_max_reply_bytes")
                .then(|| reader.number("stomp_max_reply_bytes")),
            queue_prefix: reader.optional("stomp_queue_prefix"),
            max_connection_retries: u32::try_from(retries).ok().filter(|retries| *retries > 0),
            heartbeat_timeout_threshold: reader
                .is_set("heartbeat_timeout_threshold")
                .then(|| reader.seconds("heartbeat_timeout_threshold")),
        }
    }
}

// === impl BrokerAddress ===

impl fmt::Display for BrokerAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.host.as_str() {
            host if host.contains(':') && !host.starts_with('[') => write!(f, "[{host}]:{}", self.port),
            host => write!(f, "{host}:{}", self.port),
        }
    }
}

// === impl BrokerMake ===

impl BrokerMake {
    fn read(reader: &Reader<'_>) -> Option<Self> {
        match reader.text("stomp_broker").to_ascii_lowercase().as_str() {
            "activemq" => Some(Self::ActiveMq),
            "artemis" => Some(Self::Artemis),
            "rabbitmq" => Some(Self::RabbitMq),
            _ => None,
        }
    }
}

// === impl BrokerProxy ===

impl BrokerProxy {
    fn read(reader: &Reader<'_>) -> Self {
        match reader.text("stomp_proxy").as_str() {
            "none" | "" => Self::Direct,
            "env" => Self::Environment,
            url => Self::Url(url.into()),
        }
    }
}
