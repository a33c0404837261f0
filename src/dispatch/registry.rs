//! Which handler answers what: actions and inbound news by their destination, functions by name, low-code connectors by
//! queue.

use super::{envelope::Destination, withheld::Withheld};
use crate::component::{Component, Instance, Kind, OrderKey, Section, address::Address, handler::AnyHandler};
use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::Arc,
};

/// All handlers of all components.
#[derive(Debug, Default)]
pub struct Registry {
    destinations: BTreeMap<String, Served>,
    functions: BTreeMap<String, Route>,
    inbound: BTreeMap<String, Served>,
    connectors: BTreeMap<String, Route>,
    /// What answers every other connector.
    any_connector: Option<Route>,
    /// By the components' names.
    instances: BTreeMap<Arc<str>, Arc<Instance>>,
}

/// What one destination's messages are handled by.
#[derive(Debug, Clone, Default)]
struct Served {
    actions: HashMap<String, Route>,
    otherwise: Option<Route>,
    ordered: bool,
    /// For messages that came before it ceased to be served.
    kept: bool,
}

/// One handler, with the component that it belongs to.
#[derive(Debug, Clone)]
pub struct Route {
    /// The component's name.
    pub component: Arc<str>,
    /// The component's version; empty where it has none.
    pub version: Arc<str>,
    /// What to run.
    pub handler: Arc<dyn AnyHandler>,
    /// What belongs to the component on this platform: its section of app.config, and what was made of it.
    pub instance: Arc<Instance>,
    /// Which messages are carried out one after another.
    pub order: Option<OrderKey>,
    /// The component is not loaded: the handler only says why.
    pub withheld: bool,
}

/// A component that is to run.
#[derive(Debug)]
pub struct Entry<'a> {
    /// The component.
    pub component: &'a Component,
    /// Its section of app.config.
    pub section: Section,
    /// Why it is not loaded; `None` where it is. Its queues are nobody's then, and a message that comes all the same, by a
    /// queue that it shares, is told why.
    pub withheld: Option<String>,
}

/// Two components want the same thing; the daemon does not guess which one to obey.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Clash {
    /// Two components have one name, and so one section.
    #[error("two components are called {name:?}: rename one of them, or leave one out")]
    Name {
        /// The name that they share.
        name: String,
    },
    /// Two handlers answer one action.
    #[error(
        "action {action:?} of destination {destination:?} is handled by {first:?} and by {second:?}: name one of them \
         in `noload`, or give it another `destination` in its section"
    )]
    Action {
        /// The programmatic name of the destination.
        destination: String,
        /// The handler's name.
        action: String,
        /// The component that named it first.
        first: String,
        /// The component that named it again.
        second: String,
    },
    /// Two components want every other action of a destination.
    #[error(
        "destination {destination:?} has two default handlers, of {first:?} and of {second:?}: name one of them in \
         `noload`, or give it another `destination` in its section"
    )]
    Default {
        /// The programmatic name of the destination.
        destination: String,
        /// The component that has the first.
        first: String,
        /// The component that has the second.
        second: String,
    },
    /// Two components answer one function.
    #[error("function {function:?} is answered by {first:?} and by {second:?}: name one of them in `noload`")]
    Function {
        /// The function's API name.
        function: String,
        /// The component that named it first.
        first: String,
        /// The component that named it again.
        second: String,
    },
    /// Two components answer one low-code connector.
    #[error(
        "the low-code connector {queue:?} is answered by {first:?} and by {second:?}: name one of them in `noload`"
    )]
    Connector {
        /// The connector's queue.
        queue: String,
        /// The component that named it first.
        first: String,
        /// The component that named it again.
        second: String,
    },
    /// A component gathers calls by their incident, but they have none.
    #[error(
        "component {component:?} debounces {what}, whose inputs have no incident_id to gather its calls by: let its author \
         say what they are gathered by (`.debounce(…).key(…)`), or name the component in `noload`"
    )]
    Keyless {
        /// The component's name.
        component: String,
        /// The functions and connectors.
        what: String,
    },
    /// Two components want every other low-code connector.
    #[error(
        "the other low-code connectors are answered by {first:?} and by {second:?}: name one of them in `noload`"
    )]
    Connectors {
        /// The component that has the first default handler.
        first: String,
        /// The component that has the second.
        second: String,
    },
}

impl Registry {
    /// Gathers the handlers of `components`, each with its section.
    ///
    /// # Errors
    /// Every clash that there is.
    pub fn build<'a>(
        components: impl IntoIterator<Item = (&'a Component, Section)>,
    ) -> Result<Self, Vec<Clash>> {
        let loaded = |(component, section)| Entry { component, section, withheld: None };
        Self::gather(components.into_iter().map(loaded))
    }

    /// The same, where some components may not be loaded.
    ///
    /// # Errors
    /// Every clash that there is, also among those that are not loaded: they may be any time.
    pub fn gather<'a>(entries: impl IntoIterator<Item = Entry<'a>>) -> Result<Self, Vec<Clash>> {
        let mut registry = Self::default();
        let mut clashes = Vec::new();
        let mut names = BTreeSet::new();
        for entry in entries {
            let name = entry.component.name();
            if !names.insert(name) {
                clashes.push(Clash::Name { name: name.to_owned() });
            }
            registry.add(entry, &mut clashes);
        }
        if clashes.is_empty() { Ok(registry) } else { Err(clashes) }
    }

    /// The handler of `action` on `destination`, or else the destination's default handler.
    #[must_use]
    pub fn find(&self, destination: &str, action: &str) -> Option<&Route> {
        Address::of(Kind::Action, destination, action).find(|address| self.at(address))
    }

    /// The handler of what `kind` of message says of itself: an action's name, a function's, an inbound message's event.
    #[must_use]
    pub fn route(&self, kind: Kind, destination: &Destination, name: &str) -> Option<&Route> {
        Address::of(kind, &destination.name, name).find(|address| self.at(address))
    }

    fn at(&self, address: Address<'_>) -> Option<&Route> {
        match address {
            Address::Action { destination, name } => self.destinations.get(destination)?.at(name),
            Address::Function(name) => self.functions.get(name),
            Address::Inbound { destination, event } => self.inbound.get(destination)?.at(event),
            Address::Connector(Some(queue)) => self.connectors.get(queue),
            Address::Connector(None) => self.any_connector.as_ref(),
        }
    }

    /// The functions that have a handler, of components that are loaded.
    pub fn functions(&self) -> impl Iterator<Item = (&str, &Route)> {
        loaded(&self.functions)
    }

    /// The programmatic names of the inbound destinations that have a handler, of components that are loaded.
    pub fn inbound(&self) -> impl Iterator<Item = &str> {
        self.inbound.iter().filter(|(_, served)| served.is_loaded()).map(|(name, _)| name.as_str())
    }

    /// The queues of low-code connectors that have a handler of their own, of components that are loaded.
    pub fn connectors(&self) -> impl Iterator<Item = (&str, &Route)> {
        loaded(&self.connectors)
    }

    /// What answers every other low-code connector, of a component that is loaded.
    #[must_use]
    pub fn any_connector(&self) -> Option<&Route> {
        self.any_connector.as_ref().filter(|route| !route.withheld)
    }

    /// What a destination of this kind has handlers for by name, in order.
    #[must_use]
    pub fn names(&self, kind: Kind, destination: &str) -> Vec<&str> {
        match kind {
            Kind::Function => self.functions.keys().map(String::as_str).collect(),
            Kind::Connector => self.connectors.keys().map(String::as_str).collect(),
            Kind::Inbound => names(self.inbound.get(destination)),
            _ => self.actions(destination),
        }
    }

    /// The programmatic names of the destinations that have a handler for actions, of components that are loaded.
    pub fn destinations(&self) -> impl Iterator<Item = &str> {
        self.destinations.iter().filter(|(_, served)| served.is_loaded()).map(|(name, _)| name.as_str())
    }

    /// The actions of `destination` that have a handler of their own, in order.
    #[must_use]
    pub fn actions(&self, destination: &str) -> Vec<&str> {
        names(self.destinations.get(destination))
    }

    /// Whether a component that is loaded has a handler for what comes by this queue for its own sake: actions, inbound
    /// news, a connector's requests. Calls of functions come by any queue.
    #[must_use]
    pub fn serves(&self, queue: &Destination) -> bool {
        match queue.kind.as_str() {
            "inbound_destinations" => self.inbound.get(&queue.name).is_some_and(Served::is_loaded),
            "connectors" => self.route(Kind::Connector, queue, "").is_some_and(|route| !route.withheld),
            _ => self.destinations.get(&queue.name).is_some_and(Served::is_loaded),
        }
    }

    /// Whether some messages of `destination` may have to be carried out in order. A function's queue is the platform's
    /// to choose, so one that is ordered makes all queues so.
    #[must_use]
    pub fn is_ordered(&self, destination: &Destination) -> bool {
        let served = match destination.kind.as_str() {
            "inbound_destinations" => self.inbound.get(&destination.name),
            _ => self.destinations.get(&destination.name),
        };
        let by_name = || self.functions.values().chain(self.connectors.values()).chain(&self.any_connector);
        served.is_some_and(|served| served.ordered) || by_name().any(|route| route.order.is_some())
    }

    /// Keeps what `before` had for the actions of `destination`, where nothing else is there: for messages that came while
    /// it was served. It does not count as served any more.
    pub fn keep(&mut self, before: &Self, destination: &str) {
        if let Some(served) = before.destinations.get(destination) {
            let kept = || Served { kept: true, ..served.clone() };
            self.destinations.entry(destination.to_owned()).or_insert_with(kept);
        }
    }

    /// Goes on from `before`: what was made of a section that has not changed stays, and messages that wait in wrappers
    /// are gathered and counted with those that come.
    pub(super) fn follow(&mut self, before: &Self) {
        for (name, instance) in &mut self.instances {
            if let Some(earlier) = before.instances.get(name) {
                *instance = instance.following(earlier);
            }
        }
        let instances = std::mem::take(&mut self.instances);
        let served = self.destinations.values_mut().chain(self.inbound.values_mut());
        let served = served.flat_map(|served| served.actions.values_mut().chain(&mut served.otherwise));
        let named = self.functions.values_mut().chain(self.connectors.values_mut());
        for route in served.chain(named).chain(&mut self.any_connector) {
            // What is kept of an earlier registry has its own.
            let own = instances.get(&route.component).filter(|own| own.section() == route.instance.section());
            route.instance = own.unwrap_or(&route.instance).clone();
        }
        self.instances = instances;
    }

    fn add(&mut self, entry: Entry<'_>, clashes: &mut Vec<Clash>) {
        let Entry { component, section, withheld } = entry;
        // A section that says something else has been refused when the configuration was checked.
        let order = component.order(&section).unwrap_or_default();
        let (name, version): (Arc<str>, Arc<str>) =
            (component.name().into(), component.version_text().into());
        let instance = Instance::new(component, section);
        let keyless = component.keyless();
        if !keyless.is_empty() {
            clashes.push(Clash::Keyless { component: name.to_string(), what: keyless.join(", ") });
        }
        self.instances.insert(name.clone(), instance.clone());
        let stopped = withheld.map(|reason| Arc::new(Withheld(reason)) as Arc<dyn AnyHandler>);
        for (address, handler) in component.routes(instance.section()) {
            let route = Route {
                component: name.clone(),
                version: version.clone(),
                handler: stopped.as_ref().unwrap_or(handler).clone(),
                instance: instance.clone(),
                order: order.clone(),
                withheld: stopped.is_some(),
            };
            if let Some(first) = self.insert(address, route) {
                clashes.push(Clash::at(address, first.component.to_string(), name.to_string()));
            }
        }
    }

    /// What was there before.
    fn insert(&mut self, address: Address<'_>, route: Route) -> Option<Route> {
        match address {
            Address::Action { destination, name } => {
                self.destinations.entry(destination.to_owned()).or_default().insert(name, route)
            }
            Address::Function(name) => self.functions.insert(name.to_owned(), route),
            Address::Inbound { destination, event } => {
                self.inbound.entry(destination.to_owned()).or_default().insert(event, route)
            }
            Address::Connector(Some(queue)) => self.connectors.insert(queue.to_owned(), route),
            Address::Connector(None) => self.any_connector.replace(route),
        }
    }
}

impl Clash {
    fn at(address: Address<'_>, first: String, second: String) -> Self {
        match address {
            Address::Action { destination, name: Some(action) }
            | Address::Inbound { destination, event: Some(action) } => {
                let (destination, action) = (destination.to_owned(), action.to_owned());
                Self::Action { destination, action, first, second }
            }
            Address::Action { destination, name: None } | Address::Inbound { destination, event: None } => {
                Self::Default { destination: destination.to_owned(), first, second }
            }
            Address::Function(function) => Self::Function { function: function.to_owned(), first, second },
            Address::Connector(Some(queue)) => Self::Connector { queue: queue.to_owned(), first, second },
            Address::Connector(None) => Self::Connectors { first, second },
        }
    }
}

fn loaded(routes: &BTreeMap<String, Route>) -> impl Iterator<Item = (&str, &Route)> {
    routes.iter().filter(|(_, route)| !route.withheld).map(|(name, route)| (name.as_str(), route))
}

impl Served {
    /// Whether one of its components is loaded.
    fn is_loaded(&self) -> bool {
        !self.kept && self.actions.values().chain(&self.otherwise).any(|route| !route.withheld)
    }

    /// The handler of `action`; of every other one for `None`.
    fn at(&self, action: Option<&str>) -> Option<&Route> {
        action.map_or(self.otherwise.as_ref(), |action| self.actions.get(action))
    }

    fn insert(&mut self, action: Option<&str>, route: Route) -> Option<Route> {
        self.ordered |= route.order.is_some();
        match action {
            Some(action) => self.actions.insert(action.to_owned(), route),
            None => self.otherwise.replace(route),
        }
    }
}

fn names(served: Option<&Served>) -> Vec<&str> {
    let actions = served.into_iter().flat_map(|served| served.actions.keys());
    let mut names: Vec<&str> = actions.map(String::as_str).collect();
    names.sort_unstable();
    names
}
