//! Bytes to frame, however the bytes are split. Every byte is looked at once: the place is remembered between calls.

use std::borrow::Cow;

use bytes::{Buf, Bytes, BytesMut};
use memchr::{memchr, memchr_iter, memchr2};

use super::{CodecError, Limits, escape};
use crate::stomp::frame::{Command, Frame, Headers};
use crate::stomp::session::Version;

/// How far the next frame has come.
#[derive(Debug, Clone)]
pub(super) enum Progress {
    /// The blank line has not been seen. `line` is where the current line starts, `seen` how far it was searched.
    Head { line: usize, seen: usize },
    /// The head is complete and a body of this length follows.
    Counted { head: Head, length: usize },
    /// The head is complete and a body follows that the first NUL ends; `seen` of it was searched.
    Open { head: Head, seen: usize },
}

/// A frame without its body.
#[derive(Debug, Clone)]
pub(super) struct Head {
    command: Command,
    headers: Headers,
}

impl Default for Progress {
    fn default() -> Self {
        Self::Head { line: 0, seen: 0 }
    }
}

impl Progress {
    /// Goes as far as the bytes allow; at a frame's end it starts over.
    pub(super) fn advance(
        &mut self,
        source: &mut BytesMut,
        version: Version,
        limits: &Limits,
    ) -> Result<Option<Frame>, CodecError> {
        if let Self::Head { line, seen } = self {
            let Some(end) = find_head_end(source, line, seen, limits)? else { return Ok(None) };
            *self = Self::body(&source.split_to(end), version, limits)?;
        }
        let Some(length) = self.body_length(source, limits)? else { return Ok(None) };
        let body = source.split_to(length).freeze();
        source.advance(1);
        Ok(std::mem::take(self).finish(body))
    }

    /// The state after the head, by whether it tells the body's length.
    fn body(head: &[u8], version: Version, limits: &Limits) -> Result<Self, CodecError> {
        let head = Head::parse(head, version, limits)?;
        Ok(match head.content_length()? {
            Some(length) if length > limits.max_body_bytes => {
                return Err(CodecError::BodyTooLong(limits.max_body_bytes));
            }
            Some(length) => Self::Counted { head, length },
            None => Self::Open { head, seen: 0 },
        })
    }

    /// The length of the body, once all of it and its NUL are here.
    fn body_length(&mut self, source: &mut BytesMut, limits: &Limits) -> Result<Option<usize>, CodecError> {
        match self {
            Self::Head { .. } => Ok(None),
            Self::Counted { length, .. } => counted_end(source, *length),
            Self::Open { seen, .. } => open_end(source, seen, limits.max_body_bytes),
        }
    }

    fn finish(self, body: Bytes) -> Option<Frame> {
        match self {
            Self::Head { .. } => None,
            Self::Counted { head, .. } | Self::Open { head, .. } => {
                Some(Frame { command: head.command, headers: head.headers, body })
            }
        }
    }
}

/// Where the head ends, its blank line included.
fn find_head_end(
    source: &BytesMut,
    line: &mut usize,
    seen: &mut usize,
    limits: &Limits,
) -> Result<Option<usize>, CodecError> {
    while let Some(found) = source.get(*seen..).and_then(|rest| memchr2(b'\n', 0, rest)) {
        let end = *seen + found;
        if source.get(end) == Some(&0) {
            return Err(CodecError::UnfinishedHead);
        }
        let blank = matches!(source.get(*line..end), Some(b"" | b"\r"));
        (*line, *seen) = (end + 1, end + 1);
        if *seen > limits.max_header_bytes {
            break;
        }
        if blank {
            return Ok(Some(end + 1));
        }
    }
    *seen = (*seen).max(source.len());
    if *seen > limits.max_header_bytes {
        return Err(CodecError::HeadersTooLong(limits.max_header_bytes));
    }
    Ok(None)
}

fn counted_end(source: &mut BytesMut, length: usize) -> Result<Option<usize>, CodecError> {
    match source.get(length) {
        Some(0) => Ok(Some(length)),
        Some(_) => Err(CodecError::MissingNul),
        None => {
            // Once, so that a large body is not copied from buffer to growing buffer.
            source.reserve(length + 1 - source.len());
            Ok(None)
        }
    }
}

fn open_end(source: &BytesMut, seen: &mut usize, max: usize) -> Result<Option<usize>, CodecError> {
    let found = source.get(*seen..).and_then(|rest| memchr(0, rest)).map(|at| *seen + at);
    *seen = source.len();
    if found.unwrap_or(*seen) > max {
        return Err(CodecError::BodyTooLong(max));
    }
    Ok(found)
}

// === impl Head ===

impl Head {
    fn parse(head: &[u8], version: Version, limits: &Limits) -> Result<Self, CodecError> {
        let text = text(head);
        let (word, mut rest) = first_line(&text).unwrap_or_default();
        let command: Command = word.parse().map_err(|()| CodecError::UnknownCommand(excerpt(word)))?;
        let escaped = command.escapes_headers() && version != Version::V1_0;
        let lines = memchr_iter(b'\n', rest.as_bytes()).count();
        let mut headers = Headers::with_room(lines.min(limits.max_headers));
        while let Some((line, after)) = first_line(rest).filter(|(line, _)| !line.is_empty()) {
            if headers.len() == limits.max_headers {
                return Err(CodecError::TooManyHeaders(limits.max_headers));
            }
            let (name, value) = parse_header(line, escaped)?;
            headers.push(name, value);
            rest = after;
        }
        Ok(Self { command, headers })
    }

    fn content_length(&self) -> Result<Option<usize>, CodecError> {
        let Some(value) = self.headers.get("content-length") else { return Ok(None) };
        let digits = value.trim();
        // `parse` alone would take "+5".
        if !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(CodecError::BadContentLength(excerpt(value)));
        }
        digits.parse().map(Some).map_err(|_| CodecError::BadContentLength(excerpt(value)))
    }
}

/// `String::from_utf8_lossy` alone looks at every character.
fn text(head: &[u8]) -> Cow<'_, str> {
    std::str::from_utf8(head).map_or_else(|_| String::from_utf8_lossy(head), Cow::Borrowed)
}

/// The first line without its end, and what follows it.
fn first_line(text: &str) -> Option<(&str, &str)> {
    let (line, rest) = cut(text, b'\n')?;
    Some((line.strip_suffix('\r').unwrap_or(line), rest))
}

/// What stands before and behind the first such character, which is ASCII.
fn cut(text: &str, at: u8) -> Option<(&str, &str)> {
    let place = memchr(at, text.as_bytes())?;
    Some((text.get(..place)?, text.get(place + 1..)?))
}

fn parse_header(line: &str, escaped: bool) -> Result<(String, String), CodecError> {
    let (name, value) = cut(line, b':')
        .filter(|(name, _)| !name.is_empty())
        .ok_or_else(|| CodecError::MalformedHeader(excerpt(line)))?;
    if !escaped {
        return Ok((name.to_owned(), value.to_owned()));
    }
    let unescape =
        |raw| escape::unescape(raw).ok_or_else(|| CodecError::UndefinedEscape { name: excerpt(name) });
    Ok((unescape(name)?.into_owned(), unescape(value)?.into_owned()))
}

/// Enough of a bad text to recognise it by.
fn excerpt(text: &str) -> String {
    text.chars().take(40).collect()
}
