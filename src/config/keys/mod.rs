//! The one place where a key is defined. The parser, `--help`, `app.config.example`, `processor config` and the checks
//! all read these tables, one for each topic.

mod broker;
mod platform;
mod shared;
mod work;

use super::kind::Kind;
pub use super::topic::Topic;

/// One key of app.config.
#[derive(Debug, Clone, Copy)]
pub struct Key {
    /// The section that it stands in.
    pub section: &'static str,
    /// Its name.
    pub name: &'static str,
    /// What its value may be.
    pub kind: Kind,
    /// The value where none is given; `None` where there is none.
    pub default: Option<&'static str>,
    /// The heading that it stands under in app.config.
    pub topic: Topic,
    /// What it does, in full sentences.
    pub help: &'static str,
}

/// What it takes for a changed value to be in force.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// Nothing: it is at once.
    Live,
    /// The platform's unit begins anew, its link with it; other platforms go on.
    Link,
    /// The process begins anew.
    Restart,
}

/// The section of the platform, and what the names of further platforms' sections begin with, before a colon.
pub const RESILIENT: &str = "resilient";
/// The journal's section.
pub const STORE: &str = "store";
const INTEGRATIONS: &str = "integrations";

/// The sections that the tables describe; every other one belongs to a component.
pub(super) const SECTIONS: [&str; 3] = [RESILIENT, STORE, INTEGRATIONS];

/// Every key of these sections, in the order of `app.config.example`.
pub fn all() -> impl Iterator<Item = &'static Key> {
    let tables = [
        platform::ESSENTIAL,
        platform::CERTIFICATES,
        broker::BROKER,
        platform::REST,
        work::WORK,
        work::LOGS,
        work::SECRETS,
        work::DEVELOPMENT,
        shared::STORE,
        shared::INTEGRATIONS_KEYS,
    ];
    tables.into_iter().flatten()
}

/// The store that the vendor's framework asks for `^NAME`.
pub(super) const PAM_TYPE: &str = "pam_type";

/// Keys of `[resilient]` that the vendor's framework knows and that mean nothing here: no reason to warn.
pub(super) const FOREIGN: &[&str] = &[
    "low_code_queues_list",
    "no_prompt_password",
    PAM_TYPE,
    "proxy",
    "rc_use_persistent_sessions",
    "resilient_mock",
    "stomp_max_retries",
    "stomp_url",
];

/// Environment variables under which the vendor's framework takes a key of `[resilient]`.
pub(super) const PEER_VARIABLES: &[(&str, &str)] = &[
    ("LOGLEVEL", "loglevel"),
    ("LOWCODE_SUBSCRIPTION_QUEUE", "low_code_subscription_queue"),
    ("PAM_TYPE", PAM_TYPE),
    ("RESILIENT_MAX_CONNECTION_RETRIES", "max_connection_retries"),
    ("RESILIENT_STOMP_TIMEOUT", "stomp_timeout"),
    ("RESOURCE_PREFIX", "resource_prefix"),
];

/// Variables of the vendor's framework that give a key of `[resilient]` its default: the file says more.
pub(super) const PEER_DEFAULTS: &[(&str, &str)] = &[("APP_LOG_DIR", "logdir")];

/// The section whose keys `section` may have: `[resilient]` for `[resilient:europe]`, itself for all others.
#[must_use]
pub fn family(section: &str) -> &str {
    match section.split_once(':') {
        Some((RESILIENT, _name)) => RESILIENT,
        _ => section,
    }
}

/// The key called `name` in `section`.
#[must_use]
pub fn find(section: &str, name: &str) -> Option<&'static Key> {
    all().find(|key| key.section == family(section) && key.name == name)
}

/// Whether the table says which keys `section` may have; every other section belongs to a component.
#[must_use]
pub fn is_ours(section: &str) -> bool {
    SECTIONS.contains(&family(section))
}

/// Keys that speak of secrets, but hold none: a component's `input_secrets`, and one of the vendor's.
const NO_SECRETS: &[&str] = &["input_secrets", "no_prompt_password"];

/// Whether the name of a component's key says that its value is a secret.
#[must_use]
pub fn sounds_secret(name: &str) -> bool {
    const WORDS: &[&str] = &[
        "password",
        "passwd",
        "passphrase",
        "passcode",
        "secret",
        "token",
        "credential",
        "private",
        "bearer",
        "authorization",
        "cookie",
        "apikey",
    ];
    let name = name.to_lowercase();
    if NO_SECRETS.contains(&name.as_str()) {
        return false;
    }
    WORDS.iter().any(|word| name.contains(word))
        || name
            .split(|c: char| !c.is_alphanumeric())
            .any(|word| matches!(word, "key" | "jwt" | "pwd" | "pw" | "pass"))
}

const fn key(
    name: &'static str,
    kind: Kind,
    default: Option<&'static str>,
    topic: Topic,
    help: &'static str,
) -> Key {
    Key { section: RESILIENT, name, kind, default, topic, help }
}

const fn store(name: &'static str, kind: Kind, default: Option<&'static str>, help: &'static str) -> Key {
    within(STORE, key(name, kind, default, Topic::Store, help))
}

const fn within(section: &'static str, key: Key) -> Key {
    Key { section, ..key }
}

// === impl Key ===

impl Key {
    /// The option's name on the command line: the key's own, but for `[store]`, whose names are short.
    #[must_use]
    pub fn option(&self) -> String {
        match self.section {
            STORE => format!("store_{}", self.name),
            _ => self.name.to_owned(),
        }
    }
    /// Whether it may differ from one platform to the other: whether it may stand in `[resilient:NAME]`.
    #[must_use]
    pub fn is_platforms(&self) -> bool {
        match self.topic {
            Topic::Essential | Topic::Certificates | Topic::Broker | Topic::Rest => true,
            Topic::Work => self.name != "reload",
            Topic::Logs | Topic::Secrets | Topic::Development | Topic::Store | Topic::Integrations => false,
        }
    }

    /// What it takes for a changed value to be in force.
    #[must_use]
    pub fn effect(&self) -> Effect {
        match (self.topic, self.name) {
            (_, "heartbeat_timeout_threshold" | "loglevel") => Effect::Live,
            (_, "max_bytes_at_work") => Effect::Link,
            (Topic::Essential | Topic::Certificates | Topic::Broker, _) => Effect::Link,
            (Topic::Rest | Topic::Integrations, _) => Effect::Link,
            (Topic::Work | Topic::Secrets, _) => Effect::Live,
            _ if self.kind == Kind::Unused => Effect::Live,
            (Topic::Logs | Topic::Development | Topic::Store, _) => Effect::Restart,
        }
    }
}
