//! What a file that a key names holds: another text in it is another value of the key.

use super::kind::{self, Kind, Trust};
use aws_lc_rs::digest::{SHA256, digest};
use std::path::PathBuf;

/// A file's contents, as they were when the configuration was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Contents {
    pub(super) path: PathBuf,
    /// The beginning of their SHA-256; `None` where the file could not be read.
    sum: Option<String>,
}

/// So many bytes of the sum tell two versions of a file apart.
const SHOWN: usize = 6;

// === impl Contents ===

impl Contents {
    /// Of the file that `text` names, where `kind` is one whose files count.
    pub(super) fn of(kind: Kind, text: &str, home: Option<&str>) -> Option<Self> {
        let path = match kind {
            Kind::File => kind::path(text, home),
            Kind::Trust => match kind::trust(text, home) {
                Trust::File(path) => path,
                Trust::System | Trust::Anything => return None,
            },
            _ => return None,
        };
        let sum = std::fs::read(&path).ok().map(|text| {
            digest(&SHA256, &text).as_ref().iter().take(SHOWN).map(|byte| format!("{byte:02x}")).collect()
        });
        Some(Self { path, sum })
    }

    /// For the log.
    pub(super) fn shown(&self) -> String {
        match &self.sum {
            Some(sum) => format!(" (contents {sum}…)"),
            None => " (cannot be read)".to_owned(),
        }
    }
}
