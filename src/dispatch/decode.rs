//! A body's bytes, read as JSON.

use bytes::Bytes;
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
    /// The text is not JSON.
    #[error("the message's body is not JSON: {0}")]
    NotJson(#[from] serde_json::Error),
    /// JSON, but no object.
    #[error("the message's body is JSON but not an object: it is {0}")]
    NotAnObject(&'static str),
}

/// Reads a body as a JSON object.
///
/// # Errors
/// See [`DecodeError`]; its text is fit for the reply.
pub fn decode(body: &Bytes) -> Result<Value, DecodeError> {
    let value: Value = serde_json::from_str(&text(body)?)?;
    match value {
        Value::Object(_) => Ok(value),
        Value::Null => Err(DecodeError::NotAnObject("null")),
        Value::Bool(_) => Err(DecodeError::NotAnObject("a boolean")),
        Value::Number(_) => Err(DecodeError::NotAnObject("a number")),
        Value::String(_) => Err(DecodeError::NotAnObject("a string")),
        Value::Array(_) => Err(DecodeError::NotAnObject("an array")),
    }
}

/// UTF-8, with CESU-8's surrogate pairs (a character beyond U+FFFF as two sequences of three bytes, as some platforms
/// have sent emoji) read as the character that they mean.
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
                let (character, after) =
                    surrogate_pair(bad).ok_or(DecodeError::NotText { at: bytes.len() - bad.len() })?;
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
    fn a_lone_surrogate_and_a_stray_byte_are_refused_where_they_stand() {
        for (bytes, at) in [(&b"ab\xED\xA0\xBD"[..], 2), (b"abc\xFF", 3), (b"\xED\xA0\xBD\xED\xA0\xBD", 0)] {
            assert!(
                matches!(text(bytes), Err(DecodeError::NotText { at: found }) if found == at),
                "{bytes:?}"
            );
        }
    }

    #[test]
    fn a_byte_order_mark_is_skipped() {
        assert_eq!(decode(&Bytes::from_static(b"\xEF\xBB\xBF{}")).unwrap(), serde_json::json!({}));
    }
}
