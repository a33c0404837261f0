//! The one test binary: its table of contents.

/// The way to the broker through HTTP and SOCKS 5 proxies, and past them.
mod proxy;
/// Certificates, servers and proxies for the tests.
mod support;
/// Whom we trust, on the broker link and on REST: good and bad certificates, the files, the names.
mod tls;
