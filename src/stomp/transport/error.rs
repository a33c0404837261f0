//! Which layer failed on the way to the broker.

use std::io;
use std::net::SocketAddr;

use thiserror::Error;

/// Why there is no stream to the broker. The variants are the layers, in the order in which they are passed.
///
/// Each message is complete: it holds what its source says.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum DialError {
    /// DNS: the host (the proxy's, if there is one) has no address.
    #[error("cannot resolve the host name {host}: {source}; check its spelling and this machine's DNS")]
    Resolve {
        /// The name asked for, in quotes, and whose it is where that is not the broker's.
        host: String,
        /// What the resolver said.
        source: io::Error,
    },
    /// TCP: no address answered.
    #[error(
        "cannot connect to {peer}: {}; check host and port, that the server runs, and that no firewall is between",
        listed(failures)
    )]
    Connect {
        /// `host:port` of the broker, or the proxy.
        peer: String,
        /// Each address tried, and what became of it.
        failures: Vec<(SocketAddr, io::Error)>,
    },
    /// Proxy: it answers, but does not connect us to the broker.
    #[error("the proxy {proxy} does not connect to {broker}: {source}")]
    Proxy {
        /// The proxy, without its credentials.
        proxy: String,
        /// `host:port` of the broker.
        broker: String,
        /// What went wrong.
        source: ProxyFailure,
    },
    /// TLS: the name to check the certificate against is no name.
    #[error(
        "`{name}` is neither a host name nor an IP address, so no certificate can carry it; correct the host"
    )]
    ServerName {
        /// The name.
        name: String,
    },
    /// TLS: the handshake failed. A refused certificate is in `source`.
    #[error("TLS handshake with {broker} failed: {}", handshake(source))]
    Tls {
        /// `host:port` of the broker.
        broker: String,
        /// What rustls said, inside an [`io::Error`].
        source: io::Error,
    },
}

/// Why a proxy does not connect us. Never shows credentials.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ProxyFailure {
    /// The connection to the proxy broke.
    #[error("the connection to it broke: {0}")]
    Io(#[from] io::Error),
    /// It asks for credentials and got none.
    #[error(
        "it asks for a user and a password; write them into its URL, as in http://user:password@host:port"
    )]
    CredentialsMissing,
    /// It does not accept our credentials.
    #[error("it refuses the user or the password in its URL")]
    CredentialsRefused,
    /// It refuses; the text is its own: an HTTP status line or a SOCKS reply.
    #[error("it refuses: {0}; ask its administrator to allow this host and port")]
    Refused(String),
    /// It does not speak the protocol we expect of it.
    #[error("it does not answer as {0} does; check the scheme and the port of its URL")]
    NotAProxy(&'static str),
    /// A user name, password or host name is too long for SOCKS 5 (255 bytes).
    #[error("user, password and host name must have 255 bytes at most for a SOCKS 5 proxy")]
    TooLong,
    /// `socks5://` resolves the broker's name on this machine, and that failed.
    #[error("cannot resolve `{host}` on this machine: {source}; with socks5h:// the proxy resolves it")]
    Resolve {
        /// The broker's name.
        host: String,
        /// What the resolver said.
        source: io::Error,
    },
}

fn listed(failures: &[(SocketAddr, io::Error)]) -> String {
    let texts: Vec<String> = failures.iter().map(|(address, error)| format!("{address}: {error}")).collect();
    texts.join("; ")
}

/// Our own refusal of a certificate says everything; rustls would only put "other error" before it.
fn handshake(error: &io::Error) -> String {
    crate::tls::refusal(error).map_or_else(|| error.to_string(), ToString::to_string)
}
