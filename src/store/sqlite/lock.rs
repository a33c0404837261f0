//! One process at a time: a lock on a file beside the journal. It ends with the process, however that ends.

use super::super::StoreError;
use super::ours;
use std::{
    fs::{File, OpenOptions, TryLockError},
    io::{self, Read, Seek, Write},
    path::{Path, PathBuf},
    thread,
    time::{Duration, Instant},
};

/// The lock, held.
#[derive(Debug)]
pub(super) struct Lock(#[expect(dead_code, reason = "held, not read")] File);

/// A predecessor that is just ending is waited for.
const PATIENCE: Duration = Duration::from_secs(2);
const AGAIN: Duration = Duration::from_millis(20);

const ADVICE: &str = "the journal's directory must be there and belong to the processor's user, or name another place in \
                      [store] url";

// === impl Lock ===

impl Lock {
    /// Takes the lock for the journal at `path`.
    pub(super) fn take(path: &Path) -> Result<Self, StoreError> {
        let beside = beside(path);
        let failed = |error: &io::Error| ours::cannot_open(&beside, error, ADVICE);
        let mut file = open(&beside).map_err(|error| failed(&error))?;
        let since = Instant::now();
        loop {
            match file.try_lock() {
                Ok(()) => break,
                Err(TryLockError::WouldBlock) if since.elapsed() < PATIENCE => thread::sleep(AGAIN),
                Err(TryLockError::WouldBlock) => return Err(held(path, &mut file)),
                Err(TryLockError::Error(error)) => return Err(failed(&error)),
            }
        }
        // The number is for people; the lock does not need it, nor room on the disk for it.
        let _ = file
            .set_len(0)
            .and_then(|()| file.rewind())
            .and_then(|()| write!(file, "{}", std::process::id()));
        Ok(Self(file))
    }
}

/// `journal.lock` for `journal.db`.
fn beside(path: &Path) -> PathBuf {
    path.with_extension("lock")
}

fn open(path: &Path) -> io::Result<File> {
    ours::open(path, OpenOptions::new().read(true).write(true).create(true).truncate(false))
}

fn held(path: &Path, file: &mut File) -> StoreError {
    let mut holder = String::new();
    let _ = file.take(20).read_to_string(&mut holder);
    let holder = match holder.trim() {
        "" => String::new(),
        number => format!(" (process {number})"),
    };
    StoreError::Unusable(format!(
        "{}: another processor{holder} is using this journal; stop it, or give this one a journal of its own in [store] \
         url (several processors share one on PostgreSQL only)",
        path.display()
    ))
}
