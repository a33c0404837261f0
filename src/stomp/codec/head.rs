//! A frame's command and headers: read strictly, or as far as they can be read.

use std::borrow::Cow;
use std::sync::Arc;

use memchr::{memchr, memchr_iter, memchr2};

use super::{CodecError, Rules, escape};
use crate::stomp::frame::{Command, Headers};
use crate::stomp::session::Version;

/// A frame without its body.
#[derive(Debug, Clone, Default)]
pub(super) struct Head {
    /// `None`: a word that is not one of the protocol's.
    pub(super) command: Option<Command>,
    pub(super) headers: Headers,
    /// The first rule or limit that the frame breaks.
    pub(super) fault: Option<Arc<CodecError>>,
}

/// Headers without which a message can be neither settled nor answered, nor recognized, nor a receipt or error understood.
const ESSENTIAL: [&str; 15] = [
    "message-id",
    "ack",
    "subscription",
    "destination",
    "reply-to",
    "correlation-id",
    "content-length",
    "receipt-id",
    "message",
    "timestamp",
    "amqp-message-id",
    "redelivered",
    "Co3ContextToken",
    "Co3MessagePayload",
    "Co3ContentType",
];

/// The most bytes of one essential header that a frame beyond the limits may keep.
pub(super) const MAX_ESSENTIAL_BYTES: usize = 4 * 1_024;
/// The most bytes of other headers that a broken frame keeps.
const MAX_OTHER_BYTES: usize = 16 * 1_024;
/// Longer words are no command.
const MAX_COMMAND_BYTES: usize = 20;

// === impl Head ===

impl Head {
    /// Reads command and headers up to the blank line or the end.
    pub(super) fn parse(head: &[u8], rules: &Rules) -> Result<Self, CodecError> {
        let text = text(head);
        let (word, mut rest) = first_line(&text);
        let mut head = Self { command: word.parse().ok(), ..Self::default() };
        if head.command.is_none() {
            head.note(CodecError::UnknownCommand(excerpt(word)), rules)?;
        }
        let lines = memchr_iter(b'\n', rest.as_bytes()).count();
        head.headers = Headers::with_room(lines.min(rules.limits.max_headers));
        while !rest.is_empty() {
            let (line, after) = first_line(rest);
            if line.is_empty() {
                break;
            }
            head.add(line, rules)?;
            rest = after;
        }
        Ok(head)
    }

    /// Takes a header line.
    fn add(&mut self, line: &str, rules: &Rules) -> Result<(), CodecError> {
        let Some((name, value)) = cut(line, b':').filter(|(name, _)| !name.is_empty()) else {
            return self.note(CodecError::MalformedHeader(excerpt(line)), rules);
        };
        let full = self.headers.len() >= rules.limits.max_headers;
        if full {
            self.note(CodecError::TooManyHeaders(rules.limits.max_headers), rules)?;
        }
        if full && !self.misses(name) {
            return Ok(());
        }
        let escaped = rules.version != Version::V1_0 && self.command.is_none_or(Command::escapes_headers);
        if !escaped {
            self.headers.push(name, value);
            return Ok(());
        }
        let (plain_name, plain_value) = (escape::unescape(name), escape::unescape(value));
        if plain_name.is_none() || plain_value.is_none() {
            self.note(CodecError::UndefinedEscape { name: excerpt(name) }, rules)?;
        }
        // A broker that escapes nothing means what it writes.
        let as_it_is =
            |plain: Option<Cow<'_, str>>, raw: &str| plain.map_or_else(|| raw.to_owned(), Cow::into_owned);
        self.headers.push(as_it_is(plain_name, name), as_it_is(plain_value, value));
        Ok(())
    }

    /// Takes a line of a head that is too long, if it is needed.
    pub(super) fn add_essential(&mut self, line: &[u8], rules: &Rules) -> Result<(), CodecError> {
        let text = text(line);
        let line = text.strip_suffix('\r').unwrap_or(&text);
        match cut(line, b':') {
            Some((name, _)) if self.misses(name) => self.add(line, rules),
            _ => Ok(()),
        }
    }

    /// Whether this is an essential header that has not come yet.
    fn misses(&self, name: &str) -> bool {
        ESSENTIAL.contains(&name) && self.headers.get(name).is_none()
    }

    /// Notes what is wrong with the frame; under strict rules that is the end of the stream.
    pub(super) fn note(&mut self, fault: CodecError, rules: &Rules) -> Result<(), CodecError> {
        if !rules.skips || (rules.greets && matches!(fault, CodecError::UnknownCommand(_))) {
            return Err(fault);
        }
        self.fault.get_or_insert_with(|| Arc::new(fault));
        Ok(())
    }

    /// What `content-length` says; `None` where it says nothing that can be believed.
    pub(super) fn content_length(&mut self, rules: &Rules) -> Result<Option<usize>, CodecError> {
        let Some(value) = self.headers.get("content-length") else { return Ok(None) };
        let digits = value.trim();
        // `parse` alone would take "+5".
        let is_number = digits.bytes().all(|byte| byte.is_ascii_digit());
        if let Some(length) = digits.parse().ok().filter(|_| is_number) {
            return Ok(Some(length));
        }
        let fault = CodecError::BadContentLength(excerpt(value));
        self.note(fault, rules)?;
        Ok(None)
    }

    /// The headers of a frame that broke a rule: all that are needed, and as many of the others as do not take much memory.
    /// A NUL, which can be neither sent nor stored, becomes U+FFFD.
    pub(super) fn bounded(headers: Headers) -> Headers {
        let mut left = MAX_OTHER_BYTES;
        let mut kept = Headers::default();
        for (name, value) in headers {
            let bytes = name.len() + value.len();
            if ESSENTIAL.contains(&name.as_str()) && kept.get(&name).is_none() {
                if bytes > MAX_ESSENTIAL_BYTES {
                    continue;
                }
            } else if bytes > left {
                continue;
            } else {
                left -= bytes;
            }
            kept.push(without_nul(name), without_nul(value));
        }
        kept
    }
}

fn without_nul(text: String) -> String {
    if memchr(0, text.as_bytes()).is_some() { text.replace('\0', "\u{fffd}") } else { text }
}

/// Whether a frame may begin with this line: a word in capitals, known or not.
pub(super) fn may_be_command(line: &[u8]) -> bool {
    let word = line.strip_suffix(b"\r").unwrap_or(line);
    (1..=MAX_COMMAND_BYTES).contains(&word.len()) && word.iter().all(u8::is_ascii_uppercase)
}

/// `String::from_utf8_lossy` alone looks at every character.
fn text(head: &[u8]) -> Cow<'_, str> {
    std::str::from_utf8(head).map_or_else(|_| String::from_utf8_lossy(head), Cow::Borrowed)
}

/// The first line without its end, and what follows it.
fn first_line(text: &str) -> (&str, &str) {
    let (line, rest) = cut(text, b'\n').unwrap_or((text, ""));
    (line.strip_suffix('\r').unwrap_or(line), rest)
}

/// What stands before and behind the first such character, which is ASCII.
fn cut(text: &str, at: u8) -> Option<(&str, &str)> {
    let place = memchr(at, text.as_bytes())?;
    Some((text.get(..place)?, text.get(place + 1..)?))
}

/// How many bytes of the stream to show of what is no frame: its first line, or the beginning of that.
pub(super) fn excerpt_bytes(source: &[u8]) -> usize {
    let source = source.get(..160).unwrap_or(source);
    memchr2(b'\n', 0, source).unwrap_or(source.len())
}

/// Enough of a bad text to recognise it by.
pub(super) fn excerpt(text: &str) -> String {
    text.chars().take(40).collect()
}
