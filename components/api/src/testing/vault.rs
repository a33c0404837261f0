use crate::secrets::{Followed, Secrets};
use std::{collections::BTreeMap, fmt};

/// The operator's secrets, as a test has them. Printing it shows their names only.
#[derive(Default)]
pub(super) struct Vault(BTreeMap<String, String>);

/// Shorter ones are not masked: the mask would be everywhere and give them away.
const SHORTEST: usize = 4;

impl Vault {
    pub(super) fn of<N: Into<String>, V: Into<String>>(secrets: impl IntoIterator<Item = (N, V)>) -> Self {
        Self(secrets.into_iter().map(|(name, value)| (name.into(), value.into())).collect())
    }

    pub(super) fn values(&self) -> impl Iterator<Item = &str> {
        self.0.values().map(String::as_str)
    }
}

impl Secrets for Vault {
    fn follow(&self, _section: &str, text: &str, allowed: &[&str]) -> Followed {
        Followed::of(text, Some(allowed), |reference| {
            let found = self.0.get(reference.name).cloned();
            found.ok_or_else(|| "the test's bench has no such secret".to_owned())
        })
    }

    fn mask(&self, text: &str) -> String {
        let mut secrets: Vec<&String> =
            self.0.values().filter(|secret| secret.chars().count() >= SHORTEST).collect();
        // One may be part of another.
        secrets.sort_by_key(|secret| std::cmp::Reverse(secret.len()));
        secrets.into_iter().fold(text.to_owned(), |text, secret| text.replace(secret.as_str(), "***"))
    }
}

impl fmt::Debug for Vault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Vault").field(&self.0.keys()).finish()
    }
}
