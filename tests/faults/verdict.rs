//! Whether the promises were kept.

use std::{
    collections::HashSet,
    time::{Duration, UNIX_EPOCH},
};

use crate::book::{Action, Number, Pages};

/// What a case has shown.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    pub(crate) actions: usize,
    /// Answered as done; the others' answers say what went wrong.
    pub(crate) done: usize,
    pub(crate) faults: usize,
    pub(crate) lost: usize,
    pub(crate) answered_twice: usize,
    pub(crate) carried_out_twice: usize,
    pub(crate) recoveries: Vec<Duration>,
    /// Promises that were broken, in words; empty if all is well.
    pub(crate) broken: Vec<String>,
}

/// What a case allows.
#[derive(Debug, Default)]
pub(crate) struct Allowed {
    /// May be carried out again, unless at most once was asked for: a processor died over them.
    pub(crate) twice: HashSet<Number>,
    /// So many replies may come twice.
    pub(crate) answered_twice: usize,
    /// The longest recovery.
    pub(crate) recovery: Option<Duration>,
}

// === impl Tally ===

impl Tally {
    /// Looks at every action.
    pub(crate) fn of(pages: &Pages, allowed: &Allowed) -> Self {
        let Pages { actions, retired, strangers, .. } = pages;
        let mut tally = Self { actions: actions.len() + retired, ..Self::default() };
        let which = |wanted: &dyn Fn(Number, &Action) -> bool| -> Vec<Number> {
            actions
                .iter()
                .filter(|(number, action)| wanted(**number, action))
                .map(|(number, _)| *number)
                .collect()
        };
        let lost = which(&|_, action| action.stored && action.answers == 0);
        let answered_twice = which(&|_, action| action.answers > 1);
        let carried_out_twice = which(&|_, action| action.writes > 1);
        let once = which(&|_, action| action.writes > 1 && action.at_most_once());
        let unexcused = which(&|number, action| action.writes > 1 && !allowed.twice.contains(&number));
        let untrue = which(&|_, action| action.done && action.writes == 0);
        tally.done = actions.values().filter(|action| action.done).count();
        tally.lost = lost.len();
        tally.answered_twice = answered_twice.len();
        tally.carried_out_twice = carried_out_twice.len();
        tally.hold(&lost, "lost");
        tally.date(lost.first().and_then(|number| actions.get(number)));
        if answered_twice.len() > allowed.answered_twice {
            tally.hold(&answered_twice, "answered twice");
        }
        tally.hold(&unexcused, "carried out twice without having been at work at a kill");
        tally.hold(&once, "carried out twice though at most once was asked for");
        tally.hold(&untrue, "answered as done and not carried out");
        if *strangers > 0 {
            tally.broken.push(format!("{strangers} replies or writes of unknown actions"));
        }
        tally
    }

    /// With the time that recovering took.
    pub(crate) fn with_recoveries(mut self, recoveries: Vec<Duration>, longest: Option<Duration>) -> Self {
        if let Some(slow) = recoveries.iter().find(|took| longest.is_some_and(|longest| **took > longest)) {
            self.broken.push(format!("recovery took {:.1} s", slow.as_secs_f64()));
        }
        self.recoveries = recoveries;
        self.recoveries.sort_unstable();
        self
    }

    /// When the action that is lost was posted, and how far it came: what a log is searched by.
    fn date(&mut self, lost: Option<&Action>) {
        let since =
            lost.and_then(|action| action.since).and_then(|since| since.duration_since(UNIX_EPOCH).ok());
        if let (Some(since), Some(action)) = (since, lost) {
            let (seconds, writes) = (since.as_secs(), action.writes);
            self.broken.push(format!(
                "that one was posted at {seconds} (seconds since 1970), and written {writes} times"
            ));
        }
    }

    fn hold(&mut self, found: &[Number], what: &str) {
        if let Some(example) = found.first() {
            self.broken.push(format!("{} {what}, for example invid:{example}", found.len()));
        }
    }
}
