//! Header escaping: `\\ \c \n \r` (STOMP 1.2, Value Encoding).

use memchr::{memchr, memchr2};
use std::borrow::Cow;

/// Undoes the escapes; `None` if one of them is not defined.
pub(super) fn unescape(raw: &str) -> Option<Cow<'_, str>> {
    let Some(first) = memchr(b'\\', raw.as_bytes()) else { return Some(Cow::Borrowed(raw)) };
    let (plain, rest) = raw.split_at(first);
    let mut text = String::with_capacity(raw.len());
    text.push_str(plain);
    let mut letters = rest.chars();
    while let Some(letter) = letters.next() {
        text.push(if letter == '\\' { unescaped(letters.next()?)? } else { letter });
    }
    Some(Cow::Owned(text))
}

fn unescaped(letter: char) -> Option<char> {
    match letter {
        '\\' => Some('\\'),
        'c' => Some(':'),
        'n' => Some('\n'),
        'r' => Some('\r'),
        _ => None,
    }
}

/// Escapes what would end the name or the line.
pub(super) fn escape(text: &str) -> Cow<'_, str> {
    let bytes = text.as_bytes();
    if memchr2(b'\\', b':', bytes).is_none() && memchr2(b'\n', b'\r', bytes).is_none() {
        return Cow::Borrowed(text);
    }
    let mut escaped = String::with_capacity(text.len() + 8);
    for letter in text.chars() {
        match letter {
            '\\' => escaped.push_str("\\\\"),
            ':' => escaped.push_str("\\c"),
            '\n' => escaped.push_str("\\n"),
            '\r' => escaped.push_str("\\r"),
            plain => escaped.push(plain),
        }
    }
    Cow::Owned(escaped)
}
