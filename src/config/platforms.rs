//! `[resilient:NAME]`: several platforms, or several organizations of one.
//!
//! A named section inherits every key of `[resilient]` that it does not set. `[resilient]` then is a platform of its own,
//! called `default`, only where what it says is more than what the others share: it names a host, and an organization or
//! none of the others is on that host.

use super::{
    keys::{self, RESILIENT},
    problems::Problems,
    settings::{Setting, Settings},
    typed::Platform,
};

/// What `[resilient]` is called where platforms have names.
pub const DEFAULT_PLATFORM: &str = "default";

/// The platform's name, given its section's.
pub(super) fn name(section: &str) -> &str {
    section.strip_prefix(RESILIENT).and_then(|rest| rest.strip_prefix(':')).unwrap_or(DEFAULT_PLATFORM)
}

/// The sections that are a platform each; never empty.
pub(super) fn sections(settings: &Settings) -> Vec<String> {
    let named = named(settings);
    let has = |section: &str, key: &str| settings.get(section, key).is_some();
    let all_elsewhere = || named.iter().all(|section| has(section, "host"));
    let own = named.is_empty() || has(RESILIENT, "host") && (has(RESILIENT, "org") || all_elsewhere());
    own.then(|| RESILIENT.to_owned())
        .into_iter()
        .chain(named.iter().map(|section| (*section).to_owned()))
        .collect()
}

/// The sections of platforms that have a name.
fn named(settings: &Settings) -> Vec<&str> {
    settings.names().filter(|section| *section != RESILIENT && keys::family(section) == RESILIENT).collect()
}

/// Whether some platform has a name.
pub(super) fn is_named(settings: &Settings) -> bool {
    !named(settings).is_empty()
}

/// The value of `key` in `section`, or else what it inherits.
pub(super) fn find<'a>(settings: &'a Settings, section: &str, key: &str) -> Option<&'a Setting> {
    let own = settings.get(section, key);
    let inherits = keys::family(section) == RESILIENT && !replaced(settings, section, key);
    own.or_else(|| settings.get(RESILIENT, key).filter(|_| inherits))
}

/// Who has an account of another kind does not inherit one: an API key of `[resilient]` would win over a user here.
fn replaced(settings: &Settings, section: &str, key: &str) -> bool {
    let own = |keys: [&str; 2]| keys.iter().any(|key| settings.get(section, key).is_some());
    match key {
        "api_key_id" | "api_key_secret" => own(["email", "password"]),
        "email" | "password" => own(["api_key_id", "api_key_secret"]),
        _ => false,
    }
}

/// Names that cannot be a platform's, and keys that are none of a platform's.
pub(super) fn check(settings: &Settings, problems: &mut Problems) {
    for section in named(settings) {
        let name = name(section);
        if name.is_empty() || !name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_')) {
            let place = settings.section(section).next().map(|(_, first)| first.origin.clone());
            let what = format!("[{section}]: a platform's name is made of letters, digits, - and _");
            problems.at(place.unwrap_or_default(), what);
        }
        for (key, setting) in settings.section(section) {
            if keys::find(section, key).is_some_and(|key| !key.is_platforms()) {
                let what =
                    format!("{key} is the whole processor's, not one platform's: set it in [resilient]");
                problems.at(&setting.origin, what);
            }
        }
    }
}

/// Two sections for one organization: each of its messages would be handled twice.
pub(super) fn check_twice(platforms: &[(&str, &Platform)], problems: &mut Problems) {
    let is_same = |one: &Platform, other: &Platform| {
        let org = |platform: &Platform| platform.org.as_ref().map(|org| org.to_lowercase());
        one.host.eq_ignore_ascii_case(&other.host)
            && (one.port, &one.resource_prefix) == (other.port, &other.resource_prefix)
            && org(one) == org(other)
    };
    for (index, (first, one)) in platforms.iter().enumerate() {
        for (second, _) in platforms.iter().skip(index + 1).filter(|(_, other)| is_same(one, other)) {
            problems.missing(format!(
                "the platforms {first} and {second} are one and the same, so that each message would be handled twice: \
                 give one of them a `host` or an `org` of its own"
            ));
        }
    }
}
