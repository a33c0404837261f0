//! The one test binary: its table of contents.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

/// What the tests below run against: a real broker, the platform's side of its queues, certificates, proxies, the
/// daemon as a process.
mod support;

/// That the broker which the other tests run against behaves as they assume.
mod broker_harness;
/// The way to the broker through HTTP and SOCKS 5 proxies, and past them.
mod proxy;
/// The REST client against the stand-in platform: logins, retries, conflicts, files, TLS, proxies.
mod rest;
/// Whom we trust, on the broker link and on REST: good and bad certificates, the files, the names.
mod tls;
