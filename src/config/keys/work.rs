//! How messages are worked on, and what is logged of it.

use super::{Key, Topic, key};
use crate::config::kind::Kind::{
    Choice, Decimal, Flag, Host, Levels, List, Path, Text, Unused, Whole, ZeroOrAtLeast,
};

/// How messages are worked on.
pub(super) const WORK: &[Key] = &[
    key(
        "num_workers",
        Whole(1, 2000),
        Some("25"),
        Topic::Work,
        "How many messages are worked on at the same time. Of each platform, where there are several.",
    ),
    key(
        "max_bytes_at_work",
        Whole(65_536, 1_099_511_627_776),
        Some("268435456"),
        Topic::Work,
        "How many bytes of messages may be at work or waiting, each with its headers, about what its body takes once it is decoded, and 8 KiB; beyond that nothing is read from the broker until some are done. One larger message may be alone.",
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
    key(
        "reload",
        Flag,
        Some("true"),
        Topic::Work,
        "Whether a changed app.config is taken up by itself, a few seconds after it was saved. SIGHUP does so in any case.",
    ),
    key(
        "noload",
        List,
        None,
        Topic::Work,
        "Components to leave out, by name, separated by commas: jira, or jira:europe for one of its instances.",
    ),
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
];

/// What is logged, and where.
pub(super) const LOGS: &[Key] = &[
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
        "The directory for the log file. Without it, and without APP_LOG_DIR in the environment, the log goes to standard \
         error only.",
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
];

/// Where secrets are kept.
pub(super) const SECRETS: &[Key] = &[
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
        "A command that prints the secret called {name}, for example `keyring get {service} {name}` or `pass show {name}`. {service} is the section's name, or _ for [resilient]. A store that is away is waited for.",
    ),
    key(
        "secret_timeout",
        Decimal(0.1, 3600.0),
        Some("20"),
        Topic::Secrets,
        "Seconds that secret_command, or a file of secrets_dir, may take for one secret.",
    ),
];

/// Aids for authors.
pub(super) const DEVELOPMENT: &[Key] = &[
    key(
        "test_actions",
        Flag,
        Some("false"),
        Topic::Development,
        "Take test messages on a local port (`res-action-test` sends them).",
    ),
    key("test_host", Host, Some("127.0.0.1"), Topic::Development, "The address of that port."),
    key(
        "test_port",
        Whole(1, 65535),
        Some("8008"),
        Topic::Development,
        "That port; where there are several platforms, the first one's, and each further one has the next.",
    ),
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
];
