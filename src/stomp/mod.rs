//! stomp
pub mod transport;
