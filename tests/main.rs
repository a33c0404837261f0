//! The one test binary: its table of contents.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

/// A macro: each test once for every make of broker.
#[macro_use]
mod for_each_make;

/// What the tests below run against: a real broker, the platform's side of its queues, certificates, proxies, the
/// daemon as a process.
mod support;

/// That the broker which the other tests run against behaves as they assume.
mod broker_harness;
/// `processor check`: each layer's failure by name, with its exit code; nothing taken from the queues.
mod check;
/// app.config, environment and command line become a checked configuration.
mod config;
/// `processor config` writes, completes and shows app.config.
mod config_command;
/// app.config is read as Python's ConfigParser reads it.
mod config_ini;
/// What an operator gets wrong in app.config, and what is said of it.
mod config_mistakes;
/// `[resilient:NAME]` and `[component:NAME]`: platforms and instances.
mod config_platforms;
/// What looks like a reference and is none, what is escaped, and what cannot be a secret.
mod config_references;
/// References to secrets, and the stores that they lead to.
mod config_secrets;
/// What is shown of a configuration, and what never is.
mod config_shown;
/// The program in the environment of the image that the Dockerfile makes.
mod container;
/// `processor dead`: the messages that were set aside are listed, shown, tried again, dropped.
mod dead;
/// From a message on a real broker to its answer and back: the main job, and what goes wrong on the way.
mod delivery;
/// From a message's bytes to the answer's words: decoding, names, handlers, failures, the ledger.
mod dispatch;
/// Functions and low-code connectors: typed inputs, results in their envelope, failures, secrets in inputs.
mod functions;
/// The guide for authors: its commands, configurations and its first run, from nothing to an answered function.
mod guide_blocks;
/// What `processor invoke` runs, what it prints, and its exit codes.
mod invoke;
/// What `processor list` prints.
mod list;
/// The log's lines, what stands in them and what never does.
mod logging;
/// `processor new`: what it refuses, and that the project it makes builds and runs.
mod new;
/// Several platforms in one daemon, one of them away; instances of one component.
mod platforms;
/// The playground: a broker and a platform to try components on.
mod playground;
/// The way to the broker through HTTP and SOCKS 5 proxies, and past them.
mod proxy;
/// `log_http_responses`: what is written, what is left out, and that it can be replayed.
mod recording;
/// A configuration that changes while the daemon works.
mod reload;
/// What `processor replay` prints, and its exit codes.
mod replay;
/// The REST client against the stand-in platform: logins, retries, conflicts, files, TLS, proxies.
mod rest;
/// What is served: functions, connectors and inbound destinations that come, move and go; components that wait for what they
/// need.
mod serving;
/// How a processor starts and ends: stores of secrets that are away, signals, its children, its log file, the vendor's
/// commands.
mod startup;
/// The broker link: codec, rules, backoff, and the whole link against a scripted broker.
mod stomp;
/// What goes wrong in STOMP clients, one case after the other, against real brokers of every make.
mod stomp_cases;
/// The journal: what it keeps, and what becomes of it when processes, disks and databases fail.
mod store;
/// The systemd unit.
mod systemd;
/// The test-actions port: its wire protocol, and the vendor's own client.
mod test_actions;
/// Whom we trust, on the broker link and on REST: good and bad certificates, the files, the names.
mod tls;
/// Files of certificates and keys, odd and renewed ones.
mod tls_files;
/// What is said of refused certificates and failed handshakes.
mod tls_words;
