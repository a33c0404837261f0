//! The dead letters' size: none leaves by itself, so one bad producer could fill the disk.

use std::time::{Duration, Instant};

/// More than this is said.
const MANY: i64 = 10_000;
const LARGE: i64 = 256 * 1024 * 1024;

/// Between two looks.
const PAUSE: Duration = Duration::from_mins(1);

/// What has been said of the dead letters.
#[derive(Debug)]
pub(super) struct Pile {
    due: Instant,
    /// It is said when there are more than this, or they take more.
    limits: (i64, i64),
}

// === impl Pile ===

impl Pile {
    pub(super) fn new() -> Self {
        Self { due: Instant::now(), limits: (MANY, LARGE) }
    }

    /// Whether it is time to look.
    pub(super) fn is_due(&mut self) -> bool {
        let due = self.due <= Instant::now();
        if due {
            self.due = Instant::now() + PAUSE;
        }
        due
    }

    /// There are so many, of so many bytes. Warns once, and again whenever that has doubled.
    pub(super) fn look(&mut self, letters: i64, bytes: i64) {
        let (many, large) = self.limits;
        if letters > many || bytes > large {
            let mebibytes = bytes / (1024 * 1024);
            tracing::warn!(
                letters,
                mebibytes,
                "the dead letters take much room on the disk; retry or drop them (`processor dead list`)"
            );
        }
        self.limits = (MANY.max(letters.saturating_mul(2)), LARGE.max(bytes.saturating_mul(2)));
        if letters <= MANY && bytes <= LARGE {
            self.limits = (MANY, LARGE);
        }
    }
}
