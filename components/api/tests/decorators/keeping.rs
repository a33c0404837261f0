//! `Context::keep`: what a handler has done survives its attempt and its process.

use super::{bench, component, message, seconds};
use action_component::{Context, Failure, Handler, Message, Reply, decorate::Retry, handler_fn};
use std::collections::BTreeMap;

/// Takes one step of three at a time, fails after each, and keeps how many are done.
fn stepwise() -> impl Handler<Input = Message> {
    handler_fn(|_: Message, cx: Context| async move {
        let done = cx.kept::<u32>()?.unwrap_or(0) + 1;
        cx.keep(&done).await?;
        if done < 3 {
            Err(Failure::new(format!("{done} done")))
        } else {
            Ok(Reply::text(format!("all {done}")))
        }
    })
}

fn retry() -> Retry {
    Retry::after([10, 20].map(seconds))
}

#[tokio::test(start_paused = true)]
async fn what_a_handler_keeps_is_there_at_its_next_attempt() {
    let bench = bench();
    let reply = bench.deliver(&component(stepwise().retry(retry())), message(1, 0)).await.unwrap();
    assert_eq!(reply.message(), "all 3");
}

#[tokio::test(start_paused = true)]
async fn it_is_there_after_a_restart_along_with_the_attempts_made() {
    let before = bench();
    before.deliver(&component(stepwise().retry(retry())), message(1, 0)).await.unwrap();
    // Kept, set down, kept again: then the process died.
    let after = bench().resuming(&before.notes()[2]);
    let reply = after.deliver(&component(stepwise().retry(retry())), message(1, 0)).await.unwrap();
    assert_eq!((reply.message(), after.begun()), ("all 3", 1));
}

#[tokio::test]
async fn it_needs_no_retry() {
    let before = bench();
    assert!(before.deliver(&component(stepwise()), message(1, 0)).await.is_err());
    let after = bench().resuming(&before.notes()[0]);
    let failure = after.deliver(&component(stepwise()), message(1, 0)).await.unwrap_err();
    assert_eq!(failure.to_string(), "2 done");
}

#[tokio::test]
async fn one_message_does_not_see_what_was_kept_for_another() {
    let bench = bench();
    for _ in 0..2 {
        let failure = bench.deliver(&component(stepwise()), message(1, 0)).await.unwrap_err();
        assert_eq!(failure.to_string(), "1 done");
    }
}

#[tokio::test]
async fn what_was_kept_as_something_else_is_a_failure_that_says_so() {
    let cx = bench().context(message(1, 0));
    cx.keep(&"three").await.unwrap();
    assert!(cx.kept::<u32>().unwrap_err().to_string().contains("not of the type"));
    assert_eq!(cx.kept::<String>().unwrap().as_deref(), Some("three"));
}

#[tokio::test]
async fn what_cannot_be_kept_leaves_what_was_kept_before() {
    let bench = bench();
    let cx = bench.context(message(1, 0));
    cx.keep(&1).await.unwrap();
    let failure = cx.keep(&"x".repeat(70_000)).await.unwrap_err();
    assert!(failure.to_string().contains("70"), "{failure}");
    assert!(cx.keep(&BTreeMap::from([((1, 2), 3)])).await.unwrap_err().to_string().contains("JSON"));
    assert_eq!(cx.kept::<u32>().unwrap(), Some(1));
    assert_eq!(bench.notes().len(), 1);
}

#[tokio::test]
async fn nothing_kept_is_none() {
    assert_eq!(bench().context(message(1, 0)).kept::<u32>().unwrap(), None);
}
