//! The reading half of a session: bytes to frames, and the broker's signs of life.

use std::time::Duration;

use bytes::BytesMut;
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::time::{Instant, sleep_until, timeout_at};
use tokio_util::codec::Decoder;

use super::codec::{Broken, Codec, CodecError, Item};
use super::error::LinkError;
use super::frame::{Frame, Headers};
use super::session::Version;

/// How much is read at once, unless a large body asks for more.
const READ_BYTES: usize = 16 * 1024;
/// A frame of which nothing has come for so long may have ended before its own words about its end say so.
const FRAME_PAUSE: Duration = Duration::from_secs(10);
/// A frame of which nothing has come for so long will not go on.
const FRAME_STALL: Duration = Duration::from_secs(30);
/// How many reads a second may bring nothing but heart-beats, or what is no frame of use.
const IDLE_READS: u32 = 100;
/// How many frames that are of no use are taken a second.
const USELESS_FRAMES: u32 = 1_000;
const SECOND: Duration = Duration::from_secs(1);

/// Reads frames, and notices a broker that has fallen silent. Any byte counts as life.
#[derive(Debug)]
pub(super) struct Reader<Io> {
    io: Io,
    codec: Codec,
    buffer: BytesMut,
    heard: Instant,
    /// When the frame that has begun last went on.
    progressed: Instant,
    /// Since then it has been looked for the frame's end, in vain.
    looked_for_end: bool,
    patience: Option<Duration>,
    pace: Pace,
}

/// What has come.
#[derive(Debug)]
pub(super) enum Incoming {
    Frame(Frame),
    Broken(Broken),
    /// So much comes that is of no use that reading is slowed down.
    Flood,
}

/// How much of no use has come within the current second.
#[derive(Debug)]
struct Pace {
    since: Instant,
    reads: u32,
    frames: u32,
    /// Until when nothing is read.
    pause: Option<Instant>,
}

impl<Io: AsyncRead + Unpin> Reader<Io> {
    pub(super) fn new(io: Io, codec: Codec) -> Self {
        let now = Instant::now();
        let pace = Pace { since: now, reads: 0, frames: 0, pause: None };
        Self {
            io,
            codec,
            buffer: BytesMut::new(),
            heard: now,
            progressed: now,
            looked_for_end: false,
            patience: None,
            pace,
        }
    }

    /// What comes next. Nothing is lost when the future is dropped.
    pub(super) async fn next(&mut self) -> Result<Incoming, LinkError> {
        loop {
            if let Some(until) = self.pace.pause {
                sleep_until(until).await;
                self.pace.pause = None;
                // Nobody was reading.
                self.excuse();
            }
            while let Some(item) = self.codec.decode(&mut self.buffer)? {
                match item {
                    Item::Frame(frame) => return Ok(Incoming::Frame(frame)),
                    Item::Broken(broken) => return Ok(Incoming::Broken(broken)),
                    Item::Beat => {}
                }
            }
            if self.pace.is_exceeded(Instant::now()) {
                return Ok(Incoming::Flood);
            }
            if let Some(Item::Broken(broken)) = self.read().await? {
                return Ok(Incoming::Broken(broken));
            }
        }
    }

    /// The next frame; what matters of one that breaks a rule or a limit. For conversations in which no message is awaited.
    pub(super) async fn next_frame(&mut self) -> Result<Frame, LinkError> {
        loop {
            match self.next().await? {
                Incoming::Frame(frame) => return Ok(frame),
                Incoming::Broken(Broken { command: Some(command), headers, body, .. }) => {
                    return Ok(Frame { command, headers, body });
                }
                Incoming::Broken(_) | Incoming::Flood => {}
            }
        }
    }

    /// Reads what has come; gives a frame that has been waited for in vain.
    async fn read(&mut self) -> Result<Option<Item>, LinkError> {
        self.buffer.reserve(READ_BYTES);
        let known = self.buffer.len();
        let pause = if self.looked_for_end { FRAME_STALL } else { FRAME_PAUSE };
        let stall = self.codec.is_within_frame(&self.buffer).then(|| self.progressed + pause);
        let silence = self.patience.map(|patience| self.heard + patience);
        let read = self.io.read_buf(&mut self.buffer);
        // What has arrived is read even after the deadline: it may be us who were late.
        let count = match [silence, stall].into_iter().flatten().min() {
            None => read.await?,
            Some(deadline) => match timeout_at(deadline, read).await {
                Ok(count) => count?,
                Err(_) if silence.is_some_and(|silence| silence <= Instant::now()) => {
                    return Err(LinkError::Silent(self.patience.unwrap_or_default()));
                }
                Err(_) => return self.stalled(),
            },
        };
        self.heard = Instant::now();
        if count == 0 {
            return Err(LinkError::ClosedByBroker);
        }
        let is_beats =
            self.buffer.get(known..).unwrap_or_default().iter().all(|byte| matches!(byte, b'\n' | b'\r'));
        match stall {
            Some(stall) if is_beats && stall <= self.heard => return self.stalled(),
            Some(_) if is_beats => {}
            _ => (self.progressed, self.looked_for_end) = (self.heard, false),
        }
        if is_beats {
            self.pace.reads += 1;
        }
        Ok(None)
    }

    /// The frame that has begun does not go on.
    fn stalled(&mut self) -> Result<Option<Item>, LinkError> {
        let item = self.codec.give_up(&mut self.buffer);
        if item.is_none() && std::mem::replace(&mut self.looked_for_end, true) {
            return Err(CodecError::Unended(FRAME_STALL).into());
        }
        Ok(item)
    }

    /// A frame that came was of no use.
    pub(super) fn was_useless(&mut self) {
        self.pace.frames += 1;
    }

    /// The time since the last byte was ours: nobody was reading.
    pub(super) fn excuse(&mut self) {
        self.heard = Instant::now();
        (self.progressed, self.looked_for_end) = (self.heard, false);
    }

    /// The headers of the frame that has begun and not ended.
    pub(super) fn unfinished(&self) -> Headers {
        self.codec.unfinished(&self.buffer)
    }

    /// Whether a frame has begun and not ended.
    pub(super) fn is_within_frame(&self) -> bool {
        self.codec.is_within_frame(&self.buffer)
    }

    /// The same reader after the handshake: on its half of the stream, by what was agreed.
    pub(super) fn split<Half, Other>(
        mut self,
        version: Version,
        patience: Option<Duration>,
        split: impl FnOnce(Io) -> (Half, Other),
    ) -> (Reader<Half>, Other) {
        self.codec.set_version(version);
        let (io, other) = split(self.io);
        let Self { codec, buffer, pace, .. } = self;
        let now = Instant::now();
        let reader =
            Reader { io, codec, buffer, heard: now, progressed: now, looked_for_end: false, patience, pace };
        (reader, other)
    }
}

impl Pace {
    /// Whether no more may be read within this second; then the pause begins.
    fn is_exceeded(&mut self, now: Instant) -> bool {
        if now.duration_since(self.since) >= SECOND {
            (self.since, self.reads, self.frames) = (now, 0, 0);
        }
        if self.reads < IDLE_READS && self.frames < USELESS_FRAMES {
            return false;
        }
        (self.reads, self.frames) = (0, 0);
        self.pause = Some(self.since + SECOND);
        true
    }
}
