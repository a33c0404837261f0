//! What components were told of their sections last. One for the process: a component may be on several platforms.

use super::serving::Loaded;
use crate::component::Section;
use std::{
    collections::{BTreeMap, BTreeSet},
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::{runtime::Handle, task::spawn_blocking, time::timeout};
use tracing::{error, info, warn};

/// Tells components of their new sections; one that takes its time, or never returns, holds up no other. Clones are the
/// same.
///
/// Only the last section counts: one that has been replaced before its component could be told of it is left out.
#[derive(Debug, Clone)]
pub struct Told {
    state: Arc<Mutex<State>>,
    /// What components do with it is their authors' code: it must hold up no link.
    workers: Handle,
}

#[derive(Debug, Default)]
struct State {
    /// By the component's name.
    sections: BTreeMap<String, Section>,
    /// Those that are still to be told.
    waiting: BTreeMap<String, Loaded>,
    /// Those that are being told: the next section waits until they have heard the one before.
    telling: BTreeSet<String>,
}

/// A component that takes longer is named.
const LONG: Duration = Duration::from_secs(1);

// === impl Told ===

impl Told {
    /// Nobody has been told anything yet. Components are told on threads of `workers`.
    #[must_use]
    pub fn new(workers: Handle) -> Self {
        Self { state: Arc::default(), workers }
    }

    /// These are in force now. Those that were there before, with another section, are told soon.
    pub fn tell(&self, loaded: &[Loaded]) {
        let mut state = lock(&self.state);
        for loaded in loaded {
            let before = state.sections.insert(loaded.name().to_owned(), loaded.section.clone());
            if before.is_some_and(|before| before != loaded.section) {
                state.waiting.insert(loaded.name().to_owned(), loaded.clone());
            }
        }
        let State { waiting, telling, .. } = &mut *state;
        for name in waiting.keys() {
            if telling.insert(name.clone()) {
                self.workers.spawn(tell_all(self.state.clone(), name.clone()));
            }
        }
    }
}

/// Tells one component, until it has heard of its last section.
async fn tell_all(state: Arc<Mutex<State>>, name: String) {
    while let Some(loaded) = next(&state, &name) {
        let mut telling = spawn_blocking(move || tell(&loaded));
        if timeout(LONG, &mut telling).await.is_err() {
            warn!(
                component = name,
                "reload callback has not returned yet; the component's messages use the new section already"
            );
            // A panic has been told of.
            drop(telling.await);
        }
    }
}

fn next(state: &Mutex<State>, name: &str) -> Option<Loaded> {
    let mut state = lock(state);
    let next = state.waiting.remove(name);
    if next.is_none() {
        state.telling.remove(name);
    }
    next
}

/// What the author does with it may be defective, like any handler.
fn tell(loaded: &Loaded) {
    let component = loaded.name();
    match catch_unwind(AssertUnwindSafe(|| loaded.component.reload(&loaded.section))) {
        Ok(()) => info!(component, "the component has its new section"),
        Err(_panic) => error!(
            component,
            "the component broke off when it was told of its new section; its messages see that all the same"
        ),
    }
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::component::Component;
    use std::sync::mpsc;

    /// A component that passes on what it is told, once it is let.
    fn listener() -> (Component, mpsc::Receiver<String>, mpsc::Sender<()>) {
        let ((said, heard), (go, gate)) = (mpsc::channel(), mpsc::channel());
        let gate = Mutex::new(gate);
        let component = Component::new("listener").reloaded(move |section| {
            gate.lock().unwrap().recv().unwrap();
            said.send(section.get("word").unwrap().to_owned()).unwrap();
        });
        (component, heard, go)
    }

    fn with(component: &Component, word: &str) -> [Loaded; 1] {
        [Loaded { component: component.clone(), section: Section::new("listener", [("word", word)]) }]
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_component_that_takes_its_time_is_told_in_order_and_of_the_last_section_in_any_case() {
        let (component, heard, go) = listener();
        let told = Told::new(Handle::current());
        for word in ["a", "b", "b", "c", "d"] {
            told.tell(&with(&component, word));
        }
        let mut words: Vec<String> = Vec::new();
        while words.last().is_none_or(|word| word != "d") {
            go.send(()).unwrap();
            words.push(heard.recv().unwrap());
        }
        assert!(words.is_sorted() && words.len() <= 3, "{words:?}");
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_component_that_never_returns_holds_up_no_other() {
        let ((stuck, _, _go), (component, heard, go)) = (listener(), listener());
        let other = component.called("other");
        let told = Told::new(Handle::current());
        for word in ["a", "b"] {
            let section = Section::new("other", [("word", word)]);
            told.tell(&with(&stuck, word));
            told.tell(&[Loaded { component: other.clone(), section }]);
        }
        go.send(()).unwrap();
        assert_eq!(heard.recv().unwrap(), "b");
    }
}
