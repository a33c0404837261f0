//! `log_http_responses`: writes messages and REST responses to a directory, for `processor replay` and for tests.
//!
//! The names are those of [`component::recording`](crate::component::recording). Known secrets are masked by value,
//! and the keys that hold credentials by name. A disk that is too slow or full costs recordings, never messages.

use crate::{
    component::{
        recording::{Kind, message_file_name, response_file_name},
        redact::is_credential,
    },
    dispatch::{Envelope, Observer, decode},
    logging::Redactor,
    rest::{self, Exchange},
};
use http::HeaderMap;
use jiff::Zoned;
use serde_json::{Map, Value};
use std::{
    fs,
    io::{self, Write},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::{Path, PathBuf},
    sync::Arc,
    thread,
    time::Duration,
};
use tokio::sync::{mpsc, oneshot};
use tracing::{debug, info, warn};

/// Files that may wait for the disk.
const WAITING: usize = 1_000;

/// Keys whose values are credentials, in whatever the platform sends.
const CREDENTIALS: [&str; 12] = [
    "access_token",
    "api_key",
    "api_key_secret",
    "authorization",
    "client_secret",
    "csrf_token",
    "passcode",
    "password",
    "private_key",
    "refresh_token",
    "secret",
    "token",
];

const MASK: &str = "***";

/// Writes recordings. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Recorder {
    orders: mpsc::Sender<Order>,
    redactor: Redactor,
}

/// The directory for recordings cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("log_http_responses: {} cannot be written to: {source}", directory.display())]
pub struct RecorderError {
    directory: PathBuf,
    source: io::Error,
}

/// What the recorder's thread is told.
#[derive(Debug)]
enum Order {
    Write {
        name: String,
        contents: Vec<u8>,
    },
    /// To say so once all that was ordered before is written.
    Flush(oneshot::Sender<()>),
}

/// The recorder's own thread: the disk makes nobody else wait.
struct Writer {
    directory: PathBuf,
    /// Since the disk last took a file.
    lost: u64,
}

// === impl Recorder ===

impl Recorder {
    /// Records to `directory`, which is made if need be, for its owner's eyes only.
    ///
    /// # Errors
    /// The directory cannot be made, or nothing can be written there.
    pub fn open(directory: &Path, redactor: Redactor) -> Result<Self, RecorderError> {
        let error = |source| RecorderError { directory: directory.to_owned(), source };
        fs::DirBuilder::new().recursive(true).mode(0o700).create(directory).map_err(error)?;
        probe(directory).map_err(error)?;
        let (orders, waiting) = mpsc::channel(WAITING);
        let writer = Writer { directory: directory.to_owned(), lost: 0 };
        let thread = thread::Builder::new().name("recorder".to_owned());
        thread.spawn(move || writer.run(waiting)).map_err(error)?;
        Ok(Self { orders, redactor })
    }

    /// Waits until everything recorded so far is written, `longest` at most; whether it is.
    pub async fn flush(&self, longest: Duration) -> bool {
        let flushed = async {
            let (done, written) = oneshot::channel();
            self.orders.send(Order::Flush(done)).await.is_ok() && written.await.is_ok()
        };
        let flushed = tokio::time::timeout(longest, flushed).await.unwrap_or(false);
        if !flushed {
            warn!("the last recordings were not written in time");
        }
        flushed
    }

    fn write(&self, name: String, contents: Vec<u8>) {
        if let Err(refused) = self.orders.try_send(Order::Write { name, contents }) {
            debug!(%refused, "a recording was dropped: the disk is too slow");
        }
    }

    /// A body without secrets: indented where it is JSON.
    fn clean(&self, body: &[u8]) -> (Kind, Vec<u8>) {
        let json = decode::text(body).ok().and_then(|text| clean_json(&text, &self.redactor));
        match json {
            Some(text) => (Kind::Json, text.into_bytes()),
            None => (Kind::Data, self.redactor.mask_bytes(body).into_owned()),
        }
    }

    fn headers(&self, headers: &HeaderMap) -> Vec<u8> {
        let shown = headers.iter().filter(|(name, _)| !is_credential(name.as_str()));
        let shown = shown.map(|(name, value)| {
            (name.to_string(), Value::from(String::from_utf8_lossy(value.as_bytes()).into_owned()))
        });
        indented(Value::Object(shown.collect::<Map<_, _>>()), &self.redactor).into_bytes()
    }
}

/// JSON, indented and without secrets; `None` where `text` is no JSON.
pub(crate) fn clean_json(text: &str, redactor: &Redactor) -> Option<String> {
    serde_json::from_str(text).ok().map(|value| indented(value, redactor))
}

fn indented(mut value: Value, redactor: &Redactor) -> String {
    mask(&mut value, redactor);
    let text = serde_json::to_string_pretty(&value).unwrap_or_default();
    // Once more over all of it: a secret may stand in a key, or be a number.
    redactor.mask_excerpt(&text).into_owned()
}

/// Masks secrets inside of strings, so that what is left is still JSON, and the values of keys that hold credentials.
fn mask(value: &mut Value, redactor: &Redactor) {
    match value {
        Value::Object(fields) => {
            for (key, value) in fields {
                let is_credential = CREDENTIALS.contains(&key.to_lowercase().as_str());
                match value {
                    Value::String(_) | Value::Number(_) if is_credential => *value = MASK.into(),
                    value => mask(value, redactor),
                }
            }
        }
        Value::Array(values) => values.iter_mut().for_each(|value| mask(value, redactor)),
        Value::String(text) => *text = redactor.mask_excerpt(text).into_owned(),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

impl Observer for Recorder {
    fn message(&self, display_name: &str, envelope: &Envelope) {
        let (_, contents) = self.clean(&envelope.body);
        let name = message_file_name(&self.redactor.mask(display_name), Zoned::now().datetime());
        self.write(name, contents);
    }
}

impl rest::Recorder for Recorder {
    fn record(&self, exchange: &Exchange<'_>) {
        let now = Zoned::now().datetime();
        let path_and_query = self.redactor.mask(exchange.path_and_query);
        let name = |kind| response_file_name(exchange.status, kind, exchange.method, &path_and_query, now);
        // A body that was passed on as a stream was never in our hands.
        if let Some(body) = exchange.body {
            let (kind, contents) = self.clean(body);
            self.write(name(kind), contents);
        }
        self.write(name(Kind::Header), self.headers(exchange.headers));
    }
}

/// For handing one recorder to the REST client and the workshop both.
impl From<Recorder> for Arc<dyn rest::Recorder> {
    fn from(recorder: Recorder) -> Self {
        Arc::new(recorder)
    }
}

// === impl Writer ===

impl Writer {
    /// Ends when the last [`Recorder`] is dropped.
    fn run(mut self, mut orders: mpsc::Receiver<Order>) {
        while let Some(order) = orders.blocking_recv() {
            match order {
                Order::Write { name, contents } => self.write(&name, &contents),
                // Whoever asked may have stopped waiting.
                Order::Flush(done) => drop(done.send(())),
            }
        }
    }

    /// One warning when the disk begins to refuse, not one for each file.
    fn write(&mut self, name: &str, contents: &[u8]) {
        match create(&self.directory.join(name), contents) {
            Ok(()) if self.lost > 0 => {
                info!(lost = self.lost, "recordings are written again");
                self.lost = 0;
            }
            Ok(()) => {}
            Err(error) => {
                self.lost += 1;
                if self.lost == 1 {
                    let directory = self.directory.display();
                    warn!(%error, file = name, %directory, "a recording could not be written; messages go on");
                }
            }
        }
    }
}

/// Writes a new file, for its owner's eyes only. One that is there already may be anybody's, and is left alone.
fn create(path: &Path, contents: &[u8]) -> io::Result<()> {
    let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(contents)
}

/// Finds out now, not at the first message, whether the directory can be written to.
fn probe(directory: &Path) -> io::Result<()> {
    let path = directory.join(format!(".probe-{}", std::process::id()));
    create(&path, b"may this be written?")?;
    fs::remove_file(path)
}
