//! `$NAME`, `${NAME}`, `^NAME` and `^{NAME}` inside values: `written` says how they are written in the
//! operator's own texts, `component::secrets::references` how in a function's inputs.

use super::{
    layers::RawSections,
    settings::plain,
    sources::Sources,
    stores::{Nowhere, Stores},
    written::{Part, Written},
};
use crate::component::secrets::Followed;
use std::{fmt, path::PathBuf};

pub(super) use crate::component::secrets::references::{Reference, Sigil};

/// Follows references.
#[derive(Clone)]
pub struct References(Stores);

/// A text whose references were followed.
#[derive(Clone, Default)]
pub struct Resolved {
    /// The text; a reference that leads nowhere stands in it unchanged.
    pub text: String,
    /// What the references led to.
    pub pieces: Vec<Piece>,
    /// What is wrong with those that lead nowhere.
    pub missing: Vec<Missing>,
    /// Whether some were not followed because they are not allowed.
    pub refused: bool,
    /// The doubled sign in it that stands for a single one, if there is any.
    pub doubled: Option<&'static str>,
}

/// What a reference led to.
#[derive(Clone)]
pub struct Piece {
    /// The value.
    pub value: String,
    /// Whether it was a plain environment variable, which may be no secret at all.
    pub from_environment: bool,
}

/// A reference that leads nowhere.
#[derive(Clone, PartialEq, Eq)]
pub struct Missing {
    /// What was tried, and what to do.
    pub what: String,
    /// What it leads to is away, or silent, and may come back.
    pub awaited: bool,
}

// === impl References ===

impl References {
    pub(super) fn new(sources: &Sources, raw: &RawSections) -> Self {
        let bare = Self(Stores::new(sources));
        let follow = |key| plain(raw, key).map(|text| bare.resolve(&text).text);
        let (directory, command) = (follow("secrets_dir"), follow("secret_command"));
        let limit = follow("secret_timeout");
        let stores = bare.0.with_directory(directory.as_deref()).with_limit(limit.as_deref());
        Self(stores.with_command(command))
    }

    /// The files that were looked at, whether or not something was there.
    pub(super) fn looked_at(&self) -> Vec<PathBuf> {
        self.0.looked_at()
    }

    pub(super) fn home(&self) -> Option<&str> {
        self.0.home()
    }

    /// Follows the references in `text`.
    #[must_use]
    pub fn resolve(&self, text: &str) -> Resolved {
        self.resolve_in("resilient", text, false)
    }

    /// Follows the references in `text`, a value of `section`. In a secret, whatever looks like a reference has to be one
    /// that leads somewhere: a password is never made of what could not be followed.
    #[must_use]
    pub fn resolve_in(&self, section: &str, text: &str, secret: bool) -> Resolved {
        let written = Written::of(text);
        let mut resolved = Resolved { doubled: written.doubled, ..Resolved::default() };
        for part in written.parts {
            match part {
                Part::Text(text) => resolved.text.push_str(text),
                Part::Reference(reference) => self.follow(section, reference, secret, &mut resolved),
                Part::Stray(sign) => {
                    resolved.text.push_str(sign);
                    if secret {
                        resolved.missing.push(Missing { what: stray(sign), awaited: false });
                    }
                }
            }
        }
        resolved
    }

    fn follow(&self, section: &str, reference: Reference<'_>, secret: bool, resolved: &mut Resolved) {
        let stored = reference.sigil == Sigil::Caret && self.0.has_command() && !is_pattern(reference.name);
        let meant = secret || reference.is_name() || stored;
        match self.0.find(reference.sigil, reference.name, section, meant) {
            Ok(piece) => {
                resolved.text.push_str(&piece.value);
                resolved.pieces.push(piece);
            }
            Err(nowhere) => {
                resolved.text.push_str(reference.written);
                if meant {
                    resolved.missing.push(self.missing(reference, nowhere, secret));
                }
            }
        }
    }

    fn missing(&self, reference: Reference<'_>, nowhere: Nowhere, secret: bool) -> Missing {
        let sign = if reference.sigil == Sigil::Dollar { '$' } else { '^' };
        let Nowhere { what, awaited } = nowhere;
        let what = if awaited {
            format!("{} cannot be had yet: {what}", reference.written)
        } else if secret && !self.is_shown(reference) {
            format!(
                "the value begins with {sign}, so that the rest names a secret kept elsewhere, but there is none of that \
                 name; a secret that itself begins with {sign} is written with {sign}{sign}"
            )
        } else if secret {
            format!(
                "{} leads nowhere: {what}; a secret that itself begins with {sign} is written with {sign}{sign}",
                reference.written
            )
        } else {
            format!("{} leads nowhere: {what}", reference.written)
        };
        Missing { what, awaited }
    }

    /// Whether a reference that leads nowhere is rather a name than a password, and may be shown.
    fn is_shown(&self, reference: Reference<'_>) -> bool {
        let name = reference.name;
        let plain = name.chars().all(|c| c.is_alphanumeric() || "_-./@: ".contains(c));
        let braced = reference.written.ends_with('}');
        plain
            && match reference.sigil {
                _ if braced => true,
                Sigil::Dollar => !name.contains(char::is_lowercase),
                Sigil::Caret => self.0.has_a_store() || name.contains(['_', '-', '.', '/', ' ']),
            }
    }

    /// Follows those references in `text` whose names are `allowed`; `text` is not the operator's own.
    #[must_use]
    pub fn resolve_allowed(&self, section: &str, text: &str, allowed: &[&str]) -> Resolved {
        let mut pieces = Vec::new();
        let followed = Followed::of(text, Some(allowed), |reference| {
            let found = self.0.find(reference.sigil, reference.name, section, true);
            let piece = found.map_err(|nowhere| nowhere.what)?;
            pieces.push(piece.clone());
            Ok(piece.value)
        });
        let Followed { text, missing, refused, .. } = followed;
        let missing = missing.into_iter().map(|what| Missing { what, awaited: false }).collect();
        Resolved { text, pieces, missing, refused, doubled: None }
    }
}

fn stray(sign: &str) -> String {
    format!(
        "the value holds a {sign} that begins a reference and is none: in braces, as in {sign}{{NAME}}, a reference ends \
         with }}, and without them it is the whole value; a secret that itself holds that sign is written with \
         {sign}{sign}"
    )
}

/// Whether what follows a caret is rather a regular expression than a name.
fn is_pattern(name: &str) -> bool {
    name.contains(['[', ']', '(', ')', '*', '+', '?', '\\', '|', '$', '^', '{'])
}

impl fmt::Debug for References {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("References").finish_non_exhaustive()
    }
}

impl fmt::Debug for Resolved {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Resolved").field("missing", &self.missing.len()).finish_non_exhaustive()
    }
}

impl fmt::Debug for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Missing").field("awaited", &self.awaited).finish_non_exhaustive()
    }
}

impl fmt::Debug for Piece {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Piece").field("from_environment", &self.from_environment).finish_non_exhaustive()
    }
}
