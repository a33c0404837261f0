//! What `replay` and `invoke` have in common: a handler at work, line by line, and sections made on the command line.

use crate::component::{
    Component, Section, StatusSink,
    rest::{Backend, Request, Response, RestError},
};
use futures_util::future::BoxFuture;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::Notify;

/// What happens while a message is carried out, line by line.
#[derive(Debug, Clone, Default)]
pub(super) struct Journal(Arc<Pages>);

#[derive(Debug, Default)]
struct Pages {
    lines: Mutex<Vec<String>>,
    noted: Notify,
}

/// Notes each call before the backend answers it.
#[derive(Debug)]
pub(super) struct Noted {
    pub(super) backend: Arc<dyn Backend>,
    pub(super) journal: Journal,
}

/// A key of a component's section.
#[derive(Debug, Clone)]
pub(super) struct Setting {
    pub(super) section: String,
    pub(super) key: String,
    pub(super) value: String,
}

/// What happened, and how it went on: `REST            GET /users/115 → 200`.
pub(super) fn line(what: &str, text: &str) -> String {
    format!("{what:<16}{text}")
}

/// The section called `name`, of what is set.
pub(super) fn section(name: &str, settings: &[Setting]) -> Section {
    let own = settings.iter().filter(|setting| setting.section == name);
    Section::new(name, own.map(|setting| (&setting.key, &setting.value)))
}

/// A key for a component that does not exist would have no effect, silently.
pub(super) fn check_settings(settings: &[Setting], components: &[Component]) -> Result<(), String> {
    let is_known =
        |setting: &&Setting| components.iter().any(|component| component.name() == setting.section);
    match settings.iter().find(|setting| !is_known(setting)) {
        None => Ok(()),
        Some(Setting { section, .. }) => {
            let names: Vec<&str> = components.iter().map(Component::name).collect();
            Err(format!("--set {section}.…: no component has this name; there are {}", names.join(", ")))
        }
    }
}

// === impl Journal ===

impl Journal {
    pub(super) fn note(&self, what: &str, text: &str) {
        self.0.lines.lock().unwrap_or_else(PoisonError::into_inner).push(line(what, text));
        self.0.noted.notify_one();
    }

    pub(super) fn take(&self) -> Vec<String> {
        std::mem::take(&mut self.0.lines.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Waits until there is a line that nobody has waited for.
    pub(super) async fn noted(&self) {
        self.0.noted.notified().await;
    }
}

impl StatusSink for Journal {
    fn status(&self, text: String) -> BoxFuture<'_, ()> {
        Box::pin(async move { self.note("status", &text) })
    }
}

// === impl Noted ===

impl Backend for Noted {
    fn call(&self, request: Request) -> BoxFuture<'_, Result<Response, RestError>> {
        let call = format!("{} {}", request.method, request.path);
        Box::pin(async move {
            let result = self.backend.call(request).await;
            match &result {
                Ok(response) => self.journal.note("REST", &format!("{call} → {}", response.status.as_u16())),
                Err(error) => self.journal.note("REST", &format!("{call} → {error}")),
            }
            result
        })
    }
}
