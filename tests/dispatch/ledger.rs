use action_processor::{
    component::Reply,
    dispatch::{
        Answer, Destination, Envelope,
        ledger::{Claim, Key, Ledger},
    },
};
use bytes::Bytes;

fn key(id: &str) -> Key {
    Key { destination: "actions.201.tasks".into(), id: id.into() }
}

fn answer(text: &str) -> Answer {
    let envelope = Envelope::made_up(Destination::actions(201, "tasks"), 1, Bytes::new());
    Answer::last(&envelope, &Ok(Reply::text(text)))
}

#[test]
fn a_message_is_the_first_claimer_s_and_only_on_its_own_queue() {
    let ledger = Ledger::default();
    assert_eq!(ledger.claim(key("1"), 'a'), Claim::New);
    assert_eq!(ledger.claim(key("1"), 'b'), Claim::AtWork);
    let copy = Key { destination: "actions.201.others".into(), id: "1".into() };
    assert_eq!(ledger.claim(copy, 'c'), Claim::New);
    assert_eq!(ledger.at_work(), 2);
}

#[test]
fn a_message_delivered_again_at_work_is_acknowledged_by_its_newest_delivery() {
    let ledger = Ledger::default();
    ledger.claim(key("1"), 'a');
    assert_eq!(ledger.handle(&key("1")), Some('a'));
    ledger.claim(key("1"), 'b');
    assert_eq!(ledger.handle(&key("1")), Some('b'));
    assert_eq!(ledger.answered(&key("1"), answer("done")), Some('b'));
}

#[test]
fn a_message_delivered_again_after_its_answer_gets_the_same_answer() {
    let ledger = Ledger::default();
    ledger.claim(key("1"), 'a');
    ledger.answered(&key("1"), answer("done"));
    for handle in ['b', 'c'] {
        assert_eq!(ledger.claim(key("1"), handle), Claim::Answered { answer: answer("done"), handle });
    }
    assert_eq!((ledger.at_work(), ledger.handle(&key("1"))), (0, None));
}

#[test]
fn an_answer_is_unsettled_until_a_session_has_taken_it() {
    let ledger = Ledger::default();
    ledger.claim(key("1"), 'a');
    assert_eq!(ledger.unsettled(), 0);
    ledger.answered(&key("1"), answer("done"));
    assert_eq!(ledger.unsettled(), 1);
    ledger.settled(&key("1"));
    assert_eq!(ledger.unsettled(), 0);
    assert!(ledger.knows(&key("1")));
}

#[test]
fn a_message_given_back_is_new_when_it_comes_again() {
    let ledger = Ledger::default();
    ledger.claim(key("1"), 'a');
    ledger.give_back(&key("1"));
    assert!(!ledger.knows(&key("1")));
    assert_eq!(ledger.claim(key("1"), 'b'), Claim::New);
}

#[test]
fn what_is_remembered_is_bounded_and_the_oldest_goes_first() {
    let ledger = Ledger::default();
    ledger.claim(key("at work"), 0);
    for number in 0..20_001 {
        let key = key(&number.to_string());
        ledger.claim(key.clone(), number);
        ledger.answered(&key, answer("done"));
        ledger.settled(&key);
    }
    assert!(!ledger.knows(&key("0")));
    assert!(ledger.knows(&key("1")));
    // However old, work is never forgotten.
    assert_eq!((ledger.knows(&key("at work")), ledger.at_work()), (true, 1));
}
