//! `$NAME`, `${NAME}`, `^NAME` and `^{NAME}` inside values.
//!
//! As for the vendor's framework: a value that begins with `$` or `^` is a reference as a whole; with braces, references
//! may stand anywhere in it, any number of them. What a reference leads to is not looked through again.

use super::{layers::RawSections, settings::plain, sources::Sources, stores::Stores};
use std::fmt;

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

/// The two kinds of references.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sigil {
    /// `$`: protected secrets, then the environment.
    Dollar,
    /// `^`: the other stores.
    Caret,
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
        let mut resolved =
            Resolved { text: String::new(), pieces: Vec::new(), missing: Vec::new(), refused: false };
        let mut rest = text;
        while let Some((before, sigil, name, after)) = next(rest, rest.len() == text.len()) {
            resolved.text.push_str(before);
            let written = rest.get(before.len()..rest.len() - after.len()).unwrap_or_default();
            if allowed.is_some_and(|allowed| !allowed.contains(&name)) {
                resolved.text.push_str(written);
                resolved.refused |= is_name(name);
            } else {
                // What an operator allows by name is meant, however it is called.
                let meant = allowed.is_some() || is_name(name);
                self.follow(section, sigil, name, written, meant, &mut resolved);
            }
            rest = after;
        }
        resolved.text.push_str(rest);
        resolved
    }

    fn follow(
        &self,
        section: &str,
        sigil: Sigil,
        name: &str,
        written: &str,
        meant: bool,
        resolved: &mut Resolved,
    ) {
        match self.0.find(sigil, name, section) {
            Ok(piece) => {
                resolved.text.push_str(&piece.value);
                resolved.pieces.push(piece);
            }
            Err(nowhere) => {
                resolved.text.push_str(written);
                if meant {
                    resolved.missing.push(format!("{written} leads nowhere: {nowhere}"));
                }
            }
        }
    }
}

/// The next reference of `text`: what stands before it, its kind, its name, what follows.
fn next(text: &str, at_start: bool) -> Option<(&str, Sigil, &str, &str)> {
    let braces =
        |text: &str| text.match_indices(['$', '^']).find(|(at, _)| is_open(text, *at)).map(|(at, _)| at);
    if let Some(at) = braces(text) {
        let (before, rest) = text.split_at(at);
        let (name, after) = rest.get(2..)?.split_once('}')?;
        return Some((before, Sigil::of(rest)?, name, after));
    }
    let name = text.get(1..).filter(|name| at_start && !name.is_empty())?;
    Some(("", Sigil::of(text)?, name, ""))
}

fn is_open(text: &str, at: usize) -> bool {
    text.get(at + 1..).is_some_and(|rest| rest.starts_with('{') && rest.contains('}'))
}

/// A password may begin with `$` and be followed by anything: only what could be a variable's name is missed.
fn is_name(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

/// Whether `text` is one reference and nothing else.
pub(super) fn is_reference(text: &str) -> bool {
    next(text, true)
        .is_some_and(|(before, _, name, after)| before.is_empty() && after.is_empty() && is_name(name))
}

// === impl Sigil ===

impl Sigil {
    fn of(text: &str) -> Option<Self> {
        match text.chars().next()? {
            '$' => Some(Self::Dollar),
            '^' => Some(Self::Caret),
            _ => None,
        }
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
