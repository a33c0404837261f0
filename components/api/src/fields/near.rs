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
        let length = wanted.chars().count();
        let furthest = (length / 3).max(1);
        // Measuring takes as long as both are, multiplied. What is much longer or shorter is far away in any case.
        let lower = known.into_iter().map(|known| (known.to_lowercase(), known));
        let comparable = lower.filter(|(lower, _)| lower.chars().count().abs_diff(length) <= furthest);
        let distance = |lower: &str| strsim::osa_distance(&wanted, lower);
        let mut near: Vec<_> = comparable.map(|(lower, known)| (distance(&lower), known)).collect();
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
