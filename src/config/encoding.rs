//! app.config is UTF-8; a file that is not says what it looks like.

/// What is wrong with a file's bytes.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct WrongEncoding {
    /// The line where it first shows, counted from 1.
    pub(super) line: usize,
    pub(super) what: String,
}

/// The text, if it is one.
pub(super) fn utf8(bytes: Vec<u8>) -> Result<String, WrongEncoding> {
    if let Some(wrong) = utf16(&bytes).or_else(|| nulls(&bytes)) {
        return Err(wrong);
    }
    String::from_utf8(bytes).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        single_byte(error.as_bytes(), at)
    })
}

/// By its mark, or by a null in every other byte of what should be letters.
fn utf16(bytes: &[u8]) -> Option<WrongEncoding> {
    let beginning = bytes.get(..bytes.len().min(64) & !1).unwrap_or_default();
    let nulls = |offset: usize| {
        let half = beginning.len() / 2;
        half > 0 && beginning.iter().skip(offset).step_by(2).filter(|byte| **byte == 0).count() * 2 > half
    };
    let order = match bytes {
        [0xff, 0xfe, ..] => "LE",
        [0xfe, 0xff, ..] => "BE",
        _ if nulls(1) && !nulls(0) => "LE",
        _ if nulls(0) && !nulls(1) => "BE",
        _ => return None,
    };
    let what = format!(
        "looks like UTF-16 ({order}), as Windows editors write it: save it as UTF-8, or convert it by `iconv -f \
         UTF-16{order} -t UTF-8`"
    );
    Some(WrongEncoding { line: 1, what })
}

fn nulls(bytes: &[u8]) -> Option<WrongEncoding> {
    let first = bytes.iter().position(|byte| *byte == 0)?;
    let count = bytes.iter().filter(|byte| **byte == 0).count();
    let what = format!(
        "holds {count} NUL bytes, as a file does that was being written when power failed: restore it from a copy"
    );
    Some(WrongEncoding { line: line(bytes, first), what })
}

fn single_byte(bytes: &[u8], at: usize) -> WrongEncoding {
    let byte = bytes.get(at).copied().unwrap_or_default();
    let windows = bytes.iter().any(|byte| (0x80..0xa0).contains(byte));
    let name = if windows { "Windows-1252" } else { "ISO-8859-1" };
    let common = if windows { "Windows-1252" } else { "Latin-1 (ISO-8859-1)" };
    let what = format!(
        "is not UTF-8 (byte 0x{byte:02X}) and looks like {common}: save it as UTF-8, or convert it by `iconv -f {name} \
         -t UTF-8`"
    );
    WrongEncoding { line: line(bytes, at), what }
}

fn line(bytes: &[u8], at: usize) -> usize {
    bytes.iter().take(at).filter(|byte| **byte == b'\n').count() + 1
}

#[cfg(test)]
mod tests {
    use super::utf8;

    #[test]
    fn wrong_encodings_are_named_with_their_line() {
        let utf16 =
            |text: &str, order: fn(u16) -> [u8; 2]| text.encode_utf16().flat_map(order).collect::<Vec<u8>>();
        let text = "[resilient]\nhost = soar.example.com\n";
        let mut marked = vec![0xff, 0xfe];
        marked.extend(utf16(text, u16::to_le_bytes));
        let nulls = [text.as_bytes(), &[0; 200]].concat();
        for (bytes, line, says) in [
            (b"[resilient]\n# caf\xe9\n".to_vec(), 2, "Latin-1"),
            (b"[resilient]\n\norg = \x93x\x94\n".to_vec(), 3, "Windows-1252"),
            (marked, 1, "UTF-16 (LE)"),
            (utf16(text, u16::to_le_bytes), 1, "UTF-16 (LE)"),
            (utf16(text, u16::to_be_bytes), 1, "UTF-16 (BE)"),
            (nulls, 3, "200 NUL bytes"),
            (vec![0; 200], 1, "200 NUL bytes"),
        ] {
            let wrong = utf8(bytes).unwrap_err();
            assert!(wrong.line == line && wrong.what.contains(says), "{wrong:?}");
        }
        assert_eq!(utf8("[resilient]\n# caf\u{e9}\n".into()).unwrap(), "[resilient]\n# caf\u{e9}\n");
    }
}
