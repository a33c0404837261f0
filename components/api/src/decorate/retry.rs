use crate::{Failure, FailureKind};
use std::{fmt, time::Duration};

/// When, how often and after which failures a handler is tried again. See [`Handler::retry`](crate::Handler::retry).
///
/// ```
/// use action_component::decorate::Retry;
/// use std::time::Duration;
///
/// // Five attempts in all.
/// let patient = Retry::after([10, 20, 30, 40].map(Duration::from_secs));
/// // At most six, 1 s, 2 s, 4 s, … apart, but never more than a minute; only for failures that say so.
/// let picky = Retry::exponential(Duration::from_secs(1), Duration::from_secs(60), 6)
///     .only_if(|failure| failure.cause::<std::io::Error>().is_some());
/// # drop((patient, picky));
/// ```
#[must_use = "it changes nothing until it is handed to `Handler::retry`"]
pub struct Retry {
    delays: Delays,
    only_if: Box<dyn Fn(&Failure) -> bool + Send + Sync>,
}

#[derive(Debug)]
enum Delays {
    /// Each of them once.
    List(Vec<Duration>),
    /// Doubling from `first` up to `longest`, so many times.
    Doubling { first: Duration, longest: Duration, times: u32 },
}

impl Retry {
    /// Tries again after each of these delays, once: four delays make five attempts in all.
    pub fn after(delays: impl IntoIterator<Item = Duration>) -> Self {
        Self::new(Delays::List(delays.into_iter().collect()))
    }

    /// At most `attempts` in all. The delay between two of them doubles from `first` up to `longest`; each is shortened
    /// by up to half at random, so that messages that failed together do not come back together.
    pub fn exponential(first: Duration, longest: Duration, attempts: u32) -> Self {
        Self::new(Delays::Doubling { first, longest, times: attempts.saturating_sub(1) })
    }

    /// Tries again only after failures for which `worth_it` is true, instead of after [`FailureKind::Failed`] and
    /// [`FailureKind::TimedOut`]. [`FailureKind::Returned`] is never asked about: the daemon is stopping.
    pub fn only_if(mut self, worth_it: impl Fn(&Failure) -> bool + Send + Sync + 'static) -> Self {
        self.only_if = Box::new(worth_it);
        self
    }

    fn new(delays: Delays) -> Self {
        let by_default =
            |failure: &Failure| matches!(failure.kind(), FailureKind::Failed | FailureKind::TimedOut);
        Self { delays, only_if: Box::new(by_default) }
    }

    /// How many attempts there are in all; at least one.
    pub(super) fn attempts(&self) -> u32 {
        let further = match &self.delays {
            Delays::List(delays) => u32::try_from(delays.len()).unwrap_or(u32::MAX),
            Delays::Doubling { times, .. } => *times,
        };
        further.saturating_add(1)
    }

    /// The longest wait after `made` attempts have failed; `None` after the last.
    pub(super) fn longest_delay(&self, made: u32) -> Option<Duration> {
        let index = made.checked_sub(1)?;
        match &self.delays {
            Delays::List(delays) => delays.get(usize::try_from(index).ok()?).copied(),
            Delays::Doubling { first, longest, times } => {
                (index < *times).then(|| first.saturating_mul(2_u32.saturating_pow(index)).min(*longest))
            }
        }
    }

    /// The wait after `made` attempts have failed; `None` after the last.
    pub(super) fn delay(&self, made: u32) -> Option<Duration> {
        let longest = self.longest_delay(made)?;
        Some(match &self.delays {
            Delays::List(_) => longest,
            Delays::Doubling { .. } => (longest / 2).saturating_add((longest / 2).mul_f64(fastrand::f64())),
        })
    }

    pub(super) fn is_worth_it(&self, failure: &Failure) -> bool {
        (self.only_if)(failure)
    }
}

impl fmt::Debug for Retry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Retry").field("delays", &self.delays).finish_non_exhaustive()
    }
}
