//! What is looked for because of one secret.
//!
//! Escapes are not among it: the text is looked through without them too ([`Decoded`]).

use super::decoded::{Decoded, whole_escapes};
use crate::secret::Secret;
use base64::{Engine, engine::general_purpose};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;
use std::{collections::BTreeSet, fmt::Write};

/// Shorter ones could stand anywhere.
const SHORTEST: usize = 4;

/// What RFC 3986 does not call unreserved.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// Every form of `secret`.
pub(super) fn all(secret: &Secret) -> Vec<Box<[u8]>> {
    let core = secret.core();
    let mut forms = Forms::default();
    forms.add(core.as_bytes());
    if Decoded::of_secret(core.as_bytes()).len() < SHORTEST {
        // Too little is left to be looked for, so its escapes are.
        escaped(core).iter().for_each(|form| forms.add(form.as_bytes()));
    }
    if core.contains(' ') {
        forms.add(core.replace(' ', "+").as_bytes());
    }
    if !core.is_ascii() {
        latin_1(core).iter().for_each(|bytes| forms.add(bytes));
    }
    for order in [u16::to_le_bytes, u16::to_be_bytes] {
        forms.add(&core.encode_utf16().flat_map(order).collect::<Vec<u8>>());
    }
    for hex in [hex(core, "0123456789abcdef"), hex(core, "0123456789ABCDEF")] {
        forms.add(hex.as_bytes());
    }
    // What is encoded as a whole has often been escaped before.
    let inner = BTreeSet::from([
        secret.expose().to_owned(),
        core.to_owned(),
        within_quotes(&Value::from(core).to_string()),
        utf8_percent_encode(core, RESERVED).to_string(),
    ]);
    for inner in inner {
        base64(inner.as_bytes()).iter().for_each(|form| forms.add(form.as_bytes()));
    }
    forms.0.into_iter().collect()
}

#[derive(Default)]
struct Forms(BTreeSet<Box<[u8]>>);

// === impl Forms ===

impl Forms {
    /// As it is, and as it stands in a text whose escapes were taken out.
    fn add(&mut self, form: &[u8]) {
        if form.len() < SHORTEST {
            return;
        }
        self.0.insert(form.into());
        let decoded = Decoded::of_secret(form);
        // What follows may make an escape of its end.
        for decoded in [decoded.as_slice(), whole_escapes(&decoded)] {
            if decoded.len() >= SHORTEST {
                self.0.insert(decoded.into());
            }
        }
    }
}

/// With the escapes of JSON, of programming languages, of the log and of URLs, up to three deep.
fn escaped(text: &str) -> BTreeSet<String> {
    let mut forms = BTreeSet::from([text.to_owned()]);
    for _ in 0..3 {
        let further: Vec<String> = forms.iter().flat_map(|form| escapes(form)).collect();
        forms.extend(further);
    }
    forms
}

fn escapes(text: &str) -> [String; 5] {
    let without_quotes =
        |c: char| if c.is_control() { c.escape_default().to_string() } else { c.to_string() };
    [
        within_quotes(&Value::from(text).to_string()),
        within_quotes(&format!("{text:?}")),
        text.chars().map(without_quotes).collect(),
        utf8_percent_encode(text, RESERVED).to_string(),
        utf8_percent_encode(text, NON_ALPHANUMERIC).to_string(),
    ]
}

/// In the character set of old pages; `None` where that lacks one of its characters.
fn latin_1(text: &str) -> Option<Vec<u8>> {
    text.chars().map(|c| u8::try_from(u32::from(c)).ok()).collect()
}

fn hex(text: &str, digits: &str) -> String {
    let digit = |at: u8| digits.as_bytes().get(usize::from(at)).copied().unwrap_or(b'0');
    text.bytes().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).fold(
        String::new(),
        |mut hex, digit| {
            let _infallible = hex.write_char(digit.into());
            hex
        },
    )
}

fn within_quotes(text: &str) -> String {
    text.strip_prefix('"').and_then(|text| text.strip_suffix('"')).unwrap_or(text).to_owned()
}

/// In base64 of its own, and inside longer base64, where its bytes can begin at three positions: of those, the
/// characters that depend on nothing else.
fn base64(secret: &[u8]) -> BTreeSet<String> {
    let mut forms = BTreeSet::new();
    for engine in [&general_purpose::STANDARD, &general_purpose::URL_SAFE] {
        let whole = engine.encode(secret);
        forms.insert(whole.trim_end_matches('=').to_owned());
        forms.insert(whole);
        for before in 0..3_usize {
            let shifted = engine.encode([&[0, 0][..before], secret].concat());
            let (start, end) = ((before * 8).div_ceil(6), (before + secret.len()) * 8 / 6);
            forms.extend(shifted.get(start..end).map(str::to_owned));
        }
    }
    forms
}
