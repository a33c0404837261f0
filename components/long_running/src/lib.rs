//! Has an outside service scan a host, which may take hours, and shows the user how far it is.
//!
//! While the service scans, the handler waits: it holds no worker, and a restart of the processor goes on with the scan
//! that was begun before. What to copy from here for work of your own:
//! 1. **Begin once.** What was begun is kept before anything else is done, and asked for first thing.
//! 2. **Ask now and then** with [`Context::poll_every`], and tell the user what is new.
//! 3. **Bear with the service**: hours of work are not given up because one question went unanswered.
//! 4. **Give up some time**, counted from the beginning over all restarts: [`Context::time_left`].
//! 5. **Tidy up** when it is called off, here by stopping the scan. Only functions ever are: by the end of the workflow or
//!    playbook that called them.

mod http;
mod scanner;

pub use http::HttpScanner;
pub use scanner::{Progress, Scanner};

use action_component::{Component, Context, Failure, FailureKind, Message, Reply, handler_fn};
use serde::Deserialize;
use std::{
    fmt,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

/// The section `[long_running]` of app.config.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// Where the service is: `https://scanner.example/api`.
    pub url: String,
    /// What it knows us by: `$SCANNER_KEY`.
    pub api_key: String,
    /// Seconds from one question to the next.
    #[serde(default = "a_minute")]
    pub poll_seconds: u64,
    /// How long a scan may take.
    #[serde(default = "half_a_day")]
    pub give_up_hours: u64,
}

/// Without the key.
impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Settings").field("url", &self.url).finish_non_exhaustive()
    }
}

fn a_minute() -> u64 {
    60
}

fn half_a_day() -> u64 {
    12
}

/// What `processor config` writes for whoever sets the component up.
const SAMPLE: &str = "\
# Where the service is.
url = https://scanner.example/api
# What it knows us by, from the environment.
api_key = $SCANNER_KEY
# Seconds from one question to the next.
#poll_seconds = 60
# How long a scan may take.
#give_up_hours = 12
";

/// So many questions in a row may go unanswered: the service restarts, or the network is away for a while.
const UNANSWERED: u32 = 10;

/// The activity field that the user fills in, or the function's input.
#[derive(Deserialize)]
struct Target {
    host: String,
}

/// The component that the processor links in.
pub fn component() -> Component {
    component_with(|settings, cx| HttpScanner::new(settings, cx.integrations()))
}

/// The same with another way to the service: `scanner` makes it for each message.
pub fn component_with<S: Scanner>(
    scanner: impl Fn(&Settings, &Context) -> Result<S, Failure> + Send + Sync + 'static,
) -> Component {
    let scanner = Arc::new(scanner);
    let scan = move |target: Target, cx: Context| {
        let scanner = scanner.clone();
        async move {
            let settings: Settings = cx.config()?;
            let scanner = scanner(&settings, &cx)?;
            scan(&scanner, &settings, &target.host, &cx).await
        }
    };
    Component::new("long_running")
        .version(env!("CARGO_PKG_VERSION"))
        .about("Has an outside service scan a host, which may take hours.")
        .configured::<Settings>(SAMPLE)
        .on("Scan Host", handler_fn(scan.clone()))
        .function("scan_host", handler_fn(scan))
}

async fn scan(
    scanner: &impl Scanner,
    settings: &Settings,
    host: &str,
    cx: &Context,
) -> Result<Reply, Failure> {
    let longest = Duration::from_secs(settings.give_up_hours.saturating_mul(3600));
    let left = cx.time_left("the scan", longest).await?;
    let scan = begun(scanner, host, cx).await?;
    let verdict = verdict(scanner, &scan, Duration::from_secs(settings.poll_seconds.max(1)), cx);
    match tokio::time::timeout(left, verdict).await {
        Ok(Ok(verdict)) => Ok(Reply::text(format!("{host}: {verdict}"))),
        Ok(Err(failure)) if failure.kind() == FailureKind::Cancelled => {
            scanner.stop(&scan).await?;
            Err(failure)
        }
        Ok(Err(failure)) => Err(failure),
        Err(_elapsed) => {
            scanner.stop(&scan).await?;
            let hours = settings.give_up_hours;
            Err(Failure::new(format!("The scan of {host} was stopped: it was not done after {hours} h.")))
        }
    }
}

/// The scan, begun by this run of the handler or by an earlier one.
async fn begun(scanner: &impl Scanner, host: &str, cx: &Context) -> Result<String, Failure> {
    if let Some(scan) = cx.kept()? {
        return Ok(scan);
    }
    // Should the process die between the two, the service is asked again in the same words: it knows by these that the
    // scan is the same.
    let request = request(cx.message());
    let scan = scanner.start(host, &request).await?;
    cx.keep(&scan).await?;
    cx.status(format!("the scan of {host} has begun")).await;
    Ok(scan)
}

/// Names the user's request, however often its message is delivered.
fn request(message: &Message) -> String {
    message.correlation_id().unwrap_or_else(|| message.id()).to_owned()
}

async fn verdict(
    scanner: &impl Scanner,
    scan: &str,
    interval: Duration,
    cx: &Context,
) -> Result<String, Failure> {
    let seen = Mutex::new(Seen::default());
    let seen = || seen.lock().unwrap_or_else(PoisonError::into_inner);
    let poll = async || match scanner.progress(scan).await {
        Ok(Progress::Done { verdict }) => Ok(Some(verdict)),
        Ok(Progress::Failed { reason }) => Err(Failure::new(format!("The scan failed: {reason}"))),
        Ok(Progress::Running { percent }) => {
            let before = std::mem::replace(&mut *seen(), Seen { percent: Some(percent), unanswered: 0 });
            if before.percent != Some(percent) {
                cx.status(format!("{percent} % scanned")).await;
            }
            Ok(None)
        }
        Err(failure) => {
            seen().unanswered += 1;
            if seen().unanswered >= UNANSWERED { Err(failure) } else { Ok(None) }
        }
    };
    cx.poll_every(interval, poll).await
}

/// What the last answer was, and how many questions have gone unanswered since.
#[derive(Default)]
struct Seen {
    percent: Option<u8>,
    unanswered: u32,
}
