//! The one test binary: its table of contents.

/// The broker link: codec, rules, backoff, and the whole link against a scripted broker.
mod stomp;
