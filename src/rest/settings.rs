use super::{Proxy, Recorder};
use crate::{logging::Redactor, secret::Secret};
use std::{fmt, sync::Arc, time::Duration};

/// All that the REST client needs to know.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Where the platform is.
    pub address: Address,
    /// Who we are.
    pub credentials: Credentials,
    /// The organization's name, `uuid` or `cloud_account`; none is needed by a member of only one.
    pub org: Option<String>,
    /// Trusted roots, client certificate.
    pub tls: Arc<rustls::ClientConfig>,
    /// The way out, if there is only one.
    pub proxy: Option<Proxy>,
    /// How long to wait for what.
    pub timeouts: Timeouts,
    /// How often to try again.
    pub retries: Retries,
    /// How long the answer of a cached GET stays good (`cache_ttl`).
    pub cache_ttl: Duration,
    /// The longest answer that is held in memory, in bytes. Files come as streams, without a limit.
    pub max_answer: usize,
    /// Sees each answer (`log_http_responses`).
    pub recorder: Option<Arc<dyn Recorder>>,
    /// Masks what the platform quotes of our credentials, and learns the tokens of each session.
    pub redactor: Redactor,
    /// Is told when the platform refuses the credentials: they may be others by now, where they come from.
    pub refused: Option<Refused>,
}

/// Told of each refusal.
#[derive(Clone)]
pub struct Refused(pub Arc<dyn Fn() + Send + Sync>);

impl fmt::Debug for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Refused")
    }
}

/// Where the platform is: `https://<host>:<port>[<prefix>]/rest`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address {
    /// A name or an IP address, IPv6 without brackets.
    pub host: String,
    /// 443, unless told otherwise.
    pub port: u16,
    /// `resource_prefix`: what a reverse proxy puts before `/rest`; with or without slashes at its ends.
    pub prefix: String,
    /// `http` in place of `https`, for a stand-in of the platform on this machine: credentials would cross the network
    /// in the clear, so any host but a loopback address is refused.
    pub plain_on_loopback: bool,
}

/// Who we are.
#[derive(Debug, Clone)]
pub enum Credentials {
    /// HTTP Basic on every call.
    ApiKey {
        /// `api_key_id`
        id: String,
        /// `api_key_secret`
        secret: Secret,
    },
    /// A session, which runs out and is renewed.
    User {
        /// `email`
        email: String,
        /// `password`
        password: Secret,
    },
}

/// How long to wait for what.
#[derive(Debug, Clone, Copy)]
pub struct Timeouts {
    /// For name, TCP, proxy and TLS.
    pub connect: Duration,
    /// For the next bytes of an answer.
    pub idle: Duration,
    /// For a whole call whose answer is held in memory. Up- and downloads take as long as they take.
    pub total: Duration,
    /// How long an idle connection is kept for the next call; zero: not at all. Shorter than platforms and what stands
    /// before them keep one, lest a call meet one that is being closed.
    pub pooled: Duration,
}

/// How often to try again.
#[derive(Debug, Clone, Copy)]
pub struct Retries {
    /// Attempts in all (`request_max_retries`); 1 means none but the first.
    pub attempts: u32,
    /// The wait before the second (`request_retry_delay`).
    pub delay: Duration,
    /// What each further wait is multiplied by (`request_retry_backoff`).
    pub backoff: f64,
    /// The longest wait. Where the platform's `Retry-After` asks for a longer one, the call is given up at once.
    pub longest: Duration,
}

// === impl Settings ===

impl Settings {
    /// Everything else at its default.
    #[must_use]
    pub fn new(address: Address, credentials: Credentials, tls: Arc<rustls::ClientConfig>) -> Self {
        Self {
            address,
            credentials,
            org: None,
            tls,
            proxy: None,
            timeouts: Timeouts::default(),
            retries: Retries::default(),
            cache_ttl: Duration::from_secs(240),
            max_answer: 64 << 20,
            recorder: None,
            refused: None,
            redactor: Redactor::default(),
        }
    }
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(10),
            idle: Duration::from_secs(60),
            total: Duration::from_secs(120),
            pooled: Duration::from_secs(15),
        }
    }
}

impl Default for Retries {
    fn default() -> Self {
        Self { attempts: 5, delay: Duration::from_secs(2), backoff: 2.0, longest: Duration::from_secs(60) }
    }
}

// === impl Address ===

impl Address {
    /// `host`, port 443, no prefix.
    #[must_use]
    pub fn new(host: impl Into<String>) -> Self {
        Self { host: host.into(), port: 443, prefix: String::new(), plain_on_loopback: false }
    }

    /// What stands before `/rest`'s paths: `https://soar.example.com:443/rest`.
    ///
    /// # Errors
    /// `http` was asked for and the host is not a loopback address, or this is no address at all: the text says which.
    pub fn base(&self) -> Result<reqwest::Url, String> {
        if self.plain_on_loopback && !self.is_loopback() {
            return Err(format!("{self}: without TLS only an address of this machine may be called"));
        }
        let scheme = if self.plain_on_loopback { "http" } else { "https" };
        let prefix = self.prefix.trim_matches('/');
        let separator = if prefix.is_empty() { "" } else { "/" };
        let url = format!("{scheme}://{self}{separator}{prefix}/rest");
        reqwest::Url::parse(&url).map_err(|error| format!("{self} is not an address: {error}"))
    }

    /// What users' browsers know it by: `https://soar.example.com`.
    pub(super) fn web(&self) -> String {
        let (scheme, usual) = if self.plain_on_loopback { ("http", 80) } else { ("https", 443) };
        let whole = self.to_string();
        let host = whole.strip_suffix(&format!(":{}", self.port)).filter(|_| self.port == usual);
        format!("{scheme}://{}", host.unwrap_or(&whole))
    }

    fn is_loopback(&self) -> bool {
        let loopback = |ip: std::net::IpAddr| ip.is_loopback();
        self.host == "localhost" || self.host.parse().is_ok_and(loopback)
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { host, port, .. } = self;
        if host.contains(':') { write!(f, "[{host}]:{port}") } else { write!(f, "{host}:{port}") }
    }
}
