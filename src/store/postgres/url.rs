//! `postgres://user:password@host:port/database?sslmode=…`

use super::super::UrlError;
use std::{fmt, str::FromStr};
use tokio_postgres::config::{Host, SslMode};

/// Where the database is, and who we are there. Prints without the password.
#[derive(Clone)]
pub struct PostgresUrl {
    pub(super) config: tokio_postgres::Config,
}

// === impl PostgresUrl ===

impl PostgresUrl {
    /// Whether TLS is to be spoken, so that [`Settings::tls`](super::super::Settings::tls) is needed: with
    /// `sslmode=require` (the server's certificate is checked, as libpq does with `verify-full`, which says the same
    /// here), and where no `sslmode` is given and the server is not on this machine.
    #[must_use]
    pub fn wants_tls(&self) -> bool {
        self.config.get_ssl_mode() == SslMode::Require
    }

    /// `host:port` of the first server that is named.
    #[must_use]
    pub fn server(&self) -> String {
        let port = self.config.get_ports().first().copied().unwrap_or(5432);
        match self.config.get_hosts().first() {
            Some(Host::Tcp(host)) => format!("{host}:{port}"),
            Some(Host::Unix(directory)) => format!("{}:{port}", directory.display()),
            None => format!("localhost:{port}"),
        }
    }

    /// Away from this machine, nothing goes in the clear unless that is asked for.
    fn is_far(&self) -> bool {
        let near = |host: &Host| match host {
            Host::Tcp(host) => {
                host == "localhost" || host.parse().is_ok_and(|ip: std::net::IpAddr| ip.is_loopback())
            }
            Host::Unix(_) => true,
        };
        !self.config.get_hosts().iter().all(near)
    }
}

impl FromStr for PostgresUrl {
    type Err = UrlError;

    fn from_str(text: &str) -> Result<Self, UrlError> {
        if text.split_once("://").is_some_and(|(_, rest)| rest.matches('@').count() > 1) {
            return Err(TOO_MANY);
        }
        let (address, query) = text.split_once('?').unwrap_or((text, ""));
        let (modes, others): (Vec<_>, Vec<_>) =
            query.split('&').filter(|pair| !pair.is_empty()).partition(|pair| pair.starts_with("sslmode="));
        let mode = modes.last().map(|pair| ssl_mode(pair)).transpose()?;
        // The parser's own words may quote a part of the password.
        let config = format!("{address}?{}", others.join("&")).parse().map_err(|_quoting| UNREADABLE)?;
        let mut url = Self { config };
        if !url.config.get_hosts().iter().all(is_name) {
            return Err(ODD_HOST);
        }
        let default = if url.is_far() { SslMode::Require } else { SslMode::Disable };
        url.config.ssl_mode(mode.unwrap_or(default));
        url.config.application_name("processor");
        Ok(url)
    }
}

const UNREADABLE: UrlError = UrlError(
    "cannot be read: write postgres://user:password@host:5432/database?sslmode=require, with %XX for characters of the \
     password that are neither letters nor digits (%2F for /, %40 for @)",
);

/// Whatever stands behind the first one would be asked of the resolver, and a part of the password with it.
const TOO_MANY: UrlError = UrlError(
    "has more than one @: write %40 for each one in the user or the password, so that only the one before the host is \
     left",
);

const ODD_HOST: UrlError = UrlError(
    "has a host that is no host's name: write postgres://user:password@host:5432/database, with %XX for characters of the \
     password that are neither letters nor digits (%2F for /, %40 for @)",
);

/// What may be looked up.
fn is_name(host: &Host) -> bool {
    match host {
        Host::Tcp(host) => {
            !host.is_empty()
                && host.chars().all(|c| c.is_alphanumeric() || matches!(c, '.' | '-' | '_' | ':'))
        }
        Host::Unix(_) => true,
    }
}

/// libpq's words; a certificate that is asked for is always checked here.
fn ssl_mode(pair: &str) -> Result<SslMode, UrlError> {
    match pair {
        "sslmode=disable" => Ok(SslMode::Disable),
        "sslmode=require" | "sslmode=verify-ca" | "sslmode=verify-full" => Ok(SslMode::Require),
        _ => Err(UrlError("has an sslmode that is neither disable nor require (verify-full says the same)")),
    }
}

impl fmt::Display for PostgresUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "postgres://{}/{}", self.server(), self.config.get_dbname().unwrap_or_default())
    }
}

impl fmt::Debug for PostgresUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
