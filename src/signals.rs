//! What the operating system asks of the daemon.

use futures_util::{Stream, stream};
use rustix::process::Signal as Number;
use std::io;
use tokio::signal::unix::{SignalKind, signal};

/// A wish of the operator or the service manager.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signal {
    /// SIGTERM, SIGINT or SIGQUIT: finish what runs, then end. A second one: end now.
    Stop,
    /// SIGHUP: read the configuration again.
    Reload,
}

/// Signals without a meaning here, which would end a process that does not deal with them.
const IGNORED: [Number; 9] = [
    Number::USR1,
    Number::USR2,
    Number::ALARM,
    Number::VTALARM,
    Number::PROF,
    Number::IO,
    Number::STKFLT,
    Number::POWER,
    // A limit to the size of files is then an error of the write.
    Number::XFSZ,
];

/// Real-time signals, whoever sends them.
const REAL_TIME: std::ops::RangeInclusive<i32> = 34..=64;

/// The signals as they come; the stream never ends. Those without a meaning are ignored from now on.
///
/// # Errors
/// The operating system lets no handler be installed.
pub fn signals() -> io::Result<impl Stream<Item = Signal> + Send + Unpin> {
    let stops =
        [signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?, signal(SignalKind::quit())?];
    let hangup = signal(SignalKind::hangup())?;
    ignore_others()?;
    let next = |(mut stops, mut hangup): (_, _)| async move {
        let signal = wait(&mut stops, &mut hangup).await;
        Some((signal, (stops, hangup)))
    };
    Ok(Box::pin(stream::unfold((stops, hangup), next)))
}

/// A handler that is installed stays, whether or not anything reads from it.
fn ignore_others() -> io::Result<()> {
    for number in IGNORED {
        let _stays = signal(SignalKind::from_raw(number.as_raw()))?;
    }
    for number in REAL_TIME {
        // The C library keeps some of them for itself.
        let _kept = signal(SignalKind::from_raw(number));
    }
    Ok(())
}

async fn wait(
    [terminate, interrupt, quit]: &mut [tokio::signal::unix::Signal; 3],
    hangup: &mut tokio::signal::unix::Signal,
) -> Signal {
    tokio::select! {
        _ = terminate.recv() => Signal::Stop,
        _ = interrupt.recv() => Signal::Stop,
        _ = quit.recv() => Signal::Stop,
        _ = hangup.recv() => Signal::Reload,
    }
}
