//! Drops what is no longer needed, a few rows at a time, so that no caller waits for it.
//!
//! - A confirmed answer goes after `keep`, counted from when its broker was last connected anew: before that, the broker
//!   may deliver the message again.
//! - What was begun and not answered stays: only its next delivery can say what becomes of it.
//! - A time later than now, from a clock that ran ahead, counts as now.

use super::super::links::{Ages, Clock, Links, WEEK, wall};
use super::super::platforms;
use super::schema::state::{ANSWERED, WAITING};
use rusqlite::{Connection, Result, Row, params};
use std::{
    sync::Arc,
    time::{Duration, Instant},
};

/// Rows looked at in one step, and pages given back.
const STEP: usize = 256;

/// Between two steps of one walk.
const BREATH: Duration = Duration::from_millis(20);

/// A walk through the rows, oldest first, as far as some are old enough; then a rest.
#[derive(Debug)]
pub(super) struct Sweep {
    keep: Duration,
    links: Arc<Links>,
    clock: Clock,
    /// Names this run of the program.
    run: i64,
    after: i64,
    due: Instant,
    /// Whether pages are being given back.
    gives_back: bool,
}

/// What is looked at of a message's row. Times are milliseconds since 1970.
struct Old {
    number: i64,
    destination: String,
    state: i64,
    run: i64,
    crashes: i64,
    created: i64,
    changed: i64,
    confirmed: Option<i64>,
}

// === impl Sweep ===

impl Sweep {
    /// Keeps confirmed entries for `keep` once their broker is connected.
    pub(super) fn new(keep: Duration, links: Arc<Links>, run: i64) -> Self {
        let clock = Clock::default();
        Self { keep, links, clock, run, after: 0, due: Instant::now(), gives_back: false }
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
        let wall = wall();
        if self.clock.was_set(wall) {
            self.links.restart();
        }
        let ages = self.links.ages(self.keep);
        if ages.keep_all() {
            return Ok(false);
        }
        let (now, rows) = (millis(wall), self.rows(connection)?);
        let kept_from = now.saturating_sub(millis(self.keep));
        let old = rows.iter().any(|row| row.created <= kept_from || row.is_ahead(now));
        let transaction = connection.unchecked_transaction()?;
        for row in &rows {
            if row.is_ahead(now) {
                row.set_right(connection, now)?;
            } else if row.goes(&ages, self.run, now) {
                connection.prepare_cached("DELETE FROM messages WHERE number = ?1")?.execute([row.number])?;
            }
        }
        transaction.commit()?;
        let more = old && rows.len() == STEP;
        self.after = rows.last().filter(|_| more).map_or(0, |last| last.number);
        Ok(more)
    }

    fn rows(&self, connection: &Connection) -> Result<Vec<Old>> {
        let mut next = connection.prepare_cached(
            "SELECT number, destination, state, run, crashes, created, changed, confirmed
             FROM messages WHERE number > ?1 ORDER BY number LIMIT ?2",
        )?;
        next.query_map(params![self.after, STEP as i64], Old::read)?.collect()
    }
}

// === impl Old ===

impl Old {
    fn read(row: &Row<'_>) -> Result<Self> {
        Ok(Self {
            number: row.get(0)?,
            destination: row.get(1)?,
            state: row.get(2)?,
            run: row.get(3)?,
            crashes: row.get(4)?,
            created: row.get(5)?,
            changed: row.get(6)?,
            confirmed: row.get(7)?,
        })
    }

    fn is_ahead(&self, now: i64) -> bool {
        self.created.max(self.changed).max(self.confirmed.unwrap_or_default()) > now
    }

    /// Nothing is known of when it was made: the walk must not stop here.
    fn set_right(&self, connection: &Connection, now: i64) -> Result<()> {
        let mut right = connection.prepare_cached(
            "UPDATE messages SET created = 0, changed = min(changed, ?2), confirmed = min(confirmed, ?2)
             WHERE number = ?1",
        )?;
        right.execute([self.number, now]).map(drop)
    }

    fn goes(&self, ages: &Ages, run: i64, now: i64) -> bool {
        let Some(age) = ages.of(platforms::split(&self.destination).0) else { return false };
        let older = |time: i64, age: Duration| time <= now.saturating_sub(millis(age));
        match (self.state, self.confirmed) {
            (ANSWERED, Some(confirmed)) => older(confirmed, age),
            (ANSWERED, None) => older(self.changed, age.max(WEEK)),
            // Set down by a process that has ended, and never delivered since.
            (WAITING, _) if self.run != run && self.crashes == 0 => older(self.changed, age.max(WEEK)),
            _ => false,
        }
    }
}

/// Gives empty pages back to the disk where they are many; whether there are more. A few are left to be filled again.
fn give_back_some(connection: &Connection) -> Result<bool> {
    let number = |name| connection.pragma_query_value(None, name, |row| row.get::<_, i64>(0));
    let (free, pages) = (number("freelist_count")?, number("page_count")?);
    let many = free > STEP as i64 && free > pages / 4;
    if many {
        let mut vacuum = connection.prepare_cached("PRAGMA incremental_vacuum(256)")?;
        let mut rows = vacuum.query([])?;
        while rows.next()?.is_some() {}
    }
    Ok(many)
}

fn millis(time: Duration) -> i64 {
    i64::try_from(time.as_millis()).unwrap_or(i64::MAX)
}
