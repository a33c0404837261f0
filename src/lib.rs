//! A daemon that does the integration work of a SOAR platform: it takes the platform's messages from a STOMP broker,
//! hands each to the component that handles it, and answers.
//!
//! # Layout
//! A message walks through these rooms in one direction, and its answer back out:
//! - [`stomp`]: frames, sessions and the link to the broker; [`tls`] decides whom to trust
//! - [`dispatch`]: one task per message: decode, find the handler, run it, word the answer; [`store`] is its journal
//! - [`component`]: what an author writes against (the crate `action-component`)
//! - [`rest`]: the platform's REST API, which handlers call back
//!
//! Around them: [`config`] (app.config), [`logging`], [`secret`], [`signals`]; [`test_actions`] and [`recording`] for
//! developers; [`daemon`] puts the parts together and [`cli`] is what people type.
//!
//! A processor with components of your own is a `main` that calls [`main()`].

pub use action_component as component;

mod children;
pub mod cli;
pub mod config;
pub mod daemon;
mod descriptors;
pub mod dispatch;
pub mod logging;
mod proxies;
pub mod recording;
pub mod rest;
pub mod secret;
pub mod signals;
pub mod stomp;
pub mod store;
pub mod test_actions;
pub mod tls;

pub use cli::main;
