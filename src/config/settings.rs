//! Every value as it took effect: where it comes from, and what of it is secret.

use super::{
    concealed,
    contents::Contents,
    doubts, instances,
    keys::{self, Key, RESILIENT, STORE},
    kind::{self, Kind},
    layers::{self, DEFAULT, Raw, RawSections},
    pam,
    problems::Problems,
    references::{Missing, Piece, References},
    sources::Sources,
    written::is_reference,
};
use crate::{logging::Redactor, secret::Secret};
use action_component::Component;
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
    pub(super) missing: Vec<Missing>,
    /// What the file that it names held, where that counts.
    pub(super) contents: Option<Contents>,
    /// No part of it is kept elsewhere.
    literal: bool,
    /// What should be there is kept elsewhere, and empty there.
    empty: bool,
    /// Of a secret or of who we are: what is odd about it, fit to be shown.
    doubt: Option<String>,
    /// The doubled sign in it that stands for a single one.
    doubled: Option<&'static str>,
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

    /// What is odd about it: a reason why a server may refuse it.
    pub(super) fn doubt(&self) -> Option<String> {
        let doubled = self.doubled.map(|doubled| format!("holds {doubled}, which stands for a single sign"));
        self.doubt.clone().or(doubled)
    }

    /// Whether it is the same value: the same text, and the same contents of the file that it names.
    pub(super) fn is_same(&self, other: &Self) -> bool {
        self.text == other.text && self.contents == other.contents
    }

    fn masked(&self, text: &str) -> String {
        let secrets = self.secrets.iter().map(Secret::expose).filter(|secret| !secret.is_empty());
        secrets.fold(text.to_owned(), |text, secret| text.replace(secret, "***"))
    }

    fn read(section: &str, key: &str, raw: &Raw, references: &References) -> Self {
        let known = keys::find(section, key).map(|key| key.kind);
        let secret = holds_secret(known, key, &raw.text);
        let resolved = references.resolve_in(section, &raw.text, secret);
        let whole = match known {
            // The name of what is awaited is no secret, and is to be said.
            _ if resolved.missing.iter().any(|missing| missing.awaited) => Vec::new(),
            Some(kind) => secret_parts(kind, &resolved.text),
            None if keys::sounds_secret(key) => vec![resolved.text.as_str()],
            None => concealed::parts(key, &resolved.text),
        };
        let ours = keys::is_ours(section);
        let hidden = |piece: &&Piece| !(ours && piece.from_environment);
        let pieces = resolved.pieces.iter().filter(hidden).map(|piece| Secret::from(piece.value.as_str()));
        let secrets: Vec<Secret> = whole.into_iter().map(Secret::from).chain(pieces).collect();
        let doubtful = known == Some(Kind::Secret)
            || known.is_none() && keys::sounds_secret(key)
            || ours && matches!(key, "api_key_id" | "email");
        Self {
            secrets,
            written: raw.text.clone(),
            origin: raw.origin.clone(),
            literal: resolved.pieces.is_empty() && resolved.missing.is_empty(),
            empty: secret && resolved.pieces.iter().any(|piece| piece.value.trim().is_empty())
                || !resolved.pieces.is_empty() && resolved.text.trim().is_empty(),
            doubt: doubts::of(&resolved.text).filter(|_| doubtful && resolved.missing.is_empty()),
            doubled: resolved.doubled,
            contents: known.and_then(|kind| Contents::of(kind, &resolved.text, references.home())),
            missing: resolved.missing,
            text: resolved.text,
        }
    }
}

/// Whether what looks like a reference in this value must be one.
fn holds_secret(known: Option<Kind>, key: &str, text: &str) -> bool {
    match known {
        Some(kind) => {
            matches!(kind, Kind::Secret | Kind::ProxyUrl | Kind::ProxyChoice | Kind::StoreUrl)
        }
        None => keys::sounds_secret(key) || kind::url_password(text).is_some(),
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
        let mut sections: BTreeMap<String, BTreeMap<String, Setting>> = sections.collect();
        mask_missing(&mut sections);
        without_optional_empty(&mut sections);
        Self {
            sections,
            home: sources.environment.get("HOME").cloned(),
            state_directory: sources.state_directory(),
            references,
        }
    }

    /// Takes the values of the keys that `components` declare to be secret for what they are.
    pub(super) fn conceal(&mut self, components: &[Component]) {
        for (section, values) in &mut self.sections {
            for (key, setting) in values {
                if is_declared(components, section, key) && !setting.text.is_empty() {
                    setting.secrets.push(setting.text.as_str().into());
                }
            }
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

    /// The files whose contents count: those that keys name, and those that references led to.
    pub(super) fn files(&self) -> Vec<PathBuf> {
        let named = self.sections.values().flat_map(BTreeMap::values);
        let mut files: Vec<PathBuf> =
            named.filter_map(|setting| Some(setting.contents.as_ref()?.path.clone())).collect();
        files.extend(self.references.looked_at());
        files.sort();
        files.dedup();
        files
    }

    /// The keys whose secrets `file` itself holds, not the name of a place for them.
    pub(super) fn kept_in<'a>(&'a self, file: &'a Path) -> impl Iterator<Item = (&'a str, &'a str)> {
        let file = format!("{}:", file.display());
        let here = move |setting: &Setting| {
            setting.is_secret() && setting.literal && setting.origin.starts_with(&file)
        };
        self.iter().filter(move |(.., setting)| here(setting)).map(|(section, key, _)| (section, key))
    }

    /// Reports references that lead nowhere in `section`, and what is odd about its secrets.
    pub(super) fn check_references(&self, section: &str, problems: &mut Problems, warnings: &mut Problems) {
        for (key, setting) in self.section(section) {
            for Missing { what, awaited } in &setting.missing {
                let what = format!("{key}: {what}");
                if *awaited {
                    problems.awaited_at(&setting.origin, what);
                } else {
                    problems.at(&setting.origin, what);
                }
            }
            setting.check_ends(section, key, problems, warnings);
        }
    }

    /// Whether something in `section` cannot be had yet.
    pub(super) fn is_awaited(&self, section: &str) -> bool {
        self.section(section).any(|(_, setting)| setting.missing.iter().any(|missing| missing.awaited))
    }

    /// Checks each value of the sections that the table of keys describes.
    pub(super) fn check(&self, problems: &mut Problems, warnings: &mut Problems) {
        let has_command = self.get(RESILIENT, "secret_command").is_some();
        for section in self.names().filter(|name| keys::is_ours(name)) {
            self.check_references(section, problems, warnings);
            for (name, setting) in self.section(section) {
                match keys::find(section, name) {
                    Some(key) => setting.check(key, problems, warnings),
                    None => unknown(section, name, setting, has_command, problems, warnings),
                }
            }
        }
    }
}

impl Setting {
    /// What a server would refuse without a word of why, and what is read otherwise than it was before.
    fn check_ends(&self, section: &str, key: &str, problems: &mut Problems, warnings: &mut Problems) {
        if self.empty {
            let what = format!("{key}: what {} leads to is empty", self.references());
            if keys::is_ours(section) {
                problems.at(&self.origin, what);
            } else {
                warnings.at(&self.origin, what);
            }
        }
        if let Some(doubt) = &self.doubt
            && !self.is_quoted()
        {
            warnings.at(&self.origin, format!("{key} {doubt}: the server may refuse it for that"));
        }
        if let Some(doubled) = self.doubled {
            let single = doubled.get(..1).unwrap_or_default();
            let what = format!(
                "{key}: {doubled} stands for a single {single} at the start of a value and before a brace; where two are \
                 meant, write {doubled}{doubled}"
            );
            warnings.at(&self.origin, what);
        }
    }

    /// The names, where they are all of the value.
    fn references(&self) -> &str {
        if is_reference(&self.written) { &self.written } else { "a reference in it" }
    }

    fn is_quoted(&self) -> bool {
        let quoted = |quote: char| {
            self.written.len() > 1 && self.written.starts_with(quote) && self.written.ends_with(quote)
        };
        quoted('"') || quoted('\'')
    }

    fn check(&self, key: &Key, problems: &mut Problems, warnings: &mut Problems) {
        let name = key.name;
        if self.written.contains('\n')
            && !matches!(key.kind, Kind::List | Kind::Levels | Kind::Hosts | Kind::Unused)
        {
            let what =
                "goes on in the next line, because that is indented: begin each key at the start of its line";
            return problems.at(&self.origin, format!("{name} {what}"));
        }
        if self.is_quoted() {
            let what = "stands in quotes, which are taken for a part of it: leave them out, unless they are";
            warnings.at(&self.origin, format!("{name} {what}"));
        }
        if let Err(expected) = key.kind.check(&self.text)
            && self.missing.is_empty()
            && !self.empty
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

/// What a store says of itself may quote what is known to be secret.
fn mask_missing(sections: &mut BTreeMap<String, BTreeMap<String, Setting>>) {
    if !sections.values().flat_map(BTreeMap::values).any(|setting| !setting.missing.is_empty()) {
        return;
    }
    let redactor = Redactor::default();
    let known = sections.values().flat_map(BTreeMap::values).filter(|setting| setting.missing.is_empty());
    known.flat_map(|setting| &setting.secrets).for_each(|secret| redactor.add(secret));
    let missing = sections.values_mut().flat_map(BTreeMap::values_mut).flat_map(|it| &mut it.missing);
    missing.for_each(|missing| missing.what = redactor.mask(&missing.what).into_owned());
}

/// A key that can do without a value counts as not given where what it refers to is empty, as it does where it is empty
/// itself.
fn without_optional_empty(sections: &mut BTreeMap<String, BTreeMap<String, Setting>>) {
    for (section, values) in sections.iter_mut().filter(|(section, _)| keys::is_ours(section)) {
        for (name, setting) in values.iter_mut().filter(|(_, setting)| setting.empty) {
            let Some(key) = keys::find(section, name).filter(|key| !is_needed(key)) else { continue };
            setting.empty = false;
            key.default.unwrap_or_default().clone_into(&mut setting.text);
            DEFAULT.clone_into(&mut setting.origin);
        }
        values.retain(|_, setting| setting.empty || !setting.text.is_empty());
    }
}

/// Whether an empty value can only be a mistake.
fn is_needed(key: &Key) -> bool {
    holds_secret(Some(key.kind), key.name, "") || matches!(key.name, "host" | "api_key_id" | "email")
}

/// A key that nearly bears a known name is a mistake; any other may be meant for somebody else.
fn unknown(
    section: &str,
    name: &str,
    setting: &Setting,
    has_command: bool,
    problems: &mut Problems,
    warnings: &mut Problems,
) {
    if name == keys::PAM_TYPE {
        return pam::check(setting.text.as_str(), &setting.origin, has_command, problems);
    }
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
pub(super) fn literals_in_arguments(sources: &Sources, components: &[Component], problems: &mut Problems) {
    for argument in &sources.arguments {
        let (section, key) = (argument.section.as_str(), argument.key.as_str());
        let is_secret = || keys::sounds_secret(key) || is_declared(components, section, key);
        let secrets = match keys::find(section, key) {
            Some(known) => secret_parts(known.kind, &argument.value),
            None if is_secret() => vec![argument.value.as_str()],
            None => concealed::certain(key, &argument.value),
        };
        // Within a URL, a reference may be a part of the secret's part.
        let refers = |secret: &str| *secret != argument.value && secret.contains("${");
        let is_literal = |secret: &&str| !secret.is_empty() && !is_reference(secret) && !refers(secret);
        if secrets.iter().any(is_literal) {
            problems.at(
                &argument.option,
                "takes a reference only ($NAME, ${NAME} or ^NAME): every user of this machine can read a process's \
                 arguments",
            );
        }
    }
}

/// Whether the section's component declares `key` to be a secret.
fn is_declared(components: &[Component], section: &str, key: &str) -> bool {
    let of_section = |component: &&Component| component.name() == instances::family(section);
    components.iter().filter(of_section).any(|component| component.secret_keys().any(|secret| secret == key))
}

/// The merged value of a key that must be known before references can be followed.
pub(super) fn plain(raw: &RawSections, key: &str) -> Option<String> {
    let raw = raw.get("resilient")?.get(key)?;
    (raw.origin != DEFAULT || !raw.text.is_empty()).then(|| raw.text.clone())
}
