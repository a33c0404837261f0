//! What differs between two configurations, fit to be logged.

use super::{
    Config, keys,
    keys::{Effect, RESILIENT},
    platforms,
    settings::Setting,
};
use std::collections::{BTreeMap, BTreeSet};

/// One key that has another value than before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    section: String,
    key: String,
    before: Option<String>,
    now: Option<String>,
}

impl Change {
    /// `[section] key`.
    #[must_use]
    pub fn key(&self) -> String {
        format!("[{}] {}", self.section, self.key)
    }

    /// What was in force, without what is secret; `None` where nothing was.
    #[must_use]
    pub fn before(&self) -> Option<&str> {
        self.before.as_deref()
    }

    /// What is in force now.
    #[must_use]
    pub fn now(&self) -> Option<&str> {
        self.now.as_deref()
    }

    /// Whether it takes effect at the next start of the process only.
    #[must_use]
    pub fn wants_restart(&self) -> bool {
        keys::find(&self.section, &self.key).is_some_and(|key| key.effect() == Effect::Restart)
    }
}

impl Config {
    /// The keys whose values differ from `before`. No change holds a secret.
    #[must_use]
    pub fn changes_from(&self, before: &Self) -> Vec<Change> {
        let (now, before) = (by_name(self), by_name(before));
        let names: BTreeSet<_> = now.keys().chain(before.keys()).copied().collect();
        let text = |setting: Option<&&Setting>| setting.map(|setting| setting.text.clone());
        let differ = names.into_iter().filter(|name| text(now.get(name)) != text(before.get(name)));
        let change = |name: (&str, &str)| {
            let secret =
                [&now, &before].iter().any(|all| all.get(&name).is_some_and(|setting| setting.is_secret()));
            let shown = |setting: Option<&&Setting>| {
                setting.map(|setting| if secret { "***".to_owned() } else { setting.shown() })
            };
            let (section, key) = (name.0.to_owned(), name.1.to_owned());
            Change { section, key, before: shown(before.get(&name)), now: shown(now.get(&name)) }
        };
        differ.map(change).collect()
    }

    /// Whether this platform's link, or its REST client, is another one than with `before`.
    #[must_use]
    pub fn reconnects(&self, before: &Self) -> bool {
        keys::all().filter(|key| key.effect() == Effect::Link).any(|key| {
            let value = |config: &Self| {
                let section = if key.section == RESILIENT { &config.platform_section } else { key.section };
                platforms::find(&config.settings, section, key.name).map(|setting| setting.text.clone())
            };
            value(self) != value(before)
        })
    }
}

fn by_name(config: &Config) -> BTreeMap<(&str, &str), &Setting> {
    config.settings().map(|(section, key, setting)| ((section, key), setting)).collect()
}
