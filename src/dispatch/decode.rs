//! A body's bytes, read as JSON.

use bytes::Bytes;
use memchr::memchr;
use serde_json::Value;
use std::borrow::Cow;

/// The body is not what a platform sends.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DecodeError {
    /// The bytes are not text.
    #[error("the message's body is not UTF-8 text (byte {at} cannot be read)")]
    NotText {
        /// Where reading stopped, in bytes from the start.
        at: usize,
    },
    /// There is none.
    #[error("the message's body is not JSON: it is empty, or has not been kept")]
    Empty,
    /// The text is not JSON.
    #[error("the message's body is not JSON: {0}")]
    NotJson(#[from] serde_json::Error),
    /// Deeper than anything that a platform means.
    #[error(
        "the message's body is JSON with lists and objects in one another more than {MAX_DEPTH} deep, which is too deep"
    )]
    TooDeep,
    /// JSON, but no object.
    #[error("the message's body is JSON but not an object: it is {0}")]
    NotAnObject(&'static str),
}

/// Reads a body as a JSON object.
///
/// # Errors
/// See [`DecodeError`]; its text is fit for the reply.
pub fn decode(body: &Bytes) -> Result<Value, DecodeError> {
    let value = json(&text(body)?)?;
    match value {
        Value::Object(_) => Ok(value),
        Value::Null => Err(DecodeError::NotAnObject("null")),
        Value::Bool(_) => Err(DecodeError::NotAnObject("a boolean")),
        Value::Number(_) => Err(DecodeError::NotAnObject("a number")),
        Value::String(_) => Err(DecodeError::NotAnObject("a string")),
        Value::Array(_) => Err(DecodeError::NotAnObject("an array")),
    }
}

/// How deep lists and objects may be nested: the parser's own limit.
const MAX_DEPTH: usize = 127;

/// Half of a character, as a program writes that has cut a text within one, is read as U+FFFD.
fn json(text: &str) -> Result<Value, DecodeError> {
    let error = match serde_json::from_str(text) {
        Ok(value) => return Ok(value),
        Err(_) if text.trim().is_empty() => return Err(DecodeError::Empty),
        Err(error) => error,
    };
    let read_again = whole_characters(text).map(|text| serde_json::from_str(&text));
    let error = match read_again {
        Some(Ok(value)) => return Ok(value),
        Some(Err(error)) => error,
        None => error,
    };
    // It has no kind of its own.
    let is_too_deep = error.to_string().contains("recursion limit");
    Err(if is_too_deep { DecodeError::TooDeep } else { DecodeError::NotJson(error) })
}

/// The text with `\ufffd` for escapes of a lone surrogate; `None` where there are none.
fn whole_characters(text: &str) -> Option<String> {
    let (mut whole, mut rest, mut found) = (String::new(), text, false);
    while let Some(at) = memchr(b'\\', rest.as_bytes()) {
        let (before, escape) = rest.split_at(at);
        whole.push_str(before);
        let length = match (unit(escape), escape.get(6..).and_then(unit)) {
            (Some(0xD800..=0xDBFF), Some(0xDC00..=0xDFFF)) => 12,
            (Some(0xD800..=0xDFFF), _) => {
                whole.push_str("\\ufffd");
                (found, rest) = (true, escape.get(6..).unwrap_or_default());
                continue;
            }
            // What is escaped may be a backslash itself, or several bytes long.
            _ => 1 + escape.chars().nth(1).map_or(0, char::len_utf8),
        };
        let (escape, after) = escape.split_at(length);
        whole.push_str(escape);
        rest = after;
    }
    whole.push_str(rest);
    found.then_some(whole)
}

/// The UTF-16 unit of an escape like `\\ud83d`.
fn unit(escape: &str) -> Option<u16> {
    let digits = escape.strip_prefix("\\u")?.get(..4)?;
    u16::from_str_radix(digits, 16).ok()
}

/// UTF-8, with CESU-8's surrogate pairs (a character beyond U+FFFF as two sequences of three bytes, as some platforms
/// have sent emoji) read as the character that they mean, and half of one as U+FFFD.
///
/// # Errors
/// The bytes are neither.
pub fn text(bytes: &[u8]) -> Result<Cow<'_, str>, DecodeError> {
    match std::str::from_utf8(bytes) {
        Ok(text) => Ok(Cow::Borrowed(text.strip_prefix('\u{feff}').unwrap_or(text))),
        Err(_) => from_cesu8(bytes).map(Cow::Owned),
    }
}

fn from_cesu8(bytes: &[u8]) -> Result<String, DecodeError> {
    let mut text = String::with_capacity(bytes.len());
    let mut rest = bytes;
    loop {
        match std::str::from_utf8(rest) {
            Ok(valid) => {
                text.push_str(valid);
                return Ok(text);
            }
            Err(error) => {
                let (valid, bad) = rest.split_at(error.valid_up_to());
                text.push_str(&String::from_utf8_lossy(valid));
                let (character, after) = surrogate_pair(bad)
                    .or_else(|| lone_surrogate(bad))
                    .ok_or(DecodeError::NotText { at: bytes.len() - bad.len() })?;
                text.push(character);
                rest = after;
            }
        }
    }
}

/// The character that six bytes of CESU-8 mean, and what follows them.
fn surrogate_pair(bytes: &[u8]) -> Option<(char, &[u8])> {
    let (pair, after) = bytes.split_at_checked(6)?;
    let &[0xED, a, b, 0xED, c, d] = pair else { return None };
    let high = surrogate(a, b).filter(|unit| (0xD800..0xDC00).contains(unit))?;
    let low = surrogate(c, d).filter(|unit| (0xDC00..0xE000).contains(unit))?;
    let code = 0x1_0000 + ((high - 0xD800) << 10) + (low - 0xDC00);
    Some((char::from_u32(code)?, after))
}

/// U+FFFD for the three bytes of half a pair, and what follows them.
fn lone_surrogate(bytes: &[u8]) -> Option<(char, &[u8])> {
    let (half, after) = bytes.split_at_checked(3)?;
    let &[0xED, a, b] = half else { return None };
    surrogate(a, b).filter(|unit| (0xD800..0xE000).contains(unit))?;
    Some((char::REPLACEMENT_CHARACTER, after))
}

/// The UTF-16 unit in the two continuation bytes after 0xED.
fn surrogate(second: u8, third: u8) -> Option<u32> {
    let is_continuation = |byte: u8| byte & 0b1100_0000 == 0b1000_0000;
    (is_continuation(second) && is_continuation(third))
        .then(|| 0xD000 | (u32::from(second & 0x3F) << 6) | u32::from(third & 0x3F))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_emoji_in_cesu8_reads_as_the_emoji() {
        let cesu = b"{\"a\": \"x\xED\xA0\xBD\xED\xB8\x80y\"}";
        assert_eq!(decode(&Bytes::from_static(cesu)).unwrap()["a"], "x😀y");
    }

    #[test]
    fn a_stray_byte_is_refused_where_it_stands() {
        for (bytes, at) in [(&b"abc\xFF"[..], 3), (b"ab\xED\xA0", 2), (b"\xED", 0)] {
            assert!(
                matches!(text(bytes), Err(DecodeError::NotText { at: found }) if found == at),
                "{bytes:?}"
            );
        }
    }

    #[test]
    fn half_a_character_is_read_as_the_sign_for_one() {
        for (bytes, says) in [
            (&b"{\"a\": \"x\xED\xA0\xBDy\"}"[..], "x\u{fffd}y"),
            (b"{\"a\": \"\xED\xB8\x80\xED\xA0\xBD\"}", "\u{fffd}\u{fffd}"),
            (br#"{"a": "x\ud83dy"}"#, "x\u{fffd}y"),
            (br#"{"a": "x\uDE00y"}"#, "x\u{fffd}y"),
            (br#"{"a": "\ud83d\ud83d\ude00\ude00"}"#, "\u{fffd}\u{1f600}\u{fffd}"),
            (br#"{"a": "\ud83d\n\\ud83d\""}"#, "\u{fffd}\n\\ud83d\""),
            (br#"{"a": "\ud83d"}"#, "\u{fffd}"),
            (br#"{"a": "\ud83d\u0041"}"#, "\u{fffd}A"),
        ] {
            assert_eq!(decode(&Bytes::from_static(bytes)).unwrap()["a"], says, "{bytes:?}");
        }
        let name = decode(&Bytes::from_static(br#"{"\udc00": 1}"#)).unwrap();
        assert_eq!(name["\u{fffd}"], 1);
    }

    #[test]
    fn what_is_no_json_for_another_reason_stays_none() {
        for text in
            [r#"{"a": "\ud83d"#, r#"{"a": "\ud83"}"#, r#"{"a": "\x\ud83d"}"#, "\\", "{\"a\": \"\\é\"}"]
        {
            assert!(matches!(decode(&Bytes::from(text)), Err(DecodeError::NotJson(_))), "{text}");
        }
        assert!(matches!(decode(&Bytes::from(" \n")), Err(DecodeError::Empty)));
    }

    #[test]
    fn json_that_is_nested_too_deep_is_called_that() {
        let nested =
            |depth: usize| Bytes::from(format!("{{\"a\": {}{}}}", "[".repeat(depth), "]".repeat(depth)));
        assert!(decode(&nested(100)).is_ok());
        for depth in [200, 100_000] {
            let error = decode(&nested(depth)).unwrap_err();
            assert!(error.to_string().contains("more than 127 deep"), "{error}");
        }
    }

    #[test]
    fn a_byte_order_mark_is_skipped() {
        assert_eq!(decode(&Bytes::from_static(b"\xEF\xBB\xBF{}")).unwrap(), serde_json::json!({}));
    }
}
