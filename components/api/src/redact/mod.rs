//! Secrets masked by value, wherever and however they stand in a text.
//!
//! - `forms`: what is looked for because of one secret
//! - `decoded`: a text without the escapes of HTML, JSON, URLs, headers and programming languages
//! - `needles`: finds any number of forms in one go, and what a cut has left of them

mod decoded;
mod forms;
mod needles;

use crate::secret::Secret;
use decoded::Decoded;
use needles::Needles;
use serde_json::Value;
use std::{
    borrow::Cow,
    collections::{HashSet, VecDeque},
    fmt,
    ops::Range,
    sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard},
};

/// Replaces every known secret by `***`: as it is; as HTML, JSON, URLs, forms, headers and programming languages escape
/// it, several times over too; in hexadecimal; in UTF-16; and in base64 at any position, so that `Authorization: Basic`
/// is masked too.
///
/// Secrets shorter than four characters are not looked for: the mask would be everywhere and give them away. Clones
/// share what they know.
#[derive(Clone, Default)]
pub struct Redactor(Arc<RwLock<Known>>);

/// A secret that is masked until this is dropped.
#[must_use = "the secret is masked until this is dropped"]
pub struct Held {
    redactor: Redactor,
    forms: Vec<Box<[u8]>>,
}

#[derive(Default)]
struct Known {
    needles: Needles,
    /// Registered while messages are at work; the oldest go when there are too many.
    remembered: VecDeque<Box<str>>,
    is_remembered: HashSet<Box<str>>,
}

/// How a text is looked through.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Ends {
    /// As they came.
    Whole,
    /// Something may be cut off at either.
    Cut,
}

/// Shorter ones are not looked for.
const SHORTEST: usize = 4;

/// Shorter context tokens are made up: a rehearsal's is `dummy`.
const SHORTEST_TOKEN: usize = 8;

/// Secrets that are remembered, besides those that are known for good.
const MAX_REMEMBERED: usize = 4_096;

/// Longer texts are decoded piece by piece, lest that take many times their memory.
const PIECE: usize = 256 << 10;
/// What two pieces have in common, so that no secret lies across their border only.
const OVERLAP: usize = 32 << 10;

const MASK: &str = "***";

// === impl Redactor ===

impl Redactor {
    /// Masks `secrets`.
    #[must_use]
    pub fn new<'a>(secrets: impl IntoIterator<Item = &'a Secret>) -> Self {
        let redactor = Self::default();
        for secret in secrets {
            redactor.add(secret);
        }
        redactor
    }

    /// Masks one more, for as long as this redactor lives.
    pub fn add(&self, secret: &Secret) {
        let forms = forms_of(secret);
        self.write().insert(&forms);
    }

    /// Masks `secret` until what this gives is dropped.
    pub fn hold(&self, secret: &Secret) -> Held {
        self.held(forms_of(secret))
    }

    /// Masks what those of a message's headers say that hold credentials, such as the context token, until what this
    /// gives is dropped. Values shorter than eight characters are made up, as in tests.
    pub fn hold_headers<'a>(&self, headers: impl IntoIterator<Item = (&'a str, &'a str)>) -> Held {
        let credentials = headers.into_iter().filter(|(name, _)| is_credential(name)).map(|(_, value)| value);
        let credentials = credentials.filter(|value| value.chars().count() >= SHORTEST_TOKEN);
        let forms: Vec<_> = credentials.flat_map(|value| forms_of(&value.into())).collect();
        self.held(forms)
    }

    /// Masks `secret` until 4,096 others have been remembered since.
    pub fn remember(&self, secret: &Secret) {
        let forms = forms_of(secret);
        let mut known = self.write();
        if forms.is_empty() || !known.is_remembered.insert(secret.core().into()) {
            return;
        }
        known.insert(&forms);
        known.remembered.push_back(secret.core().into());
        if known.remembered.len() > MAX_REMEMBERED
            && let Some(oldest) = known.remembered.pop_front()
        {
            known.is_remembered.remove(&oldest);
            let forms = forms_of(&oldest.into());
            known.remove(&forms);
        }
    }

    fn held(&self, forms: Vec<Box<[u8]>>) -> Held {
        if !forms.is_empty() {
            self.write().insert(&forms);
        }
        Held { redactor: self.clone(), forms }
    }

    /// `text` with `***` for every secret.
    #[must_use]
    pub fn mask<'a>(&self, text: &'a str) -> Cow<'a, str> {
        self.mask_text(text, Ends::Whole)
    }

    /// The same for a text that may be an excerpt, or hold some: a secret's first six characters or more at the end, or
    /// before dots that stand for what was left out, count as the secret, and so do its last ones at the beginning, or
    /// behind the dots.
    #[must_use]
    pub fn mask_excerpt<'a>(&self, text: &'a str) -> Cow<'a, str> {
        self.mask_text(text, Ends::Cut)
    }

    /// The same for what may be no text.
    #[must_use]
    pub fn mask_bytes<'a>(&self, bytes: &'a [u8]) -> Cow<'a, [u8]> {
        let found = self.find(bytes, Ends::Cut);
        if found.is_empty() { Cow::Borrowed(bytes) } else { Cow::Owned(masked(bytes, &found)) }
    }

    /// The same in every text of `value`, in the names of its fields and in its numbers.
    pub fn mask_json(&self, value: &mut Value) {
        match value {
            Value::String(text) => {
                if let Cow::Owned(masked) = self.mask_excerpt(text) {
                    *text = masked;
                }
            }
            Value::Array(values) => values.iter_mut().for_each(|value| self.mask_json(value)),
            Value::Object(fields) => {
                fields.values_mut().for_each(|value| self.mask_json(value));
                if fields.keys().any(|name| matches!(self.mask(name), Cow::Owned(_))) {
                    let masked = std::mem::take(fields).into_iter();
                    *fields = masked.map(|(name, value)| (self.mask(&name).into_owned(), value)).collect();
                }
            }
            Value::Number(number) => {
                if let Cow::Owned(masked) = self.mask(&number.to_string()) {
                    *value = masked.into();
                }
            }
            Value::Null | Value::Bool(_) => {}
        }
    }

    fn mask_text<'a>(&self, text: &'a str, ends: Ends) -> Cow<'a, str> {
        let mut found = self.find(text.as_bytes(), ends);
        if found.is_empty() {
            return Cow::Borrowed(text);
        }
        for range in &mut found {
            // Bytes of another character set can begin inside a character.
            *range = text.floor_char_boundary(range.start)..text.ceil_char_boundary(range.end);
        }
        let masked = masked(text.as_bytes(), &joined(found));
        Cow::Owned(String::from_utf8(masked).unwrap_or_else(|_impossible| MASK.to_owned()))
    }

    /// Where secrets stand, in order, those that touch made one.
    fn find(&self, text: &[u8], ends: Ends) -> Vec<Range<usize>> {
        let known = self.read();
        let mut hits = Vec::new();
        if known.needles.is_empty() {
            return hits;
        }
        known.needles.find(text, |range| hits.push(range));
        if ends == Ends::Cut {
            known.needles.find_cut(text, |range| hits.push(range));
        }
        each_piece(text, |start, piece| {
            let Some(decoded) = Decoded::of(piece) else { return };
            let mut hit =
                |range| hits.extend(decoded.source(range).map(|at| at.start + start..at.end + start));
            known.needles.find(decoded.bytes(), &mut hit);
            if ends == Ends::Cut && piece.len() == text.len() {
                known.needles.find_cut(decoded.bytes(), &mut hit);
            }
        });
        joined(hits)
    }

    fn read(&self) -> RwLockReadGuard<'_, Known> {
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Known> {
        self.0.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Redactor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Redactor").finish_non_exhaustive()
    }
}

// === impl Held ===

impl Drop for Held {
    fn drop(&mut self) {
        if !self.forms.is_empty() {
            self.redactor.write().remove(&self.forms);
        }
    }
}

impl fmt::Debug for Held {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Held").finish_non_exhaustive()
    }
}

// === impl Known ===

impl Known {
    fn insert(&mut self, forms: &[Box<[u8]>]) {
        forms.iter().for_each(|form| self.needles.insert(form));
    }

    fn remove(&mut self, forms: &[Box<[u8]>]) {
        forms.iter().for_each(|form| self.needles.remove(form));
    }
}

/// What is looked for because of `secret`.
fn forms_of(secret: &Secret) -> Vec<Box<[u8]>> {
    if is_worth_masking(secret.core()) { forms::all(secret) } else { Vec::new() }
}

/// Whether a header of this name holds a credential, such as the context token, which ties REST calls to the rule that
/// caused them.
#[must_use]
pub fn is_credential(header: &str) -> bool {
    let header = header.to_lowercase();
    ["token", "secret", "passw", "passcode", "authorization", "cookie", "x-sess-id", "api-key", "apikey"]
        .iter()
        .any(|word| header.contains(word))
}

fn is_worth_masking(secret: &str) -> bool {
    secret.chars().count() >= SHORTEST && !matches!(secret.to_ascii_lowercase().as_str(), "true" | "false")
}

/// `text` in pieces that overlap, each with where it begins.
fn each_piece(text: &[u8], mut see: impl FnMut(usize, &[u8])) {
    if text.len() <= PIECE {
        return see(0, text);
    }
    let mut start = 0;
    while start < text.len() {
        let end = text.len().min(start + PIECE);
        see(start, text.get(start..end).unwrap_or_default());
        if end == text.len() {
            return;
        }
        start += PIECE - OVERLAP;
    }
}

/// In order, those that touch made one.
fn joined(mut ranges: Vec<Range<usize>>) -> Vec<Range<usize>> {
    ranges.sort_unstable_by_key(|range| range.start);
    ranges.into_iter().fold(Vec::new(), |mut joined, next| {
        match joined.last_mut() {
            Some(last) if next.start <= last.end => last.end = last.end.max(next.end),
            _ => joined.push(next),
        }
        joined
    })
}

fn masked(text: &[u8], found: &[Range<usize>]) -> Vec<u8> {
    let (mut masked, mut after) = (Vec::with_capacity(text.len()), 0);
    for range in found {
        masked.extend_from_slice(text.get(after..range.start).unwrap_or_default());
        masked.extend_from_slice(MASK.as_bytes());
        after = range.end;
    }
    masked.extend_from_slice(text.get(after..).unwrap_or_default());
    masked
}
