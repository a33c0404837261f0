//! A connection beside the session, for what may cost one: a message that the broker may end it over, and a queue that it
//! has refused before. Opened when it is needed and closed soon after.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::BytesMut;
use tokio::io::{AsyncWriteExt, ReadHalf, WriteHalf, split};
use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;
use tokio_util::codec::Encoder;

use super::blame::{Blame, Judgement, Mark};
use super::codec::Codec;
use super::error::LinkError;
use super::frame::{Command, Frame};
use super::heartbeat::Heartbeat;
use super::link::Dial;
use super::reader::Reader;
use super::refusal::Refusal;
use super::session::{BrokerError, Session, SessionError, Version};
use super::settings::Settings;

/// What can be asked for.
#[derive(Debug, Clone)]
pub(super) struct Aside(mpsc::Sender<Job>);

/// What became of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Seen {
    /// The broker has confirmed it.
    Taken,
    /// The broker refuses it, this message or this queue.
    Refused(Refusal),
    /// That cannot be known now: the broker is away, or too slow.
    Unknown,
    /// There is no second connection to this broker.
    Impossible,
}

#[derive(Debug)]
struct Job {
    frame: Frame,
    /// Of a message; none where a queue is asked for.
    mark: Option<Mark>,
    seen: oneshot::Sender<Seen>,
}

/// Where the session's task leaves what dials the broker that it speaks to.
#[derive(Debug)]
pub(super) struct Berth<D>(Arc<Mutex<Way<D>>>);

#[derive(Debug)]
enum Way<D> {
    /// No session is up.
    Down,
    /// One is up, and its dialer dials for it alone.
    None,
    /// One is up: this dials the same broker. The number tells the sessions apart.
    Open(D, String, u64),
    /// The same, while it is dialed.
    Borrowed(u64),
}

/// The task's end.
struct Server<D: Dial> {
    settings: Settings,
    blame: Blame,
    berth: Berth<D>,
    open: Option<Side<D::Io>>,
}

/// The connection.
pub(super) struct Side<Io> {
    reader: Reader<ReadHalf<Io>>,
    writer: WriteHalf<Io>,
    codec: Codec,
    session: u64,
    asked: u64,
}

/// What one exchange came to.
pub(super) enum Said {
    Receipt,
    Error(BrokerError),
    /// The connection fell.
    Fell(LinkError),
    /// Nothing in time.
    Nothing,
}

/// Jobs that may wait.
const JOBS: usize = 64;
/// The connection is closed when it has not been needed for so long.
const IDLE: Duration = Duration::from_secs(5);
/// The longest that connecting and logging in, and then an answer, may take.
const CONNECT: Duration = Duration::from_secs(10);
const ANSWER: Duration = Duration::from_secs(30);
/// How long to listen for the reason where writing fails.
const LAST_WORDS: Duration = Duration::from_millis(500);
/// Connections that a message may cost before the broker's silence is taken for its answer.
const MAX_FALLS: u32 = 2;
/// The session is given so long to fall too, before the fall of the connection beside it is laid at a message's door.
const BOTH: Duration = Duration::from_millis(300);

// === impl Aside ===

impl Aside {
    /// Starts its task, which ends with the last handle.
    pub(super) fn start<D: Dial>(settings: &Settings, blame: &Blame) -> (Self, Berth<D>) {
        let (sender, mut jobs) = mpsc::channel::<Job>(JOBS);
        let berth = Berth(Arc::new(Mutex::new(Way::Down)));
        let silent = Heartbeat { send: Duration::ZERO, receive: Duration::ZERO, ..settings.heartbeat };
        let settings = Settings { heartbeat: silent, ..settings.clone() };
        let mut server = Server { settings, blame: blame.clone(), berth: Berth(berth.0.clone()), open: None };
        tokio::spawn(async move {
            loop {
                let job = match server.open {
                    Some(_) => timeout(IDLE, jobs.recv()).await,
                    None => Ok(jobs.recv().await),
                };
                match job {
                    Ok(Some(job)) => server.serve(job).await,
                    Ok(None) => return,
                    Err(_idle) => server.leave().await,
                }
            }
        });
        (Self(sender), berth)
    }

    /// Sends a message, or asks for a queue, and says what the broker makes of it.
    pub(super) async fn ask(&self, frame: Frame, mark: Option<Mark>) -> Seen {
        let (seen, told) = oneshot::channel();
        if self.0.send(Job { frame, mark, seen }).await.is_err() {
            return Seen::Unknown;
        }
        told.await.unwrap_or(Seen::Unknown)
    }
}

// === impl Berth ===

impl<D: Dial> Berth<D> {
    pub(super) fn up(&self, dialer: Option<D>, host: &str, session: u64) {
        *self.way() = dialer.map_or(Way::None, |dialer| Way::Open(dialer, host.to_owned(), session));
    }

    pub(super) fn down(&self) {
        *self.way() = Way::Down;
    }

    /// Whether a session is up whose broker can be dialed a second time.
    pub(super) fn is_open(&self) -> bool {
        self.session().is_some()
    }

    /// The session that is up, if its broker can be dialed a second time.
    fn session(&self) -> Option<u64> {
        match &*self.way() {
            Way::Open(_, _, session) | Way::Borrowed(session) => Some(*session),
            Way::Down | Way::None => None,
        }
    }

    /// Takes the dialer for a while.
    fn borrow(&self) -> Result<(D, String, u64), Seen> {
        let mut way = self.way();
        match std::mem::replace(&mut *way, Way::Down) {
            Way::Open(dialer, host, session) => {
                *way = Way::Borrowed(session);
                Ok((dialer, host, session))
            }
            Way::None => {
                *way = Way::None;
                Err(Seen::Impossible)
            }
            Way::Borrowed(_) | Way::Down => Err(Seen::Unknown),
        }
    }

    /// Gives it back, unless the session has fallen or another one is up.
    fn put_back(&self, dialer: D, host: String, session: u64) {
        let mut way = self.way();
        if matches!(*way, Way::Borrowed(borrowed) if borrowed == session) {
            *way = Way::Open(dialer, host, session);
        }
    }

    fn way(&self) -> MutexGuard<'_, Way<D>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

// === impl Server ===

impl<D: Dial> Server<D> {
    async fn serve(&mut self, job: Job) {
        let Job { mut frame, mark, seen } = job;
        let answer = match mark {
            None => self.probed(&frame).await,
            Some(mut mark) => loop {
                match self.tried(&frame, &mark).await {
                    Ok(seen) => break seen,
                    Err(detour) => {
                        mark = mark.by(&detour);
                        frame.headers.set("destination", detour);
                    }
                }
            },
        };
        // Who asked may have gone.
        let _ = seen.send(answer);
    }

    /// Asks until the answer is clear; the destination to ask for where it is to be another one.
    async fn tried(&mut self, frame: &Frame, mark: &Mark) -> Result<Seen, String> {
        let mut fell = 0;
        loop {
            if let Err(seen) = self.connected().await {
                return Ok(seen);
            }
            let Some(side) = &mut self.open else { return Ok(Seen::Unknown) };
            let session = side.session;
            match side.exchange(frame).await {
                Said::Receipt => {
                    self.blame.cleared(mark);
                    return Ok(Seen::Taken);
                }
                Said::Error(error) => {
                    self.open = None;
                    return match self.blame.judge(mark, &error) {
                        Judgement::Refused(refusal) => Ok(Seen::Refused(refusal)),
                        Judgement::Detour(destination) => Err(destination),
                        Judgement::Innocent => Ok(Seen::Unknown),
                    };
                }
                Said::Nothing => {
                    self.open = None;
                    return Ok(Seen::Unknown);
                }
                Said::Fell(error) => {
                    self.open = None;
                    tokio::time::sleep(BOTH).await;
                    if self.berth.session() != Some(session) {
                        return Ok(Seen::Unknown);
                    }
                    fell += 1;
                    if fell >= MAX_FALLS {
                        let words = super::error::in_words(&error);
                        return Ok(Seen::Refused(self.blame.refuse(mark, words)));
                    }
                }
            }
        }
    }

    /// Asks for a queue; what it sends goes back to it when the connection is closed.
    async fn probed(&mut self, frame: &Frame) -> Seen {
        if let Err(seen) = self.connected().await {
            return seen;
        }
        let Some(mut side) = self.open.take() else { return Seen::Unknown };
        match side.exchange(frame).await {
            Said::Receipt => Seen::Taken,
            Said::Error(error) => Seen::Refused(Refusal::Destination(error.reason())),
            Said::Fell(_) | Said::Nothing => Seen::Unknown,
        }
    }

    /// Has a connection that belongs to the session that is up.
    async fn connected(&mut self) -> Result<(), Seen> {
        let now = self.berth.session();
        if self.open.as_ref().is_some_and(|side| Some(side.session) == now) {
            return Ok(());
        }
        self.open = None;
        let (mut dialer, host, session) = self.berth.borrow()?;
        let opened = timeout(CONNECT, open(&mut dialer, &self.settings, &host, session)).await;
        self.berth.put_back(dialer, host, session);
        match opened {
            Ok(Ok(side)) => {
                self.open = Some(side);
                Ok(())
            }
            // It may have a limit of connections.
            Ok(Err(_)) | Err(_) => {
                tokio::time::sleep(BOTH).await;
                Err(if self.berth.session() == Some(session) { Seen::Impossible } else { Seen::Unknown })
            }
        }
    }

    async fn leave(&mut self) {
        if let Some(mut side) = self.open.take() {
            let _ = timeout(LAST_WORDS, side.write(&Frame::new(Command::Disconnect))).await;
        }
    }
}

pub(super) async fn open<D: Dial>(
    dialer: &mut D,
    settings: &Settings,
    host: &str,
    number: u64,
) -> Result<Side<D::Io>, LinkError> {
    let mut io = dialer.dial().await.map_err(|error| LinkError::Dial(Box::new(error)))?;
    let mut codec = Codec::new(Version::V1_2, settings.limits);
    let mut greeting = BytesMut::new();
    codec.encode(&Session::greeting(settings, host), &mut greeting)?;
    io.write_all(&greeting).await?;
    io.flush().await?;
    let mut reader = Reader::new(io, codec.clone().skips_broken().greets());
    let answer = reader.next_frame().await?;
    let session = Session::open(settings, &answer)?;
    codec.set_version(session.version());
    let (reader, writer) = reader.split(session.version(), None, split);
    Ok(Side { reader, writer, codec, session: number, asked: 0 })
}

// === impl Side ===

impl<Io: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin> Side<Io> {
    pub(super) async fn exchange(&mut self, frame: &Frame) -> Said {
        self.asked += 1;
        let receipt = format!("aside {}", self.asked);
        let mut frame = frame.clone();
        frame.headers.set("receipt", receipt.clone());
        if let Err(error) = timeout(ANSWER, self.write(&frame)).await.unwrap_or_else(|_| Ok(())) {
            // The broker's ERROR says more than the broken pipe that follows it.
            return match timeout(LAST_WORDS, self.answer(&receipt)).await {
                Ok(said @ Said::Error(_)) => said,
                _ => Said::Fell(error),
            };
        }
        timeout(ANSWER, self.answer(&receipt)).await.unwrap_or(Said::Nothing)
    }

    pub(super) async fn write(&mut self, frame: &Frame) -> Result<(), LinkError> {
        let mut bytes = BytesMut::new();
        self.codec.encode(frame, &mut bytes)?;
        self.writer.write_all(&bytes).await?;
        Ok(self.writer.flush().await?)
    }

    /// What the broker says to the frame that asked for this receipt; messages are left to it.
    async fn answer(&mut self, receipt: &str) -> Said {
        loop {
            match self.reader.next_frame().await {
                Ok(frame)
                    if frame.command == Command::Receipt && frame.header("receipt-id") == Some(receipt) =>
                {
                    return Said::Receipt;
                }
                Ok(frame) if frame.command == Command::Error => {
                    return Said::Error(BrokerError::of_session(&frame));
                }
                Ok(_) => {}
                Err(LinkError::Session(SessionError::Broker(error))) => return Said::Error(error),
                Err(error) => return Said::Fell(error),
            }
        }
    }
}
