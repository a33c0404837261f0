//! The dead letters: few, so each question goes by itself.

use super::super::{DIED, DeadLetter, Key, LISTED, LISTED_BODY, Listed};
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

pub(super) async fn dead(client: &Client, after: i64) -> Result<Vec<Listed>, Error> {
    let list = "SELECT number, id, destination, since, reason, headers,
            CASE WHEN length(body) > $3 THEN ''::bytea ELSE body END, reply_to, correlation_id, '', length(body)::int8
        FROM processor_dead WHERE number > $1 AND taken IS NULL ORDER BY number LIMIT $2";
    let of = [(&after as _, Type::INT8), (&LISTED as _, Type::INT8), (&LISTED_BODY as _, Type::INT8)];
    let rows = client.query_typed(list, &of).await?;
    let listed = |row: &Row| {
        let bytes: i64 = row.try_get(10)?;
        Ok(Listed { letter: letter(row)?, bytes: bytes.unsigned_abs() })
    };
    rows.iter().map(listed).collect()
}

pub(super) async fn dead_letter(client: &Client, number: i64) -> Result<Option<DeadLetter>, Error> {
    let one = format!("SELECT {COLUMNS} FROM processor_dead WHERE number = $1 AND taken IS NULL");
    client.query_typed(&one, &[(&number, Type::INT8)]).await?.first().map(letter).transpose()
}

pub(super) async fn drop_dead(client: &Client, number: i64) -> Result<bool, Error> {
    let dropped = "DELETE FROM processor_dead WHERE number = $1 RETURNING 1";
    Ok(!client.query_typed(dropped, &[(&number, Type::INT8)]).await?.is_empty())
}

pub(super) async fn ask_retry(client: &Client, number: i64) -> Result<bool, Error> {
    let asked = "UPDATE processor_dead SET retry = true WHERE number = $1 AND taken IS NULL RETURNING 1";
    Ok(!client.query_typed(asked, &[(&number, Type::INT8)]).await?.is_empty())
}

/// Takes the first that was asked for and is `platform`'s, but for those that this run was `given` already.
pub(super) async fn take_retry(
    client: &Client,
    run: i64,
    platform: Option<&str>,
    given: &[i64],
) -> Result<Option<DeadLetter>, Error> {
    put_back(client, run).await?;
    let taken = format!(
        "WITH due AS (
             SELECT number FROM processor_dead d
             WHERE retry AND number <> ALL ($2) AND (taken IS NULL OR taken = $1)
                 AND coalesce(substring(destination FROM '^([^/.]+)/'), '') = $3
             ORDER BY number LIMIT 1 FOR UPDATE SKIP LOCKED),
         taken AS (
             UPDATE processor_dead d SET taken = $1 FROM due WHERE d.number = due.number RETURNING d.*)
         SELECT {COLUMNS} FROM taken"
    );
    let platform = platform.unwrap_or_default();
    let of = [(&run as _, Type::INT8), (&given as _, Type::INT8_ARRAY), (&platform as _, Type::TEXT)];
    client.query_typed(&taken, &of).await?.first().map(letter).transpose()
}

/// What a run had taken that died goes back to the list: it may be what ended it.
async fn put_back(client: &Client, run: i64) -> Result<(), Error> {
    let back =
        "UPDATE processor_dead d SET retry = false, taken = NULL, reason = replace(reason, $2, '') || $2
        WHERE taken IS NOT NULL AND taken <> $1
            AND NOT EXISTS (SELECT FROM processor_runs WHERE run = d.taken AND lease > now()) RETURNING 1";
    let letters = client.query_typed(back, &[(&run, Type::INT8), (&DIED, Type::TEXT)]).await?.len();
    if letters > 0 {
        tracing::warn!(letters, "a processor ended while it retried dead letters; the list has them again");
    }
    Ok(())
}

pub(super) async fn return_retry(client: &Client, run: i64, number: i64) -> Result<(), Error> {
    let returned = "UPDATE processor_dead SET taken = NULL WHERE number = $1 AND taken = $2";
    client.query_typed(returned, &[(&number, Type::INT8), (&run, Type::INT8)]).await.map(drop)
}

/// How many there are, and their bytes.
pub(super) async fn pile(client: &Client) -> Result<(i64, i64), Error> {
    let pile =
        "SELECT count(*), coalesce(sum(octet_length(body) + octet_length(coalesce(answer, ''))), 0)::int8
        FROM processor_dead";
    let row = client.query_typed_one(pile, &[]).await?;
    Ok((row.try_get(0)?, row.try_get(1)?))
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
