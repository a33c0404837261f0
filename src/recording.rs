//! `log_http_responses`: writes messages and REST responses to a directory, for `processor replay` and for tests.
//!
//! The names are those of [`component::recording`](crate::component::recording). Known secrets are masked by value,
//! and the keys that hold credentials by name. A disk that is too slow or full costs recordings, never messages.

use crate::{
    component::recording::{Kind, message_file_name, response_file_name},
    dispatch::{Envelope, Observer, decode},
    logging::Redactor,
    rest::{self, Exchange},
};
use jiff::Zoned;
use serde_json::{Map, Value};
use std::{
    fs, io,
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::{Path, PathBuf},
    sync::{
        Arc,
        mpsc::{Receiver, SyncSender, TrySendError, sync_channel},
    },
    thread,
};
use tracing::warn;

/// Recordings that may wait for the disk.
const WAITING: usize = 1_000;

/// Keys whose values are credentials, in whatever the platform sends.
const CREDENTIALS: [&str; 5] = ["csrf_token", "password", "api_key_secret", "secret", "token"];

/// Headers that hold credentials.
const CREDENTIAL_HEADERS: [&str; 4] = ["set-cookie", "cookie", "authorization", "x-sess-id"];

/// Writes recordings. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Recorder {
    files: SyncSender<Recording>,
    redactor: Redactor,
}

/// The directory for recordings cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("recordings cannot be written to {}: {source}; see log_http_responses", directory.display())]
pub struct RecorderError {
    directory: PathBuf,
    source: io::Error,
}

struct Recording {
    name: String,
    contents: Vec<u8>,
}

// === impl Recorder ===

impl Recorder {
    /// Records to `directory`, which is made if need be, for its owner's eyes only.
    ///
    /// # Errors
    /// The directory cannot be made.
    pub fn open(directory: &Path, redactor: Redactor) -> Result<Self, RecorderError> {
        let error = |source| RecorderError { directory: directory.to_owned(), source };
        fs::DirBuilder::new().recursive(true).mode(0o700).create(directory).map_err(error)?;
        let (files, waiting) = sync_channel(WAITING);
        let target = directory.to_owned();
        thread::Builder::new()
            .name("recorder".to_owned())
            .spawn(move || write_all(&target, &waiting))
            .map_err(error)?;
        Ok(Self { files, redactor })
    }

    fn write(&self, name: String, contents: Vec<u8>) {
        match self.files.try_send(Recording { name, contents }) {
            Ok(()) => {}
            Err(TrySendError::Full(lost) | TrySendError::Disconnected(lost)) => {
                warn!(file = lost.name, "a recording was dropped: the disk is too slow");
            }
        }
    }

    /// A body without secrets: indented where it is JSON.
    fn clean(&self, body: &[u8]) -> (Kind, Vec<u8>) {
        let Ok(text) = decode::text(body) else { return (Kind::Data, body.to_vec()) };
        match serde_json::from_str::<Value>(&text) {
            Ok(mut value) => {
                mask(&mut value);
                let pretty = serde_json::to_string_pretty(&value).unwrap_or_default();
                (Kind::Json, self.redactor.mask(&pretty).into_owned().into_bytes())
            }
            Err(_) => (Kind::Data, self.redactor.mask(&text).into_owned().into_bytes()),
        }
    }
}

impl Observer for Recorder {
    fn message(&self, display_name: &str, envelope: &Envelope) {
        let (_, contents) = self.clean(&envelope.body);
        self.write(message_file_name(display_name, Zoned::now().datetime()), contents);
    }
}

impl rest::Recorder for Recorder {
    fn record(&self, exchange: &Exchange<'_>) {
        let now = Zoned::now().datetime();
        let name =
            |kind| response_file_name(exchange.status, kind, exchange.method, exchange.path_and_query, now);
        let (kind, contents) = self.clean(exchange.body.unwrap_or_default());
        self.write(name(kind), contents);
        let headers: Map<String, Value> = exchange
            .headers
            .iter()
            .filter(|(header, _)| !CREDENTIAL_HEADERS.contains(&header.as_str()))
            .map(|(header, value)| {
                let value = String::from_utf8_lossy(value.as_bytes());
                (header.to_string(), Value::from(self.redactor.mask(&value).into_owned()))
            })
            .collect();
        if kind == Kind::Data {
            self.write(name(Kind::Header), Value::Object(headers).to_string().into_bytes());
        }
    }
}

/// Replaces the values of keys that hold credentials.
fn mask(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            for (key, value) in fields {
                if value.is_string() && CREDENTIALS.contains(&key.to_lowercase().as_str()) {
                    *value = "***".into();
                }
                mask(value);
            }
        }
        Value::Array(values) => values.iter_mut().for_each(mask),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// The recorder's own thread; ends when the last [`Recorder`] is dropped.
fn write_all(directory: &Path, waiting: &Receiver<Recording>) {
    for Recording { name, contents } in waiting {
        if let Err(error) = write(&directory.join(&name), &contents) {
            warn!(%error, file = name, "a recording could not be written");
        }
    }
}

fn write(path: &Path, contents: &[u8]) -> io::Result<()> {
    let mut options = fs::OpenOptions::new();
    let mut file = options.write(true).create(true).truncate(true).mode(0o600).open(path)?;
    io::Write::write_all(&mut file, contents)
}

/// For handing one recorder to the REST client and the workshop both.
impl From<Recorder> for Arc<dyn rest::Recorder> {
    fn from(recorder: Recorder) -> Self {
        Arc::new(recorder)
    }
}
