use super::{
    baton::{Baton, Turn},
    burst::Bursts,
    patiently,
};
use crate::{Context, Failure, Handler, Message, Reply, Traits};
use std::{fmt, time::Duration};

/// Gathers messages that come close together. See [`Handler::debounce`].
///
/// Messages with the same key gather, and each new one restarts the quiet. Once it has passed, all are handled, one
/// after the other in the order in which they came; with [`discard`](Self::discard), only the last. A message that
/// comes while a burst is being handled begins another burst.
pub struct Debounce<H> {
    inner: H,
    key: Box<dyn Fn(&Message) -> String + Send + Sync>,
    discard: bool,
    bursts: Bursts,
}

impl<H> Debounce<H> {
    pub(crate) fn new(inner: H, quiet: Duration) -> Self {
        Self { inner, key: Box::new(action_and_incident), discard: false, bursts: Bursts::new(quiet) }
    }

    /// Gathers by `key` instead of by the action's name and the incident's id.
    #[must_use]
    pub fn key(mut self, key: impl Fn(&Message) -> String + Send + Sync + 'static) -> Self {
        self.key = Box::new(key);
        self
    }

    /// Handles only the last message of a burst. Each earlier one is answered with [`Reply::Superseded`] as soon as a
    /// later one comes.
    #[must_use]
    pub fn discard(mut self) -> Self {
        self.discard = true;
        self
    }

    /// How many bursts are gathering at this moment.
    #[must_use]
    pub fn gathering(&self) -> usize {
        self.bursts.count()
    }

    /// `None`: a later message took this one's place.
    async fn gather(&self, cx: &Context) -> Result<Option<Baton>, Failure> {
        let message = cx.message();
        let mut place = self.bursts.join((self.key)(message), message.arrival(), self.discard);
        match patiently(cx, place.turn()).await? {
            Some(Turn::Now(baton)) => Ok(Some(baton)),
            Some(Turn::Superseded) => Ok(None),
            None => Err(Failure::returned()),
        }
    }
}

impl<H: Handler> Handler for Debounce<H> {
    type Input = H::Input;

    async fn handle(&self, input: H::Input, cx: Context) -> Result<Reply, Failure> {
        let Some(_baton) = self.gather(&cx).await? else { return Ok(Reply::Superseded) };
        self.inner.handle(input, cx).await
    }

    async fn serve(&self, input: H::Input, cx: Context) -> Result<Reply, Failure> {
        let Some(_baton) = self.gather(&cx).await? else { return Ok(Reply::Superseded) };
        self.inner.serve(input, cx).await
    }

    fn traits(&self) -> Traits {
        self.inner.traits()
    }
}

impl<H: fmt::Debug> fmt::Debug for Debounce<H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Debounce")
            .field("inner", &self.inner)
            .field("discard", &self.discard)
            .field("bursts", &self.bursts)
            .finish_non_exhaustive()
    }
}

fn action_and_incident(message: &Message) -> String {
    let incident = message.incident_id().map(|id| id.to_string()).unwrap_or_default();
    format!("{} for {incident}", message.action())
}
