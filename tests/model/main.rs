//! The delivery protocol as a state machine, checked exhaustively.
//!
//! `stateright` tries every order of events for two messages, one or two processors on one journal, and a few faults at
//! any moment: a processor killed or told to stop, a link cut and noticed at either end first, the broker restarted, a
//! processor out of touch with the journal for longer than its lease. What is promised is in [`properties`], what may
//! happen in [`actions`], what it does in [`steps`], what there is in [`state`].
//!
//! What the model takes for granted, and other tests show: the broker takes a transaction whole or not at all and keeps
//! it; what the journal has been told to keep is kept (power loss is left out); every fault ends.
//! What it leaves out: bodies, statuses, retries' notes, the broker's own memory of what it has redelivered.
//!
//! A model that finds nothing may be blind, so each rule of the protocol is broken in turn ([`Defect`]), and the checker
//! has to find what comes of it. A promise that fails prints a way there, step by step.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

mod actions;
mod properties;
mod state;
mod steps;

use actions::Action;
use properties::{
    ANSWERED, ANSWERED_ONCE, AT_MOST_ONCE, NOT_REPEATED, SEEN_INTERRUPTED, SEEN_REPEATED, SEEN_SET_ASIDE,
    TOGETHER,
};
use state::{Faults, State};
use stateright::{Checker, HasDiscoveries, Model, Property};
use std::collections::{BTreeSet, HashSet};

/// The protocol, with its sizes and, for the tests of the model itself, one of its rules broken.
#[derive(Debug, Clone)]
pub(crate) struct Protocol {
    /// One for each message.
    policies: Vec<Policy>,
    processors: usize,
    faults: Faults,
    broken: Option<Defect>,
    /// What must be possible.
    sights: Vec<&'static str>,
}

/// What a message's handler wants when it was interrupted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Policy {
    Again,
    AtMostOnce,
}

/// A rule that is not kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Defect {
    /// No transaction; as with a broker that has none: replies, and acknowledgements once those are taken.
    RepliesThenAcks,
    /// No transaction, and the other way round.
    AcksThenReplies,
    /// The work begins before the journal has kept that.
    BeginNotKept,
    /// The answer is sent before the journal has kept it.
    FinishNotKept,
    /// Whoever gets the message takes it over, whether or not its owner lives.
    LeaseNotChecked,
    /// Who was taken over goes on regardless.
    OwnerNotChecked,
    /// Claiming an interrupted message makes it look like one that nobody has begun.
    InterruptionForgotten,
    /// Who was taken over drops the message even if the broker has delivered it here again since.
    TakenOverDropped,
    /// The entry goes as soon as the broker has confirmed.
    ForgetsAtOnce,
}

impl Model for Protocol {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        vec![State::new(self.policies.len(), self.processors, self.faults)]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        self.possible(state, actions);
    }

    fn next_state(&self, state: &State, action: Action) -> Option<State> {
        Some(self.after(state, action))
    }

    fn properties(&self) -> Vec<Property<Self>> {
        let sights = Self::sights().into_iter().filter(|sight| self.sights.contains(&sight.name));
        Self::promises().into_iter().chain(sights).collect()
    }
}

impl Protocol {
    fn new<const MESSAGES: usize>(policies: [Policy; MESSAGES], processors: usize, faults: Faults) -> Self {
        Self { policies: policies.to_vec(), processors, faults, broken: None, sights: Vec::new() }
    }

    fn broken(self, defect: Defect) -> Self {
        Self { broken: Some(defect), ..self }
    }

    fn showing<const SIGHTS: usize>(self, sights: [&'static str; SIGHTS]) -> Self {
        Self { sights: sights.to_vec(), ..self }
    }

    fn has(&self, defect: Defect) -> bool {
        self.broken == Some(defect)
    }

    /// Tries everything; fails with a way to a broken promise.
    fn keeps_its_promises(self) {
        let checker = self.checker().threads(2).spawn_bfs().join();
        println!("{} states, at most {} steps", checker.unique_state_count(), checker.max_depth());
        checker.assert_properties();
    }

    /// Follows every way on from every state: none leads back to where it has been.
    fn comes_to_an_end(self) {
        let (mut left, mut entered) = (HashSet::new(), HashSet::new());
        let mut way = self.init_states();
        while let Some(state) = way.last().cloned() {
            if !entered.insert(state.clone()) {
                left.insert(state);
                way.pop();
                continue;
            }
            for next in self.next_states(&state) {
                assert!(left.contains(&next) || !entered.contains(&next), "leads back to {next:?}");
                if !left.contains(&next) {
                    way.push(next);
                }
            }
        }
    }

    /// Tries everything; which promises were broken somewhere.
    fn failures(self) -> BTreeSet<&'static str> {
        self.checker().threads(2).spawn_bfs().join().discoveries().into_keys().collect()
    }

    /// Looks until this promise is broken.
    fn fails(self, promise: &'static str) {
        let enough = HasDiscoveries::AnyOf(BTreeSet::from([promise]));
        let checker = self.checker().threads(2).finish_when(enough).spawn_bfs().join();
        let path = checker.assert_any_discovery(promise);
        println!("{promise}: broken thus\n{path}");
    }
}

use Policy::{Again, AtMostOnce};

const NO_FAULTS: Faults = Faults { kills: 0, stops: 0, cuts: 0, broker_restarts: 0, lapses: 0 };

#[test]
fn one_processor_keeps_its_promises() {
    let faults = Faults { kills: 2, stops: 1, cuts: 1, broker_restarts: 1, lapses: 0 };
    Protocol::new([Again, AtMostOnce], 1, faults)
        .showing([SEEN_INTERRUPTED, SEEN_SET_ASIDE, SEEN_REPEATED])
        .keeps_its_promises();
}

#[test]
fn two_processors_on_one_journal_keep_their_promises_whatever_happens_to_one_message() {
    for policy in [Again, AtMostOnce] {
        let faults = Faults { kills: 2, stops: 1, cuts: 1, broker_restarts: 1, lapses: 1 };
        Protocol::new([policy], 2, faults).keeps_its_promises();
    }
}

#[test]
fn two_processors_on_one_journal_keep_their_promises_about_two_messages() {
    let faults = Faults { kills: 1, cuts: 1, lapses: 1, ..NO_FAULTS };
    Protocol::new([Again, AtMostOnce], 2, faults).keeps_its_promises();
}

#[test]
fn without_transactions_a_reply_may_come_twice_and_nothing_else_goes_wrong() {
    let faults = Faults { kills: 2, cuts: 1, ..NO_FAULTS };
    let failures = Protocol::new([Again, AtMostOnce], 1, faults).broken(Defect::RepliesThenAcks).failures();
    assert_eq!(failures, BTreeSet::from([ANSWERED_ONCE, TOGETHER]));
}

#[test]
fn an_acknowledgement_before_its_reply_loses_the_answer() {
    let faults = Faults { cuts: 1, ..NO_FAULTS };
    Protocol::new([Again], 1, faults).broken(Defect::AcksThenReplies).fails(ANSWERED);
}

#[test]
fn work_that_begins_before_the_journal_knows_is_done_twice() {
    let faults = Faults { kills: 1, ..NO_FAULTS };
    Protocol::new([AtMostOnce], 1, faults).broken(Defect::BeginNotKept).fails(AT_MOST_ONCE);
}

#[test]
fn an_answer_sent_before_the_journal_knows_is_worked_out_again() {
    let faults = Faults { kills: 1, ..NO_FAULTS };
    Protocol::new([Again], 1, faults).broken(Defect::FinishNotKept).fails(NOT_REPEATED);
}

#[test]
fn without_leases_two_processors_do_the_same_work() {
    let faults = Faults { cuts: 1, ..NO_FAULTS };
    Protocol::new([Again], 2, faults).broken(Defect::LeaseNotChecked).fails(NOT_REPEATED);
}

#[test]
fn a_processor_that_was_taken_over_and_goes_on_does_the_work_twice() {
    let faults = Faults { cuts: 1, lapses: 1, ..NO_FAULTS };
    Protocol::new([AtMostOnce], 2, faults).broken(Defect::OwnerNotChecked).fails(AT_MOST_ONCE);
}

#[test]
fn an_interruption_must_survive_whoever_claims_the_message_next() {
    let faults = Faults { kills: 2, ..NO_FAULTS };
    Protocol::new([AtMostOnce], 1, faults).broken(Defect::InterruptionForgotten).fails(AT_MOST_ONCE);
}

#[test]
fn a_message_taken_over_and_delivered_back_must_be_claimed_again() {
    let faults = Faults { cuts: 2, lapses: 1, ..NO_FAULTS };
    Protocol::new([Again], 2, faults).broken(Defect::TakenOverDropped).fails(ANSWERED);
}

#[test]
fn an_entry_forgotten_while_a_dead_session_goes_unnoticed_is_carried_out_again() {
    let faults = Faults { cuts: 1, ..NO_FAULTS };
    Protocol::new([Again], 2, faults).broken(Defect::ForgetsAtOnce).fails(NOT_REPEATED);
}

/// Without this, "once nothing is left to do" might never come.
#[test]
fn nothing_goes_round_in_circles() {
    let faults = Faults { kills: 1, stops: 1, cuts: 1, broker_restarts: 0, lapses: 1 };
    Protocol::new([Again], 2, faults).comes_to_an_end();
}
