//! The broker link, from bytes to reconnecting; no sockets.

mod backoff;
mod broker;
mod codec;
mod codec_properties;
mod link;
mod reconnect;
mod roster;
mod session;
mod slow;
