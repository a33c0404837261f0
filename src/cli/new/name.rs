use std::str::FromStr;

/// A name that a crate, its component and its section of app.config can all have.
#[derive(Debug, Clone)]
pub(super) struct Name(String);

/// Why it cannot be.
#[derive(Debug, thiserror::Error)]
#[error("{name:?} cannot be the project's name: {reason}; try {instead}")]
pub(super) struct BadName {
    name: String,
    reason: &'static str,
    instead: String,
}

/// What is proposed where nothing can be made of a name.
const EXAMPLE: &str = "my_component";

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

/// Programs of the processor's own sources, whose target directory the project shares.
const PROGRAMS: &[&str] = &["playground", "processor"];

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
            Some(reason) => Err(BadName { name: name.to_owned(), reason, instead: instead(name) }),
        }
    }
}

fn mistake(name: &str) -> Option<&'static str> {
    let is_allowed = |letter: char| letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == '_';
    if name.is_empty() {
        Some("it is empty")
    } else if name.contains(['/', '\\']) {
        Some(
            "a project is made in the current directory, so change to where it belongs and give its name alone",
        )
    } else if !name.chars().all(is_allowed) {
        Some("it may have lower-case letters, digits and `_` only")
    } else if !name.starts_with(|first: char| first.is_ascii_lowercase()) {
        Some("it must begin with a letter")
    } else if name.len() > LONGEST {
        Some("it is longer than 50 letters")
    } else if RESERVED.contains(&name) {
        Some("Rust or Cargo keeps this word for itself")
    } else if OURS.contains(&name) {
        Some("a crate that the project depends on is called so")
    } else if PROGRAMS.contains(&name) {
        Some("a program of the processor's own is called so")
    } else if SECTIONS.contains(&name) {
        Some("a section of app.config that is not a component's is called so")
    } else {
        None
    }
}

/// The name that will do and is nearest to `name`: "Jira Cloud" becomes jira_cloud.
fn instead(name: &str) -> String {
    let last = name.trim_end_matches(['/', '\\']).rsplit(['/', '\\']).next().unwrap_or_default();
    let words: Vec<_> = last
        .split(|letter: char| !letter.is_ascii_alphanumeric())
        .filter(|word| !word.is_empty())
        .map(str::to_ascii_lowercase)
        .collect();
    let plain = words.join("_");
    let candidates = [plain.clone(), format!("{plain}_component"), format!("component_{plain}")];
    let will_do = |candidate: &String| last.is_ascii() && !plain.is_empty() && mistake(candidate).is_none();
    candidates.into_iter().find(will_do).unwrap_or_else(|| EXAMPLE.to_owned())
}
