//! A function's queue is its definition's to say, and may change.

use std::sync::Arc;

use action_processor::component::{Component, Context, Message as Input, Reply, handler_fn};
use http::Method;
use serde_json::json;
use stand_in_platform::Fault;
use tokio::sync::Semaphore;

use super::{PATIENCE, Rig, call, messages, path, saying, stop};

fn component(function: &str) -> Component {
    Component::new("served").function(function, saying("looked up"))
}

#[tokio::test]
async fn a_function_is_served_by_the_queue_that_its_definition_names() {
    let rig = Rig::new().await;
    let queue = rig.queue("fn_defined").await;
    rig.define("look_up", "fn_defined");
    let daemon = rig.run(component("look_up"));
    queue.post(call("look_up")).await;
    queue.answers(1, PATIENCE).await;
    queue.until_settled(PATIENCE).await;
    stop(daemon).await;
}

#[tokio::test]
async fn a_function_that_is_not_defined_is_warned_of_once_and_served_once_it_is() {
    let rig = Rig::new().await;
    let queue = rig.queue("fn_later").await;
    let daemon = rig.run(component("later"));
    rig.log.wait_for(&["ready: there is no queue to take messages from yet"], PATIENCE).await;
    rig.asked(&path("later"), 2).await;
    let warned =
        rig.log.lines(&["WARN", "the function \\\"later\\\"", "create a function with the API name"]);
    assert_eq!(warned.len(), 1, "{warned:?}");
    rig.define("later", "fn_later");
    queue.post(call("later")).await;
    queue.answers(1, PATIENCE).await;
    rig.log.wait_for(&["INFO", "the platform has this now", "actions.201.fn_later"], PATIENCE).await;
    rig.log.wait_for(&["ready: taking messages", "queues=1"], PATIENCE).await;
    stop(daemon).await;
}

#[tokio::test]
async fn a_function_that_moves_is_followed_and_what_was_at_work_is_answered() {
    let rig = Rig::new().await;
    let (old, new) = (rig.queue("fn_old").await, rig.queue("fn_new").await);
    rig.define("move", "fn_old");
    let (begun, finish) = (Arc::new(Semaphore::new(0)), Arc::new(Semaphore::new(0)));
    let slow = {
        let (begun, finish) = (begun.clone(), finish.clone());
        handler_fn(move |_: Input, _: Context| {
            let (begun, finish) = (begun.clone(), finish.clone());
            async move {
                begun.add_permits(1);
                finish.acquire().await?.forget();
                Ok(Reply::text("done"))
            }
        })
    };
    let daemon = rig.run(Component::new("served").function("move", slow));
    old.post(call("move")).await;
    begun.acquire().await.unwrap().forget();
    rig.define("move", "fn_new");
    new.until_subscribed(PATIENCE).await;
    new.post(call("move")).await;
    begun.acquire().await.unwrap().forget();
    finish.add_permits(2);
    assert_eq!(old.answers(1, PATIENCE).await.len(), 1);
    assert_eq!(new.answers(1, PATIENCE).await.len(), 1);
    old.until_left(PATIENCE).await;
    old.until_settled(PATIENCE).await;
    rig.log.wait_for(&["INFO", "moved to another queue", "fn_old", "fn_new"], PATIENCE).await;
    let ready = rig.log.lines(&["ready: taking messages"]);
    assert_eq!(ready.len(), 1, "the other queue's subscription is logged by itself: {ready:?}");
    assert!(rig.log.lines(&["no link to the broker"]).is_empty(), "the link lives through it");
    stop(daemon).await;
}

#[tokio::test]
async fn a_function_that_is_deleted_is_dropped_when_the_platform_has_said_so_twice() {
    let rig = Rig::new().await;
    let queue = rig.queue("fn_deleted").await;
    rig.define("deleted", "fn_deleted");
    let daemon = rig.run(component("deleted"));
    queue.until_subscribed(PATIENCE).await;
    let gone = Fault::status(404).body(r#"{"message": "Unable to find object", "error_code": "generic"}"#);
    rig.world.platform.fault(gone.on(Method::GET, "/functions/deleted"));
    rig.asked(&path("deleted"), 2).await;
    assert!(rig.log.lines(&["WARN", "deleted"]).is_empty());
    rig.world.platform.unset(&path("deleted"));
    queue.until_left(PATIENCE).await;
    assert_eq!(rig.log.lines(&["WARN", "no more", "deleted"]).len(), 1);
    stop(daemon).await;
}

#[tokio::test]
async fn while_the_platform_cannot_be_asked_what_is_served_goes_on() {
    let rig = Rig::new().await;
    let queue = rig.queue("fn_outage").await;
    rig.define("outage", "fn_outage");
    let daemon = rig.run(component("outage"));
    queue.until_subscribed(PATIENCE).await;
    // A gateway's 404 is no word of the platform's either.
    rig.world.platform.fault(Fault::status(503).on(Method::GET, "/functions").times(2));
    rig.world.platform.fault(Fault::status(404).body("<html>").on(Method::GET, "/functions").times(3));
    rig.asked(&path("outage"), 5).await;
    rig.log.wait_for(&["INFO", "the platform can be asked again"], PATIENCE).await;
    assert_eq!(rig.log.lines(&["WARN", "the platform cannot be asked"]).len(), 1);
    assert!(rig.log.lines(&["a REST call failed"]).is_empty(), "asking again later is patience enough");
    queue.post(call("outage")).await;
    assert_eq!(messages(&queue, 1).await.len(), 1);
    assert_eq!(queue.statistics().await.consumers, 1);
    stop(daemon).await;
}

#[tokio::test]
async fn a_platform_that_does_not_answer_at_the_start_holds_up_no_actions() {
    let rig = Rig::new().await;
    let (actions, function) = (rig.queue("fn_start_actions").await, rig.queue("fn_start").await);
    rig.define("start", "fn_start");
    rig.world.platform.fault(Fault::status(503).on(Method::GET, "/functions").times(3));
    let served = component("start").on("Say Hello", saying("hello")).destination("fn_start_actions");
    let daemon = rig.run(served);
    actions.post(crate::delivery::action(1, &json!({}))).await;
    assert_eq!(messages(&actions, 1).await, ["hello"]);
    function.until_subscribed(PATIENCE).await;
    assert_eq!(rig.log.lines(&["WARN", "could not be asked"]).len(), 1);
    stop(daemon).await;
}
