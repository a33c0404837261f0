//! What the author of a component sees: a [`Message`] in, a [`Reply`] out.
//!
//! ```
//! use action_component::{Component, Context, Failure, Reply, handler_fn};
//! use serde::Deserialize;
//!
//! #[derive(Deserialize)]
//! struct Greeting {
//!     name: String,
//! }
//!
//! async fn say_hello(greeting: Greeting, _cx: Context) -> Result<Reply, Failure> {
//!     Ok(Reply::text(format!("hello, {}", greeting.name)))
//! }
//!
//! pub fn component() -> Component {
//!     Component::new("hello").on("say_hello", handler_fn(say_hello))
//! }
//! ```
//!
//! # What the daemon promises
//! Each message is answered once, whatever dies meanwhile. Its handler runs once as long as the process lives; one that
//! was interrupted by the death of its process is run again, unless it is marked
//! [`at_most_once`](Handler::at_most_once). So a handler should bear to be run again, or
//! [`keep`](Context::keep) what it has done. [`decorate`] says more, and how a handler is tried again when it fails;
//! [`Component::in_order`] carries out one incident's messages one after another.
//!
//! # Layout
//! - [`component`]: a named set of handlers, and the queue that they serve; [`address`]: which of them a message is for
//! - [`handler`]: the trait behind each of them
//! - [`message`]: what the platform sent, and ways to read it
//! - [`inputs`]: which types a handler's typed input may be made of
//! - [`context`]: what a handler may reach besides its input: REST, status, its section of app.config
//! - [`reply`]: how a message ends, well or badly
//! - [`decorate`]: handlers that wait, gather, limit, time out or try again around another
//! - [`order`]: which messages are carried out one after another
//! - [`rest`]: the platform's REST API, each call carrying the message's context token
//! - [`fields`]: what the platform's fields take, and what an id in one means
//! - [`value`]: selects, text areas and dates in any JSON; [`date`]: milliseconds and times
//! - [`recording`]: recorded messages and REST responses, to run a component without the platform
//! - [`redact`]: secrets masked in whatever is shown or kept; [`secret`]: text that does not print itself
#![cfg_attr(
    feature = "text",
    doc = "- [`text`]: rich text as plain text or Markdown, and back, safe whatever it holds"
)]
#![cfg_attr(feature = "testing", doc = "- [`testing`]: running a component without a broker or a platform")]

pub mod address;
mod causes;
pub mod component;
pub mod context;
pub mod date;
pub mod decorate;
pub mod fields;
mod finite;
pub mod handler;
pub mod inputs;
mod kind;
pub mod message;
pub mod name;
mod note;
pub mod order;
pub mod recording;
pub mod redact;
pub mod reply;
mod requirement;
pub mod rest;
pub mod secret;
pub mod secrets;
pub mod section;
#[cfg(feature = "testing")]
pub mod testing;
#[cfg(feature = "text")]
pub mod text;
pub mod value;

pub use causes::with_causes;
pub use component::Component;
pub use context::{Context, Instance, Services, StatusSink};
pub use fields::{Field, FieldError, Fields};
pub use handler::{Handler, Traits, function_fn, handler_fn};
pub use jiff::Timestamp;
pub use kind::Kind;
pub use message::{FromMessage, Message, Object, Rejection};
pub use note::NoteError;
pub use order::OrderKey;
pub use reply::{Failure, FailureKind, Reply, Results};
pub use requirement::Requirement;
pub use rest::Rest;
pub use section::Section;
pub use tokio_util::sync::CancellationToken;
