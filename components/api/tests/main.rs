//! The tests' table of contents.

// clippy.toml allows this in tests, but does not see that their helpers belong to them.
#![allow(clippy::unwrap_used)]

/// Handlers that wait, gather, limit or time out, on a paused clock.
mod decorators;
/// How recordings are called, and how they stand in for the platform.
mod recording;
