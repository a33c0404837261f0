//! The places that hold secrets.

use super::{
    jwe, kind,
    references::{Piece, Sigil},
    secret_command::{SLOW_AFTER, SecretCommand, slow},
    sources::Sources,
};
use std::{
    collections::{BTreeMap, BTreeSet},
    fs, io,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError, mpsc},
    thread,
    time::Duration,
};

/// `secret_timeout` where nothing usable is said.
const DEFAULT_LIMIT: Duration = Duration::from_secs(20);

/// Where names are looked for.
#[derive(Clone)]
pub(super) struct Stores {
    environment: Arc<BTreeMap<String, String>>,
    /// The app host's (`/etc/secrets`).
    protected: PathBuf,
    /// systemd's (`LoadCredential=`).
    credentials: Option<PathBuf>,
    directory: Option<PathBuf>,
    command: Option<SecretCommand>,
    /// How long each place may take.
    limit: Duration,
    /// Commands are left alone for now.
    without_commands: bool,
    /// The files that names have led to, found or not: what they hold is part of the configuration.
    looked_at: Arc<Mutex<BTreeSet<PathBuf>>>,
}

/// Why there is no such secret.
pub(super) struct Nowhere {
    /// Where it was looked for in vain.
    pub(super) what: String,
    /// What was asked is away, or silent, and may come back.
    pub(super) awaited: bool,
}

// === impl Stores ===

impl Stores {
    pub(super) fn new(sources: &Sources) -> Self {
        Self {
            environment: Arc::new(sources.environment.clone()),
            protected: sources.protected_secrets.clone(),
            credentials: sources.environment.get("CREDENTIALS_DIRECTORY").map(PathBuf::from),
            directory: None,
            command: None,
            limit: DEFAULT_LIMIT,
            without_commands: sources.without_commands,
            looked_at: Arc::default(),
        }
    }

    pub(super) fn looked_at(&self) -> Vec<PathBuf> {
        self.looked_at.lock().unwrap_or_else(PoisonError::into_inner).iter().cloned().collect()
    }

    pub(super) fn home(&self) -> Option<&str> {
        self.environment.get("HOME").map(String::as_str)
    }

    /// Where the secret called `name` would be in `directory`.
    fn file_in(&self, directory: &Path, name: &str) -> Result<PathBuf, String> {
        let path = file_name(name).map(|name| directory.join(name))?;
        self.looked_at.lock().unwrap_or_else(PoisonError::into_inner).insert(path.clone());
        Ok(path)
    }

    pub(super) fn with_directory(mut self, directory: Option<&str>) -> Self {
        let home = self.environment.get("HOME").map(String::as_str);
        self.directory = directory.map(|directory| kind::path(directory, home));
        self
    }

    pub(super) fn with_limit(mut self, limit: Option<&str>) -> Self {
        let usable = limit.and_then(kind::seconds).filter(|limit| !limit.is_zero());
        self.limit = usable.unwrap_or(DEFAULT_LIMIT);
        self
    }

    pub(super) fn with_command(mut self, command: Option<String>) -> Self {
        self.command = command.map(|command| SecretCommand::new(command, self.limit));
        self
    }

    pub(super) fn has_command(&self) -> bool {
        self.command.is_some()
    }

    /// Whether there is any place where `^NAME` is looked for.
    pub(super) fn has_a_store(&self) -> bool {
        self.has_command() || self.credentials.is_some() || self.directory.is_some()
    }

    /// The secret called `name`, or where it was looked for in vain. A command is asked only for what is `meant` as a
    /// reference.
    pub(super) fn find(
        &self,
        sigil: Sigil,
        name: &str,
        section: &str,
        meant: bool,
    ) -> Result<Piece, Nowhere> {
        match sigil {
            Sigil::Dollar => self.variable(name).map_err(Nowhere::from),
            Sigil::Caret => {
                let found = self.stored(name, section, meant);
                found.map(|value| Piece { value, from_environment: false })
            }
        }
    }

    /// The app host's secrets come before the environment, as they do for the vendor's framework.
    fn variable(&self, name: &str) -> Result<Piece, String> {
        let protected = match self.protected_secret(name) {
            Ok(value) => return Ok(Piece { value: without_line_end(&value), from_environment: false }),
            Err(nowhere) => nowhere,
        };
        match self.environment.get(name) {
            Some(value) => Ok(Piece { value: without_line_end(value), from_environment: true }),
            None => Err(format!("the environment has no variable {name}, and {protected}")),
        }
    }

    fn protected_secret(&self, name: &str) -> Result<String, String> {
        let path = self.file_in(&self.protected, name)?;
        let token = read(&path, self.limit).map_err(String::from)?;
        let key_path = self.protected.join(".jwk/key.jwk");
        let key = read(&key_path, self.limit).map_err(String::from)?;
        jwe::decrypt(&token, &key).map_err(|error| format!("{} cannot be decrypted: {error}", path.display()))
    }

    fn stored(&self, name: &str, section: &str, meant: bool) -> Result<String, Nowhere> {
        let printed = || self.command.as_ref().filter(|_| meant).map(|it| self.printed(it, name, section));
        let places: [&dyn Fn() -> Option<Result<String, Nowhere>>; 3] =
            [&|| self.credential(name), &|| self.file(name), &printed];
        let mut tried: Vec<Nowhere> = Vec::new();
        for place in places {
            match place() {
                Some(Ok(value)) => return Ok(without_line_end(&value)),
                Some(Err(nowhere)) => tried.push(nowhere),
                None => {}
            }
        }
        if tried.is_empty() {
            tried.push(
                "there is no place to look: run under systemd with LoadCredential=, or set secrets_dir or \
                 secret_command (`secret_command = keyring get {service} {name}` asks the keyring)"
                    .to_owned()
                    .into(),
            );
        }
        let awaited = tried.iter().any(|nowhere| nowhere.awaited);
        let what: Vec<String> = tried.into_iter().map(|nowhere| nowhere.what).collect();
        Err(Nowhere { what: what.join("; "), awaited })
    }

    fn credential(&self, name: &str) -> Option<Result<String, Nowhere>> {
        let directory = self.credentials.as_ref()?;
        Some(
            self.file_in(directory, name)
                .map_err(Nowhere::from)
                .and_then(|path| Ok(read(&path, self.limit)?)),
        )
    }

    fn file(&self, name: &str) -> Option<Result<String, Nowhere>> {
        let directory = self.directory.as_ref()?;
        Some(self.file_in(directory, name).map_err(Nowhere::from).and_then(|path| private(&path, self.limit)))
    }

    fn printed(&self, command: &SecretCommand, name: &str, section: &str) -> Result<String, Nowhere> {
        if self.without_commands {
            return Err(Nowhere { what: "secret_command has not been asked yet".to_owned(), awaited: true });
        }
        command.print(name, section)
    }
}

// === impl Nowhere ===

impl From<String> for Nowhere {
    fn from(what: String) -> Self {
        Self { what, awaited: false }
    }
}

impl From<Unread> for Nowhere {
    fn from(unread: Unread) -> Self {
        Self { awaited: unread.awaited, what: unread.what }
    }
}

fn file_name(name: &str) -> Result<&str, String> {
    let plain = name.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '-' | '.' | '@'));
    let plain = plain && !name.starts_with(['.', '-']) && !name.is_empty();
    plain
        .then_some(name)
        .ok_or_else(|| {
            "no file is looked for, because a file's name is made of letters, digits, _, -, . and @; secret_command takes \
             any name"
                .to_owned()
        })
}

/// A file that cannot be read.
struct Unread {
    what: String,
    /// The disk, or the server behind it, does not answer as it should.
    awaited: bool,
}

impl From<Unread> for String {
    fn from(unread: Unread) -> Self {
        unread.what
    }
}

/// A pipe, or a disk behind a network, may let a reader wait for ever: nobody waits here for longer than `limit`.
fn read(path: &Path, limit: Duration) -> Result<String, Unread> {
    use io::ErrorKind as Kind;
    let (sender, receiver) = mpsc::sync_channel(1);
    let file = path.to_owned();
    thread::spawn(move || {
        let _gone = sender.send(fs::read_to_string(file));
    });
    let slow_after = SLOW_AFTER.min(limit);
    let read = receiver.recv_timeout(slow_after).or_else(|late| {
        if limit > slow_after {
            slow(&path.display().to_string(), slow_after);
        }
        receiver.recv_timeout(limit.saturating_sub(slow_after)).map_err(|_| late)
    });
    let Ok(read) = read else {
        let seconds = limit.as_secs_f64();
        let what = format!("{}: no answer within {seconds:.1} s (secret_timeout)", path.display());
        return Err(Unread { what, awaited: true });
    };
    read.map_err(|error| {
        let what = match error.kind() {
            Kind::NotFound => format!("there is no file {}", path.display()),
            _ => format!("{} cannot be read: {error}", path.display()),
        };
        let wrong = matches!(
            error.kind(),
            Kind::NotFound
                | Kind::PermissionDenied
                | Kind::InvalidData
                | Kind::InvalidInput
                | Kind::InvalidFilename
                | Kind::IsADirectory
                | Kind::NotADirectory
        );
        Unread { what, awaited: !wrong }
    })
}

/// A file that its owner alone can read.
fn private(path: &Path, limit: Duration) -> Result<String, Nowhere> {
    let text = read(path, limit)?;
    let mode = fs::metadata(path).map_err(|error| error.to_string())?.permissions().mode() & 0o777;
    match mode & 0o077 {
        0 => Ok(text),
        _ => Err(format!("others can read {0} (mode {mode:03o}): chmod 600 {0}", path.display()).into()),
    }
}

/// Editors, `echo` and files of variables end a value with a line end that is no part of it.
pub(super) fn without_line_end(text: &str) -> String {
    text.trim_end_matches(['\r', '\n']).to_owned()
}
