//! Text that must not be printed.

use std::fmt;

/// A password, an API key's secret, a token: prints as `***`.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Secret {
    text: Box<str>,
    /// What stands before it is known to anybody: the user's name in a pair.
    from: usize,
}

// === impl Secret ===

impl Secret {
    /// `user:password`, as HTTP's Basic authentication sends them. The user's name is no secret by itself.
    #[must_use]
    pub fn pair(user: &str, password: &Self) -> Self {
        Self { text: format!("{user}:{}", password.expose()).into(), from: user.len() + 1 }
    }

    /// The text itself, for the one place that sends it.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.text
    }

    /// The text without what is no secret by itself.
    pub(crate) fn core(&self) -> &str {
        self.text.get(self.from..).unwrap_or_default()
    }
}

impl<T: Into<Box<str>>> From<T> for Secret {
    fn from(text: T) -> Self {
        Self { text: text.into(), from: 0 }
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

impl fmt::Display for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}
