//! The blocks of a PEM file, told apart without guessing.

use std::str;

/// A block: `-----BEGIN label-----`, the body, `-----END label-----`.
#[derive(Debug, Clone, Copy)]
pub(super) struct Item<'a> {
    pub(super) label: &'a str,
    body: &'a [u8],
    /// The line that it begins in, counted from 1.
    pub(super) line: usize,
}

/// Why a file cannot be taken apart.
#[derive(Debug, Clone, Copy)]
pub(super) struct Odd {
    pub(super) line: usize,
    pub(super) what: &'static str,
}

const BEGIN: &[u8] = b"-----BEGIN";
const END: &[u8] = b"-----END ";
const DASHES: &[u8] = b"-----";
const BOM: &[u8] = b"\xEF\xBB\xBF";

/// How a certificate's DER form begins in base64, where it is longer than 255 bytes: all are.
const CERTIFICATE_BODY: &[u8] = b"MII";

/// All blocks of `text`, in order. Explanations may stand between them, on lines of their own.
pub(super) fn items(text: &[u8]) -> Result<Vec<Item<'_>>, Odd> {
    if text.trim_ascii().is_empty() {
        return Err(Odd { line: 1, what: "nothing: the file is empty" });
    }
    if matches!(text, [0xFF, 0xFE, ..] | [0xFE, 0xFF, ..]) || contains(text, b"B\0E\0G\0I\0N") {
        return Err(Odd { line: 1, what: "text in UTF-16; save the file as UTF-8 or ASCII" });
    }
    let mut scan = Scan { text, at: 0 };
    let mut items = Vec::new();
    while let Some(begin) = scan.find(BEGIN) {
        scan.outside(begin)?;
        scan.begins_its_line(begin)?;
        items.push(scan.item(begin)?);
    }
    scan.outside(text.len())?;
    Ok(items)
}

// === impl Item ===

impl Item<'_> {
    /// The block alone, as the library reads it: each line trimmed, none empty.
    pub(super) fn pem(&self, label: &str) -> Vec<u8> {
        let lines = self.body.split(|byte| matches!(byte, b'\n' | b'\r'));
        let lines = lines.map(<[u8]>::trim_ascii).filter(|line| !line.is_empty());
        let mut pem = format!("-----BEGIN {label}-----\n").into_bytes();
        for line in lines {
            pem.extend(line.iter().filter(|byte| !byte.is_ascii_whitespace()));
            pem.push(b'\n');
        }
        pem.extend_from_slice(format!("-----END {label}-----\n").as_bytes());
        pem
    }

    /// PKCS #8 says so in its label, the older formats in a header line.
    pub(super) fn is_encrypted(&self) -> bool {
        self.label == "ENCRYPTED PRIVATE KEY" || contains(self.body, b"Proc-Type: 4,ENCRYPTED")
    }
}

// === The scan ===

struct Scan<'a> {
    text: &'a [u8],
    /// Everything before this belongs to a block.
    at: usize,
}

impl<'a> Scan<'a> {
    fn find(&self, part: &[u8]) -> Option<usize> {
        find(self.text.get(self.at..)?, part).map(|found| self.at + found)
    }

    fn slice(&self, from: usize, to: usize) -> &'a [u8] {
        self.text.get(from..to).unwrap_or_default()
    }

    /// The line of `position`, counted from 1; a lone carriage return ends one, too.
    fn line(&self, position: usize) -> usize {
        let before = self.slice(0, position);
        let ends = before.iter().enumerate().filter(|(index, byte)| match byte {
            b'\n' => true,
            b'\r' => before.get(index + 1).is_some_and(|next| *next != b'\n'),
            _ => false,
        });
        ends.count() + 1
    }

    fn odd(&self, position: usize, what: &'static str) -> Odd {
        Odd { line: self.line(position), what }
    }

    /// What stands up to `end` must not be what is left of a block.
    fn outside(&self, end: usize) -> Result<(), Odd> {
        let text = self.slice(self.at, end);
        let torn: [(&[u8], &str); 4] = [
            (
                b"BEGIN CERTIFICATE",
                "BEGIN CERTIFICATE without the five dashes around it; copy that line again",
            ),
            (b"BEGIN TRUSTED CERTIFICATE", "BEGIN … without the five dashes around it; copy that line again"),
            (END, "-----END without a -----BEGIN before it; copy the whole block again"),
            (
                b"END CERTIFICATE",
                "END CERTIFICATE without a -----BEGIN before it; copy the whole block again",
            ),
        ];
        let torn = torn.iter().filter_map(|(part, what)| Some((find(text, part)?, *what)));
        let torn = torn.map(|(found, what)| (self.at + found, what)).min();
        let mut start = self.at;
        for line in text.split_inclusive(|byte| matches!(byte, b'\n' | b'\r')) {
            if line.trim_ascii_start().starts_with(CERTIFICATE_BODY) {
                return Err(
                    self.odd(start, "a certificate's text without its line -----BEGIN CERTIFICATE-----")
                );
            }
            start += line.len();
            if let Some((found, what)) = torn.filter(|(found, _)| *found < start) {
                return Err(self.odd(found, what));
            }
        }
        Ok(())
    }

    /// Before a BEGIN there may be blanks and a byte order mark, or the end of the block before it: glued files are common.
    fn begins_its_line(&self, begin: usize) -> Result<(), Odd> {
        let before = self.slice(self.at, begin);
        let start = before.iter().rposition(|byte| matches!(byte, b'\n' | b'\r')).map_or(0, |end| end + 1);
        let mut rest = before.get(start..).unwrap_or_default();
        while !rest.is_empty() {
            rest = match rest.strip_prefix(BOM) {
                Some(rest) => rest,
                None if rest.first().is_some_and(u8::is_ascii_whitespace) => {
                    rest.get(1..).unwrap_or_default()
                }
                None => {
                    return Err(self.odd(
                        begin,
                        "something before -----BEGIN; remove that, or the whole block if it is not wanted",
                    ));
                }
            };
        }
        Ok(())
    }

    fn item(&mut self, begin: usize) -> Result<Item<'a>, Odd> {
        let line = self.line(begin);
        let label_at = begin + BEGIN.len() + 1;
        let rest = self.text.get(label_at..).unwrap_or_default();
        let label = find(rest, DASHES).and_then(|end| str::from_utf8(rest.get(..end)?).ok());
        let label =
            label.filter(|label| self.text.get(label_at - 1) == Some(&b' ') && !label.contains(['\n', '\r']));
        let Some(label) = label else {
            return Err(Odd {
                line,
                what: "a line -----BEGIN …----- that is not whole; copy that line again",
            });
        };
        let body_at = label_at + label.len() + DASHES.len();
        let rest = self.text.get(body_at..).unwrap_or_default();
        let Some(end) = find(rest, END).filter(|end| find(rest, BEGIN).is_none_or(|next| end < &next)) else {
            return Err(Odd { line, what: "a block whose -----END is missing; copy the whole block again" });
        };
        let tail = rest.get(end + END.len()..).unwrap_or_default();
        let tail = tail.strip_prefix(label.as_bytes()).filter(|tail| tail.starts_with(DASHES));
        if tail.is_none() {
            let what = "an -----END that does not match its -----BEGIN; copy the whole block again";
            return Err(self.odd(body_at + end, what));
        }
        let body = rest.get(..end).unwrap_or_default();
        if contains(body, b"\\n") {
            return Err(Odd { line, what: "line ends written as \\n; write them as line ends" });
        }
        self.at = body_at + end + END.len() + label.len() + DASHES.len();
        Ok(Item { label, body, line })
    }
}

fn find(text: &[u8], part: &[u8]) -> Option<usize> {
    memchr::memmem::find(text, part)
}

fn contains(text: &[u8], part: &[u8]) -> bool {
    find(text, part).is_some()
}
