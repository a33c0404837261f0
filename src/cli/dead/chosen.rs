//! The letters that a command is about, one at a time: all of them may be more than fits into memory.

use super::DeadError;
use crate::store::{Journal, Listed};
use std::collections::VecDeque;

/// Those of the list, or those of its numbers that are meant, oldest first.
pub(super) struct Letters<'a> {
    journal: &'a Journal,
    /// `None`: all.
    numbers: Option<VecDeque<i64>>,
    after: i64,
    page: VecDeque<Listed>,
    /// Numbers that are not in the list.
    pub(super) unknown: Vec<i64>,
}

// === impl Letters ===

impl<'a> Letters<'a> {
    pub(super) fn all(journal: &'a Journal) -> Self {
        Self { journal, numbers: None, after: 0, page: VecDeque::new(), unknown: Vec::new() }
    }

    /// `all`, or those of these numbers.
    pub(super) fn chosen(journal: &'a Journal, numbers: &[i64], all: bool) -> Self {
        let mut sorted = numbers.to_vec();
        sorted.sort_unstable();
        sorted.dedup();
        Self { numbers: (!all).then(|| sorted.into()), ..Self::all(journal) }
    }

    pub(super) async fn next(&mut self) -> Result<Option<Listed>, DeadError> {
        while let Some(numbers) = &mut self.numbers {
            let Some(number) = numbers.pop_front() else { return Ok(None) };
            let found = self.journal.dead(number.saturating_sub(1)).await?.into_iter().next();
            match found.filter(|found| found.letter.number == number) {
                None => self.unknown.push(number),
                found => return Ok(found),
            }
        }
        if self.page.is_empty() {
            self.page = self.journal.dead(self.after).await?.into();
        }
        let next = self.page.pop_front();
        self.after = next.as_ref().map_or(self.after, |next| next.letter.number);
        Ok(next)
    }

    /// How many there are.
    pub(super) async fn count(mut self) -> Result<usize, DeadError> {
        let mut count = 0;
        while self.next().await?.is_some() {
            count += 1;
        }
        Ok(count)
    }
}
