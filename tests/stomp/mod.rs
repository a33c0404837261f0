//! The broker link, from bytes to reconnecting; no sockets.
#![allow(clippy::expect_used, clippy::unwrap_used, reason = "a test that cannot go on panics")]

mod backoff;
mod blame;
mod broken;
mod broker;
mod codec;
mod codec_properties;
mod dispatching;
mod isolation;
mod link;
mod profile;
mod reconnect;
mod roster;
mod session;
mod settling;
mod slow;
