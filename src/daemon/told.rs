//! What components were told of their sections last. One for the process: a component may be on several platforms.

use super::serving::Loaded;
use crate::component::Section;
use std::{
    collections::BTreeMap,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};
use tokio::runtime::Handle;
use tracing::{error, info};

/// Tells components of their new sections, one after the other. Clones are the same.
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
    telling: bool,
}

// === impl Told ===

impl Told {
    /// Nobody has been told anything yet. Components are told on a thread of `workers`.
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
        if !state.waiting.is_empty() && !state.telling {
            state.telling = true;
            let state = self.state.clone();
            self.workers.spawn_blocking(move || {
                while let Some(loaded) = next(&state) {
                    tell(&loaded);
                }
            });
        }
    }
}

fn next(state: &Mutex<State>) -> Option<Loaded> {
    let mut state = lock(state);
    let next = state.waiting.pop_first().map(|(_, loaded)| loaded);
    state.telling = next.is_some();
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
}
