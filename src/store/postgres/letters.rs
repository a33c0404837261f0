//! The dead letters: few, so each question goes by itself.

use super::super::{DeadLetter, Key};
use super::tables::answer;
use std::time::SystemTime;
use tokio_postgres::{Client, Error, Row, types::Type};

/// Adds one; `token` makes sure that a second attempt adds no second one.
pub(super) async fn bury(client: &Client, token: i64, letter: &DeadLetter) -> Result<i64, Error> {
    let answer = letter.answer.as_ref();
    let headers = serde_json::to_string(&letter.headers).unwrap_or_default();
    let row = client
        .query_typed_one(
            "INSERT INTO processor_dead
                 (token, id, destination, since, reason, headers, reply_to, correlation_id, answer, body)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
             ON CONFLICT (token) DO UPDATE SET token = excluded.token RETURNING number",
            &[
                (&token, Type::INT8),
                (&letter.key.id, Type::TEXT),
                (&letter.key.destination, Type::TEXT),
                (&letter.since, Type::TIMESTAMPTZ),
                (&letter.reason, Type::TEXT),
                (&headers, Type::TEXT),
                (&answer.map(|answer| answer.reply_to.as_str()), Type::TEXT),
                (&answer.and_then(|answer| answer.correlation_id.as_deref()), Type::TEXT),
                (&answer.map(|answer| answer.body.as_str()), Type::TEXT),
                (&letter.body, Type::BYTEA),
            ],
        )
        .await?;
    row.try_get(0)
}

pub(super) async fn dead(client: &Client) -> Result<Vec<DeadLetter>, Error> {
    let list = format!("SELECT {COLUMNS} FROM processor_dead WHERE taken IS NULL ORDER BY number");
    client.query_typed(&list, &[]).await?.iter().map(letter).collect()
}

pub(super) async fn drop_dead(client: &Client, number: i64) -> Result<bool, Error> {
    let dropped = "DELETE FROM processor_dead WHERE number = $1 RETURNING 1";
    Ok(!client.query_typed(dropped, &[(&number, Type::INT8)]).await?.is_empty())
}

pub(super) async fn ask_retry(client: &Client, number: i64) -> Result<bool, Error> {
    let asked = "UPDATE processor_dead SET retry = true WHERE number = $1 AND taken IS NULL RETURNING 1";
    Ok(!client.query_typed(asked, &[(&number, Type::INT8)]).await?.is_empty())
}

/// Takes those that nobody living has taken, but for those that this run was `given` already.
pub(super) async fn take_retries(client: &Client, run: i64, given: &[i64]) -> Result<Vec<DeadLetter>, Error> {
    let taken = format!(
        "WITH due AS (
             SELECT number FROM processor_dead d
             WHERE retry AND number <> ALL ($2) AND (taken IS NULL OR taken = $1
                 OR NOT EXISTS (SELECT FROM processor_runs WHERE run = d.taken AND lease > now()))
             FOR UPDATE SKIP LOCKED),
         taken AS (
             UPDATE processor_dead d SET taken = $1 FROM due WHERE d.number = due.number RETURNING d.*)
         SELECT {COLUMNS} FROM taken ORDER BY number"
    );
    let rows = client.query_typed(&taken, &[(&run, Type::INT8), (&given, Type::INT8_ARRAY)]).await?;
    rows.iter().map(letter).collect()
}

const COLUMNS: &str =
    "number, id, destination, since, reason, headers, body, reply_to, correlation_id, answer";

fn letter(row: &Row) -> Result<DeadLetter, Error> {
    let since: SystemTime = row.try_get(3)?;
    Ok(DeadLetter {
        number: row.try_get(0)?,
        key: Key { id: row.try_get(1)?, destination: row.try_get(2)? },
        since,
        reason: row.try_get(4)?,
        headers: serde_json::from_str(row.try_get(5)?).unwrap_or_default(),
        body: row.try_get(6)?,
        answer: answer(row, 7)?,
    })
}
