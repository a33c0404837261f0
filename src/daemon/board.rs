//! What the service manager is told of all platforms together.

use super::service::Service;
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

/// How each platform is. Clones are the same board.
#[derive(Debug, Clone, Default)]
pub struct Board(Arc<Mutex<Platforms>>);

#[derive(Debug, Default)]
struct Platforms {
    states: BTreeMap<Arc<str>, State>,
    /// The service manager knows that the daemon is ready.
    told: bool,
    /// How many mistakes the file has that was refused last; none once a good one was read.
    mistakes: usize,
}

/// One platform's place on the board.
#[derive(Debug, Clone)]
pub struct Notice {
    board: Board,
    platform: Arc<str>,
}

/// How one platform is.
#[derive(Debug, Default)]
struct State {
    text: String,
    /// It has taken messages since it was begun.
    ready: bool,
    /// It was refused for a reason that only a person can mend, such as wrong credentials.
    refused: bool,
    /// It has been ready, or has failed, once.
    heard_of: bool,
}

// === impl Board ===

impl Board {
    /// The place of `platform`, of which nothing is known yet.
    #[must_use]
    pub fn notice(&self, platform: &str) -> Notice {
        let platform: Arc<str> = platform.into();
        self.tell(|states| {
            states.entry(platform.clone()).or_default();
        });
        Notice { board: self.clone(), platform }
    }

    /// A platform that is no longer configured.
    pub fn forget(&self, platform: &str) {
        self.tell(|states| drop(states.remove(platform)));
    }

    /// The changed configuration was refused for so many mistakes, or is in force where it has none. `systemctl reload`
    /// has returned long before, so `systemctl status` says it.
    pub fn read(&self, mistakes: usize) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).mistakes = mistakes;
        self.tell(|_| {});
    }

    /// What is said of a platform that is no longer configured, while it ends, is nobody's business.
    fn change(&self, platform: &Arc<str>, change: impl FnOnce(&mut State)) {
        self.tell(|states| {
            if let Some(state) = states.get_mut(platform) {
                change(state);
            }
        });
    }

    /// Ready is who takes some platform's messages and has heard of each: one that is away for ever does not keep the
    /// service manager waiting. Nor does a refusal that waiting does not mend: the status says what is wrong.
    fn tell(&self, change: impl FnOnce(&mut BTreeMap<Arc<str>, State>)) {
        let mut platforms = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        change(&mut platforms.states);
        let states = || platforms.states.values();
        let taking = states().any(|state| state.ready) && states().all(|state| state.heard_of);
        let settled = states().all(|state| state.ready || state.refused) && states().next().is_some();
        let ready = taking || settled;
        if ready && !platforms.told {
            platforms.told = true;
            Service.ready();
        }
        let refused = Some(platforms.mistakes).filter(|mistakes| *mistakes > 0).map(refusal);
        let parts = [Some(in_words(&platforms.states)).filter(|text| !text.is_empty()), refused];
        let text = parts.into_iter().flatten().collect::<Vec<_>>().join("; ");
        if !text.is_empty() {
            Service.status(&text);
        }
    }
}

fn refusal(mistakes: usize) -> String {
    format!(
        "the changed app.config is refused (mistakes: {mistakes}, see the log), the one before it is in force"
    )
}

/// One line; the names only where there are several.
fn in_words(states: &BTreeMap<Arc<str>, State>) -> String {
    if let (1, Some(state)) = (states.len(), states.values().next()) {
        return state.text.clone();
    }
    let known = states.iter().filter(|(_, state)| !state.text.is_empty());
    known.map(|(name, state)| format!("{name}: {}", state.text)).collect::<Vec<_>>().join("; ")
}

// === impl Notice ===

impl Notice {
    /// Every queue of it has been answered for, and messages come where there is a queue for them: `text` says it.
    pub fn ready(&self, text: &str) {
        self.write(text.to_owned(), |state| (state.ready, state.heard_of) = (true, true));
    }

    /// Something is in its way; it is tried again, or was given up.
    pub fn trouble(&self, text: String) {
        self.write(text, |state| state.heard_of = true);
    }

    /// Something does not answer for now; what was known of it stays.
    pub fn waiting(&self, text: &str) {
        self.write(text.to_owned(), |_| {});
    }

    /// It is refused, and only a person can change that; it is tried again all the same.
    pub fn refused(&self, text: String) {
        self.write(text, |state| (state.refused, state.heard_of) = (true, true));
    }

    fn write(&self, text: String, change: impl FnOnce(&mut State)) {
        self.board.change(&self.platform, |state| {
            state.text = text;
            change(state);
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(board: &Board) -> String {
        in_words(&board.0.lock().unwrap().states)
    }

    #[test]
    fn a_platform_that_is_no_longer_configured_is_not_heard_of_again() {
        let board = Board::default();
        let (europe, us) = (board.notice("europe"), board.notice("us"));
        europe.ready("taking messages");
        us.trouble("waiting for the broker".to_owned());
        assert_eq!(words(&board), "europe: taking messages; us: waiting for the broker");
        board.forget("us");
        us.trouble("its last words".to_owned());
        assert_eq!(words(&board), "taking messages");
    }
}
