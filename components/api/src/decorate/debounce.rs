use super::{
    Each, Tuned,
    baton::{Baton, Turn},
    burst::Bursts,
    patiently,
};
use crate::{Context, Failure, Handler, Kind, Message, Reply, Traits};
use std::{fmt, time::Duration};

/// Gathers messages that come close together. See [`Handler::debounce`].
///
/// Messages with the same key gather, and each new one restarts the quiet. Once it has passed, all are handled, one
/// after the other in the order in which they came; with [`discard`](Self::discard), only the last. A message that
/// comes while a burst is being handled begins another burst.
///
/// By itself the key is the action or function and its incident: a function's is its input `incident_id`. A call that has
/// none is not gathered, but handled at once, and so is inbound news without an incident. A function whose typed inputs have no `incident_id`, or a low-code
/// connector, would never be gathered: the processor does not start with one that has no [`key`](Self::key).
pub struct Debounce<H> {
    inner: H,
    quiet: Tuned<Duration>,
    key: Option<Box<Key>>,
    discard: bool,
    bursts: Each<Bursts>,
}

type Key = dyn Fn(&Message) -> Option<String> + Send + Sync;

impl<H> Debounce<H> {
    pub(crate) fn new(inner: H, quiet: Tuned<Duration>) -> Self {
        Self { inner, quiet, key: None, discard: false, bursts: Each::new() }
    }

    /// Gathers by `key` instead of by the action's name and the incident's id: a `String`, or an `Option<String>` whose
    /// `None` is not gathered. Messages of two instances of the component never gather, whatever their keys.
    #[must_use]
    pub fn key<K: Into<Option<String>>>(
        mut self,
        key: impl Fn(&Message) -> K + Send + Sync + 'static,
    ) -> Self {
        self.key = Some(Box::new(move |message| key(message).into()));
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
        self.bursts.all().iter().map(|bursts| bursts.count()).sum()
    }

    async fn gather(&self, cx: &Context) -> Result<Gathered, Failure> {
        let message = cx.message();
        let key = self.key.as_ref().map_or_else(|| action_and_incident(message), |key| key(message));
        let Some(key) = key else { return Ok(Gathered::Alone) };
        let bursts = self.bursts.of(cx, Bursts::default);
        let mut place = bursts.join(key, message.arrival(), self.quiet.time(cx), self.discard);
        match patiently(cx, place.turn()).await? {
            Some(Turn::Now(baton)) => Ok(Gathered::Turn { _baton: baton }),
            Some(Turn::Superseded) => Ok(Gathered::Superseded),
            None => Err(Failure::returned()),
        }
    }
}

/// What became of a message in its burst.
enum Gathered {
    /// It belongs to none.
    Alone,
    /// It is handled now; the next one once this is dropped.
    Turn { _baton: Baton },
    /// A later message took its place.
    Superseded,
}

impl<H: Handler> Handler for Debounce<H> {
    type Input = H::Input;

    async fn handle(&self, input: H::Input, cx: Context) -> Result<Reply, Failure> {
        match self.gather(&cx).await? {
            Gathered::Superseded => Ok(Reply::Superseded),
            Gathered::Alone => self.inner.handle(input, cx).await,
            Gathered::Turn { _baton } => self.inner.handle(input, cx).await,
        }
    }

    async fn serve(&self, input: H::Input, cx: Context) -> Result<Reply, Failure> {
        match self.gather(&cx).await? {
            Gathered::Superseded => Ok(Reply::Superseded),
            Gathered::Alone => self.inner.serve(input, cx).await,
            Gathered::Turn { _baton } => self.inner.serve(input, cx).await,
        }
    }

    fn traits(&self) -> Traits {
        let traits = self.inner.traits().with(self.quiet.key());
        Traits { by_incident: traits.by_incident || self.key.is_none(), ..traits }
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

fn action_and_incident(message: &Message) -> Option<String> {
    match (message.incident_id(), message.kind()) {
        (Some(id), _) => Some(format!("{id} {}", message.action())),
        // The platform sends no action without an incident; a test that says none means the same each time.
        (None, Kind::Action) => Some(message.action().to_owned()),
        (None, Kind::Function | Kind::Inbound | Kind::Connector) => None,
    }
}
