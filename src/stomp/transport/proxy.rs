//! `stomp_proxy`: which proxy the broker is reached through.

use std::fmt;

use http::uri::Authority;
use percent_encoding::percent_decode_str;
use thiserror::Error;
use tokio::net::TcpStream;

use super::error::ProxyFailure;
use super::{authority, bare, http_connect, socks};
use crate::{proxies, secret::Secret};

/// A proxy. Prints without its credentials.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proxy {
    protocol: Protocol,
    host: String,
    port: u16,
    credentials: Option<Credentials>,
    /// The option or the variable that names it.
    from: String,
}

/// How to talk to a proxy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protocol {
    /// `http://`: HTTP CONNECT (RFC 9110, section 9.3.6).
    Http,
    /// `socks5://`: SOCKS 5 (RFC 1928); this machine resolves the broker's name.
    Socks5,
    /// `socks5h://`: SOCKS 5; the proxy resolves the broker's name.
    Socks5h,
}

/// What a proxy asks of its users.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Credentials {
    pub(super) user: Secret,
    pub(super) password: Secret,
}

/// Why a proxy's URL is of no use. Never shows the URL, for it may hold a password.
#[derive(Debug, Error, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum InvalidProxy {
    /// Not one of the schemes we know.
    #[error("{from}: `{scheme}://` is not supported; use http://, socks5://, socks5h:// or the word env")]
    Scheme {
        /// The option or environment variable.
        from: String,
        /// The scheme.
        scheme: String,
    },
    /// No host, or no usable port.
    #[error(
        "{from}: write the proxy as http://user:password@host:port, with special characters as %40 and so on"
    )]
    Authority {
        /// The option or environment variable.
        from: String,
    },
}

// === impl Proxy ===

impl Proxy {
    /// Reads `stomp_proxy` for one broker: `http://…`, `socks5://…`, `socks5h://…`, or `env`, and then `HTTPS_PROXY`,
    /// `ALL_PROXY` and `HTTP_PROXY` count (each in lower case first, as curl does). `None`: no proxy for this broker, because
    /// the environment names none or because `no_proxy` or the environment's `NO_PROXY` names the broker.
    ///
    /// `env` looks up an environment variable.
    ///
    /// # Errors
    /// When the URL is of no use; it is never ignored, for that would mean connecting directly by mistake.
    pub fn for_broker(
        stomp_proxy: &str,
        no_proxy: &str,
        broker: &str,
        env: impl Fn(&str) -> Option<String>,
    ) -> Result<Option<Self>, InvalidProxy> {
        let exceptions = [Some(no_proxy.to_owned()), proxies::exceptions(&env)];
        if exceptions.iter().flatten().any(|list| proxies::excepts(list, bare(broker))) {
            return Ok(None);
        }
        match stomp_proxy.trim() {
            "" => Ok(None),
            "env" => proxies::from_environment(&env).map(|(name, url)| Self::parse(&url, &name)).transpose(),
            url => Self::parse(url, "stomp_proxy").map(Some),
        }
    }

    /// Reads a proxy's URL; `from` names the option it comes from. Without a scheme it is an HTTP proxy.
    ///
    /// # Errors
    /// When it is no URL of a proxy we can use.
    pub fn parse(url: &str, from: &str) -> Result<Self, InvalidProxy> {
        let invalid = || InvalidProxy::Authority { from: from.into() };
        let (scheme, rest) = url.trim().split_once("://").unwrap_or(("http", url.trim()));
        // Not a scheme, then: the colon may well stand between a user and a password, so it must not be shown.
        if !scheme.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
            return Err(invalid());
        }
        let protocol = Protocol::parse(scheme)
            .ok_or_else(|| InvalidProxy::Scheme { from: from.into(), scheme: scheme.into() })?;
        let rest = rest.trim_end_matches('/');
        let (user_info, address) =
            rest.rsplit_once('@').map_or((None, rest), |(user, host)| (Some(user), host));
        let address: Authority = address.parse().map_err(|_| invalid())?;
        let host = bare(address.host());
        let port = address.port_u16();
        if host.is_empty() || (port.is_none() && address.as_str() != address.host()) {
            return Err(invalid());
        }
        Ok(Self {
            protocol,
            host: host.into(),
            port: port.unwrap_or(protocol.default_port()),
            credentials: user_info.map(Credentials::parse),
            from: from.into(),
        })
    }

    /// Where it is and what names it, for errors: `http://proxy:3128 (from HTTPS_PROXY)`.
    #[must_use]
    pub fn named(&self) -> String {
        format!("{self} (from {})", self.from)
    }

    /// How to talk to it.
    #[must_use]
    pub fn protocol(&self) -> Protocol {
        self.protocol
    }

    /// Its host, an IPv6 address without brackets.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }

    /// Its port.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Has the proxy at the other end of `stream` connect it to `host:port`.
    pub(super) async fn tunnel(
        &self,
        stream: TcpStream,
        host: &str,
        port: u16,
    ) -> Result<TcpStream, ProxyFailure> {
        let credentials = self.credentials.as_ref();
        match self.protocol {
            Protocol::Http => http_connect::tunnel(stream, &authority(host, port), credentials).await,
            Protocol::Socks5 => socks::tunnel(stream, socks::resolved(host, port).await?, credentials).await,
            Protocol::Socks5h => socks::tunnel(stream, socks::Target::of(host, port), credentials).await,
        }
    }
}

impl fmt::Display for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", self.protocol.scheme(), authority(&self.host, self.port))
    }
}

// === impl Protocol ===

impl Protocol {
    fn parse(scheme: &str) -> Option<Self> {
        match scheme.to_ascii_lowercase().as_str() {
            "http" => Some(Self::Http),
            "socks5" => Some(Self::Socks5),
            "socks5h" => Some(Self::Socks5h),
            _ => None,
        }
    }

    fn scheme(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Socks5 => "socks5",
            Self::Socks5h => "socks5h",
        }
    }

    fn default_port(self) -> u16 {
        match self {
            Self::Http => 80,
            Self::Socks5 | Self::Socks5h => 1080,
        }
    }
}

// === impl Credentials ===

impl Credentials {
    fn parse(user_info: &str) -> Self {
        let (user, password) = user_info.split_once(':').unwrap_or((user_info, ""));
        Self { user: decoded(user), password: decoded(password) }
    }
}

fn decoded(text: &str) -> Secret {
    percent_decode_str(text).decode_utf8_lossy().into_owned().into()
}
