//! A connection to the database, made again when it breaks.

use super::super::{StoreError, SyncMode};
use super::{PostgresUrl, tls::Tls};
use crate::descriptors;
use action_component::with_causes;
use futures_util::future::BoxFuture;
use std::{error::Error as _, io, sync::Arc, time::Duration};
use tokio::{
    task::JoinHandle,
    time::{Instant, sleep, timeout},
};
use tokio_postgres::{Client, Error, NoTls, Socket, error::SqlState, tls::MakeTlsConnect};
use tokio_rustls::rustls::ClientConfig;

/// How long one attempt to connect may take.
const DIAL: Duration = Duration::from_secs(5);

/// Between two attempts: the first and the longest pause.
const PAUSE: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(1));

/// Where the database is, and how it is spoken to.
#[derive(Clone)]
pub(super) struct Address {
    pub(super) url: PostgresUrl,
    pub(super) tls: Option<Arc<ClientConfig>>,
    pub(super) sync: SyncMode,
    /// How long a statement may take.
    pub(super) statement: Duration,
}

/// One connection, or none at the moment.
pub(super) struct Link {
    address: Address,
    client: Option<Connected>,
    pause: Duration,
}

/// A client, and the task that speaks for it.
struct Connected {
    client: Client,
    task: JoinHandle<()>,
}

/// How long the last words may take.
const GOODBYE: Duration = Duration::from_secs(1);

/// Why the database did not do what it was asked.
#[derive(Debug)]
pub(super) enum Trouble {
    /// It is away, starting, stopping, or overloaded: it may help to try again, on a new connection.
    Away(String),
    /// It is there and refuses.
    Refused(String),
}

// === impl Link ===

impl Link {
    pub(super) fn new(address: Address) -> Self {
        Self { address, client: None, pause: PAUSE.0 }
    }

    /// Asks on the connection there is, or on a new one; once.
    pub(super) async fn ask<T>(
        &mut self,
        question: impl AsyncFnOnce(&Client) -> Result<T, Error>,
    ) -> Result<T, Trouble> {
        let limit = self.address.statement;
        let client = self.client().await?;
        // The server gives up first.
        let asked = timeout(limit + Duration::from_secs(2), question(client)).await;
        let answer = match asked {
            Ok(answer) => answer.map_err(|error| Trouble::of(&error)),
            Err(_elapsed) => Err(Trouble::Away("it does not answer".to_owned())),
        };
        if let Err(Trouble::Away(_)) = &answer {
            self.lost();
        }
        answer.map_err(|trouble| self.named(trouble))
    }

    /// Asks until there is an answer, or `deadline` has passed.
    pub(super) async fn ask_until<T>(
        &mut self,
        deadline: Instant,
        mut question: impl for<'a> FnMut(&'a Client) -> BoxFuture<'a, Result<T, Error>>,
    ) -> Result<T, Trouble> {
        loop {
            match self.ask(async |client: &Client| question(client).await).await {
                Err(Trouble::Away(_)) if Instant::now() < deadline => self.rest().await,
                answer => return answer,
            }
        }
    }

    /// The connection is of no more use.
    pub(super) fn lost(&mut self) {
        if let Some(connected) = self.client.take() {
            connected.task.abort();
        }
    }

    /// Takes leave of the server, which is told so.
    pub(super) async fn close(&mut self) {
        let Some(Connected { client, mut task }) = self.client.take() else { return };
        drop(client);
        if timeout(GOODBYE, &mut task).await.is_err() {
            task.abort();
        }
    }

    /// Waits before another attempt; longer each time in a row.
    pub(super) async fn rest(&mut self) {
        sleep(self.pause).await;
        self.pause = (self.pause * 2).min(PAUSE.1);
    }

    async fn client(&mut self) -> Result<&Client, Trouble> {
        let connected = match self.client.take().filter(|connected| !connected.client.is_closed()) {
            Some(connected) => connected,
            None => {
                let dialled = timeout(DIAL, self.address.dial()).await;
                let dialled = dialled.unwrap_or_else(|_| Err(Trouble::Away("it does not answer".to_owned())));
                dialled.map_err(|trouble| self.named(trouble))?
            }
        };
        self.pause = PAUSE.0;
        Ok(&self.client.insert(connected).client)
    }

    fn named(&self, trouble: Trouble) -> Trouble {
        let name = |words| format!("{}: {words}", self.address.url);
        match trouble {
            Trouble::Away(words) => Trouble::Away(name(words)),
            Trouble::Refused(words) => Trouble::Refused(name(words)),
        }
    }
}

// === impl Address ===

impl Address {
    async fn dial(&self) -> Result<Connected, Trouble> {
        let connected = match self.tls.clone().filter(|_| self.url.wants_tls()) {
            Some(tls) => connect(&self.url.config, Tls(tls)).await,
            None => connect(&self.url.config, NoTls).await,
        };
        let connected = connected.map_err(|error| Trouble::of(&error))?;
        let prepared = connected.client.batch_execute(&self.session()).await;
        prepared.map(|()| connected).map_err(|error| Trouble::of(&error))
    }

    /// What holds for the whole connection. More than `on` is left as the server has it.
    fn session(&self) -> String {
        let sync = match self.sync {
            SyncMode::Interval => "SET synchronous_commit = off",
            SyncMode::Always => {
                "SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off'"
            }
        };
        format!("SET statement_timeout = {}; {sync}", self.statement.as_millis())
    }
}

async fn connect<T>(config: &tokio_postgres::Config, tls: T) -> Result<Connected, Error>
where
    T: MakeTlsConnect<Socket, Stream: Send + 'static>,
{
    let (client, connection) = config.connect(tls).await?;
    // Ends with the client, or with the connection: the next question hears of it.
    let task = tokio::spawn(async { drop(connection.await) });
    Ok(Connected { client, task })
}

// === impl Trouble ===

impl Trouble {
    pub(super) fn of(error: &Error) -> Self {
        let words = words(error);
        if descriptors::ran_out(error) {
            descriptors::report(&words);
        }
        match error.code() {
            Some(code) if !passes(code) => Self::Refused(words),
            Some(_) => Self::Away(words),
            None if stays(error) => Self::Refused(words),
            None => Self::Away(words),
        }
    }

    /// For the caller of the store.
    pub(super) fn unavailable(self) -> StoreError {
        match self {
            Self::Away(words) | Self::Refused(words) => StoreError::Unavailable(words),
        }
    }

    /// For whoever opens the store.
    pub(super) fn at_start(self) -> StoreError {
        match self {
            Self::Away(words) => StoreError::Unavailable(words),
            Self::Refused(words) => StoreError::Unusable(format!(
                "{words}; the journal needs a database, and a user who may make tables in it or has them made already"
            )),
        }
    }
}

/// Whether a new attempt may succeed: the server starts or stops, is full or fails over, or two transactions met.
fn passes(code: &SqlState) -> bool {
    let class = code.code().get(..2).unwrap_or_default();
    matches!(class, "08" | "40" | "53" | "57" | "58") || *code == SqlState::READ_ONLY_SQL_TRANSACTION
}

/// Whether a new attempt would fail as this one did: the driver tells such mistakes from the connection's by words only.
fn stays(error: &Error) -> bool {
    let certificate = error.source().and_then(|cause| cause.downcast_ref::<io::Error>());
    let words = error.to_string();
    certificate.is_some_and(|error| error.kind() == io::ErrorKind::InvalidData)
        || [
            "error serializing",
            "error deserializing",
            "error encoding",
            "invalid configuration",
            "authentication",
        ]
        .iter()
        .any(|ours| words.starts_with(ours))
}

/// What the server says, or the error with its causes.
fn words(error: &Error) -> String {
    match error.as_db_error() {
        Some(said) => format!("{} ({})", said.message(), said.code().code()),
        None => crate::tls::in_words(error).unwrap_or_else(|| with_causes(error)),
    }
}
