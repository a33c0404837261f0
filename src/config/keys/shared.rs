//! What is shared: the journal, and what components have in common.

use super::{INTEGRATIONS, Key, Topic, key, store, within};
use crate::config::kind::Kind::{Choice, Decimal, Path, ProxyUrl, StoreUrl, Trust};

/// `[store]`.
pub(super) const STORE: &[Key] = &[
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
        "The directory for journal.db, made if need be. systemd's $STATE_DIRECTORY where it is not given, else a directory with this program's name (`processor`) in $XDG_STATE_HOME, else in ~/.local/state.",
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
        "Seconds for which an answer is remembered after the broker has confirmed it, counted anew when the connection to the broker comes back.",
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
];

/// `[integrations]`.
pub(super) const INTEGRATIONS_KEYS: &[Key] = &[
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
