//! News for the service manager (`Type=notify`, watchdog). Without one, nothing happens.

use sd_notify::NotifyState;
use std::{
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};
use tokio::time::{Interval, MissedTickBehavior, interval};
use tracing::debug;

/// Whether the service manager has been told that the daemon is ready; it is one per process, as the manager's view is.
static READY: AtomicBool = AtomicBool::new(false);

/// Tells systemd how the daemon is.
#[derive(Debug, Clone, Copy, Default)]
pub struct Service;

impl Service {
    /// The daemon does its work: every queue is subscribed to.
    pub fn ready(self) {
        READY.store(true, Ordering::Relaxed);
        tell(&[NotifyState::Ready]);
    }

    /// One line for `systemctl status`.
    pub fn status(self, text: &str) {
        tell(&[NotifyState::Status(text)]);
    }

    /// The configuration is being read again, until [`reloaded`](Self::reloaded).
    pub fn reloading(self) {
        if !READY.load(Ordering::Relaxed) {
            return;
        }
        match NotifyState::monotonic_usec_now() {
            Ok(now) => tell(&[NotifyState::Reloading, now]),
            Err(error) => debug!(%error, "the monotonic clock cannot be read"),
        }
    }

    /// The configuration has been read again. A daemon that is still starting stays so.
    pub fn reloaded(self) {
        if READY.load(Ordering::Relaxed) {
            tell(&[NotifyState::Ready]);
        }
    }

    /// The daemon is stopping.
    pub fn stopping(self) {
        tell(&[NotifyState::Stopping]);
    }

    /// The daemon is alive.
    pub fn alive(self) {
        tell(&[NotifyState::Watchdog]);
    }

    /// Ticks when [`alive`](Self::alive) is due: at half of what the service manager allows, or once an hour where it
    /// does not watch.
    #[must_use]
    pub fn pulse(self) -> Interval {
        let allowed = sd_notify::watchdog_enabled().filter(|allowed| !allowed.is_zero());
        let mut pulse = interval(allowed.map_or(Duration::from_secs(3600), |allowed| allowed / 2));
        pulse.set_missed_tick_behavior(MissedTickBehavior::Delay);
        pulse
    }
}

/// A service manager that cannot be told is no reason to stop working.
fn tell(state: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(state) {
        debug!(%error, "the service manager could not be told");
    }
}
