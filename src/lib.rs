//! A daemon that does the integration work of a SOAR platform: it takes the platform's messages from a STOMP broker,
//! hands each to the component that handles it, and answers.

pub use action_component as component;

pub mod cli;
pub mod config;
pub mod dispatch;
pub mod logging;
pub mod rest;
pub mod secret;
pub mod stomp;
pub mod tls;
