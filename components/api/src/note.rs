//! What outlives a dead process between two attempts at a message.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, SystemTime, UNIX_EPOCH},
};
use tracing::warn;

/// The form of the note that this version writes and reads.
const VERSION: u32 = 1;

/// A note is written to the journal each time it changes; what is larger belongs elsewhere.
const LARGEST: usize = 64 * 1024;

/// The one note of a message, shared by the retries round its handler and by the handler itself.
#[derive(Debug)]
pub(crate) struct Notebook(Mutex<Note>);

#[derive(Debug, Serialize, Deserialize)]
struct Note {
    version: u32,
    /// One for each retry round the handler, the outermost first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    retries: Vec<Attempts>,
    /// The handler's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    kept: Option<Value>,
    /// When the handler's waits are over, by their names.
    #[serde(default, skip_serializing_if = "Moments::is_empty")]
    waits: Moments,
    /// When its time is up, by what for.
    #[serde(default, skip_serializing_if = "Moments::is_empty")]
    limits: Moments,
}

/// In milliseconds since 1970 UTC.
type Moments = BTreeMap<String, u64>;

/// How far a retry has come.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Attempts {
    /// How many attempts have failed.
    pub(crate) made: u32,
    /// When the next one is due, in milliseconds since 1970 UTC: another process has another clock.
    due: u64,
    /// How long it was waited for from then on, in milliseconds, where that was not the retry's own choice.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    told: Option<u64>,
}

/// What a handler keeps cannot be written down, or what was written cannot be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NoteError {
    /// It cannot be made JSON.
    #[error("what the handler wants to keep cannot be written as JSON: {0}")]
    Unwritable(#[source] serde_json::Error),
    /// It would have to be written to the journal again and again.
    #[error(
        "what the handler wants to keep takes {size} bytes; at most {LARGEST} can be kept: keep less, or where it is found"
    )]
    TooLarge {
        /// The whole note's size, in bytes.
        size: usize,
    },
    /// It was kept as another type, perhaps by an earlier version of the component.
    #[error("what the handler kept earlier is not of the type that it asks for now: {0}")]
    Unreadable(#[source] serde_json::Error),
}

// === impl Notebook ===

impl Notebook {
    /// Goes on from `text`. A note of unknown form counts as none: the work begins anew rather than not at all.
    pub(crate) fn open(text: Option<String>) -> Self {
        let note = text.and_then(|text| match serde_json::from_str::<Note>(&text) {
            Ok(note) if note.version == VERSION => Some(note),
            Ok(note) => {
                warn!(
                    version = note.version,
                    "the message's note is of another version; its retries begin anew"
                );
                None
            }
            Err(error) => {
                warn!(%error, "the message's note cannot be read; its retries begin anew");
                None
            }
        });
        Self(Mutex::new(note.unwrap_or_default()))
    }

    /// How far the retry at `depth` has come: 0 is the outermost.
    pub(crate) fn attempts(&self, depth: usize) -> Attempts {
        self.note().retries.get(depth).copied().unwrap_or_default()
    }

    /// Notes how far the retry at `depth` has come; those inside of it begin anew. Gives the note to be kept.
    pub(crate) fn note_attempts(&self, depth: usize, attempts: Attempts) -> String {
        let mut note = self.note();
        note.retries.resize(depth, Attempts::default());
        note.retries.push(attempts);
        note.text()
    }

    /// Notes `value`. Gives the note to be kept.
    pub(crate) fn keep<T: Serialize>(&self, value: &T) -> Result<String, NoteError> {
        let value = serde_json::to_value(value).map_err(NoteError::Unwritable)?;
        let mut note = self.note();
        let before = note.kept.replace(value);
        note.checked_text().inspect_err(|_| note.kept = before)
    }

    /// How long the wait of this name still takes, and the note to be kept; one that `goes_on` takes what is left of an
    /// earlier one.
    pub(crate) fn wait(
        &self,
        name: &str,
        time: Duration,
        goes_on: bool,
    ) -> Result<(Duration, String), NoteError> {
        let mut note = self.note();
        let earlier = note.waits.get(name).copied();
        let due = earlier.filter(|_| goes_on).unwrap_or_else(|| from_now(time));
        note.waits.insert(name.to_owned(), due);
        let text = note.checked_text().inspect_err(|_| _ = note.waits.remove(name))?;
        // A clock that was set back would otherwise make this wait for ever.
        Ok((left_until(due).min(time), text))
    }

    /// What is left of `longest`, and the note to be kept where this is asked for the first time.
    pub(crate) fn time_left(
        &self,
        name: &str,
        longest: Duration,
    ) -> Result<(Duration, Option<String>), NoteError> {
        let mut note = self.note();
        if let Some(due) = note.limits.get(name) {
            return Ok((left_until(*due).min(longest), None));
        }
        note.limits.insert(name.to_owned(), from_now(longest));
        let text = note.checked_text().inspect_err(|_| _ = note.limits.remove(name))?;
        Ok((longest, Some(text)))
    }

    /// All that is noted, to be kept.
    pub(crate) fn text(&self) -> String {
        self.note().text()
    }

    pub(crate) fn kept<T: for<'de> Deserialize<'de>>(&self) -> Result<Option<T>, NoteError> {
        self.note().kept.as_ref().map(T::deserialize).transpose().map_err(NoteError::Unreadable)
    }

    /// Never held over an `.await`.
    fn note(&self) -> MutexGuard<'_, Note> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

// === impl Note ===

impl Note {
    fn text(&self) -> String {
        serde_json::json!(self).to_string()
    }

    fn checked_text(&self) -> Result<String, NoteError> {
        let text = self.text();
        if text.len() > LARGEST { Err(NoteError::TooLarge { size: text.len() }) } else { Ok(text) }
    }
}

impl Default for Note {
    fn default() -> Self {
        let (waits, limits) = (Moments::new(), Moments::new());
        Self { version: VERSION, retries: Vec::new(), kept: None, waits, limits }
    }
}

// === impl Attempts ===

impl Attempts {
    /// `made` attempts have failed, and the next is due after `delay` from now.
    pub(crate) fn failed(made: u32, delay: Duration) -> Self {
        Self { made, due: from_now(delay), told: None }
    }

    /// The same, after a delay that somebody else asked for.
    pub(crate) fn told(made: u32, delay: Duration) -> Self {
        Self { told: Some(milliseconds(delay)), ..Self::failed(made, delay) }
    }

    /// The longest that the next attempt may be away, where the retry's own longest delay is this.
    pub(crate) fn longest(self, own: Duration) -> Duration {
        self.told.map_or(own, |told| own.max(Duration::from_millis(told)))
    }

    /// How long until the next attempt.
    pub(crate) fn left(self) -> Duration {
        left_until(self.due)
    }
}

fn from_now(time: Duration) -> u64 {
    now().saturating_add(milliseconds(time))
}

fn left_until(due: u64) -> Duration {
    Duration::from_millis(due.saturating_sub(now()))
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map(milliseconds).unwrap_or_default()
}

fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
