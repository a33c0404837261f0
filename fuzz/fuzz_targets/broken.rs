//! Whatever stands between good messages and ends where it says, or at its NUL, every good one comes out, in order.
//!
//! The first byte is the size of the cuts. The rest is split into frames at its 0xFF bytes; each is made a MESSAGE whose
//! lines and body those bytes are, without NULs and without a length that can be believed.
#![no_main]

use action_processor::stomp::codec::{Broken, Codec, Item};
use action_processor::stomp::session::{Received, Session};
use action_processor::stomp::{Command, Frame, Limits, Settings, Version};
use bytes::BytesMut;
use libfuzzer_sys::fuzz_target;
use tokio_util::codec::Decoder;

const LIMITS: Limits = Limits { max_headers: 8, max_header_bytes: 512, max_body_bytes: 1_024 };

fuzz_target!(|data: &[u8]| {
    let [cut, data @ ..] = data else { return };
    let mut stream = Vec::new();
    let mut count = 0;
    for bad in data.split(|byte| *byte == 0xFF) {
        stream.extend_from_slice(b"MESSAGE\nack:A\nsubscription:0\n");
        stream.extend(bad.iter().copied().filter(|byte| *byte != 0));
        if holds_a_length(bad) {
            return;
        }
        // Its head ends in any case.
        stream.extend_from_slice(b"\n\n\0");
        stream.extend_from_slice(good(count).as_bytes());
        count += 1;
    }
    let expected: Vec<String> = (0..count).map(|number| format!("good-{number}")).collect();
    assert_eq!(received(&stream, usize::from(*cut).max(1)), expected);
});

/// A length that is wrong but can be believed reaches into what follows: `codec` and the tests are about those.
fn holds_a_length(bad: &[u8]) -> bool {
    bad.windows(15).any(|part| part == b"content-length:")
}

fn good(number: usize) -> String {
    format!("MESSAGE\nmessage-id:good-{number}\nack:good-{number}\nsubscription:0\ncontent-length:3\n\na\0b\0")
}

/// The good messages that a session is given.
fn received(stream: &[u8], chunk: usize) -> Vec<String> {
    let answer = Frame::new(Command::Connected).with("version", "1.2");
    let Ok(mut session) = Session::open(&Settings::new("broker.example"), &answer) else { return Vec::new() };
    let mut codec = Codec::new(Version::V1_2, LIMITS).skips_broken();
    let (mut buffer, mut good) = (BytesMut::new(), Vec::new());
    for chunk in stream.chunks(chunk) {
        buffer.extend_from_slice(chunk);
        while let Some(item) = codec.decode(&mut buffer).expect("no message ends the stream") {
            let received = match item {
                Item::Frame(frame) => session.receive(frame),
                Item::Broken(broken) => {
                    is_bounded(&broken);
                    session.receive_broken(broken)
                }
                Item::Beat => continue,
            };
            if let Ok(Received::Message(message)) = received
                && let Some(id) = message.frame.header("message-id")
                && id.starts_with("good-")
                && message.fault.is_none()
            {
                assert_eq!(message.frame.body, b"a\0b"[..]);
                good.push(id.to_owned());
            }
        }
    }
    good
}

fn is_bounded(broken: &Broken) {
    assert!(broken.body.len() <= LIMITS.max_body_bytes);
    assert!(broken.headers.iter().map(|(name, value)| name.len() + value.len()).sum::<usize>() < 100_000);
}
