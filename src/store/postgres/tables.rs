//! The tables that processors share, and what is asked of them for many messages at once.
//!
//! A message belongs to the run whose number is its `owner`, for as long as that run's lease lasts by the database's
//! clock. `state` is 0 where it waits, 1 where it is begun, 2 where its owner died or ended while it was, 3 where it is
//! answered.

use super::super::{Answer, Key, Standing};
use std::{collections::HashMap, time::Duration};
use tokio_postgres::{Client, Error, Row, types::ToSql, types::Type};

/// Version of the tables below.
const VERSION: i32 = 1;

/// Another living processor's message is asked for again after this at the latest.
const ELSEWHERE: Duration = Duration::from_millis(500);

/// Makes the tables; one processor at a time.
const MAKE: &str = "
BEGIN;
SELECT pg_advisory_xact_lock(7021240917303);
CREATE TABLE IF NOT EXISTS processor_schema (version int NOT NULL);
INSERT INTO processor_schema SELECT 1 WHERE NOT EXISTS (SELECT FROM processor_schema);
CREATE TABLE IF NOT EXISTS processor_runs (
    run bigint PRIMARY KEY,
    lease timestamptz NOT NULL,
    since timestamptz NOT NULL DEFAULT now()
);
CREATE TABLE IF NOT EXISTS processor_messages (
    id text NOT NULL,
    destination text NOT NULL,
    owner bigint,
    state smallint NOT NULL,
    crashes int NOT NULL DEFAULT 0,
    created timestamptz NOT NULL DEFAULT now(),
    changed timestamptz NOT NULL DEFAULT now(),
    confirmed timestamptz,
    note text,
    reply_to text,
    correlation_id text,
    body text,
    PRIMARY KEY (id, destination)
) WITH (fillfactor = 70);
CREATE INDEX IF NOT EXISTS processor_messages_created ON processor_messages (created);
CREATE TABLE IF NOT EXISTS processor_dead (
    number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    token bigint NOT NULL UNIQUE,
    id text NOT NULL,
    destination text NOT NULL,
    since timestamptz NOT NULL,
    retry boolean NOT NULL DEFAULT false,
    taken bigint,
    reason text NOT NULL,
    headers text NOT NULL,
    reply_to text,
    correlation_id text,
    answer text,
    body bytea NOT NULL
);
COMMIT;
";

/// Makes the tables where there are none. Gives, in words, why the database is not fit.
pub(super) async fn make(client: &Client) -> Result<Result<(), String>, Error> {
    let encoding: String = client.query_typed_one("SHOW server_encoding", &[]).await?.try_get(0)?;
    if encoding != "UTF8" {
        return Ok(Err(format!("the database's encoding is {encoding}: the journal needs one in UTF8")));
    }
    // Who may use tables may not always make them.
    let found = client.query_typed_one("SELECT to_regclass('processor_schema') IS NOT NULL", &[]).await?;
    if !found.try_get::<_, bool>(0)? {
        client.batch_execute(MAKE).await?;
    }
    let version = client.query_typed_one("SELECT max(version) FROM processor_schema", &[]).await?;
    Ok(match version.try_get::<_, Option<i32>>(0)? {
        Some(VERSION) => Ok(()),
        other => Err(format!(
            "the journal's tables are of version {other:?}, and this processor knows {VERSION}: run the version that \
             made them, or name another database in [store] url"
        )),
    })
}

/// What `run` had begun of one message was cut off.
pub(super) async fn cut_off(client: &Client, run: i64, key: &Key) -> Result<(), Error> {
    let cut_off = "UPDATE processor_messages SET state = 2
        WHERE owner = $1 AND state = 1 AND id = $2 AND destination = $3";
    let of = [(&run as _, Type::INT8), (&key.id as _, Type::TEXT), (&key.destination as _, Type::TEXT)];
    client.query_typed(cut_off, &of).await.map(drop)
}

// In each of these, $1 is the run that asks, $2 and $3 are the ids and destinations, and $4 to $6 the texts that come
// with them. They may be carried out twice: where a connection breaks, nobody knows whether they were.

/// `m` may be had by the run that asks.
const FREE: &str = "(m.owner IS NULL OR m.owner = $1 OR NOT EXISTS (
    SELECT FROM processor_runs r WHERE r.run = m.owner AND r.lease > now()))";

/// What is asked for one message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Kind {
    Claim,
    Begin,
    /// With a note.
    SetDown,
    /// With a note, while the work goes on.
    Keep,
    /// With the queue for the reply, the invocation and the text.
    Finish,
    GiveBack,
}

/// One message, and what is asked or kept with it.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    pub(super) key: Key,
    pub(super) texts: [Option<String>; 3],
}

// === impl Kind ===

impl Kind {
    /// How many texts come with each message.
    fn texts(self) -> usize {
        match self {
            Self::Claim | Self::Begin | Self::GiveBack => 0,
            Self::SetDown | Self::Keep => 1,
            Self::Finish => 3,
        }
    }

    fn statement(self) -> String {
        match self {
            Self::Claim => format!(
                "WITH judged AS (
                     INSERT INTO processor_messages AS m (id, destination, owner, state)
                     SELECT id, destination, $1, 0 FROM unnest($2, $3) AS a (id, destination) ORDER BY 1, 2
                     ON CONFLICT (id, destination) DO UPDATE SET
                         crashes = m.crashes + coalesce(m.state = 1 AND m.owner <> $1 AND {FREE}, false)::int,
                         state = CASE WHEN m.state = 1 AND m.owner <> $1 AND {FREE} THEN 2 ELSE m.state END,
                         owner = CASE WHEN m.state < 3 AND {FREE} THEN $1 ELSE m.owner END
                     RETURNING m.*, xmax = 0 AS fresh)
                 SELECT judged.id, destination, state::int, owner IS NOT DISTINCT FROM $1, fresh, crashes, note,
                     reply_to, correlation_id, body, greatest(extract(epoch FROM r.lease - now()), 0)::float8,
                     confirmed IS NOT NULL
                 FROM judged LEFT JOIN processor_runs r ON r.run = judged.owner"
            ),
            // A run whose lease has lapsed may be thought dead at any moment.
            Self::Begin => mark(
                "state",
                "1",
                "",
                "state = 1, changed = now(), confirmed = NULL",
                "WHERE EXISTS (SELECT FROM processor_runs WHERE run = $1 AND lease > now())",
            ),
            Self::SetDown => mark(
                "state, note",
                "0, a.note",
                ", $4",
                "state = 0, note = excluded.note, changed = now(), confirmed = NULL",
                "",
            ),
            Self::Keep => mark(
                "state, note",
                "1, a.note",
                ", $4",
                "state = 1, note = excluded.note, changed = now(), confirmed = NULL",
                "",
            ),
            Self::Finish => mark(
                "state, reply_to, correlation_id, body",
                "3, a.reply_to, a.correlation_id, a.body",
                ", $4, $5, $6",
                "state = 3, reply_to = excluded.reply_to, correlation_id = excluded.correlation_id,
                 body = excluded.body, note = NULL, changed = now(), confirmed = NULL",
                "",
            ),
            Self::GiveBack => "WITH mine AS (
                     SELECT m.id, m.destination, m.note IS NULL AND m.crashes = 0 AND m.state < 2 AS plain
                     FROM processor_messages m JOIN unnest($2, $3) AS a (id, destination) USING (id, destination)
                     WHERE m.owner = $1 AND m.state < 3 FOR UPDATE OF m),
                 gone AS (
                     DELETE FROM processor_messages m USING mine
                     WHERE m.id = mine.id AND m.destination = mine.destination AND mine.plain)
                 UPDATE processor_messages m
                 SET owner = NULL, state = CASE m.state WHEN 1 THEN 0 ELSE m.state END, changed = now()
                 FROM mine WHERE m.id = mine.id AND m.destination = mine.destination AND NOT mine.plain"
                .to_owned(),
        }
    }

    /// Asks for all of `entries`, which are of different messages. Gives the standing of each that could be had;
    /// [`Standing::New`] where nothing but a claim was asked.
    pub(super) async fn ask(
        self,
        client: &Client,
        run: i64,
        entries: &[&Entry],
    ) -> Result<HashMap<Key, Standing>, Error> {
        let ids: Vec<&str> = entries.iter().map(|entry| entry.key.id.as_str()).collect();
        let destinations: Vec<&str> = entries.iter().map(|entry| entry.key.destination.as_str()).collect();
        let texts: Vec<Vec<Option<&str>>> = (0..self.texts())
            .map(|text| entries.iter().map(|entry| entry.texts.get(text)?.as_deref()).collect())
            .collect();
        let mut values: Vec<(&(dyn ToSql + Sync), Type)> =
            vec![(&run, Type::INT8), (&ids, Type::TEXT_ARRAY), (&destinations, Type::TEXT_ARRAY)];
        values.extend(texts.iter().map(|text| (text as &(dyn ToSql + Sync), Type::TEXT_ARRAY)));
        let rows = client.query_typed(&self.statement(), &values).await?;
        match self {
            Self::Claim => rows.iter().map(standing).collect(),
            // Nothing to say where it is not ours, or not there any more.
            Self::GiveBack => Ok(entries.iter().map(|entry| (entry.key.clone(), Standing::New)).collect()),
            _ => rows.iter().map(|row| Ok((key(row)?, Standing::New))).collect(),
        }
    }
}

/// Writes to rows that are ours, or not there: what was written in the last moments before a database is killed may be
/// lost (see [`SyncMode::Interval`](super::super::SyncMode)).
fn mark(columns: &str, values: &str, texts: &str, changes: &str, condition: &str) -> String {
    let names = columns.strip_prefix("state").unwrap_or_default();
    format!(
        "INSERT INTO processor_messages AS m (id, destination, owner, {columns})
         SELECT a.id, a.destination, $1, {values} FROM unnest($2, $3{texts}) AS a (id, destination{names}) {condition}
         ORDER BY 1, 2
         ON CONFLICT (id, destination) DO UPDATE SET {changes} WHERE m.owner = $1
         RETURNING m.id, m.destination"
    )
}

/// The broker has taken the answers of these.
pub(super) async fn confirm(client: &Client, keys: &[Key]) -> Result<(), Error> {
    let ids: Vec<&str> = keys.iter().map(|key| key.id.as_str()).collect();
    let destinations: Vec<&str> = keys.iter().map(|key| key.destination.as_str()).collect();
    client
        .query_typed(
            "UPDATE processor_messages m SET confirmed = now() FROM unnest($1, $2) AS a (id, destination)
             WHERE m.id = a.id AND m.destination = a.destination AND m.state = 3",
            &[(&ids, Type::TEXT_ARRAY), (&destinations, Type::TEXT_ARRAY)],
        )
        .await
        .map(drop)
}

/// Keeps the run's lease alive from now on.
pub(super) async fn renew(client: &Client, run: i64, lease: Duration) -> Result<(), Error> {
    client
        .query_typed(
            "INSERT INTO processor_runs (run, lease) VALUES ($1, now() + make_interval(secs => $2))
             ON CONFLICT (run) DO UPDATE SET lease = excluded.lease",
            &[(&run, Type::INT8), (&lease.as_secs_f64(), Type::FLOAT8)],
        )
        .await
        .map(drop)
}

/// The run ends in order: what it leaves begun was cut off, and no crash; all it has is free at once, and the dead letters
/// that it has are the next one's.
pub(super) async fn end(client: &Client, run: i64) -> Result<(), Error> {
    let cut_off = "UPDATE processor_messages SET state = 2 WHERE owner = $1 AND state = 1";
    client.query_typed(cut_off, &[(&run, Type::INT8)]).await?;
    let free = "UPDATE processor_dead SET taken = NULL WHERE taken = $1";
    client.query_typed(free, &[(&run, Type::INT8)]).await?;
    client.query_typed("DELETE FROM processor_runs WHERE run = $1", &[(&run, Type::INT8)]).await.map(drop)
}

fn key(row: &Row) -> Result<Key, Error> {
    Ok(Key { id: row.try_get(0)?, destination: row.try_get(1)? })
}

fn standing(row: &Row) -> Result<(Key, Standing), Error> {
    let (state, mine, fresh): (i32, bool, bool) = (row.try_get(2)?, row.try_get(3)?, row.try_get(4)?);
    let (crashes, note): (i32, Option<String>) = (row.try_get(5)?, row.try_get(6)?);
    let standing = match state {
        3 if row.try_get(11)? => Standing::Confirmed,
        3 => Standing::Answered(answer(row, 7)?.unwrap_or_default()),
        _ if !mine => {
            let rest: Option<f64> = row.try_get(10)?;
            let rest = Duration::try_from_secs_f64(rest.unwrap_or_default()).unwrap_or_default();
            Standing::Elsewhere { retry_in: rest.clamp(Duration::from_millis(10), ELSEWHERE) }
        }
        2 => Standing::Interrupted { crashes: u32::try_from(crashes).unwrap_or_default(), note },
        _ if fresh => Standing::New,
        _ => Standing::Waiting { note },
    };
    Ok((key(row)?, standing))
}

/// An answer in three columns from `first` on.
pub(super) fn answer(row: &Row, first: usize) -> Result<Option<Answer>, Error> {
    let Some(reply_to) = row.try_get(first)? else { return Ok(None) };
    let body: Option<String> = row.try_get(first + 2)?;
    Ok(Some(Answer { reply_to, correlation_id: row.try_get(first + 1)?, body: body.unwrap_or_default() }))
}
