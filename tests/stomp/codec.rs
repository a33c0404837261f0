//! What the codec accepts, refuses and writes, case by case.

use action_processor::stomp::codec::{Codec, CodecError, Item};
use action_processor::stomp::{Command, Frame, Limits, Version};
use bytes::{Bytes, BytesMut};
use tokio_util::codec::{Decoder, Encoder};

fn decode_as(version: Version, bytes: &[u8]) -> Result<Option<Item>, CodecError> {
    Codec::new(version, Limits::default()).decode(&mut BytesMut::from(bytes))
}

fn frame(bytes: &[u8]) -> Frame {
    match decode_as(Version::V1_2, bytes) {
        Ok(Some(Item::Frame(frame))) => frame,
        other => panic!("no frame but {other:?}"),
    }
}

fn error(bytes: &[u8]) -> CodecError {
    decode_as(Version::V1_2, bytes).expect_err("an error")
}

fn encode_as(version: Version, frame: &Frame) -> Result<Bytes, CodecError> {
    let mut bytes = BytesMut::new();
    Codec::new(version, Limits::default()).encode(frame, &mut bytes).map(|()| bytes.freeze())
}

fn limited(limits: Limits, bytes: &[u8]) -> Result<Option<Item>, CodecError> {
    Codec::new(Version::V1_2, limits).decode(&mut BytesMut::from(bytes))
}

#[test]
fn of_a_repeated_header_the_first_counts() {
    let frame = frame(b"MESSAGE\nfoo:World\nfoo:Hello\n\n\0");
    assert_eq!(frame.header("foo"), Some("World"));
    assert_eq!(frame.headers.len(), 2);
}

#[test]
fn all_four_escapes_are_undone() {
    let frame = frame(b"MESSAGE\nmessage-id:ID\\ca\\nb\\rc\\\\d\n\n\0");
    assert_eq!(frame.header("message-id"), Some("ID:a\nb\rc\\d"));
}

#[test]
fn an_undefined_escape_is_an_error() {
    assert!(matches!(error(b"MESSAGE\na:x\\ty\n\n\0"), CodecError::UndefinedEscape { .. }));
    assert!(matches!(error(b"MESSAGE\na:x\\\n\n\0"), CodecError::UndefinedEscape { .. }));
}

#[test]
fn connected_is_not_unescaped_and_neither_is_stomp_1_0() {
    assert_eq!(frame(b"CONNECTED\nserver:a\\tb\n\n\0").header("server"), Some("a\\tb"));
    let old = decode_as(Version::V1_0, b"MESSAGE\na:x\\cy:z\n\n\0").unwrap();
    let expected = Frame::new(Command::Message).with("a", "x\\cy:z");
    assert_eq!(old, Some(Item::Frame(expected)));
}

#[test]
fn a_passcode_with_colon_and_backslash_passes_raw() {
    let connect = Frame::new(Command::Connect).with("passcode", r"p:a\ss");
    for version in [Version::V1_0, Version::V1_1, Version::V1_2] {
        assert_eq!(&encode_as(version, &connect).unwrap()[..], b"CONNECT\npasscode:p:a\\ss\n\n\0");
    }
}

#[test]
fn line_ends_and_nul_in_connect_values_are_refused() {
    for value in ["a\nb", "a\rb", "a\0b"] {
        let refused = encode_as(Version::V1_2, &Frame::new(Command::Connect).with("passcode", value));
        assert!(matches!(refused, Err(CodecError::Inexpressible { .. })), "{value:?}");
    }
}

#[test]
fn a_frame_that_cannot_be_sent_leaves_nothing_behind() {
    let mut bytes = BytesMut::from(&b"before"[..]);
    let bad = Frame::new(Command::Send).with("good", "x").with("bad", "\0");
    Codec::new(Version::V1_2, Limits::default()).encode(&bad, &mut bytes).unwrap_err();
    assert_eq!(&bytes[..], b"before");
}

#[test]
fn stomp_1_0_refuses_what_it_cannot_escape() {
    let send = Frame::new(Command::Send).with("a", "two\nlines");
    assert!(matches!(encode_as(Version::V1_0, &send), Err(CodecError::Inexpressible { .. })));
}

#[test]
fn content_length_is_the_bodys_length_in_bytes_and_lets_nul_through() {
    assert_eq!(&frame(b"MESSAGE\ncontent-length:3\n\na\0b\0").body[..], b"a\0b");
    let wrong = Frame::new(Command::Send).with("content-length", "99").with_body("d\u{e9}j\u{e0}");
    let bytes = encode_as(Version::V1_2, &wrong).unwrap();
    assert!(bytes.starts_with(b"SEND\ncontent-length:6\n\n"), "{bytes:?}");
}

#[test]
fn a_body_with_nul_is_never_sent_without_its_length() {
    let bytes = encode_as(Version::V1_2, &Frame::new(Command::Send).with_body(&b"a\0b"[..])).unwrap();
    assert_eq!(&bytes[..], b"SEND\ncontent-length:3\n\na\0b\0");
}

#[test]
fn a_content_length_that_is_no_number_is_an_error() {
    for value in ["x", "+5", "-1", "", "5 5", "99999999999999999999999"] {
        let bytes = format!("MESSAGE\ncontent-length:{value}\n\nhello\0");
        assert!(matches!(error(bytes.as_bytes()), CodecError::BadContentLength(_)), "{value:?}");
    }
}

#[test]
fn a_body_longer_than_its_content_length_is_an_error() {
    assert!(matches!(error(b"MESSAGE\ncontent-length:2\n\nabc\0"), CodecError::MissingNul));
}

#[test]
fn crlf_ends_lines_as_well() {
    let frame = frame(b"RECEIPT\r\nreceipt-id:7\r\n\r\n\0");
    assert_eq!(frame.header("receipt-id"), Some("7"));
}

#[test]
fn any_number_of_line_ends_between_frames_is_one_beat() {
    let mut codec = Codec::new(Version::V1_2, Limits::default());
    let mut bytes = BytesMut::from(&b"\n\r\n\nRECEIPT\n\n\0\n\n"[..]);
    let mut items = Vec::new();
    while let Some(item) = codec.decode(&mut bytes).unwrap() {
        items.push(item);
    }
    assert_eq!(items, [Item::Beat, Item::Frame(Frame::new(Command::Receipt)), Item::Beat]);
}

#[test]
fn header_bytes_that_are_not_utf8_do_not_cut_the_link() {
    assert_eq!(frame(b"MESSAGE\na:x\xffy\n\n\0").header("a"), Some("x\u{fffd}y"));
}

#[test]
fn what_is_no_stomp_is_said_to_be_none() {
    assert!(matches!(error(b"HTTP/1.1 400 Bad Request\r\n\r\n"), CodecError::UnknownCommand(_)));
    assert!(matches!(error(b"MESSAGE\nno colon\n\n\0"), CodecError::MalformedHeader(_)));
    assert!(matches!(error(b"MESSAGE\n:no name\n\n\0"), CodecError::MalformedHeader(_)));
    assert!(matches!(error(b"MESSAGE\na:b\0\n\n\0"), CodecError::UnfinishedHead));
}

#[test]
fn too_many_headers_are_an_error() {
    let limits = Limits { max_headers: 2, ..Limits::default() };
    assert!(limited(limits, b"MESSAGE\na:1\nb:2\n\n\0").is_ok());
    let error = limited(limits, b"MESSAGE\na:1\nb:2\nc:3\n\n\0").unwrap_err();
    assert!(matches!(error, CodecError::TooManyHeaders(2)));
}

#[test]
fn a_head_that_never_ends_is_an_error_before_it_does() {
    let limits = Limits { max_header_bytes: 20, ..Limits::default() };
    assert!(limited(limits, b"MESSAGE\nname:1234").unwrap().is_none());
    for bytes in
        [&b"MESSAGE\nname:12345678"[..], b"MESSAGE\nname:123456\n\n\0", b"MESSAGE\nn:1\nn:1\nn:1\nn:1"]
    {
        assert!(matches!(limited(limits, bytes), Err(CodecError::HeadersTooLong(20))), "{bytes:?}");
    }
}

#[test]
fn a_body_beyond_the_limit_is_an_error_before_it_is_read() {
    let limits = Limits { max_body_bytes: 4, ..Limits::default() };
    assert!(limited(limits, b"MESSAGE\n\n1234\0").is_ok());
    assert!(limited(limits, b"MESSAGE\ncontent-length:4\n\n1234\0").is_ok());
    for bytes in [&b"MESSAGE\n\n12345"[..], b"MESSAGE\ncontent-length:5\n\n"] {
        assert!(matches!(limited(limits, bytes), Err(CodecError::BodyTooLong(4))), "{bytes:?}");
    }
}

#[test]
fn a_body_is_a_slice_of_the_buffer_it_was_read_into() {
    let mut bytes = BytesMut::from(&b"MESSAGE\n\nhello\0"[..]);
    let range = bytes.as_ptr_range();
    let Ok(Some(Item::Frame(frame))) = Codec::new(Version::V1_2, Limits::default()).decode(&mut bytes) else {
        panic!("no frame")
    };
    assert!(range.contains(&frame.body.as_ptr()));
}

#[test]
fn a_large_frame_does_not_keep_its_buffer() {
    let large = Frame::new(Command::Message).with_body(vec![0; 20 << 20]);
    let mut bytes = BytesMut::from(&encode_as(Version::V1_2, &large).unwrap()[..]);
    bytes.extend_from_slice(b"RECEIPT\n");
    let mut codec = Codec::new(Version::V1_2, Limits::default());
    assert!(codec.decode(&mut bytes).unwrap().is_some());
    assert_eq!(&bytes[..], b"RECEIPT\n");
    // `reserve` would reclaim the old allocation if the buffer still had it.
    bytes.reserve(1);
    assert!(bytes.capacity() < 1 << 20, "{}", bytes.capacity());
}

#[test]
fn debug_shows_neither_passcode_nor_body() {
    let frame =
        Frame::new(Command::Connect).with("login", "me").with("passcode", "s3cret").with_body("private");
    let shown = format!("{frame:?}");
    assert!(shown.contains("me") && !shown.contains("s3cret") && !shown.contains("private"), "{shown}");
}
