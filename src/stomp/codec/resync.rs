//! Where the next frame begins, once a frame's own words about its end turn out wrong.

use memchr::memchr_iter;

/// What a broker's frames begin with.
const OF_BROKERS: [&[u8]; 4] = [b"MESSAGE", b"RECEIPT", b"ERROR", b"CONNECTED"];
/// So many line ends in a row end no head: they are heart-beats.
const BEATS: usize = 3;

/// What stands at a place in the stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Next {
    /// A frame of a broker, or heart-beats.
    Frame,
    /// Neither.
    Other,
    /// More bytes are needed to tell.
    Unknown,
}

/// What stands at the beginning of `bytes`, line ends left out.
pub(super) fn next(bytes: &[u8]) -> Next {
    let (mut rest, mut beats) = (bytes, 0);
    while let [byte @ (b'\n' | b'\r'), after @ ..] = rest {
        beats += usize::from(*byte == b'\n');
        if beats == BEATS {
            return Next::Frame;
        }
        rest = after;
    }
    if OF_BROKERS.iter().any(|word| word.starts_with(rest)) {
        return Next::Unknown;
    }
    match OF_BROKERS.iter().find_map(|word| rest.strip_prefix(*word)) {
        Some([b'\n', ..] | [b'\r', b'\n', ..]) => Next::Frame,
        Some([] | [b'\r']) => Next::Unknown,
        _ => Next::Other,
    }
}

/// The first NUL behind which a frame begins; with `stalled`, or behind which nothing has come yet.
pub(super) fn end_before_frame(bytes: &[u8], stalled: bool) -> Option<usize> {
    memchr_iter(0, bytes).find(|at| match next(bytes.get(at + 1..).unwrap_or_default()) {
        Next::Frame => true,
        Next::Unknown => stalled,
        Next::Other => false,
    })
}
