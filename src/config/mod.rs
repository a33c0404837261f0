//! app.config, the environment and the command line → one [`Config`] that cannot be wrong.
//!
//! Defaults < file < environment < command line. All mistakes are reported together, each with the place where it
//! stands. [`keys`] is the one table of what there is to configure.
//!
//! - Any key of any section can be set by an environment variable `PROCESSOR__SECTION__KEY`, in capitals, with `_` for
//!   every character that is no letter or digit: `PROCESSOR__RESILIENT__STOMP_HOST`.
//! - Every key of the table is an option of the command line by the same name: `--stomp_host`; `--set section.key=value`
//!   reaches the others.
//! - A key of the table that is given without a value counts as not given.
//! - `$NAME`, `${NAME}`, `^NAME` and `^{NAME}` are secrets kept elsewhere ([`references`]).

mod broker;
pub mod example;
pub mod ini;
mod jwe;
pub mod keys;
mod kind;
mod layers;
mod overrides;
mod problems;
mod reader;
pub mod references;
mod settings;
mod sources;
mod stores;
mod topic;
mod typed;

pub use broker::{Broker, BrokerAddress, BrokerMake, BrokerProxy};
pub use kind::{Kind, Trust};
pub use overrides::Overrides;
pub use problems::{Problem, Problems};
pub use references::References;
pub use settings::{Setting, Settings};
pub use sources::{Argument, Location, SourceFile, Sources};
pub use typed::{
    ClientCertificate, Config, Credentials, Development, Integrations, Log, LogFile, LogFormat, Platform,
    Proxy, Store, Work,
};

use crate::secret::Secret;
use action_component::{Component, Section};
use std::collections::{BTreeMap, BTreeSet};

impl Config {
    /// Reads and checks everything: the daemon's own keys, and the sections of `components` (but for those that
    /// `noload` leaves out).
    ///
    /// # Errors
    /// All mistakes, each with its place. No message holds a secret.
    pub fn load(sources: &Sources, components: &[Component]) -> Result<Self, Problems> {
        Self::examine(sources, components).1
    }

    /// As [`load`](Self::load), with every value as it was read, whether or not all of them are right.
    pub fn examine(sources: &Sources, components: &[Component]) -> (Settings, Result<Self, Problems>) {
        let (mut problems, mut warnings) = (Problems::default(), Problems::default());
        let names: Vec<&str> = components.iter().map(Component::name).collect();
        let settings = Settings::read(sources, &names, &mut problems);
        settings.check(&mut problems, &mut warnings);
        let mut config = Self::read(settings.clone(), &mut problems, &mut warnings);
        config.check_components(components, &mut problems, &mut warnings);
        config.warnings.extend(warnings);
        if sources.file.is_none() && !problems.is_empty() {
            problems.missing(
                "there is no app.config: neither does APP_CONFIG_FILE name one, nor is there ./app.config or \
                 ~/.resilient/app.config; `processor config -c` writes one with every key explained",
            );
        }
        (settings, problems.or(config))
    }

    /// A component's section, references followed. A section that does not exist is empty.
    #[must_use]
    pub fn section(&self, name: &str) -> Section {
        Section::new(name, self.settings.section(name).map(|(key, setting)| (key, setting.text.as_str())))
    }

    /// Whether `noload` leaves this component in.
    #[must_use]
    pub fn loads(&self, component: &str) -> bool {
        !self.work.noload.iter().any(|name| name == component)
    }

    /// The keys whose values differ from `before`, as `[section] key`.
    #[must_use]
    pub fn changes_from(&self, before: &Self) -> Vec<String> {
        let values = |config: &Self| -> BTreeMap<(String, String), String> {
            let settings = config.settings();
            settings.map(|(name, key, setting)| ((name.into(), key.into()), setting.text.clone())).collect()
        };
        let (now, before) = (values(self), values(before));
        let keys: BTreeSet<_> = now.keys().chain(before.keys()).collect();
        let changed = keys.into_iter().filter(|key| now.get(key) != before.get(key));
        changed.map(|(section, key)| format!("[{section}] {key}")).collect()
    }

    /// Every value as it took effect, by section and key.
    pub fn settings(&self) -> impl Iterator<Item = (&str, &str, &Setting)> {
        self.settings.iter()
    }

    /// Everything that must not be shown: what the log's redactor has to know. `user:password` pairs are among it, as
    /// HTTP's Basic authentication sends them.
    #[must_use]
    pub fn secrets(&self) -> Vec<Secret> {
        let (user, password) = match &self.platform.credentials {
            Credentials::ApiKey { id, secret } => (id, secret),
            Credentials::User { email, password } => (email, password),
        };
        let proxy = self
            .platform
            .proxy
            .as_ref()
            .and_then(|proxy| Some((proxy.user.as_ref()?, proxy.password.as_ref()?)));
        let pairs = [Some((user, password)), proxy].into_iter().flatten();
        let pairs = pairs.map(|(user, password)| format!("{user}:{}", password.expose()).into());
        self.settings.secrets().cloned().chain(pairs).collect()
    }

    /// Follows references in values that come later, such as a function's inputs.
    #[must_use]
    pub fn references(&self) -> &References {
        &self.settings.references
    }

    fn check_components(&self, components: &[Component], problems: &mut Problems, warnings: &mut Problems) {
        for name in &self.work.noload {
            if !components.iter().any(|component| component.name() == name) {
                warnings.missing(format!("noload names {name}, which is no component of this program"));
            }
        }
        let names: Vec<&str> = components.iter().map(Component::name).collect();
        self.settings.check_sections(&names, warnings);
        for component in components.iter().filter(|component| self.loads(component.name())) {
            self.settings.check_references(component.name(), problems);
            if let Err(error) = component.check(&self.section(component.name())) {
                problems.missing(error.to_string());
            }
        }
    }
}
