//! Whether an account may send, tried without a message that anyone could receive.

use std::time::Duration;

use tokio::time::timeout;

use super::aside::{Said, Side, open};
use super::error::LinkError;
use super::frame::{Command, Frame};
use super::link::Dial;
use super::profile::Make;
use super::session::BrokerError;
use super::settings::Settings;

/// The transaction that is never committed.
const TRANSACTION: &str = "rehearsal";
/// The longest that connecting and each answer may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// Sends a message to `destination` that is taken back, over a connection of its own; the broker's refusal, if it refuses.
/// To `RabbitMQ`, which looks at a message only when it is kept, it goes to no queue: what is seen is whether the account
/// may write to queues at all.
///
/// # Errors
/// There was no connection, or no answer.
pub async fn may_send<D: Dial>(
    dialer: &mut D,
    settings: &Settings,
    make: Make,
    destination: &str,
) -> Result<Option<BrokerError>, LinkError> {
    let host = settings.host.clone();
    let opened = timeout(PATIENCE, open(dialer, settings, &host, 0)).await;
    let mut side = opened.unwrap_or(Err(LinkError::ConnectTimeout(PATIENCE)))?;
    let message = Frame::new(Command::Send).with("content-length", "0");
    let said = match make {
        Make::RabbitMq => {
            let nowhere = format!("/amq/queue/processor.check.{:016x}", fastrand::u64(..));
            side.exchange(&message.with("destination", nowhere)).await
        }
        Make::ActiveMq | Make::Artemis | Make::Other => {
            let message = message.with("destination", destination).with("transaction", TRANSACTION);
            taken_back(&mut side, &message).await?
        }
    };
    match said {
        Said::Receipt => Ok(None),
        Said::Error(error) => Ok(Some(error)),
        Said::Fell(error) => Err(error),
        Said::Nothing => Err(LinkError::Unconfirmed(PATIENCE)),
    }
}

async fn taken_back<Io>(side: &mut Side<Io>, message: &Frame) -> Result<Said, LinkError>
where
    Io: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin,
{
    side.write(&Frame::new(Command::Begin).with("transaction", TRANSACTION)).await?;
    let said = side.exchange(message).await;
    if matches!(said, Said::Receipt) {
        side.exchange(&Frame::new(Command::Abort).with("transaction", TRANSACTION)).await;
    }
    Ok(said)
}
