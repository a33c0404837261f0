//! What each room is told, made of the configuration.

use crate::{
    config::{
        self, BrokerAddress, BrokerProxy, Config, Problem, Trust,
        keys::{RESILIENT, STORE},
    },
    rest, stomp,
    stomp::transport::{self, Brokers, Dialer},
    store, tls,
};
use std::sync::Arc;

/// A setting that can only be judged when it is put to use.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SettingsError {
    /// Certificates or keys that cannot be used.
    #[error(transparent)]
    Tls(#[from] tls::TlsError),
    /// `stomp_proxy` or the environment's proxy.
    #[error(transparent)]
    BrokerProxy(#[from] transport::InvalidProxy),
    /// `[store] url`.
    #[error(transparent)]
    Store(#[from] store::UrlError),
    /// `proxy_host` or the environment's proxy.
    #[error("{0}")]
    PlatformProxy(String),
}

impl SettingsError {
    /// The same as a mistake of `config`, with the place of the key that it is about.
    #[must_use]
    pub fn mistake(&self, config: &Config) -> Problem {
        let place = self.keys().into_iter().find_map(|(section, key)| config.place(section, key));
        Problem { place: place.map(str::to_owned), what: self.to_string(), awaited: false }
    }

    /// The keys that it may be about: the first of them that is given.
    fn keys(&self) -> Vec<(&'static str, &'static str)> {
        match self {
            Self::Tls(error) => match error.option() {
                Some("[store] cafile") => vec![(STORE, "cafile")],
                Some("client_auth_key") => {
                    vec![(RESILIENT, "client_auth_key"), (RESILIENT, "client_auth_cert")]
                }
                // The broker's certificates are the platform's where nothing else is said.
                Some("stomp_cafile") => vec![(RESILIENT, "stomp_cafile"), (RESILIENT, "cafile")],
                Some(option) => vec![(RESILIENT, option)],
                None => Vec::new(),
            },
            Self::BrokerProxy(_) => vec![(RESILIENT, "stomp_proxy")],
            Self::Store(_) => vec![(STORE, "url")],
            Self::PlatformProxy(_) => vec![(RESILIENT, "proxy_host")],
        }
    }
}

/// The REST client's settings.
///
/// # Errors
/// See [`SettingsError`].
pub fn rest(
    config: &Config,
    recorder: Option<Arc<dyn rest::Recorder>>,
) -> Result<rest::Settings, SettingsError> {
    let platform = &config.platform;
    let tls = tls::client_config(&tls::Settings {
        purpose: tls::Purpose {
            label: "REST",
            option: "cafile",
            name_option: Some("rest_tls_server_name"),
            server: format!("{}:{}", platform.host, platform.port),
        },
        roots: roots(&platform.trust),
        client_certificate: client_certificate(platform),
        server_name: platform.server_name.clone(),
    })?;
    let address = rest::Address {
        host: platform.host.clone(),
        port: platform.port,
        prefix: platform.resource_prefix.clone(),
        plain_on_loopback: false,
    };
    let mut settings = rest::Settings::new(address, rest_credentials(&platform.credentials), tls);
    settings.org.clone_from(&platform.org);
    settings.proxy = rest_proxy(platform.proxy.as_ref())?;
    settings.timeouts.total = platform.request_timeout;
    settings.timeouts.pooled = platform.keep_alive;
    settings.retries.attempts = platform.max_retries.max(1);
    settings.retries.delay = platform.retry_delay;
    settings.retries.backoff = platform.retry_backoff;
    settings.cache_ttl = platform.cache_ttl;
    settings.recorder = recorder;
    Ok(settings)
}

/// What opens the byte stream to whichever broker's turn it is.
///
/// # Errors
/// See [`SettingsError`].
pub fn brokers(config: &Config) -> Result<Brokers, SettingsError> {
    let others = config.broker.others.iter().map(|address| dialer(config, address));
    Ok(Brokers::new(dialer(config, &config.broker.first)?, others.collect::<Result<Vec<_>, _>>()?))
}

fn dialer(config: &Config, address: &BrokerAddress) -> Result<Dialer, SettingsError> {
    let broker = &config.broker;
    let tls = tls::client_config(&tls::Settings {
        purpose: tls::Purpose {
            label: "STOMP",
            option: "stomp_cafile",
            name_option: Some("tls_server_name"),
            server: address.to_string(),
        },
        roots: roots(&broker.trust),
        client_certificate: client_certificate(&config.platform),
        server_name: broker.server_name.clone(),
    })?;
    Ok(Dialer {
        host: address.host.clone(),
        port: address.port,
        tls,
        server_name: broker.server_name.clone(),
        proxy: broker_proxy(&broker.proxy, &address.host)?,
    })
}

/// Where the journal is.
///
/// # Errors
/// See [`SettingsError`].
pub fn store(config: &Config) -> Result<store::Settings, SettingsError> {
    let kept = &config.store;
    let url = match &kept.url {
        Some(url) => url.expose().parse()?,
        None => store::Url::StateDirectory(kept.state_dir.clone()),
    };
    let tls = match &url {
        store::Url::Postgres(server) if server.wants_tls() => Some(tls::client_config(&tls::Settings {
            purpose: tls::Purpose {
                label: "PostgreSQL",
                option: "[store] cafile",
                name_option: None,
                server: server.server(),
            },
            roots: roots(&kept.trust),
            client_certificate: None,
            server_name: None,
        })?),
        _ => None,
    };
    let sync = if kept.sync_always { store::SyncMode::Always } else { store::SyncMode::Interval };
    Ok(store::Settings { url, sync, keep: kept.keep, lease: kept.lease, tls })
}

/// How the platform is asked for what components need.
#[must_use]
pub fn serving(config: &Config) -> super::serving::Settings {
    super::serving::Settings {
        refresh: config.platform.definitions_refresh,
        subscription_queue: config.platform.subscription_queue.clone(),
    }
}

/// The link's settings.
#[must_use]
pub fn stomp(config: &Config) -> stomp::Settings {
    let broker = &config.broker;
    let mut settings = stomp::Settings::new(broker.first.host.clone());
    let (login, passcode) = match &config.platform.credentials {
        config::Credentials::ApiKey { id, secret } => (id, secret),
        config::Credentials::User { email, password } => (email, password),
    };
    settings.login = Some(login.clone());
    settings.passcode = Some(passcode.clone());
    settings.heartbeat.send = broker.heartbeat_send;
    settings.heartbeat.receive = broker.heartbeat_receive;
    #[expect(clippy::cast_possible_truncation, reason = "a factor of a few")]
    {
        settings.heartbeat.grace = broker.heartbeat_grace as f32;
    }
    settings.prefetch = broker.prefetch;
    settings.max_bytes = config.work.max_bytes;
    settings.limits.max_headers = broker.max_headers;
    settings.limits.max_header_bytes = broker.max_header_bytes;
    settings.limits.max_body_bytes = broker.max_body_bytes;
    settings.max_reply = broker.max_reply_bytes.map_or(stomp::MaxReply::Safe, stomp::MaxReply::Bytes);
    settings.proves_aside = true;
    settings.connect_timeout = broker.connect_timeout;
    settings.make = broker.make.map(make);
    settings.virtual_host.clone_from(&broker.virtual_host);
    settings.destination_prefix.clone_from(&broker.queue_prefix);
    settings.max_attempts = attempts(config);
    settings
}

/// How many times connecting is tried in all, first attempt and retries; `None`: for ever.
#[must_use]
pub fn attempts(config: &Config) -> Option<u32> {
    config.broker.max_connection_retries.map(|retries| retries.saturating_add(1))
}

fn roots(trust: &Trust) -> tls::Roots {
    match trust {
        Trust::System => tls::Roots::Native,
        Trust::File(path) => tls::Roots::File(path.clone()),
        Trust::Anything => tls::Roots::Unverified,
    }
}

fn client_certificate(platform: &config::Platform) -> Option<tls::ClientCertificate> {
    let ours = platform.client_certificate.as_ref()?;
    Some(tls::ClientCertificate { cert: ours.certificate.clone(), key: ours.key.clone() })
}

fn rest_credentials(credentials: &config::Credentials) -> rest::Credentials {
    match credentials.clone() {
        config::Credentials::ApiKey { id, secret } => rest::Credentials::ApiKey { id, secret },
        config::Credentials::User { email, password } => rest::Credentials::User { email, password },
    }
}

fn rest_proxy(proxy: Option<&config::Proxy>) -> Result<Option<rest::Proxy>, SettingsError> {
    let Some(proxy) = proxy else {
        return rest::Proxy::from_environment(environment).map_err(SettingsError::PlatformProxy);
    };
    let user = proxy.user.clone().map(|user| (user, proxy.password.clone().unwrap_or_default()));
    rest::Proxy::new(&proxy.host, proxy.port, user).map(Some).map_err(SettingsError::PlatformProxy)
}

fn make(make: config::BrokerMake) -> stomp::Make {
    match make {
        config::BrokerMake::ActiveMq => stomp::Make::ActiveMq,
        config::BrokerMake::Artemis => stomp::Make::Artemis,
        config::BrokerMake::RabbitMq => stomp::Make::RabbitMq,
    }
}

fn broker_proxy(proxy: &BrokerProxy, host: &str) -> Result<Option<transport::Proxy>, SettingsError> {
    let setting = match proxy {
        BrokerProxy::Direct => return Ok(None),
        BrokerProxy::Environment => "env",
        BrokerProxy::Url(url) => url.expose(),
    };
    Ok(transport::Proxy::for_broker(setting, "", host, environment)?)
}

fn environment(name: &str) -> Option<String> {
    std::env::var(name).ok()
}
