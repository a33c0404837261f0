//! Whether standard error leads to systemd's journal.

use std::{env, fs::File, io, os::fd::AsFd, os::unix::fs::MetadataExt};

/// systemd names the stream's device and inode in `$JOURNAL_STREAM`; what was redirected since has others.
pub(super) fn reads_stderr() -> bool {
    env::var("JOURNAL_STREAM").is_ok_and(|stream| stderr().is_ok_and(|stderr| stream == stderr))
}

/// `device:inode` of standard error.
fn stderr() -> io::Result<String> {
    let metadata = File::from(io::stderr().as_fd().try_clone_to_owned()?).metadata()?;
    Ok(format!("{}:{}", metadata.dev(), metadata.ino()))
}
