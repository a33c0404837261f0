//! Drops what is no longer needed, a few rows at a time, by the rules of the journal in a file: see
//! [`sqlite::sweep`](super::super::sqlite).

use super::super::links::{Ages, Clock, Links, WEEK};
use super::super::pile::Pile;
use super::letters;
use std::{sync::Arc, time::Duration};
use tokio::time::Instant;
use tokio_postgres::{Client, Error, types::Type};

/// Rows dropped in one step.
const STEP: i64 = 500;

/// Between two steps in a row.
const BREATH: Duration = Duration::from_millis(20);

/// More than `[store] lease` may be: a lease that lasts longer was given by a clock that ran ahead.
const LONGEST_LEASE: Duration = Duration::from_hours(2);

/// When and what to drop.
pub(super) struct Sweep {
    keep: Duration,
    /// This processor's own lease.
    lease: Duration,
    links: Arc<Links>,
    /// The database's.
    clock: Clock,
    pile: Pile,
    pub(super) due: Instant,
}

// === impl Sweep ===

impl Sweep {
    pub(super) fn new(keep: Duration, lease: Duration, links: Arc<Links>) -> Self {
        Self { keep, lease, links, clock: Clock::default(), pile: Pile::new(), due: Instant::now() }
    }

    /// Drops some.
    pub(super) async fn step(&mut self, client: &Client) -> Result<(), Error> {
        // After an error, too: it is tried again after the pause.
        self.due = Instant::now() + (self.keep / 60).clamp(Duration::from_millis(50), Duration::from_mins(1));
        let now =
            client.query_typed_one("SELECT extract(epoch FROM now())::float8", &[]).await?.try_get(0)?;
        if self.clock.was_set(Duration::try_from_secs_f64(now).unwrap_or_default()) {
            self.links.restart();
        }
        leases(client, self.lease).await?;
        if self.pile.is_due() {
            let (letters, bytes) = letters::pile(client).await?;
            self.pile.look(letters, bytes);
        }
        let ages = self.links.ages(self.keep);
        if !ages.keep_all() {
            set_right(client, self.keep).await?;
            if drop_some(client, self.keep, &ages).await? {
                self.due = Instant::now() + BREATH;
            }
        }
        Ok(())
    }
}

/// Forgets the runs that ended long ago; a time that a clock ran ahead to is no lease for that long.
async fn leases(client: &Client, lease: Duration) -> Result<(), Error> {
    let ended = "DELETE FROM processor_runs WHERE lease < now() - interval '1 day'";
    client.query_typed(ended, &[]).await?;
    client
        .query_typed(
            "UPDATE processor_runs SET lease = now() + make_interval(secs => $1)
             WHERE lease > now() + make_interval(secs => $2)",
            // Whoever lives renews it long before.
            &[(&lease.as_secs_f64(), Type::FLOAT8), (&LONGEST_LEASE.as_secs_f64(), Type::FLOAT8)],
        )
        .await
        .map(drop)
}

/// A time later than now counts as now. What others write at this moment is not meant.
async fn set_right(client: &Client, keep: Duration) -> Result<(), Error> {
    client
        .query_typed(
            "WITH soon AS (SELECT now() + interval '1 minute' AS soon),
             ahead AS (
                 SELECT id, destination FROM processor_messages, soon
                 WHERE created > soon OR created < now() - make_interval(secs => $1)
                     AND (confirmed > soon OR changed > soon)
                 LIMIT $2 FOR UPDATE OF processor_messages SKIP LOCKED)
             UPDATE processor_messages m SET created = least(created, now()), changed = least(changed, now()),
                 confirmed = least(confirmed, now())
             FROM ahead WHERE m.id = ahead.id AND m.destination = ahead.destination",
            &[(&keep.as_secs_f64(), Type::FLOAT8), (&STEP, Type::INT8)],
        )
        .await
        .map(drop)
}

/// Whether there may be more.
async fn drop_some(client: &Client, keep: Duration, ages: &Ages) -> Result<bool, Error> {
    let (platforms, of): (Vec<&str>, Vec<Option<f64>>) = ages
        .known
        .iter()
        .map(|(platform, age)| (platform.as_str(), age.map(|age| age.as_secs_f64())))
        .unzip();
    // A platform's name stands before the first slash and holds no dot.
    let dropped = client
        .query_typed(
            "WITH aged AS (
                 SELECT m.*, make_interval(secs => CASE WHEN l.platform IS NULL THEN $4 ELSE l.age END) AS age
                 FROM processor_messages m LEFT JOIN unnest($2, $3) AS l (platform, age)
                     ON l.platform = coalesce(substring(m.destination FROM '^([^/.]+)/'), '')
                 WHERE m.created < now() - make_interval(secs => $1)),
             old AS (
                 SELECT m.id, m.destination FROM processor_messages m JOIN aged USING (id, destination)
                 WHERE CASE
                     WHEN m.state = 3 AND m.confirmed IS NOT NULL THEN m.confirmed < now() - age
                     WHEN m.state = 3 OR m.state = 0 AND m.crashes = 0 AND NOT EXISTS (
                         SELECT FROM processor_runs r WHERE r.run = m.owner AND r.lease > now())
                         THEN m.changed < now() - greatest(age, make_interval(secs => $5))
                     ELSE false END AND age IS NOT NULL
                 ORDER BY m.created LIMIT $6 FOR UPDATE OF m SKIP LOCKED)
             DELETE FROM processor_messages m USING old WHERE m.id = old.id AND m.destination = old.destination
             RETURNING 1",
            &[
                (&keep.as_secs_f64(), Type::FLOAT8),
                (&platforms, Type::TEXT_ARRAY),
                (&of, Type::FLOAT8_ARRAY),
                (&ages.others.as_secs_f64(), Type::FLOAT8),
                (&WEEK.as_secs_f64(), Type::FLOAT8),
                (&STEP, Type::INT8),
            ],
        )
        .await?;
    Ok(i64::try_from(dropped.len()).unwrap_or(STEP) == STEP)
}
