//! Frame to bytes.

use bytes::BytesMut;

use super::{CodecError, escape};
use crate::stomp::frame::Frame;
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

/// Writes all up to the body; nothing if that cannot be done.
pub(super) fn head(frame: &Frame, version: Version, target: &mut BytesMut) -> Result<(), CodecError> {
    let start = target.len();
    lines(frame, version, target).inspect_err(|_| target.truncate(start))
}

fn lines(frame: &Frame, version: Version, target: &mut BytesMut) -> Result<(), CodecError> {
    target.extend_from_slice(frame.command.as_str().as_bytes());
    target.extend_from_slice(b"\n");
    for (name, value) in frame.headers.iter().filter(|(name, _)| *name != CONTENT_LENGTH) {
        header(frame, version, (name, value), target)?;
    }
    if frame.header(CONTENT_LENGTH).is_some() || memchr::memchr(0, &frame.body).is_some() {
        line(CONTENT_LENGTH, &frame.body.len().to_string(), target);
    }
    target.extend_from_slice(b"\n");
    Ok(())
}

fn header(
    frame: &Frame,
    version: Version,
    (name, value): (&str, &str),
    target: &mut BytesMut,
) -> Result<(), CodecError> {
    let refused = |place| Err(CodecError::Inexpressible { name: name.to_owned(), place });
    if name.is_empty() || name.contains('\0') || value.contains('\0') {
        return refused("any frame");
    }
    if frame.command.escapes_headers() && version != Version::V1_0 {
        line(&escape::escape(name), &escape::escape(value), target);
        return Ok(());
    }
    if name.contains([':', '\r', '\n']) || value.contains(['\r', '\n']) {
        return refused(if version == Version::V1_0 { "STOMP 1.0" } else { "CONNECT" });
    }
    line(name, value, target);
    Ok(())
}

fn line(name: &str, value: &str, target: &mut BytesMut) {
    target.extend_from_slice(name.as_bytes());
    target.extend_from_slice(b":");
    target.extend_from_slice(value.as_bytes());
    target.extend_from_slice(b"\n");
}
