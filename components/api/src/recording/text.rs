//! The text of a file that a person or another program may have saved.

use std::str::Utf8Error;

/// The bytes are not UTF-8 text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NotText {
    /// They begin as UTF-16 or UTF-32 does.
    #[error("the file is {0} text; save it as UTF-8")]
    Encoded(&'static str),
    /// They are in some other encoding, or no text.
    #[error("the file is not UTF-8 text (byte {at}); save it as UTF-8")]
    NotUtf8 {
        /// Where reading stopped, in bytes from the start.
        at: usize,
    },
}

/// How other encodings begin; the longer ones first, because UTF-32 begins as UTF-16 does.
const ENCODINGS: [(&[u8], &str); 4] = [
    (b"\xFF\xFE\0\0", "UTF-32"),
    (b"\0\0\xFE\xFF", "UTF-32"),
    (b"\xFF\xFE", "UTF-16"),
    (b"\xFE\xFF", "UTF-16"),
];

const BYTE_ORDER_MARK: &[u8] = b"\xEF\xBB\xBF";

/// `bytes` without the byte order mark that some editors put before UTF-8 text.
#[must_use]
pub fn without_byte_order_mark(bytes: &[u8]) -> &[u8] {
    bytes.strip_prefix(BYTE_ORDER_MARK).unwrap_or(bytes)
}

/// Reads a file's bytes as text; a byte order mark before it is skipped.
///
/// # Errors
/// The bytes are not UTF-8: the error names the encoding where it can be recognised.
pub fn text(bytes: &[u8]) -> Result<&str, NotText> {
    if let Some((_, name)) = ENCODINGS.into_iter().find(|(beginning, _)| bytes.starts_with(beginning)) {
        return Err(NotText::Encoded(name));
    }
    let text = without_byte_order_mark(bytes);
    let skipped = bytes.len() - text.len();
    let not_utf8 = |error: Utf8Error| NotText::NotUtf8 { at: skipped + error.valid_up_to() };
    std::str::from_utf8(text).map_err(not_utf8)
}
