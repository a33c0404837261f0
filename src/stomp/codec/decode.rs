//! Bytes to frame, however the bytes are split. Every byte is looked at once: the place is remembered between calls.
//!
//! Where broken frames are to be skipped, a frame's first fault is noted in its head and reading goes on to the frame's end:
//! by its `content-length`, or else at its NUL. What cannot be kept is discarded as it comes.

use std::sync::Arc;

use bytes::{Buf, Bytes, BytesMut};
use memchr::{memchr, memchr2};

use super::head::{self, Head, MAX_ESSENTIAL_BYTES};
use super::resync::{self, Next};
use super::{Broken, CodecError, Item, Rules};
use crate::stomp::frame::{Command, Frame, Headers};

/// How far the next frame has come.
#[derive(Debug, Clone)]
pub(super) enum Progress {
    /// The blank line has not been seen. `line` is where the current line starts, `seen` how far it was searched; `nul`:
    /// a NUL stands in a header.
    Head { line: usize, seen: usize, nul: bool },
    /// The head is longer than its limit, and only what is needed of it is kept. `seen` of the current line was searched;
    /// of a long line the beginning is gone (`cut`).
    LongHead { head: Head, seen: usize, cut: bool, skipped: usize },
    /// The head is complete and a body of this length follows.
    Counted { head: Head, length: usize },
    /// The head is complete and a body follows that the first NUL ends; `seen` of it was searched.
    Open { head: Head, seen: usize },
    /// The head is complete and a body follows that is discarded: so many bytes, or all up to the first NUL.
    Skipped { head: Head, left: Option<usize>, words: Vec<u8> },
}

/// How a head ends.
enum HeadEnd {
    /// It has not yet.
    Open,
    /// With its blank line, whose end is here.
    Blank(usize),
    /// Never: a NUL ends the frame, here.
    Nul(usize),
    /// Not within its limit.
    TooLong,
    /// It is no head.
    NoFrame,
}

/// How much of an ERROR's body is kept where the body is too long.
const MAX_WORDS: usize = 1_024;
/// A head of which more has been discarded is not a head: the stream is not what a broker sends.
const MAX_SKIPPED_HEAD: usize = 64 << 20;
/// No broker sends a longer body; a `content-length` beyond is not believed.
const MAX_LENGTH: usize = i32::MAX as usize;
/// A first line that is longer is no command.
const MAX_FIRST_LINE: usize = 256;

impl Default for Progress {
    fn default() -> Self {
        Self::Head { line: 0, seen: 0, nul: false }
    }
}

impl Progress {
    /// Goes as far as the bytes allow; at a frame's end it starts over.
    pub(super) fn advance(
        &mut self,
        source: &mut BytesMut,
        rules: &Rules,
    ) -> Result<Option<Item>, CodecError> {
        loop {
            let step = match self {
                Self::Head { .. } => self.read_head(source, rules)?,
                Self::LongHead { .. } => self.skip_head(source, rules)?,
                Self::Counted { .. } => self.read_counted(source, rules)?,
                Self::Open { .. } => self.read_open(source, rules)?,
                Self::Skipped { .. } => self.skip_body(source),
            };
            match step {
                Step::More => return Ok(None),
                Step::On => {}
                Step::Done(body) => return Ok(std::mem::take(self).finish(body)),
            }
        }
    }

    /// Whether nothing of a frame has come, or not yet a line of it.
    pub(super) fn is_between_frames(&self) -> bool {
        matches!(self, Self::Head { line: 0, .. })
    }

    /// The headers of the frame that has begun, as far as they have come.
    pub(super) fn headers(&self, source: &BytesMut, rules: &Rules) -> Headers {
        match self {
            Self::Head { line, .. } => {
                let rules = Rules { skips: true, ..*rules };
                let head = Head::parse(source.get(..*line).unwrap_or_default(), &rules);
                head.map(|head| head.headers).unwrap_or_default()
            }
            Self::LongHead { head, .. }
            | Self::Counted { head, .. }
            | Self::Open { head, .. }
            | Self::Skipped { head, .. } => head.headers.clone(),
        }
    }

    /// The frame that has begun will not go on. It ends where what has come shows its end; `None` where nothing does.
    pub(super) fn give_up(&mut self, source: &mut BytesMut, rules: &Rules) -> Option<Item> {
        let end = resync::end_before_frame(source, true)?;
        match self {
            Self::Head { .. } => {
                *self = Self::head_cut_off(source, end, rules).ok()?;
                std::mem::take(self).finish(Bytes::new())
            }
            Self::Counted { head, .. } => {
                head.note(CodecError::MissingNul, rules).ok()?;
                let body = source.split_to(end).freeze();
                source.advance(1);
                std::mem::take(self).finish(body)
            }
            Self::LongHead { .. } | Self::Open { .. } | Self::Skipped { .. } => None,
        }
    }

    fn read_head(&mut self, source: &mut BytesMut, rules: &Rules) -> Result<Step, CodecError> {
        let Self::Head { line, seen, nul } = self else { return Ok(Step::More) };
        match find_head_end(source, line, seen, nul, rules)? {
            HeadEnd::Open => return Ok(Step::More),
            HeadEnd::Blank(end) => {
                let mut head = Head::parse(&source.split_to(end), rules)?;
                if *nul {
                    head.note(CodecError::NulInHeader, rules)?;
                }
                *self = Self::body(head, rules)?;
            }
            HeadEnd::Nul(end) => {
                *self = Self::head_cut_off(source, end, rules)?;
                return Ok(Step::Done(Bytes::new()));
            }
            HeadEnd::TooLong => {
                let known = source.split_to(*line);
                let mut head = Head::parse(&known, rules)?;
                head.note(CodecError::HeadersTooLong(rules.limits.max_header_bytes), rules)?;
                head.headers = Head::bounded(head.headers);
                *self = Self::LongHead { head, seen: 0, cut: false, skipped: known.len() };
            }
            HeadEnd::NoFrame => {
                let mut head = Head::default();
                let line = source.get(..head::excerpt_bytes(source)).unwrap_or_default();
                let fault = CodecError::UnknownCommand(head::excerpt(&String::from_utf8_lossy(line)));
                head.note(fault, rules)?;
                *self = Self::Skipped { head, left: None, words: Vec::new() };
            }
        }
        Ok(Step::On)
    }

    /// A frame that a NUL has ended within its head.
    fn head_cut_off(source: &mut BytesMut, end: usize, rules: &Rules) -> Result<Self, CodecError> {
        let mut head = Head::parse(&source.split_to(end), rules)?;
        source.advance(1);
        head.note(CodecError::UnfinishedHead, rules)?;
        Ok(Self::Open { head, seen: 0 })
    }

    fn skip_head(&mut self, source: &mut BytesMut, rules: &Rules) -> Result<Step, CodecError> {
        let Self::LongHead { head, seen, cut, skipped } = self else { return Ok(Step::More) };
        if *skipped > MAX_SKIPPED_HEAD {
            return Err(CodecError::HeadersTooLong(rules.limits.max_header_bytes));
        }
        let Some(at) = source.get(*seen..).and_then(|rest| memchr2(b'\n', 0, rest)).map(|at| *seen + at)
        else {
            *seen = source.len();
            if source.len() > MAX_ESSENTIAL_BYTES {
                (*seen, *cut) = (0, true);
                *skipped += source.len();
                source.clear();
            }
            return Ok(Step::More);
        };
        if source.get(at) == Some(&0) {
            match resync::next(source.get(at + 1..).unwrap_or_default()) {
                Next::Unknown => return Ok(Step::More),
                Next::Other => *seen = at + 1,
                Next::Frame => {
                    source.advance(at + 1);
                    return Ok(Step::Done(Bytes::new()));
                }
            }
            return Ok(Step::On);
        }
        let line = source.split_to(at + 1);
        let line = line.strip_suffix(b"\n").unwrap_or(&line);
        let is_whole = !std::mem::take(cut);
        (*seen, *skipped) = (0, *skipped + at + 1);
        if is_whole && matches!(line, b"" | b"\r") {
            *self = Self::body(std::mem::take(head), rules)?;
        } else if is_whole && line.len() <= MAX_ESSENTIAL_BYTES {
            head.add_essential(line, rules)?;
        }
        Ok(Step::On)
    }

    /// The state after the head, by whether it tells the body's length.
    fn body(mut head: Head, rules: &Rules) -> Result<Self, CodecError> {
        let max = rules.limits.max_body_bytes;
        Ok(match head.content_length(rules)? {
            Some(length) if length > max => {
                head.note(CodecError::BodyTooLong(max), rules)?;
                let left = Some(length).filter(|length| *length <= MAX_LENGTH);
                Self::Skipped { head, left, words: Vec::new() }
            }
            Some(length) => Self::Counted { head, length },
            None => Self::Open { head, seen: 0 },
        })
    }

    fn read_counted(&mut self, source: &mut BytesMut, rules: &Rules) -> Result<Step, CodecError> {
        let Self::Counted { head, length } = self else { return Ok(Step::More) };
        match source.get(*length) {
            Some(0) => {
                let body = source.split_to(*length).freeze();
                source.advance(1);
                return Ok(Step::Done(body));
            }
            Some(_) => {}
            None => {
                // Once, so that a large body is not copied from buffer to growing buffer.
                source.reserve(*length + 1 - source.len());
                return Ok(Step::More);
            }
        }
        head.note(CodecError::MissingNul, rules)?;
        match resync::next(source.get(*length..).unwrap_or_default()) {
            Next::Unknown => return Ok(Step::More),
            // Only its NUL is missing.
            Next::Frame => return Ok(Step::Done(source.split_to(*length).freeze())),
            Next::Other => {}
        }
        // The length is wrong: it reaches into later frames, or is too short.
        let swallowed = source.get(..*length).unwrap_or_default();
        if let Some(end) = resync::end_before_frame(swallowed, false) {
            let body = source.split_to(end).freeze();
            source.advance(1);
            return Ok(Step::Done(body));
        }
        *self = Self::Open { head: std::mem::take(head), seen: *length };
        Ok(Step::On)
    }

    fn read_open(&mut self, source: &mut BytesMut, rules: &Rules) -> Result<Step, CodecError> {
        let Self::Open { head, seen } = self else { return Ok(Step::More) };
        let max = rules.limits.max_body_bytes;
        let found = source.get(*seen..).and_then(|rest| memchr(0, rest)).map(|at| *seen + at);
        *seen = source.len();
        if found.unwrap_or(*seen) > max {
            head.note(CodecError::BodyTooLong(max), rules)?;
            *self = Self::Skipped { head: std::mem::take(head), left: None, words: Vec::new() };
            return Ok(Step::On);
        }
        let Some(length) = found else { return Ok(Step::More) };
        let body = source.split_to(length).freeze();
        source.advance(1);
        Ok(Step::Done(body))
    }

    /// Discards what has come of a body.
    fn skip_body(&mut self, source: &mut BytesMut) -> Step {
        let Self::Skipped { head, left, words } = self else { return Step::More };
        let nul = || memchr(0, source);
        let count = left.map_or_else(|| nul().unwrap_or(source.len()), |left| left.min(source.len()));
        if head.command == Some(Command::Error) {
            let room = MAX_WORDS.saturating_sub(words.len()).min(count);
            words.extend_from_slice(source.get(..room).unwrap_or_default());
        }
        source.advance(count);
        if let Some(left) = left {
            *left -= count;
            if *left > 0 {
                return Step::More;
            }
        }
        match source.first() {
            None => Step::More,
            Some(0) => {
                source.advance(1);
                Step::Done(std::mem::take(words).into())
            }
            Some(_) => match resync::next(source) {
                Next::Unknown => Step::More,
                Next::Frame => Step::Done(std::mem::take(words).into()),
                Next::Other => {
                    *left = None;
                    Step::On
                }
            },
        }
    }

    fn finish(self, body: Bytes) -> Option<Item> {
        match self {
            Self::Head { .. } => None,
            Self::LongHead { head, .. }
            | Self::Counted { head, .. }
            | Self::Open { head, .. }
            | Self::Skipped { head, .. } => Some(item(head, body)),
        }
    }
}

/// What comes of a step.
enum Step {
    /// More bytes are needed.
    More,
    /// The next step can be taken.
    On,
    /// The frame has ended; this is its body, or what is kept of it.
    Done(Bytes),
}

fn item(head: Head, body: Bytes) -> Item {
    match head {
        Head { command: Some(command), headers, fault: None } => {
            Item::Frame(Frame { command, headers, body })
        }
        Head { command, headers, fault } => {
            let fault = fault.unwrap_or_else(|| Arc::new(CodecError::UnfinishedHead));
            Item::Broken(Broken { command, headers: Head::bounded(headers), body, fault })
        }
    }
}

/// Where the head ends, its blank line included.
fn find_head_end(
    source: &BytesMut,
    line: &mut usize,
    seen: &mut usize,
    nul: &mut bool,
    rules: &Rules,
) -> Result<HeadEnd, CodecError> {
    let max = rules.limits.max_header_bytes;
    while let Some(found) = source.get(*seen..).and_then(|rest| memchr2(b'\n', 0, rest)) {
        let end = *seen + found;
        if end + 1 > max {
            break;
        }
        if source.get(end) == Some(&0) {
            match end_of_head_at_nul(source, *line, end, rules)? {
                Next::Frame => return Ok(HeadEnd::Nul(end)),
                Next::Unknown => return Ok(HeadEnd::Open),
                Next::Other => {}
            }
            (*seen, *nul) = (end + 1, true);
            continue;
        }
        let text = source.get(*line..end).unwrap_or_default();
        if *line == 0 && rules.skips && !head::may_be_command(text) {
            return Ok(HeadEnd::NoFrame);
        }
        if matches!(text, b"" | b"\r") {
            return Ok(HeadEnd::Blank(end + 1));
        }
        (*line, *seen) = (end + 1, end + 1);
    }
    *seen = source.len();
    let is_text = *line == 0 && rules.skips && *seen > MAX_FIRST_LINE;
    Ok(match () {
        () if is_text => HeadEnd::NoFrame,
        () if *seen <= max => HeadEnd::Open,
        () if rules.skips => HeadEnd::TooLong,
        () => return Err(CodecError::HeadersTooLong(max)),
    })
}

/// Whether the NUL at `at`, before the head's blank line, ends the frame or is part of a header: ActiveMQ hands such on.
fn end_of_head_at_nul(source: &BytesMut, line: usize, at: usize, rules: &Rules) -> Result<Next, CodecError> {
    match rules.skips {
        false => Err(CodecError::UnfinishedHead),
        true if line == 0 => Ok(Next::Frame),
        true => Ok(resync::next(source.get(at + 1..).unwrap_or_default())),
    }
}
