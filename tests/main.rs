//! The one test binary: its table of contents.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

// Tools for the tests below: a real broker, the platform's side of its queues, the daemon as a process.
mod support;

// That the broker which the other tests run against behaves as they assume.
mod broker_harness;
// The systemd unit.
mod systemd;
