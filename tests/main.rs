//! The one test binary: its table of contents.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test fails by panicking, its helpers included"
)]

// app.config, environment and command line become a checked configuration.
mod config;
// `processor config` writes, completes and shows app.config.
mod config_command;
// app.config is read as Python's ConfigParser reads it.
mod config_ini;
// References to secrets, and the stores that they lead to.
mod config_secrets;
// The log's lines, what stands in them and what never does.
mod logging;
