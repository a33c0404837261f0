//! The dead letters.

use super::super::{DIED, DeadLetter, Key, LISTED, LISTED_BODY, Listed, platforms::split};
use super::tables::{Tables, answer, millis, time};
use rusqlite::{OptionalExtension, Result, Row, params};

impl Tables<'_> {
    pub(super) fn bury(&self, letter: &DeadLetter) -> Result<i64> {
        let mut bury = self.connection.prepare_cached(
            "INSERT INTO dead (id, destination, since, reason, headers, reply_to, correlation_id, answer, body)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
        )?;
        let answer = letter.answer.as_ref();
        bury.insert(params![
            letter.key.id,
            letter.key.destination,
            millis(letter.since),
            letter.reason,
            serde_json::to_string(&letter.headers).unwrap_or_default(),
            answer.map(|answer| &answer.reply_to),
            answer.and_then(|answer| answer.correlation_id.as_ref()),
            answer.map(|answer| &answer.body),
            letter.body,
        ])
    }

    pub(super) fn dead(&self, after: i64) -> Result<Vec<Listed>> {
        let mut found = self.connection.prepare_cached(
            "SELECT number, destination, id, since, reason, headers,
                 CASE WHEN length(body) > ?3 THEN x'' ELSE body END, reply_to, correlation_id, '', length(body)
             FROM dead WHERE number > ?1 AND taken = 0 ORDER BY number LIMIT ?2",
        )?;
        let listed = |row: &Row<'_>| {
            let bytes: i64 = row.get(10)?;
            Ok(Listed { letter: letter(row)?, bytes: bytes.unsigned_abs() })
        };
        found.query_map([after, LISTED, LISTED_BODY], listed)?.collect()
    }

    pub(super) fn dead_letter(&self, number: i64) -> Result<Option<DeadLetter>> {
        Ok(self.whole(number)?.filter(|(_, taken)| *taken == 0).map(|(letter, _)| letter))
    }

    fn whole(&self, number: i64) -> Result<Option<(DeadLetter, i64)>> {
        let mut found = self.connection.prepare_cached(
            "SELECT number, destination, id, since, reason, headers, body, reply_to, correlation_id, answer, taken
             FROM dead WHERE number = ?1",
        )?;
        found.query_row([number], |row| Ok((letter(row)?, row.get(10)?))).optional()
    }

    pub(super) fn drop_dead(&self, number: i64) -> Result<bool> {
        Ok(self.connection.execute("DELETE FROM dead WHERE number = ?1", [number])? > 0)
    }

    pub(super) fn ask_retry(&self, number: i64) -> Result<bool> {
        let asked = "UPDATE dead SET retry = 1 WHERE number = ?1 AND taken = 0";
        Ok(self.connection.execute(asked, [number])? > 0)
    }

    /// The first that was asked for. What a dead run had taken goes back to the list: it may be what ended it.
    pub(super) fn take_retry(&self, platform: Option<&str>) -> Result<Option<DeadLetter>> {
        self.put_back()?;
        let mut asked = self.connection.prepare_cached(
            "SELECT number, destination FROM dead WHERE retry = 1 AND taken = 0 ORDER BY number",
        )?;
        let mut rows = asked.query([])?;
        while let Some(row) = rows.next()? {
            let (number, destination): (i64, String) = (row.get(0)?, row.get(1)?);
            if split(&destination).0 == platform {
                let taken = "UPDATE dead SET taken = ?2 WHERE number = ?1";
                self.connection.execute(taken, [number, self.run])?;
                return Ok(self.whole(number)?.map(|(letter, _)| letter));
            }
        }
        Ok(None)
    }

    fn put_back(&self) -> Result<()> {
        let mut back = self.connection.prepare_cached(
            "UPDATE dead SET retry = 0, taken = 0, reason = replace(reason, ?2, '') || ?2
             WHERE retry = 1 AND taken NOT IN (0, ?1)",
        )?;
        let letters = back.execute(params![self.run, DIED])?;
        if letters > 0 {
            tracing::warn!(
                letters,
                "the process ended while it retried dead letters; the list has them again"
            );
        }
        Ok(())
    }

    pub(super) fn return_retry(&self, number: i64) -> Result<()> {
        let returned = "UPDATE dead SET taken = 0 WHERE number = ?1 AND taken = ?2";
        self.connection.execute(returned, [number, self.run]).map(drop)
    }

    /// How many there are, and their bytes.
    pub(super) fn pile(&self) -> Result<(i64, i64)> {
        // None of these reads a body.
        let pile =
            "SELECT count(*), coalesce(sum(length(body) + octet_length(coalesce(answer, ''))), 0) FROM dead";
        self.connection.query_row(pile, [], |row| Ok((row.get(0)?, row.get(1)?)))
    }
}

fn letter(row: &Row<'_>) -> Result<DeadLetter> {
    Ok(DeadLetter {
        number: row.get(0)?,
        key: Key { destination: row.get(1)?, id: row.get(2)? },
        since: time(row.get(3)?),
        reason: row.get(4)?,
        headers: serde_json::from_str(row.get_ref(5)?.as_str()?).unwrap_or_default(),
        body: row.get(6)?,
        answer: answer(row, 7)?,
    })
}
