use super::{Platform, endpoint::Endpoint};
use tokio_util::sync::CancellationToken;

/// Keeps an endpoint's answers back for as long as it lives: see [`Platform::hold`].
#[derive(Debug)]
#[must_use = "the answers come at once when this is dropped"]
pub struct Held(CancellationToken);

/// An endpoint whose answers are kept back.
#[derive(Debug)]
pub(super) struct Hold {
    pub(super) endpoint: Endpoint,
    pub(super) released: CancellationToken,
}

impl Platform {
    /// Carries calls of this endpoint out, but keeps their answers back until what this gives is dropped: so that a
    /// process can die, or the platform call its work off, just when something has been done and nobody has been told.
    ///
    /// # Panics
    /// `endpoint` is none.
    #[track_caller]
    pub fn hold(&self, endpoint: &str) -> Held {
        let released = CancellationToken::new();
        self.add_hold(Hold { endpoint: super::platform::read(endpoint), released: released.clone() });
        Held(released)
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.0.cancel();
    }
}
