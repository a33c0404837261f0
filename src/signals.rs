//! What the operating system asks of the daemon.

use futures_util::{Stream, stream};
use std::io;
use tokio::signal::unix::{SignalKind, signal};

/// A wish of the operator or the service manager.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signal {
    /// SIGTERM or SIGINT: finish what runs, then end. A second one: end now.
    Stop,
    /// SIGHUP: read the configuration again.
    Reload,
}

/// The signals as they come; the stream never ends.
///
/// # Errors
/// The operating system lets no handler be installed.
pub fn signals() -> io::Result<impl Stream<Item = Signal> + Send + Unpin> {
    let terminate = signal(SignalKind::terminate())?;
    let interrupt = signal(SignalKind::interrupt())?;
    let hangup = signal(SignalKind::hangup())?;
    let next = |(mut terminate, mut interrupt, mut hangup): (_, _, _)| async move {
        let signal = wait(&mut terminate, &mut interrupt, &mut hangup).await;
        Some((signal, (terminate, interrupt, hangup)))
    };
    Ok(Box::pin(stream::unfold((terminate, interrupt, hangup), next)))
}

async fn wait(
    terminate: &mut tokio::signal::unix::Signal,
    interrupt: &mut tokio::signal::unix::Signal,
    hangup: &mut tokio::signal::unix::Signal,
) -> Signal {
    tokio::select! {
        _ = terminate.recv() => Signal::Stop,
        _ = interrupt.recv() => Signal::Stop,
        _ = hangup.recv() => Signal::Reload,
    }
}
