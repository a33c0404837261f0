use std::{
    fs, io,
    path::{Path, PathBuf},
};

/// Where a project finds the processor's crates.
#[derive(Debug)]
pub(super) enum Source {
    /// In the directory of its sources.
    Directory(PathBuf),
    /// In a registry, in this version.
    Published,
}

/// The directory that was named is not the one.
#[derive(Debug, thiserror::Error)]
#[error("--path {}: not the processor's sources: {reason}", .path.display())]
pub(super) struct NotOurs {
    path: PathBuf,
    reason: String,
}

const VERSION: &str = env!("CARGO_PKG_VERSION");

impl Source {
    /// The directory that is named, or else the one that this processor was built from.
    pub(super) fn find(named: Option<&Path>) -> Result<Self, NotOurs> {
        let built_from = Path::new(env!("CARGO_MANIFEST_DIR"));
        match named {
            Some(path) => match ours(path) {
                Ok(path) => Ok(Self::Directory(path)),
                Err(reason) => Err(NotOurs { path: path.to_owned(), reason }),
            },
            None => Ok(ours(built_from).map_or(Self::Published, Self::Directory)),
        }
    }

    /// The lines of Cargo.toml for our crates: the daemon's, the component's, and the component's for tests.
    pub(super) fn dependencies(&self) -> [String; 3] {
        let line = |name: &str, place: String, rest: &str| format!("{name} = {{ {place}{rest} }}");
        let place = |below: &str| match self {
            Self::Directory(path) => format!("path = {}", quoted(&path.join(below))),
            Self::Published => format!("version = \"{VERSION}\""),
        };
        let daemon = match self {
            // Not `join("")`, which would end it in a slash.
            Self::Directory(path) => format!("path = {}", quoted(path)),
            Self::Published => place(""),
        };
        let component = || place("components/api");
        [
            line("action-processor", daemon, ", default-features = false"),
            line("action-component", component(), ""),
            line("action-component", component(), ", features = [\"testing\"]"),
        ]
    }

    /// What the processor itself was built with: the versions in it need not be looked for.
    pub(super) fn lock_file(&self) -> Option<String> {
        fs::read_to_string(self.directory()?.join("Cargo.lock")).ok()
    }

    /// Where cargo keeps what it has compiled of the processor; it need not be compiled again.
    pub(super) fn target_directory(&self) -> Option<String> {
        let target = self.directory()?.join("target");
        target.is_dir().then(|| quoted(&target))
    }

    /// The directory in which every directory is a member of the processor's own workspace.
    pub(super) fn components(&self) -> Option<PathBuf> {
        Some(self.directory()?.join("components"))
    }

    /// What its author has to know of where they come from.
    pub(super) fn caveat(&self) -> &'static str {
        match self {
            Self::Directory(_) => "",
            Self::Published => {
                "The sources that this processor was built from are gone, so the project asks the registry for it. With a clone of \
                 them, say --path CLONE instead.\n"
            }
        }
    }

    fn directory(&self) -> Option<&Path> {
        match self {
            Self::Directory(path) => Some(path),
            Self::Published => None,
        }
    }
}

/// The whole path of `directory`, if the processor's sources are there.
fn ours(directory: &Path) -> Result<PathBuf, String> {
    let directory = fs::canonicalize(directory).map_err(|error| error.to_string())?;
    let manifest = directory.join("Cargo.toml");
    let text = fs::read_to_string(&manifest).map_err(|error: io::Error| format!("Cargo.toml: {error}"))?;
    if text.lines().any(|line| line.trim() == "name = \"action-processor\"") {
        Ok(directory)
    } else {
        Err("its Cargo.toml is not of the package action-processor".to_owned())
    }
}

/// A TOML string. JSON's escapes are TOML's too.
fn quoted(path: &Path) -> String {
    serde_json::Value::from(path.to_string_lossy()).to_string()
}
