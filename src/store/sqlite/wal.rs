//! Looks for a torn end in SQLite's write-ahead log, which SQLite itself cuts off in silence.
//!
//! The format is "WAL-Index and WAL File Format", <https://sqlite.org/fileformat2.html#walformat>: a header of 32 bytes,
//! then frames of 24 bytes and a page each. A checksum runs through all of them. Frames of an earlier round stand
//! behind the last one, and bear other salts.

use super::ours;
use std::{
    fs::OpenOptions,
    io::{self, BufReader, ErrorKind, Read},
    path::Path,
};

const HEADER: usize = 32;
const FRAME: usize = 24;

/// How many records stand behind the first one that is damaged, itself included. Zero where there is no log.
pub(super) fn torn(path: &Path) -> io::Result<u64> {
    let file = match ours::open(path, OpenOptions::new().read(true)) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(0),
        file => file?,
    };
    let mut log = BufReader::new(file);
    let mut header = [0; HEADER];
    let read = fill(&mut log, &mut header)?;
    match Walk::begin(&header) {
        Some(walk) => walk.torn(&mut log),
        // An empty log, or one that was never begun.
        None => Ok(u64::from(header.get(..read).is_some_and(|bytes| bytes.iter().any(|byte| *byte != 0)))),
    }
}

/// Where a reader stands in the log.
struct Walk {
    big_endian: bool,
    page: usize,
    salts: [u8; 8],
    sums: (u32, u32),
}

// === impl Walk ===

impl Walk {
    /// Behind a header that is whole.
    fn begin(header: &[u8; HEADER]) -> Option<Self> {
        let big_endian = match word(header, 0) {
            0x377f_0682 => false,
            0x377f_0683 => true,
            _ => return None,
        };
        let page = usize::try_from(word(header, 8)).ok().filter(|page| (512..=65536).contains(page))?;
        let salts = header.get(16..24)?.try_into().ok()?;
        let mut walk = Self { big_endian, page, salts, sums: (0, 0) };
        walk.add(header.get(..24)?);
        (walk.sums == (word(header, 24), word(header, 28))).then_some(walk)
    }

    /// Counts the frames of this round from the first damaged one on.
    fn torn(mut self, log: &mut impl Read) -> io::Result<u64> {
        let (mut frame, mut torn) = (vec![0; FRAME + self.page], 0);
        loop {
            let read = fill(log, &mut frame)?;
            if read < FRAME || frame.get(8..16) != Some(self.salts.as_slice()) {
                return Ok(torn);
            }
            if torn > 0 || read < frame.len() || !self.follows(&frame) {
                torn += 1;
            }
        }
    }

    fn follows(&mut self, frame: &[u8]) -> bool {
        self.add(frame.get(..8).unwrap_or_default());
        self.add(frame.get(FRAME..).unwrap_or_default());
        self.sums == (word(frame, 16), word(frame, 20))
    }

    fn add(&mut self, bytes: &[u8]) {
        let (mut first, mut second) = self.sums;
        for pair in bytes.chunks_exact(8) {
            first = first.wrapping_add(self.native(pair, 0)).wrapping_add(second);
            second = second.wrapping_add(self.native(pair, 4)).wrapping_add(first);
        }
        self.sums = (first, second);
    }

    fn native(&self, bytes: &[u8], at: usize) -> u32 {
        let word = word(bytes, at);
        if self.big_endian { word } else { word.swap_bytes() }
    }
}

/// The big-endian number at `at`.
fn word(bytes: &[u8], at: usize) -> u32 {
    let four = bytes.get(at..at + 4).and_then(|four| four.try_into().ok());
    four.map(u32::from_be_bytes).unwrap_or_default()
}

/// Reads until `buffer` is full or the file ends; gives the number of bytes.
fn fill(log: &mut impl Read, buffer: &mut [u8]) -> io::Result<usize> {
    let mut read = 0;
    while let Some(rest) = buffer.get_mut(read..).filter(|rest| !rest.is_empty()) {
        match log.read(rest) {
            Ok(0) => break,
            Ok(count) => read += count,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(read)
}
