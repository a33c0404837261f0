//! The cases by name, and what is promised in each.

use std::fmt;

use clap::{ValueEnum, builder::PossibleValue};

/// One way in which things go wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Case {
    BrokerKilled,
    BrokerStopped,
    ProcessorKilled,
    ProcessorStopped,
}

// === impl Case ===

impl Case {
    pub(crate) const ALL: [Self; 4] =
        [Self::BrokerKilled, Self::BrokerStopped, Self::ProcessorKilled, Self::ProcessorStopped];

    /// As on the command line.
    pub(crate) fn letter(self) -> &'static str {
        match self {
            Self::BrokerKilled => "a",
            Self::BrokerStopped => "b",
            Self::ProcessorKilled => "c",
            Self::ProcessorStopped => "d",
        }
    }

    /// In the table.
    pub(crate) fn title(self) -> &'static str {
        match self {
            Self::BrokerKilled => "broker killed",
            Self::BrokerStopped => "broker stopped",
            Self::ProcessorKilled => "processor killed",
            Self::ProcessorStopped => "SIGTERM to the processor",
        }
    }

    /// As a test's name and a file's.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::BrokerKilled => "broker_killed",
            Self::BrokerStopped => "broker_stopped",
            Self::ProcessorKilled => "processor_killed",
            Self::ProcessorStopped => "processor_stopped",
        }
    }

    /// As `cargo test` would call it.
    pub(crate) fn test_name(self) -> String {
        format!("faults::{}", self.name())
    }

    /// How often it strikes, in the short form and in the long one.
    pub(crate) fn faults(self, long: bool) -> usize {
        match (self, long) {
            (Self::BrokerKilled, false) | (Self::BrokerStopped, false) => 1,
            (Self::ProcessorKilled, false) | (Self::ProcessorStopped, false) => 2,
            (Self::BrokerKilled, true) | (Self::BrokerStopped, true) => 8,
            (Self::ProcessorKilled, true) | (Self::ProcessorStopped, true) => 12,
        }
    }

    /// Whether the broker's return is what recovery is measured from.
    pub(crate) fn is_about_the_broker(self) -> bool {
        matches!(self, Self::BrokerKilled | Self::BrokerStopped)
    }

    /// How many processors share the work.
    pub(crate) fn processors(self) -> usize {
        1
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
