//! An outage is told when it begins, when it is another one, and now and then while it lasts: not at each attempt.

use std::{collections::BTreeMap, time::Duration};
use tokio::time::Instant;

/// What was said of an outage, and when. Several brokers in turn may each have words of their own.
#[derive(Debug, Default)]
pub struct Repeats(BTreeMap<String, Instant>);

/// Between two lines that say the same.
pub const AGAIN: Duration = Duration::from_secs(300);

/// Words that change with each attempt are not kept for ever.
const MOST: usize = 32;

// === impl Repeats ===

impl Repeats {
    /// Whether these words are new, or were said last long ago; they count as said then.
    pub fn is_news(&mut self, words: &str) -> bool {
        let now = Instant::now();
        if self.0.get(words).is_some_and(|said| now.duration_since(*said) < AGAIN) {
            return false;
        }
        if self.0.len() >= MOST {
            self.0.clear();
        }
        self.0.insert(words.to_owned(), now);
        true
    }

    /// The outage is over: the next one is news.
    pub fn forget(&mut self) {
        self.0.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::{AGAIN, Repeats};

    #[tokio::test(start_paused = true)]
    async fn the_same_words_are_news_once_and_again_after_a_while() {
        let mut repeats = Repeats::default();
        assert!(repeats.is_news("connection refused"));
        assert!(!repeats.is_news("connection refused"));
        assert!(repeats.is_news("no route to host"), "another outage");
        assert!(!repeats.is_news("connection refused"), "two brokers in turn");
        tokio::time::advance(AGAIN).await;
        assert!(repeats.is_news("connection refused"));
        repeats.forget();
        assert!(repeats.is_news("connection refused"), "another one of the same kind");
    }
}
