//! The wire between a link and its broker, which can be cut, and stalled in one direction.

use std::io;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// Which way bytes go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Direction {
    ToBroker,
    FromBroker,
}

/// What became of the connections up to a number. Later ones are well.
#[derive(Clone, Copy, Debug, Default)]
struct Fate {
    newest: u64,
    cut: u64,
    stalled: Option<(Direction, u64)>,
}

/// A proxy at a port of its own.
#[derive(Debug)]
pub(crate) struct Wire {
    pub(crate) port: u16,
    fate: watch::Sender<Fate>,
}

// === impl Wire ===

impl Wire {
    /// To `broker`, a port on this machine.
    pub(crate) async fn to(broker: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let (fate, seen) = watch::channel(Fate::default());
        let numbering = fate.clone();
        tokio::spawn(async move {
            while let Ok((ours, _)) = listener.accept().await {
                numbering.send_modify(|fate| fate.newest += 1);
                let number = numbering.borrow().newest;
                tokio::spawn(carry(ours, broker, number, seen.clone()));
            }
        });
        Self { port, fate }
    }

    /// Ends every connection there is.
    pub(crate) fn cut(&self) {
        self.fate.send_modify(|fate| fate.cut = fate.newest);
    }

    /// Lets no byte pass that way any more, on the connections there are.
    pub(super) fn stall(&self, direction: Direction) {
        self.fate.send_modify(|fate| fate.stalled = Some((direction, fate.newest)));
    }
}

async fn carry(ours: TcpStream, broker: u16, number: u64, fate: watch::Receiver<Fate>) -> io::Result<()> {
    let (our_read, our_write) = ours.into_split();
    let (its_read, its_write) = TcpStream::connect(("127.0.0.1", broker)).await?.into_split();
    let mut cut = fate.clone();
    tokio::select! {
        done = pump(our_read, its_write, Direction::ToBroker, number, fate.clone()) => done,
        done = pump(its_read, our_write, Direction::FromBroker, number, fate) => done,
        () = until(&mut cut, |fate| fate.cut >= number) => Ok(()),
    }
}

async fn pump(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    direction: Direction,
    number: u64,
    mut fate: watch::Receiver<Fate>,
) -> io::Result<()> {
    let mut buffer = vec![0; 64 * 1_024];
    let stalls = |fate: &Fate| fate.stalled.is_some_and(|(way, last)| way == direction && number <= last);
    loop {
        tokio::select! {
            biased;
            () = until(&mut fate, stalls) => return std::future::pending().await,
            read = from.read(&mut buffer) => match read? {
                0 => return Ok(()),
                count => to.write_all(&buffer[..count]).await?,
            }
        }
    }
}

async fn until(fate: &mut watch::Receiver<Fate>, reached: impl Fn(&Fate) -> bool) {
    // An error says that the wire is gone, and then nobody waits any more.
    let _ = fate.wait_for(|fate| reached(fate)).await;
}
