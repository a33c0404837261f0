//! The writing half of a session: a task of its own, so that it waits neither for the reader nor for handlers.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bytes::BytesMut;
use tokio::io::{AsyncWrite, AsyncWriteExt, WriteHalf};
use tokio::sync::mpsc::OwnedPermit;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot};
use tokio::time::{Instant, sleep_until, timeout};
use tokio_util::codec::Encoder;
use tokio_util::sync::CancellationToken;
use tracing::error;

use super::blame::{Blame, Mark};
use super::codec::Codec;
use super::error::{LinkError, Stale};
use super::frame::{Command, Frame};
use super::heartbeat::Beats;
use super::profile::Profile;
use super::refusal::Refusal;
use super::session::Session;
use super::settings::Settings;
use super::settler::{MOST_WORDS, Parcel, Settler, Word};

/// How many posts may wait to be written.
const QUEUE_LENGTH: usize = 1_024;
/// How many bytes of bodies may wait to be written; one larger body may wait alone.
const QUEUE_BYTES: usize = 32 * 1024 * 1024;
/// What is queued is written in one go up to about this size.
const BATCH_BYTES: usize = 64 * 1024;
/// The unit in which waiting bytes are counted.
const KIB: usize = 1_024;

/// Something to write.
#[derive(Debug)]
pub(super) enum Post {
    /// As it is.
    Frame {
        frame: Frame,
        /// Given back once it is written.
        space: Option<OwnedSemaphorePermit>,
    },
    /// In a group with others.
    Settle(Parcel),
}

/// Where one session's frames are queued. Dead once the session is gone.
#[derive(Debug, Clone)]
pub(super) struct Outlet {
    queue: mpsc::Sender<Post>,
    space: Arc<Semaphore>,
    /// Fires once nothing that is queued will be looked at any more.
    pub(super) gone: CancellationToken,
    /// How to speak to the broker.
    pub(super) profile: Arc<Profile>,
    /// How to be sent.
    pub(super) blame: Blame,
    codec: Arc<Codec>,
}

/// The queue's other end; the session's outlets die with it.
#[derive(Debug)]
struct Inlet {
    queue: mpsc::Receiver<Post>,
    space: Arc<Semaphore>,
    gone: CancellationToken,
    /// What the broker says of what was settled.
    words: mpsc::Receiver<Word>,
}

/// What a writer needs to know of its session.
#[derive(Debug)]
pub(super) struct Terms {
    pub(super) codec: Codec,
    pub(super) beats: Beats,
    /// The longest that a write may make no progress.
    pub(super) stall: Duration,
    pub(super) profile: Arc<Profile>,
    pub(super) blame: Blame,
    /// Set while nothing is read: a receipt that does not come then is not the broker's fault.
    pub(super) deaf: Arc<AtomicBool>,
}

/// Writes a session's frames and heart-beats.
#[derive(Debug)]
pub(super) struct Writer<Io> {
    io: WriteHalf<Io>,
    inlet: Inlet,
    settler: Settler,
    /// Since when the broker has owed an answer about a group.
    owed_since: Instant,
    terms: Terms,
    batch: BytesMut,
    written: Instant,
}

/// The least that a broker may take to confirm a group, whatever the heart-beats: its disk may be slow.
const SLOW_DISK: Duration = Duration::from_secs(10);

/// What ended the wait for something to write.
enum Due {
    Post(Post),
    Word(Option<Word>),
    Beat,
    Unconfirmed,
    Finish(Option<Frame>),
}

// === impl Terms ===

impl Terms {
    pub(super) fn new(codec: Codec, session: &Session, settings: &Settings, blame: Blame) -> Self {
        let beats = session.beats();
        let stall = beats.stall(settings.connect_timeout);
        Self {
            codec,
            beats,
            stall,
            profile: Arc::new(session.profile().clone()),
            blame,
            deaf: Arc::default(),
        }
    }
}

// === impl Outlet ===

impl Outlet {
    /// Queues a frame with so many bytes of body; `post` makes it, and has the last word.
    ///
    /// Dropping the future before it is done queues nothing.
    pub(super) async fn queue(
        &self,
        bytes: usize,
        post: impl FnOnce(Option<OwnedSemaphorePermit>) -> Option<Post>,
    ) -> Result<(), Stale> {
        let units = bytes.min(QUEUE_BYTES) / KIB;
        let space = match u32::try_from(units) {
            Ok(0) | Err(_) => None,
            Ok(units) => Some(Arc::clone(&self.space).acquire_many_owned(units).await.map_err(|_| Stale)?),
        };
        let place = self.queue.reserve().await.map_err(|_| Stale)?;
        place.send(post(space).ok_or(Stale)?);
        Ok(())
    }

    /// A place in the queue for a frame of the link's own.
    pub(super) async fn place(&self) -> Option<OwnedPermit<Post>> {
        self.queue.clone().reserve_owned().await.ok()
    }

    /// Whether a frame may be sent to this broker at all.
    pub(super) fn allows(&self, frame: &Frame) -> Result<(), Refusal> {
        let (bytes, limit) = (frame.body.len(), self.profile.max_reply());
        if bytes > limit {
            return Err(Refusal::OverLimit { bytes, limit });
        }
        self.codec.check(frame).map_err(|error| Refusal::Unwritable(error.to_string()))
    }

    pub(super) fn is_closed(&self) -> bool {
        self.queue.is_closed()
    }
}

impl From<Frame> for Post {
    fn from(frame: Frame) -> Self {
        Self::Frame { frame, space: None }
    }
}

// === impl Inlet ===

impl Drop for Inlet {
    fn drop(&mut self) {
        self.space.close();
        // Whoever had a place in the queue just now may still put something there, which then stays as long as an outlet.
        self.gone.cancel();
    }
}

// === impl Writer ===

impl<Io: AsyncWrite + Unpin> Writer<Io> {
    /// A writer for the rest of a session, where to queue, and where to tell it what the broker says.
    pub(super) fn new(io: WriteHalf<Io>, terms: Terms) -> (Outlet, mpsc::Sender<Word>, Self) {
        let (sender, receiver) = mpsc::channel(QUEUE_LENGTH);
        let (teller, words) = mpsc::channel(MOST_WORDS);
        let space = Arc::new(Semaphore::new(QUEUE_BYTES / KIB));
        let (gone, profile) = (CancellationToken::new(), Arc::clone(&terms.profile));
        let (blame, codec) = (terms.blame.clone(), Arc::new(terms.codec.clone()));
        blame.begin();
        let outlet =
            Outlet { queue: sender, space: Arc::clone(&space), gone: gone.clone(), profile, blame, codec };
        let inlet = Inlet { queue: receiver, space, gone, words };
        let batch = BytesMut::with_capacity(BATCH_BYTES);
        let settler = Settler::new(terms.profile.settlement(), terms.blame.clone());
        let now = Instant::now();
        (outlet, teller, Self { io, inlet, settler, owed_since: now, terms, batch, written: now })
    }

    /// Writes until the connection fails, or until told to finish: then everything queued and the last frame.
    pub(super) async fn run(mut self, mut finish: oneshot::Receiver<Frame>) -> Result<(), LinkError> {
        loop {
            match self.due(&mut finish).await {
                Due::Beat => self.batch.extend_from_slice(b"\n"),
                Due::Post(post) => self.batch_up(post).await?,
                Due::Word(word) => self.hear(word).await?,
                Due::Unconfirmed if self.terms.deaf.load(Ordering::Acquire) => {
                    self.owed_since = Instant::now()
                }
                Due::Unconfirmed => return Err(LinkError::Unconfirmed(self.longest_owed())),
                Due::Finish(last) => return self.finish(last).await,
            }
            self.start_group().await?;
            self.flush().await?;
        }
    }

    async fn due(&mut self, finish: &mut oneshot::Receiver<Frame>) -> Due {
        let beat = self.terms.beats.due(self.written);
        let patience = self.owed_since + self.longest_owed();
        tokio::select! {
            biased;
            // The link drops its end only together with the session.
            last = finish => Due::Finish(last.ok()),
            word = self.inlet.words.recv() => Due::Word(word),
            post = self.inlet.queue.recv() => post.map_or(Due::Finish(None), Due::Post),
            () = sleep_until(patience), if self.settler.is_owed() => Due::Unconfirmed,
            () = sleep_until(beat.unwrap_or(self.written)), if beat.is_some() => Due::Beat,
        }
    }

    /// Takes what is queued by now, up to a batch's size.
    async fn batch_up(&mut self, first: Post) -> Result<(), LinkError> {
        self.add(first).await?;
        self.add_queued().await
    }

    async fn add_queued(&mut self) -> Result<(), LinkError> {
        while self.batch.len() < BATCH_BYTES {
            let Ok(post) = self.inlet.queue.try_recv() else { break };
            self.add(post).await?;
        }
        Ok(())
    }

    async fn add(&mut self, post: Post) -> Result<(), LinkError> {
        match post {
            Post::Frame { frame, space: _written } if self.can_write(&frame) => {
                if frame.command == Command::Send {
                    self.terms.blame.sent([Mark::status(&frame)], false);
                }
                self.add_frame(&frame).await
            }
            Post::Frame { .. } => Ok(()),
            Post::Settle(parcel) => {
                let mut frames = parcel.reply.iter().chain(&parcel.ack);
                if frames.all(|frame| self.can_write(frame)) {
                    self.settler.add(parcel);
                }
                Ok(())
            }
        }
    }

    /// A frame that cannot be written takes the others of its parcel along, so that no message is acknowledged whose
    /// reply was never sent.
    fn can_write(&self, frame: &Frame) -> bool {
        let checked = self.terms.codec.check(frame);
        if let Err(error) = &checked {
            error!(%error, ?frame, "cannot send this frame; its message stays unanswered until the next session");
        }
        checked.is_ok()
    }

    async fn hear(&mut self, word: Option<Word>) -> Result<(), LinkError> {
        // The link drops its end only together with the session.
        let Some(word) = word else { return Err(LinkError::ClosedByBroker) };
        for frame in self.settler.hear(word) {
            self.add_frame(&frame).await?;
        }
        // What has been queued meanwhile belongs into the next group.
        self.add_queued().await
    }

    async fn start_group(&mut self) -> Result<(), LinkError> {
        for frame in self.settler.start() {
            self.owed_since = Instant::now();
            self.add_frame(&frame).await?;
        }
        Ok(())
    }

    /// How long a broker may take to confirm a group: as long as it may be silent.
    fn longest_owed(&self) -> Duration {
        self.terms.beats.patience().unwrap_or(self.terms.stall).max(SLOW_DISK)
    }

    /// Large bodies are written from where they are.
    async fn add_frame(&mut self, frame: &Frame) -> Result<(), LinkError> {
        if frame.body.len() < BATCH_BYTES {
            return Ok(self.terms.codec.encode(frame, &mut self.batch)?);
        }
        self.terms.codec.encode_head(frame, &mut self.batch)?;
        self.write_batch().await?;
        self.write(&frame.body).await?;
        self.batch.extend_from_slice(b"\0");
        Ok(())
    }

    async fn flush(&mut self) -> Result<(), LinkError> {
        self.write_batch().await?;
        within(self.terms.stall, self.io.flush()).await
    }

    async fn write_batch(&mut self) -> Result<(), LinkError> {
        let batch = self.batch.split().freeze();
        self.write(&batch).await
    }

    /// Writes all, as long as each stretch of `stall` takes some.
    async fn write(&mut self, mut bytes: &[u8]) -> Result<(), LinkError> {
        while !bytes.is_empty() {
            let count = within(self.terms.stall, self.io.write(bytes)).await?;
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
        while let Some(post) = self.inlet.queue.recv().await {
            self.batch_up(post).await?;
            self.write_batch().await?;
        }
        self.settle_all().await?;
        self.add_frame(&last).await?;
        self.flush().await
    }

    /// Until the broker has confirmed every group.
    async fn settle_all(&mut self) -> Result<(), LinkError> {
        self.start_group().await?;
        while !self.settler.is_idle() {
            self.flush().await?;
            let word = self.inlet.words.recv().await;
            self.hear(word).await?;
            self.start_group().await?;
        }
        Ok(())
    }
}

async fn within<T>(limit: Duration, io: impl Future<Output = io::Result<T>>) -> Result<T, LinkError> {
    match timeout(limit, io).await {
        Ok(done) => Ok(done?),
        Err(_) => Err(LinkError::Stalled(limit)),
    }
}
