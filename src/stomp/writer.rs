//! The writing half of a session: a task of its own, so that it waits neither for the reader nor for handlers.

use std::collections::HashSet;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::BytesMut;
use tokio::io::{AsyncWrite, AsyncWriteExt, WriteHalf};
use tokio::sync::mpsc::OwnedPermit;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot};
use tokio::time::{Instant, sleep_until, timeout};
use tokio_util::codec::Encoder;
use tracing::error;

use super::codec::Codec;
use super::error::{LinkError, Stale};
use super::frame::Frame;
use super::heartbeat::Beats;

/// How many parcels may wait to be written.
const QUEUE_LENGTH: usize = 1_024;
/// How many bytes of bodies may wait to be written; one larger body may wait alone.
const QUEUE_BYTES: usize = 32 * 1024 * 1024;
/// What is queued is written in one go up to about this size.
const BATCH_BYTES: usize = 64 * 1024;
/// How many reply queues a session asks about; a platform has one for each destination.
const MOST_ASKED: usize = 1_024;
/// The unit in which waiting bytes are counted.
const KIB: usize = 1_024;

/// Frames that are written next to each other, in this order.
#[derive(Debug)]
pub(super) struct Parcel {
    frames: Vec<Frame>,
    /// Given back once the parcel is written.
    _space: Option<OwnedSemaphorePermit>,
}

/// Where one session's frames are queued. Dead once the session is gone.
#[derive(Debug, Clone)]
pub(super) struct Outlet {
    queue: mpsc::Sender<Parcel>,
    space: Arc<Semaphore>,
    /// Where a reply was sent to with a receipt.
    asked: Arc<Mutex<HashSet<String>>>,
}

/// The queue's other end; the session's outlets die with it.
#[derive(Debug)]
struct Inlet {
    queue: mpsc::Receiver<Parcel>,
    space: Arc<Semaphore>,
}

/// Writes a session's frames and heart-beats.
#[derive(Debug)]
pub(super) struct Writer<Io> {
    io: WriteHalf<Io>,
    inlet: Inlet,
    codec: Codec,
    beats: Beats,
    stall: Duration,
    batch: BytesMut,
    written: Instant,
}

/// What ended the wait for something to write.
enum Due {
    Parcel(Parcel),
    Beat,
    Finish(Option<Frame>),
}

// === impl Outlet ===

impl Outlet {
    /// Queues frames to be written one after the other; `commit` has the last word before they are, on the frames too.
    ///
    /// Dropping the future before it is done queues nothing.
    pub(super) async fn queue(
        &self,
        mut frames: Vec<Frame>,
        commit: impl FnOnce(&mut [Frame]) -> bool,
    ) -> Result<(), Stale> {
        let bytes: usize = frames.iter().map(|frame| frame.body.len()).sum();
        let units = bytes.min(QUEUE_BYTES) / KIB;
        let space = match u32::try_from(units) {
            Ok(0) | Err(_) => None,
            Ok(units) => Some(Arc::clone(&self.space).acquire_many_owned(units).await.map_err(|_| Stale)?),
        };
        let place = self.queue.reserve().await.map_err(|_| Stale)?;
        if !commit(&mut frames) {
            return Err(Stale);
        }
        place.send(Parcel { frames, _space: space });
        Ok(())
    }

    /// A place in the queue for a frame of the link's own.
    pub(super) async fn place(&self) -> Option<OwnedPermit<Parcel>> {
        self.queue.clone().reserve_owned().await.ok()
    }

    /// Whether a reply to `destination` is to ask for a receipt: the session's first one there. It names a refused queue;
    /// more would only slow the broker down, whose receipts hold up the messages behind them.
    pub(super) fn asks(&self, destination: &str) -> bool {
        let mut asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
        asked.len() < MOST_ASKED && asked.insert(destination.to_owned())
    }

    pub(super) fn is_closed(&self) -> bool {
        self.queue.is_closed()
    }
}

impl From<Frame> for Parcel {
    fn from(frame: Frame) -> Self {
        Self { frames: vec![frame], _space: None }
    }
}

// === impl Inlet ===

impl Drop for Inlet {
    fn drop(&mut self) {
        self.space.close();
    }
}

// === impl Writer ===

impl<Io: AsyncWrite + Unpin> Writer<Io> {
    /// A writer for the rest of a session, and where to queue.
    pub(super) fn new(io: WriteHalf<Io>, codec: Codec, beats: Beats, stall: Duration) -> (Outlet, Self) {
        let (sender, receiver) = mpsc::channel(QUEUE_LENGTH);
        let space = Arc::new(Semaphore::new(QUEUE_BYTES / KIB));
        let outlet = Outlet { queue: sender, space: Arc::clone(&space), asked: Arc::default() };
        let inlet = Inlet { queue: receiver, space };
        let batch = BytesMut::with_capacity(BATCH_BYTES);
        (outlet, Self { io, inlet, codec, beats, stall, batch, written: Instant::now() })
    }

    /// Writes until the connection fails, or until told to finish: then everything queued and the last frame.
    pub(super) async fn run(mut self, mut finish: oneshot::Receiver<Frame>) -> Result<(), LinkError> {
        loop {
            match self.due(&mut finish).await {
                Due::Beat => self.batch.extend_from_slice(b"\n"),
                Due::Parcel(parcel) => self.batch_up(parcel).await?,
                Due::Finish(last) => return self.finish(last).await,
            }
            self.flush().await?;
        }
    }

    async fn due(&mut self, finish: &mut oneshot::Receiver<Frame>) -> Due {
        let beat = self.beats.due(self.written);
        tokio::select! {
            biased;
            // The link drops its end only together with the session.
            last = finish => Due::Finish(last.ok()),
            parcel = self.inlet.queue.recv() => parcel.map_or(Due::Finish(None), Due::Parcel),
            () = sleep_until(beat.unwrap_or(self.written)), if beat.is_some() => Due::Beat,
        }
    }

    /// Takes what is queued by now, up to a batch's size.
    async fn batch_up(&mut self, first: Parcel) -> Result<(), LinkError> {
        self.add(first).await?;
        while self.batch.len() < BATCH_BYTES {
            let Ok(parcel) = self.inlet.queue.try_recv() else { break };
            self.add(parcel).await?;
        }
        Ok(())
    }

    /// A frame that cannot be written takes those after it along, so that no message is acknowledged whose reply was
    /// never sent.
    async fn add(&mut self, parcel: Parcel) -> Result<(), LinkError> {
        for frame in parcel.frames {
            match self.add_frame(&frame).await {
                Err(LinkError::Codec(error)) => {
                    error!(%error, ?frame, "cannot send this frame; its message stays unanswered until the next session");
                    break;
                }
                done => done?,
            }
        }
        Ok(())
    }

    /// Large bodies are written from where they are.
    async fn add_frame(&mut self, frame: &Frame) -> Result<(), LinkError> {
        if frame.body.len() < BATCH_BYTES {
            return Ok(self.codec.encode(frame, &mut self.batch)?);
        }
        self.codec.encode_head(frame, &mut self.batch)?;
        self.write_batch().await?;
        self.write(&frame.body).await?;
        self.batch.extend_from_slice(b"\0");
        Ok(())
    }

    async fn flush(&mut self) -> Result<(), LinkError> {
        self.write_batch().await?;
        within(self.stall, self.io.flush()).await
    }

    async fn write_batch(&mut self) -> Result<(), LinkError> {
        let batch = self.batch.split().freeze();
        self.write(&batch).await
    }

    /// Writes all, as long as each stretch of `stall` takes some.
    async fn write(&mut self, mut bytes: &[u8]) -> Result<(), LinkError> {
        while !bytes.is_empty() {
            let count = within(self.stall, self.io.write(bytes)).await?;
            if count == 0 {
                return Err(io::Error::from(io::ErrorKind::WriteZero).into());
            }
            bytes = bytes.get(count..).unwrap_or_default();
            self.written = Instant::now();
        }
        Ok(())
    }

    /// Refuses what comes later, writes what came earlier, says the last word.
    async fn finish(mut self, last: Option<Frame>) -> Result<(), LinkError> {
        let Some(last) = last else { return Ok(()) };
        self.inlet.queue.close();
        while let Some(parcel) = self.inlet.queue.recv().await {
            self.batch_up(parcel).await?;
            self.write_batch().await?;
        }
        self.add_frame(&last).await?;
        self.flush().await
    }
}

async fn within<T>(limit: Duration, io: impl Future<Output = io::Result<T>>) -> Result<T, LinkError> {
    match timeout(limit, io).await {
        Ok(done) => Ok(done?),
        Err(_) => Err(LinkError::Stalled(limit)),
    }
}
