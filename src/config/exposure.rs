//! Files and directories that other users of the machine may read, or write: whoever writes app.config runs commands as
//! the processor's user.

use super::{Config, Problems, Settings, SourceFile, keys::RESILIENT, kind};
use std::{
    fs::{self, Metadata},
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

/// Warns of secrets in a file that all users may read, and of what others may write.
pub(super) fn check(
    settings: &Settings,
    config: &Config,
    file: Option<&SourceFile>,
    warnings: &mut Problems,
) {
    if let Some(file) = file.map(|file| file.path.as_path()) {
        readable(settings, file, warnings);
        if is_ours(file, "this file", "what stands in it is carried out", warnings) {
            directory_of(file, warnings);
        }
    }
    if let Some(directory) = secrets_dir(settings) {
        is_ours(&directory, "secrets_dir", "the secrets in it can be replaced", warnings);
    }
    if let Some(directory) = state(config) {
        is_ours(&directory, "the journal's directory", "the journal in it can be replaced", warnings);
    }
}

fn readable(settings: &Settings, file: &Path, warnings: &mut Problems) {
    let Some(mode) = metadata(file).map(|file| mode(&file)).filter(|mode| mode & 0o004 != 0) else { return };
    if let Some((section, key)) = settings.kept_in(file).next() {
        let what = format!(
            "every user of this machine can read this file (mode {mode:o}), and it holds secrets such as [{section}] \
             {key}: chmod o-rwx"
        );
        warnings.at(file.display().to_string(), what);
    }
}

/// Who may write a directory may put another file in the place of one in it.
fn directory_of(file: &Path, warnings: &mut Problems) {
    if let Some(directory) = fs::canonicalize(file).ok().as_deref().and_then(Path::parent) {
        is_ours(directory, "this file's directory", "another file can be put in its place", warnings);
    }
}

/// Whether no other user may write it; else warns.
fn is_ours(path: &Path, what: &str, so: &str, warnings: &mut Problems) -> bool {
    let Some(found) = metadata(path) else { return true };
    let mode = mode(&found);
    // In such a directory, each user's files are safe from the others.
    let is_sticky = found.is_dir() && mode & 0o1000 != 0;
    let (who, class) = match mode {
        _ if is_sticky => return true,
        mode if mode & 0o002 != 0 => ("every user of this machine", "o"),
        mode if mode & 0o020 != 0 => ("every user of its group", "g"),
        _ => return true,
    };
    let class = if mode & 0o022 == 0o022 { "go" } else { class };
    let what = format!("{who} can write {what} (mode {mode:o}), and {so}: chmod {class}-w");
    warnings.at(path.display().to_string(), what);
    false
}

fn secrets_dir(settings: &Settings) -> Option<PathBuf> {
    let (.., setting) =
        settings.iter().find(|(section, key, _)| *section == RESILIENT && *key == "secrets_dir")?;
    Some(kind::path(&setting.text, settings.home())).filter(|path| !path.as_os_str().is_empty())
}

/// Where the journal's files are; `None` where it is in a database.
fn state(config: &Config) -> Option<PathBuf> {
    let Some(url) = &config.store.url else { return Some(config.store.state_dir.clone()) };
    let file = url.expose().strip_prefix("sqlite:")?;
    let file = Path::new(file.strip_prefix("//").unwrap_or(file));
    let directory = file.parent().filter(|directory| !directory.as_os_str().is_empty());
    Some(directory.unwrap_or(Path::new(".")).to_owned())
}

fn metadata(path: &Path) -> Option<Metadata> {
    fs::metadata(path).ok()
}

fn mode(found: &Metadata) -> u32 {
    found.permissions().mode() & 0o7777
}
