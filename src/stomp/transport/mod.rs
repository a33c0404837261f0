//! Opens the byte stream to the broker: DNS, TCP, a proxy if there is one, TLS.
//!
//! [`Dialer::dial`] does it all; the steps are public one by one for a command that shows how far it gets:
//!
//! ```no_run
//! # use action_processor::stomp::transport::{DialError, Dialer};
//! # async fn walk(dialer: &Dialer) -> Result<(), DialError> {
//! let addresses = dialer.resolve().await?;
//! let tcp = dialer.connect(&addresses).await?;
//! let tunnel = dialer.tunnel(tcp).await?;
//! let tls = dialer.handshake(tunnel).await?;
//! # Ok(())
//! # }
//! ```
//!
//! Nothing here has a time limit: the caller puts one deadline round everything. Each future may be dropped at any
//! point; what it had opened is closed.

mod brokers;
mod error;
mod http_connect;
mod prompt;
mod proxy;
mod socks;
mod tcp;

use std::net::SocketAddr;
use std::sync::Arc;

use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

pub use brokers::Brokers;
pub use error::{DialError, ProxyFailure};
pub use prompt::Prompt;
pub use proxy::{InvalidProxy, Protocol, Proxy};

use crate::tls;

/// Where the broker is and how to get there.
#[derive(Debug, Clone)]
pub struct Dialer {
    /// Host name or IP address of the broker (an IPv6 address with or without brackets).
    pub host: String,
    /// Port of the broker.
    pub port: u16,
    /// Whom to trust and what to show.
    pub tls: Arc<ClientConfig>,
    /// `tls_server_name`: asked for in the handshake and expected in the certificate, instead of `host`.
    pub server_name: Option<String>,
    /// The proxy to go through; see [`Proxy::for_broker`].
    pub proxy: Option<Proxy>,
}

impl Dialer {
    /// Opens the stream: every step below in turn.
    ///
    /// # Errors
    /// The first step that fails, by name.
    pub async fn dial(&self) -> Result<TlsStream<Prompt>, DialError> {
        let addresses = self.resolve().await?;
        let tcp = self.connect(&addresses).await?;
        let tunnel = self.tunnel(tcp).await?;
        self.handshake(tunnel).await
    }

    /// The addresses of the peer of the TCP connection: the proxy's if there is one, else the broker's. Never empty.
    ///
    /// # Errors
    /// [`DialError::Resolve`]
    pub async fn resolve(&self) -> Result<Vec<SocketAddr>, DialError> {
        let (host, port) = self.peer();
        let of = || match &self.proxy {
            Some(proxy) => format!("`{host}` of the proxy {}", proxy.named()),
            None => format!("`{host}`"),
        };
        tcp::resolve(host, port).await.map_err(|source| DialError::Resolve { host: of(), source })
    }

    /// A TCP connection to the first of `addresses` that answers, IPv6 and IPv4 alike.
    ///
    /// # Errors
    /// [`DialError::Connect`]
    pub async fn connect(&self, addresses: &[SocketAddr]) -> Result<TcpStream, DialError> {
        tcp::first(addresses)
            .await
            .map_err(|failures| DialError::Connect { peer: self.peer_in_words(), failures })
    }

    /// Has the proxy connect `stream` to the broker; without a proxy, `stream` as it is.
    ///
    /// # Errors
    /// [`DialError::Proxy`]
    pub async fn tunnel(&self, stream: TcpStream) -> Result<TcpStream, DialError> {
        let Some(proxy) = &self.proxy else {
            return Ok(stream);
        };
        proxy.tunnel(stream, bare(&self.host), self.port).await.map_err(|source| DialError::Proxy {
            proxy: proxy.named(),
            broker: self.broker(),
            source,
        })
    }

    /// The TLS handshake. If it fails over the broker's certificate, no application data has been sent.
    ///
    /// # Errors
    /// [`DialError::ServerName`], [`DialError::Tls`]
    pub async fn handshake(&self, stream: TcpStream) -> Result<TlsStream<Prompt>, DialError> {
        let name = self.server_name.as_deref().unwrap_or(bare(&self.host));
        let name =
            ServerName::try_from(name.to_owned()).map_err(|_| DialError::ServerName { name: name.into() })?;
        let connector = TlsConnector::from(Arc::clone(&self.tls));
        connector
            .connect(name, Prompt::new(stream))
            .await
            .map_err(|source| DialError::Tls { broker: self.broker(), source: tls::plain(source) })
    }

    /// The broker's host, without brackets, and port.
    #[must_use]
    pub fn target(&self) -> (&str, u16) {
        (bare(&self.host), self.port)
    }

    fn peer(&self) -> (&str, u16) {
        match &self.proxy {
            Some(proxy) => (proxy.host(), proxy.port()),
            None => self.target(),
        }
    }

    fn peer_in_words(&self) -> String {
        match &self.proxy {
            Some(proxy) => format!("the proxy {}", proxy.named()),
            None => self.broker(),
        }
    }

    fn broker(&self) -> String {
        authority(bare(&self.host), self.port)
    }
}

/// The host without the brackets an IPv6 address may wear.
fn bare(host: &str) -> &str {
    host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(host)
}

/// `host:port`, as a URL writes it.
pub(super) fn authority(host: &str, port: u16) -> String {
    if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") }
}
