//! Which destinations are wanted, and how far each has come. Pure: the clock is handed in.

use std::collections::HashMap;
use std::fmt;
use std::num::ParseIntError;
use std::str::FromStr;
use std::time::Duration;

use tokio::time::Instant;

use super::backoff::Ramp;

/// Names a subscription on the wire, the same one on every session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct SubscriptionId(u32);

/// The destinations, in the order in which they were asked for.
#[derive(Debug)]
pub struct Roster {
    entries: Vec<Entry>,
    /// Subscriptions that the broker has yet to be told to end.
    leaving: Vec<SubscriptionId>,
    next: u32,
    /// Whether this session's outcome has been told.
    settled: bool,
    /// How many subscriptions are wanted of the destinations that have had more than one.
    windows: HashMap<String, usize>,
    /// What was asked for last.
    last: Option<SubscriptionId>,
}

#[derive(Debug)]
struct Entry {
    id: SubscriptionId,
    destination: String,
    /// A further subscription to a destination, which has a prefetch of its own.
    further: bool,
    refusals: u32,
    state: State,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// To be asked for: → `Asked`.
    Wanted,
    /// Asked for on this session: → `Active`, `Refused`, or `Wanted` on the next session. `told`: the owner knows that
    /// the answer is late.
    Asked { since: Instant, told: bool },
    /// Confirmed on this session: → `Wanted` on the next session.
    Active,
    /// Refused: → `Wanted` or `Probed` at this time, on whichever session.
    Refused { until: Instant },
    /// Refused, and asked for on a connection of its own: → `Wanted`, `Refused`.
    Probed,
}

/// What to tell the broker next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Request {
    /// Ask for a destination's messages.
    Subscribe(SubscriptionId, String),
    /// Want no more of them.
    Unsubscribe(SubscriptionId),
}

impl fmt::Display for SubscriptionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for SubscriptionId {
    type Err = ParseIntError;

    fn from_str(text: &str) -> Result<Self, ParseIntError> {
        text.parse().map(Self)
    }
}

// === impl Roster ===

impl Roster {
    /// A roster of these destinations; repeated names count once.
    #[must_use]
    pub fn new(destinations: impl IntoIterator<Item = String>) -> Self {
        let mut roster = Self {
            entries: Vec::new(),
            leaving: Vec::new(),
            next: 0,
            settled: false,
            windows: HashMap::new(),
            last: None,
        };
        for destination in destinations {
            roster.add(destination);
        }
        roster
    }

    /// Wants a destination, unless it is wanted already.
    pub fn add(&mut self, destination: String) {
        if self.entries.iter().any(|entry| entry.destination == destination) {
            return;
        }
        let id = SubscriptionId(self.next);
        self.next += 1;
        self.settled = false;
        self.entries.push(Entry { id, destination, further: false, refusals: 0, state: State::Wanted });
    }

    /// Wants so many subscriptions to a destination, each of which the broker sends its prefetch ahead. Fewer than there
    /// are take effect with the next session: ending one would give back what it has delivered.
    pub fn widen(&mut self, destination: &str, subscriptions: usize) {
        if !self.entries.iter().any(|entry| entry.destination == destination) {
            return;
        }
        let there = self.entries.iter().filter(|entry| entry.destination == destination).count();
        for _ in there..subscriptions {
            let id = SubscriptionId(self.next);
            self.next += 1;
            let destination = destination.to_owned();
            self.entries.push(Entry { id, destination, further: true, refusals: 0, state: State::Wanted });
        }
        self.windows.insert(destination.to_owned(), subscriptions);
    }

    /// Wants a destination no longer.
    pub fn remove(&mut self, destination: &str) {
        self.windows.remove(destination);
        let gone = self.entries.extract_if(.., |entry| entry.destination == destination);
        let told = gone.filter(|entry| matches!(entry.state, State::Asked { .. } | State::Active));
        self.leaving.extend(told.map(|entry| entry.id));
    }

    /// A new session knows of no subscription. What was refused waits for its time all the same: asking at once would
    /// make brokers that close the connection on a refusal close every one.
    pub fn renew(&mut self) {
        self.last = None;
        self.leaving.clear();
        self.settled = false;
        self.narrow();
        for entry in &mut self.entries {
            if matches!(entry.state, State::Asked { .. } | State::Active) {
                entry.state = State::Wanted;
            }
        }
    }

    /// Lets go of further subscriptions that are not wanted any more.
    fn narrow(&mut self) {
        let mut left = self.windows.clone();
        self.entries.retain(|entry| match left.get_mut(&entry.destination) {
            Some(left) if *left > 0 => {
                *left -= 1;
                true
            }
            _ => !entry.further,
        });
    }

    /// Whether there is something to tell the broker now.
    #[must_use]
    pub fn has_request(&self, now: Instant) -> bool {
        !self.leaving.is_empty() || self.entries.iter().any(|entry| entry.is_due(now))
    }

    /// What to tell the broker next; it counts as told.
    pub fn next_request(&mut self, now: Instant) -> Option<Request> {
        if let Some(id) = self.leaving.pop() {
            return Some(Request::Unsubscribe(id));
        }
        let entry = self.entries.iter_mut().find(|entry| entry.is_due(now))?;
        entry.state = State::Asked { since: now, told: false };
        self.last = Some(entry.id);
        Some(Request::Subscribe(entry.id, entry.destination.clone()))
    }

    /// When something is due next: a refused destination is to be tried again, or an answer is late, which it is after
    /// `limit`.
    #[must_use]
    pub fn next_due(&self, limit: Duration) -> Option<Instant> {
        let due = self.entries.iter().filter_map(|entry| match entry.state {
            State::Refused { until } => Some(until),
            State::Asked { since, told: false } => since.checked_add(limit),
            State::Wanted | State::Asked { told: true, .. } | State::Active | State::Probed => None,
        });
        due.min()
    }

    /// A destination whose answer is late; told once. The answer may still come, and of a further subscription it is
    /// not missed.
    pub fn overdue(&mut self, now: Instant, limit: Duration) -> Option<&str> {
        self.entries.iter_mut().find_map(|entry| match &mut entry.state {
            State::Asked { since, told } if !*told && now.duration_since(*since) >= limit => {
                *told = true;
                (!entry.further).then_some(entry.destination.as_str())
            }
            State::Asked { .. } | State::Wanted | State::Active | State::Refused { .. } | State::Probed => {
                None
            }
        })
    }

    /// The broker confirmed a subscription; says which destination, unless it is a further one of it.
    pub fn confirm(&mut self, id: SubscriptionId) -> Option<&str> {
        let entry = self.entry(id)?;
        entry.state = State::Active;
        entry.refusals = 0;
        (!entry.further).then_some(entry.destination.as_str())
    }

    /// The broker refused a subscription; says which destination and when it is tried again, unless it is a further one:
    /// the destination's messages come all the same.
    pub fn refuse(&mut self, id: SubscriptionId, now: Instant, dice: f64) -> Option<(&str, Duration)> {
        let entry = self.entry(id)?;
        let delay = Ramp::REFUSED_QUEUE.jittered(entry.refusals, dice);
        entry.refusals = entry.refusals.saturating_add(1);
        entry.state = State::Refused { until: now + delay };
        (!entry.further).then_some((entry.destination.as_str(), delay))
    }

    /// A subscription that was asked for on this session and not answered.
    #[must_use]
    pub fn unanswered(&self) -> Option<SubscriptionId> {
        let asked = |entry: &&Entry| matches!(entry.state, State::Asked { .. });
        self.entries.iter().find(asked).map(|entry| entry.id)
    }

    /// A destination that was refused and is due, to be asked for on a connection of its own first.
    pub fn next_probe(&mut self, now: Instant) -> Option<(SubscriptionId, String)> {
        let due = |entry: &&mut Entry| matches!(entry.state, State::Refused { until } if until <= now);
        let entry = self.entries.iter_mut().find(due)?;
        entry.state = State::Probed;
        Some((entry.id, entry.destination.clone()))
    }

    /// A destination that was asked for on a connection of its own may be asked for on this one.
    pub fn want(&mut self, id: SubscriptionId) {
        if let Some(entry) = self.entry(id).filter(|entry| entry.state == State::Probed) {
            entry.state = State::Wanted;
        }
    }

    /// Leaves a destination alone until then.
    pub fn hold(&mut self, destination: &str, until: Instant) {
        for entry in self.entries.iter_mut().filter(|entry| entry.destination == destination) {
            entry.state = State::Refused { until };
        }
    }

    /// The destination that was asked for last, if it is still wanted.
    #[must_use]
    pub fn last_asked(&self) -> Option<&str> {
        self.destination(self.last?)
    }

    /// The destination, where only one is wanted.
    #[must_use]
    pub fn only(&self) -> Option<&str> {
        let first = self.entries.first()?.destination.as_str();
        self.entries.iter().all(|entry| entry.destination == first).then_some(first)
    }

    /// Whether this was one of ours and is not wanted any more.
    #[must_use]
    pub fn has_ended(&self, id: SubscriptionId) -> bool {
        id.0 < self.next && self.destination(id).is_none()
    }

    /// The destination of a subscription that is still wanted.
    #[must_use]
    pub fn destination(&self, id: SubscriptionId) -> Option<&str> {
        self.entries.iter().find(|entry| entry.id == id).map(|entry| entry.destination.as_str())
    }

    /// The destination that the broker names so, for brokers that leave the subscription out.
    #[must_use]
    pub fn named(&self, on_the_wire: &str) -> Option<&str> {
        let names = self.entries.iter().map(|entry| entry.destination.as_str());
        let bare = |name: &str| name.strip_prefix("/queue/").unwrap_or(name).to_owned();
        names.into_iter().find(|name| bare(name) == bare(on_the_wire))
    }

    /// True once per session: when every destination has been confirmed or refused.
    pub fn settles(&mut self) -> bool {
        let open = |entry: &Entry| {
            !entry.further && matches!(entry.state, State::Wanted | State::Asked { told: false, .. })
        };
        if self.settled || self.entries.iter().any(open) {
            return false;
        }
        self.settled = true;
        true
    }

    fn entry(&mut self, id: SubscriptionId) -> Option<&mut Entry> {
        self.entries.iter_mut().find(|entry| entry.id == id)
    }
}

impl Entry {
    fn is_due(&self, now: Instant) -> bool {
        match self.state {
            State::Wanted => true,
            State::Refused { until } => until <= now,
            State::Asked { .. } | State::Active | State::Probed => false,
        }
    }
}
