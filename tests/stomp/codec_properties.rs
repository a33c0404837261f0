//! What holds of the codec for every frame and every split of its bytes.

use action_processor::stomp::codec::{Codec, Item};
use action_processor::stomp::{Command, Frame, Limits, Version};
use bytes::BytesMut;
use proptest::prelude::*;
use tokio_util::codec::{Decoder, Encoder};

fn version() -> impl Strategy<Value = Version> {
    prop_oneof![Just(Version::V1_0), Just(Version::V1_1), Just(Version::V1_2)]
}

/// Text that a header can carry: anything but NUL, and no line ends where they are not escaped.
fn text(escaped: bool, name: bool) -> BoxedStrategy<String> {
    match (escaped, name) {
        (true, true) => "[^\0]{1,12}".boxed(),
        (true, false) => "[^\0]{0,20}".boxed(),
        (false, true) => "[^\0\r\n:]{1,12}".boxed(),
        (false, false) => "[^\0\r\n]{0,20}".boxed(),
    }
}

fn frame(version: Version) -> impl Strategy<Value = Frame> {
    prop::sample::select(&Command::ALL[..]).prop_flat_map(move |command| {
        let escaped = command.escapes_headers() && version != Version::V1_0;
        let header = (text(escaped, true), text(escaped, false));
        let headers = prop::collection::vec(header, 0..6);
        (headers, prop::collection::vec(any::<u8>(), 0..60)).prop_map(move |(headers, body)| {
            let headers = headers.into_iter().filter(|(name, _)| name != "content-length").collect();
            Frame { command, headers, body: body.into() }
        })
    })
}

fn items(version: Version) -> impl Strategy<Value = Vec<Item>> {
    prop::collection::vec(prop_oneof![4 => frame(version).prop_map(Item::Frame), 1 => Just(Item::Beat)], 0..6)
}

fn version_and_items() -> impl Strategy<Value = (Version, Vec<Item>)> {
    version().prop_flat_map(|version| (Just(version), items(version)))
}

fn encode(version: Version, items: &[Item]) -> BytesMut {
    let mut codec = Codec::new(version, Limits::default());
    let mut bytes = BytesMut::new();
    for item in items {
        codec.encode(item.clone(), &mut bytes).expect("these can all be expressed");
    }
    bytes
}

/// The frames found when the bytes come in these chunks, the last one being the rest.
fn decode(version: Version, limits: Limits, bytes: &[u8], cuts: &[usize]) -> Result<Vec<Frame>, String> {
    let mut codec = Codec::new(version, limits);
    let (mut buffer, mut frames, mut rest) = (BytesMut::new(), Vec::new(), bytes);
    for cut in cuts.iter().copied().chain([usize::MAX]) {
        let (chunk, later) = rest.split_at(cut.min(rest.len()));
        rest = later;
        buffer.extend_from_slice(chunk);
        while let Some(item) = codec.decode(&mut buffer).map_err(|error| error.to_string())? {
            if let Item::Frame(frame) = item {
                frames.push(frame);
            }
        }
    }
    Ok(frames)
}

/// Without the `content-length` that the codec adds for bodies with NUL.
fn plain(frame: &Frame) -> Frame {
    let headers = frame.headers.iter().filter(|(name, _)| *name != "content-length").collect();
    Frame { headers, ..frame.clone() }
}

fn frames_of(items: &[Item]) -> Vec<Frame> {
    let frames = items.iter().filter_map(|item| match item {
        Item::Frame(frame) => Some(plain(frame)),
        Item::Beat | Item::Broken(_) => None,
    });
    frames.collect()
}

proptest! {
    #[test]
    fn what_is_encoded_is_decoded_however_it_is_cut(
        (version, items) in version_and_items(),
        cuts in prop::collection::vec(0usize..40, 0..20),
    ) {
        let bytes = encode(version, &items);
        let decoded = decode(version, Limits::default(), &bytes, &cuts).unwrap();
        prop_assert_eq!(decoded.iter().map(plain).collect::<Vec<_>>(), frames_of(&items));
    }

    #[test]
    fn every_single_cut_gives_the_same_frames((version, items) in version_and_items()) {
        let bytes = encode(version, &items);
        for cut in 0..bytes.len() {
            let decoded = decode(version, Limits::default(), &bytes, &[cut]).unwrap();
            prop_assert_eq!(decoded.iter().map(plain).collect::<Vec<_>>(), frames_of(&items));
        }
    }

    #[test]
    fn byte_by_byte_is_as_good_as_all_at_once((version, items) in version_and_items()) {
        let bytes = encode(version, &items);
        let ones = vec![1; bytes.len()];
        prop_assert_eq!(
            decode(version, Limits::default(), &bytes, &ones),
            decode(version, Limits::default(), &bytes, &[])
        );
    }

    #[test]
    fn no_bytes_make_it_panic_and_every_cut_gives_the_same_outcome(
        version in version(),
        bytes in prop::collection::vec(prop_oneof![any::<u8>(), prop::sample::select(&b"\n\r:\\\0"[..])], 0..200),
        cuts in prop::collection::vec(0usize..20, 0..20),
    ) {
        let limits = Limits { max_headers: 3, max_header_bytes: 60, max_body_bytes: 30 };
        let prefixed = [b"SEND\n".as_slice(), &bytes].concat();
        for bytes in [&bytes, &prefixed] {
            let whole = decode(version, limits, bytes, &[]).is_ok();
            prop_assert_eq!(whole, decode(version, limits, bytes, &cuts).is_ok());
        }
    }

    #[test]
    fn no_frame_exceeds_the_limits(bytes in prop::collection::vec(prop::sample::select(&b"a:\n\0"[..]), 0..300)) {
        let limits = Limits { max_headers: 2, max_header_bytes: 40, max_body_bytes: 20 };
        let bytes = [b"MESSAGE\n".as_slice(), &bytes].concat();
        for frame in decode(Version::V1_2, limits, &bytes, &[]).unwrap_or_default() {
            prop_assert!(frame.headers.len() <= 2 && frame.body.len() <= 20);
        }
    }
}
