//! Drops what is no longer needed, a few rows at a time, so that nobody waits for it.

use super::tables::now;
use rusqlite::{Connection, Result, params};
use std::time::{Duration, Instant};

/// Entries that were never confirmed are dropped after this: the broker does not know their messages any more.
const FORGOTTEN: Duration = Duration::from_hours(7 * 24);

/// Rows looked at in one step, and pages given back.
const STEP: i64 = 256;

/// Between two steps of one walk.
const BREATH: Duration = Duration::from_millis(20);

/// A walk through the rows, oldest first, as far as they are old enough; then a rest.
#[derive(Debug)]
pub(super) struct Sweep {
    keep: Duration,
    after: i64,
    due: Instant,
    /// Whether pages are being given back.
    gives_back: bool,
}

// === impl Sweep ===

impl Sweep {
    /// Keeps confirmed entries for `keep`.
    pub(super) fn new(keep: Duration) -> Self {
        Self { keep, after: 0, due: Instant::now(), gives_back: false }
    }

    /// Until the next step.
    pub(super) fn rest(&self) -> Duration {
        self.due.saturating_duration_since(Instant::now())
    }

    pub(super) fn step(&mut self, connection: &Connection) -> Result<()> {
        // After an error, too: it is tried again after the pause.
        self.due = Instant::now() + self.pause();
        let more = self.drop_some(connection)?;
        let empty = give_back_some(connection)?;
        if self.gives_back && !empty {
            // The file shrinks when the log is moved into it.
            connection.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(()))?;
        }
        self.gives_back = empty;
        if more || empty {
            self.due = Instant::now() + BREATH;
        }
        Ok(())
    }

    fn pause(&self) -> Duration {
        (self.keep / 60).clamp(Duration::from_millis(50), Duration::from_mins(1))
    }

    /// Whether there may be more.
    fn drop_some(&mut self, connection: &Connection) -> Result<bool> {
        let (kept_from, known_from) = (before(self.keep), before(FORGOTTEN));
        let mut next = connection.prepare_cached(
            "SELECT max(number), count(*) FROM
             (SELECT number, created FROM messages WHERE number > ?1 ORDER BY number LIMIT ?2) WHERE created <= ?3",
        )?;
        let (last, old) = next.query_row(params![self.after, STEP, kept_from], |row| {
            Ok((row.get::<_, Option<i64>>(0)?, row.get::<_, i64>(1)?))
        })?;
        let Some(last) = last else {
            self.after = 0;
            return Ok(false);
        };
        let mut drop = connection.prepare_cached(
            "DELETE FROM messages WHERE number > ?1 AND number <= ?2 AND (confirmed <= ?3 OR changed <= ?4)",
        )?;
        drop.execute(params![self.after, last, kept_from, known_from])?;
        self.after = if old == STEP { last } else { 0 };
        Ok(old == STEP)
    }
}

/// Gives empty pages back to the disk where they are many; whether there are more. A few are left to be filled again.
fn give_back_some(connection: &Connection) -> Result<bool> {
    let number = |name| connection.pragma_query_value(None, name, |row| row.get::<_, i64>(0));
    let (free, pages) = (number("freelist_count")?, number("page_count")?);
    let many = free > STEP && free > pages / 4;
    if many {
        let mut vacuum = connection.prepare_cached("PRAGMA incremental_vacuum(256)")?;
        let mut rows = vacuum.query([])?;
        while rows.next()?.is_some() {}
    }
    Ok(many)
}

fn before(age: Duration) -> i64 {
    now().saturating_sub(i64::try_from(age.as_millis()).unwrap_or(i64::MAX))
}
