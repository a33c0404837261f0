//! `secret_command`: a program that prints a secret.

use super::{kind, stores::Nowhere};
use crate::{
    children::{self, ChildError, Finished},
    logging::{Redactor, complain},
    secret::Secret,
};
use std::{
    io,
    process::Command,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};
use tracing::warn;

/// The command, and how long it may take. Clones remember the same silence.
#[derive(Clone)]
pub(super) struct SecretCommand {
    line: String,
    limit: Duration,
    /// When it was silent last: a store that hangs is not waited for once for each secret.
    silent: Arc<Mutex<Option<Instant>>>,
}

/// What takes longer is said to take long.
pub(super) const SLOW_AFTER: Duration = Duration::from_secs(5);

/// More of what a command says is not shown.
const MAX_WORDS: usize = 300;

// === impl SecretCommand ===

impl SecretCommand {
    pub(super) fn new(line: String, limit: Duration) -> Self {
        Self { line, limit, silent: Arc::default() }
    }

    /// What it prints for the secret `name` of `section`. A failure cannot be told from a store that is away, and so is
    /// one that may pass.
    pub(super) fn print(&self, name: &str, section: &str) -> Result<String, Nowhere> {
        let service = if section == "resilient" { "_" } else { section };
        let fill = |word: &str| word.replace("{service}", service).replace("{name}", name);
        let mut words = self.line.split_whitespace().map(fill);
        let program = words.next().unwrap_or_default();
        let awaited = |what: String| Err(Nowhere { what, awaited: true });
        if self.is_silent() {
            return awaited(format!("{program} (secret_command) did not answer just now"));
        }
        let slow = || slow(&format!("{program} (secret_command) for {name}"), SLOW_AFTER);
        match children::run(Command::new(&program).args(words), self.limit, SLOW_AFTER, slow) {
            Ok(finished) if finished.status.success() => String::from_utf8(finished.stdout)
                .map_err(|_| format!("{program} printed what is not UTF-8").into()),
            Ok(finished) => awaited(failed(&program, &finished)),
            Err(error @ ChildError::Silent(_)) => {
                *self.silent.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
                awaited(format!("{program} (secret_command): {error} (secret_timeout)"))
            }
            Err(error @ ChildError::Stopping) => awaited(format!("{program} (secret_command): {error}")),
            Err(ChildError::Start(error)) => {
                let what = format!("{program} (secret_command) cannot be run: {error}");
                Err(Nowhere { what, awaited: !is_wrong(&error) })
            }
        }
    }

    fn is_silent(&self) -> bool {
        let silent = *self.silent.lock().unwrap_or_else(PoisonError::into_inner);
        silent.is_some_and(|since| since.elapsed() < self.limit)
    }
}

/// Whether a program cannot be run for what it is, not for how the machine is just now.
fn is_wrong(error: &io::Error) -> bool {
    use io::ErrorKind as Kind;
    matches!(
        error.kind(),
        Kind::NotFound
            | Kind::PermissionDenied
            | Kind::InvalidInput
            | Kind::NotADirectory
            | Kind::IsADirectory
    ) || error.raw_os_error() == Some(rustix::io::Errno::NOEXEC.raw_os_error())
}

/// Says that a secret takes long.
pub(super) fn slow(source: &str, after: Duration) {
    let seconds = after.as_secs();
    if tracing::dispatcher::has_been_set() {
        warn!(source, seconds, "a secret has not been answered yet; see secret_timeout");
    } else {
        complain(&format!("processor: no answer for {seconds} s from {source}; see secret_timeout"));
    }
}

/// How it ended, and the first line of what it said of that. It may have printed the secret all the same, or quote what
/// it logs in with.
fn failed(program: &str, finished: &Finished) -> String {
    let said = String::from_utf8_lossy(&finished.stderr);
    let said = said.lines().map(str::trim).find(|line| !line.is_empty()).unwrap_or_default();
    let printed = String::from_utf8_lossy(&finished.stdout);
    let variables = std::env::vars_os().filter_map(|(name, value)| {
        let name = name.into_string().ok().filter(|name| super::keys::sounds_secret(name))?;
        value.into_string().ok().filter(|_| !name.is_empty())
    });
    let printed = printed.split_whitespace().map(str::to_owned);
    let in_urls = said.split_whitespace().filter_map(kind::url_password).map(str::to_owned);
    let secrets: Vec<Secret> = variables.chain(printed).chain(in_urls).map(Secret::from).collect();
    let masked = Redactor::new(&secrets).mask(said).into_owned();
    let clean: String =
        masked.chars().map(|c| if c.is_control() { ' ' } else { c }).take(MAX_WORDS).collect();
    let status = finished.status;
    match clean.as_str() {
        "" => format!("{program} (secret_command) failed without a word: {status}"),
        said => format!("{program} (secret_command) failed, {status}: {said}"),
    }
}
