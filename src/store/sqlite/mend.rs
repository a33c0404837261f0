//! Opening the file, whatever has become of it: a broken one is set aside, never a reason not to start.

use super::super::{StoreError, SyncMode};
use super::{
    failure::Failure,
    ours,
    schema::{self, Check, OpenError},
    wal,
};
use rusqlite::Connection;
use std::{
    ffi::OsString,
    fs::{self, OpenOptions, Permissions},
    io,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

/// Opens the journal; where the file is broken, sets it aside and begins a new one. The lock must be held.
pub(super) fn open(path: &Path, sync: SyncMode, check: Check) -> Result<Connection, StoreError> {
    make_private(path).map_err(|error| unusable(path, &error))?;
    let opened = match schema::open(path, sync, check) {
        Err(OpenError::Corrupt(what)) => {
            set_aside(path, &what)?;
            make_private(path).map_err(|error| unusable(path, &error))?;
            schema::open(path, sync, Check::Nothing)
        }
        opened => opened,
    };
    opened.map_err(|error| in_words(path, error))
}

/// Opens a journal that another process may have open; it is neither made nor mended here.
pub(super) fn open_beside(path: &Path) -> Result<Connection, StoreError> {
    if path.is_symlink() {
        return Err(StoreError::Unusable(ours::is_a_link(path)));
    }
    if !path.exists() {
        let path = path.display();
        return Err(StoreError::Unusable(format!(
            "{path}: there is no journal yet; the processor makes it when it first runs"
        )));
    }
    schema::open_beside(path).map_err(|error| in_words(path, error))
}

fn in_words(path: &Path, error: OpenError) -> StoreError {
    match error {
        OpenError::Corrupt(what) => StoreError::Unusable(format!(
            "{}: the journal is broken ({what}); the processor sets it aside when it next starts",
            path.display()
        )),
        OpenError::Refused(words) => StoreError::Unusable(format!("{}: {words}", path.display())),
        OpenError::Failed(error) => StoreError::Unavailable(Failure::of(&error).words(path)),
    }
}

/// Readable by its owner only: it quotes messages. SQLite makes the files beside it likewise.
fn make_private(path: &Path) -> io::Result<()> {
    let file = ours::open(path, OpenOptions::new().write(true).create(true))?;
    file.set_permissions(Permissions::from_mode(0o600))
}

fn unusable(path: &Path, error: &io::Error) -> StoreError {
    ours::cannot_open(path, error, "the journal and its directory must belong to the processor's user")
}

/// Says so where the end of the journal is torn; SQLite cuts it off.
pub(super) fn report_torn(path: &Path) {
    match wal::torn(&log(path)) {
        Ok(0) => {}
        Ok(records) => tracing::warn!(
            journal = %path.display(),
            records,
            "the end of the journal is torn, as after a power cut, and was cut off: what was not on the disk then is \
             not known now, so the broker may deliver messages again that had just been carried out"
        ),
        Err(error) => {
            tracing::warn!(%error, journal = %path.display(), "the journal's log could not be checked")
        }
    }
}

fn set_aside(path: &Path, what: &str) -> Result<(), StoreError> {
    let time = jiff::Timestamp::now().strftime("%Y%m%dT%H%M%SZ");
    let aside = with(path, &format!(".corrupt-{time}"));
    fs::rename(path, &aside).map_err(|error| unusable(path, &error))?;
    for beside in ["-wal", "-shm"] {
        match fs::rename(with(path, beside), with(&aside, beside)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(unusable(path, &error)),
            _ => {}
        }
    }
    tracing::error!(
        journal = %path.display(),
        kept_as = %aside.display(),
        error = what,
        "the journal is broken: it was set aside and a new one begun. Messages that were at work or not yet \
         acknowledged when the processor last ran may be carried out again; the dead letters are in the old file \
         (`sqlite3 FILE .recover` reads what is left of it). Look into the disk"
    );
    Ok(())
}

/// SQLite's log beside `path`.
pub(super) fn log(path: &Path) -> PathBuf {
    with(path, "-wal")
}

/// `journal.db-wal` for `journal.db` and `-wal`.
fn with(path: &Path, ending: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(ending);
    PathBuf::from(name)
}
