//! Secrets masked by value, wherever and however they stand in a text.

use super::line;
use crate::secret::Secret;
use base64::{Engine, engine::general_purpose};
use memchr::memmem::Finder;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;
use std::{
    borrow::Cow,
    collections::BTreeSet,
    fmt,
    ops::Range,
    sync::{Arc, PoisonError, RwLock},
};

/// Replaces every known secret by `***`: as it is, escaped (JSON, also inside JSON; Rust's `Debug`; a line of the log),
/// percent-encoded, and in base64 at any position, so that `Authorization: Basic` is masked too.
///
/// Secrets shorter than four characters are not looked for: the mask would be everywhere and give them away. Clones
/// share what they know.
#[derive(Clone, Default)]
pub struct Redactor(Arc<RwLock<Forms>>);

#[derive(Default)]
struct Forms {
    texts: BTreeSet<String>,
    finders: Vec<Finder<'static>>,
}

/// Shorter ones are not looked for.
const SHORTEST: usize = 4;
/// Fewer characters of base64 than this could stand anywhere.
const SHORTEST_BASE64: usize = 4;
/// What RFC 3986 does not call unreserved.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');
/// What an HTML form encodes.
const NOT_IN_FORMS: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'*');
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

    /// Masks one more, such as a session's token.
    pub fn add(&self, secret: &Secret) {
        let text = secret.expose();
        if text.chars().count() < SHORTEST || matches!(text.to_ascii_lowercase().as_str(), "true" | "false") {
            return;
        }
        let mut known = self.0.write().unwrap_or_else(PoisonError::into_inner);
        for form in forms(text) {
            if !known.texts.contains(&form) {
                known.finders.push(Finder::new(form.as_bytes()).into_owned());
                known.texts.insert(form);
            }
        }
    }

    /// `text` with `***` for every secret.
    #[must_use]
    pub fn mask<'a>(&self, text: &'a str) -> Cow<'a, str> {
        let found = self.find(text);
        if found.is_empty() {
            return Cow::Borrowed(text);
        }
        let (mut masked, mut after) = (String::with_capacity(text.len()), 0);
        for range in found {
            masked.push_str(text.get(after..range.start).unwrap_or_default());
            masked.push_str(MASK);
            after = range.end;
        }
        masked.push_str(text.get(after..).unwrap_or_default());
        Cow::Owned(masked)
    }

    /// Where secrets stand, in order, those that touch made one.
    fn find(&self, text: &str) -> Vec<Range<usize>> {
        let known = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let hits = known.finders.iter().flat_map(|finder| {
            finder.find_iter(text.as_bytes()).map(|start| start..start + finder.needle().len())
        });
        let mut hits: Vec<Range<usize>> = hits.collect();
        hits.sort_by_key(|range| range.start);
        hits.into_iter().fold(Vec::new(), joined)
    }
}

fn joined(mut ranges: Vec<Range<usize>>, next: Range<usize>) -> Vec<Range<usize>> {
    match ranges.last_mut() {
        Some(last) if next.start <= last.end => last.end = last.end.max(next.end),
        _ => ranges.push(next),
    }
    ranges
}

impl fmt::Debug for Redactor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Redactor").finish_non_exhaustive()
    }
}

/// Every form of `secret`.
fn forms(secret: &str) -> BTreeSet<String> {
    let mut forms = BTreeSet::from([secret.to_owned()]);
    // Up to three deep: a JSON document is often a string inside another, and that inside a quoted field.
    for _ in 0..3 {
        let escaped: Vec<String> = forms.iter().flat_map(|form| escapes(form)).collect();
        forms.extend(escaped);
    }
    forms.extend(percent(secret));
    forms.extend(base64(secret.as_bytes()));
    forms
}

fn escapes(text: &str) -> [String; 6] {
    let json = Value::from(text);
    [
        within_quotes(&json.to_string()),
        within_quotes(&line::json_text(&json)),
        ascii_json(&json),
        within_quotes(&format!("{text:?}")),
        line::escaped(text, true),
        line::escaped(text, false),
    ]
}

fn within_quotes(text: &str) -> String {
    text.strip_prefix('"').and_then(|text| text.strip_suffix('"')).unwrap_or(text).to_owned()
}

/// As Python's `json.dumps` writes it: everything beyond ASCII as `\uXXXX`.
fn ascii_json(json: &Value) -> String {
    let mut text = String::new();
    for c in within_quotes(&json.to_string()).chars() {
        if c.is_ascii() { text.push(c) } else { line::push_units(&mut text, c) }
    }
    text
}

fn percent(secret: &str) -> Vec<String> {
    let strict = utf8_percent_encode(secret, NON_ALPHANUMERIC).to_string();
    let usual = utf8_percent_encode(secret, RESERVED).to_string();
    let form = utf8_percent_encode(secret, NOT_IN_FORMS).to_string().replace("%20", "+");
    let lower = lower_hex(&usual);
    vec![strict, usual, form, lower]
}

fn lower_hex(text: &str) -> String {
    let mut hex = 0;
    let character = |c: char| match c {
        '%' => {
            hex = 2;
            c
        }
        c if hex > 0 => {
            hex -= 1;
            c.to_ascii_lowercase()
        }
        c => c,
    };
    text.chars().map(character).collect()
}

/// In base64 of its own, and inside longer base64, where its bytes can begin at three positions: of those, the
/// characters that depend on nothing else.
fn base64(secret: &[u8]) -> Vec<String> {
    let mut forms = Vec::new();
    for engine in [&general_purpose::STANDARD, &general_purpose::URL_SAFE] {
        let whole = engine.encode(secret);
        forms.push(whole.trim_end_matches('=').to_owned());
        forms.push(whole);
        for before in 0..3_usize {
            let shifted = engine.encode([&[0, 0][..before], secret].concat());
            let (start, end) = ((before * 8).div_ceil(6), (before + secret.len()) * 8 / 6);
            forms.extend(shifted.get(start..end).map(str::to_owned));
        }
    }
    forms.retain(|form| form.len() >= SHORTEST_BASE64);
    forms
}
