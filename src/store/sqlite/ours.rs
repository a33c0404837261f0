//! The journal's files as they are opened here: each is ours, and none is reached by a link that another user has laid.

use super::super::StoreError;
use rustix::{fs::OFlags, io::Errno};
use std::{
    fs::{File, OpenOptions},
    io,
    os::unix::fs::OpenOptionsExt,
    path::Path,
};

/// Opens a file, or makes it for its owner only.
pub(super) fn open(path: &Path, options: &mut OpenOptions) -> io::Result<File> {
    // Without the second, a pipe in the file's place would be waited for.
    let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK;
    let file = options.mode(0o600).custom_flags(flags.bits().cast_signed()).open(path)?;
    if file.metadata()?.is_file() { Ok(file) } else { Err(io::Error::other("this is not a file")) }
}

/// Why `path` cannot be opened; `advice` says what it needs. A disk that is full, or a limit that is reached, passes.
pub(in super::super) fn cannot_open(path: &Path, error: &io::Error, advice: &str) -> StoreError {
    const PASSING: [Errno; 9] = [
        Errno::NOSPC,
        Errno::DQUOT,
        Errno::FBIG,
        Errno::MFILE,
        Errno::NFILE,
        Errno::NOMEM,
        Errno::IO,
        Errno::STALE,
        Errno::TIMEDOUT,
    ];
    if path.is_symlink() && !path.is_dir() {
        return StoreError::Unusable(is_a_link(path));
    }
    let place = path.display();
    match Errno::from_io_error(error) {
        Some(errno) if PASSING.contains(&errno) => {
            StoreError::Unavailable(format!("{place}: {error}; look into the disk and the process's limits"))
        }
        _ => StoreError::Unusable(format!("{place}: {error}; {advice}")),
    }
}

/// In words.
pub(super) fn is_a_link(path: &Path) -> String {
    format!(
        "{}: a symbolic link is not followed; remove the link, or name the file that is meant in [store] url",
        path.display()
    )
}
