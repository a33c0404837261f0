//! The cases by name.

use std::fmt;

use clap::{ValueEnum, builder::PossibleValue};

use crate::{scene::PREFETCH, support::broker::Make};

/// One way in which things go wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Case {
    BrokerKilled,
    BrokerStopped,
    ProcessorKilled,
    ProcessorStopped,
    LinkCut,
    PlatformFails,
    DiskFull,
    TwoProcessors,
    RabbitKilled,
    RabbitCut,
    QuorumCut,
}

// === impl Case ===

impl Case {
    pub(crate) const ALL: [Self; 11] = [
        Self::BrokerKilled,
        Self::BrokerStopped,
        Self::ProcessorKilled,
        Self::ProcessorStopped,
        Self::LinkCut,
        Self::PlatformFails,
        Self::DiskFull,
        Self::TwoProcessors,
        Self::RabbitKilled,
        Self::RabbitCut,
        Self::QuorumCut,
    ];

    /// On the command line, in the table, and as a test's name and a file's.
    fn names(self) -> (&'static str, &'static str, &'static str) {
        match self {
            Self::BrokerKilled => ("a", "broker killed", "broker_killed"),
            Self::BrokerStopped => ("b", "broker stopped", "broker_stopped"),
            Self::ProcessorKilled => ("c", "processor killed", "processor_killed"),
            Self::ProcessorStopped => ("d", "SIGTERM to the processor", "processor_stopped"),
            Self::LinkCut => ("e", "link cut", "link_cut"),
            Self::PlatformFails => ("f", "platform fails", "platform_fails"),
            Self::DiskFull => ("g", "disk full", "disk_full"),
            Self::TwoProcessors => ("h", "two processors on PostgreSQL", "two_processors"),
            Self::RabbitKilled => ("i", "RabbitMQ killed", "rabbitmq_killed"),
            Self::RabbitCut => ("j", "link to RabbitMQ cut", "rabbitmq_cut"),
            Self::QuorumCut => ("k", "link to RabbitMQ cut, quorum queue", "quorum_cut"),
        }
    }

    pub(crate) fn letter(self) -> &'static str {
        self.names().0
    }

    pub(crate) fn title(self) -> &'static str {
        self.names().1
    }

    pub(crate) fn name(self) -> &'static str {
        self.names().2
    }

    /// As `cargo test` would call it.
    pub(crate) fn test_name(self) -> String {
        format!("faults::{}", self.name())
    }

    /// How often it strikes, in the short form and in the long one.
    pub(crate) fn faults(self, long: bool) -> usize {
        let (short, long_form) = match self {
            Self::RabbitKilled => (1, 6),
            Self::RabbitCut | Self::QuorumCut => (4, 100),
            Self::BrokerKilled | Self::BrokerStopped => (1, 8),
            Self::ProcessorKilled | Self::ProcessorStopped => (2, 12),
            Self::LinkCut => (8, 200),
            Self::PlatformFails => (3, 10),
            Self::DiskFull => (1, 6),
            Self::TwoProcessors => (3, 9),
        };
        if long { long_form } else { short }
    }

    /// The fault, whatever the broker.
    pub(crate) fn fault(self) -> Self {
        match self {
            Self::RabbitKilled => Self::BrokerKilled,
            Self::RabbitCut | Self::QuorumCut => Self::LinkCut,
            other => other,
        }
    }

    /// The broker.
    pub(crate) fn make(self) -> Make {
        if self.fault() == self { Make::ActiveMq } else { Make::RabbitMq }
    }

    /// Whether the actions' queue is a quorum queue.
    pub(crate) fn is_quorum(self) -> bool {
        self == Self::QuorumCut
    }

    /// How many replies may come twice for each fault: where reply and acknowledgement are not one thing to the broker,
    /// those that were on their way.
    pub(crate) fn twice_for_each_fault(self) -> usize {
        if self.make() == Make::RabbitMq { PREFETCH } else { 0 }
    }

    /// How many processors share the work.
    pub(crate) fn processors(self) -> usize {
        if self == Self::TwoProcessors { 2 } else { 1 }
    }

    /// Whether the broker's return is what recovery is measured from.
    pub(crate) fn is_about_the_broker(self) -> bool {
        matches!(self.fault(), Self::BrokerKilled | Self::BrokerStopped)
    }
}

impl fmt::Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "({}) {}", self.letter(), self.title())
    }
}

impl ValueEnum for Case {
    fn value_variants<'a>() -> &'a [Self] {
        &Self::ALL
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        Some(PossibleValue::new(self.letter()).help(self.title()))
    }
}
