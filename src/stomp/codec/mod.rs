//! Bytes to frames and back, for one version of the protocol.
//!
//! Strict where a guess could lose or change data: an undefined escape, a `content-length` that is not a number, a
//! body without its final NUL are errors, as is a frame beyond the limits. Lenient where nothing is lost: header bytes that
//! are not UTF-8 become U+FFFD, and CRLF ends a line in every version.
//!
//! A new codec gives up at the first error. One that [`skips_broken`](Codec::skips_broken) frames reads on to each one's end,
//! discards what it may not keep, and hands out what it could read, as [`Broken`]: then one bad message costs no other.

mod decode;
mod encode;
mod escape;
mod head;
mod resync;

use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Buf, Bytes, BytesMut};
use tokio_util::codec::{Decoder, Encoder};

use super::frame::{Command, Frame, Headers};
use super::session::Version;
use decode::Progress;

/// How much of a frame is accepted before the link is given up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// The number of headers in one frame.
    pub max_headers: usize,
    /// The bytes of a frame's command and headers together, as they are on the wire.
    pub max_header_bytes: usize,
    /// The bytes of a frame's body. The default is ActiveMQ's own limit, 100 MiB.
    pub max_body_bytes: usize,
}

/// What is found in the stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Item {
    /// A frame.
    Frame(Frame),
    /// A frame that breaks a rule or a limit, from a codec that [skips](Codec::skips_broken) those.
    Broken(Broken),
    /// A line end between frames: a heart-beat.
    Beat,
}

/// What is known of a frame that breaks a rule or a limit.
#[derive(Debug, Clone)]
pub struct Broken {
    /// What it was for; `None` where that is no word of the protocol.
    pub command: Option<Command>,
    /// Those that could be read: the ones by which a message is settled, answered and recognized, and some others. A value
    /// with an escape that is not defined is as it came.
    pub headers: Headers,
    /// The body, where it was within the limits; of an ERROR its beginning.
    pub body: Bytes,
    /// The first thing that is wrong with it.
    pub fault: Arc<CodecError>,
}

/// What a stretch of the stream is read by.
#[derive(Debug, Clone, Copy)]
struct Rules {
    version: Version,
    limits: Limits,
    /// Broken frames do not end the stream.
    skips: bool,
    /// The other end has yet to show that it speaks STOMP: what is no command ends the stream.
    greets: bool,
}

/// Reads and writes frames. One is needed for each direction of a connection.
#[derive(Debug, Clone)]
pub struct Codec {
    rules: Rules,
    progress: Progress,
}

/// Bytes that are no frame, or a frame that cannot be put into bytes.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CodecError {
    /// The first line is not a command of the protocol: the other end may not speak STOMP.
    #[error("{0:?} is not a STOMP command; is this really the broker's STOMP port?")]
    UnknownCommand(String),
    /// A header line has no colon, or nothing before it.
    #[error("the header line {0:?} is not name:value")]
    MalformedHeader(String),
    /// A backslash is followed by something other than the protocol's four letters.
    #[error("header {name:?} holds an escape that STOMP does not define")]
    UndefinedEscape {
        /// The header's name, as it was on the wire.
        name: String,
    },
    /// `content-length` is not a number.
    #[error("content-length {0:?} is not a number")]
    BadContentLength(String),
    /// The frame ended before its headers did.
    #[error("a frame ended within its headers")]
    UnfinishedHead,
    /// The byte after `content-length` bytes of body is not NUL.
    #[error("a body does not end where its content-length says")]
    MissingNul,
    /// A header holds a NUL.
    #[error("a header holds a NUL character")]
    NulInHeader,
    /// A frame has begun, and for long nothing more of it has come.
    #[error("a frame has not ended within {0:?}, and where the next one begins cannot be told")]
    Unended(Duration),
    /// More headers than [`Limits::max_headers`].
    #[error("a frame has more than {0} headers; raise stomp_max_headers if this is wanted")]
    TooManyHeaders(usize),
    /// A longer head than [`Limits::max_header_bytes`].
    #[error("a frame's headers take more than {0} bytes; raise stomp_max_header_bytes if this is wanted")]
    HeadersTooLong(usize),
    /// A longer body than [`Limits::max_body_bytes`].
    #[error("a frame's body takes more than {0} bytes; raise stomp_max_body_bytes if this is wanted")]
    BodyTooLong(usize),
    /// A header to be sent holds a character that this version of the protocol, or this frame, cannot express.
    #[error("header {name:?} holds a character that cannot be sent in {place}")]
    Inexpressible {
        /// The header's name.
        name: String,
        /// The frame or version that cannot carry it.
        place: &'static str,
    },
    /// The stream under the codec failed.
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// A read buffer this large is given back once the frame that needed it is complete.
const KEEP_BUFFER: usize = 256 * 1024;

// === impl Limits ===

impl Default for Limits {
    fn default() -> Self {
        Self { max_headers: 1_000, max_header_bytes: 256 * 1024, max_body_bytes: 100 * 1024 * 1024 }
    }
}

// === impl Broken ===

/// By what a reader sees of it.
impl PartialEq for Broken {
    fn eq(&self, other: &Self) -> bool {
        (self.command, &self.headers, &self.body) == (other.command, &other.headers, &other.body)
            && self.fault.to_string() == other.fault.to_string()
    }
}

impl Eq for Broken {}

// === impl Codec ===

impl Codec {
    /// A codec at the start of a stream, which ends at the first error.
    #[must_use]
    pub fn new(version: Version, limits: Limits) -> Self {
        Self { rules: Rules { version, limits, skips: false, greets: false }, progress: Progress::default() }
    }

    /// The same codec, for which a broken frame does not end the stream: see [`Item::Broken`].
    #[must_use]
    pub fn skips_broken(mut self) -> Self {
        self.rules.skips = true;
        self
    }

    /// The same codec before the first frame: what is no command ends the stream, until a version is set.
    pub(super) fn greets(mut self) -> Self {
        self.rules.greets = true;
        self
    }

    /// The version agreed upon; counts from the next frame on.
    pub fn set_version(&mut self, version: Version) {
        (self.rules.version, self.rules.greets) = (version, false);
    }

    /// Whether a frame can be written; if not, why.
    pub fn check(&self, frame: &Frame) -> Result<(), CodecError> {
        encode::check(frame, self.rules.version)
    }

    /// Writes a frame up to its body, for bodies that are better written from where they are; a NUL must follow them.
    pub fn encode_head(&self, frame: &Frame, target: &mut BytesMut) -> Result<(), CodecError> {
        encode::head(frame, self.rules.version, target)
    }

    /// Whether a frame has begun in what was decoded, of which `source` is the rest, and has not ended.
    #[must_use]
    pub fn is_within_frame(&self, source: &BytesMut) -> bool {
        !self.progress.is_between_frames() || !source.is_empty()
    }

    /// The headers of the frame that has begun, as far as they have come.
    #[must_use]
    pub fn unfinished(&self, source: &BytesMut) -> Headers {
        self.progress.headers(source, &self.rules)
    }

    /// The frame that has begun will not go on: looks for its end in what has come. `None` where that shows none.
    pub fn give_up(&mut self, source: &mut BytesMut) -> Option<Item> {
        if !self.rules.skips {
            return None;
        }
        self.progress.give_up(source, &self.rules)
    }
}

impl Decoder for Codec {
    type Item = Item;
    type Error = CodecError;

    fn decode(&mut self, source: &mut BytesMut) -> Result<Option<Item>, CodecError> {
        if self.progress.is_between_frames() && skip_line_ends(source, self.rules.skips) {
            self.progress = Progress::default();
            return Ok(Some(Item::Beat));
        }
        let Some(item) = self.progress.advance(source, &self.rules)? else {
            return Ok(None);
        };
        if let Item::Frame(Frame { body, .. }) | Item::Broken(Broken { body, .. }) = &item {
            give_back_large_buffer(source, body);
        }
        Ok(Some(item))
    }
}

impl Encoder<&Frame> for Codec {
    type Error = CodecError;

    fn encode(&mut self, frame: &Frame, target: &mut BytesMut) -> Result<(), CodecError> {
        encode::frame(frame, self.rules.version, target)
    }
}

impl Encoder<Item> for Codec {
    type Error = CodecError;

    fn encode(&mut self, item: Item, target: &mut BytesMut) -> Result<(), CodecError> {
        match item {
            Item::Frame(frame) => self.encode(&frame, target),
            // It could not be read, so it cannot be written.
            Item::Broken(_) => Ok(()),
            Item::Beat => {
                target.extend_from_slice(b"\n");
                Ok(())
            }
        }
    }
}

/// Drops the line ends at the front; any number of them is one sign of life. So is a second NUL, where `nuls` are no error.
fn skip_line_ends(source: &mut BytesMut, nuls: bool) -> bool {
    let mut found = false;
    loop {
        let length = match source.as_ref() {
            [b'\n', ..] => 1,
            [b'\r', b'\n', ..] => 2,
            [0, ..] if nuls => 1,
            _ => return found,
        };
        source.advance(length);
        found = true;
    }
}

/// `BytesMut` takes its old allocation again as soon as the body is dropped: one large frame would keep its memory
/// for as long as the connection lives.
fn give_back_large_buffer(source: &mut BytesMut, body: &Bytes) {
    if body.len() > KEEP_BUFFER {
        *source = BytesMut::from(source.as_ref());
    }
}
