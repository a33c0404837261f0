//! The one place where a key is defined. The parser, `--help`, `app.config.example`, `processor config` and the checks
//! all read this table.

use super::kind::Kind;
pub use super::topic::Topic;
use Kind::{
    Choice, Decimal, Flag, Hosts, Levels, List, Path, ProxyChoice, ProxyUrl, Secret, StoreUrl, Text, Trust,
    Unused, Whole, ZeroOrAtLeast,
};

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

const RESILIENT: &str = "resilient";
const STORE: &str = "store";
const INTEGRATIONS: &str = "integrations";

/// The sections that the table describes; every other one belongs to a component.
pub(super) const SECTIONS: [&str; 3] = [RESILIENT, STORE, INTEGRATIONS];

/// Every key of these sections, in the order of `app.config.example`.
pub const KEYS: &[Key] = &[
    key("host", Text, None, Topic::Essential, "The platform's host name."),
    key("port", Whole(1, 65535), Some("443"), Topic::Essential, "The port of the platform's REST API."),
    key(
        "org",
        Text,
        None,
        Topic::Essential,
        "The organization, by name, uuid or cloud account. Not needed where the account belongs to one only.",
    ),
    key("api_key_id", Text, None, Topic::Essential, "The API key's id. REST API and broker both take it."),
    key("api_key_secret", Secret, None, Topic::Essential, "The API key's secret."),
    key(
        "email",
        Text,
        None,
        Topic::Essential,
        "A user's e-mail address, in place of an API key. Where both are given, the API key is used.",
    ),
    key("password", Secret, None, Topic::Essential, "That user's password."),
    key(
        "resource_prefix",
        Text,
        None,
        Topic::Essential,
        "What stands before /rest in the platform's addresses, for example /api/respond.",
    ),
    // TLS
    key(
        "cafile",
        Trust,
        None,
        Topic::Certificates,
        "A PEM file of the certificates to trust, in place of the machine's. `false` turns verification off: whoever is between you and the platform can then read and change everything.",
    ),
    key(
        "stomp_cafile",
        Trust,
        None,
        Topic::Certificates,
        "The same for the broker. As cafile where it is not given.",
    ),
    key(
        "tls_server_name",
        Text,
        None,
        Topic::Certificates,
        "The name that the broker's certificate must be for, where that is not stomp_host.",
    ),
    key(
        "client_auth_cert",
        Path,
        None,
        Topic::Certificates,
        "A PEM file with the certificate that we show to the platform and the broker.",
    ),
    key(
        "client_auth_key",
        Path,
        None,
        Topic::Certificates,
        "Its private key, where that is in a file of its own.",
    ),
    // Broker
    key(
        "stomp_host",
        Hosts,
        None,
        Topic::Broker,
        "The broker's host name. Several, separated by commas, are tried in turn: a.example, b.example:61614. As host where it is not given.",
    ),
    key(
        "stomp_port",
        Whole(1, 65535),
        Some("65001"),
        Topic::Broker,
        "The broker's port (STOMP over TLS), where stomp_host does not name one.",
    ),
    key(
        "stomp_broker",
        Choice(&["auto", "activemq", "artemis", "rabbitmq"]),
        Some("auto"),
        Topic::Broker,
        "The make of broker, whose ways differ a little. `auto`: as the broker says itself once it is connected. RabbitMQ takes a login without stomp_virtual_host only where this says `rabbitmq`.",
    ),
    key(
        "stomp_virtual_host",
        Text,
        None,
        Topic::Broker,
        "The virtual host to log in to. The broker's host name where it is not given, or / for RabbitMQ.",
    ),
    key(
        "stomp_timeout",
        Decimal(0.1, 3600.0),
        Some("60"),
        Topic::Broker,
        "Seconds until an attempt to connect is given up and begun again: name look-up, TCP, TLS and log-in together.",
    ),
    key(
        "stomp_prefetch_limit",
        Whole(1, 2000),
        None,
        Topic::Broker,
        "How many messages of each queue the broker sends ahead. As num_workers where it is not given.",
    ),
    key(
        "stomp_proxy",
        ProxyChoice,
        Some("none"),
        Topic::Broker,
        "How to reach the broker: `none` (directly), `env` (as HTTPS_PROXY and NO_PROXY say), or a proxy's URL: http:// (CONNECT) or socks5://.",
    ),
    key(
        "stomp_heartbeat_send",
        Whole(0, 3_600_000),
        Some("15000"),
        Topic::Broker,
        "How often, in milliseconds, we offer to send a heart-beat. 0: never.",
    ),
    key(
        "stomp_heartbeat_receive",
        Whole(0, 3_600_000),
        Some("15000"),
        Topic::Broker,
        "How often, in milliseconds, the broker is asked for a heart-beat. 0: never, and then a dead link may go unnoticed.",
    ),
    key(
        "stomp_heartbeat_grace",
        Decimal(1.0, 100.0),
        Some("2.0"),
        Topic::Broker,
        "The link counts as dead after this many times the agreed interval without a byte from the broker.",
    ),
    key(
        "stomp_max_body_bytes",
        Whole(1024, 4_294_967_295),
        Some("104857600"),
        Topic::Broker,
        "The largest message body that is taken. A message beyond it stays on its queue: the link is renewed each time it comes.",
    ),
    key(
        "stomp_max_header_bytes",
        Whole(256, 16_777_216),
        Some("65536"),
        Topic::Broker,
        "The most bytes that a frame's headers may take, all together.",
    ),
    key(
        "stomp_max_headers",
        Whole(16, 65_536),
        Some("256"),
        Topic::Broker,
        "How many headers a frame may have.",
    ),
    key(
        "stomp_queue_prefix",
        Text,
        None,
        Topic::Broker,
        "What stands before a queue's name when subscribing. Where it is not given: nothing for ActiveMQ, /queue/ for RabbitMQ. RabbitMQ's queues that are not plain durable ones want /amq/queue/.",
    ),
    key(
        "max_connection_retries",
        Whole(-1, 1_000_000),
        Some("0"),
        Topic::Broker,
        "How many times connecting is tried again before giving up. 0 or -1: for ever.",
    ),
    key(
        "heartbeat_timeout_threshold",
        Decimal(0.0, 86_400.0),
        None,
        Topic::Broker,
        "Give up when heart-beats have failed for this many seconds. For ever where it is not given.",
    ),
    // REST
    key(
        "proxy_host",
        Text,
        None,
        Topic::Rest,
        "An HTTP proxy for the REST API. HTTPS_PROXY and NO_PROXY count where it is not given.",
    ),
    key("proxy_port", Whole(1, 65535), None, Topic::Rest, "The proxy's port."),
    key("proxy_user", Text, None, Topic::Rest, "The user name for the proxy."),
    key("proxy_password", Secret, None, Topic::Rest, "The password for the proxy."),
    key(
        "request_timeout",
        Decimal(0.1, 3600.0),
        Some("60"),
        Topic::Rest,
        "Seconds until a request that gets no answer is given up.",
    ),
    key(
        "request_max_retries",
        Whole(0, 1000),
        Some("5"),
        Topic::Rest,
        "How many times a request is tried in all, where repeating it is safe.",
    ),
    key(
        "request_retry_delay",
        Decimal(0.0, 3600.0),
        Some("2"),
        Topic::Rest,
        "Seconds before the second time.",
    ),
    key(
        "request_retry_backoff",
        Decimal(1.0, 100.0),
        Some("2"),
        Topic::Rest,
        "By how much that delay grows each time.",
    ),
    key(
        "cache_ttl",
        Decimal(0.0, 86_400.0),
        Some("240"),
        Topic::Rest,
        "Seconds for which an answer that may be cached is used again.",
    ),
    // Work
    key(
        "num_workers",
        Whole(1, 2000),
        Some("25"),
        Topic::Work,
        "How many messages are worked on at the same time.",
    ),
    key(
        "max_bytes_at_work",
        Whole(65_536, 1_099_511_627_776),
        Some("268435456"),
        Topic::Work,
        "How many bytes of messages may be at work or waiting; beyond that nothing is read from the broker until some are done. One larger message may be alone.",
    ),
    key(
        "stop_timeout",
        Decimal(0.0, 86_400.0),
        Some("30"),
        Topic::Work,
        "Seconds that running work has to finish after SIGTERM.",
    ),
    key(
        "cancel_check_interval",
        Decimal(0.0, 86_400.0),
        Some("10"),
        Topic::Work,
        "Seconds after which, and how often from then on, the platform is asked whether the workflow or playbook that a running function belongs to was terminated. 0: never.",
    ),
    key("noload", List, None, Topic::Work, "Components to leave out, by name, separated by commas."),
    key(
        "trap_exception",
        Flag,
        Some("false"),
        Topic::Work,
        "Whether a function that fails lets its workflow or playbook go on: its results then say `success: false` and why. A component's section can say otherwise.",
    ),
    key(
        "selftest_timeout",
        Decimal(0.1, 3600.0),
        Some("10"),
        Topic::Work,
        "Seconds that each step of `processor check --connect` may take.",
    ),
    // Logs
    key(
        "loglevel",
        Levels,
        Some("INFO"),
        Topic::Logs,
        "ERROR, WARNING, INFO, DEBUG or TRACE; levels of single modules may follow: INFO,action_processor::stomp=DEBUG.",
    ),
    key(
        "log_format",
        Choice(&["text", "json"]),
        Some("text"),
        Topic::Logs,
        "`text` or `json`, one event to the line either way.",
    ),
    key(
        "logdir",
        Path,
        None,
        Topic::Logs,
        "The directory for the log file. Without it the log goes to standard error only.",
    ),
    key("logfile", Text, Some("app.log"), Topic::Logs, "The log file's name in logdir."),
    key(
        "log_max_bytes",
        ZeroOrAtLeast(100_000),
        Some("10000000"),
        Topic::Logs,
        "The log file is set aside before it grows larger than this. 0: never.",
    ),
    key(
        "log_backup_count",
        Whole(0, 10_000),
        Some("10"),
        Topic::Logs,
        "How many files that were set aside are kept. 0: the log file is never set aside.",
    ),
    // Secrets
    key(
        "secrets_dir",
        Path,
        None,
        Topic::Secrets,
        "A directory with a file for each ^NAME, readable by its owner only.",
    ),
    key(
        "secret_command",
        Text,
        None,
        Topic::Secrets,
        "A command that prints the secret called {name}, for example `keyring get {service} {name}` or `pass show {name}`. {service} is the section's name, or _ for [resilient].",
    ),
    // Development
    key(
        "test_actions",
        Flag,
        Some("false"),
        Topic::Development,
        "Take test messages on a local port (`res-action-test` sends them).",
    ),
    key("test_host", Text, Some("127.0.0.1"), Topic::Development, "The address of that port."),
    key("test_port", Whole(1, 65535), Some("8008"), Topic::Development, "That port."),
    key(
        "log_http_responses",
        Path,
        None,
        Topic::Development,
        "Record messages and REST responses in this directory, for `processor replay`. Secrets are removed, the incident's data is not.",
    ),
    key(
        "componentsdir",
        Unused,
        None,
        Topic::Development,
        "Accepted, without a use here: components are linked into the program.",
    ),
    // [store]
    store(
        "url",
        StoreUrl,
        None,
        "Where the journal is: sqlite:/path/journal.db for this processor alone, or postgres://user:password@host/database for several that share their queues (with ?sslmode=disable for one without TLS on another machine). journal.db in state_dir where it is not given.",
    ),
    store(
        "state_dir",
        Path,
        None,
        "The directory for journal.db, made if need be. systemd's $STATE_DIRECTORY where it is not given, else $XDG_STATE_HOME/processor, else ~/.local/state/processor.",
    ),
    store(
        "sync",
        Choice(&["interval", "always"]),
        Some("interval"),
        "`interval`: on the disk within a second; a process that dies loses nothing, a power cut what was kept in that second. `always`: on the disk at once, which is slower.",
    ),
    store(
        "keep",
        Decimal(0.0, 31_536_000.0),
        Some("3600"),
        "Seconds for which an answer is remembered after the broker has confirmed it.",
    ),
    store(
        "lease",
        Decimal(1.0, 3600.0),
        Some("15"),
        "Seconds for which a processor on PostgreSQL may be out of touch before the others take its messages over.",
    ),
    store(
        "cafile",
        Trust,
        None,
        "A PEM file of the certificates to trust on the way to PostgreSQL, in place of the machine's. `false` turns verification off.",
    ),
    // [integrations]
    within(
        INTEGRATIONS,
        key(
            "http_proxy",
            ProxyUrl,
            None,
            Topic::Integrations,
            "The proxy for components' own calls to http:// addresses.",
        ),
    ),
    within(
        INTEGRATIONS,
        key("https_proxy", ProxyUrl, None, Topic::Integrations, "The same for https:// addresses."),
    ),
    within(
        INTEGRATIONS,
        key(
            "timeout",
            Decimal(0.1, 86_400.0),
            Some("30"),
            Topic::Integrations,
            "Seconds until such a call is given up.",
        ),
    ),
    within(
        INTEGRATIONS,
        key(
            "verify",
            Trust,
            Some("true"),
            Topic::Integrations,
            "`true`, `false`, or a PEM file of the certificates to trust in such calls.",
        ),
    ),
];

/// Keys of `[resilient]` that the vendor's framework knows and that mean nothing here: no reason to warn.
pub(super) const FOREIGN: &[&str] = &[
    "low_code_queues_list",
    "no_prompt_password",
    "pam_type",
    "proxy",
    "rc_use_persistent_sessions",
    "resilient_mock",
    "stomp_max_retries",
    "stomp_url",
];

/// Environment variables under which the vendor's framework takes a key of `[resilient]`.
pub(super) const PEER_VARIABLES: &[(&str, &str)] = &[
    ("LOGLEVEL", "loglevel"),
    ("RESILIENT_MAX_CONNECTION_RETRIES", "max_connection_retries"),
    ("RESILIENT_STOMP_TIMEOUT", "stomp_timeout"),
    ("RESOURCE_PREFIX", "resource_prefix"),
];

/// The key called `name` in `section`.
#[must_use]
pub fn find(section: &str, name: &str) -> Option<&'static Key> {
    KEYS.iter().find(|key| key.section == section && key.name == name)
}

/// Whether the table says which keys `section` may have; every other section belongs to a component.
#[must_use]
pub fn is_ours(section: &str) -> bool {
    SECTIONS.contains(&section)
}

/// The key of a component's section that names secrets, but holds none.
const INPUT_SECRETS: &str = "input_secrets";

/// Whether the name of a component's key says that its value is a secret.
#[must_use]
pub fn sounds_secret(name: &str) -> bool {
    const WORDS: &[&str] =
        &["password", "passwd", "passphrase", "passcode", "secret", "token", "credential", "private"];
    let name = name.to_lowercase();
    if name == INPUT_SECRETS {
        return false;
    }
    WORDS.iter().any(|word| name.contains(word))
        || name
            .split(|c: char| !c.is_alphanumeric())
            .any(|word| matches!(word, "key" | "apikey" | "pwd" | "pass"))
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
}
