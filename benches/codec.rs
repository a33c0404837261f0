//! How fast frames are read and written.
#![allow(clippy::expect_used, reason = "a bench that cannot go on panics")]

use std::hint::black_box;

use action_processor::stomp::codec::Codec;
use action_processor::stomp::{Command, Frame, Limits, Version};
use bytes::{Bytes, BytesMut};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use tokio_util::codec::{Decoder, Encoder};

/// What the reader asks of the network at once.
const CHUNK: usize = 16 * 1024;

fn message(body: usize, counted: bool) -> Frame {
    let frame = Frame::new(Command::Message)
        .with("ack", "ID:broker.example-40001-1700000000000-3:1")
        .with("message-id", "ID:broker.example-40001-1700000000000-2:1:1:1:1")
        .with("destination", "/queue/actions.201.add_task")
        .with("subscription", "0")
        .with("correlation-id", "invid:390")
        .with("reply-to", "/queue/acks.201.add_task")
        .with("Co3ContextToken", "eyJhbGciOiJIUzI1NiJ9.e30.c2lnbmF0dXJl")
        .with("Co3MessagePayload", "ActionDataDTO")
        .with("timestamp", "1700000000000")
        .with_body(vec![b'x'; body]);
    if counted { frame.with("content-length", body.to_string()) } else { frame }
}

fn encoded(frame: &Frame) -> Bytes {
    let mut bytes = BytesMut::new();
    Codec::new(Version::V1_2, Limits::default()).encode(frame, &mut bytes).expect("it can be expressed");
    bytes.freeze()
}

fn decode_in_chunks(bytes: &[u8]) -> usize {
    let mut codec = Codec::new(Version::V1_2, Limits::default());
    let (mut buffer, mut items) = (BytesMut::new(), 0);
    for chunk in bytes.chunks(CHUNK) {
        buffer.extend_from_slice(chunk);
        while codec.decode(&mut buffer).expect("these are frames").is_some() {
            items += 1;
        }
    }
    items
}

fn codec(criterion: &mut Criterion) {
    let sizes = [("1 KiB", 1 << 10), ("1 MiB", 1 << 20), ("8 MiB", 8 << 20)];
    for (name, body) in sizes {
        let mut group = criterion.benchmark_group(name);
        group.throughput(Throughput::Bytes(body as u64));
        for (kind, counted) in [("with content-length", true), ("without", false)] {
            let bytes = encoded(&message(body, counted));
            group
                .bench_function(format!("decode {kind}"), |b| b.iter(|| decode_in_chunks(black_box(&bytes))));
        }
        let frame = message(body, true);
        group.bench_function("encode", |b| b.iter(|| encoded(black_box(&frame))));
    }
}

criterion_group!(benches, codec);
criterion_main!(benches);
