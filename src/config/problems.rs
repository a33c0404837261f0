//! Everything that is wrong with a configuration, to be shown at once.

use std::{fmt, path::Path};

/// One mistake, and where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// `app.config:12`, `environment variable NAME`, `--option`; `None` where nothing stands that should.
    pub place: Option<String>,
    /// What is wrong and what to do about it. Holds no secret.
    pub what: String,
    /// It is not wrong, but cannot be had yet: what it comes from is away.
    pub awaited: bool,
}

/// All mistakes of a configuration, in the order in which they were found.
#[derive(Debug, Clone, Default, PartialEq, Eq, thiserror::Error)]
pub struct Problems(Vec<Problem>);

// === impl Problem ===

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.place {
            Some(place) => write!(f, "{place}: {}", self.what),
            None => f.write_str(&self.what),
        }
    }
}

// === impl Problems ===

impl Problems {
    /// Adds a mistake that stands at `place`.
    pub fn at(&mut self, place: impl Into<String>, what: impl Into<String>) {
        self.0.push(Problem { place: Some(place.into()), what: what.into(), awaited: false });
    }

    /// Adds something that stands at `place` and cannot be had yet.
    pub fn awaited_at(&mut self, place: impl Into<String>, what: impl Into<String>) {
        self.0.push(Problem { place: Some(place.into()), what: what.into(), awaited: true });
    }

    /// Whether nothing is wrong, but for what is away and may come back.
    #[must_use]
    pub fn are_awaited(&self) -> bool {
        !self.0.is_empty() && self.0.iter().all(|problem| problem.awaited)
    }

    /// Adds something that is missing altogether.
    pub fn missing(&mut self, what: impl Into<String>) {
        self.0.push(Problem { place: None, what: what.into(), awaited: false });
    }

    /// Says of what is missing altogether that it is `file` that lacks it.
    pub(super) fn of_file(&mut self, file: &Path) {
        for problem in self.0.iter_mut().filter(|problem| problem.place.is_none()) {
            problem.place = Some(file.display().to_string());
        }
    }

    /// Adds the mistakes of `others`.
    pub fn extend(&mut self, others: impl IntoIterator<Item = Problem>) {
        self.0.extend(others);
    }

    /// Whether nothing is wrong.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Each mistake.
    pub fn iter(&self) -> std::slice::Iter<'_, Problem> {
        self.0.iter()
    }

    /// `value`, unless something is wrong.
    ///
    /// # Errors
    /// The mistakes, where there are any.
    pub fn or<T>(self, value: T) -> Result<T, Self> {
        if self.is_empty() { Ok(value) } else { Err(self) }
    }
}

impl IntoIterator for Problems {
    type Item = Problem;
    type IntoIter = std::vec::IntoIter<Problem>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

impl<'a> IntoIterator for &'a Problems {
    type Item = &'a Problem;
    type IntoIter = std::slice::Iter<'a, Problem>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.len() {
            1 => f.write_str("the configuration has a mistake:")?,
            count => write!(f, "the configuration has {count} mistakes:")?,
        }
        self.0.iter().try_for_each(|problem| write!(f, "\n  {problem}"))
    }
}
