//! What the bench does with messages is what the daemon does.

use super::{acting, complaint};
use action_component::{
    Component, Context, Failure, FailureKind, Handler, Message, Reply, Section, function_fn, handler_fn,
    testing::{Bench, Outcome, Platform, advance, connector, function, inbound, message},
};
use serde::Deserialize;
use serde_json::{Value, json};
use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

const SECOND: Duration = Duration::from_secs(1);

/// Answers `fn_act` and the connector `q` by `handler`.
fn functions(handler: impl Handler + Clone) -> Component {
    Component::new("test").function("fn_act", handler.clone()).connector("q", handler)
}

#[derive(Clone)]
struct Failing(FailureKind);

impl Handler for Failing {
    type Input = Message;

    async fn handle(&self, _: Message, _: Context) -> Result<Reply, Failure> {
        Err(Failure::with_kind(self.0, "it broke"))
    }
}

fn calls() -> [Message; 2] {
    [function("fn_act", json!({})), connector("q", json!({}))]
}

async fn deliver(
    component: &Component,
    section: &[(&str, &str)],
    message: Message,
) -> Result<Reply, Failure> {
    let section = Section::new("test", section.iter().copied());
    Bench::new(Platform::new()).section(section).deliver(component, message).await
}

#[tokio::test]
async fn a_function_in_vain_lets_the_workflow_go_on_and_an_action_has_nothing_to_go_on_with() {
    let component =
        functions(Failing(FailureKind::Unsuccessful)).on("Act", Failing(FailureKind::Unsuccessful));
    for call in calls() {
        assert!(deliver(&component, &[], call).await.is_ok());
    }
    deliver(&component, &[], message("Act", json!({}))).await.assert_fails("it broke");
}

#[tokio::test]
async fn trap_exception_in_the_section_makes_of_an_error_results_without_success() {
    let trap = [("trap_exception", "yes")];
    for call in calls() {
        let component = functions(Failing(FailureKind::Failed));
        deliver(&component, &trap, call.clone()).await.assert_unsuccessful("it broke");
        deliver(&component, &[("trap_exception", "no")], call.clone()).await.assert_fails("it broke");
        let called_off = functions(Failing(FailureKind::Cancelled));
        deliver(&called_off, &trap, call).await.assert_fails("it broke");
    }
    let acting = Component::new("test").on("Act", Failing(FailureKind::Failed));
    deliver(&acting, &trap, message("Act", json!({}))).await.assert_fails("it broke");
}

#[tokio::test]
async fn news_that_no_handler_takes_is_let_go() {
    let create = handler_fn(async |_: Message, _: Context| Ok::<_, Failure>(Reply::text("made")));
    let component = Component::new("test").inbound("mail", "create", create);
    deliver(&component, &[], inbound("mail", "close", json!({})))
        .await
        .assert_says("No handler of the component takes this news; it is let go.");
    deliver(&component, &[], inbound("mail", "", json!({}))).await.assert_rejected("create of mail");
    let moved = [("inbound_destination_api_name", "post")];
    deliver(&component, &moved, inbound("post", "create", json!({}))).await.assert_says("made");
    deliver(&component, &moved, inbound("mail", "create", json!({}))).await.assert_rejected("create of post");
}

#[tokio::test]
async fn a_component_with_two_handlers_of_one_name_is_refused() {
    let act = || Failing(FailureKind::Failed);
    let component = Component::new("test").on("Act", act()).on("act", act());
    let words = complaint(deliver(&component, &[], message("Act", json!({})))).await;
    assert!(words.contains("two handlers"), "{words}");
}

#[tokio::test]
async fn a_section_with_which_the_daemon_would_not_start_fails_the_test() {
    #[derive(Deserialize)]
    #[expect(dead_code, reason = "read, not looked at")]
    struct Settings {
        hosts: String,
    }
    let component = acting(async |_, _| Ok(Reply::text("done"))).configured::<Settings>("");
    let words = complaint(deliver(&component, &[("host", "x")], message("Act", json!({})))).await;
    assert!(words.contains("does not start") && words.contains("hosts"), "{words}");
    let bench = Bench::new(Platform::new());
    bench.deliver(&component, message("Act", json!({}))).await.assert_says("done");
}

#[derive(Deserialize)]
struct Login {
    password: String,
    user: Option<String>,
}

/// Says what it was given, in every way that there is.
async fn log_in(login: Login, cx: Context) -> Result<Reply, Failure> {
    let Login { password, user } = login;
    cx.status(format!("with {password}")).await;
    cx.rest().post::<Value>("/login", &json!({ "password": password })).await?;
    match user.as_deref() {
        Some("text") => Ok(Reply::text(format!("it is {password}"))),
        Some("fail") => Err(Failure::new(format!("{password} is wrong"))),
        _ => Reply::results(json!({ "it": [password] })),
    }
}

/// Calls `log_in` with `password`, allowed what `allowed` names; what came of it, what was sent, and the statuses.
async fn logged_in(allowed: &str, inputs: Value) -> (Result<Reply, Failure>, Vec<Value>, Vec<String>) {
    let platform = Platform::new();
    platform.on("POST /login", json!({}));
    let bench = Bench::new(platform.clone())
        .secrets([("PIN", "4711-secret"), ("PUK", "0815-secret")])
        .section(Section::new("test", [("input_secrets", allowed)]));
    let component = Component::new("test").function("log_in", handler_fn(log_in));
    let outcome = bench.deliver(&component, function("log_in", inputs)).await;
    let sent = platform.calls().iter().map(|call| call.body["password"].clone()).collect();
    (outcome, sent, bench.statuses())
}

#[tokio::test]
async fn a_secret_that_the_section_allows_is_filled_in_and_shown_nowhere() {
    for written in ["$PIN", "^PIN", "${PIN}"] {
        let (outcome, sent, statuses) = logged_in("PUK, PIN", json!({ "password": written })).await;
        outcome.assert_content(&json!({ "it": ["***"] }));
        assert_eq!((sent, statuses), (vec![json!("4711-secret")], vec!["with ***".to_owned()]));
    }
    let (text, ..) = logged_in("PIN", json!({ "password": "a-${PIN}", "user": "text" })).await;
    text.assert_says("it is a-***");
    let (failed, ..) = logged_in("PIN", json!({ "password": "$PIN", "user": "fail" })).await;
    failed.assert_fails("*** is wrong");
}

#[tokio::test]
async fn a_secret_that_is_not_allowed_is_passed_on_as_it_was_named_and_one_that_is_nowhere_fails() {
    let (outcome, sent, _) = logged_in("PUK", json!({ "password": "$PIN" })).await;
    outcome.assert_content(&json!({ "it": ["$PIN"] }));
    assert_eq!(sent, ["$PIN"]);
    let (outcome, sent, _) = logged_in("OTHER", json!({ "password": "$OTHER" })).await;
    outcome.assert_fails("cannot be found: password");
    assert!(sent.is_empty());
}

/// Waits until it is called off, and then for `longer`.
fn waiting(longer: Duration) -> Component {
    let wait = move |_: Message, cx: Context| async move {
        cx.cancelled().cancelled().await;
        tokio::time::sleep(longer).await;
        Ok::<_, Failure>("tidied up")
    };
    Component::new("test").function("fn_act", function_fn(wait))
}

#[tokio::test(start_paused = true)]
async fn a_function_that_is_cancelled_has_failed_whatever_it_came_to() {
    let bench = Bench::new(Platform::new());
    for (longer, words) in [(SECOND, "Its handler had come to its end"), (60 * SECOND, "done in part.")] {
        let delivery = bench.start(&waiting(longer), function("fn_act", json!({}))).await;
        advance(60 * SECOND).await;
        assert!(!delivery.is_answered());
        delivery.cancel();
        advance(5 * SECOND).await;
        assert!(delivery.is_answered());
        let outcome = delivery.outcome().await;
        outcome.assert_fails("was terminated on the platform, so the function was called off");
        outcome.assert_fails(words);
        assert_eq!(outcome.unwrap_err().kind(), FailureKind::Cancelled);
    }
}

#[tokio::test(start_paused = true)]
async fn a_wait_ends_when_the_function_is_cancelled_and_an_action_never_is() {
    let wait = handler_fn(async |_: Message, cx: Context| {
        cx.wait("long", 3600 * SECOND).await?;
        Ok::<_, Failure>(Reply::text("over"))
    });
    let component = Component::new("test").function("fn_act", wait);
    let bench = Bench::new(Platform::new());
    let delivery = bench.start(&component, function("fn_act", json!({}))).await;
    delivery.cancel();
    delivery.outcome().await.assert_fails("called off");
    assert_eq!(bench.waiting(), 0);
    let action = bench.start(&acting(async |_, _| Ok(Reply::text("done"))), message("Act", json!({}))).await;
    assert!(complaint(async { action.cancel() }).await.contains("functions and low-code connectors only"));
}

/// Notes each step in `steps`, and keeps how many it has done.
fn in_steps(steps: &Arc<Mutex<Vec<u32>>>) -> impl Handler<Input = Message> + use<> {
    let steps = steps.clone();
    handler_fn(move |_: Message, cx: Context| {
        let steps = steps.clone();
        async move {
            for step in cx.kept::<u32>()?.unwrap_or(0)..3 {
                cx.rest().post::<Value>(&format!("/steps/{step}"), &json!({})).await?;
                steps.lock().unwrap().push(step);
                cx.keep(&(step + 1)).await?;
            }
            Ok::<_, Failure>(Reply::text("done"))
        }
    })
}

#[tokio::test]
async fn the_next_process_goes_on_where_the_dead_one_was() {
    let (platform, steps) = (Platform::new(), Arc::default());
    platform.on("POST /steps/{step}", json!({}));
    let component = Component::new("test").on("Act", in_steps(&steps));
    let bench = Bench::new(platform.clone());
    let held = platform.hold("POST /steps/2");
    bench.start(&component, message("Act", json!({}))).await.die();
    drop(held);
    assert_eq!(*steps.lock().unwrap(), [0, 1]);
    let next = bench.restarted();
    // Another message has nothing to go on from.
    next.deliver(&component, message("Act", json!({ "incident": { "id": 7 } }))).await.assert_says("done");
    next.deliver(&component, message("Act", json!({}))).await.assert_says("done");
    assert_eq!(*steps.lock().unwrap(), [0, 1, 0, 1, 2, 2]);
    // What was answered is done with.
    next.restarted().deliver(&component, message("Act", json!({}))).await.assert_says("done");
    assert_eq!(steps.lock().unwrap().len(), 9);
}

#[tokio::test]
async fn work_that_must_not_run_twice_is_answered_as_interrupted() {
    let (platform, steps) = (Platform::new(), Arc::default());
    platform.on("POST /steps/{step}", json!({}));
    let component = Component::new("test").on("Act", in_steps(&steps).at_most_once());
    let bench = Bench::new(platform.clone());
    let _held = platform.hold("POST /steps/0");
    bench.start(&component, message("Act", json!({}))).await.die();
    let outcome = bench.restarted().deliver(&component, message("Act", json!({}))).await;
    outcome.assert_fails("ended while it worked on this action");
    assert!(steps.lock().unwrap().is_empty());
}

#[tokio::test]
async fn a_message_that_ends_each_process_is_set_aside() {
    let platform = Platform::new();
    platform.on("POST /steps/{step}", json!({}));
    let component = Component::new("test").on("Act", in_steps(&Arc::default()));
    let _held = platform.hold("POST /steps/0");
    let mut bench = Bench::new(platform.clone());
    for _ in 0..2 {
        bench.start(&component, message("Act", json!({}))).await.die();
        bench = bench.restarted();
    }
    let outcome = bench.deliver(&component, message("Act", json!({}))).await;
    outcome.assert_fails("ended 2 times");
    assert_eq!(outcome.unwrap_err().kind(), FailureKind::SetAside);
}

#[tokio::test(start_paused = true)]
async fn a_wait_is_no_crash_and_goes_on_in_the_next_process() {
    let wait = async |_: Message, cx: Context| {
        cx.wait("long", 60 * SECOND).await?;
        Ok(Reply::text("over"))
    };
    let component = Component::new("test").on("Act", handler_fn(wait).at_most_once());
    let bench = Bench::new(Platform::new());
    let delivery = bench.start(&component, message("Act", json!({}))).await;
    bench.stop();
    assert_eq!(delivery.outcome().await.unwrap_err().kind(), FailureKind::Returned);
    let next = bench.restarted();
    next.deliver(&component, message("Act", json!({}))).await.assert_says("over");
}

#[tokio::test(start_paused = true)]
async fn one_incidents_messages_are_carried_out_one_after_another_where_the_component_wants_it() {
    let begun = Arc::<Mutex<Vec<i64>>>::default();
    let noting = begun.clone();
    let component = acting(move |message, _| {
        noting.lock().unwrap().extend(message.body()["number"].as_i64());
        async {
            tokio::time::sleep(SECOND).await;
            Ok(Reply::text("done"))
        }
    });
    let bench = Bench::new(Platform::new());
    let one = |number: i64| message("Act", json!({ "number": number, "incident": { "id": 7 } }));
    let component = component.in_order();
    let first = bench.start(&component, one(1)).await;
    let second = bench.start(&component, one(2)).await;
    assert_eq!(*begun.lock().unwrap(), [1]);
    advance(SECOND).await;
    assert_eq!((first.is_answered(), second.is_answered()), (true, false));
    assert_eq!(*begun.lock().unwrap(), [1, 2]);
    second.outcome().await.assert_says("done");
    let any = bench.clone().section(Section::new("test", [("order_by", "none")]));
    let _third = any.start(&component, one(3)).await;
    let _fourth = any.start(&component, one(4)).await;
    assert_eq!(*begun.lock().unwrap(), [1, 2, 3, 4]);
}

#[tokio::test]
async fn what_is_added_to_a_collection_is_there_though_nobody_was_told() {
    let platform = Platform::new();
    let notes = platform.collection("/incidents/7/comments", [json!({ "id": 4, "text": "old" })]);
    let component = acting(async |_, cx| {
        let note: Value = cx.rest().post("/incidents/7/comments", &json!({ "text": "new" })).await?;
        let all: Vec<Value> = cx.rest().get("/incidents/7/comments").await?;
        Ok(Reply::text(format!("{} of {}", note["id"], all.len())))
    });
    let bench = Bench::new(platform.clone());
    let held = platform.hold("POST /incidents/{id}/comments");
    let delivery = bench.start(&component, message("Act", json!({}))).await;
    assert!(!delivery.is_answered());
    assert_eq!(notes.now()[1], json!({ "id": 5, "text": "new" }));
    drop(held);
    delivery.outcome().await.assert_says("5 of 2");
}
