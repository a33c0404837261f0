use std::str::FromStr;

/// A name that a crate, its component and its section of app.config can all have.
#[derive(Debug, Clone)]
pub(super) struct Name(String);

/// Why it cannot be.
#[derive(Debug, thiserror::Error)]
#[error("{name:?} cannot be the project's name: {reason}")]
pub(super) struct BadName {
    name: String,
    reason: &'static str,
}

/// What platforms show of a name.
const LONGEST: usize = 50;

/// Names that Rust or Cargo keep for themselves.
const RESERVED: &[&str] = &[
    "abstract",
    "alloc",
    "as",
    "async",
    "await",
    "become",
    "box",
    "break",
    "const",
    "continue",
    "core",
    "crate",
    "do",
    "dyn",
    "else",
    "enum",
    "extern",
    "false",
    "final",
    "fn",
    "for",
    "gen",
    "if",
    "impl",
    "in",
    "let",
    "loop",
    "macro",
    "match",
    "mod",
    "move",
    "mut",
    "override",
    "priv",
    "proc_macro",
    "pub",
    "ref",
    "return",
    "self",
    "static",
    "std",
    "struct",
    "super",
    "test",
    "trait",
    "true",
    "try",
    "type",
    "typeof",
    "unsafe",
    "unsized",
    "use",
    "virtual",
    "where",
    "while",
    "yield",
    "build",
    "deps",
    "examples",
    "incremental",
];

/// Crates that the project depends on.
const OURS: &[&str] = &["action_component", "action_processor", "serde", "serde_json", "tokio"];

/// Sections of app.config that are the processor's own.
const SECTIONS: &[&str] = &["resilient", "integrations", "store"];

impl Name {
    pub(super) fn as_str(&self) -> &str {
        &self.0
    }

    /// As a rule's display name: "My Component".
    pub(super) fn display(&self) -> String {
        let words = self.0.split('_').filter(|word| !word.is_empty());
        let capital = |word: &str| {
            let mut letters = word.chars();
            letters
                .next()
                .map_or(String::new(), |first| format!("{}{}", first.to_ascii_uppercase(), letters.as_str()))
        };
        words.map(capital).collect::<Vec<_>>().join(" ")
    }
}

impl FromStr for Name {
    type Err = BadName;

    fn from_str(name: &str) -> Result<Self, BadName> {
        match mistake(name) {
            None => Ok(Self(name.to_owned())),
            Some(reason) => Err(BadName { name: name.to_owned(), reason }),
        }
    }
}

fn mistake(name: &str) -> Option<&'static str> {
    let is_allowed = |letter: char| letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == '_';
    if name.is_empty() {
        Some("it is empty")
    } else if !name.chars().all(is_allowed) {
        Some("write it in lower-case letters, digits and `_`, such as my_component")
    } else if !name.starts_with(|first: char| first.is_ascii_lowercase()) {
        Some("it must begin with a letter")
    } else if name.len() > LONGEST {
        Some("it is longer than 50 letters")
    } else if RESERVED.contains(&name) {
        Some("Rust or Cargo keeps this word for itself")
    } else if OURS.contains(&name) {
        Some("a crate that the project depends on is called so")
    } else if SECTIONS.contains(&name) {
        Some("a section of app.config that is not a component's is called so")
    } else {
        None
    }
}
