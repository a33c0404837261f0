//! The places that hold secrets.

use super::{
    jwe, kind,
    references::{Piece, Sigil},
    sources::Sources,
};
use std::{
    collections::BTreeMap,
    fs, io,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::Arc,
};

/// Where names are looked for.
#[derive(Clone)]
pub(super) struct Stores {
    environment: Arc<BTreeMap<String, String>>,
    /// The app host's (`/etc/secrets`).
    protected: PathBuf,
    /// systemd's (`LoadCredential=`).
    credentials: Option<PathBuf>,
    directory: Option<PathBuf>,
    command: Option<String>,
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
        }
    }

    pub(super) fn with_directory(mut self, directory: Option<&str>) -> Self {
        let home = self.environment.get("HOME").map(String::as_str);
        self.directory = directory.map(|directory| kind::path(directory, home));
        self
    }

    pub(super) fn with_command(mut self, command: Option<String>) -> Self {
        self.command = command;
        self
    }

    /// The secret called `name`, or where it was looked for in vain.
    pub(super) fn find(&self, sigil: Sigil, name: &str, section: &str) -> Result<Piece, String> {
        match sigil {
            Sigil::Dollar => self.variable(name),
            Sigil::Caret => self.stored(name, section).map(|value| Piece { value, from_environment: false }),
        }
    }

    /// The app host's secrets come before the environment, as they do for the vendor's framework.
    fn variable(&self, name: &str) -> Result<Piece, String> {
        let protected = match self.protected_secret(name) {
            Ok(value) => return Ok(Piece { value, from_environment: false }),
            Err(nowhere) => nowhere,
        };
        match self.environment.get(name) {
            Some(value) => Ok(Piece { value: value.clone(), from_environment: true }),
            None => Err(format!("the environment has no variable {name}, and {protected}")),
        }
    }

    fn protected_secret(&self, name: &str) -> Result<String, String> {
        let path = file_in(&self.protected, name)?;
        let token = read(&path)?;
        let key_path = self.protected.join(".jwk/key.jwk");
        let key = read(&key_path)?;
        jwe::decrypt(&token, &key).map_err(|error| format!("{} cannot be decrypted: {error}", path.display()))
    }

    fn stored(&self, name: &str, section: &str) -> Result<String, String> {
        let mut tried = Vec::new();
        for found in
            [self.credential(name), self.file(name), self.printed(name, section)].into_iter().flatten()
        {
            match found {
                Ok(value) => return Ok(value),
                Err(nowhere) => tried.push(nowhere),
            }
        }
        if tried.is_empty() {
            tried.push(
                "there is no place to look: run under systemd with LoadCredential=, or set secrets_dir or secret_command"
                    .to_owned(),
            );
        }
        Err(tried.join("; "))
    }

    fn credential(&self, name: &str) -> Option<Result<String, String>> {
        let directory = self.credentials.as_ref()?;
        Some(file_in(directory, name).and_then(|path| read(&path)).map(|text| without_newline(&text)))
    }

    fn file(&self, name: &str) -> Option<Result<String, String>> {
        let directory = self.directory.as_ref()?;
        Some(file_in(directory, name).and_then(|path| private(&path)).map(|text| without_newline(&text)))
    }

    fn printed(&self, name: &str, section: &str) -> Option<Result<String, String>> {
        let command = self.command.as_ref()?;
        Some(
            file_name(name).and_then(|name| print(command, name, section)).map(|text| without_newline(&text)),
        )
    }
}

fn file_name(name: &str) -> Result<&str, String> {
    let plain = name.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '-' | '.' | '@'));
    let plain = plain && !name.starts_with(['.', '-']) && !name.is_empty();
    plain
        .then_some(name)
        .ok_or_else(|| "a secret's name is made of letters, digits, _, -, . and @".to_owned())
}

fn file_in(directory: &Path, name: &str) -> Result<PathBuf, String> {
    file_name(name).map(|name| directory.join(name))
}

fn read(path: &Path) -> Result<String, String> {
    fs::read_to_string(path).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => format!("there is no file {}", path.display()),
        _ => format!("{} cannot be read: {error}", path.display()),
    })
}

/// A file that its owner alone can read.
fn private(path: &Path) -> Result<String, String> {
    let text = read(path)?;
    let mode = fs::metadata(path).map_err(|error| error.to_string())?.permissions().mode() & 0o777;
    match mode & 0o077 {
        0 => Ok(text),
        _ => Err(format!("others can read {0} (mode {mode:03o}): chmod 600 {0}", path.display())),
    }
}

fn print(command: &str, name: &str, section: &str) -> Result<String, String> {
    let service = if section == "resilient" { "_" } else { section };
    let mut words =
        command.split_whitespace().map(|word| word.replace("{service}", service).replace("{name}", name));
    let program = words.next().unwrap_or_default();
    let output = Command::new(&program).args(words).stdin(Stdio::null()).stderr(Stdio::null()).output();
    match output {
        Ok(output) if output.status.success() => {
            String::from_utf8(output.stdout).map_err(|_| format!("{program} printed what is not UTF-8"))
        }
        Ok(output) => Err(format!("{program} (secret_command) did not know it: {}", output.status)),
        Err(error) => Err(format!("{program} (secret_command) cannot be run: {error}")),
    }
}

/// Editors and `echo` end a file with a newline that is no part of the secret.
fn without_newline(text: &str) -> String {
    let trimmed = text.strip_suffix('\n').unwrap_or(text);
    trimmed.strip_suffix('\r').unwrap_or(trimmed).to_owned()
}
