//! The test-actions port: a developer submits a message by hand and sees the replies, no rule and no broker needed.
//!
//! The vendor's `res-action-test` is its client (guide, chapter 4, "res-action-test"). Nothing that is submitted here
//! reaches the broker; REST calls of the handlers do reach the platform. Clients do not log in: whoever reaches the port
//! runs handlers with the processor's rights, so that it is warned of, and what clients may hold is bounded.

mod frames;

use crate::{
    component::{StatusSink, reply::interim},
    dispatch::{Destination, Earlier, Envelope, Outcome, Workshop, decode},
};
use bytes::{Buf, Bytes};
use frames::Frames;
use futures_util::{
    FutureExt, SinkExt, StreamExt,
    future::{BoxFuture, ready},
    stream::{SplitSink, SplitStream},
};
use std::{io, net::SocketAddr, sync::Arc, time::Duration};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{Semaphore, mpsc},
    task::JoinSet,
};
use tokio_util::{codec::Framed, sync::CancellationToken};
use tracing::{Instrument, debug, warn};

/// Clients at the same time; one that comes when there are as many is told so.
const MAX_CLIENTS: usize = 64;

/// Submissions of one client that are worked at the same time; further ones wait in the socket.
const MOST_AT_WORK: usize = 100;

/// Replies that may wait for their client to read them.
const MOST_UNREAD: usize = 1_000;

type Socket = Framed<TcpStream, Frames>;

/// The port, bound and ready to serve.
#[derive(Debug)]
pub struct TestActions {
    listener: TcpListener,
    org: i64,
    workshop: Arc<Workshop>,
}

/// One submission: `<action number> <queue> <JSON>`.
#[derive(Debug)]
struct Submission {
    number: u32,
    text: Bytes,
}

/// Where one submission's news go.
#[derive(Debug, Clone)]
struct Replies {
    number: u32,
    to: mpsc::Sender<String>,
}

// === impl TestActions ===

impl TestActions {
    /// Binds the port. `org` is the organization's id, which the made-up queue names hold.
    ///
    /// # Errors
    /// The address is taken, or not this machine's.
    pub async fn bind(address: &str, port: u16, org: i64, workshop: Arc<Workshop>) -> io::Result<Self> {
        let listener = TcpListener::bind((address, port)).await?;
        let at = listener.local_addr()?;
        if at.ip().is_loopback() {
            warn!(%at, "test actions are taken from every user of this machine; set test_actions = false where others log in");
        } else {
            warn!(%at, "test actions are taken from other machines too, by whoever can reach this address");
        }
        Ok(Self { listener, org, workshop })
    }

    /// Where it listens.
    ///
    /// # Errors
    /// The operating system does not say.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// Serves clients until `shutdown` fires, then finishes what is at work.
    pub async fn serve(self, shutdown: CancellationToken) {
        let (mut clients, room) = (JoinSet::new(), frames::room());
        loop {
            tokio::select! {
                biased;
                () = shutdown.cancelled() => break,
                Some(_) = clients.join_next() => {}
                accepted = self.listener.accept() => match accepted {
                    Ok((stream, _)) if clients.len() >= MAX_CLIENTS => {
                        debug!("a test client was turned away: there are {MAX_CLIENTS}");
                        turn_away(stream, &room);
                    }
                    Ok((stream, _)) => {
                        let socket = Framed::new(stream, Frames::new(room.clone()));
                        clients.spawn(client(socket, self.org, self.workshop.clone(), shutdown.clone()));
                    }
                    Err(error) => {
                        warn!(%error, "a test client could not be accepted");
                        tokio::time::sleep(Duration::from_millis(100)).await;
                    }
                },
            }
        }
        // From now on nobody is kept waiting for a connection that will not be served.
        drop(self.listener);
        while clients.join_next().await.is_some() {}
    }
}

/// In one frame, which the socket's own buffer takes.
fn turn_away(stream: TcpStream, room: &Arc<Semaphore>) {
    let mut socket = Framed::new(stream, Frames::new(room.clone()));
    let text = format!("Too many clients: {MAX_CLIENTS} are served at once. Close one, and connect again.");
    let _gone = socket.send(Bytes::from(text)).now_or_never();
}

async fn client(socket: Socket, org: i64, workshop: Arc<Workshop>, shutdown: CancellationToken) {
    let (sink, source) = socket.split();
    let (to, replies) = mpsc::channel(MOST_UNREAD);
    tokio::join!(take(source, org, workshop, to, shutdown), answer(sink, replies));
}

/// Takes submissions until the client hangs up or the daemon stops, then finishes those at work.
async fn take(
    mut source: SplitStream<Socket>,
    org: i64,
    workshop: Arc<Workshop>,
    to: mpsc::Sender<String>,
    shutdown: CancellationToken,
) {
    let at_work = Arc::new(Semaphore::new(MOST_AT_WORK));
    let mut tasks = JoinSet::new();
    while let Some(Some(frame)) = shutdown.run_until_cancelled(source.next()).await {
        let frame = match frame {
            Ok(frame) => frame.freeze(),
            Err(error) => {
                debug!(%error, "a test client sent what cannot be read");
                let most = frames::LARGEST >> 20;
                let _gone =
                    to.send(format!("Bad Message! {error}: at most {most} MiB are taken at once")).await;
                break;
            }
        };
        let Ok(place) = at_work.clone().acquire_owned().await else { break };
        let work = submitted(frame, org, workshop.clone(), to.clone());
        tasks.spawn(async move {
            work.await;
            drop(place);
        });
        while tasks.try_join_next().is_some() {}
    }
    while tasks.join_next().await.is_some() {}
}

/// Writes the replies out until there will be no more, or nobody reads them.
async fn answer(mut sink: SplitSink<Socket, Bytes>, mut replies: mpsc::Receiver<String>) {
    while let Some(text) = replies.recv().await {
        if sink.send(Bytes::from(text)).await.is_err() {
            return;
        }
    }
}

/// Carries one submission out and tells its client what became of it.
async fn submitted(frame: Bytes, org: i64, workshop: Arc<Workshop>, to: mpsc::Sender<String>) {
    let Some(submission) = Submission::read(frame) else {
        let _gone = to.send("Bad Message! Too short: it lacks the action's number.".to_owned()).await;
        return;
    };
    let replies = Replies { number: submission.number, to };
    let envelope = match submission.envelope(org) {
        Ok(envelope) => envelope,
        Err(text) => return replies.say(text).await,
    };
    replies.say(format!("Action Submitted<action {}>", replies.number)).await;
    let earlier = Earlier::default();
    let work = workshop
        .carry_out(&envelope, &earlier, Arc::new(replies.clone()))
        .instrument(envelope.span(envelope.id()));
    match work.await {
        Outcome::Answered(answer) | Outcome::SetAside(answer, _) => replies.respond(&answer.body).await,
        Outcome::Returned => {
            replies.say(format!("Action Failed<action {}>: the processor is stopping", replies.number)).await;
        }
    }
}

// === impl Submission ===

impl Submission {
    fn read(mut frame: Bytes) -> Option<Self> {
        let number = frame.try_get_u32().ok()?;
        Some(Self { number, text: frame })
    }

    /// The message as the platform would have sent it, or what to tell the client.
    fn envelope(&self, org: i64) -> Result<Envelope, String> {
        let number = self.number;
        let text =
            decode::text(&self.text).map_err(|error| format!("Bad Message<action {number}>! {error}"))?;
        let (queue, json) = text.trim().split_once(' ').ok_or_else(|| {
            format!("<action {number}>: Submit actions with the format: <queue> <message as JSON>")
        })?;
        let body = Bytes::copy_from_slice(json.as_bytes());
        decode::decode(&body).map_err(|error| format!("Bad Message<action {number}>! {error}"))?;
        Ok(Envelope::made_up(Destination::actions(org, queue), number, body))
    }
}

// === impl Replies ===

impl Replies {
    /// A client that has gone away needs no answer.
    async fn say(&self, text: String) {
        let _gone = self.to.send(text).await;
    }

    async fn respond(&self, reply: &str) {
        self.say(format!("RESPONSE<action {}>: {reply}", self.number)).await;
    }
}

impl StatusSink for Replies {
    fn status(&self, text: String) -> BoxFuture<'_, ()> {
        // A client that does not read must not hold up a worker: it misses the news.
        let news = format!("RESPONSE<action {}>: {}", self.number, interim(&text));
        let _missed = self.to.try_send(news);
        Box::pin(ready(()))
    }
}
