//! The file's tables, and how a connection to it is set up.

use super::super::SyncMode;
use rusqlite::{Connection, OpenFlags};
use std::{
    ffi::OsStr,
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

/// `user_version` of the tables below.
const VERSION: i64 = 1;

/// `application_id`: `Proc`, so that another program's file is told from ours.
const APPLICATION: i64 = 0x5072_6f63;

/// How long a statement waits for the other process (`processor dead …` beside the daemon).
const BUSY: Duration = Duration::from_secs(5);

/// `state` of a message.
pub(super) mod state {
    /// Not begun, or set down between two attempts.
    pub(in super::super) const WAITING: i64 = 0;
    /// Begun by the process in `run`.
    pub(in super::super) const BEGUN: i64 = 1;
    /// Cut off by the orderly end of the process that had begun it.
    pub(in super::super) const CUT_OFF: i64 = 2;
    /// Carried out; the answer is in the row.
    pub(in super::super) const ANSWERED: i64 = 3;
}

// The longest columns stand last: what the sweep reads is then in the first page of a row.
const TABLES: &str = "
CREATE TABLE messages (
    number INTEGER PRIMARY KEY,
    id TEXT NOT NULL,
    destination TEXT NOT NULL,
    state INTEGER NOT NULL,
    run INTEGER NOT NULL,
    crashes INTEGER NOT NULL DEFAULT 0,
    created INTEGER NOT NULL,
    changed INTEGER NOT NULL,
    confirmed INTEGER,
    reply_to TEXT,
    correlation_id TEXT,
    note TEXT,
    body TEXT,
    UNIQUE (id, destination)
) STRICT;
CREATE INDEX begun ON messages (run) WHERE state = 1;
CREATE TABLE dead (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL,
    destination TEXT NOT NULL,
    since INTEGER NOT NULL,
    retry INTEGER NOT NULL DEFAULT 0,
    taken INTEGER NOT NULL DEFAULT 0,
    reason TEXT NOT NULL,
    headers TEXT NOT NULL,
    reply_to TEXT,
    correlation_id TEXT,
    answer TEXT,
    body BLOB NOT NULL
) STRICT;
";

/// The dead letters that are looked for every few seconds, however many others there are.
const ASKED: &str = "CREATE INDEX IF NOT EXISTS asked ON dead (taken) WHERE retry = 1";

/// Why a file cannot be opened.
pub(super) enum OpenError {
    /// It is no database, or a broken one.
    Corrupt(String),
    /// It is not for us, for this reason.
    Refused(String),
    /// SQLite says so.
    Failed(rusqlite::Error),
}

/// What is looked at before a file is put to use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Check {
    /// Its head.
    Nothing,
    /// Every page, unless there are so many that a start would have to wait for it.
    Small,
    /// Every page.
    Whole,
}

/// What is larger is looked over beside the work.
const SMALL: u64 = 32 * 1024 * 1024;

/// Opens the file, which is made if need be, with everything in place.
pub(super) fn open(path: &Path, sync: SyncMode, check: Check) -> Result<Connection, OpenError> {
    let connection = connect(path)?;
    if check == Check::Whole || check == Check::Small && !is_large(path) {
        look_over(&connection)?;
    }
    // A file for what does not fit would need a descriptor when there may be none.
    set(&connection, "temp_store", "MEMORY")?;
    // Takes effect only before the first table.
    set(&connection, "auto_vacuum", "INCREMENTAL")?;
    set(&connection, "journal_mode", "WAL")?;
    set(&connection, "journal_size_limit", "16777216")?;
    // The first commit goes to the disk itself, with the directory's entry for the file beside it.
    set(&connection, "synchronous", "FULL")?;
    migrate(&connection)?;
    if sync == SyncMode::Interval {
        set(&connection, "synchronous", "NORMAL")?;
    }
    Ok(connection)
}

/// Opens a file that another process may have open, and that must be a journal already.
pub(super) fn open_beside(path: &Path) -> Result<Connection, OpenError> {
    let connection = connect(path)?;
    match version(&connection)? {
        0 => Err(not_ours()),
        _ => Ok(connection),
    }
}

/// Whether to look over the file would take its time.
pub(super) fn is_large(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|file| file.len() > SMALL)
}

/// Looks over a file that is in use.
pub(super) fn check(path: &Path) -> Result<(), OpenError> {
    look_over(&connect(path)?)
}

fn connect(path: &Path) -> Result<Connection, OpenError> {
    let flags =
        OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX | OpenFlags::SQLITE_OPEN_NOFOLLOW;
    let connection = Connection::open_with_flags(resolved(path), flags)?;
    connection.busy_timeout(BUSY)?;
    connection.set_prepared_statement_cache_capacity(32);
    Ok(connection)
}

/// A directory may be reached by links, which SQLite would refuse; the file may not be one.
fn resolved(path: &Path) -> PathBuf {
    let directory = path.parent().filter(|directory| *directory != OsStr::new("")).unwrap_or(Path::new("."));
    match (fs::canonicalize(directory), path.file_name()) {
        (Ok(directory), Some(name)) => directory.join(name),
        _ => path.to_owned(),
    }
}

/// Whether every page is what it should be.
fn look_over(connection: &Connection) -> Result<(), OpenError> {
    let found: String = connection.query_row("PRAGMA quick_check(1)", [], |row| row.get(0))?;
    if found == "ok" { Ok(()) } else { Err(OpenError::Corrupt(found)) }
}

fn set(connection: &Connection, name: &str, value: &str) -> Result<(), OpenError> {
    // Some answer with their new value, some with nothing.
    Ok(connection.pragma_update(None, name, value)?)
}

fn migrate(connection: &Connection) -> Result<(), OpenError> {
    if version(connection)? == 0 {
        connection.execute_batch(&format!(
            "BEGIN IMMEDIATE;{TABLES}PRAGMA application_id = {APPLICATION};PRAGMA user_version = {VERSION};COMMIT"
        ))?;
    }
    // Not in earlier versions' files, which do without.
    Ok(connection.execute_batch(ASKED)?)
}

/// The tables' version; 0 for a new file.
fn version(connection: &Connection) -> Result<i64, OpenError> {
    let number = |name| connection.pragma_query_value(None, name, |row| row.get::<_, i64>(0));
    let (version, application) = (number("user_version")?, number("application_id")?);
    let tables: i64 = connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
    match (application, version) {
        (APPLICATION, 1..=VERSION) => Ok(version),
        (0, 0) if tables == 0 => Ok(0),
        (APPLICATION, newer) => Err(OpenError::Refused(format!(
            "a newer version of the processor has written this journal (tables of version {newer}; this one knows \
             {VERSION}): run that version, or name another file in [store] url"
        ))),
        _ => Err(not_ours()),
    }
}

fn not_ours() -> OpenError {
    OpenError::Refused(
        "this is a database, but no journal of the processor: name another file in [store] url".to_owned(),
    )
}

impl From<rusqlite::Error> for OpenError {
    fn from(error: rusqlite::Error) -> Self {
        use rusqlite::ErrorCode::{DatabaseCorrupt, NotADatabase};
        match error.sqlite_error_code() {
            Some(DatabaseCorrupt | NotADatabase) => Self::Corrupt(error.to_string()),
            _ => Self::Failed(error),
        }
    }
}
