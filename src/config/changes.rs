//! What differs between two configurations, fit to be logged.

use super::{
    Config,
    contents::Contents,
    keys,
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
        let differ = names.into_iter().filter(|name| match (now.get(name), before.get(name)) {
            (Some(now), Some(before)) => !now.is_same(before),
            (now, before) => now.is_some() != before.is_some(),
        });
        let change = |name: (&str, &str)| {
            let secret =
                [&now, &before].iter().any(|all| all.get(&name).is_some_and(|setting| setting.is_secret()));
            let contents = |setting: &Setting| setting.contents.as_ref().map(Contents::shown);
            let shown = |setting: Option<&&Setting>| {
                let text = |setting: &&Setting| {
                    if secret { "***".to_owned() } else { setting.shown() }
                };
                setting.map(|setting| text(setting) + &contents(setting).unwrap_or_default())
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
                let found = platforms::find(&config.settings, section, key.name);
                found.map(|setting| (setting.text.clone(), setting.contents.clone()))
            };
            value(self) != value(before)
        })
    }
}

fn by_name(config: &Config) -> BTreeMap<(&str, &str), &Setting> {
    config.settings().map(|(section, key, setting)| ((section, key), setting)).collect()
}
