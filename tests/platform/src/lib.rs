//! A stand-in for the platform's REST API, for tests.
//!
//! It listens on a port of its own of 127.0.0.1, keeps incidents and what belongs to them with their versions, refuses
//! stale changes, expires sessions, misbehaves on demand, and remembers every request:
//!
//! ```
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() {
//! use http::Method;
//! use serde_json::json;
//! use stand_in_platform::{Fault, Platform};
//!
//! let platform = Platform::start().await;
//! let id = platform.add_incident(json!({ "name": "Phishing" }));
//! platform.fault(Fault::status(503).header("retry-after", "1").on(Method::PUT, "/incidents").times(2));
//! // … let the code under test work against `platform.port()`, then see what it did:
//! assert_eq!(platform.incident(id)["name"], "Phishing");
//! assert!(platform.requests().is_empty());
//! # }
//! ```
//!
//! # Layout
//! - `builder`: what differs from the defaults
//! - `platform`: [`Platform`], the test's handle
//! - `world`: accounts, organizations, objects, files
//! - `log`: the requests that came
//! - `rewrite`: the forms in which it keeps and gives back values, when told to
//! - `fault`: how it misbehaves, when told to; `weather`: by itself
//! - `serve`: sockets, TLS
//! - `pipeline`: the way of a request: log, faults, a test's own routes, who is it, the handler
//! - `routes`: the handlers

mod builder;
mod fault;
mod log;
mod pipeline;
mod platform;
mod reply;
mod rewrite;
mod routes;
mod serve;
mod weather;
mod world;

pub use builder::Builder;
pub use fault::Fault;
pub use log::Recorded;
pub use platform::{Platform, Write};
pub use reply::Reply;
pub use weather::Weather;

/// The default API key's id.
pub const API_KEY_ID: &str = "2f4c1b1e-0000-4000-8000-5f3c0f5a9c11";
/// Its secret.
pub const API_KEY_SECRET: &str = "an-API-key-secret-of-the-stand-in";
/// The default account's e-mail address.
pub const EMAIL: &str = "processor@example.com";
/// Its password.
pub const PASSWORD: &str = "a-password-of-the-stand-in";
/// The default organization's id.
pub const ORG_ID: i64 = 201;
/// Its name.
pub const ORG_NAME: &str = "Test Organization";
