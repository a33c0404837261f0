//! A text without its escapes, which knows where each of its bytes came from.
//!
//! Escapes of all kinds are taken out, again and again until there are none: what was escaped for one medium is often
//! put into another (HTML inside JSON inside a line of the log). A secret is looked for in the form that the same leaves
//! of it, so that it does not matter which of its characters a writer escapes, or how.

use memchr::{memchr2, memchr3};
use std::ops::Range;
use web_atoms::NAMED_ENTITIES;

/// A text without escapes.
pub(super) struct Decoded {
    bytes: Vec<u8>,
    /// Where each byte came from.
    from: Vec<(u32, u32)>,
}

/// What an escape stands for: at most two characters.
#[derive(Default)]
struct Meant {
    bytes: [u8; 8],
    len: usize,
}

/// Escapes inside escapes are taken out this often.
const DEEPEST: usize = 12;

/// What HTML's and URLs' escapes begin with, and those of JSON and of programming languages.
const MARKS: [u8; 2] = [b'%', b'&'];
const BACKSLASH: [u8; 2] = [b'\\'; 2];

/// The longest name of a character in HTML, with its semicolon.
const LONGEST_NAME: usize = 32;

/// What may be left of an escape that was cut, at most; with any number of zeros it would have no end.
const LONGEST_REST: usize = 10;

// === impl Decoded ===

impl Decoded {
    /// `text` without escapes and line ends; `None` where it has neither. Longer texts than 4 GiB have no place here.
    pub(super) fn of(text: &[u8]) -> Option<Self> {
        // Each line of a log ends, which is no reason to look.
        let inner = text.strip_suffix(b"\n").unwrap_or(text);
        let needed = memchr3(b'\\', b'%', b'&', inner).is_some() || memchr2(b'\n', b'\r', inner).is_some();
        needed.then(|| Self::decode(text))
    }

    /// What is left of a secret.
    pub(super) fn of_secret(secret: &[u8]) -> Vec<u8> {
        Self::decode(secret).bytes
    }

    fn decode(text: &[u8]) -> Self {
        let mut decoded = Self { bytes: text.to_vec(), from: (0_u32..).zip(1..).take(text.len()).collect() };
        for _ in 0..DEEPEST {
            // A backslash quotes whatever follows, which must be known by then.
            let next = decoded.unescaped(MARKS).or_else(|| decoded.unescaped(BACKSLASH));
            match next {
                Some(next) => decoded = next,
                None => break,
            }
        }
        decoded.joined()
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Where in the text itself `range` of the bytes came from.
    pub(super) fn source(&self, range: Range<usize>) -> Option<Range<usize>> {
        let from = self.from.get(range)?;
        let (start, end) = (from.first()?.0, from.last()?.1);
        Some(usize::try_from(start).ok()?..usize::try_from(end).ok()?)
    }

    /// Once more without those escapes that begin with one of `marks`; `None` where there are none.
    fn unescaped(&self, marks: [u8; 2]) -> Option<Self> {
        let (mut next, mut at, mut changed) = (Self::with_room(self.bytes.len()), 0, false);
        while let Some(rest) = self.bytes.get(at..).filter(|rest| !rest.is_empty()) {
            let plain = memchr2(marks[0], marks[1], rest).unwrap_or(rest.len());
            next.copy(self, at..at + plain);
            at += plain;
            match rest.get(plain..).and_then(escape) {
                Some((len, meant)) => {
                    next.push(&meant, self.source(at..at + len));
                    at += len;
                    changed = true;
                }
                None => {
                    next.copy(self, at..self.bytes.len().min(at + 1));
                    at += 1;
                }
            }
        }
        changed.then_some(next)
    }

    /// Without line ends and the indentation behind them, which base64 and keys are wrapped by; `+` is a blank, as in
    /// forms. What is no UTF-8 is taken for the old character set whose codes Unicode begins with.
    fn joined(self) -> Self {
        let mut joined = Self::with_room(self.bytes.len());
        let mut from = self.from.into_iter();
        let mut after_end = false;
        for chunk in self.bytes.utf8_chunks() {
            for (byte, from) in chunk.valid().bytes().zip(&mut from) {
                after_end = matches!(byte, b'\n' | b'\r') || (after_end && matches!(byte, b' ' | b'\t'));
                if !after_end {
                    joined.bytes.push(if byte == b'+' { b' ' } else { byte });
                    joined.from.push(from);
                }
            }
            for (byte, (start, end)) in chunk.invalid().iter().zip(&mut from) {
                let source =
                    usize::try_from(start).unwrap_or_default()..usize::try_from(end).unwrap_or_default();
                joined.push(&Meant::chars([char::from(*byte)]), Some(source));
                after_end = false;
            }
        }
        joined
    }

    fn with_room(len: usize) -> Self {
        Self { bytes: Vec::with_capacity(len), from: Vec::with_capacity(len) }
    }

    fn copy(&mut self, other: &Self, range: Range<usize>) {
        self.bytes.extend_from_slice(other.bytes.get(range.clone()).unwrap_or_default());
        self.from.extend_from_slice(other.from.get(range).unwrap_or_default());
    }

    fn push(&mut self, meant: &Meant, source: Option<Range<usize>>) {
        let source = source.unwrap_or_default();
        let place = |at: usize| u32::try_from(at).unwrap_or(u32::MAX);
        for byte in meant.bytes.iter().take(meant.len) {
            self.bytes.push(*byte);
            self.from.push((place(source.start), place(source.end)));
        }
    }
}

/// The escape that `text` begins with: its length, and what it means.
fn escape(text: &[u8]) -> Option<(usize, Meant)> {
    match text {
        [b'%', rest @ ..] => percent(rest).map(|(len, meant)| (len + 1, meant)),
        [b'&', rest @ ..] => entity(rest).map(|(len, meant)| (len + 1, meant)),
        [b'\\', rest @ ..] => Some(backslash(rest)).map(|(len, meant)| (len + 1, meant)),
        _ => None,
    }
}

/// `3C`, `u003C`
fn percent(text: &[u8]) -> Option<(usize, Meant)> {
    match text {
        [b'u' | b'U', rest @ ..] => units(rest, b'%').map(|(len, meant)| (len + 1, meant)),
        _ => hex(text, 2).and_then(|byte| Some((2, Meant::byte(u8::try_from(byte).ok()?)))),
    }
}

/// `lt;`, `lt`, `#60;`, `#x3c;`, with any number of zeros.
fn entity(text: &[u8]) -> Option<(usize, Meant)> {
    let Some(number) = text.strip_prefix(b"#") else { return named(text) };
    let (radix, digits, mark) = match number {
        [b'x' | b'X', digits @ ..] => (16, digits, 2),
        digits => (10, digits, 1),
    };
    let len = digits.iter().take_while(|byte| char::from(**byte).is_digit(radix)).count();
    let digits = std::str::from_utf8(digits.get(..len)?).ok()?;
    let code = u32::from_str_radix(digits, radix).ok()?;
    let semicolon = usize::from(text.get(mark + len) == Some(&b';'));
    Some((mark + len + semicolon, Meant::chars([char::from_u32(code)?])))
}

/// The longest name that fits, as HTML reads them: some need no semicolon.
fn named(text: &[u8]) -> Option<(usize, Meant)> {
    let name = text.iter().take(LONGEST_NAME).take_while(|byte| byte.is_ascii_alphanumeric()).count();
    let end = name + usize::from(text.get(name) == Some(&b';'));
    (2..=end).rev().find_map(|len| {
        let (first, second) = *NAMED_ENTITIES.get(std::str::from_utf8(text.get(..len)?).ok()?)?;
        let meant = [first, second].into_iter().filter(|code| *code != 0).filter_map(char::from_u32);
        let meant = Meant::chars(meant);
        (meant.len > 0).then_some((len, meant))
    })
}

/// `\n`, `\u003c`, `\ud83d\udd11`, `\u{3c}`, `\U0000003c`, `\x3c`, `\074`; before anything else it is quoted by it.
fn backslash(text: &[u8]) -> (usize, Meant) {
    let code = match text {
        [b'u', b'{', rest @ ..] => braced(rest).map(|(len, meant)| (len + 2, meant)),
        [b'u', rest @ ..] => units(rest, b'\\').map(|(len, meant)| (len + 1, meant)),
        [b'U', rest @ ..] => hex(rest, 8).and_then(|code| Some((9, Meant::chars([char::from_u32(code)?])))),
        [b'x', rest @ ..] => hex(rest, 2).and_then(|byte| Some((3, Meant::byte(u8::try_from(byte).ok()?)))),
        [b'0'..=b'3', b'0'..=b'7', b'0'..=b'7', ..] => octal(text),
        _ => None,
    };
    code.unwrap_or_else(|| match text {
        [b'n', ..] => (1, Meant::byte(b'\n')),
        [b'r', ..] => (1, Meant::byte(b'\r')),
        [b't', ..] => (1, Meant::byte(b'\t')),
        [b'b', ..] => (1, Meant::byte(8)),
        [b'f', ..] => (1, Meant::byte(12)),
        [b'0', ..] => (1, Meant::byte(0)),
        [byte, ..] => (1, Meant::byte(*byte)),
        [] => (0, Meant::default()),
    })
}

fn octal(text: &[u8]) -> Option<(usize, Meant)> {
    let digits = std::str::from_utf8(text.get(..3)?).ok()?;
    Some((3, Meant::byte(u8::from_str_radix(digits, 8).ok()?)))
}

fn braced(text: &[u8]) -> Option<(usize, Meant)> {
    let len = text.iter().take(8).position(|byte| *byte == b'}')?;
    Some((len + 1, Meant::chars([char::from_u32(hex(text, len)?)?])))
}

/// One unit of UTF-16, or the two of a pair, the second behind `mark` and `u`.
fn units(text: &[u8], mark: u8) -> Option<(usize, Meant)> {
    let first = hex(text, 4)?;
    if let Some(c) = char::from_u32(first) {
        return Some((4, Meant::chars([c])));
    }
    let second = match text.get(4..)? {
        [own, b'u' | b'U', rest @ ..] if *own == mark => hex(rest, 4)?,
        _ => return None,
    };
    let pair = [u16::try_from(first).ok()?, u16::try_from(second).ok()?];
    let c = char::decode_utf16(pair).next()?.ok()?;
    Some((10, Meant::chars([c])))
}

/// The number that the first `len` bytes are in hexadecimal.
fn hex(text: &[u8], len: usize) -> Option<u32> {
    let digits = text.get(..len).filter(|digits| digits.iter().all(u8::is_ascii_hexdigit))?;
    u32::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()
}

/// `text` without an escape at its end that was cut.
pub(super) fn whole_escapes(text: &[u8]) -> &[u8] {
    let tail = text.len().saturating_sub(LONGEST_REST);
    let mark =
        text.get(tail..).unwrap_or_default().iter().rposition(|byte| matches!(byte, b'\\' | b'%' | b'&'));
    let is_rest = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'#';
    match mark.map(|mark| mark + tail) {
        Some(mark) if text.get(mark + 1..).unwrap_or_default().iter().all(is_rest) => {
            text.get(..mark).unwrap_or_default()
        }
        _ => text,
    }
}

/// `text` without the rest of an escape at its beginning that was cut: `lt;`, `60;`, `3C`.
pub(super) fn after_rest(text: &[u8]) -> &[u8] {
    let rest = text.iter().take(LONGEST_REST).take_while(|byte| byte.is_ascii_alphanumeric()).count();
    match text.get(rest) {
        Some(b';') => text.get(rest + 1..).unwrap_or_default(),
        _ => text,
    }
}

// === impl Meant ===

impl Meant {
    fn byte(byte: u8) -> Self {
        Self { bytes: [byte, 0, 0, 0, 0, 0, 0, 0], len: 1 }
    }

    fn chars(chars: impl IntoIterator<Item = char>) -> Self {
        let mut meant = Self::default();
        for c in chars.into_iter().take(2) {
            let mut utf8 = [0; 4];
            for byte in c.encode_utf8(&mut utf8).bytes() {
                if let Some(place) = meant.bytes.get_mut(meant.len) {
                    *place = byte;
                    meant.len += 1;
                }
            }
        }
        meant
    }
}
