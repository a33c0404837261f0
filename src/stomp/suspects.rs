//! Which message, or which queue, ends one session after the other, so that it is held back and the others go on. Pure: the
//! clock and the dice are handed in.

use std::collections::HashMap;
use std::time::Duration;

use tokio::time::Instant;

use super::backoff::Ramp;

/// Remembers how sessions ended.
#[derive(Debug, Default)]
pub(super) struct Suspects {
    /// What the last session ended at.
    last: Option<Suspect>,
    /// The queues that are or were held back.
    held: HashMap<String, Hold>,
    /// The last session ended in the midst of something that could not be read at all: which queue it came from shows only
    /// where one is asked for after the other.
    careful: bool,
}

/// A message, or a queue, at which a session ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Suspect {
    pub(super) destination: String,
    pub(super) id: Option<String>,
}

/// What a session ended at.
#[derive(Debug)]
pub(super) enum Ending {
    /// Nothing that a message is to blame for.
    Blameless,
    /// Something that could not be read.
    Unreadable,
    /// In the midst of this message, or at this queue's first one.
    At(Suspect),
}

#[derive(Debug)]
struct Hold {
    times: u32,
    until: Instant,
}

/// A queue that has gone well for so long after it was held back is as good as any.
const FORGIVEN: Duration = Duration::from_secs(3_600);
/// Between two subscriptions, where it matters which one brings what ends the session.
const APART: Duration = Duration::from_millis(500);

impl Suspects {
    /// A session has ended; says what is to be held back now, and for how long.
    pub(super) fn ended(&mut self, ending: Ending, now: Instant, dice: f64) -> Option<(Suspect, Duration)> {
        self.held.retain(|_, hold| now < hold.until + FORGIVEN);
        let was_careful = std::mem::replace(&mut self.careful, matches!(ending, Ending::Unreadable));
        let Ending::At(suspect) = ending else {
            self.last = None;
            return None;
        };
        let again = self.last.as_ref() == Some(&suspect)
            || self.held.contains_key(&suspect.destination)
            || (was_careful && suspect.id.is_none());
        self.last = Some(suspect.clone());
        if !again {
            return None;
        }
        let hold = self.held.entry(suspect.destination.clone()).or_insert(Hold { times: 0, until: now });
        let delay = Ramp::REFUSED_QUEUE.jittered(hold.times, dice);
        (hold.times, hold.until) = (hold.times.saturating_add(1), now + delay);
        Some((suspect, delay))
    }

    /// How long to wait between two subscriptions of this session.
    pub(super) fn pause(&self) -> Option<Duration> {
        self.careful.then_some(APART)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(id: Option<&str>) -> Ending {
        Ending::At(Suspect { destination: "a".into(), id: id.map(str::to_owned) })
    }

    #[test]
    fn the_same_message_twice_in_a_row_is_held_back() {
        let (mut suspects, now) = (Suspects::default(), Instant::now());
        let mut ended = |ending| suspects.ended(ending, now, 0.0).map(|(_, delay)| delay.as_secs());
        assert_eq!([at(Some("1")), at(Some("2")), at(Some("1"))].map(&mut ended), [None; 3]);
        assert_eq!(
            [at(Some("1")), Ending::Blameless, at(Some("1"))].map(&mut ended),
            [Some(30), None, Some(60)]
        );
    }

    #[test]
    fn pauses_grow_and_are_forgotten_after_a_long_peace() {
        let (mut suspects, now) = (Suspects::default(), Instant::now());
        let delays =
            (0..6).map(|_| suspects.ended(at(Some("1")), now, 0.0).map(|(_, delay)| delay.as_secs()));
        assert_eq!(delays.collect::<Vec<_>>(), [None, Some(30), Some(60), Some(120), Some(240), Some(300)]);
        assert!(suspects.ended(at(Some("2")), now + FORGIVEN * 2, 0.0).is_none());
    }

    #[test]
    fn what_cannot_be_read_is_looked_for_queue_by_queue() {
        let (mut suspects, now) = (Suspects::default(), Instant::now());
        assert!(suspects.pause().is_none());
        assert!(suspects.ended(Ending::Unreadable, now, 0.0).is_none());
        assert!(suspects.pause().is_some());
        assert!(suspects.ended(at(None), now, 0.0).is_some());
        assert!(suspects.pause().is_none());
    }
}
