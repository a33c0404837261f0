//! The link to the message broker.

use super::{Key, Topic, key};
use crate::config::kind::Kind::{Choice, Decimal, Hosts, ProxyChoice, Text, Whole};

/// The link to the message broker.
pub(super) const BROKER: &[Key] = &[
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
        "How to reach the broker: `none` (directly), `env` (as HTTPS_PROXY, ALL_PROXY, HTTP_PROXY and NO_PROXY say), or a proxy's URL: http:// (CONNECT) or socks5://.",
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
        Some("10000"),
        Topic::Broker,
        "How often, in milliseconds, the broker is asked for a heart-beat. 0: never, and then a dead link may go unnoticed.",
    ),
    key(
        "stomp_heartbeat_grace",
        Decimal(1.0, 100.0),
        Some("3.0"),
        Topic::Broker,
        "The link counts as dead after this many times the agreed interval without a byte from the broker. ActiveMQ may be silent for two of them while all is well.",
    ),
    key(
        "stomp_max_body_bytes",
        Whole(1024, 4_294_967_295),
        Some("104857600"),
        Topic::Broker,
        "The largest message body that is taken. A message beyond it is answered with an error and set aside without its body.",
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
        "stomp_max_reply_bytes",
        Whole(1024, 4_294_967_295),
        None,
        Topic::Broker,
        "The largest reply that is sent. A larger one becomes a dead letter, and a short error is sent in its place. 100000000 where it is not given, 4000000 with RabbitMQ: less than these brokers take where they are not told otherwise.",
    ),
    key(
        "stomp_queue_prefix",
        Text,
        None,
        Topic::Broker,
        "What stands before a queue's name when subscribing. Where it is not given: nothing for ActiveMQ, /queue/ for RabbitMQ. RabbitMQ's queues that are not plain durable ones want /amq/queue/.",
    ),
    key(
        "low_code_subscription_queue",
        Text,
        None,
        Topic::Broker,
        "The queue by which the platform tells of low-code connectors that come and go, by its whole name. Without it their list is asked for (definitions_refresh).",
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
];
