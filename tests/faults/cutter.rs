//! A relay on the way to the broker that cuts the link after a given number of bytes.

use std::{
    io,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::watch,
    task::AbortHandle,
};

/// Whose bytes are counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Direction {
    ToBroker,
    FromBroker,
}

/// When and how to cut.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cut {
    pub(crate) direction: Direction,
    /// So many bytes pass before.
    pub(crate) after: usize,
    /// Both ends learn of it by RST, not FIN, and what is under way is thrown away.
    pub(crate) hard: bool,
}

/// A running relay; its connections end with it.
#[derive(Debug)]
pub(crate) struct Cutter {
    port: u16,
    shared: Arc<Shared>,
    task: AbortHandle,
}

#[derive(Debug)]
struct Shared {
    armed: Mutex<Option<Cut>>,
    cuts: watch::Sender<usize>,
}

// === impl Cut ===

impl Cut {
    /// Anywhere in the next few messages or answers.
    pub(crate) fn at_random() -> Self {
        let (direction, most) =
            if fastrand::bool() { (Direction::ToBroker, 2_500) } else { (Direction::FromBroker, 6_000) };
        Self { direction, after: fastrand::usize(..most), hard: fastrand::bool() }
    }
}

// === impl Cutter ===

impl Cutter {
    /// Leads to `target` of 127.0.0.1.
    pub(crate) async fn start(target: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let port = listener.local_addr().expect("a bound socket has an address").port();
        let shared = Arc::new(Shared { armed: Mutex::default(), cuts: watch::Sender::new(0) });
        let task = tokio::spawn(serve(listener, target, shared.clone())).abort_handle();
        Self { port, shared, task }
    }

    /// Where it listens.
    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// Cuts the link once, at the next opportunity.
    pub(crate) fn arm(&self, cut: Cut) {
        *self.shared.armed() = Some(cut);
    }

    /// Waits until the link has been cut `count` times.
    pub(crate) async fn until_cut(&self, count: usize) {
        let mut cuts = self.shared.cuts.subscribe();
        cuts.wait_for(|cuts| *cuts >= count).await.expect("the relay runs");
    }
}

impl Drop for Cutter {
    fn drop(&mut self) {
        self.task.abort();
    }
}

// === impl Shared ===

impl Shared {
    fn armed(&self) -> MutexGuard<'_, Option<Cut>> {
        self.armed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How many of `bytes` may pass, and the cut that follows them.
    fn pass(&self, direction: Direction, bytes: usize) -> (usize, Option<Cut>) {
        let mut armed = self.armed();
        match &mut *armed {
            Some(cut) if cut.direction == direction && cut.after < bytes => (cut.after, armed.take()),
            Some(cut) if cut.direction == direction => {
                cut.after -= bytes;
                (bytes, None)
            }
            _ => (bytes, None),
        }
    }
}

async fn serve(listener: TcpListener, target: u16, shared: Arc<Shared>) {
    let mut connections = tokio::task::JoinSet::new();
    while let Ok((client, _)) = listener.accept().await {
        let shared = shared.clone();
        connections.spawn(async move {
            // A broker that is away: the client's connection just ends.
            if let Ok(broker) = TcpStream::connect(("127.0.0.1", target)).await {
                relay(client, broker, &shared).await;
            }
        });
    }
}

async fn relay(mut client: TcpStream, mut broker: TcpStream, shared: &Shared) {
    let ((from_client, to_client), (from_broker, to_broker)) = (client.split(), broker.split());
    let ended = tokio::select! {
        ended = pump(from_client, to_broker, Direction::ToBroker, shared) => ended,
        ended = pump(from_broker, to_client, Direction::FromBroker, shared) => ended,
    };
    if let Ok(Some(cut)) = ended {
        if cut.hard {
            let _ = (client.set_zero_linger(), broker.set_zero_linger());
        }
        shared.cuts.send_modify(|cuts| *cuts += 1);
    }
}

/// Until the end of the stream, or until the cut.
async fn pump(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    direction: Direction,
    shared: &Shared,
) -> io::Result<Option<Cut>> {
    let mut buffer = vec![0; 16 * 1024];
    loop {
        let read = from.read(&mut buffer).await?;
        if read == 0 {
            return Ok(None);
        }
        let (allowed, cut) = shared.pass(direction, read);
        to.write_all(&buffer[..allowed]).await?;
        if cut.is_some() {
            return Ok(cut);
        }
    }
}
