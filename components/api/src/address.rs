//! What a message's handler is found by.

use crate::{Component, Kind, Section, handler::AnyHandler};
use std::sync::Arc;

/// Where a handler answers. The daemon and the test kit both find handlers by this, so that they find the same ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Address<'a> {
    /// An action of a message destination.
    Action {
        /// The destination's programmatic name.
        destination: &'a str,
        /// The handler's name; `None` for every action that has no handler of its own.
        name: Option<&'a str>,
    },
    /// A function, by its API name, whatever its queue.
    Function(&'a str),
    /// News of an inbound destination.
    Inbound {
        /// The destination's programmatic name.
        destination: &'a str,
        /// `create`, `update`, …; `None` for all news that has no handler of its own.
        event: Option<&'a str>,
    },
    /// A low-code connector, by its queue; `None` for every one that has no handler of its own.
    Connector(Option<&'a str>),
}

impl<'a> Address<'a> {
    /// Where a message of this kind belongs, which came from `destination` and says `name` of itself: an action's name, a
    /// function's, an inbound message's event.
    #[must_use]
    pub fn of(kind: Kind, destination: &'a str, name: &'a str) -> Self {
        match kind {
            Kind::Action => Self::Action { destination, name: Some(name) },
            Kind::Function => Self::Function(name),
            Kind::Inbound => Self::Inbound { destination, event: Some(name) },
            Kind::Connector => Self::Connector(Some(destination)),
        }
    }

    /// Where to ask if nobody answers here.
    #[must_use]
    pub fn otherwise(self) -> Option<Self> {
        match self {
            Self::Action { destination, name: Some(_) } => Some(Self::Action { destination, name: None }),
            Self::Inbound { destination, event: Some(_) } => Some(Self::Inbound { destination, event: None }),
            Self::Connector(Some(_)) => Some(Self::Connector(None)),
            Self::Action { .. } | Self::Function(_) | Self::Inbound { .. } | Self::Connector(None) => None,
        }
    }

    /// What there is `at` this address, or else where to ask then.
    pub fn find<T>(self, at: impl Fn(Self) -> Option<T>) -> Option<T> {
        at(self).or_else(|| at(self.otherwise()?))
    }
}

impl Component {
    /// Each handler and where it answers, given the component's section; an address may stand twice, which the daemon
    /// refuses.
    pub fn routes<'a>(
        &'a self,
        section: &'a Section,
    ) -> impl Iterator<Item = (Address<'a>, &'a Arc<dyn AnyHandler>)> {
        let destination = self.serves(section);
        let actions = self
            .handlers()
            .map(move |(name, handler)| (Address::Action { destination, name: Some(name) }, handler));
        let other =
            self.default_handler().map(move |handler| (Address::Action { destination, name: None }, handler));
        let inbound = self.inbounds().iter().map(move |inbound| {
            let destination = self.serves_inbound(section, &inbound.destination);
            (Address::Inbound { destination, event: inbound.event.as_deref() }, &inbound.handler)
        });
        let functions = self.functions().map(|(name, handler)| (Address::Function(name), handler));
        let connectors = self.connectors().map(|(queue, handler)| (Address::Connector(Some(queue)), handler));
        let any_connector = self.any_connector().map(|handler| (Address::Connector(None), handler));
        actions.chain(other).chain(inbound).chain(functions).chain(connectors).chain(any_connector)
    }
}
