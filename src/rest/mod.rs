//! The REST client: what [`component::rest::Rest`](action_component::Rest) calls run on.
//!
//! A call goes `platform` (cache, retries, a fresh login when the session ran out) → `wire` (one attempt over HTTP).
//!
//! # Layout
//! - `settings`: where the platform is, who we are, how long we wait
//! - `connect`: log in, choose the organization, see that it may be used; each step by itself for `check --connect`
//! - `organization`: which one, of those that the account is a member of
//! - `platform`: [`Platform`], the backend of every [`Rest`](action_component::Rest)
//! - `retry`: what is safe to repeat, and when
//! - `session`: the proof of who we are, renewed by one login for all who need it
//! - `cache`: GETs that may be a little old
//! - `wire`: one request, one answer
//! - `upload`: multipart bodies
//! - `failure`: what an HTTP error means for the call
//! - `hop`: whether the proxy failed or the platform
//! - `proxy`: which proxy, if any
//! - `recorder`: who wants to see each answer

mod cache;
mod connect;
mod failure;
mod hop;
mod organization;
mod platform;
mod proxy;
mod recorder;
mod retry;
mod session;
mod settings;
mod upload;
mod wire;

pub use connect::{ConnectError, Connection, LoggedIn, connect};
pub use organization::Organization;
pub use platform::Platform;
pub use proxy::Proxy;
pub use recorder::{Exchange, Recorder};
pub use settings::{Address, Credentials, Refused, Retries, Settings, Timeouts};
