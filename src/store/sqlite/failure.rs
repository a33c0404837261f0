//! SQLite's errors, in words that say what to do.

use super::super::StoreError;
use super::schema::Check;
use rusqlite::{Error, ErrorCode};
use std::path::Path;

/// Why something could not be done.
pub(super) struct Failure {
    what: What,
    /// Where the connection is of no more use: what is looked at when the file is opened again.
    pub(super) reopen: Option<Check>,
}

enum What {
    Full,
    Busy,
    RolledBack,
    Corrupt(String),
    Disk(String),
    Other(String),
}

// === impl Failure ===

impl Failure {
    /// A whole transaction came to nothing because of one of its parts.
    pub(super) fn rolled_back() -> Self {
        Self { what: What::RolledBack, reopen: None }
    }

    /// What `error` means.
    pub(super) fn of(error: &Error) -> Self {
        let text = error.to_string();
        let (what, reopen) = match error.sqlite_error_code() {
            Some(ErrorCode::DiskFull) => (What::Full, None),
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => (What::Busy, None),
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => {
                (What::Corrupt(text), Some(Check::Whole))
            }
            Some(ErrorCode::SystemIoFailure | ErrorCode::CannotOpen | ErrorCode::ReadOnly) => {
                (What::Disk(text), Some(Check::Nothing))
            }
            _ => (What::Other(text), None),
        };
        Self { what, reopen }
    }

    /// For a person.
    pub(super) fn words(&self, path: &Path) -> String {
        let path = path.display();
        match &self.what {
            What::Full => {
                format!("the disk of {path} is full; make room, and the processor goes on by itself")
            }
            What::Busy => {
                format!("another process keeps {path} locked; is a program open that looks into it?")
            }
            What::RolledBack => format!("a write to {path} failed together with another one"),
            What::Corrupt(text) => format!("{path} is broken ({text}); it is set aside, and a new one begun"),
            What::Disk(text) => {
                format!("{path} cannot be read or written ({text}); look into the disk and its limits")
            }
            What::Other(text) => format!("{path}: {text}"),
        }
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::of(&error)
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        let text = match error {
            StoreError::Unavailable(text) | StoreError::Unusable(text) => text,
            StoreError::TakenOver => error.to_string(),
        };
        Self { what: What::Other(text), reopen: None }
    }
}
