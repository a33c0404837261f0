//! From a delivery to its answer: one task per message.
//!
//! [`envelope`] is a message as it came; [`decode`] reads its body; [`actions`] knows the action's name; [`registry`]
//! finds the handler; `secrets` fills in what a function's inputs name; [`work`] runs it, for as long as the platform
//! wants it ([`cancel`]), and words the [`answer`], with a function's `results`; [`ledger`] knows which messages are at work here,
//! and the journal ([`store`](crate::store)) what must outlive the process, so that a redelivery does nothing twice;
//! [`dispatcher`] ties them to the broker's link, one `task` for each message; `lanes` keeps those in
//! order that must be, and `waiting` sees to it that those that wait hold up no others;
//! `revival` takes up what was set aside, and `debts` sends the answers whose messages the broker may not deliver again;
//! [`Threads`] sees to it that a handler which blocks holds up no other.

pub mod actions;
pub mod answer;
pub mod cancel;
mod debts;
pub mod decode;
pub mod dispatcher;
pub mod envelope;
mod journaling;
mod lanes;
pub mod ledger;
pub mod registry;
mod results;
mod revival;
mod secrets;
mod task;
mod threads;
mod waiting;
mod withheld;
pub mod work;

pub use actions::ActionNames;
pub use cancel::Cancel;
pub use dispatcher::{Dispatcher, Drained};
pub use envelope::{Destination, Envelope};
pub use ledger::Unacknowledged;
pub use registry::{Clash, Entry, Registry, Route};
pub use threads::Threads;
pub use work::{Earlier, Observer, Outcome, Workshop};
