//! `$NAME`, `${NAME}`, `^NAME` and `^{NAME}` inside a text.
//!
//! As for the vendor's framework: a text that begins with `$` or `^` is a reference as a whole; with braces, references
//! may stand anywhere in it, any number of them. What a reference leads to is not looked through again.

/// One reference.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reference<'a> {
    /// Where it leads.
    pub sigil: Sigil,
    /// The name, without braces.
    pub name: &'a str,
    /// All of it, as it stands in the text.
    pub written: &'a str,
}

/// The two kinds of references.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sigil {
    /// `$`: protected secrets, then the environment.
    Dollar,
    /// `^`: the other stores.
    Caret,
}

/// Shows `see` each reference of `text`, and the text between it and the one before; gives what follows the last one.
pub fn each<'a>(text: &'a str, mut see: impl FnMut(&'a str, Reference<'a>)) -> &'a str {
    let mut rest = text;
    while let Some((before, sigil, name, after)) = next(rest, rest.len() == text.len()) {
        let written = rest.get(before.len()..rest.len() - after.len()).unwrap_or_default();
        see(before, Reference { sigil, name, written });
        rest = after;
    }
    rest
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

// === impl Reference ===

impl Reference<'_> {
    /// Whether it is called as a variable may be: a password, too, may begin with `$` and be followed by anything.
    #[must_use]
    pub fn is_name(&self) -> bool {
        self.name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
            && self.name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
    }
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
