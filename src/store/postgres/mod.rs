//! A database that several processors share.

mod url;

pub use url::PostgresUrl;
