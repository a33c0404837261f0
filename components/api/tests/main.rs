//! The tests' table of contents.

// clippy.toml allows this in tests, but does not see that their helpers belong to them.
#![allow(clippy::unwrap_used)]

/// Handlers that wait, gather, limit, time out or try again, on a paused clock.
mod decorators;
/// Field definitions: labels, ids, near misses, what must be filled in.
mod fields;
/// Closing incidents, long lists, links, labels.
mod helpers;
/// Incidents that are created, and what is found missing before.
mod incidents;
/// Typed inputs: every shape of the platform's, and the words for those that are wrong.
mod inputs;
/// What belongs to one instance of a component stays with it: state, bursts, lines, limits.
mod instances;
/// Reading a message: accessors, labels, typed input and its rejections.
mod message;
/// Names as the vendor's framework makes them.
mod name;
/// Which messages are carried out one after another.
mod order;
/// How recordings are called, and how they stand in for the platform.
mod recording;
mod redact;
/// Acknowledgements, and errors that become failures.
mod reply;
/// The REST API as a component calls it.
mod rest;
/// Data tables: rows found, added, changed, deleted.
mod rows;
/// A component's own section of app.config.
mod section;
/// The test kit: each of its parts as an author's test uses it, and the words with which it fails one.
mod testing;
/// Rich text as plain text and Markdown, and back; hostile HTML.
mod text;
/// Selects, text areas and dates in any JSON.
mod value;
