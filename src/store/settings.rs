//! Where the journal is, and how carefully it is kept.

use super::links::Links;
use super::{Journal, PostgresStore, PostgresUrl, SqliteStore, StoreError, sqlite::cannot_open};
use std::{
    fmt,
    fs::DirBuilder,
    io,
    os::unix::fs::DirBuilderExt,
    path::{Path, PathBuf},
    str::FromStr,
    sync::Arc,
    time::Duration,
};
use tokio_rustls::rustls::ClientConfig;

/// How the journal is kept.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Where.
    pub url: Url,
    /// When it goes to the disk.
    pub sync: SyncMode,
    /// How long an entry stays after the broker has confirmed its acknowledgement, and after the connection to the broker
    /// has come back; the answer is at hand that long, should the broker deliver the message again all the same.
    pub keep: Duration,
    /// How long a processor that shares its journal may be out of touch before others take its messages over.
    pub lease: Duration,
    /// Whom to trust on the way to PostgreSQL; `None` where no TLS is spoken.
    pub tls: Option<Arc<ClientConfig>>,
}

/// Where the journal is.
#[derive(Debug, Clone)]
pub enum Url {
    /// `journal.db` in this directory, which is made if need be.
    StateDirectory(PathBuf),
    /// This file; its directory must be there.
    Sqlite(PathBuf),
    /// A database that several processors may share.
    Postgres(Box<PostgresUrl>),
}

/// When what is kept goes to the disk itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum SyncMode {
    /// At least once a second. The death of a process loses nothing; a power cut may take the last second.
    #[default]
    Interval,
    /// Before each answer.
    Always,
}

/// Why a `url` cannot be read. Does not quote it: it may hold a password.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("[store] url {0}")]
pub struct UrlError(pub(super) &'static str);

/// Opens the journal, for this process.
///
/// # Errors
/// [`StoreError::Unusable`] where somebody must act, [`StoreError::Unavailable`] where it may help to try later.
pub async fn open(settings: &Settings) -> Result<Journal, StoreError> {
    open_serving(settings, &[]).await
}

/// Opens the journal for a process that connects to the brokers of `platforms` and says when it has: see
/// [`Store::connected`](super::Store::connected).
///
/// # Errors
/// As for [`open`].
pub async fn open_serving(settings: &Settings, platforms: &[Option<&str>]) -> Result<Journal, StoreError> {
    let (sync, keep, links) = (settings.sync, settings.keep, Links::of(platforms));
    match settings.url.clone() {
        Url::Postgres(url) => Ok(Arc::new(PostgresStore::open_serving(&url, settings, links).await?)),
        url => {
            aside(move || {
                url.make_directory()?;
                SqliteStore::open_serving(&url.file(), sync, keep, links)
            })
            .await
        }
    }
}

/// Opens a journal that a processor may have open: for commands that look into the list of dead letters.
///
/// # Errors
/// As for [`open`], and where there is no journal yet.
pub async fn open_beside(settings: &Settings) -> Result<Journal, StoreError> {
    match settings.url.clone() {
        Url::Postgres(url) => Ok(Arc::new(PostgresStore::open_beside(&url, settings).await?)),
        url => aside(move || SqliteStore::open_beside(&url.file())).await,
    }
}

/// Files take their time.
async fn aside(
    open: impl FnOnce() -> Result<SqliteStore, StoreError> + Send + 'static,
) -> Result<Journal, StoreError> {
    let opened = tokio::task::spawn_blocking(open).await;
    let store = opened.unwrap_or_else(|error| Err(StoreError::Unavailable(error.to_string())))?;
    Ok(Arc::new(store))
}

// === impl Url ===

impl Url {
    pub(crate) fn file(&self) -> PathBuf {
        match self {
            Self::StateDirectory(directory) => directory.join("journal.db"),
            Self::Sqlite(file) => file.clone(),
            Self::Postgres(_) => PathBuf::new(),
        }
    }

    fn make_directory(&self) -> Result<(), StoreError> {
        let Self::StateDirectory(directory) = self else { return Ok(()) };
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(directory)
            .map_err(|error| cannot(directory, &error))
    }
}

fn cannot(directory: &Path, error: &io::Error) -> StoreError {
    const ADVICE: &str = "the journal needs this directory: make it for the processor's user, or name another in [store] \
                          state_dir";
    cannot_open(directory, error, ADVICE)
}

impl FromStr for Url {
    type Err = UrlError;

    fn from_str(text: &str) -> Result<Self, UrlError> {
        match text.split_once(':') {
            Some(("sqlite", path)) => sqlite(path.strip_prefix("//").unwrap_or(path)),
            Some(("postgres" | "postgresql", _)) => Ok(Self::Postgres(Box::new(text.parse()?))),
            _ => Err(UrlError("must begin with sqlite: or postgres://")),
        }
    }
}

fn sqlite(path: &str) -> Result<Url, UrlError> {
    match path {
        "" => Err(UrlError("names no file: write sqlite:/var/lib/processor/journal.db")),
        ":memory:" => Err(UrlError("must name a file: what is kept in memory does not outlive the process")),
        path => Ok(Url::Sqlite(PathBuf::from(path))),
    }
}

/// Without what is secret.
impl fmt::Display for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Postgres(url) => url.fmt(f),
            file => write!(f, "sqlite:{}", file.file().display()),
        }
    }
}
