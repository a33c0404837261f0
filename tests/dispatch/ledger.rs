//! Which messages are at work here.

use action_processor::{
    dispatch::ledger::{Claim, Ledger},
    store::Key,
};

fn key(id: &str) -> Key {
    Key { destination: "actions.201.tasks".to_owned(), id: id.to_owned() }
}

#[test]
fn a_message_delivered_again_while_at_work_only_brings_its_new_handle() {
    let ledger = Ledger::default();
    assert_eq!(ledger.claim(&key("1"), Some('a')), Claim::New);
    assert_eq!(ledger.claim(&key("1"), Some('b')), Claim::AtWork);
    assert_eq!(ledger.handle(&key("1")), Some('b'));
    let copy = Key { destination: "actions.201.other".to_owned(), ..key("1") };
    assert_eq!(ledger.claim(&copy, Some('c')), Claim::New, "the same message on another queue");
    assert_eq!(ledger.at_work(), 2);
}

#[test]
fn what_is_released_is_new_when_it_comes_again() {
    let ledger = Ledger::default();
    ledger.claim(&key("1"), Some('a'));
    assert!(ledger.release(&key("1"), Some(&'a')));
    assert!(!ledger.knows(&key("1")));
    assert_eq!(ledger.claim(&key("1"), Some('b')), Claim::New);
}

#[test]
fn what_came_again_meanwhile_is_not_released() {
    let ledger = Ledger::default();
    ledger.claim(&key("1"), Some('a'));
    ledger.claim(&key("1"), Some('b'));
    assert!(!ledger.release(&key("1"), Some(&'a')));
    assert_eq!(ledger.handle(&key("1")), Some('b'));
    assert!(ledger.release(&key("1"), Some(&'b')));
}

#[test]
fn a_message_that_no_broker_delivered_has_no_handle() {
    let ledger: Ledger<char> = Ledger::default();
    ledger.claim(&key("1"), None);
    assert_eq!(ledger.handle(&key("1")), None);
    assert!(ledger.release(&key("1"), None));
}

#[test]
fn of_the_messages_whose_reply_the_broker_has_the_newest_are_remembered() {
    let ledger: Ledger<char> = Ledger::default();
    for number in 0..20_000 {
        ledger.replied(&key(&number.to_string()));
        ledger.replied(&key(&number.to_string()));
    }
    assert!(!ledger.has_replied(&key("0")));
    assert!(ledger.has_replied(&key("19999")));
}
