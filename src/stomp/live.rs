//! An established session: its rules, its reader, its writer's task.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bytes::BytesMut;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt, ReadHalf, split};
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;
use tokio_util::codec::Encoder;
use tokio_util::task::AbortOnDropHandle;

use super::blame::Blame;
use super::codec::Codec;
use super::error::{CloseError, LinkError};
use super::frame::Frame;
use super::reader::{Incoming, Reader};
use super::session::{Epoch, Received, Session, SessionError, Version};
use super::settings::Settings;
use super::settler::Word;
use super::writer::{Outlet, Terms, Writer};

/// Dropping it ends the connection at once.
#[derive(Debug)]
pub(super) struct Live<Io> {
    pub(super) epoch: Epoch,
    pub(super) session: Session,
    pub(super) reader: Reader<ReadHalf<Io>>,
    pub(super) outlet: Outlet,
    pub(super) writer: WriterTask,
    /// What the broker says of what was settled, for the writer.
    words: mpsc::Sender<Word>,
    /// Shared with the writer: receipts cannot be heard.
    deaf: Arc<AtomicBool>,
    finish: oneshot::Sender<Frame>,
}

/// The writer, which ends with the session.
#[derive(Debug)]
pub(super) struct WriterTask(AbortOnDropHandle<Result<(), LinkError>>);

/// How long to listen for the reason when writing has failed.
const LAST_WORDS: Duration = Duration::from_millis(500);

impl WriterTask {
    /// Why the task ended; for as long as the session lives it only ends by failing.
    pub(super) async fn failed(&mut self) -> LinkError {
        match (&mut self.0).await {
            Ok(Err(error)) => error,
            Ok(Ok(())) => LinkError::ClosedByBroker,
            Err(panic) => io::Error::other(panic).into(),
        }
    }
}

impl<Io: AsyncRead + AsyncWrite + Unpin + Send + 'static> Live<Io> {
    /// Shakes hands over a fresh byte stream.
    pub(super) async fn open(
        mut io: Io,
        settings: &Settings,
        host: &str,
        blame: Blame,
        epoch: Epoch,
    ) -> Result<Self, LinkError> {
        let mut codec = Codec::new(Version::V1_2, settings.limits);
        let mut greeting = BytesMut::new();
        codec.encode(&Session::greeting(settings, host), &mut greeting)?;
        io.write_all(&greeting).await?;
        io.flush().await?;
        let mut reader = Reader::new(io, codec.clone().skips_broken().greets());
        let session = Session::open(settings, &reader.next_frame().await?)?;
        codec.set_version(session.version());
        let terms = Terms::new(codec, &session, settings, blame);
        Ok(Self::split(reader, session, terms, epoch))
    }

    fn split(reader: Reader<Io>, session: Session, terms: Terms, epoch: Epoch) -> Self {
        let (reader, write_half) = reader.split(session.version(), terms.beats.patience(), split);
        let deaf = Arc::clone(&terms.deaf);
        let (outlet, words, writer) = Writer::new(write_half, terms);
        let (finish, finished) = oneshot::channel();
        let writer = WriterTask(AbortOnDropHandle::new(tokio::spawn(writer.run(finished))));
        Self { epoch, session, reader, outlet, writer, words, deaf, finish }
    }

    /// Nothing is read for a while, the broker's receipts included.
    pub(super) fn pause(&self) {
        self.deaf.store(true, Ordering::Release);
    }

    /// Reading goes on; the time since the last byte was ours.
    pub(super) fn resume(&mut self) {
        self.deaf.store(false, Ordering::Release);
        self.reader.excuse();
    }

    /// Why the session has ended, where writing failed first: the broker's ERROR says more than the broken pipe.
    pub(super) async fn last_words(&mut self, failed: LinkError) -> LinkError {
        if !matches!(failed, LinkError::Io(_) | LinkError::ClosedByBroker) {
            return failed;
        }
        let heard = async {
            loop {
                let frame = self.reader.next_frame().await.ok()?;
                if let Err(error @ SessionError::Broker(_)) = self.session.receive(frame) {
                    return Some(error.into());
                }
            }
        };
        timeout(LAST_WORDS, heard).await.ok().flatten().unwrap_or(failed)
    }

    /// Tells the writer what the broker says of what was settled.
    pub(super) fn tell(&self, word: Word) -> Result<(), LinkError> {
        // There is room for all that may be asked; a broker that confirms more breaks the rules.
        self.words.try_send(word).map_err(|error| match error {
            TrySendError::Full(_) => LinkError::TooManyReceipts,
            TrySendError::Closed(_) => LinkError::ClosedByBroker,
        })
    }

    /// Has everything queued written, says DISCONNECT and waits for its receipt. Messages that still come are left to
    /// the broker, which has them unacknowledged.
    pub(super) async fn close(self) -> Result<(), CloseError> {
        let Self { mut session, mut reader, finish, words, writer: _writer, outlet: _outlet, .. } = self;
        finish.send(session.disconnect()).map_err(|_| CloseError::Lost)?;
        loop {
            let received = match reader.next().await.map_err(|_| CloseError::Lost)? {
                Incoming::Frame(frame) => session.receive(frame),
                Incoming::Broken(broken) => session.receive_broken(broken),
                Incoming::Flood => continue,
            };
            match received {
                Ok(Received::Disconnected) => return Ok(()),
                Ok(Received::Confirmed(receipt)) => hear(&words, Word::Receipt(receipt))?,
                Ok(Received::ReplyRefused(receipt, error)) => hear(&words, Word::Refused(receipt, error))?,
                Ok(_) => {}
                Err(_) => return Err(CloseError::Lost),
            }
        }
    }
}

fn hear(words: &mpsc::Sender<Word>, word: Word) -> Result<(), CloseError> {
    words.try_send(word).map_err(|error| match error {
        TrySendError::Full(_) => CloseError::TooManyReceipts,
        TrySendError::Closed(_) => CloseError::Lost,
    })
}
