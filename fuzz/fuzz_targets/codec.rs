//! Whatever the bytes and however they are cut: no panic, the same frames, nothing beyond the limits, and what was
//! decoded can be encoded and decoded again.
//!
//! The first byte chooses the version, the second the size of the cuts; the rest is the stream.
#![no_main]

use action_processor::stomp::codec::{Codec, Item};
use action_processor::stomp::{Frame, Limits, Version};
use bytes::BytesMut;
use libfuzzer_sys::fuzz_target;
use tokio_util::codec::{Decoder, Encoder};

const LIMITS: Limits = Limits { max_headers: 8, max_header_bytes: 512, max_body_bytes: 1_024 };

fuzz_target!(|data: &[u8]| {
    let [version, cut, stream @ ..] = data else { return };
    let version = [Version::V1_0, Version::V1_1, Version::V1_2][usize::from(version % 3)];
    let whole = decode(version, stream, stream.len().max(1));
    let cut = decode(version, stream, usize::from(*cut).max(1));
    assert_eq!(whole, cut);
    for frame in whole.0 {
        assert!(frame.headers.len() <= LIMITS.max_headers && frame.body.len() <= LIMITS.max_body_bytes);
        again(version, &frame);
    }
});

/// The frames up to the first error, and whether there was one.
fn decode(version: Version, stream: &[u8], chunk: usize) -> (Vec<Frame>, bool) {
    let mut codec = Codec::new(version, LIMITS);
    let (mut buffer, mut frames) = (BytesMut::new(), Vec::new());
    for chunk in stream.chunks(chunk) {
        buffer.extend_from_slice(chunk);
        loop {
            match codec.decode(&mut buffer) {
                Ok(Some(Item::Frame(frame))) => frames.push(frame),
                Ok(Some(Item::Beat | Item::Broken(_))) => {}
                Ok(None) => break,
                Err(_) => return (frames, true),
            }
        }
    }
    (frames, false)
}

/// The encoder may write another `content-length`, and refuses a raw CR where it cannot be escaped.
fn again(version: Version, frame: &Frame) {
    let mut bytes = BytesMut::new();
    if Codec::new(version, Limits::default()).encode(frame, &mut bytes).is_err() {
        return;
    }
    let plain = |frame: &Frame| Frame {
        headers: frame.headers.iter().filter(|(name, _)| *name != "content-length").collect(),
        ..frame.clone()
    };
    match Codec::new(version, Limits::default()).decode(&mut bytes) {
        Ok(Some(Item::Frame(decoded))) => assert_eq!(plain(&decoded), plain(frame)),
        other => panic!("{other:?}"),
    }
}
