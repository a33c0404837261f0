//! The one test binary: its table of contents.

// The REST client against the stand-in platform: logins, retries, conflicts, files, TLS, proxies.
mod rest;
