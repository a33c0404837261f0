use super::{acting, complaint};
use action_component::{
    Component, Context, Failure, Kind, Message, Reply, Section, function_fn, handler_fn,
    testing::{Bench, Outcome, Platform, connector, function, inbound, incident, message, with_header},
};
use serde_json::{Value, json};
use std::time::Duration;

/// Answers with the name of the handler that took the message, and what it read.
fn named(name: &'static str) -> impl action_component::Handler<Input = Message> {
    handler_fn(move |message: Message, _: Context| async move {
        Ok::<_, Failure>(Reply::text(format!("{name} {:?} {}", message.kind(), message.action())))
    })
}

fn component() -> Component {
    let look_up = async |message: Message, _| Ok::<_, Failure>(json!({ "seen": message.inputs()["host"] }));
    Component::new("all")
        .on("Add Task", named("named"))
        .otherwise(named("default"))
        .function("fn_look_up", function_fn(look_up))
        .inbound("mail", "create", named("create"))
        .inbound_otherwise("mail", named("otherwise"))
        .connector("jira.requests", named("jira"))
        .connector_otherwise(named("any"))
}

async fn deliver(message: Message) -> Result<Reply, Failure> {
    Bench::new(Platform::new()).deliver(&component(), message).await
}

#[tokio::test]
async fn every_kind_of_message_finds_its_handler() {
    for (message, expected) in [
        (message("Add Task", json!({})), "named Action add_task"),
        (message("Anything", json!({})), "default Action anything"),
        (inbound("mail", "Create", json!({})), "create Inbound create"),
        (inbound("mail", "close", json!({})), "otherwise Inbound close"),
        (connector("jira.requests", json!({})), "jira Connector jira.requests"),
        (connector("snow.requests", json!({})), "any Connector snow.requests"),
    ] {
        deliver(message).await.assert_says(expected);
    }
    let called = deliver(function("fn_look_up", json!({ "host": "a.example" }))).await;
    called.assert_content(&json!({ "seen": "a.example" }));
}

#[tokio::test]
async fn without_a_handler_those_that_there_are_are_named() {
    let none = Component::new("test").on("Add Task", named("x"));
    let bench = Bench::new(Platform::new());
    for (message, expected) in [
        (message("Else", json!({})), "no handler for the action `else`; it has add_task"),
        (function("fn_x", json!({})), "no handler for the function `fn_x`; it has none"),
        (inbound("mail", "create", json!({})), "inbound event `create` of mail"),
        (function("add_task", json!({})), "It has an action of this name: testing::message"),
        (connector("q", json!({})), "connector `q`"),
    ] {
        bench.deliver(&none, message).await.assert_fails(expected);
    }
    deliver(function("fn_else", json!({}))).await.assert_fails("it has fn_look_up");
    deliver(inbound("post", "create", json!({}))).await.assert_fails("create of mail, all else of mail");
}

#[test]
fn made_up_messages_have_what_the_platform_sends() {
    let call = function("fn_look_up", json!({ "host": "x" }));
    assert_eq!(
        (call.kind(), call.action(), call.header(Kind::PAYLOAD)),
        (Kind::Function, "fn_look_up", Some("FunctionDTO"))
    );
    assert_eq!(call.body()["principal"]["name"], "author@example.com");
    let act = message("Add Task", json!({ "incident": incident(7) }));
    assert_eq!((act.incident_id(), act.correlation_id()), (Some(7), Some("invid:390")));
    assert_eq!(act.timestamp().map(|time| time.to_string()).as_deref(), Some("2017-03-07T20:07:14Z"));
    assert_eq!(with_header(&act, "Co3ContextToken", "mine").header("Co3ContextToken"), Some("mine"));
    assert_eq!(serde_json::from_slice::<Value>(act.raw()).unwrap(), *act.body());
}

#[tokio::test]
async fn a_handler_sees_its_section_the_integrations_and_a_daemon_that_stops() {
    let component = acting(async |_, cx| {
        let (greeting, proxy) = (cx.section().get("greeting"), cx.integrations().get("https_proxy"));
        let words = format!("{greeting:?} {proxy:?}");
        cx.status("begun").await;
        cx.shutdown().cancelled().await;
        Ok(Reply::text(words))
    });
    let bench = Bench::new(Platform::new())
        .section(Section::new("test", [("greeting", "hi")]))
        .integrations(Section::new("integrations", [("https_proxy", "proxy:8080")]))
        .workers(1);
    let delivery = bench.start(&component, message("Act", json!({}))).await;
    assert_eq!((bench.statuses(), bench.free_workers()), (vec!["begun".to_owned()], 0));
    bench.stop();
    delivery.outcome().await.assert_says(r#"Some("hi") Some("proxy:8080")"#);
}

#[tokio::test]
async fn what_a_handler_panics_with_is_the_tests_failure_at_work_in_the_background_too() {
    let component = acting(async |_, cx| {
        drop(cx.rest().get::<Value>("/users/7").await);
        tokio::time::sleep(Duration::ZERO).await;
        Ok(Reply::text("done"))
    });
    let delivery = Bench::new(Platform::new()).start(&component, message("Act", json!({}))).await;
    assert!(complaint(delivery.outcome()).await.contains("GET /users/7"));
}
