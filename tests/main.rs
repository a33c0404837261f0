//! The one test binary: its table of contents.
