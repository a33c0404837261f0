//! `$NAME`, `${NAME}`, `^NAME` and `^{NAME}` inside values: [`secrets::references`] says how they are written.

use super::{layers::RawSections, settings::plain, sources::Sources, stores::Stores};
#[cfg(doc)]
use crate::component::secrets;
use crate::component::secrets::Followed;
use std::fmt;

pub(super) use crate::component::secrets::references::{Sigil, is_reference};

/// Follows references.
#[derive(Clone)]
pub struct References(Stores);

/// A text whose references were followed.
#[derive(Clone)]
pub struct Resolved {
    /// The text; a reference that leads nowhere stands in it unchanged.
    pub text: String,
    /// What the references led to.
    pub pieces: Vec<Piece>,
    /// What is wrong with those that lead nowhere.
    pub missing: Vec<String>,
    /// Whether some were not followed because they are not allowed.
    pub refused: bool,
}

/// What a reference led to.
#[derive(Clone)]
pub struct Piece {
    /// The value.
    pub value: String,
    /// Whether it was a plain environment variable, which may be no secret at all.
    pub from_environment: bool,
}

// === impl References ===

impl References {
    pub(super) fn new(sources: &Sources, raw: &RawSections) -> Self {
        let bare = Self(Stores::new(sources));
        let follow = |key| plain(raw, key).map(|text| bare.resolve(&text).text);
        let (directory, command) = (follow("secrets_dir"), follow("secret_command"));
        Self(bare.0.with_directory(directory.as_deref()).with_command(command))
    }

    /// Follows the references in `text`.
    #[must_use]
    pub fn resolve(&self, text: &str) -> Resolved {
        self.resolve_in("resilient", text)
    }

    /// Follows the references in `text`, a value of `section`.
    #[must_use]
    pub fn resolve_in(&self, section: &str, text: &str) -> Resolved {
        self.walk(section, text, None)
    }

    /// Follows those references in `text` whose names are `allowed`; `text` is not the operator's own.
    #[must_use]
    pub fn resolve_allowed(&self, section: &str, text: &str, allowed: &[&str]) -> Resolved {
        self.walk(section, text, Some(allowed))
    }

    fn walk(&self, section: &str, text: &str, allowed: Option<&[&str]>) -> Resolved {
        let mut pieces = Vec::new();
        let followed = Followed::of(text, allowed, |reference| {
            let piece = self.0.find(reference.sigil, reference.name, section)?;
            pieces.push(piece.clone());
            Ok(piece.value)
        });
        let Followed { text, missing, refused, .. } = followed;
        Resolved { text, pieces, missing, refused }
    }
}

impl fmt::Debug for References {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("References").finish_non_exhaustive()
    }
}

impl fmt::Debug for Resolved {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Resolved").field("missing", &self.missing).finish_non_exhaustive()
    }
}

impl fmt::Debug for Piece {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Piece").field("from_environment", &self.from_environment).finish_non_exhaustive()
    }
}
