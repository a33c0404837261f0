//! Bytes to frames and back, for one version of the protocol.
//!
//! Strict where a guess could lose or change data: an undefined escape, a `content-length` that is not a number, a
//! body without its final NUL are errors. Lenient where strictness would only make a message that cuts the link each
//! time it is delivered: header bytes that are not UTF-8 become U+FFFD, and CRLF ends a line in every version.

mod decode;
mod encode;
mod escape;

use std::io;

use bytes::{Buf, BytesMut};
use tokio_util::codec::{Decoder, Encoder};

use super::frame::Frame;
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
    /// A line end between frames: a heart-beat.
    Beat,
}

/// Reads and writes frames. One is needed for each direction of a connection.
#[derive(Debug, Clone)]
pub struct Codec {
    version: Version,
    limits: Limits,
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
    #[error("a body is longer than its content-length says")]
    MissingNul,
    /// More headers than [`Limits::max_headers`].
    #[error("a frame has more than {0} headers; raise the limit if this is wanted")]
    TooManyHeaders(usize),
    /// A longer head than [`Limits::max_header_bytes`].
    #[error("a frame's headers take more than {0} bytes; raise the limit if this is wanted")]
    HeadersTooLong(usize),
    /// A longer body than [`Limits::max_body_bytes`].
    #[error("a frame's body takes more than {0} bytes; raise the limit if this is wanted")]
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

// === impl Codec ===

impl Codec {
    /// A codec at the start of a stream.
    #[must_use]
    pub fn new(version: Version, limits: Limits) -> Self {
        Self { version, limits, progress: Progress::default() }
    }

    /// The version agreed upon; counts from the next frame on.
    pub fn set_version(&mut self, version: Version) {
        self.version = version;
    }

    /// Whether a frame can be written; if not, why.
    pub fn check(&self, frame: &Frame) -> Result<(), CodecError> {
        encode::check(frame, self.version)
    }

    /// Writes a frame up to its body, for bodies that are better written from where they are; a NUL must follow them.
    pub fn encode_head(&self, frame: &Frame, target: &mut BytesMut) -> Result<(), CodecError> {
        encode::head(frame, self.version, target)
    }

    /// Whether no line of the next frame has ended.
    fn is_between_frames(&self) -> bool {
        matches!(self.progress, Progress::Head { line: 0, .. })
    }
}

impl Decoder for Codec {
    type Item = Item;
    type Error = CodecError;

    fn decode(&mut self, source: &mut BytesMut) -> Result<Option<Item>, CodecError> {
        if self.is_between_frames() && skip_line_ends(source) {
            self.progress = Progress::default();
            return Ok(Some(Item::Beat));
        }
        let Some(frame) = self.progress.advance(source, self.version, &self.limits)? else {
            return Ok(None);
        };
        give_back_large_buffer(source, &frame);
        Ok(Some(Item::Frame(frame)))
    }
}

impl Encoder<&Frame> for Codec {
    type Error = CodecError;

    fn encode(&mut self, frame: &Frame, target: &mut BytesMut) -> Result<(), CodecError> {
        encode::frame(frame, self.version, target)
    }
}

impl Encoder<Item> for Codec {
    type Error = CodecError;

    fn encode(&mut self, item: Item, target: &mut BytesMut) -> Result<(), CodecError> {
        match item {
            Item::Frame(frame) => self.encode(&frame, target),
            Item::Beat => {
                target.extend_from_slice(b"\n");
                Ok(())
            }
        }
    }
}

/// Drops the line ends at the front; any number of them is one sign of life.
fn skip_line_ends(source: &mut BytesMut) -> bool {
    let mut found = false;
    loop {
        let length = match source.as_ref() {
            [b'\n', ..] => 1,
            [b'\r', b'\n', ..] => 2,
            _ => return found,
        };
        source.advance(length);
        found = true;
    }
}

/// `BytesMut` takes its old allocation again as soon as the body is dropped: one large frame would keep its memory
/// for as long as the connection lives.
fn give_back_large_buffer(source: &mut BytesMut, frame: &Frame) {
    if frame.body.len() > KEEP_BUFFER {
        *source = BytesMut::from(source.as_ref());
    }
}
