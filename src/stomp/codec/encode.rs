//! Frame to bytes.

use bytes::BytesMut;
use memchr::memchr;

use super::{CodecError, escape};
use crate::stomp::frame::{Command, Frame};
use crate::stomp::session::Version;

const CONTENT_LENGTH: &str = "content-length";

/// Writes the frame. `content-length` is written where the frame has that header or a NUL in its body, and is always
/// the body's true length, whatever the header said.
pub(super) fn frame(frame: &Frame, version: Version, target: &mut BytesMut) -> Result<(), CodecError> {
    head(frame, version, target)?;
    target.extend_from_slice(&frame.body);
    target.extend_from_slice(b"\0");
    Ok(())
}

/// Whether the frame can be written.
pub(super) fn check(frame: &Frame, version: Version) -> Result<(), CodecError> {
    written(frame).try_for_each(|header| check_header(frame.command, version, header))
}

/// Writes all up to the body; nothing if that cannot be done.
pub(super) fn head(frame: &Frame, version: Version, target: &mut BytesMut) -> Result<(), CodecError> {
    check(frame, version)?;
    target.extend_from_slice(frame.command.as_str().as_bytes());
    target.extend_from_slice(b"\n");
    let escaped = is_escaped(frame.command, version);
    for (name, value) in written(frame) {
        if escaped {
            line(&escape::escape(name), &escape::escape(value), target);
        } else {
            line(name, value, target);
        }
    }
    if frame.header(CONTENT_LENGTH).is_some() || memchr(0, &frame.body).is_some() {
        line(CONTENT_LENGTH, &frame.body.len().to_string(), target);
    }
    target.extend_from_slice(b"\n");
    Ok(())
}

/// The headers that are written as they are.
fn written(frame: &Frame) -> impl Iterator<Item = (&str, &str)> {
    frame.headers.iter().filter(|(name, _)| *name != CONTENT_LENGTH)
}

fn is_escaped(command: Command, version: Version) -> bool {
    command.escapes_headers() && version != Version::V1_0
}

fn check_header(command: Command, version: Version, (name, value): (&str, &str)) -> Result<(), CodecError> {
    let refused = |place| Err(CodecError::Inexpressible { name: name.to_owned(), place });
    let holds = |text: &str, byte| memchr(byte, text.as_bytes()).is_some();
    if name.is_empty() || holds(name, 0) || holds(value, 0) {
        return refused("any frame");
    }
    if !is_escaped(command, version) && (name.contains([':', '\r', '\n']) || value.contains(['\r', '\n'])) {
        return refused(if version == Version::V1_0 { "STOMP 1.0" } else { "CONNECT" });
    }
    Ok(())
}

fn line(name: &str, value: &str, target: &mut BytesMut) {
    target.extend_from_slice(name.as_bytes());
    target.extend_from_slice(b":");
    target.extend_from_slice(value.as_bytes());
    target.extend_from_slice(b"\n");
}
