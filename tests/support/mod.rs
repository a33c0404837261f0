//! What the integration tests run against: a real broker, the platform's end of its queues, certificates, servers,
//! proxies, the daemon as a process.

pub(crate) mod broker;
pub(crate) mod certificates;
pub(crate) mod log;
pub(crate) mod platform_queue;
pub(crate) mod postgres;
pub(crate) mod processor;
pub(crate) mod proxies;
pub(crate) mod signal;
pub(crate) mod statistics;
pub(crate) mod stomp_client;
pub(crate) mod tls_server;
