//! Where the platform is, who we are there, and how its REST API is called.

use super::{Key, Topic, key};
use crate::config::kind::Kind::{Decimal, File, Host, Secret, Text, Trust, Whole};

/// Without these nothing works.
pub(super) const ESSENTIAL: &[Key] = &[
    key("host", Host, None, Topic::Essential, "The platform's host name."),
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
];

/// TLS.
pub(super) const CERTIFICATES: &[Key] = &[
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
        Host,
        None,
        Topic::Certificates,
        "The name that the broker's certificate must be for, where that is not stomp_host. For the REST API: rest_tls_server_name.",
    ),
    key(
        "rest_tls_server_name",
        Host,
        None,
        Topic::Certificates,
        "The name that the platform's certificate must be for, where host is an IP address or an alias. It says nothing of the broker's.",
    ),
    key(
        "client_auth_cert",
        File,
        None,
        Topic::Certificates,
        "A PEM file with the certificate that we show to the platform and the broker.",
    ),
    key(
        "client_auth_key",
        File,
        None,
        Topic::Certificates,
        "Its private key, where that is in a file of its own.",
    ),
];

/// The REST API.
pub(super) const REST: &[Key] = &[
    key(
        "proxy_host",
        Text,
        None,
        Topic::Rest,
        "A proxy for the REST API. HTTPS_PROXY, ALL_PROXY, HTTP_PROXY and NO_PROXY count where it is not given.",
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
        "request_keep_alive",
        Decimal(0.0, 3600.0),
        Some("15"),
        Topic::Rest,
        "Seconds for which an idle connection is kept for the next request. Shorter than what stands in between (proxies, firewalls) keeps one; 0: a new connection for each.",
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
    key(
        "definitions_refresh",
        Decimal(1.0, 86_400.0),
        Some("60"),
        Topic::Rest,
        "How often, in seconds, the platform is asked where functions' messages come from and which low-code connectors it has. While something is missing that a component needs, at least every 15 seconds.",
    ),
];
