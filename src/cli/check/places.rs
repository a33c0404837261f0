//! The directories that `run` writes to: tried, and left as they were.

use super::{exit::FAILED, report::Report};
use crate::{
    config::{Config, LogFile},
    store,
};
use std::{
    fs, io,
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::{Path, PathBuf},
};

/// Tries the directories of the journal, the log and the recordings.
pub(super) fn walk(config: &Config, store: &store::Settings, report: &mut Report<'_>) {
    if let Some((directory, file)) = journal(&store.url)
        && let Err(error) = writable(&directory, &file)
    {
        let detail = format!(
            "{}: {error}: name another in [store] state_dir, or let this user write there{}",
            directory.display(),
            hint(config)
        );
        let _told = report.failed("state_dir", FAILED, &detail);
    }
    if let Some(directory) = &config.development.log_http_responses
        && let Err(error) = writable(directory, directory)
    {
        let detail = format!("{}: {error}: let this user write there, or leave it out", directory.display());
        let _told = report.failed("recordings", FAILED, &detail);
    }
    if let Some(LogFile { directory, name, .. }) = &config.log.file
        && let Err(error) = writable(directory, &directory.join(name))
    {
        let detail =
            format!("{}: {error}: name another in logdir, or let this user write there", directory.display());
        let _told = report.failed("logdir", FAILED, &detail);
    }
}

/// systemd makes the directory and names it to the service alone.
fn hint(config: &Config) -> &'static str {
    match config.place(crate::config::keys::STORE, "state_dir") {
        None if std::env::var_os("STATE_DIRECTORY").is_none() => {
            "; for what systemd gives the service, check with STATE_DIRECTORY=/var/lib/processor"
        }
        _ => "",
    }
}

fn journal(url: &store::Url) -> Option<(PathBuf, PathBuf)> {
    match url {
        store::Url::StateDirectory(directory) => Some((directory.clone(), url.file())),
        store::Url::Sqlite(file) => Some((file.parent().unwrap_or(Path::new("")).to_owned(), file.clone())),
        store::Url::Postgres(_) => None,
    }
}

/// Makes what is missing of the directory, writes a file there, and takes both away again; what is in `file` stays.
fn writable(directory: &Path, file: &Path) -> io::Result<()> {
    let directory = if directory.as_os_str().is_empty() { Path::new(".") } else { directory };
    let missing: Vec<&Path> = directory.ancestors().take_while(|path| !is_there(path)).collect();
    let made = make(&missing);
    let tried = made.and_then(|()| try_file(directory, file));
    for path in missing {
        // Empty again, unless somebody else has begun to use it.
        let _used = fs::remove_dir(path);
    }
    tried
}

fn is_there(path: &Path) -> bool {
    path.as_os_str().is_empty() || path.symlink_metadata().is_ok()
}

fn make(missing: &[&Path]) -> io::Result<()> {
    missing.iter().rev().try_for_each(|path| fs::DirBuilder::new().mode(0o700).create(path))
}

fn try_file(directory: &Path, file: &Path) -> io::Result<()> {
    if file.is_file() {
        fs::OpenOptions::new().append(true).open(file)?;
    }
    let trial = directory.join(format!(".processor-check-{}", std::process::id()));
    fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&trial)?;
    fs::remove_file(&trial)
}
