use super::{
    RecordedBackend,
    file_name::split_time,
    text::{NotText, text, without_byte_order_mark},
};
use bytes::Bytes;
use http::StatusCode;
use jiff::civil::DateTime;
use serde_json::{Value, value::RawValue};
use std::{
    fs, io,
    path::{Path, PathBuf},
};

/// The recordings of one directory, in the order of their times.
#[derive(Debug)]
pub struct Recordings {
    messages: Vec<RecordedMessage>,
    answers: Vec<Answer>,
}

/// A message as the platform sent it.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct RecordedMessage {
    /// The action's display name: as the recorded `GET /actions` has it, or else as the file is called.
    pub display_name: String,
    /// When it came, in the recorder's local time.
    pub time: DateTime,
    /// What came.
    pub body: Value,
    /// The same, to the letter.
    pub raw: Bytes,
    /// Where it is recorded.
    pub file: PathBuf,
}

/// A response as the platform sent it.
#[derive(Debug, Clone)]
pub(super) struct Answer {
    /// See [`call_name`](super::file_name::call_name).
    pub(super) call: String,
    pub(super) status: StatusCode,
    pub(super) time: DateTime,
    pub(super) body: Bytes,
}

/// Why a directory of recordings cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RecordingError {
    /// The directory or a file in it cannot be read.
    #[error("{}: cannot be read: {source}", .path.display())]
    Unreadable {
        /// Which.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// A recorded message is not JSON.
    #[error("{}: a recorded message must be JSON: {source}", .path.display())]
    NotJson {
        /// Which.
        path: PathBuf,
        /// Where it differs.
        source: serde_json::Error,
    },
    /// A recorded message is not UTF-8 text.
    #[error("{}: a recorded message must be JSON: {source}", .path.display())]
    NotText {
        /// Which.
        path: PathBuf,
        /// What it is instead.
        source: NotText,
    },
    /// A recorded REST response is called JSON and is none.
    #[error("{}: a recorded response called JSON must be JSON: {source}", .path.display())]
    ResponseNotJson {
        /// Which.
        path: PathBuf,
        /// Where it differs.
        source: serde_json::Error,
    },
    /// No file's name is that of a message.
    #[error("{}: holds no message: none of its files is called ActionMessage_<name>_<time>", .0.display())]
    NoMessage(PathBuf),
}

// === impl Recordings ===

impl Recordings {
    /// Reads all recordings in `directory`, among which there must be a message; files of other names are left alone. It
    /// blocks until all is read.
    ///
    /// # Errors
    /// See [`RecordingError`].
    pub fn open(directory: impl AsRef<Path>) -> Result<Self, RecordingError> {
        let recordings = Self::read(&directory)?;
        if recordings.messages.is_empty() {
            return Err(RecordingError::NoMessage(directory.as_ref().to_owned()));
        }
        Ok(recordings)
    }

    /// The recordings that can be read, and for each that cannot, why; a torn file does not hide the others.
    ///
    /// # Errors
    /// The directory cannot be read.
    pub fn readable(directory: impl AsRef<Path>) -> Result<(Self, Vec<RecordingError>), RecordingError> {
        let directory = directory.as_ref();
        let (mut recordings, mut torn) = (Self { messages: Vec::new(), answers: Vec::new() }, Vec::new());
        let mut paths = Vec::new();
        for entry in fs::read_dir(directory).map_err(unreadable(directory))? {
            paths.push(entry.map_err(unreadable(directory))?.path());
        }
        // Problems are reported in an order that is the same each time.
        paths.sort();
        torn.extend(paths.into_iter().filter_map(|path| recordings.take(path).err()));
        recordings.messages.sort_by_key(|message| message.time);
        recordings.answers.sort_by_key(|answer| answer.time);
        recordings.name_messages();
        Ok((recordings, torn))
    }

    /// The same where REST responses will do.
    ///
    /// # Errors
    /// See [`RecordingError`].
    pub fn read(directory: impl AsRef<Path>) -> Result<Self, RecordingError> {
        let (recordings, torn) = Self::readable(directory)?;
        torn.into_iter().next().map_or(Ok(recordings), Err)
    }

    /// The messages, in the order of their times.
    #[must_use]
    pub fn messages(&self) -> &[RecordedMessage] {
        &self.messages
    }

    /// The organization that was recorded: the first one that a call's path names.
    #[must_use]
    pub fn org_id(&self) -> Option<u64> {
        self.answers.iter().find_map(|answer| org_id(&answer.call))
    }

    /// A platform that answers as the recorded one did.
    #[must_use]
    pub fn backend(&self) -> RecordedBackend {
        RecordedBackend::new(self.org_id(), &self.answers)
    }

    fn take(&mut self, path: PathBuf) -> Result<(), RecordingError> {
        let Some((name, time)) = path.file_name().and_then(|name| name.to_str()).and_then(split_time) else {
            return Ok(());
        };
        if let Some(display_name) = name.strip_prefix("ActionMessage_") {
            self.messages.push(RecordedMessage::read(display_name.to_owned(), time, path)?);
        } else if let Some((call, status)) = answer_name(name) {
            let body = response(&path, name)?;
            self.answers.push(Answer { call: call.to_owned(), status, time, body });
        }
        Ok(())
    }

    /// A file's name is not always the action's: older frameworks left the blanks out.
    fn name_messages(&mut self) {
        let ends_in_actions =
            |answer: &&Answer| answer.call.starts_with("GET_") && answer.call.ends_with("_actions_");
        let Some(answer) = self.answers.iter().find(ends_in_actions) else { return };
        let actions: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
        let actions = actions["entities"].as_array().map(Vec::as_slice).unwrap_or_default();
        for message in &mut self.messages {
            let id = &message.body["action_id"];
            let named = actions.iter().find(|action| action["id"] == *id && !id.is_null());
            if let Some(name) = named.and_then(|action| action["name"].as_str()) {
                name.clone_into(&mut message.display_name);
            }
        }
    }
}

// === impl RecordedMessage ===

impl RecordedMessage {
    fn read(display_name: String, time: DateTime, file: PathBuf) -> Result<Self, RecordingError> {
        let raw: Bytes = fs::read(&file).map_err(unreadable(&file))?.into();
        let text = text(&raw).map_err(|source| RecordingError::NotText { path: file.clone(), source })?;
        let body = serde_json::from_str(text)
            .map_err(|source| RecordingError::NotJson { path: file.clone(), source })?;
        Ok(Self { display_name, time, body, raw, file })
    }
}

/// `200_JSON_GET__rest_session_` is the call `GET__rest_session_` and its status 200. Headers are no answer.
fn answer_name(name: &str) -> Option<(&str, StatusCode)> {
    let (status, rest) = name.split_once('_')?;
    let call = rest.strip_prefix("JSON_").or_else(|| rest.strip_prefix("DATA_"))?;
    Some((call, StatusCode::from_bytes(status.as_bytes()).ok()?))
}

/// A recorded response's body. One called JSON may have been saved with a byte order mark, which no platform sends.
fn response(path: &Path, name: &str) -> Result<Bytes, RecordingError> {
    let body = Bytes::from(fs::read(path).map_err(unreadable(path))?);
    if !name.split_once('_').is_some_and(|(_, rest)| rest.starts_with("JSON_")) {
        return Ok(body);
    }
    let json = body.slice_ref(without_byte_order_mark(&body));
    if !json.is_empty() {
        let is_json = serde_json::from_slice::<&RawValue>(&json);
        is_json.map_err(|source| RecordingError::ResponseNotJson { path: path.to_owned(), source })?;
    }
    Ok(json)
}

fn org_id(call: &str) -> Option<u64> {
    let (_, rest) = call.split_once("__rest_orgs_")?;
    rest.split('_').next()?.parse().ok()
}

fn unreadable(path: &Path) -> impl FnOnce(io::Error) -> RecordingError + use<> {
    let path = path.to_owned();
    |source| RecordingError::Unreadable { path, source }
}
