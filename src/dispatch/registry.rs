//! Which handler answers which action of which destination.

use crate::component::{Component, OrderKey, Section, handler::AnyHandler};
use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::Arc,
};

/// All handlers of all components, by destination and action.
#[derive(Debug, Default)]
pub struct Registry {
    destinations: BTreeMap<String, Served>,
}

/// What one destination's messages are handled by.
#[derive(Debug, Default)]
struct Served {
    actions: HashMap<String, Route>,
    otherwise: Option<Route>,
    ordered: bool,
}

/// One handler, with the component that it belongs to.
#[derive(Debug, Clone)]
pub struct Route {
    /// The component's name.
    pub component: Arc<str>,
    /// What to run.
    pub handler: Arc<dyn AnyHandler>,
    /// The component's section of app.config.
    pub section: Arc<Section>,
    /// Which messages are carried out one after another.
    pub order: Option<OrderKey>,
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
}

impl Registry {
    /// Gathers the handlers of `components`, each with its section.
    ///
    /// # Errors
    /// Every clash that there is.
    pub fn build<'a>(
        components: impl IntoIterator<Item = (&'a Component, Section)>,
    ) -> Result<Self, Vec<Clash>> {
        let mut registry = Self::default();
        let mut clashes = Vec::new();
        let mut names = BTreeSet::new();
        for (component, section) in components {
            if !names.insert(component.name()) {
                clashes.push(Clash::Name { name: component.name().to_owned() });
            }
            registry.add(component, section, &mut clashes);
        }
        if clashes.is_empty() { Ok(registry) } else { Err(clashes) }
    }

    /// The handler of `action` on `destination`, or else the destination's default handler.
    #[must_use]
    pub fn find(&self, destination: &str, action: &str) -> Option<&Route> {
        let served = self.destinations.get(destination)?;
        served.actions.get(action).or(served.otherwise.as_ref())
    }

    /// The programmatic names of the destinations that have a handler.
    pub fn destinations(&self) -> impl Iterator<Item = &str> {
        self.destinations.keys().map(String::as_str)
    }

    /// The actions of `destination` that have a handler of their own, in order.
    #[must_use]
    pub fn actions(&self, destination: &str) -> Vec<&str> {
        let served = self.destinations.get(destination);
        let mut actions: Vec<&str> =
            served.into_iter().flat_map(|served| served.actions.keys()).map(String::as_str).collect();
        actions.sort_unstable();
        actions
    }

    /// Whether some messages of `destination` are carried out in order.
    #[must_use]
    pub fn is_ordered(&self, destination: &str) -> bool {
        self.destinations.get(destination).is_some_and(|served| served.ordered)
    }

    fn add(&mut self, component: &Component, section: Section, clashes: &mut Vec<Clash>) {
        let destination = component.serves(&section).to_owned();
        let name: Arc<str> = component.name().into();
        // A section that says something else has been refused when the configuration was checked.
        let order = component.order(&section).unwrap_or_default();
        let section = Arc::new(section);
        let route = |handler: &Arc<dyn AnyHandler>| Route {
            component: name.clone(),
            handler: handler.clone(),
            section: section.clone(),
            order: order.clone(),
        };
        let served = self.destinations.entry(destination.clone()).or_default();
        served.ordered |= order.is_some();
        for (action, handler) in component.handlers() {
            if let Some(first) = served.actions.insert(action.to_owned(), route(handler)) {
                clashes.push(Clash::Action {
                    destination: destination.clone(),
                    action: action.to_owned(),
                    first: first.component.to_string(),
                    second: name.to_string(),
                });
            }
        }
        let Some(handler) = component.default_handler() else { return };
        if let Some(first) = served.otherwise.replace(route(handler)) {
            clashes.push(Clash::Default {
                destination,
                first: first.component.to_string(),
                second: name.to_string(),
            });
        }
    }
}
