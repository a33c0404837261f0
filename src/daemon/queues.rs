//! Which queues' messages come, and when that is worth a word.

use std::collections::BTreeSet;

/// One platform's queues, as the broker has answered for them on the session that is up.
#[derive(Debug, Default)]
pub(super) struct Queues {
    /// Those whose messages come.
    taken: BTreeSet<String>,
    /// Every queue that was wanted has been answered for, one way or the other.
    settled: bool,
    /// What was said last on this session.
    said: Option<Word>,
}

/// How it stands with the queues.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Word {
    /// Messages of so many queues come.
    Taking(usize),
    /// There is no queue yet for messages to come from.
    Idle,
    /// The broker gives us none of those that there are.
    Refused,
}

// === impl Queues ===

impl Queues {
    /// No session is up any more.
    pub(super) fn down(&mut self) {
        *self = Self::default();
    }

    /// The broker confirmed this one.
    pub(super) fn confirmed(&mut self, queue: String) {
        self.taken.insert(queue);
    }

    /// The broker refused this one.
    pub(super) fn refused(&mut self, queue: &str) {
        self.taken.remove(queue);
    }

    /// Every queue has been answered for.
    pub(super) fn settle(&mut self) {
        self.settled = true;
    }

    /// What is to be said now, given the queues that are `wanted`: once for each session, and when messages begin or cease
    /// to come. A queue more or fewer has been told of by itself.
    pub(super) fn news(&mut self, wanted: &BTreeSet<String>) -> Option<Word> {
        if !self.settled {
            return None;
        }
        self.taken.retain(|queue| wanted.contains(queue));
        let word = match self.taken.len() {
            0 if wanted.is_empty() => Word::Idle,
            0 => Word::Refused,
            queues => Word::Taking(queues),
        };
        let before = self.said.replace(word);
        before.is_none_or(|before| !before.is_like(word)).then_some(word)
    }
}

impl Word {
    fn is_like(self, other: Self) -> bool {
        matches!((self, other), (Self::Taking(_), Self::Taking(_))) || self == other
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(queues: &[&str]) -> BTreeSet<String> {
        queues.iter().map(|queue| (*queue).to_owned()).collect()
    }

    fn taking(queues: &[&str]) -> Queues {
        let mut taking = Queues::default();
        queues.iter().for_each(|queue| taking.confirmed((*queue).to_owned()));
        taking
    }

    #[test]
    fn ready_is_said_once_a_session_and_only_when_all_queues_have_been_answered_for() {
        let mut queues = taking(&["a"]);
        assert_eq!(queues.news(&names(&["a", "b"])), None);
        queues.refused("b");
        queues.settle();
        assert_eq!(queues.news(&names(&["a", "b"])), Some(Word::Taking(1)));
        queues.confirmed("b".to_owned());
        assert_eq!(queues.news(&names(&["a", "b"])), None, "the subscription has been logged by itself");
        queues.down();
        queues.confirmed("b".to_owned());
        queues.settle();
        assert_eq!(queues.news(&names(&["a", "b"])), Some(Word::Taking(1)), "another session");
    }

    #[test]
    fn a_queue_that_was_left_does_not_count() {
        let mut queues = taking(&["a", "b", "c"]);
        queues.settle();
        assert_eq!(queues.news(&names(&["b"])), Some(Word::Taking(1)));
    }

    #[test]
    fn the_first_queue_that_is_granted_later_is_worth_a_word() {
        let (mut queues, wanted) = (Queues::default(), names(&["a", "b"]));
        queues.settle();
        assert_eq!(queues.news(&wanted), Some(Word::Refused));
        assert_eq!(queues.news(&wanted), None);
        queues.confirmed("a".to_owned());
        assert_eq!(queues.news(&wanted), Some(Word::Taking(1)));
        queues.refused("a");
        assert_eq!(queues.news(&wanted), Some(Word::Refused));
    }

    #[test]
    fn so_is_the_first_one_that_there_is() {
        let mut queues = Queues::default();
        queues.settle();
        assert_eq!(queues.news(&names(&[])), Some(Word::Idle));
        queues.confirmed("a".to_owned());
        assert_eq!(queues.news(&names(&["a"])), Some(Word::Taking(1)));
    }
}
