//! What is promised.

use crate::{
    Policy, Protocol,
    state::{Answer, Place, State},
};
use stateright::{Model, Property};

pub(crate) const ANSWERED_ONCE: &str = "no message is answered twice";
pub(crate) const TOGETHER: &str = "a message is acknowledged if and only if it is answered";
pub(crate) const NOT_REPEATED: &str = "work is repeated only if who did it was lost while it was begun";
pub(crate) const AT_MOST_ONCE: &str = "what is to be carried out at most once is carried out at most once";
pub(crate) const SET_ASIDE: &str = "what was interrupted twice is not carried out again";
pub(crate) const TRUTHFUL: &str = "an answer says what happened";
pub(crate) const ANSWERED: &str = "once nothing is left to do, every message is answered";

pub(crate) const SEEN_INTERRUPTED: &str = "some message is answered as interrupted";
pub(crate) const SEEN_SET_ASIDE: &str = "some message is set aside";
pub(crate) const SEEN_REPEATED: &str = "some message is carried out twice";

impl Protocol {
    pub(crate) fn promises() -> Vec<Property<Self>> {
        vec![
            Property::always(ANSWERED_ONCE, answered_once),
            Property::always(TOGETHER, together),
            Property::always(NOT_REPEATED, not_repeated),
            Property::always(AT_MOST_ONCE, at_most_once),
            Property::always(SET_ASIDE, set_aside),
            Property::always(TRUTHFUL, truthful),
            Property::always(ANSWERED, answered),
        ]
    }

    /// What shows that the promises are not kept merely because nothing ever happens.
    pub(crate) fn sights() -> Vec<Property<Self>> {
        vec![
            Property::sometimes(SEEN_INTERRUPTED, |_, state| is_answer(state, Answer::Interrupted)),
            Property::sometimes(SEEN_SET_ASIDE, |_, state| is_answer(state, Answer::SetAside)),
            Property::sometimes(SEEN_REPEATED, is_repeated),
        ]
    }
}

fn answered_once(_: &Protocol, state: &State) -> bool {
    state.history.iter().all(|each| each.answers.len() <= 1)
}

fn not_repeated(_: &Protocol, state: &State) -> bool {
    state.history.iter().all(|each| each.carried_out <= 1 + each.interruptions)
}

fn at_most_once(model: &Protocol, state: &State) -> bool {
    let mut messages = state.history.iter().zip(&model.policies);
    messages.all(|(history, policy)| *policy == Policy::Again || history.carried_out <= 1)
}

fn set_aside(_: &Protocol, state: &State) -> bool {
    state.history.iter().all(|each| each.carried_out <= 2)
}

fn together(_: &Protocol, state: &State) -> bool {
    let mut messages = state.broker.iter().zip(&state.history);
    messages.all(|(place, history)| (*place == Place::Acknowledged) != history.answers.is_empty())
}

fn truthful(model: &Protocol, state: &State) -> bool {
    let mut messages = state.history.iter().zip(&model.policies);
    messages.all(|(history, policy)| {
        history.answers.iter().all(|answer| match answer {
            Answer::Done => history.carried_out > 0,
            Answer::Interrupted => history.interruptions > 0 && *policy == Policy::AtMostOnce,
            Answer::SetAside => history.interruptions > 1,
        })
    })
}

fn answered(model: &Protocol, state: &State) -> bool {
    let mut actions = Vec::new();
    model.actions(state, &mut actions);
    actions.iter().any(|action| !action.is_fault())
        || state.history.iter().all(|each| !each.answers.is_empty())
}

fn is_answer(state: &State, answer: Answer) -> bool {
    state.history.iter().any(|each| each.answers.contains(&answer))
}

fn is_repeated(_: &Protocol, state: &State) -> bool {
    state.history.iter().any(|each| each.carried_out > 1)
}
