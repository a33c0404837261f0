//! What several tests need: certificates, servers, proxies.
#![allow(clippy::unwrap_used, reason = "in a test, a failed preparation is a failed test")]

pub(crate) mod certificates;
pub(crate) mod log;
pub(crate) mod proxies;
pub(crate) mod tls_server;
