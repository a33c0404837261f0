//! Recorded messages and REST responses: how their files are called, and how they stand in for the platform.
//!
//! `processor run --log-http-responses DIR` writes them and `processor replay DIR` plays them back, under the file names
//! of the vendor's framework: `ActionMessage_<Display Name>_<time>` for a message, and for a REST response
//! `<status>_JSON_<METHOD>_<path>_<query>_<time>` (`DATA` where it is not JSON, `HEADER` for its headers), with `_` for
//! each `/` and `-` for each `:`. That cannot be undone, since `_` may stand for itself; so a call finds its recording by
//! being given a file name too.

mod backend;
mod directory;
mod file_name;
mod text;

pub use backend::RecordedBackend;
pub use directory::{RecordedMessage, RecordingError, Recordings};
pub use file_name::{Kind, message_file_name, response_file_name};
pub use text::{NotText, text, without_byte_order_mark};
