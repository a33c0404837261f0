//! What the integration tests run against: a real broker, the platform's end of its queues, the daemon as a process.

pub(crate) mod broker;

mod signal;

pub(crate) mod stomp_client;
