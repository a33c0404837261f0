//! The configuration as types that cannot be wrong.

use super::{
    broker::Broker,
    keys::RESILIENT,
    kind::Trust,
    platforms,
    problems::{Problem, Problems},
    reader::Reader,
    settings::Settings,
};
use crate::secret::Secret;
use std::{path::PathBuf, sync::Arc, time::Duration};
use tracing_subscriber::filter::Targets;

/// Everything that app.config, the environment and the command line say, checked. `Debug` shows no secret.
///
/// `platform`, `broker` and `work` are one platform's: the first one's, where there are several
/// ([`platforms`](Self::platforms)).
#[derive(Debug, Clone)]
pub struct Config {
    /// The platform's REST API.
    pub platform: Platform,
    /// The message broker.
    pub broker: Broker,
    /// How messages are worked on.
    pub work: Work,
    /// The journal (`[store]`).
    pub store: Store,
    /// What is logged, and where.
    pub log: Log,
    /// Aids for authors.
    pub development: Development,
    /// What components share for their own calls (`[integrations]`).
    pub integrations: Integrations,
    /// Recovered mistakes, to be logged as warnings at start.
    pub warnings: Vec<Problem>,
    pub(super) settings: Arc<Settings>,
    /// The section that `platform`, `broker` and `work` were read from.
    pub(super) platform_section: String,
    /// The further platforms' configurations.
    pub(super) others: Vec<Self>,
}

/// Where the REST API is, and who we are there.
#[derive(Debug, Clone)]
pub struct Platform {
    /// Host name.
    pub host: String,
    /// TCP port.
    pub port: u16,
    /// What stands before `/rest`: empty, or `/` and at least one more character, without a `/` at its end.
    pub resource_prefix: String,
    /// Name, uuid or cloud account of the organization.
    pub org: Option<String>,
    /// For REST API and broker both.
    pub credentials: Credentials,
    /// What is odd about them, fit to be shown: a reason why they may be refused.
    pub doubt: Option<String>,
    /// Which certificates are trusted.
    pub trust: Trust,
    /// The name that the certificate must be for, where that is not the host's.
    pub server_name: Option<String>,
    /// What we show to a server that asks for a certificate.
    pub client_certificate: Option<ClientCertificate>,
    /// `proxy_host` and its companions.
    pub proxy: Option<Proxy>,
    /// Deadline of one request.
    pub request_timeout: Duration,
    /// How long an idle connection is kept.
    pub keep_alive: Duration,
    /// How many times a request is tried in all.
    pub max_retries: u32,
    /// Before the second time.
    pub retry_delay: Duration,
    /// The delay's factor from one time to the next, at least 1.
    pub retry_backoff: f64,
    /// How long an answer may be used again.
    pub cache_ttl: Duration,
    /// How often it is asked what components need to know of it.
    pub definitions_refresh: Duration,
    /// The queue by which it tells of low-code connectors that come and go.
    pub subscription_queue: Option<String>,
}

/// Who we are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Credentials {
    /// An API key.
    ApiKey {
        /// Its id.
        id: String,
        /// Its secret.
        secret: Secret,
    },
    /// A user.
    User {
        /// E-mail address.
        email: String,
        /// Password.
        password: Secret,
    },
}

/// The certificate that we show.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientCertificate {
    /// PEM file with the chain.
    pub certificate: PathBuf,
    /// PEM file with the private key; the same file where none is named.
    pub key: PathBuf,
}

/// An HTTP proxy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proxy {
    /// Host name; a `scheme://` before it is kept.
    pub host: String,
    /// TCP port.
    pub port: u16,
    /// User name.
    pub user: Option<String>,
    /// Password.
    pub password: Option<Secret>,
}

/// How messages are worked on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Work {
    /// Handlers at work at the same time.
    pub num_workers: usize,
    /// How many bytes of messages may be at work or waiting.
    pub max_bytes: usize,
    /// What running work has to finish after SIGTERM.
    pub stop_timeout: Duration,
    /// How often the platform is asked whether what is at work is still wanted; zero for never.
    pub cancel_check_interval: Duration,
    /// Components to leave out.
    pub noload: Vec<String>,
    /// Whether a function's failure lets its workflow go on.
    pub trap_exception: bool,
    /// Whether a changed app.config is taken up by itself.
    pub reload: bool,
    /// Deadline of each step of the self-test.
    pub selftest_timeout: Duration,
}

/// `[store]`: the journal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Store {
    /// `sqlite:…` or `postgres://…`; `None`: a file in `state_dir`. It may hold a password.
    pub url: Option<Secret>,
    /// The directory for that file.
    pub state_dir: PathBuf,
    /// Whether everything goes to the disk at once, not within a second.
    pub sync_always: bool,
    /// How long answers are remembered that the broker has confirmed.
    pub keep: Duration,
    /// How long a processor may be out of touch with a shared journal.
    pub lease: Duration,
    /// Which certificates are trusted on the way to a shared journal.
    pub trust: Trust,
}

/// What is logged, and where.
#[derive(Debug, Clone, PartialEq)]
pub struct Log {
    /// Levels, by module.
    pub levels: Targets,
    /// Text or JSON.
    pub format: LogFormat,
    /// The file, besides standard error.
    pub file: Option<LogFile>,
}

/// How a line of the log is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// For machines: one object to the line.
    Json,
}

/// The log file and its rotation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogFile {
    /// Its directory, made if need be.
    pub directory: PathBuf,
    /// Its name there.
    pub name: String,
    /// It is set aside before it would grow larger; 0: never.
    pub max_bytes: u64,
    /// How many are kept; 0: none is ever set aside.
    pub backups: u64,
}

/// Aids for authors.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Development {
    /// Whether to take test messages.
    pub test_actions: bool,
    /// The address to take them at.
    pub test_host: String,
    /// The port to take them at.
    pub test_port: u16,
    /// Where to record messages and responses.
    pub log_http_responses: Option<PathBuf>,
}

/// `[integrations]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Integrations {
    /// For `http://` addresses; the URL may hold a password.
    pub http_proxy: Option<Secret>,
    /// For `https://` addresses.
    pub https_proxy: Option<Secret>,
    /// Deadline of one call.
    pub timeout: Duration,
    /// Which certificates are trusted.
    pub verify: Trust,
}

// === impl Config ===

impl Config {
    /// Reads every key; what is missing or contradicts itself goes to `problems`, and the value is then of no use.
    pub(super) fn read(settings: Settings, problems: &mut Problems, warnings: &mut Problems) -> Self {
        let settings = Arc::new(settings);
        let mut sections = platforms::sections(&settings).into_iter();
        let first = sections.next().unwrap_or_else(|| RESILIENT.to_owned());
        let mut config = Self::of_platform(&settings, first, problems, warnings);
        for (section, further) in sections.zip(1..) {
            let mut other = Self::of_platform(&settings, section, problems, warnings);
            // A port gives messages to one platform: each further one has the next.
            let port = other.development.test_port.checked_add(further);
            other.development.test_actions &= port.is_some();
            other.development.test_port = port.unwrap_or_default();
            config.others.push(other);
        }
        let all: Vec<_> = config.platforms().map(|one| (one.name(), &one.platform)).collect();
        platforms::check_twice(&all, problems);
        config
    }

    fn of_platform(
        settings: &Arc<Settings>,
        section: String,
        problems: &mut Problems,
        warnings: &mut Problems,
    ) -> Self {
        let (process, reader) = (Reader::new(settings), Reader::of(settings, &section));
        let platform = Platform::read(&reader, problems, warnings);
        Self {
            broker: Broker::read(&reader, &platform),
            platform,
            work: Work::read(&reader),
            store: Store::read(&Reader::of(settings, "store")),
            log: Log::read(&process),
            development: Development::read(&process),
            integrations: Integrations::read(&Reader::of(settings, "integrations")),
            warnings: Vec::new(),
            settings: settings.clone(),
            platform_section: section,
            others: Vec::new(),
        }
    }

    /// What the platform that this is the configuration of is called: the NAME of `[resilient:NAME]`, or
    /// [`DEFAULT_PLATFORM`](super::DEFAULT_PLATFORM).
    #[must_use]
    pub fn name(&self) -> &str {
        platforms::name(&self.platform_section)
    }

    /// The NAME of `[resilient:NAME]`; `None` for `[resilient]`.
    #[must_use]
    pub fn named(&self) -> Option<&str> {
        Some(self.name()).filter(|_| self.platform_section != RESILIENT)
    }

    /// The configuration of each platform, this one's first. What concerns the process is the same in all of them.
    pub fn platforms(&self) -> impl Iterator<Item = &Self> {
        std::iter::once(self).chain(&self.others)
    }
}

// === impl Platform ===

impl Platform {
    fn read(reader: &Reader<'_>, problems: &mut Problems, warnings: &mut Problems) -> Self {
        if reader.optional("host").is_none() {
            problems.missing(format!("host is not set in [{}]: the platform's host name", reader.section()));
        }
        let credentials = Credentials::read(reader, problems, warnings);
        Self {
            host: reader.text("host"),
            port: reader.number("port"),
            resource_prefix: resource_prefix(&reader.text("resource_prefix")),
            org: reader.optional("org"),
            doubt: credentials.doubt(reader),
            credentials,
            trust: reader.trust("cafile").unwrap_or_default(),
            server_name: reader.optional("rest_tls_server_name"),
            client_certificate: ClientCertificate::read(reader, problems),
            proxy: Proxy::read(reader, problems),
            request_timeout: reader.seconds("request_timeout"),
            keep_alive: reader.seconds("request_keep_alive"),
            max_retries: reader.number("request_max_retries"),
            retry_delay: reader.seconds("request_retry_delay"),
            retry_backoff: reader.decimal("request_retry_backoff"),
            cache_ttl: reader.seconds("cache_ttl"),
            definitions_refresh: reader.seconds("definitions_refresh"),
            subscription_queue: reader.optional("low_code_subscription_queue"),
        }
    }
}

fn resource_prefix(text: &str) -> String {
    match text.trim_matches('/') {
        "" => String::new(),
        prefix => format!("/{prefix}"),
    }
}

impl Platform {
    /// `user:password`, as HTTP's Basic authentication sends them.
    pub(super) fn pairs(&self) -> Vec<Secret> {
        let (user, password) = match &self.credentials {
            Credentials::ApiKey { id, secret } => (id, secret),
            Credentials::User { email, password } => (email, password),
        };
        let proxy =
            self.proxy.as_ref().and_then(|proxy| Some((proxy.user.as_ref()?, proxy.password.as_ref()?)));
        let pairs = [Some((user, password)), proxy].into_iter().flatten();
        pairs.map(|(user, password)| Secret::pair(user, password)).collect()
    }
}

// === impl Credentials ===

impl Credentials {
    fn doubt(&self, reader: &Reader<'_>) -> Option<String> {
        let keys = match self {
            Self::ApiKey { .. } => ["api_key_id", "api_key_secret"],
            Self::User { .. } => ["email", "password"],
        };
        let doubts: Vec<String> = keys.into_iter().filter_map(|key| reader.doubt(key)).collect();
        (!doubts.is_empty()).then(|| doubts.join("; "))
    }

    /// An API key wins over a user, as it does for the vendor's framework.
    fn read(reader: &Reader<'_>, problems: &mut Problems, warnings: &mut Problems) -> Self {
        let api_key = (reader.optional("api_key_id"), reader.secret("api_key_secret"));
        let user = (reader.optional("email"), reader.secret("password"));
        if let ((Some(_), Some(_)), (Some(_), _)) = (&api_key, &user) {
            warnings.at(reader.place("email"), "email is not used: the API key is");
        }
        match (api_key, user) {
            ((Some(id), Some(secret)), _) => Self::ApiKey { id, secret },
            (_, (Some(email), Some(password))) => Self::User { email, password },
            (api_key, user) => {
                incomplete(
                    reader,
                    (api_key.0.is_some(), api_key.1.is_some()),
                    (user.0.is_some(), user.1.is_some()),
                    problems,
                );
                Self::ApiKey { id: String::new(), secret: Secret::default() }
            }
        }
    }
}

fn incomplete(reader: &Reader<'_>, api_key: (bool, bool), user: (bool, bool), problems: &mut Problems) {
    let mut without =
        |key: &str, other: &str| problems.at(reader.place(key), format!("{key} is set, but {other} is not"));
    match (api_key, user) {
        ((true, _), _) => without("api_key_id", "api_key_secret"),
        ((_, true), _) => without("api_key_secret", "api_key_id"),
        (_, (true, _)) => without("email", "password"),
        (_, (_, true)) => without("password", "email"),
        _ => problems.missing(format!(
            "neither api_key_id and api_key_secret nor email and password are set in [{}]",
            reader.section()
        )),
    }
}

// === impl ClientCertificate ===

impl ClientCertificate {
    fn read(reader: &Reader<'_>, problems: &mut Problems) -> Option<Self> {
        let key = reader.path("client_auth_key");
        let Some(certificate) = reader.path("client_auth_cert") else {
            if key.is_some() {
                problems.at(
                    reader.place("client_auth_key"),
                    "client_auth_key is set, but client_auth_cert is not",
                );
            }
            return None;
        };
        Some(Self { key: key.unwrap_or_else(|| certificate.clone()), certificate })
    }
}

// === impl Proxy ===

impl Proxy {
    fn read(reader: &Reader<'_>, problems: &mut Problems) -> Option<Self> {
        let Some(host) = reader.optional("proxy_host") else {
            let rest =
                ["proxy_port", "proxy_user", "proxy_password"].into_iter().find(|key| reader.is_set(key));
            if let Some(key) = rest {
                problems.at(reader.place(key), format!("{key} is set, but proxy_host is not"));
            }
            return None;
        };
        if !reader.is_set("proxy_port") {
            problems.at(reader.place("proxy_host"), "proxy_host is set, but proxy_port is not");
        }
        let (user, password) = (reader.optional("proxy_user"), reader.secret("proxy_password"));
        Some(Self { host, port: reader.number("proxy_port"), user, password })
    }
}

// === impl Work ===

impl Work {
    fn read(reader: &Reader<'_>) -> Self {
        Self {
            num_workers: reader.number("num_workers"),
            max_bytes: reader.number("max_bytes_at_work"),
            stop_timeout: reader.seconds("stop_timeout"),
            cancel_check_interval: reader.seconds("cancel_check_interval"),
            noload: reader.list("noload"),
            trap_exception: reader.flag("trap_exception"),
            reload: reader.flag("reload"),
            selftest_timeout: reader.seconds("selftest_timeout"),
        }
    }
}

// === impl Store ===

impl Store {
    fn read(reader: &Reader<'_>) -> Self {
        Self {
            url: reader.secret("url"),
            state_dir: reader.path("state_dir").unwrap_or_else(|| reader.state_directory()),
            sync_always: reader.text("sync").eq_ignore_ascii_case("always"),
            keep: reader.seconds("keep"),
            lease: reader.seconds("lease"),
            trust: reader.trust("cafile").unwrap_or_default(),
        }
    }
}

// === impl Log ===

impl Log {
    fn read(reader: &Reader<'_>) -> Self {
        Self {
            levels: reader.levels("loglevel"),
            format: if reader.text("log_format").eq_ignore_ascii_case("json") {
                LogFormat::Json
            } else {
                LogFormat::Text
            },
            file: reader.path("logdir").map(|directory| LogFile {
                directory,
                name: reader.text("logfile"),
                max_bytes: reader.number("log_max_bytes"),
                backups: reader.number("log_backup_count"),
            }),
        }
    }
}

// === impl Development ===

impl Development {
    fn read(reader: &Reader<'_>) -> Self {
        Self {
            test_actions: reader.flag("test_actions"),
            test_host: reader.text("test_host"),
            test_port: reader.number("test_port"),
            log_http_responses: reader.path("log_http_responses"),
        }
    }
}

// === impl Integrations ===

impl Integrations {
    fn read(reader: &Reader<'_>) -> Self {
        Self {
            http_proxy: reader.secret("http_proxy"),
            https_proxy: reader.secret("https_proxy"),
            timeout: reader.seconds("timeout"),
            verify: reader.trust("verify").unwrap_or_default(),
        }
    }
}
