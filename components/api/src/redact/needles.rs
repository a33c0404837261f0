//! Many byte strings looked for in one go, added and taken away at any time at no more than their own cost.
//!
//! A searcher that has to be built whenever one more is to be found would not do: each message brings a token of its own.

use super::decoded::{after_rest, whole_escapes};
use memchr::memchr2_iter;
use std::{
    collections::BTreeMap,
    ops::{Bound, Range},
};

/// What is looked for.
#[derive(Default)]
pub(super) struct Needles {
    /// How often each was added.
    starts: BTreeMap<Box<[u8]>, usize>,
    /// The same, each from its end to its beginning: tokens begin alike and end each in its own way.
    ends: BTreeMap<Box<[u8]>, ()>,
    /// The last bytes of all.
    last: Filter,
    /// The first and the last of those that a cut may leave a part of.
    cut_start: Filter,
    cut_end: Filter,
    longest: usize,
}

/// Says of most keys that they are not among the known ones.
#[derive(Default)]
struct Filter(Vec<u16>);

/// The bytes by which a needle is found; none is shorter.
const KEY: usize = 4;

/// Of a needle that was cut, this much tells it.
const CUT: usize = 6;

const FILTER_BITS: u32 = 15;

// === impl Needles ===

impl Needles {
    pub(super) fn is_empty(&self) -> bool {
        self.starts.is_empty()
    }

    pub(super) fn insert(&mut self, needle: &[u8]) {
        if let Some(times) = self.starts.get_mut(needle) {
            *times += 1;
            return;
        }
        self.starts.insert(needle.into(), 1);
        self.ends.insert(reversed(needle), ());
        self.longest = self.longest.max(needle.len());
        self.each_key(needle, |filter, key| filter.add(key));
    }

    pub(super) fn remove(&mut self, needle: &[u8]) {
        match self.starts.get_mut(needle) {
            Some(times) if *times > 1 => *times -= 1,
            Some(_) => {
                self.starts.remove(needle);
                self.ends.remove(&reversed(needle));
                self.each_key(needle, |filter, key| filter.take(key));
            }
            None => {}
        }
    }

    fn each_key(&mut self, needle: &[u8], mut see: impl FnMut(&mut Filter, u64)) {
        if let Some(last) = needle.last_chunk::<KEY>() {
            see(&mut self.last, key4(*last));
        }
        if let (Some(first), Some(last)) = (needle.first_chunk::<CUT>(), needle.last_chunk::<CUT>()) {
            see(&mut self.cut_start, key6(*first));
            see(&mut self.cut_end, key6(*last));
        }
    }

    /// Where any of them stands; of those with the same end, the longest.
    pub(super) fn find(&self, text: &[u8], mut hit: impl FnMut(Range<usize>)) {
        for (start, window) in text.array_windows::<KEY>().enumerate() {
            if self.last.may_have(key4(*window)) {
                let before = text.get(..start + KEY).unwrap_or_default();
                if let Some(len) = self.longest_end(before) {
                    hit(before.len() - len..before.len());
                }
            }
        }
    }

    /// The length of the longest needle that `text` ends with.
    fn longest_end(&self, text: &[u8]) -> Option<usize> {
        let backwards = || text.iter().rev();
        let key: Vec<u8> = backwards().take(KEY).copied().collect();
        let alike = self.ends.range::<[u8], _>(from(&key)).map(|(needle, ())| needle);
        let alike = alike.take_while(|needle| needle.starts_with(&key));
        let found = alike
            .filter(|needle| needle.len() <= text.len() && needle.iter().eq(backwards().take(needle.len())));
        found.map(|needle| needle.len()).max()
    }

    /// What a cut has left of any of them, at the end of `text` and at its beginning, and where dots say that something
    /// was left out.
    pub(super) fn find_cut(&self, text: &[u8], mut hit: impl FnMut(Range<usize>)) {
        for part in parts(text) {
            let bare = text.get(part.clone()).unwrap_or_default();
            let end = part.start + before_quotes(bare).len();
            let start = part.end - after_quotes(bare).len();
            let whole = text.get(part.start..end).unwrap_or_default();
            for excerpt in [whole, whole_escapes(whole)] {
                if let Some(cut) = self.cut_at_the_end(excerpt) {
                    hit(part.start + cut..part.start + excerpt.len());
                }
            }
            let whole = text.get(start..part.end).unwrap_or_default();
            for excerpt in [whole, after_rest(whole)] {
                if let Some(len) = self.cut_at_the_start(excerpt) {
                    let start = part.end - excerpt.len();
                    hit(start..start + len);
                }
            }
        }
    }

    /// Where the longest beginning of a needle is that `text` ends with.
    fn cut_at_the_end(&self, text: &[u8]) -> Option<usize> {
        let first = text.len().saturating_sub(self.longest);
        let mut windows = text.get(first..)?.array_windows::<CUT>().enumerate();
        windows.find_map(|(at, window)| {
            let part = text.get(first + at..).filter(|_| self.cut_start.may_have(key6(*window)))?;
            let (needle, _) = self.starts.range::<[u8], _>(from(part)).next()?;
            needle.starts_with(part).then_some(first + at)
        })
    }

    /// How long the longest end of a needle is that `text` begins with.
    fn cut_at_the_start(&self, text: &[u8]) -> Option<usize> {
        let longest = text.get(..text.len().min(self.longest))?;
        let mut windows = longest.array_windows::<CUT>().enumerate().rev();
        windows.find_map(|(at, window)| {
            let part = text.get(..at + CUT).filter(|_| self.cut_end.may_have(key6(*window)))?;
            let part = reversed(part);
            let (needle, ()) = self.ends.range::<[u8], _>(from(&part)).next()?;
            needle.starts_with(&part).then_some(at + CUT)
        })
    }
}

/// `bytes`, and all that come after them in order.
fn from(bytes: &[u8]) -> (Bound<&[u8]>, Bound<&[u8]>) {
    (Bound::Included(bytes), Bound::Unbounded)
}

fn reversed(bytes: &[u8]) -> Box<[u8]> {
    bytes.iter().rev().copied().collect()
}

/// What dots divide, `…` and `...`, and the whole: dots may be a secret's own.
fn parts(text: &[u8]) -> Vec<Range<usize>> {
    let dots = |at: &usize| {
        let rest = text.get(*at..).unwrap_or_default();
        rest.starts_with("…".as_bytes()) || rest.starts_with(b"...")
    };
    let mut parts = Vec::new();
    let mut start = 0;
    for at in memchr2_iter(0xe2, b'.', text).filter(dots) {
        parts.push(start..at);
        start = at;
    }
    parts.push(start..text.len());
    if start > 0 {
        parts.push(0..text.len());
    }
    parts
}

/// Without what is put around and behind an excerpt.
fn before_quotes(text: &[u8]) -> &[u8] {
    let mut text = text;
    loop {
        text = match text {
            [rest @ .., b'"' | b'\'' | b'`' | b'.' | b',' | b';' | b')' | b']' | b'}' | b'>' | b'\\'] => rest,
            [rest @ .., b' ' | b'\n' | b'\r'] => rest,
            [rest @ .., 0xe2, 0x80, 0xa6 | 0x9d | 0x99] => rest,
            _ => return text,
        };
    }
}

fn after_quotes(text: &[u8]) -> &[u8] {
    let mut text = text;
    loop {
        text = match text {
            [b'"' | b'\'' | b'`' | b'.' | b'(' | b'[' | b'{' | b'<' | b' ' | b'\n' | b'\r', rest @ ..] => {
                rest
            }
            [0xe2, 0x80, 0xa6 | 0x9c | 0x98, rest @ ..] => rest,
            _ => return text,
        };
    }
}

fn key4(bytes: [u8; KEY]) -> u64 {
    u32::from_le_bytes(bytes).into()
}

fn key6([a, b, c, d, e, f]: [u8; CUT]) -> u64 {
    u64::from_le_bytes([a, b, c, d, e, f, 0, 0])
}

// === impl Filter ===

impl Filter {
    fn may_have(&self, key: u64) -> bool {
        self.0.get(place(key)).is_some_and(|times| *times > 0)
    }

    fn add(&mut self, key: u64) {
        if self.0.is_empty() {
            self.0 = vec![0; 1 << FILTER_BITS];
        }
        if let Some(times) = self.0.get_mut(place(key)) {
            *times = times.saturating_add(1);
        }
    }

    /// A place that was counted up to its limit stays: the filter then says "maybe" too often, which is no error.
    fn take(&mut self, key: u64) {
        if let Some(times) = self.0.get_mut(place(key)).filter(|times| **times < u16::MAX) {
            *times = times.saturating_sub(1);
        }
    }
}

fn place(key: u64) -> usize {
    usize::try_from(key.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> (64 - FILTER_BITS)).unwrap_or_default()
}
