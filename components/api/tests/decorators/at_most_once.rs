//! The mark that work must not be repeated when its outcome is unknown.

use super::{Diary, bench, component, message, retry::failing, seconds};
use action_component::{Component, Handler, Traits, decorate::Retry, reply::FailureKind};
use std::time::Duration;

fn traits(component: &Component) -> Traits {
    component.handlers().next().unwrap().1.traits()
}

fn is_marked(handler: impl Handler) -> bool {
    traits(&component(handler)).at_most_once
}

#[test]
fn no_handler_is_marked_by_itself() {
    assert!(!is_marked(failing("")));
    assert!(!is_marked(failing("").limit(1).timeout(seconds(1))));
}

#[test]
fn the_mark_shows_through_every_wrapper() {
    let marked = || failing("").at_most_once();
    assert!(is_marked(marked()));
    assert!(is_marked(marked().defer(seconds(1))));
    assert!(is_marked(marked().debounce(seconds(1))));
    assert!(is_marked(marked().limit(1)));
    assert!(is_marked(marked().timeout(seconds(1))));
    assert!(is_marked(marked().retry(Retry::after([]))));
    assert!(is_marked(marked().at_most_once()));
}

#[tokio::test(start_paused = true)]
async fn the_mark_changes_nothing_while_the_process_lives() {
    let diary = Diary::new();
    let component = component(diary.handler(Duration::ZERO).at_most_once());
    let reply = bench().deliver(&component, message(1, 7)).await.unwrap();
    assert_eq!((reply.message(), diary.entries()), ("7 done", vec![(7, 0)]));
}

#[tokio::test(start_paused = true)]
async fn a_failed_attempt_is_tried_again_all_the_same() {
    let again = Retry::after([seconds(10)]);
    let bench = bench();
    let failure = bench.deliver(&component(failing("down").at_most_once().retry(again)), message(1, 0)).await;
    assert!(failure.unwrap_err().to_string().contains("2 attempts"));
    assert_eq!(bench.begun(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_cancelled_attempt_is_not_tried_again_wherever_the_mark_stands() {
    let diary = Diary::new();
    let slow = || diary.handler(seconds(60)).timeout(seconds(5));
    let again = || Retry::after([seconds(10)]).only_if(|_| true);
    let handlers =
        [component(slow().at_most_once().retry(again())), component(slow().retry(again()).at_most_once())];
    for component in handlers {
        let bench = bench();
        let failure = bench.deliver(&component, message(1, 0)).await.unwrap_err();
        assert_eq!((failure.kind(), bench.begun()), (FailureKind::TimedOut, 1));
    }
}
