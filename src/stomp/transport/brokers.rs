//! Several brokers, each of which will do.

use std::collections::VecDeque;

use tokio_rustls::client::TlsStream;

use super::{DialError, Dialer, Prompt};
use crate::stomp::Dial;

/// Brokers that are tried in turn: whenever an attempt has failed or a session has fallen, it is the next one's turn. So
/// one that is frozen, or drops every session, does not keep us from the others.
#[derive(Debug, Clone)]
pub struct Brokers {
    current: Dialer,
    others: VecDeque<Dialer>,
    tried: bool,
}

// === impl Brokers ===

impl Brokers {
    /// `first`, then each of `others`, then from the beginning.
    #[must_use]
    pub fn new(first: Dialer, others: impl IntoIterator<Item = Dialer>) -> Self {
        Self { current: first, others: others.into_iter().collect(), tried: false }
    }

    /// All of them, the one whose turn it is first.
    pub fn iter(&self) -> impl Iterator<Item = &Dialer> {
        std::iter::once(&self.current).chain(&self.others)
    }

    /// Passes the turn on.
    fn advance(&mut self) {
        if let Some(next) = self.others.pop_front() {
            self.others.push_back(std::mem::replace(&mut self.current, next));
        }
    }
}

impl From<Dialer> for Brokers {
    fn from(only: Dialer) -> Self {
        Self::new(only, [])
    }
}

impl Dial for Brokers {
    type Io = TlsStream<Prompt>;
    type Error = DialError;

    async fn dial(&mut self) -> Result<Self::Io, DialError> {
        if self.tried {
            self.advance();
        }
        self.tried = true;
        self.current.dial().await
    }

    fn target(&self) -> Option<(&str, u16)> {
        Some(self.current.target())
    }

    fn aside(&self) -> Option<Self> {
        Some(self.current.clone().into())
    }
}
