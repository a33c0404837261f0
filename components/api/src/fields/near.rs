use std::fmt;

/// How many suggestions are made at most.
const MOST: usize = 3;

/// Names that nearly are what somebody wrote, the nearest first. As text it is the end of a sentence, or nothing.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Near(Vec<String>);

impl Near {
    /// Those of `known` that `name` may have been meant for.
    #[must_use]
    pub fn of<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Self {
        let wanted = name.trim().to_lowercase();
        let furthest = (wanted.chars().count() / 3).max(1);
        let distance = |known: &str| strsim::osa_distance(&wanted, &known.to_lowercase());
        let mut near: Vec<_> = known.into_iter().map(|known| (distance(known), known)).collect();
        near.retain(|(distance, _)| *distance <= furthest);
        near.sort();
        near.dedup();
        Self(near.into_iter().take(MOST).map(|(_, known)| known.to_owned()).collect())
    }

    pub(super) fn one(name: &str) -> Self {
        Self(vec![name.to_owned()])
    }

    /// The names.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }
}

impl fmt::Display for Near {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some((last, others)) = self.0.split_last() else { return Ok(()) };
        f.write_str("; did you mean ")?;
        for name in others {
            write!(f, "{name:?} or ")?;
        }
        write!(f, "{last:?}?")
    }
}
