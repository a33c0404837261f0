//! Reads typed values out of settings that were checked against the table of keys.

use super::{
    keys::RESILIENT,
    kind::{self, Trust},
    platforms,
    settings::{Setting, Settings},
};
use crate::secret::Secret;
use std::{path::PathBuf, time::Duration};
use tracing_subscriber::filter::Targets;

/// One section's values. A value that does not fit its kind was reported before and reads as nothing here.
pub(super) struct Reader<'a> {
    settings: &'a Settings,
    section: &'a str,
}

// === impl Reader ===

impl<'a> Reader<'a> {
    pub(super) fn new(settings: &'a Settings) -> Self {
        Self::of(settings, RESILIENT)
    }

    /// A section, with what it inherits.
    pub(super) fn of(settings: &'a Settings, section: &'a str) -> Self {
        Self { settings, section }
    }

    /// What stands between the brackets.
    pub(super) fn section(&self) -> &str {
        self.section
    }

    fn setting(&self, key: &str) -> Option<&'a Setting> {
        platforms::find(self.settings, self.section, key)
    }

    fn raw(&self, key: &str) -> Option<&'a str> {
        self.setting(key).map(|setting| setting.text.as_str())
    }

    pub(super) fn is_set(&self, key: &str) -> bool {
        self.raw(key).is_some()
    }

    /// Where the value comes from.
    pub(super) fn place(&self, key: &str) -> String {
        self.setting(key).map(|setting| setting.origin.clone()).unwrap_or_default()
    }

    pub(super) fn optional(&self, key: &str) -> Option<String> {
        self.raw(key).map(str::to_owned)
    }

    pub(super) fn text(&self, key: &str) -> String {
        self.optional(key).unwrap_or_default()
    }

    pub(super) fn secret(&self, key: &str) -> Option<Secret> {
        self.raw(key).map(Secret::from)
    }

    /// What is odd about the value, fit to be shown.
    pub(super) fn doubt(&self, key: &str) -> Option<String> {
        self.setting(key)?.doubt().map(|doubt| format!("{key} {doubt}"))
    }

    pub(super) fn number<T: TryFrom<i64> + Default>(&self, key: &str) -> T {
        self.raw(key).and_then(kind::whole).and_then(|number| number.try_into().ok()).unwrap_or_default()
    }

    pub(super) fn decimal(&self, key: &str) -> f64 {
        self.raw(key).and_then(kind::decimal).unwrap_or_default()
    }

    pub(super) fn seconds(&self, key: &str) -> Duration {
        self.raw(key).and_then(kind::seconds).unwrap_or_default()
    }

    pub(super) fn milliseconds(&self, key: &str) -> Duration {
        Duration::from_millis(self.number(key))
    }

    pub(super) fn flag(&self, key: &str) -> bool {
        self.raw(key).and_then(kind::flag).unwrap_or_default()
    }

    pub(super) fn list(&self, key: &str) -> Vec<String> {
        self.raw(key).map(kind::list).unwrap_or_default()
    }

    pub(super) fn hosts(&self, key: &str) -> Option<Vec<(String, Option<u16>)>> {
        self.raw(key).and_then(|text| kind::hosts(text).ok())
    }

    pub(super) fn levels(&self, key: &str) -> Targets {
        self.raw(key).and_then(|text| kind::levels(text).ok()).unwrap_or_default()
    }

    pub(super) fn path(&self, key: &str) -> Option<PathBuf> {
        self.raw(key).map(|text| kind::path(text, self.settings.home()))
    }

    /// Where the service keeps what outlives it, unless a key says otherwise.
    pub(super) fn state_directory(&self) -> PathBuf {
        self.settings.state_directory().to_owned()
    }

    pub(super) fn trust(&self, key: &str) -> Option<Trust> {
        self.raw(key).map(|text| kind::trust(text, self.settings.home()))
    }
}
