//! Heart-beats: what we offer, what was agreed, and when something is due (STOMP 1.2, Heart-beating).

use std::time::Duration;

use tokio::time::Instant;

/// A beat is sent once this share of the agreed interval has passed in silence: some brokers allow no delay at all.
const EARLY: f64 = 0.5;

/// What we offer the broker.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Heartbeat {
    /// The shortest interval at which we can send; zero: never.
    pub send: Duration,
    /// The interval at which we want to hear from the broker; zero: no matter.
    pub receive: Duration,
    /// How many of the agreed intervals of silence mean that the broker is gone. Values below 1 count as 1. ActiveMQ looks
    /// once an interval whether it has written anything since its last look, and beats only if not: all is well with it
    /// for two intervals of silence, and a little more.
    pub grace: f32,
}

/// What both ends agreed upon.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Beats {
    /// The broker expects a byte from us at least this often.
    pub send: Option<Duration>,
    /// The broker promised a byte at least this often.
    pub receive: Option<Duration>,
    grace: f32,
}

// === impl Heartbeat ===

impl Default for Heartbeat {
    fn default() -> Self {
        Self { send: Duration::from_secs(15), receive: Duration::from_secs(10), grace: 3.0 }
    }
}

impl Heartbeat {
    /// The value of CONNECT's `heart-beat` header.
    #[must_use]
    pub fn offer(&self) -> String {
        format!("{},{}", self.send.as_millis(), self.receive.as_millis())
    }

    /// Joins our offer with the broker's `heart-beat` header; `None` if that is not two numbers of milliseconds.
    #[must_use]
    pub fn agree(&self, answer: &str) -> Option<Beats> {
        let (can_send, wants) = answer.split_once(',')?;
        let milliseconds = |text: &str| text.trim().parse().ok().map(Duration::from_millis);
        Some(Beats {
            send: slower(self.send, milliseconds(wants)?),
            receive: slower(self.receive, milliseconds(can_send)?),
            grace: self.grace,
        })
    }

    /// What holds with a broker that says nothing about heart-beats.
    #[must_use]
    pub fn none(&self) -> Beats {
        Beats { send: None, receive: None, grace: self.grace }
    }
}

/// The larger interval, unless one side said zero: never.
fn slower(ours: Duration, theirs: Duration) -> Option<Duration> {
    (!ours.is_zero() && !theirs.is_zero()).then(|| ours.max(theirs))
}

// === impl Beats ===

impl Beats {
    /// When a beat must go out, if nothing else does before.
    #[must_use]
    pub fn due(&self, last_sent: Instant) -> Option<Instant> {
        self.send.and_then(|interval| last_sent.checked_add(interval.mul_f64(EARLY)))
    }

    /// How long the broker may be silent.
    #[must_use]
    pub fn patience(&self) -> Option<Duration> {
        let grace = if self.grace.is_finite() { f64::from(self.grace.max(1.0)) } else { 1.0 };
        self.receive
            .map(|interval| Duration::from_secs_f64((interval.as_secs_f64() * grace).min(MAX_SECONDS)))
    }

    /// How long a write may make no progress: two of our own intervals, or `otherwise` where no beats are agreed.
    #[must_use]
    pub fn stall(&self, otherwise: Duration) -> Duration {
        self.send.map_or(otherwise, |interval| interval.saturating_mul(2))
    }
}

/// A year: longer intervals are as good as never, and this one can be added to any instant.
const MAX_SECONDS: f64 = 365.0 * 24.0 * 3600.0;
