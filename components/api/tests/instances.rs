//! What belongs to one instance of a component stays with it: state, and what wrappers gather, order and limit.

use action_component::{
    Component, Context, Failure, Handler, Message, Reply, Section,
    decorate::tuned,
    function_fn, handler_fn,
    testing::{self, Bench, Delivery, Outcome, Platform, advance},
};
use serde::Deserialize;
use serde_json::{Value, json};
use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    time::Duration,
};

const QUIET: Duration = Duration::from_secs(10);

struct Client {
    key: String,
    number: usize,
}

/// A component whose client is made of its section; the counter says how often.
fn naive() -> (Component, Arc<AtomicUsize>) {
    let made = Arc::new(AtomicUsize::new(0));
    let count = made.clone();
    let client = move |section: &Section| {
        let key = section.get("key").ok_or_else(|| Failure::new("key is not set"))?.to_owned();
        Ok::<_, Failure>(Client { key, number: count.fetch_add(1, SeqCst) })
    };
    let ask = async |_: Message, cx: Context| {
        let client = cx.state::<Client>()?;
        Ok::<_, Failure>(Reply::text(format!("{} {}", client.key, client.number)))
    };
    (Component::new("naive").state(client).on("Act", handler_fn(ask)), made)
}

fn act() -> Message {
    testing::message("Act", json!({ "incident": testing::incident(7) }))
}

fn with_key(key: &str) -> Bench {
    Bench::new(Platform::new()).section(Section::new("naive", [("key", key)]))
}

#[tokio::test]
async fn two_sections_never_share_what_is_made_of_one() {
    let (component, made) = naive();
    let (a, b) = (with_key("one"), with_key("two"));
    a.deliver(&component, act()).await.assert_says("one 0");
    b.deliver(&component, act()).await.assert_says("two 1");
    a.deliver(&component, act()).await.assert_says("one 0");
    b.clone().deliver(&component.clone(), act()).await.assert_says("two 1");
    assert_eq!(made.load(SeqCst), 2);
}

#[tokio::test]
async fn the_next_process_makes_state_anew() {
    let (component, _) = naive();
    let bench = with_key("one");
    bench.deliver(&component, act()).await.assert_says("one 0");
    bench.restarted().deliver(&component, act()).await.assert_says("one 1");
}

#[tokio::test]
async fn state_that_cannot_be_made_is_tried_again() {
    let tries = AtomicUsize::new(0);
    let make = move |_: &Section| match tries.fetch_add(1, SeqCst) {
        0 => Err(Failure::new("no such file")),
        number => Ok(number),
    };
    let ask = async |_: Message, cx: Context| Ok::<_, Failure>(Reply::text(cx.state::<usize>()?.to_string()));
    let component = Component::new("late").state(make).on("Act", handler_fn(ask));
    let bench = Bench::new(Platform::new()).section(Section::new("late", [("a", "b")]));
    bench
        .deliver(&component, act())
        .await
        .assert_fails("[late] needs could not be made of its section: no such file");
    bench.deliver(&component, act()).await.assert_says("1");
    bench.deliver(&component, act()).await.assert_says("1");
}

#[tokio::test]
async fn state_that_nothing_makes_is_named() {
    let ask = async |_: Message, cx: Context| cx.state::<String>().map(|text| Reply::text(&**text));
    let component = Component::new("none").on("Act", handler_fn(ask));
    Bench::new(Platform::new()).deliver(&component, act()).await.assert_fails("alloc::string::String");
}

#[tokio::test]
async fn state_sees_integrations_and_there_is_one_of_each_type() {
    let ask = async |_: Message, cx: Context| {
        Ok::<_, Failure>(Reply::text(format!("{} {}", cx.state::<String>()?, cx.state::<u64>()?)))
    };
    let proxy = |_: &Section, shared: &Section| {
        Ok::<_, Failure>(shared.get("https_proxy").unwrap_or("none").to_owned())
    };
    let component = Component::new("mine")
        .state(|_| Ok::<_, Failure>("replaced".to_owned()))
        .state_with(proxy)
        .state(|_| Ok::<_, Failure>(5_u64))
        .on("Act", handler_fn(ask));
    let bench = Bench::new(Platform::new())
        .integrations(Section::new("integrations", [("https_proxy", "proxy:8080")]));
    bench.deliver(&component, act()).await.assert_says("proxy:8080 5");
}

// === functions and their incidents ===

#[derive(Deserialize)]
struct OfIncident {
    #[expect(dead_code, reason = "the wrapper reads it")]
    incident_id: i64,
}

#[derive(Deserialize)]
struct OfHost {
    #[expect(dead_code, reason = "nothing reads it")]
    host: String,
}

fn debounced() -> Component {
    let handler = function_fn(async |_: OfIncident, _: Context| Ok(json!("done")));
    Component::new("quiet").function("gather", handler.debounce(QUIET).discard())
}

/// Starts a call with each of these inputs, lets the quiet pass, and gives what became of them.
async fn all(component: &Component, inputs: &[Value]) -> Vec<Result<Reply, Failure>> {
    let bench = Bench::new(Platform::new());
    let mut calls: Vec<Delivery> = Vec::new();
    for inputs in inputs {
        calls.push(bench.start(component, testing::function("gather", inputs.clone())).await);
    }
    advance(2 * QUIET).await;
    let mut outcomes = Vec::new();
    for call in calls {
        outcomes.push(call.outcome().await);
    }
    outcomes
}

fn superseded(outcomes: &[Result<Reply, Failure>]) -> Vec<bool> {
    outcomes.iter().map(|outcome| matches!(outcome, Ok(Reply::Superseded))).collect()
}

#[tokio::test(start_paused = true)]
async fn calls_of_different_incidents_are_never_one_burst() {
    let inputs = [7, 8, 7].map(|id| json!({ "incident_id": id }));
    assert_eq!(superseded(&all(&debounced(), &inputs).await), [true, false, false]);
}

#[tokio::test(start_paused = true)]
async fn an_incident_id_is_one_however_it_is_written() {
    let handler = function_fn(async |_: Message, _: Context| Ok(json!("done")));
    let component = Component::new("quiet").function("gather", handler.debounce(QUIET).discard());
    let inputs = [json!(7), json!("7"), json!(7.0), json!({ "id": 7, "name": "x" }), json!(8)];
    let inputs = inputs.map(|id| json!({ "incident_id": id }));
    assert_eq!(superseded(&all(&component, &inputs).await), [true, true, true, false, false]);
}

#[tokio::test(start_paused = true)]
async fn calls_without_an_incident_are_all_carried_out() {
    let handler = function_fn(async |_: Message, _: Context| Ok(json!("done")));
    let component = Component::new("quiet").function("gather", handler.debounce(QUIET).discard());
    let inputs = [json!({}), json!({ "incident_id": null }), json!({ "host": "a" })];
    assert_eq!(superseded(&all(&component, &inputs).await), [false, false, false]);
}

#[tokio::test(start_paused = true)]
async fn a_key_gathers_what_has_no_incident_and_none_is_alone() {
    let handler = function_fn(async |_: OfHost, _: Context| Ok(json!("done")));
    let key =
        |message: &Message| message.inputs()["host"].as_str().filter(|host| *host != "b").map(str::to_owned);
    let component = Component::new("quiet").function("gather", handler.debounce(QUIET).discard().key(key));
    let inputs = ["a", "b", "b", "a"].map(|host| json!({ "host": host }));
    assert_eq!(superseded(&all(&component, &inputs).await), [true, false, false, false]);
}

#[test]
fn a_debounce_without_a_key_is_refused_where_there_is_no_incident() {
    let of_host = || function_fn(async |_: OfHost, _: Context| Ok(json!("done")));
    let outermost = of_host().debounce(QUIET);
    let inside = of_host().debounce(QUIET).limit(2).timeout(QUIET).at_most_once();
    let component = Component::new("quiet")
        .function("one", outermost)
        .function("other", inside)
        .function("keyed", of_host().debounce(QUIET).key(|message| message.id().to_owned()))
        .function("plain", of_host().limit(2))
        .connector("queue", handler_fn(async |_: Message, _| Ok(Reply::text(""))).debounce(QUIET));
    let refused = ["the function \"one\"", "the function \"other\"", "the low-code connector \"queue\""];
    assert_eq!(component.keyless(), refused);
    assert_eq!(debounced().keyless(), Vec::<String>::new());
}

#[tokio::test]
#[should_panic(expected = ".debounce(…).key(…)")]
async fn the_test_kit_refuses_what_the_daemon_does() {
    let handler = function_fn(async |_: OfHost, _: Context| Ok(json!("done")));
    let component = Component::new("quiet").function("gather", handler.debounce(QUIET));
    let call = testing::function("gather", json!({ "host": "a" }));
    drop(Bench::new(Platform::new()).deliver(&component, call).await);
}

#[tokio::test(start_paused = true)]
async fn calls_of_one_incident_keep_their_order() {
    let handler = function_fn(async |_: OfIncident, _: Context| {
        tokio::time::sleep(QUIET).await;
        Ok(json!("done"))
    });
    let component = Component::new("quiet").function("gather", handler).in_order();
    let bench = Bench::new(Platform::new());
    let call = |id: i64| testing::function("gather", json!({ "incident_id": id }));
    let first = bench.start(&component, call(7)).await;
    let (second, other) = (bench.start(&component, call(7)).await, bench.start(&component, call(8)).await);
    advance(QUIET + QUIET / 2).await;
    assert_eq!((first.is_answered(), second.is_answered(), other.is_answered()), (true, false, true));
    second.outcome().await.assert_content(&json!("done"));
}

#[test]
fn an_order_that_does_nothing_for_a_function_is_told() {
    let component = Component::new("mixed")
        .function("of_host", function_fn(async |_: OfHost, _: Context| Ok(json!("done"))))
        .function("of_incident", function_fn(async |_: OfIncident, _: Context| Ok(json!("done"))));
    let section = Section::new("mixed", [("order_by", "incident")]);
    assert_eq!(component.unordered(&section), ["of_host"]);
    assert_eq!(component.unordered(&Section::default()), Vec::<&str>::new());
    assert_eq!(component.in_order().unordered(&Section::default()), ["of_host"]);
}

#[tokio::test(start_paused = true)]
async fn instances_have_bursts_and_limits_of_their_own() {
    let slow = handler_fn(async |_: Message, _: Context| {
        tokio::time::sleep(QUIET).await;
        Ok::<_, Failure>(Reply::text("done"))
    });
    let component = Component::new("naive").on("Act", slow.limit(1).debounce(QUIET).discard());
    let (a, b) = (with_key("one"), with_key("two"));
    let (first, other) = (a.start(&component, act()).await, b.start(&component, act()).await);
    advance(2 * QUIET + QUIET / 2).await;
    assert!(first.is_answered() && other.is_answered());
    first.outcome().await.assert_says("done");
    other.outcome().await.assert_says("done");
}

// === the operator's choice ===

fn tuned_component() -> Component {
    let handler = handler_fn(async |_: Message, _: Context| {
        tokio::time::sleep(QUIET).await;
        Ok::<_, Failure>(Reply::text("done"))
    });
    let handler = handler
        .timeout(tuned("longest", 2 * QUIET))
        .limit(tuned("at_a_time", 1))
        .defer(tuned("delay", QUIET));
    Component::new("naive").on("Act", handler)
}

async fn after(bench: &Bench, time: Duration) -> Vec<bool> {
    let component = tuned_component();
    let (one, other) = (bench.start(&component, act()).await, bench.start(&component, act()).await);
    advance(time).await;
    vec![one.is_answered(), other.is_answered()]
}

#[tokio::test(start_paused = true)]
async fn the_section_chooses_times_and_numbers() {
    let bench = Bench::new(Platform::new());
    assert_eq!(after(&bench, 2 * QUIET + QUIET / 2).await, [true, false], "as they stand in code");
    let section = Section::new("naive", [("at_a_time", "2"), ("delay", "2.5")]);
    assert_eq!(after(&bench.clone().section(section), QUIET + QUIET / 2).await, [true, true]);
    let bench = bench.section(Section::new("naive", [("longest", "1"), ("delay", "0")]));
    bench.deliver(&tuned_component(), act()).await.assert_fails("cancelled after 1s");
}

#[test]
fn a_choice_that_cannot_be_read_is_a_mistake_in_the_section() {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Settings {
        #[expect(dead_code, reason = "only checked")]
        url: String,
    }
    let component = tuned_component().configured::<Settings>("");
    let check =
        |key: &str, value: &str| component.check(&Section::new("naive", [("url", "x"), (key, value)]));
    for (key, good, bad) in [
        ("longest", "0.5", ["0", "-1", "soon"]),
        ("at_a_time", "3", ["0", "2.5", "many"]),
        ("delay", "0", ["-1", "nan", "1 minute"]),
    ] {
        check(key, good).unwrap();
        for bad in bad {
            let error = check(key, bad).unwrap_err().to_string();
            assert!(error.contains(key) && error.contains("expected"), "{error}");
        }
    }
    assert!(check("lon", "1").is_err(), "unknown keys are still denied");
}
