//! The broker's layers: the way there, login, each queue.

use super::{
    exit,
    report::{Report, Stop},
    way::{Fault, Steps, told},
};
use crate::component::with_causes;
use crate::dispatch::Destination;
use crate::stomp::{
    self, Cause, Event, LinkError, Make,
    heartbeat::Beats,
    may_send,
    transport::{Brokers, DialError, Dialer, Prompt},
};
use std::time::Duration;
use tokio::{sync::mpsc, time::timeout};
use tokio_rustls::client::TlsStream;

/// Longer than any step may take.
const LONG: Duration = Duration::from_secs(24 * 3600);

/// What a SEND to RabbitMQ shows, and what it does not.
const RABBITMQ_RIGHTS: &str = "the default exchange may be written to; not seen: whether the account may declare each reply \
    queue (configure), and the broker's consumer_timeout (30 min by default), which ends the link where a handler takes longer";

/// Hands out the stream that the walk has opened; where the broker ends it over a refused queue, a new one.
struct Opened {
    first: Option<TlsStream<Prompt>>,
    dialer: Dialer,
}

impl stomp::Dial for Opened {
    type Io = TlsStream<Prompt>;
    type Error = DialError;

    async fn dial(&mut self) -> Result<Self::Io, DialError> {
        match self.first.take() {
            Some(stream) => Ok(stream),
            None => self.dialer.dial().await,
        }
    }

    fn target(&self) -> Option<(&str, u16)> {
        Some(self.dialer.target())
    }
}

/// Tries each broker. Where there are several, one that cannot be reached is only worth a warning: a standby does not
/// listen until it is needed.
pub(super) async fn walk(
    brokers: &Brokers,
    settings: &stomp::Settings,
    queues: Option<&[String]>,
    patience: Duration,
    report: &mut Report<'_>,
) -> Result<(), Stop> {
    let several = brokers.iter().count() > 1;
    report.excuse(several.then_some(exit::STOMP_UNREACHABLE));
    let mut seen = Err(Stop);
    for dialer in brokers.iter() {
        seen = one(dialer, settings, queues, patience, report).await.or(seen);
    }
    report.excuse(None);
    if several && seen.is_err() {
        return Err(report.failed("brokers", exit::STOMP_UNREACHABLE, "not one of stomp_host's can be used"));
    }
    seen
}

/// Tries each layer; without `queues`, those up to TLS.
async fn one(
    dialer: &Dialer,
    settings: &stomp::Settings,
    queues: Option<&[String]>,
    patience: Duration,
    report: &mut Report<'_>,
) -> Result<(), Stop> {
    let steps = Steps { patience, unreachable: exit::STOMP_UNREACHABLE };
    report.part("STOMP", &format!("STOMP {}:{}", dialer.host, dialer.port));
    let stream = steps.open(dialer, report).await?;
    let Some(queues) = queues else {
        report.skipped(
            "login",
            "the platform has to be well first: same credentials, and it names the organization",
        );
        return Ok(());
    };
    let opened = Opened { first: Some(stream), dialer: dialer.clone() };
    let (link, mut events) = stomp::start(sparing(settings.clone()), queues.to_vec(), opened);
    let seen = match log_in(&mut events, steps, report).await {
        Ok(broker) => {
            let make = settings.make.unwrap_or_else(|| Make::named(Some(&broker)));
            let replies = replies(dialer, settings, make, queues, report).await;
            subscribe(queues.to_vec(), &mut events, steps, report).await.and(replies)
        }
        Err(stop) => Err(stop),
    };
    // The broker then hands out again what it has sent us.
    match link.close(patience).await {
        Ok(()) => {}
        Err(error) if seen.is_ok() => report.warning("goodbye", &error.to_string()),
        Err(_) => {}
    }
    seen
}

/// The daemon's settings, but for what makes the check short and takes as few messages as can be.
fn sparing(mut settings: stomp::Settings) -> stomp::Settings {
    settings.prefetch = 1;
    settings.max_attempts = Some(1);
    // The steps have their own times, which know what they were waiting for.
    settings.connect_timeout = LONG;
    settings
}

async fn log_in(
    events: &mut mpsc::Receiver<Event>,
    steps: Steps,
    report: &mut Report<'_>,
) -> Result<String, Stop> {
    let advice = "TLS is up, but no CONNECTED came: check that stomp_host and stomp_port are the broker's";
    let (connected, broker) = told("login", steps.within(advice, connected(events)).await, report)?;
    report.ok("login", &connected);
    Ok(broker)
}

/// Whether the account may send its replies. Nothing is left on a queue.
async fn replies(
    dialer: &Dialer,
    settings: &stomp::Settings,
    make: Make,
    queues: &[String],
    report: &mut Report<'_>,
) -> Result<(), Stop> {
    let all = queues.iter().filter_map(|queue| queue.parse::<Destination>().ok());
    let all = all.filter(|queue| !queue.is_inbound()).map(|queue| queue.acknowledgements());
    // The others' ways are not known; RabbitMQ shows the same for each queue.
    let most = match make {
        Make::ActiveMq | Make::Artemis => usize::MAX,
        Make::RabbitMq => 1,
        Make::Other => 0,
    };
    let mut outcome = Ok(());
    for queue in all.take(most) {
        let mut brokers = Brokers::from(dialer.clone());
        match may_send(&mut brokers, settings, make, &queue).await {
            Ok(None) if make == Make::RabbitMq => {
                report.ok("replies", RABBITMQ_RIGHTS);
            }
            Ok(None) => report.ok("replies", &format!("{queue} may be written to")),
            Ok(Some(refusal)) => {
                let detail = format!(
                    "no reply can be sent: {}; let the account write there on the broker",
                    refusal.reason()
                );
                outcome = Err(report.failed("replies", exit::QUEUE_REFUSED, &detail));
            }
            Err(error) => {
                let detail =
                    format!("whether {queue} may be written to could not be seen: {}", with_causes(&error));
                report.warning("replies", &detail);
            }
        }
    }
    outcome
}

/// What the broker says of itself.
async fn connected(events: &mut mpsc::Receiver<Event>) -> Result<(String, String), Fault> {
    loop {
        match events.recv().await {
            Some(Event::Up { broker, version, beats, .. }) => {
                let broker = broker.unwrap_or_else(|| "a broker without a name".into());
                return Ok((format!("STOMP {version}, {broker}, {}", rhythm(beats)), broker));
            }
            Some(Event::Down { error, .. }) => return Err(refused(&error)),
            Some(_) => {}
            None => {
                let text = "the link ended before CONNECTED came; try again".into();
                return Err(Fault { code: exit::STOMP_UNREACHABLE, text });
            }
        }
    }
}

fn refused(error: &LinkError) -> Fault {
    let text = with_causes(error);
    match error.cause() {
        Cause::Credentials => Fault { code: exit::STOMP_UNAUTHORIZED, text },
        Cause::Outage => {
            let text = format!("{text}; the broker's own log says why");
            Fault { code: exit::STOMP_UNREACHABLE, text }
        }
    }
}

fn rhythm(beats: Beats) -> String {
    let each = |interval: Option<Duration>| match interval {
        Some(interval) => format!("every {} s", interval.as_secs_f64()),
        None => "none".into(),
    };
    format!("heart-beats: ours {}, the broker's {}", each(beats.send), each(beats.receive))
}

/// Waits for the answer to each SUBSCRIBE. Messages that arrive are left alone.
async fn subscribe(
    mut waiting: Vec<String>,
    events: &mut mpsc::Receiver<Event>,
    steps: Steps,
    report: &mut Report<'_>,
) -> Result<(), Stop> {
    if waiting.is_empty() {
        report.skipped("queues", "no component is loaded, so there is none");
    }
    let (mut outcome, mut fallen) = (Ok(()), String::new());
    while !waiting.is_empty() {
        match timeout(steps.patience, answer(events, &mut fallen)).await {
            Ok(Some(Answer { destination, refusal })) => {
                waiting.retain(|queue| *queue != destination);
                outcome = tell(&destination, refusal, report).and(outcome);
            }
            Ok(None) => {
                let reason = format!("not asked for{fallen}");
                return all_failed(&waiting, exit::STOMP_UNREACHABLE, &reason, report);
            }
            Err(_elapsed) => {
                let advice = format!("the broker's own log may say why{fallen}");
                return all_failed(&waiting, exit::QUEUE_SILENT, &steps.late(&advice), report);
            }
        }
    }
    outcome
}

/// What became of a SUBSCRIBE.
struct Answer {
    destination: String,
    refusal: Option<String>,
}

/// The next answer; `None` if the link is gone for good. Why the connection fell goes to `fallen`: a broker that ends it
/// over one queue is asked again for the others.
async fn answer(events: &mut mpsc::Receiver<Event>, fallen: &mut String) -> Option<Answer> {
    loop {
        match events.recv().await? {
            Event::Subscribed { destination } => return Some(Answer { destination, refusal: None }),
            Event::Refused { destination, reason } => {
                return Some(Answer { destination, refusal: Some(reason) });
            }
            Event::Down { error, retry_in, .. } => {
                *fallen = format!("; the connection fell meanwhile: {}", with_causes(&error));
                retry_in?;
            }
            _ => {}
        }
    }
}

fn tell(queue: &str, refusal: Option<String>, report: &mut Report<'_>) -> Result<(), Stop> {
    let Some(reason) = refusal else {
        report.ok("queue", &format!("{queue} subscribed"));
        return Ok(());
    };
    let detail = format!(
        "{queue}: the broker refuses it: {reason}. On the platform, see that this message destination exists and that \
         this account is among its users; or name another by `destination` in the component's section"
    );
    Err(report.failed("queue", exit::QUEUE_REFUSED, &detail))
}

fn all_failed(queues: &[String], code: u8, reason: &str, report: &mut Report<'_>) -> Result<(), Stop> {
    for queue in queues {
        let _told = report.failed("queue", code, &format!("{queue}: {reason}"));
    }
    Err(Stop)
}
