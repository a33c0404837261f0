//! How a message ends.

use crate::{Kind, finite, rest::RestError, with_causes};
use serde::Serialize;
use serde_json::{Value, json};
use std::{error::Error, fmt, time::Duration};

/// How a message ended well. The platform shows its text in the Action Status dialog.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Reply {
    /// The work is done; this is the text to show.
    Done(String),
    /// A later message took this one's place ([`Debounce`](crate::decorate::Debounce)); its work was not carried out.
    Superseded,
    /// A function's results.
    Results(Results),
}

/// What a function gives to the workflow or playbook that called it.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Results {
    /// What it found: `results.content` for the scripts that come after it.
    pub content: Value,
    /// Why there is nothing to find, though nothing broke: then `results.success` is false.
    pub reason: Option<String>,
    /// Without the envelope (`version`, `success`, `inputs`, `metrics`, …): `results` is `content` itself.
    pub bare: bool,
}

/// How a message ended badly. The platform shows its text as an error.
///
/// Any error becomes one by `?`, its causes appended; so do a `String`, a boxed error and what `anyhow` and `eyre` make.
///
/// ```
/// use action_component::{Failure, Reply};
///
/// fn port(text: &str) -> Result<Reply, Failure> {
///     let port: u16 = text.parse()?;
///     Ok(Reply::text(format!("port {port}")))
/// }
/// assert_eq!(port("x").unwrap_err().to_string(), "invalid digit found in string");
/// ```
///
/// It is deliberately not an [`Error`] itself, so that this conversion can exist. The error that it was made of stays with
/// it: [`cause`](Self::cause).
pub struct Failure {
    kind: FailureKind,
    text: String,
    source: Option<Cause>,
    retry_after: Option<Duration>,
}

type Cause = Box<dyn Error + Send + Sync>;

/// What to do about a [`Failure`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum FailureKind {
    /// The handler could not do its work: the error is shown to the user.
    Failed,
    /// The message does not have the shape that the handler asks for: shown to the user, with what was expected.
    Rejected,
    /// The handler ran longer than its [`timeout`](crate::Handler::timeout) and was cancelled.
    TimedOut,
    /// The message is not to be tried again as it is: shown to the user, and kept for the operator (`processor dead`).
    SetAside,
    /// The handler did its work in vain ([`Failure::unsuccessful`]): nothing broke, and the workflow or playbook goes on.
    Unsuccessful,
    /// The platform called it off: the workflow or playbook was terminated.
    Cancelled,
    /// The daemon is stopping and the work has not begun: the message goes back to the broker, unanswered.
    Returned,
}

/// What a [`Failure`] is to whoever waits for the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Consequence {
    /// Results without success: nothing broke, and the workflow or playbook goes on.
    InVain,
    /// The same, only because the operator lets the workflow or playbook go on (`trap_exception`).
    Trapped,
    /// An error.
    Error,
}

impl Reply {
    /// The work is done; show `text` to the user.
    #[must_use]
    pub fn text(text: impl Into<String>) -> Self {
        Self::Done(text.into())
    }

    /// A function's results: `content` is what scripts find under `results.content`.
    ///
    /// # Errors
    /// `content` cannot be written as JSON (a map whose keys are no texts, for example).
    pub fn results<T: Serialize>(content: T) -> Result<Self, Failure> {
        Ok(Self::Results(Results::of(finite::to_value(&content)?)))
    }

    /// A function's results without the usual envelope: scripts find `content` under `results` itself.
    ///
    /// # Errors
    /// As for [`results`](Self::results).
    pub fn custom<T: Serialize>(content: T) -> Result<Self, Failure> {
        let results = Results::of(finite::to_value(&content)?);
        Ok(Self::Results(Results { bare: true, ..results }))
    }

    /// A function that has done its work in vain, because of `reason`: `results.success` is false, and the workflow goes
    /// on. [`Failure::unsuccessful`] says the same where there is no reply to give.
    #[must_use]
    pub fn unsuccessful(reason: impl Into<String>) -> Self {
        Self::Results(Results::unsuccessful(reason))
    }

    /// What a low-code connector gives back for its request: the HTTP status and the content of the response. Content that
    /// is no text is sent as JSON.
    ///
    /// # Errors
    /// As for [`results`](Self::results).
    pub fn response<T: Serialize>(status_code: u16, content: T) -> Result<Self, Failure> {
        let content = finite::to_value(&content)?;
        Self::results(json!({ "status_code": status_code, "content": content }))
    }

    /// The same results, but without success, because of `reason`: a function that found only a part, for example. Bare
    /// results ([`custom`](Self::custom)) have no place for it: scripts see only what is in them.
    #[must_use]
    pub fn without_success(self, reason: impl Into<String>) -> Self {
        match self {
            Self::Results(results) => Self::Results(Results { reason: Some(reason.into()), ..results }),
            Self::Done(_) | Self::Superseded => Self::unsuccessful(reason),
        }
    }

    /// The text shown to the user.
    #[must_use]
    pub fn message(&self) -> &str {
        match self {
            Self::Results(results) => results.reason.as_deref().unwrap_or("Completed"),
            Self::Done(text) => text,
            Self::Superseded => "Superseded by a later message.",
        }
    }

    /// The acknowledgement that the platform reads (`ActionAcknowledgementDTO`, guide chapter 5), without a function's
    /// results: those have an envelope that the daemon makes.
    #[must_use]
    pub fn to_json(&self) -> Value {
        acknowledgement(0, self.message(), true)
    }
}

impl Results {
    /// In the usual envelope, with success.
    #[must_use]
    pub fn of(content: Value) -> Self {
        Self { content, reason: None, bare: false }
    }

    /// In the usual envelope, without success, because of `reason`.
    #[must_use]
    pub fn unsuccessful(reason: impl Into<String>) -> Self {
        Self { content: Value::Null, reason: Some(reason.into()), bare: false }
    }
}

impl Failure {
    /// The handler could not do its work, because of `text`.
    #[must_use]
    pub fn new(text: impl Into<String>) -> Self {
        Self::with_kind(FailureKind::Failed, text)
    }

    /// A function that has done its work in vain, because of `reason`: its results say `success: false`, and the workflow
    /// or playbook goes on. For actions, which have no results, it is a failure like any other. Not tried again by a
    /// [`retry`](crate::Handler::retry), unless that asks for it.
    ///
    /// ```
    /// use action_component::Failure;
    ///
    /// fn owner(host: &str) -> Result<&str, Failure> {
    ///     host.split_once('@').map(|(owner, _)| owner).ok_or_else(|| Failure::unsuccessful("nobody owns this host"))
    /// }
    /// # assert!(owner("x").is_err());
    /// ```
    #[must_use]
    pub fn unsuccessful(reason: impl Into<String>) -> Self {
        Self::with_kind(FailureKind::Unsuccessful, reason)
    }

    /// A failure of another kind.
    #[must_use]
    pub fn with_kind(kind: FailureKind, text: impl Into<String>) -> Self {
        let text = text.into();
        // The platform would show nothing at all.
        let text =
            if text.trim().is_empty() { "The action failed and did not say why.".to_owned() } else { text };
        Self { kind, text, source: None, retry_after: None }
    }

    /// The daemon is stopping and this message's work has not begun.
    #[must_use]
    pub fn returned() -> Self {
        Self::with_kind(
            FailureKind::Returned,
            "The processor is stopping; the message goes back to the broker.",
        )
    }

    /// A message that ended the process each time is not tried a third time; `None` for one that may be.
    #[must_use]
    pub fn after_crashes(crashes: u32) -> Option<Self> {
        const MOST: u32 = 2;
        let text = format!(
            "The processor ended {crashes} times while it worked on this action, so the action has been set aside. It may \
             have been carried out in part. The processor's operator can look into it with `processor dead`."
        );
        (crashes >= MOST).then(|| Self::with_kind(FailureKind::SetAside, text))
    }

    /// Nobody knows how far an earlier process came, and the handler must not run twice
    /// ([`at_most_once`](crate::Handler::at_most_once)).
    #[must_use]
    pub fn interrupted() -> Self {
        Self::new(
            "The processor ended while it worked on this action. It may or may not have been carried out, and it is not \
             tried again because doing it twice could do harm. Look at what it did, then run it again if need be.",
        )
    }

    /// The error that it was made of, or one of that error's causes.
    ///
    /// ```
    /// use action_component::Failure;
    /// use std::num::ParseIntError;
    ///
    /// let failure = Failure::from("x".parse::<u16>().unwrap_err());
    /// assert!(failure.cause::<ParseIntError>().is_some());
    /// ```
    #[must_use]
    pub fn cause<E: Error + 'static>(&self) -> Option<&E> {
        let first: &(dyn Error + 'static) = self.source.as_deref()?;
        std::iter::successors(Some(first), |&error| error.source()).find_map(|error| error.downcast_ref())
    }

    /// The same failure, after which a [`retry`](crate::Handler::retry) waits for `delay` at least: what a service says in
    /// `Retry-After`, for example.
    #[must_use]
    pub fn with_retry_after(self, delay: Duration) -> Self {
        Self { retry_after: Some(delay), ..self }
    }

    /// How long to wait at least before another attempt.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        self.retry_after
    }

    /// The same failure in other words.
    #[must_use]
    pub fn in_words(self, words: impl FnOnce(&str) -> String) -> Self {
        let text = words(&self.text);
        Self { text, ..self }
    }

    /// What to do about it.
    #[must_use]
    pub fn kind(&self) -> FailureKind {
        self.kind
    }

    /// What it comes to as the answer to a message of this kind; `traps`: the operator lets workflows go on.
    #[must_use]
    pub fn consequence(&self, kind: Kind, traps: bool) -> Consequence {
        let has_results = matches!(kind, Kind::Function | Kind::Connector);
        match self.kind {
            FailureKind::Unsuccessful if has_results => Consequence::InVain,
            // What the platform itself called off is nobody's success.
            FailureKind::Cancelled => Consequence::Error,
            _ if has_results && traps => Consequence::Trapped,
            _ => Consequence::Error,
        }
    }

    /// The acknowledgement that the platform reads: `message_type` 1, an error.
    #[must_use]
    pub fn to_json(&self) -> Value {
        acknowledgement(1, &self.text, true)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// Without its source, which may quote what the text does not.
impl fmt::Debug for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Failure").field("kind", &self.kind).field("text", &self.text).finish_non_exhaustive()
    }
}

impl<E: Into<Box<dyn Error + Send + Sync>>> From<E> for Failure {
    fn from(error: E) -> Self {
        let source: Cause = error.into();
        let words = Self::new(with_causes(source.as_ref()));
        let retry_after = asked_for(source.as_ref());
        Self { source: Some(source), retry_after, ..words }
    }
}

/// What a REST error among the causes says of when to try again.
fn asked_for(error: &(dyn Error + 'static)) -> Option<Duration> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(error) = error.downcast_ref::<RestError>() {
            return error.retry_after();
        }
        next = error.source();
    }
    None
}

/// Interim news of a handler's work: `complete` is false, any number of them may come before the last reply.
#[must_use]
pub fn interim(text: &str) -> Value {
    acknowledgement(0, text, false)
}

fn acknowledgement(message_type: u8, message: &str, complete: bool) -> Value {
    json!({ "message_type": message_type, "message": message, "complete": complete })
}
