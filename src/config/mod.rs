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
//! - `[resilient:NAME]` is a further platform, `[component:NAME]` an instance of a component; each inherits what the section
//!   without a name says.
//! - `$NAME`, `${NAME}`, `^NAME` and `^{NAME}` are secrets kept elsewhere ([`references`]); a value that itself begins with
//!   such a sign has it doubled.

mod broker;
mod changes;
mod concealed;
mod contents;
mod doubts;
mod encoding;
pub mod example;
mod exposure;
pub mod ini;
mod instances;
mod jwe;
pub mod keys;
mod kind;
mod layers;
mod overrides;
mod pam;
mod platforms;
mod problems;
mod reader;
pub mod references;
mod secret_command;
mod settings;
mod sources;
mod stores;
mod topic;
mod typed;
mod written;

pub use broker::{Broker, BrokerAddress, BrokerMake, BrokerProxy};
pub use changes::Change;
pub use instances::family;
pub use kind::{Kind, Trust};
pub use overrides::Overrides;
pub use platforms::DEFAULT_PLATFORM;
pub use problems::{Problem, Problems};
pub use references::References;
pub use settings::{Setting, Settings};
pub use sources::{Argument, Location, SourceFile, Sources};
pub use typed::{
    ClientCertificate, Config, Credentials, Development, Integrations, Log, LogFile, LogFormat, Platform,
    Proxy, Store, Work,
};

use crate::secret::Secret;
use action_component::Component;
use std::path::PathBuf;

/// A configuration before `secret_command` was asked.
#[derive(Debug)]
pub enum Prepared {
    /// Nothing is to be asked.
    Complete(Box<Config>),
    /// Some of its values are still references.
    Awaiting(Box<Config>),
}

impl Config {
    /// Reads and checks everything: the daemon's own keys, and the sections of `components` (but for those that
    /// `noload` leaves out).
    ///
    /// # Errors
    /// All mistakes, each with its place. No message holds a secret.
    pub fn load(sources: &Sources, components: &[Component]) -> Result<Self, Problems> {
        Self::examine(sources, components).1
    }

    /// Every value as it was read, for work without a platform: whether keys are there and right does not matter, and the
    /// command line may make secrets up.
    ///
    /// # Errors
    /// app.config has lines that cannot be read.
    pub fn sections(sources: &Sources, components: &[Component]) -> Result<Settings, Problems> {
        let mut problems = Problems::default();
        let names: Vec<&str> = components.iter().map(Component::name).collect();
        let mut settings = Settings::read(sources, &names, &mut problems);
        settings.conceal(components);
        if let Some(file) = &sources.file {
            problems.of_file(&file.path);
        }
        problems.or(settings)
    }

    /// As [`load`](Self::load), with every value as it was read, whether or not all of them are right.
    pub fn examine(sources: &Sources, components: &[Component]) -> (Settings, Result<Self, Problems>) {
        let (settings, config, problems) = Self::assemble(sources, components);
        (settings, problems.or(config))
    }

    /// As [`load`](Self::load), without running `secret_command`: what is to be known before that may take its time. Of a
    /// configuration that waits for secrets, the rest is right, and its log can be set up.
    ///
    /// # Errors
    /// All mistakes that can be found so.
    pub fn prepare(sources: &Sources, components: &[Component]) -> Result<Prepared, Problems> {
        let mut sources = sources.clone();
        sources.without_commands = true;
        let (_, config, problems) = Self::assemble(&sources, components);
        if problems.are_awaited() {
            return Ok(Prepared::Awaiting(Box::new(config)));
        }
        problems.or(config).map(|config| Prepared::Complete(Box::new(config)))
    }

    /// Every value, what is made of them, and what is wrong with that: the second is of no use where the last is not
    /// empty, but for what does not depend on it.
    pub(crate) fn assemble(sources: &Sources, components: &[Component]) -> (Settings, Self, Problems) {
        let (mut problems, mut warnings) = (Problems::default(), Problems::default());
        let names: Vec<&str> = components.iter().map(Component::name).collect();
        settings::literals_in_arguments(sources, components, &mut problems);
        let mut settings = Settings::read(sources, &names, &mut problems);
        settings.conceal(components);
        settings.check(&mut problems, &mut warnings);
        platforms::check(&settings, &mut problems);
        let mut config = Self::read(settings.clone(), &mut problems, &mut warnings);
        config.check_components(components, &mut problems, &mut warnings);
        exposure::check(&settings, &config, sources.file.as_ref(), &mut warnings);
        if let Some(file) = &sources.file {
            problems.of_file(&file.path);
        }
        config.warnings.extend(warnings);
        if sources.file.is_none() && !problems.is_empty() {
            problems.missing(
                "there is no app.config: neither does APP_CONFIG_FILE name one, nor is there ./app.config or \
                 ~/.resilient/app.config; `processor config -c` writes one with every key explained",
            );
        }
        (settings, config, problems)
    }

    /// Where the value of `key` in `section` was given; for `[resilient]`, in the section of this platform. `None` where
    /// nobody gave it.
    #[must_use]
    pub fn place(&self, section: &str, key: &str) -> Option<&str> {
        let section = if section == keys::RESILIENT { &self.platform_section } else { section };
        let given = platforms::find(&self.settings, section, key).map(Setting::origin);
        given.filter(|origin| *origin != layers::DEFAULT)
    }

    /// Every value as it took effect, by section and key.
    pub fn settings(&self) -> impl Iterator<Item = (&str, &str, &Setting)> {
        self.settings.iter()
    }

    /// Everything that must not be shown: what the log's redactor has to know. `user:password` pairs are among it, as
    /// HTTP's Basic authentication sends them.
    #[must_use]
    pub fn secrets(&self) -> Vec<Secret> {
        let mut secrets: Vec<Secret> = self.settings.secrets().cloned().collect();
        // The name of what is awaited still stands for it, and is no secret.
        let is_known = |pair: &Secret| {
            secrets
                .iter()
                .any(|secret| !secret.expose().is_empty() && pair.expose().ends_with(secret.expose()))
        };
        let pairs = self.platforms().flat_map(|platform| platform.platform.pairs());
        let pairs: Vec<Secret> = pairs.filter(is_known).collect();
        secrets.extend(pairs);
        secrets
    }

    /// The files whose contents are part of it: those that its keys name, and those that references led to.
    #[must_use]
    pub fn files(&self) -> Vec<PathBuf> {
        self.settings.files()
    }

    /// Follows references in values that come later, such as a function's inputs.
    #[must_use]
    pub fn references(&self) -> &References {
        &self.settings.references
    }
}
