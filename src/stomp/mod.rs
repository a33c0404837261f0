//! The link to the broker: STOMP 1.2, 1.1 and 1.0. Knows nothing of actions or components.
//!
//! From the bytes up:
//! - [`frame`]: the values; [`codec`]: bytes to frames and back, within [`codec::Limits`];
//! - [`session`]: one connection's rules, without I/O: handshake, heart-beats, receipts, acknowledgements; `settler`:
//!   replies and acknowledgements in groups that the broker takes together or not at all;
//! - [`Profile`]: the ways of the broker's make;
//! - [`roster`]: which destinations are wanted, subscribed or refused; [`backoff`]: how long to wait;
//! - [`link`]: the whole life of the connection, from waiting to dialing to up and back; `reader` runs in the link's own
//!   task and `writer` in another, so that neither waits for the other, and `outbox` keeps both from the owner's pace;
//! - `blame`: which of our messages the broker ends sessions over; `aside`: a connection beside the session on which such a
//!   one is tried alone; [`Refusal`]: why it is not sent;
//! - [`handle`]: what the rest of the daemon holds: [`Link`], [`Delivery`], [`AckHandle`].
//!
//! Start with [`start`].

mod aside;
pub mod backoff;
mod blame;
pub mod codec;
mod error;
pub mod frame;
pub mod handle;
pub mod heartbeat;
pub mod link;
mod live;
mod outbox;
mod profile;
mod reader;
mod refusal;
mod rehearsal;
pub mod roster;
pub mod session;
mod settings;
mod settler;
mod suspects;
pub mod transport;
mod weight;
mod writer;

pub use backoff::BackoffPolicy;
pub use codec::Limits;
pub use error::{Cause, CloseError, LinkError, Stale, Unsent, Unsettled};
pub use frame::{Command, Frame, Headers};
pub use handle::{AckHandle, Delivery, Event, Link, Outgoing, Settling};
pub use heartbeat::Heartbeat;
pub use link::{Dial, start};
pub use profile::{Make, Profile, Settlement};
pub use refusal::Refusal;
pub use rehearsal::may_send;
pub use session::{Epoch, Version};
pub use settings::{MaxReply, Settings};
pub use settler::Settled;
