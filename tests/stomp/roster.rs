//! Which destinations are asked for, and when.

use std::time::Duration;

use action_processor::stomp::roster::{Request, Roster, SubscriptionId};
use tokio::time::Instant;

fn roster(names: &[&str]) -> Roster {
    Roster::new(names.iter().map(|name| (*name).to_owned()))
}

fn asked(roster: &mut Roster, now: Instant) -> Vec<Request> {
    std::iter::from_fn(|| roster.next_request(now)).collect()
}

fn id(number: u32) -> SubscriptionId {
    number.to_string().parse().unwrap()
}

fn subscribe(number: u32, name: &str) -> Request {
    Request::Subscribe(id(number), name.into())
}

#[test]
fn every_destination_is_asked_for_once_and_again_on_the_next_session_under_the_same_id() {
    let (mut roster, now) = (roster(&["a", "b", "a"]), Instant::now());
    let expected = [subscribe(0, "a"), subscribe(1, "b")];
    assert_eq!(asked(&mut roster, now), expected);
    roster.confirm(id(0));
    assert_eq!(asked(&mut roster, now), []);
    roster.renew();
    assert_eq!(asked(&mut roster, now), expected);
}

#[test]
fn a_refused_destination_waits_its_time_even_over_a_reconnect() {
    let (mut roster, now) = (roster(&["a", "b"]), Instant::now());
    asked(&mut roster, now);
    let (name, delay) = roster.refuse(id(1), now, 0.0).unwrap();
    assert_eq!((name, delay), ("b", Duration::from_secs(30)));
    roster.renew();
    assert_eq!(asked(&mut roster, now), [subscribe(0, "a")]);
    assert!(roster.next_due(Duration::MAX) == Some(now + delay));
    assert_eq!(asked(&mut roster, now + delay), [subscribe(1, "b")]);
    let later = roster.refuse(id(1), now, 0.0).unwrap().1;
    assert!(later > delay);
}

#[test]
fn a_further_subscription_that_is_refused_or_late_does_not_count_against_its_destination() {
    let (mut roster, now, limit) = (roster(&["a"]), Instant::now(), Duration::from_secs(60));
    asked(&mut roster, now);
    roster.confirm(id(0));
    roster.widen("a", 3);
    assert_eq!(asked(&mut roster, now), [subscribe(1, "a"), subscribe(2, "a")]);
    assert_eq!(roster.refuse(id(1), now, 0.0), None);
    assert_eq!(roster.overdue(now + limit, limit), None);
    let again = roster.next_due(limit).unwrap();
    assert_eq!(asked(&mut roster, again), [subscribe(1, "a")], "it is tried again");
}

#[test]
fn it_is_settled_once_per_session_when_all_have_been_answered() {
    let (mut roster, now) = (roster(&["a", "b"]), Instant::now());
    asked(&mut roster, now);
    roster.confirm(id(0));
    assert!(!roster.settles());
    roster.refuse(id(1), now, 0.0);
    assert!(roster.settles());
    assert!(!roster.settles());
    roster.renew();
    asked(&mut roster, now);
    roster.confirm(id(0));
    assert!(roster.settles());
}

#[test]
fn a_destination_that_is_no_longer_wanted_is_unsubscribed_and_forgotten() {
    let (mut roster, now) = (roster(&["a", "b"]), Instant::now());
    asked(&mut roster, now);
    roster.remove("a");
    assert_eq!(asked(&mut roster, now), [Request::Unsubscribe(id(0))]);
    assert_eq!(roster.destination(id(0)), None);
    roster.add("a".into());
    assert_eq!(asked(&mut roster, now), [subscribe(2, "a")]);
}

#[test]
fn a_message_without_subscription_is_found_by_its_destination() {
    let roster = roster(&["actions.1.x"]);
    assert_eq!(roster.named("/queue/actions.1.x"), Some("actions.1.x"));
    assert_eq!(roster.named("/queue/other"), None);
}

#[test]
fn a_late_answer_is_told_once_and_still_welcome() {
    let (mut roster, now) = (roster(&["a"]), Instant::now());
    let limit = Duration::from_secs(60);
    asked(&mut roster, now);
    assert_eq!(roster.next_due(limit), Some(now + limit));
    assert_eq!(roster.overdue(now, limit), None);
    assert_eq!(roster.overdue(now + limit, limit), Some("a"));
    assert_eq!(roster.overdue(now + limit, limit), None);
    assert!(roster.settles());
    assert_eq!(roster.confirm(id(0)), Some("a"));
}
