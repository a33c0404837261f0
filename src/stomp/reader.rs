//! The reading half of a session: bytes to frames, and the broker's signs of life.

use std::time::Duration;

use bytes::BytesMut;
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::time::{Instant, timeout_at};
use tokio_util::codec::Decoder;

use super::codec::{Codec, Item};
use super::error::LinkError;
use super::frame::Frame;
use super::session::Version;

/// How much is read at once, unless a large body asks for more.
const READ_BYTES: usize = 16 * 1024;

/// Reads frames, and notices a broker that has fallen silent. Any byte counts as life.
#[derive(Debug)]
pub(super) struct Reader<Io> {
    io: Io,
    codec: Codec,
    buffer: BytesMut,
    heard: Instant,
    patience: Option<Duration>,
}

impl<Io: AsyncRead + Unpin> Reader<Io> {
    pub(super) fn new(io: Io, codec: Codec) -> Self {
        Self { io, codec, buffer: BytesMut::new(), heard: Instant::now(), patience: None }
    }

    /// The next frame. Nothing is lost when the future is dropped.
    pub(super) async fn next(&mut self) -> Result<Frame, LinkError> {
        loop {
            while let Some(item) = self.codec.decode(&mut self.buffer)? {
                if let Item::Frame(frame) = item {
                    return Ok(frame);
                }
            }
            self.read().await?;
        }
    }

    async fn read(&mut self) -> Result<(), LinkError> {
        self.buffer.reserve(READ_BYTES);
        let read = self.io.read_buf(&mut self.buffer);
        // What has arrived is read even after the deadline: it may be us who were late.
        let count = match self.patience {
            None => read.await?,
            Some(patience) => {
                timeout_at(self.heard + patience, read).await.map_err(|_| LinkError::Silent(patience))??
            }
        };
        self.heard = Instant::now();
        if count == 0 { Err(LinkError::ClosedByBroker) } else { Ok(()) }
    }

    /// The time since the last byte was ours: nobody was reading.
    pub(super) fn excuse(&mut self) {
        self.heard = Instant::now();
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
        let Self { codec, buffer, .. } = self;
        (Reader { io, codec, buffer, heard: Instant::now(), patience }, other)
    }
}
