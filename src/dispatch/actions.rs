//! The names of the platform's actions.

use crate::component::{Rest, name::handler_name, rest::RestError};
use serde::Deserialize;
use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};
use tokio::time::{Duration, Instant};

/// The name of an action that the platform does not know, as workflows without a name send them.
pub const UNNAMED: &str = "_unnamed_";

/// An id that the platform did not know is not asked for again within this time.
const UNKNOWN_FOR: Duration = Duration::from_secs(5);

/// Finds an action's name by its id: read from the platform once, and again when an unknown id comes.
#[derive(Debug)]
pub struct ActionNames {
    rest: Rest,
    known: Mutex<Known>,
    /// Held while the list is read, so that a burst of unknown ids reads it once.
    reading: tokio::sync::Mutex<()>,
}

/// An action's names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ActionName {
    /// As the platform's users see it: "Add Task".
    pub display: String,
    /// As handlers are named: `add_task`.
    pub handler: String,
}

#[derive(Debug, Default)]
struct Known {
    names: HashMap<i64, ActionName>,
    unknown: HashMap<i64, Instant>,
}

#[derive(Deserialize)]
struct Actions {
    entities: Vec<Action>,
}

#[derive(Deserialize)]
struct Action {
    id: i64,
    name: String,
}

impl ActionNames {
    /// Names to be read through `rest`.
    #[must_use]
    pub fn new(rest: Rest) -> Self {
        Self { rest, known: Mutex::default(), reading: tokio::sync::Mutex::default() }
    }

    /// Reads the list, whatever is known.
    ///
    /// # Errors
    /// The platform did not give it.
    pub async fn read(&self) -> Result<(), RestError> {
        let actions: Actions = self.rest.get("/actions").await?;
        let names = actions.entities.into_iter().map(|action| (action.id, ActionName::new(action.name)));
        self.known().names = names.collect();
        Ok(())
    }

    /// The name of the action `id`; [`UNNAMED`] where there is none.
    ///
    /// # Errors
    /// The id is unknown and the platform did not give the list.
    pub async fn find(&self, id: Option<i64>) -> Result<ActionName, RestError> {
        let Some(id) = id else { return Ok(ActionName::unnamed()) };
        if let Some(name) = self.look(id) {
            return Ok(name);
        }
        let _reading = self.reading.lock().await;
        if let Some(name) = self.look(id) {
            return Ok(name);
        }
        self.read().await?;
        let name = self.known().names.get(&id).cloned();
        Ok(name.unwrap_or_else(|| self.remember_unknown(id)))
    }

    /// Takes a name for known without asking the platform.
    pub fn know(&self, id: Option<i64>, display: &str) {
        if let Some(id) = id {
            self.known().names.insert(id, ActionName::new(display.to_owned()));
        }
    }

    fn look(&self, id: i64) -> Option<ActionName> {
        let known = self.known();
        let is_unknown = || known.unknown.get(&id).is_some_and(|asked| asked.elapsed() < UNKNOWN_FOR);
        known.names.get(&id).cloned().or_else(|| is_unknown().then(ActionName::unnamed))
    }

    fn remember_unknown(&self, id: i64) -> ActionName {
        let mut known = self.known();
        known.unknown.retain(|_, asked| asked.elapsed() < UNKNOWN_FOR);
        known.unknown.insert(id, Instant::now());
        ActionName::unnamed()
    }

    fn known(&self) -> std::sync::MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ActionName {
    fn new(display: String) -> Self {
        Self { handler: handler_name(&display), display }
    }

    fn unnamed() -> Self {
        Self { display: UNNAMED.to_owned(), handler: UNNAMED.to_owned() }
    }
}
