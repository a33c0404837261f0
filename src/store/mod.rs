//! What must outlive a dead process: which messages have been started, and how they were answered.
//!
//! A message's life here, seen from one processor:
//! ```text
//! claim ─► New ─────────► begin ─► (the handler works) ─► finish ─► (reply + ACK, taken at once) ─► confirmed ─► forgotten
//!      ├─► Answered ──────────────────────────────────────────────► the same reply + ACK
//!      ├─► Confirmed ─────────────────────────────────────────────► ACK
//!      ├─► Interrupted ─► the handler's policy: begin again, or answer that it was interrupted
//!      ├─► Waiting ─────► begin, once what the note says is due
//!      └─► Elsewhere ───► claim again later: another living processor has it
//! ```
//! `begin` and `finish` are kept before they return; a process that dies at any moment leaves behind what the next one
//! needs to know. Nothing here talks to the broker.

mod confirmed;
mod links;
mod memory;
mod pile;
pub mod platforms;
mod postgres;
mod settings;
mod sqlite;

use futures_util::future::BoxFuture;
use std::{fmt, sync::Arc, time::Duration, time::SystemTime};

pub use memory::MemoryStore;
pub use platforms::Platforms;
pub use postgres::{PostgresStore, PostgresUrl};
pub use settings::{Settings, SyncMode, Url, UrlError, open, open_beside, open_serving};
pub use sqlite::SqliteStore;

/// Names a message: one broker may put copies of a message on several queues.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Key {
    /// The queue that it came from.
    pub destination: String,
    /// Its identity: the broker's `message-id`, where that stays the same when the message is delivered again.
    pub id: String,
}

/// One reply: where it goes, which invocation it is for, and its text.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Answer {
    /// The queue that the platform keeps for replies; empty where none is awaited.
    pub reply_to: String,
    /// Names the invocation; sent back unchanged.
    pub correlation_id: Option<String>,
    /// The acknowledgement, as JSON.
    pub body: String,
}

/// What the store knows of a message that was delivered, once it is claimed for this process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Standing {
    /// Not met before: it is this process's now.
    New,
    /// Carried out: this is its answer, which the broker has not confirmed as far as is known here.
    Answered(Answer),
    /// Carried out, and the broker has confirmed the answer: only its acknowledgement is still wanted.
    Confirmed,
    /// Claimed before and not begun, or set down between two attempts: it is this process's now.
    Waiting {
        /// What was kept with [`Store::set_down`].
        note: Option<String>,
    },
    /// Begun by a process that has ended meanwhile: it is this process's now. Until it is begun or answered, whoever
    /// claims it finds it so.
    Interrupted {
        /// How many processes have died while they worked on it. One that ended in order ([`Store::close`]) and cut the
        /// work off has not: the number may be zero.
        crashes: u32,
        /// What was kept with [`Store::set_down`].
        note: Option<String>,
    },
    /// Another living process has it. Claim it again after this time.
    Elsewhere {
        /// At most until its lease would run out.
        retry_in: Duration,
    },
}

/// A message that was set aside, with all that is needed to look into it and to try again.
#[derive(Clone, PartialEq, Eq)]
pub struct DeadLetter {
    /// Its number in the list; zero until it is in one.
    pub number: i64,
    /// The message.
    pub key: Key,
    /// When it was set aside.
    pub since: SystemTime,
    /// Why, in words.
    pub reason: String,
    /// The message's headers, in order.
    pub headers: Vec<(String, String)>,
    /// Its body.
    pub body: Vec<u8>,
    /// The answer that could not be delivered, if that is why.
    pub answer: Option<Answer>,
}

/// One of the list of dead letters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// Without its answer's text, and with its body only where that is small.
    pub letter: DeadLetter,
    /// How many bytes its body has.
    pub bytes: u64,
}

/// The most that the list holds of a body.
const LISTED_BODY: i64 = 64 * 1024;

/// How many of the list are given at once.
const LISTED: i64 = 64;

/// Added to the reason of one that a process died of, or with.
const DIED: &str = "; the process ended while it was carried out again";

/// Why the store did not do what was asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// Another process has taken the message over: this one's lease had run out. Whatever it did stays done.
    #[error(
        "another processor has taken this message over, because this one was out of touch with the journal"
    )]
    TakenOver,
    /// It cannot write or read at the moment; it may later. What was asked may or may not have been kept; to ask it again
    /// does no harm, but that a letter may stand in the list twice.
    #[error("the journal cannot be used at the moment: {0}")]
    Unavailable(String),
    /// It cannot be opened; somebody must act.
    #[error("{0}")]
    Unusable(String),
}

/// Where it is kept. One for the process, shared by all its messages.
pub trait Store: Send + Sync + fmt::Debug {
    /// Says what has become of a message, and makes it this process's where nobody else has it. Writes nothing in a file:
    /// a full disk does not keep an answer from being found.
    fn claim<'a>(&'a self, key: &'a Key) -> BoxFuture<'a, Result<Standing, StoreError>>;

    /// The work begins now, also on what was answered before: if this process dies before [`finish`](Self::finish), the next one finds it `Interrupted`.
    /// Kept before this returns.
    fn begin<'a>(&'a self, key: &'a Key) -> BoxFuture<'a, Result<(), StoreError>>;

    /// The work pauses, and `note` is what the next attempt needs to know, in this process or another. The message
    /// stays this process's. Kept before this returns.
    fn set_down<'a>(&'a self, key: &'a Key, note: String) -> BoxFuture<'a, Result<(), StoreError>>;

    /// The message is answered with this, whether its work had begun or not. Kept before this returns.
    fn finish<'a>(&'a self, key: &'a Key, answer: Answer) -> BoxFuture<'a, Result<(), StoreError>>;

    /// It goes back to the broker, not carried out: whoever claims it next has it. A note stays. What another process had
    /// begun, and this one has not, stays `Interrupted`.
    fn give_back<'a>(&'a self, key: &'a Key) -> BoxFuture<'a, Result<(), StoreError>>;

    /// Its work has been cut off, and nothing of it runs any more: whoever claims it next finds it `Interrupted`, without a
    /// crash, where it had begun.
    fn cut_off<'a>(&'a self, key: &'a Key) -> BoxFuture<'a, Result<(), StoreError>>;

    /// The work goes on, and `note` is what whoever begins it again needs to know. Kept before this returns.
    fn keep<'a>(&'a self, key: &'a Key, note: String) -> BoxFuture<'a, Result<(), StoreError>>;

    /// The broker has taken the answer: it is not sent again, and the message may be forgotten after a while. Never
    /// waits; may be kept late, or not at all if the process dies now.
    fn confirmed(&self, key: &Key);

    /// The connection to the broker of `platform` is up, or down: what that broker may deliver again is not forgotten. A
    /// platform's part of the journal names itself. Never waits.
    fn connected(&self, _platform: Option<&str>, _up: bool) {}

    /// Sets a message aside; gives its number in the list. Kept before this returns.
    fn bury(&self, letter: DeadLetter) -> BoxFuture<'_, Result<i64, StoreError>>;

    /// The next ones of the list, oldest first, behind the number `after`; none where it ends there. Without their answers'
    /// texts and without large bodies, so that a long list is never in memory whole.
    fn dead(&self, after: i64) -> BoxFuture<'_, Result<Vec<Listed>, StoreError>>;

    /// One of the list, whole; `None` where there is none of that number.
    fn dead_letter(&self, number: i64) -> BoxFuture<'_, Result<Option<DeadLetter>, StoreError>>;

    /// Takes one off the list; false where there is none of that number.
    fn drop_dead(&self, number: i64) -> BoxFuture<'_, Result<bool, StoreError>>;

    /// Asks the running processor to carry one out again; false where there is none of that number.
    fn ask_retry(&self, number: i64) -> BoxFuture<'_, Result<bool, StoreError>>;

    /// Takes one off the list that is to be carried out again, and is `platform`'s. Once it has been dealt with,
    /// [`drop_dead`](Self::drop_dead) must say so. One that this process has when it ends in order is given to the next;
    /// where it dies, carrying it out may be why: then it is in the list again.
    fn take_retry<'a>(
        &'a self,
        platform: Option<&'a str>,
    ) -> BoxFuture<'a, Result<Option<DeadLetter>, StoreError>>;

    /// One that was taken has not been dealt with: it can be taken again.
    fn return_retry(&self, number: i64) -> BoxFuture<'_, Result<(), StoreError>>;

    /// The orderly end: keeps what is still to be kept, and lets go of everything. What was begun and is not finished is
    /// `Interrupted` for the next, without a crash. Nothing can be asked after that.
    fn close(&self) -> BoxFuture<'_, ()>;
}

/// A store, shared.
pub type Journal = Arc<dyn Store>;

/// Without the text, which may quote an incident.
impl fmt::Debug for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Answer")
            .field("reply_to", &self.reply_to)
            .field("correlation_id", &self.correlation_id)
            .finish_non_exhaustive()
    }
}

/// Names only: a message's contents stay out of logs.
impl fmt::Debug for DeadLetter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DeadLetter")
            .field("number", &self.number)
            .field("key", &self.key)
            .field("reason", &self.reason)
            .finish_non_exhaustive()
    }
}

/// What a message's headers are, for a look at one by name.
impl DeadLetter {
    /// A header's value; the first, where a header is repeated.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }
}
