use crate::Fault;
use http::Method;

/// How the stand-in misbehaves by itself: a share of all requests meets one of some faults, at random.
///
/// ```
/// use stand_in_platform::{Fault, Weather};
///
/// let rough = Weather::of(0.2, [Fault::status(503).header("retry-after", "1"), Fault::hang(), Fault::expire()]);
/// # drop(rough);
/// ```
#[derive(Debug, Clone, Default)]
pub struct Weather {
    share: f64,
    faults: Vec<Fault>,
}

impl Weather {
    /// Each request meets with the probability `share` one of the `faults` that fit it. How often a fault was meant to
    /// happen does not matter.
    #[must_use]
    pub fn of(share: f64, faults: impl IntoIterator<Item = Fault>) -> Self {
        Self { share, faults: faults.into_iter().collect() }
    }

    /// No misbehaviour.
    #[must_use]
    pub fn fair() -> Self {
        Self::default()
    }

    /// What the next request meets.
    pub(crate) fn strikes(&self, method: &Method, path: &str) -> Option<Fault> {
        let fitting: Vec<&Fault> = self.faults.iter().filter(|fault| fault.fits(method, path)).collect();
        let strikes = fastrand::f64() < self.share;
        strikes.then(|| fastrand::choice(fitting)).flatten().cloned()
    }
}
