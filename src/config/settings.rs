//! Every value as it took effect: where it comes from, and what of it is secret.

use super::{
    keys::{self, Key, RESILIENT, STORE},
    kind::{self, Kind},
    layers::{self, DEFAULT, Raw, RawSections},
    problems::Problems,
    references::{Piece, References, is_reference},
    sources::Sources,
};
use crate::secret::Secret;
use std::{
    collections::BTreeMap,
    fmt,
    path::{Path, PathBuf},
};

/// One value as it took effect.
#[derive(Clone)]
pub struct Setting {
    /// The value, references followed.
    pub(super) text: String,
    /// The value as it was given, references and all.
    written: String,
    /// `app.config:12`, `environment variable NAME`, `--option` or `default`.
    pub(super) origin: String,
    /// The parts of the text that must not be shown.
    pub(super) secrets: Vec<Secret>,
    /// The references that lead nowhere.
    pub(super) missing: Vec<String>,
}

/// All sections.
#[derive(Clone)]
pub struct Settings {
    sections: BTreeMap<String, BTreeMap<String, Setting>>,
    home: Option<String>,
    state_directory: PathBuf,
    pub(super) references: References,
}

// === impl Setting ===

impl Setting {
    /// Where the value comes from.
    #[must_use]
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// Whether a part of the value must not be shown.
    #[must_use]
    pub fn is_secret(&self) -> bool {
        !self.secrets.is_empty()
    }

    /// The value with `***` for what is secret.
    #[must_use]
    pub fn shown(&self) -> String {
        self.masked(&self.text)
    }

    fn masked(&self, text: &str) -> String {
        let secrets = self.secrets.iter().map(Secret::expose).filter(|secret| !secret.is_empty());
        secrets.fold(text.to_owned(), |text, secret| text.replace(secret, "***"))
    }

    fn read(section: &str, key: &str, raw: &Raw, references: &References) -> Self {
        let resolved = references.resolve_in(section, &raw.text);
        let known = keys::find(section, key).map(|key| key.kind);
        let whole = match known {
            Some(kind) => secret_parts(kind, &resolved.text),
            None if keys::sounds_secret(key) => vec![resolved.text.as_str()],
            None => kind::url_password(&resolved.text).into_iter().collect(),
        };
        let ours = keys::is_ours(section);
        let hidden = |piece: &&Piece| !(ours && piece.from_environment);
        let pieces = resolved.pieces.iter().filter(hidden).map(|piece| Secret::from(piece.value.as_str()));
        let secrets = whole.into_iter().map(Secret::from).chain(pieces).collect();
        let (written, origin) = (raw.text.clone(), raw.origin.clone());
        Self { secrets, written, origin, missing: resolved.missing, text: resolved.text }
    }
}

fn secret_parts(kind: Kind, text: &str) -> Vec<&str> {
    match kind {
        Kind::Secret => vec![text],
        Kind::ProxyUrl | Kind::ProxyChoice | Kind::StoreUrl => kind::url_secrets(text),
        _ => Vec::new(),
    }
}

impl fmt::Debug for Setting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Setting")
            .field("text", &self.shown())
            .field("origin", &self.origin)
            .finish_non_exhaustive()
    }
}

// === impl Settings ===

impl Settings {
    /// Merges the layers and follows the references.
    pub(super) fn read(sources: &Sources, components: &[&str], problems: &mut Problems) -> Self {
        let raw = layers::merge(sources, components, problems);
        let references = References::new(sources, &raw);
        let sections = raw.iter().map(|(section, values)| {
            let lenient = sources.for_journal && section != STORE;
            let read = |(key, raw): (&String, &Raw)| {
                let mut setting = Setting::read(section, key, raw, &references);
                if lenient {
                    setting.missing.clear();
                }
                (key.clone(), setting)
            };
            (section.clone(), values.iter().map(read).collect())
        });
        Self {
            sections: sections.collect(),
            home: sources.environment.get("HOME").cloned(),
            state_directory: sources.state_directory(),
            references,
        }
    }

    pub(super) fn get(&self, section: &str, key: &str) -> Option<&Setting> {
        self.sections.get(section)?.get(key)
    }

    /// One section's values by key.
    pub(super) fn section(&self, name: &str) -> impl Iterator<Item = (&str, &Setting)> {
        self.sections.get(name).into_iter().flatten().map(|(key, setting)| (key.as_str(), setting))
    }

    /// Every value with its section and key: the daemon's own sections first, the others by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str, &Setting)> {
        let ours = || self.names().filter(|name| keys::is_ours(name));
        let platforms = ours().filter(|name| keys::family(name) == RESILIENT);
        let shared = keys::SECTIONS.into_iter().filter(|name| *name != RESILIENT);
        let theirs = self.names().filter(|name| !keys::is_ours(name));
        platforms
            .chain(shared)
            .chain(theirs)
            .flat_map(|name| self.section(name).map(move |(key, setting)| (name, key, setting)))
    }

    /// Follows references in values that come later, such as a function's inputs.
    #[must_use]
    pub fn references(&self) -> &References {
        &self.references
    }

    /// The sections that there are, by name.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.sections.keys().map(String::as_str)
    }

    pub(super) fn home(&self) -> Option<&str> {
        self.home.as_deref()
    }

    pub(super) fn state_directory(&self) -> &Path {
        &self.state_directory
    }

    /// Every part of every value that must not be shown.
    pub(crate) fn secrets(&self) -> impl Iterator<Item = &Secret> {
        self.sections.values().flat_map(BTreeMap::values).flat_map(|setting| &setting.secrets)
    }

    /// The keys whose secrets `file` itself holds, not the name of a place for them.
    pub(super) fn kept_in<'a>(&'a self, file: &'a Path) -> impl Iterator<Item = (&'a str, &'a str)> {
        let file = format!("{}:", file.display());
        let here = move |setting: &Setting| {
            setting.is_secret() && setting.text == setting.written && setting.origin.starts_with(&file)
        };
        self.iter().filter(move |(.., setting)| here(setting)).map(|(section, key, _)| (section, key))
    }

    /// Reports references that lead nowhere in `section`.
    pub(super) fn check_references(&self, section: &str, problems: &mut Problems) {
        for (key, setting) in self.section(section) {
            for missing in &setting.missing {
                problems.at(&setting.origin, format!("{key}: {missing}"));
            }
        }
    }

    /// Checks each value of the sections that the table of keys describes.
    pub(super) fn check(&self, problems: &mut Problems, warnings: &mut Problems) {
        for section in self.names().filter(|name| keys::is_ours(name)) {
            self.check_references(section, problems);
            for (name, setting) in self.section(section) {
                match keys::find(section, name) {
                    Some(key) => setting.check(key, problems, warnings),
                    None => unknown(section, name, setting, problems, warnings),
                }
            }
        }
    }
}

impl Setting {
    fn check(&self, key: &Key, problems: &mut Problems, warnings: &mut Problems) {
        let name = key.name;
        if self.written.contains('\n')
            && !matches!(key.kind, Kind::List | Kind::Levels | Kind::Hosts | Kind::Unused)
        {
            let what =
                "goes on in the next line, because that is indented: begin each key at the start of its line";
            return problems.at(&self.origin, format!("{name} {what}"));
        }
        let quoted = |quote: char| {
            self.written.len() > 1 && self.written.starts_with(quote) && self.written.ends_with(quote)
        };
        if quoted('"') || quoted('\'') {
            let what = "stands in quotes, which are taken for a part of it: leave them out, unless they are";
            warnings.at(&self.origin, format!("{name} {what}"));
        }
        if let Err(expected) = key.kind.check(&self.text)
            && self.missing.is_empty()
        {
            // As it was given: a reference in the wrong place may have led to a secret.
            problems
                .at(&self.origin, format!("{} is {}; it {expected}", key.name, self.masked(&self.written)));
        }
    }
}

impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(&self.sections).finish()
    }
}

/// A key that nearly bears a known name is a mistake; any other may be meant for somebody else.
fn unknown(section: &str, name: &str, setting: &Setting, problems: &mut Problems, warnings: &mut Problems) {
    if keys::FOREIGN.contains(&name) {
        return;
    }
    match nearest(section, name) {
        Some(known) => {
            problems.at(&setting.origin, format!("{name} is not a key of [{section}]; did you mean {known}?"))
        }
        None => warnings.at(&setting.origin, format!("{name} is not a key of [{section}] and has no effect")),
    }
}

fn nearest(section: &str, name: &str) -> Option<&'static str> {
    let known = keys::all().filter(|key| key.section == keys::family(section));
    let distances = known.map(|key| (strsim::osa_distance(&name.replace('-', "_"), key.name), key.name));
    let (distance, nearest) = distances.min()?;
    (distance <= (name.len() / 4).clamp(1, 3)).then_some(nearest)
}

/// The arguments of a process are visible to every user of the machine.
pub(super) fn literals_in_arguments(sources: &Sources, problems: &mut Problems) {
    for argument in &sources.arguments {
        let secrets = match keys::find(&argument.section, &argument.key) {
            Some(key) => secret_parts(key.kind, &argument.value),
            None if keys::sounds_secret(&argument.key) => vec![argument.value.as_str()],
            None => Vec::new(),
        };
        if secrets.iter().any(|secret| !secret.is_empty() && !is_reference(secret)) {
            problems.at(
                &argument.option,
                "takes a reference only ($NAME, ${NAME} or ^NAME): every user of this machine can read a process's \
                 arguments",
            );
        }
    }
}

/// The merged value of a key that must be known before references can be followed.
pub(super) fn plain(raw: &RawSections, key: &str) -> Option<String> {
    let raw = raw.get("resilient")?.get(key)?;
    (raw.origin != DEFAULT || !raw.text.is_empty()).then(|| raw.text.clone())
}
