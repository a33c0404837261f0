//! The platform's REST API as a component sees it.
//!
//! [`Rest`] is what a handler calls; [`Backend`] is the narrow seam behind it: one request as a value in, one response
//! out. The daemon's HTTP client, a replay of recorded responses and a test's stand-in are backends.
//!
//! # Layout
//! - `client`: [`Rest`] and its typed calls
//! - `get_put`: read, change, write back, and again when somebody else was faster
//! - `evidence`: was a write carried out whose answer was lost? `same`: do two values say the same?
//! - `document`: a JSON text that keeps what nobody changed, to the letter
//! - `patch`: changes of single fields, and what to do when somebody else changed them
//! - `files`: attachments and artifact files, up and down, as streams; `file_at`: where they are
//! - `fields`: the definitions of a type's fields; `incidents`: new ones; `closing`: their end; `rows`: those of a data table
//! - `paged`: lists page by page; `site`: where the platform is and who is asking
//! - `handle_format`: names, ids or both for what refers to something else
//! - `request`, `part`, `response`, `content`, `error`: the values that pass through the seam; `status`: the platform's own words of a call
//! - `path`: escaping what goes into a path or a query

mod backoff;
mod client;
mod closing;
mod content;
mod document;
mod error;
mod evidence;
mod fields;
mod file_at;
mod files;
mod get_put;
mod handle_format;
mod incidents;
mod paged;
mod part;
mod patch;
mod path;
mod request;
mod response;
mod rows;
mod same;
mod site;
mod status;

pub use client::Rest;
pub use closing::CloseError;
pub use content::{ByteStream, Content, Opener};
pub use error::{BoxError, RestError, StatusError};
pub use file_at::{FileAt, FileInfo};
pub use files::{Download, File};
pub use get_put::Applied;
pub use handle_format::HandleFormat;
pub use incidents::IncidentError;
pub use paged::Paged;
pub use part::{Part, mime_type};
pub use patch::{FieldFailure, Patch, Resolution};
pub use path::{segment, with_query};
pub use request::{Body, ContextToken, Request, Scope};
pub use response::Response;
pub use rows::{Cells, Row, RowError, Table};
pub use site::{Identity, Site};
pub use status::Refusal;

use futures_util::future::BoxFuture;
use std::fmt;

/// Carries out REST calls.
pub trait Backend: Send + Sync + fmt::Debug + 'static {
    /// Carries out one call, with whatever retries are safe for it. An answer with a status of 2xx is a [`Response`];
    /// every other is a [`RestError`].
    fn call(&self, request: Request) -> BoxFuture<'_, Result<Response, RestError>>;

    /// Where the platform is, and as whom it is asked, if that is known.
    fn site(&self) -> Option<&Site> {
        None
    }
}
