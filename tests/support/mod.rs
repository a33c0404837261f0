//! What the integration tests run against: a real broker, the platform's end of its queues, the daemon as a process.
#![allow(dead_code, reason = "a complete set of tools, of which some wait for the test that needs them")]

pub(crate) mod broker;
pub(crate) mod platform_queue;
pub(crate) mod processor;
mod signal;
pub(crate) mod statistics;
pub(crate) mod stomp_client;
