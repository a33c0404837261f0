//! What a configuration is made from: a file, the environment, the command line, and the places that hold secrets.

use super::{encoding, problems::Problems};
use std::{
    collections::BTreeMap,
    io,
    path::{Path, PathBuf},
};

/// The raw material of a [`Config`](super::Config). Tests fill it in by hand.
#[derive(Clone)]
pub struct Sources {
    /// app.config, where there is one.
    pub file: Option<SourceFile>,
    /// The environment's variables.
    pub environment: BTreeMap<String, String>,
    /// What the command line says, in its order.
    pub arguments: Vec<Argument>,
    /// Where the app host keeps its protected secrets.
    pub protected_secrets: PathBuf,
    /// Only the journal is wanted: references outside of `[store]` that lead nowhere stay as they stand. A credential of
    /// systemd's can be looked up by the service alone, not by whoever looks into its journal.
    pub for_journal: bool,
    /// What this program is called: its state is kept under that name.
    pub program: String,
    /// `secret_command` is not run: what it would print counts as awaited.
    pub without_commands: bool,
}

/// A file's name and text.
#[derive(Clone)]
pub struct SourceFile {
    /// As shown in messages.
    pub path: PathBuf,
    /// What stands in it.
    pub text: String,
}

/// One value of the command line.
#[derive(Clone, PartialEq, Eq)]
pub struct Argument {
    /// The section that it goes to.
    pub section: String,
    /// The key that it sets.
    pub key: String,
    /// The value.
    pub value: String,
    /// The option as it is called, for messages: `--port`.
    pub option: String,
}

/// Where app.config is, and who says so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Location {
    /// `--config-file` or `APP_CONFIG_FILE` names it: it has to be there.
    Named(PathBuf),
    /// One of the usual places has it.
    Found(PathBuf),
    /// None has; a new one would be written here.
    Nowhere(PathBuf),
}

// === impl Sources ===

impl Sources {
    /// Nothing but `environment`.
    #[must_use]
    pub fn new(environment: BTreeMap<String, String>) -> Self {
        Self {
            file: None,
            environment,
            arguments: Vec::new(),
            protected_secrets: PathBuf::from("/etc/secrets"),
            for_journal: false,
            program: "processor".to_owned(),
            without_commands: false,
        }
    }

    /// What this process was started with. Variables that are not UTF-8 are left out.
    #[must_use]
    pub fn of_process() -> Self {
        let text = |(name, value): (std::ffi::OsString, std::ffi::OsString)| {
            Some((name.into_string().ok()?, value.into_string().ok()?))
        };
        let mut sources = Self::new(std::env::vars_os().filter_map(text).collect());
        let program = std::env::current_exe().ok();
        let name = program.as_deref().and_then(Path::file_name).and_then(|name| name.to_str());
        // A program that was replaced while it runs is called so by the kernel.
        let name = name.map(|name| name.strip_suffix(" (deleted)").unwrap_or(name));
        if let Some(name) = name {
            name.clone_into(&mut sources.program);
        }
        sources
    }

    /// Where a program of this name keeps what outlives it: as systemd says, or as the XDG base directories do. Each of a
    /// developer's projects has a name of its own.
    pub(super) fn state_directory(&self) -> PathBuf {
        let variable = |name: &str| self.environment.get(name).filter(|value| !value.is_empty());
        // systemd separates several directories by colons.
        let systemd = variable("STATE_DIRECTORY").and_then(|all| all.split(':').next()).map(PathBuf::from);
        let xdg = variable("XDG_STATE_HOME").map(|base| Path::new(base).join(&self.program));
        let home = || variable("HOME").map(|home| Path::new(home).join(".local/state").join(&self.program));
        systemd.or(xdg).or_else(home).unwrap_or_else(|| PathBuf::from("/var/lib/processor"))
    }

    /// For a command that needs the journal only: see [`for_journal`](Self::for_journal).
    #[must_use]
    pub fn for_journal(mut self) -> Self {
        self.for_journal = true;
        self
    }

    /// Adds what the command line says.
    #[must_use]
    pub fn with_arguments(mut self, arguments: impl IntoIterator<Item = Argument>) -> Self {
        self.arguments.extend(arguments);
        self
    }

    /// Adds `text`, as if it had been read from `path`.
    #[must_use]
    pub fn with_file(mut self, path: impl Into<PathBuf>, text: impl Into<String>) -> Self {
        self.file = Some(SourceFile { path: path.into(), text: text.into() });
        self
    }

    /// Where app.config is: `named` (from `--config-file`), else `$APP_CONFIG_FILE`, else `./app.config`, else
    /// `~/.resilient/app.config`.
    #[must_use]
    pub fn locate(&self, named: Option<&Path>) -> Location {
        let variable = self.environment.get("APP_CONFIG_FILE").filter(|path| !path.is_empty());
        if let Some(path) = named.map(Path::to_owned).or_else(|| variable.map(PathBuf::from)) {
            return Location::Named(path);
        }
        let here = PathBuf::from("app.config");
        let home = self.environment.get("HOME").map(|home| Path::new(home).join(".resilient/app.config"));
        let places = [Some(here.clone()), home.clone()];
        // What is there and cannot be read is reported, not passed over.
        match places.into_iter().flatten().find(|path| path.try_exists().unwrap_or(true)) {
            Some(path) => Location::Found(path),
            None => Location::Nowhere(home.unwrap_or(here)),
        }
    }

    /// Reads app.config from where [`locate`](Self::locate) finds it, if it is anywhere.
    ///
    /// # Errors
    /// The file cannot be read, or is not UTF-8.
    pub fn read_file(self, named: Option<&Path>) -> Result<Self, Problems> {
        let path = match self.locate(named) {
            Location::Named(path) | Location::Found(path) => path,
            Location::Nowhere(_) => return Ok(self),
        };
        match std::fs::read(&path) {
            Ok(bytes) => Ok(self.with_file(&path, utf8(&path, bytes)?)),
            Err(error) => Err(unreadable(&path, &error)),
        }
    }
}

fn utf8(path: &Path, bytes: Vec<u8>) -> Result<String, Problems> {
    encoding::utf8(bytes).map_err(|wrong| {
        let mut problems = Problems::default();
        problems.at(format!("{}:{}", path.display(), wrong.line), wrong.what);
        problems
    })
}

fn unreadable(path: &Path, error: &io::Error) -> Problems {
    let mut problems = Problems::default();
    let hint = match error.kind() {
        io::ErrorKind::NotFound => "; `processor config -c` writes a new one",
        io::ErrorKind::PermissionDenied => {
            "; let the processor's user read it, for example: chown root:processor, chmod 640"
        }
        io::ErrorKind::IsADirectory => "; name the file in it",
        _ => "",
    };
    problems.at(path.display().to_string(), format!("cannot be read: {error}{hint}"));
    problems
}

impl std::fmt::Debug for Sources {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let path = self.file.as_ref().map(|file| &file.path);
        f.debug_struct("Sources").field("file", &path).finish_non_exhaustive()
    }
}

impl std::fmt::Debug for SourceFile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SourceFile").field("path", &self.path).finish_non_exhaustive()
    }
}

impl std::fmt::Debug for Argument {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Argument").field("option", &self.option).finish_non_exhaustive()
    }
}
