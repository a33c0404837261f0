use http::{Method, StatusCode};
use jiff::civil::DateTime;
use std::fmt;

/// What a recorded response's file holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A body that is JSON.
    Json,
    /// A body that is not.
    Data,
    /// The headers, as a JSON object.
    Header,
}

/// File systems take 255 bytes. Status, kind and time need fewer than 55 of them; a longer call loses its end, in
/// recording and in looking it up alike.
const LONGEST_CALL: usize = 200;

const TIME: &str = "%Y-%m-%dT%H-%M-%S%.f";

/// The name of the file that holds a message: `ActionMessage_Add Task_2017-03-07T15-07-14.033583`.
#[must_use]
pub fn message_file_name(display_name: &str, time: DateTime) -> String {
    format!("ActionMessage_{}_{}", shortened(mangled(display_name)), time.strftime(TIME))
}

/// The name of the file that holds a response. `path_and_query` is the URL's, from its first slash:
/// `/rest/orgs/211/incidents/4573/tasks?handle_format=names`. `time` is when the response came, in local time.
#[must_use]
pub fn response_file_name(
    status: StatusCode,
    kind: Kind,
    method: &Method,
    path_and_query: &str,
    time: DateTime,
) -> String {
    let (status, call) = (status.as_u16(), call_name(method, path_and_query));
    format!("{status}_{kind}_{call}_{}", time.strftime(TIME))
}

/// The part of a response's file name that a call has in common with its recording.
pub(super) fn call_name(method: &Method, path_and_query: &str) -> String {
    let (path, query) = path_and_query.split_once('?').unwrap_or((path_and_query, ""));
    shortened(format!("{method}_{}_{}", mangled(path), mangled(query)))
}

/// A file name without its time, and the time.
pub(super) fn split_time(file_name: &str) -> Option<(&str, DateTime)> {
    let (name, time) = file_name.rsplit_once('_')?;
    Some((name, DateTime::strptime(TIME, time).ok()?))
}

/// Python's `isoformat`, which the vendor's names come from, leaves out a fraction of zero, and so does `%.f`.
fn mangled(text: &str) -> String {
    text.replace('/', "_").replace(':', "-")
}

fn shortened(mut text: String) -> String {
    text.truncate(text.floor_char_boundary(LONGEST_CALL));
    text
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Json => "JSON",
            Self::Data => "DATA",
            Self::Header => "HEADER",
        })
    }
}
