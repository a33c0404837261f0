//! What of a wrapper the operator may choose.

use crate::{Context, Section, section::SectionError};
use std::time::Duration;

/// A wrapper's time or number: fixed in code, or the operator's to choose by a key of the component's section. See
/// [`tuned`].
#[derive(Debug, Clone)]
pub struct Tuned<T> {
    key: Option<String>,
    value: T,
}

/// A time or number that the operator chooses by `key` in the component's section; `value` where the key is not set.
/// Times are in seconds (`30`, `2.5`).
///
/// ```
/// # use action_component::{Component, Context, Failure, Handler, Message, Reply, decorate::tuned, handler_fn};
/// # use std::time::Duration;
/// # async fn update(_message: Message, _cx: Context) -> Result<Reply, Failure> { Ok(Reply::text("")) }
/// let quiet = tuned("quiet", Duration::from_secs(30));
/// let handler = handler_fn(update).limit(tuned("at_a_time", 4)).debounce(quiet);
/// let component = Component::new("tasks").on("Task Changed", handler);
/// # drop(component);
/// ```
///
/// A value that cannot be read keeps the processor from starting, as any mistake in app.config does. A changed one counts
/// for the messages that come after.
pub fn tuned<T>(key: impl Into<String>, value: T) -> Tuned<T> {
    Tuned { key: Some(key.into()), value }
}

/// A key of the component's section that a wrapper reads, and what it takes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TunedKey {
    pub(crate) name: String,
    takes: Takes,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Takes {
    Seconds,
    SomeSeconds,
    Count,
}

/// A longer time is this one: an instant has an end.
const LONGEST_SECONDS: f64 = 10.0 * 365.0 * 86_400.0;

impl<T> From<T> for Tuned<T> {
    fn from(value: T) -> Self {
        Self { key: None, value }
    }
}

impl Tuned<Duration> {
    /// For this message.
    pub(super) fn time(&self, cx: &Context) -> Duration {
        let own = self.key.as_ref().and_then(|key| seconds(cx.section().get(key)?));
        own.unwrap_or(self.value)
    }

    pub(super) fn key(&self) -> Option<TunedKey> {
        self.takes(Takes::Seconds)
    }

    /// For a time that must not be zero.
    pub(super) fn key_above_zero(&self) -> Option<TunedKey> {
        self.takes(Takes::SomeSeconds)
    }
}

impl Tuned<usize> {
    pub(super) fn number(&self, cx: &Context) -> usize {
        let own = self.key.as_ref().and_then(|key| cx.section().get(key)?.trim().parse().ok());
        own.unwrap_or(self.value)
    }

    pub(super) fn key(&self) -> Option<TunedKey> {
        self.takes(Takes::Count)
    }
}

impl<T> Tuned<T> {
    fn takes(&self, takes: Takes) -> Option<TunedKey> {
        self.key.clone().map(|name| TunedKey { name, takes })
    }
}

impl TunedKey {
    pub(crate) fn check(&self, section: &Section) -> Result<(), SectionError> {
        let Some(text) = section.get(&self.name).map(str::trim).filter(|text| !text.is_empty()) else {
            return Ok(());
        };
        let (good, expected) = match self.takes {
            Takes::Seconds => (seconds(text).is_some(), "a number of seconds"),
            Takes::SomeSeconds => {
                (seconds(text).is_some_and(|time| !time.is_zero()), "a number of seconds, more than 0")
            }
            Takes::Count => {
                (text.parse().is_ok_and(|number: usize| number > 0), "a whole number, at least 1")
            }
        };
        let mistake = || section.mistake(format!("{}: expected {expected}", self.name));
        if good { Ok(()) } else { Err(mistake()) }
    }
}

fn seconds(text: &str) -> Option<Duration> {
    let seconds: f64 = text.trim().parse().ok().filter(|seconds: &f64| seconds.is_finite())?;
    Duration::try_from_secs_f64(seconds.min(LONGEST_SECONDS)).ok()
}
