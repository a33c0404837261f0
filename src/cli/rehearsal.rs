//! What `replay` and `invoke` have in common: a handler at work, line by line, and components with the sections that
//! app.config and the command line give them.

use super::{USAGE, failed, mistakes};
use crate::{
    component::{
        Component, StatusSink,
        rest::{Backend, Request, Response, RestError, Site},
    },
    config::{Problems, Settings},
    dispatch::{Clash, Registry},
    logging::complain,
};
use futures_util::future::BoxFuture;
use std::{
    error::Error,
    process::ExitCode,
    sync::{Arc, Mutex, PoisonError},
};
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

/// Why nothing was run.
#[derive(Debug, thiserror::Error)]
pub(super) enum Unable {
    /// The command line or app.config is wrong.
    #[error("{0}")]
    Usage(String),
    /// app.config is wrong, in these ways.
    #[error("app.config has mistakes")]
    Config(Problems),
    /// Something else is.
    #[error(transparent)]
    Failed(Box<dyn Error>),
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

/// The handlers of `components` as app.config has them, whether or not they are loaded.
pub(super) fn registry(settings: &Settings, components: &[Component]) -> Result<Registry, Vec<Clash>> {
    let instances = settings.instances(components);
    Registry::build(instances.iter().map(|instance| (instance, settings.component_section(instance.name()))))
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

// === impl Unable ===

impl Unable {
    /// Says why, and gives the exit code.
    pub(super) fn tell(self) -> ExitCode {
        match self {
            Self::Config(problems) => mistakes(&problems),
            Self::Failed(error) => failed(error.as_ref()),
            Self::Usage(words) => {
                complain(&format!("processor: {words}"));
                ExitCode::from(USAGE)
            }
        }
    }
}

pub(super) fn error(error: impl Error + 'static) -> Unable {
    Unable::Failed(Box::new(error))
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

    fn site(&self) -> Option<&Site> {
        self.backend.site()
    }
}
