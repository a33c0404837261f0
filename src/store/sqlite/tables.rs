//! What is asked of the tables, a statement or two each.

use super::super::{Answer, Key, Standing};
use super::schema::state::{ANSWERED, BEGUN, CUT_OFF, WAITING};
use rusqlite::{Connection, OptionalExtension, Result, Row, params};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// The tables, as seen by one run of the program.
pub(super) struct Tables<'a> {
    pub(super) connection: &'a Connection,
    /// Names this run; another one's mark on a message means that its process is dead.
    pub(super) run: i64,
}

// === impl Tables ===

impl Tables<'_> {
    pub(super) fn claim(&self, key: &Key) -> Result<Standing> {
        let mut found = self.connection.prepare_cached(
            "SELECT state, run, crashes, note, reply_to, correlation_id, body, confirmed FROM messages
             WHERE id = ?1 AND destination = ?2",
        )?;
        let standing = found.query_row(params![key.id, key.destination], |row| self.standing(row));
        Ok(standing.optional()?.unwrap_or(Standing::New))
    }

    fn standing(&self, row: &Row<'_>) -> Result<Standing> {
        let (state, run, crashes): (i64, i64, u32) = (row.get(0)?, row.get(1)?, row.get(2)?);
        let note = row.get(3)?;
        Ok(match state {
            ANSWERED if row.get::<_, Option<i64>>(7)?.is_some() => Standing::Confirmed,
            ANSWERED => Standing::Answered(answer(row, 4)?.unwrap_or_default()),
            BEGUN if run != self.run => Standing::Interrupted { crashes: crashes.saturating_add(1), note },
            CUT_OFF => Standing::Interrupted { crashes, note },
            _ => Standing::Waiting { note },
        })
    }

    pub(super) fn begin(&self, key: &Key) -> Result<()> {
        self.mark(key, BEGUN, None)
    }

    pub(super) fn set_down(&self, key: &Key, note: &str) -> Result<()> {
        self.mark(key, WAITING, Some(note))
    }

    pub(super) fn keep(&self, key: &Key, note: &str) -> Result<()> {
        self.mark(key, BEGUN, Some(note))
    }

    /// A dead run's mark becomes a number before it is written over.
    fn mark(&self, key: &Key, state: i64, note: Option<&str>) -> Result<()> {
        let mut mark = self.connection.prepare_cached(
            "INSERT INTO messages (id, destination, state, run, created, changed, note)
             VALUES (?1, ?2, ?3, ?4, ?5, ?5, ?6)
             ON CONFLICT (id, destination) DO UPDATE SET
                 crashes = crashes + (state = 1 AND run <> excluded.run),
                 state = excluded.state, run = excluded.run, changed = excluded.changed,
                 note = coalesce(excluded.note, note), confirmed = NULL",
        )?;
        mark.execute(params![key.id, key.destination, state, self.run, now(), note]).map(drop)
    }

    pub(super) fn finish(&self, key: &Key, answer: &Answer) -> Result<()> {
        let mut finish = self.connection.prepare_cached(
            "INSERT INTO messages (id, destination, state, run, created, changed, reply_to, correlation_id, body)
             VALUES (?1, ?2, ?3, ?4, ?5, ?5, ?6, ?7, ?8)
             ON CONFLICT (id, destination) DO UPDATE SET
                 state = excluded.state, run = excluded.run, changed = excluded.changed, note = NULL, confirmed = NULL,
                 reply_to = excluded.reply_to, correlation_id = excluded.correlation_id, body = excluded.body",
        )?;
        let Answer { reply_to, correlation_id, body } = answer;
        let (id, destination) = (&key.id, &key.destination);
        finish
            .execute(params![id, destination, ANSWERED, self.run, now(), reply_to, correlation_id, body])
            .map(drop)
    }

    /// What a dead run had begun stays as it is: it has not been looked into yet.
    pub(super) fn give_back(&self, key: &Key) -> Result<()> {
        let known = params![key.id, key.destination, self.run, now()];
        let mut forget = self.connection.prepare_cached(
            "DELETE FROM messages WHERE id = ?1 AND destination = ?2 AND note IS NULL AND crashes = 0
             AND (state = 0 OR state = 1 AND run = ?3) AND ?4 > 0",
        )?;
        if forget.execute(known)? == 0 {
            let mut keep = self.connection.prepare_cached(
                "UPDATE messages SET state = 0, changed = ?4
                 WHERE id = ?1 AND destination = ?2 AND state = 1 AND run = ?3",
            )?;
            keep.execute(known)?;
        }
        Ok(())
    }

    pub(super) fn confirm(&self, keys: &[Key]) -> Result<()> {
        let mut confirm = self.connection.prepare_cached(
            "UPDATE messages SET confirmed = ?3 WHERE id = ?1 AND destination = ?2 AND state = 3",
        )?;
        let now = now();
        keys.iter().try_for_each(|key| confirm.execute(params![key.id, key.destination, now]).map(drop))
    }

    /// This run ends in order: what it leaves begun was cut off, and no crash; the dead letters that it has are the next
    /// one's.
    pub(super) fn cut_off(&self) -> Result<()> {
        self.connection.execute("UPDATE messages SET state = 2 WHERE state = 1 AND run = ?1", [self.run])?;
        self.connection
            .execute("UPDATE dead SET taken = 0 WHERE retry = 1 AND taken = ?1", [self.run])
            .map(drop)
    }

    /// The same for one message.
    pub(super) fn cut_off_one(&self, key: &Key) -> Result<()> {
        let mut cut_off = self.connection.prepare_cached(
            "UPDATE messages SET state = 2 WHERE id = ?1 AND destination = ?2 AND state = 1 AND run = ?3",
        )?;
        cut_off.execute(params![key.id, key.destination, self.run]).map(drop)
    }
}

/// `reply_to`, `correlation_id` and the text, from column `first` on.
pub(super) fn answer(row: &Row<'_>, first: usize) -> Result<Option<Answer>> {
    let Some(reply_to) = row.get(first)? else { return Ok(None) };
    let body: Option<String> = row.get(first + 2)?;
    Ok(Some(Answer { reply_to, correlation_id: row.get(first + 1)?, body: body.unwrap_or_default() }))
}

/// Milliseconds since 1970.
pub(super) fn now() -> i64 {
    millis(SystemTime::now())
}

pub(super) fn millis(time: SystemTime) -> i64 {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

pub(super) fn time(millis: i64) -> SystemTime {
    UNIX_EPOCH + Duration::from_millis(u64::try_from(millis).unwrap_or_default())
}
