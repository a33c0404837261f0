//! How long to wait before the next attempt. Pure: the clock and the dice are handed in.

use std::time::Duration;

use tokio::time::Instant;

use super::error::Cause;

/// When to try again. Cannot be built wrong: see [`BackoffPolicy::try_new`].
///
/// The default waits about half a second, then at most two seconds at a time for the first two minutes of an outage,
/// then longer and longer up to thirty seconds; after wrong credentials ten seconds and more, up to five minutes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BackoffPolicy {
    eager: Ramp,
    patient: Ramp,
    credentials: Ramp,
    patience: Duration,
    healthy: Duration,
}

/// Delays that double from `first` up to `max`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ramp {
    first: Duration,
    max: Duration,
}

/// These numbers make no backoff.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidBackoff {
    /// A delay of zero would hammer the broker.
    #[error("the first delay must not be zero")]
    Zero,
    /// The largest delay is smaller than the first.
    #[error("the largest delay must not be smaller than the first")]
    MaxBelowFirst,
    /// A delay of more than a day is as good as giving up.
    #[error("the largest delay must not be longer than a day")]
    TooLong,
    /// The delays after `patience` must not be shorter than those before.
    #[error("the delays of a long outage must not be shorter than those of a short one")]
    PatientBelowEager,
}

/// One outage's way through the policy.
#[derive(Debug, Clone)]
pub struct Backoff {
    policy: BackoffPolicy,
    outage: Option<Instant>,
    eager: u32,
    patient: u32,
    credentials: u32,
}

/// Delays are shortened by up to this share, never lengthened, so that the maxima hold.
const JITTER: f64 = 0.2;
/// The longest delay that can be asked for.
const LONGEST: Duration = Duration::from_secs(24 * 3_600);

// === impl Ramp ===

impl Ramp {
    /// For a queue that the broker refuses: its rights change rarely, and asking may cost the connection.
    pub const REFUSED_QUEUE: Self = Self { first: Duration::from_secs(30), max: Duration::from_secs(300) };

    /// Doubles from `first` to `max`.
    pub const fn try_new(first: Duration, max: Duration) -> Result<Self, InvalidBackoff> {
        if first.is_zero() {
            return Err(InvalidBackoff::Zero);
        }
        if max.as_nanos() < first.as_nanos() {
            return Err(InvalidBackoff::MaxBelowFirst);
        }
        if max.as_secs() > LONGEST.as_secs() {
            return Err(InvalidBackoff::TooLong);
        }
        Ok(Self { first, max })
    }

    /// The delay after `failures` failures, without jitter.
    #[must_use]
    pub fn delay(&self, failures: u32) -> Duration {
        self.first.saturating_mul(2u32.saturating_pow(failures)).min(self.max)
    }

    /// The delay, shortened by a random share; `dice` is in 0..1.
    #[must_use]
    pub fn jittered(&self, failures: u32, dice: f64) -> Duration {
        let share = if dice.is_nan() { 0.0 } else { JITTER * dice.clamp(0.0, 1.0) };
        self.delay(failures).mul_f64(1.0 - share)
    }
}

// === impl BackoffPolicy ===

impl BackoffPolicy {
    /// `eager` holds for the first `patience` of an outage, `patient` after that, `credentials` when they are wrong. A
    /// session must have been up for `healthy` to count as the end of an outage.
    pub fn try_new(
        eager: Ramp,
        patient: Ramp,
        credentials: Ramp,
        patience: Duration,
        healthy: Duration,
    ) -> Result<Self, InvalidBackoff> {
        if patient.first < eager.max {
            return Err(InvalidBackoff::PatientBelowEager);
        }
        Ok(Self { eager, patient, credentials, patience, healthy })
    }
}

impl Default for BackoffPolicy {
    fn default() -> Self {
        let ramp = |first, max| Ramp { first: Duration::from_millis(first), max: Duration::from_millis(max) };
        Self {
            eager: ramp(500, 2_000),
            patient: ramp(3_000, 30_000),
            credentials: ramp(10_000, 300_000),
            patience: Duration::from_secs(120),
            healthy: Duration::from_secs(30),
        }
    }
}

// === impl Backoff ===

impl Backoff {
    /// Before the first failure.
    #[must_use]
    pub fn new(policy: BackoffPolicy) -> Self {
        Self { policy, outage: None, eager: 0, patient: 0, credentials: 0 }
    }

    /// Counts a failure and says how long to wait; `dice` is in 0..1.
    pub fn failed(&mut self, cause: Cause, now: Instant, dice: f64) -> Duration {
        let began = *self.outage.get_or_insert(now);
        let policy = self.policy;
        let (ramp, failures) = match cause {
            Cause::Credentials => (policy.credentials, &mut self.credentials),
            Cause::Outage if now.duration_since(began) < policy.patience => (policy.eager, &mut self.eager),
            Cause::Outage => (policy.patient, &mut self.patient),
        };
        let delay = ramp.jittered(*failures, dice);
        *failures = failures.saturating_add(1);
        delay
    }

    /// The broker has confirmed work: however short sessions are, messages get through, and nobody is to wait longer than
    /// at the beginning of an outage.
    pub fn worked(&mut self) {
        self.outage = None;
        self.patient = 0;
    }

    /// A session has ended that was up for so long: the outage is over only if it proved healthy. A broker that takes
    /// the connection and drops it at once is as bad as one that is away.
    pub fn was_up(&mut self, lasted: Duration) {
        if lasted >= self.policy.healthy {
            *self = Self::new(self.policy);
        }
    }
}
