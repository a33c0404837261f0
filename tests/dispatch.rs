use action_processor::{
    component::{
        CancellationToken, Component, Context, Handler, Message, Reply, Rest, Section, Services, StatusSink,
        handler_fn,
        testing::{Call, Platform},
    },
    dispatch::{ActionNames, Clash, Destination, Earlier, Envelope, Outcome, Registry, Workshop},
    store::Answer,
};
use futures_util::future::BoxFuture;
use serde::Deserialize;
use serde_json::{Value, json};
use std::{
    future::ready,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering::SeqCst},
    },
    time::Duration,
};
use tokio::sync::Semaphore;

/// What the platform has terminated is called off.
mod cancel;
/// What belongs to one instance of a component stays with it.
mod instances;
/// Which messages are at work and which are answered.
mod ledger;

/// What handlers show while they work.
#[derive(Default)]
struct Statuses(Mutex<Vec<String>>);

impl StatusSink for Statuses {
    fn status(&self, text: String) -> BoxFuture<'_, ()> {
        self.0.lock().unwrap().push(text);
        Box::pin(ready(()))
    }
}

/// The platform knows two actions; each call is answered with `{}`.
fn platform() -> Arc<Platform> {
    Platform::answering(|call| match call.path.as_str() {
        "/actions" => (
            200,
            json!({ "entities": [{ "id": 7, "name": "Add Task" }, { "id": 8, "name": "Défense & Co" }] }),
        ),
        _ => (200, json!({})),
    })
}

fn registry(components: &[Component]) -> Result<Registry, Vec<Clash>> {
    Registry::build(components.iter().map(|component| (component, Section::default())))
}

fn workshop_on(platform: &Arc<Platform>, components: &[Component], workers: usize) -> Workshop {
    let names = ActionNames::new(Rest::new(platform.clone(), None));
    let services = Services::new(platform.clone(), workers, CancellationToken::new());
    Workshop::new(registry(components).unwrap(), names, services)
}

fn workshop(components: &[Component]) -> Workshop {
    workshop_on(&platform(), components, 25)
}

fn envelope_to(destination: &str, body: impl Into<Vec<u8>>) -> Envelope {
    Envelope::made_up(Destination::actions(201, destination), 1, body.into().into())
}

fn envelope(body: &Value) -> Envelope {
    envelope_to("tasks", body.to_string())
}

fn saying(text: &'static str) -> impl Handler {
    handler_fn(move |_: Message, _: Context| ready(Ok(Reply::text(text))))
}

async fn answer(workshop: &Workshop, envelope: &Envelope) -> Answer {
    match workshop.carry_out(envelope, &Earlier::default(), Arc::<Statuses>::default()).await {
        Outcome::Answered(answer) | Outcome::SetAside(answer, _) => answer,
        Outcome::Returned => panic!("returned"),
    }
}

/// The acknowledgement's type and text; it is always the last one.
async fn words(workshop: &Workshop, envelope: &Envelope) -> (i64, String) {
    let body: Value = serde_json::from_str(&answer(workshop, envelope).await.body).unwrap();
    assert_eq!(body["complete"], true);
    (body["message_type"].as_i64().unwrap(), body["message"].as_str().unwrap().to_owned())
}

async fn success(workshop: &Workshop, envelope: &Envelope) -> String {
    let (kind, text) = words(workshop, envelope).await;
    assert_eq!(kind, 0, "{text}");
    text
}

async fn error(workshop: &Workshop, envelope: &Envelope) -> String {
    let (kind, text) = words(workshop, envelope).await;
    assert_eq!(kind, 1, "{text}");
    text
}

#[tokio::test]
async fn a_message_goes_to_the_handler_of_its_destination_and_action() {
    let workshop = workshop(&[
        Component::new("tasks").on("Add Task", saying("tasks")).on("Défense & Co", saying("defence")),
        Component::new("others").on("Add Task", saying("others")),
        Component::new("more").destination("tasks").on("Third", saying("third")),
    ]);
    let body = json!({ "action_id": 7 }).to_string();
    assert_eq!(success(&workshop, &envelope_to("tasks", body.clone())).await, "tasks");
    assert_eq!(success(&workshop, &envelope_to("others", body)).await, "others");
    assert_eq!(success(&workshop, &envelope(&json!({ "action_id": 8 }))).await, "defence");
}

#[tokio::test]
async fn the_default_handler_takes_what_no_other_does_and_only_on_its_destination() {
    let workshop = workshop(&[
        Component::new("tasks").on("Add Task", saying("named")).otherwise(saying("default")),
        Component::new("others"),
    ]);
    assert_eq!(success(&workshop, &envelope(&json!({ "action_id": 7 }))).await, "named");
    assert_eq!(success(&workshop, &envelope(&json!({ "action_id": 8 }))).await, "default");
    let elsewhere = envelope_to("others", json!({ "action_id": 8 }).to_string());
    assert!(error(&workshop, &elsewhere).await.contains("Its handlers there: none."));
}

#[test]
fn every_clash_is_reported_at_once() {
    let clashes = registry(&[
        Component::new("one").destination("d").on("Act", saying("")).otherwise(saying("")),
        Component::new("two").destination("d").on("act", saying("")).otherwise(saying("")),
        Component::new("one"),
    ])
    .unwrap_err();
    let texts: Vec<String> = clashes.iter().map(ToString::to_string).collect();
    assert_eq!(texts.len(), 3, "{texts:?}");
    assert!(
        texts[0].contains(r#"action "act" of destination "d" is handled by "one" and by "two""#),
        "{texts:?}"
    );
    assert!(texts[1].contains("two default handlers"), "{texts:?}");
    assert!(texts[2].contains(r#"two components are called "one""#), "{texts:?}");
}

#[test]
fn the_section_of_a_component_chooses_another_destination() {
    let component = Component::new("tasks").on("Add Task", saying(""));
    let section = Section::new("tasks", [("destination", "elsewhere")]);
    let registry = Registry::build([(&component, section)]).unwrap();
    assert_eq!(registry.destinations().collect::<Vec<_>>(), ["elsewhere"]);
    assert!(registry.find("tasks", "add_task").is_none());
}

#[tokio::test]
async fn an_unknown_action_is_answered_with_what_there_is() {
    let workshop = workshop(&[Component::new("tasks").on("Close", saying("")).on("Add", saying(""))]);
    let text = error(&workshop, &envelope(&json!({ "action_id": 7 }))).await;
    for part in ["Add Task", "add_task", "tasks", "Its handlers there: add, close."] {
        assert!(text.contains(part), "{text}");
    }
}

#[tokio::test]
async fn a_function_that_nobody_handles_is_named() {
    let workshop = workshop(&[Component::new("tasks").otherwise(saying("wrong"))]);
    let text = error(&workshop, &envelope(&json!({ "function": { "name": "look_up" }, "inputs": {} }))).await;
    assert!(text.contains("look_up"), "{text}");
}

#[tokio::test]
async fn a_body_that_cannot_be_read_is_answered_with_what_is_wrong_with_it() {
    let workshop = workshop(&[Component::new("tasks").otherwise(saying("wrong"))]);
    let bodies: [(&[u8], &str); 5] = [
        (b"", "not JSON"),
        (b"{\"a\": ", "not JSON"),
        (b"[1]", "it is an array"),
        (b"null", "it is null"),
        (b"{\"a\": \"\xFF\"}", "not UTF-8 text (byte 7 "),
    ];
    for (body, why) in bodies {
        let text = error(&workshop, &envelope_to("tasks", body)).await;
        assert!(text.contains(why), "{text}");
    }
}

#[tokio::test]
async fn an_emoji_in_cesu8_reaches_the_handler_as_the_emoji() {
    let echo = |message: Message, _: Context| ready(Ok(Reply::text(message.properties().text("a").unwrap())));
    let workshop = workshop(&[Component::new("tasks").otherwise(handler_fn(echo))]);
    let body = b"{\"properties\": {\"a\": \"\xED\xA0\xBD\xED\xB8\x80\"}}";
    assert_eq!(success(&workshop, &envelope_to("tasks", body)).await, "😀");
}

#[tokio::test]
async fn the_answer_goes_where_the_message_asks_and_bears_its_correlation_id() {
    let workshop = workshop(&[Component::new("tasks").otherwise(saying("done"))]);
    let mut envelope = envelope(&json!({}));
    let headers = [("reply-to", "/queue/somewhere"), ("correlation-id", "invid:4")];
    envelope.headers = Arc::new(headers.map(|(name, value)| (name.to_owned(), value.to_owned())).into());
    let answer = answer(&workshop, &envelope).await;
    assert_eq!(
        (answer.reply_to.as_str(), answer.correlation_id.as_deref()),
        ("/queue/somewhere", Some("invid:4"))
    );
}

#[tokio::test]
async fn without_reply_to_the_answer_goes_to_the_queue_the_platform_keeps_for_it() {
    let workshop = workshop(&[Component::new("tasks").otherwise(saying("done"))]);
    for headers in [vec![], vec![("reply-to".to_owned(), " ".to_owned())]] {
        let mut envelope = envelope(&json!({}));
        envelope.headers = Arc::new(headers);
        let answer = answer(&workshop, &envelope).await;
        assert_eq!((answer.reply_to.as_str(), answer.correlation_id), ("/queue/acks.201.tasks", None));
    }
}

#[tokio::test]
async fn a_panic_is_answered_and_the_next_message_is_carried_out() {
    let breaks = |_: Message, _: Context| async { panic!("with a secret inside") };
    let workshop = workshop(&[Component::new("tasks")
        .on("Add Task", handler_fn(breaks))
        .otherwise(saying("still here"))]);
    let text = error(&workshop, &envelope(&json!({ "action_id": 7 }))).await;
    assert!(text.contains(r#"component "tasks""#) && text.contains("ID:rehearsal-1"), "{text}");
    assert!(!text.contains("secret"), "{text}");
    assert_eq!(success(&workshop, &envelope(&json!({}))).await, "still here");
    assert_eq!(workshop.services().workers.free(), 25);
}

#[derive(Debug, thiserror::Error)]
#[error("the ticket was not made")]
struct NoTicket(#[source] std::io::Error);

#[tokio::test]
async fn an_error_is_answered_with_its_causes() {
    let fails =
        |_: Message, _: Context| async { Err(NoTicket(std::io::Error::other("the disk is full")).into()) };
    let workshop = workshop(&[Component::new("tasks").otherwise(handler_fn(fails))]);
    let text = error(&workshop, &envelope(&json!({}))).await;
    assert!(text.contains("the ticket was not made") && text.contains("the disk is full"), "{text}");
}

#[derive(Deserialize)]
struct Fields {
    amount: i64,
}

#[tokio::test]
async fn input_of_the_wrong_type_is_answered_with_the_field_and_never_handled() {
    let takes = |fields: Fields, _: Context| ready(Ok(Reply::text(fields.amount.to_string())));
    let workshop = workshop(&[Component::new("tasks").otherwise(handler_fn(takes))]);
    let text = error(&workshop, &envelope(&json!({ "properties": { "amount": "much" } }))).await;
    assert!(text.contains("amount"), "{text}");
    assert_eq!(success(&workshop, &envelope(&json!({ "properties": { "amount": 3 } }))).await, "3");
}

fn reads(platform: &Platform) -> usize {
    platform.calls().iter().filter(|call| call.path == "/actions").count()
}

#[tokio::test]
async fn the_names_are_read_once_for_all_known_actions() {
    let platform = platform();
    let workshop = workshop_on(&platform, &[Component::new("tasks").otherwise(saying(""))], 25);
    for id in [7, 8, 7] {
        success(&workshop, &envelope(&json!({ "action_id": id }))).await;
    }
    assert_eq!(reads(&platform), 1);
}

#[tokio::test]
async fn an_action_made_meanwhile_is_found_by_reading_again() {
    let platform = Platform::answering({
        let read = Mutex::new(0);
        move |_| {
            let mut read = read.lock().unwrap();
            *read += 1;
            (200, json!({ "entities": [{ "id": 6 + *read, "name": format!("Number {}", *read) }] }))
        }
    });
    let component = Component::new("tasks").on("Number 1", saying("one")).on("Number 2", saying("two"));
    let workshop = workshop_on(&platform, &[component], 25);
    assert_eq!(success(&workshop, &envelope(&json!({ "action_id": 7 }))).await, "one");
    assert_eq!(success(&workshop, &envelope(&json!({ "action_id": 8 }))).await, "two");
    assert_eq!(reads(&platform), 2);
}

#[tokio::test]
async fn an_action_without_a_name_is_asked_for_once_and_called_unnamed() {
    let platform = platform();
    let component = Component::new("tasks").on("_unnamed_", saying("unnamed"));
    let workshop = workshop_on(&platform, &[component], 25);
    workshop.names().read().await.unwrap();
    for body in [json!({ "action_id": 999 }), json!({ "action_id": 999 }), json!({ "action_id": null })] {
        assert_eq!(success(&workshop, &envelope(&body)).await, "unnamed");
    }
    assert_eq!(reads(&platform), 2);
}

#[tokio::test]
async fn names_that_cannot_be_read_are_answered_for_and_asked_for_again_by_the_next_message() {
    let platform = Platform::answering({
        let asked = Mutex::new(false);
        move |_| match std::mem::replace(&mut *asked.lock().unwrap(), true) {
            false => (403, json!({ "message": "Not yours to see" })),
            true => (200, json!({ "entities": [{ "id": 7, "name": "Add Task" }] })),
        }
    });
    let workshop = workshop_on(&platform, &[Component::new("tasks").on("Add Task", saying("done"))], 25);
    let text = error(&workshop, &envelope(&json!({ "action_id": 7 }))).await;
    assert!(text.contains("nothing has been done") && text.contains("Not yours to see"), "{text}");
    assert_eq!(success(&workshop, &envelope(&json!({ "action_id": 7 }))).await, "done");
}

#[tokio::test]
async fn a_handler_reads_what_all_components_share() {
    let shared = |_: Message, cx: Context| async move {
        Ok(Reply::text(cx.integrations().get("timeout").unwrap_or("nothing")))
    };
    let platform = platform();
    let services = Services::new(platform.clone(), 1, CancellationToken::new())
        .with_integrations(Section::new("integrations", [("timeout", "30")]));
    let registry = registry(&[Component::new("tasks").otherwise(handler_fn(shared))]).unwrap();
    let workshop = Workshop::new(registry, ActionNames::new(Rest::new(platform, None)), services);
    assert_eq!(success(&workshop, &envelope(&json!({ "action_id": 7 }))).await, "30");
}

#[tokio::test(start_paused = true)]
async fn a_message_waits_for_its_name_while_the_platform_is_away_and_goes_back_when_the_daemon_stops() {
    let away = Arc::new(AtomicBool::new(true));
    let platform = Platform::answering({
        let away = away.clone();
        move |_| match away.load(SeqCst) {
            true => (503, json!({ "message": "down for maintenance" })),
            false => (200, json!({ "entities": [{ "id": 7, "name": "Add Task" }] })),
        }
    });
    let workshop = workshop_on(&platform, &[Component::new("tasks").on("Add Task", saying("done"))], 25);
    let message = envelope(&json!({ "action_id": 7 }));
    let answered = async { success(&workshop, &message).await };
    let back = async {
        tokio::time::sleep(Duration::from_secs(60)).await;
        away.store(false, SeqCst);
    };
    assert_eq!(tokio::join!(answered, back).0, "done");
    away.store(true, SeqCst);
    workshop.services().shutdown.cancel();
    let unknown = envelope(&json!({ "action_id": 8 }));
    let outcome = workshop.carry_out(&unknown, &Earlier::default(), Arc::new(Statuses::default())).await;
    assert!(matches!(outcome, Outcome::Returned), "{outcome:?}");
}

#[tokio::test]
async fn each_rest_call_of_a_handler_carries_its_message_s_context_token() {
    let calls = |_: Message, cx: Context| async move {
        let _: Value = cx.rest().get("/incidents/1").await?;
        let _: Value = cx.rest().post("/incidents/1/tasks", &json!({})).await?;
        Ok(Reply::text("called"))
    };
    let platform = platform();
    let workshop = workshop_on(&platform, &[Component::new("tasks").otherwise(handler_fn(calls))], 25);
    for token in ["first", "second"] {
        let mut envelope = envelope(&json!({ "action_id": 7 }));
        let headers = Arc::make_mut(&mut envelope.headers);
        headers.retain(|(name, _)| name != "Co3ContextToken");
        headers.push(("Co3ContextToken".into(), token.into()));
        success(&workshop, &envelope).await;
    }
    let calls = platform.calls();
    let of = |call: &Call| (call.path.clone(), call.token.clone());
    let tokens: Vec<_> =
        calls.iter().map(of).filter(|(path, _)| path != "/actions").map(|(_, token)| token).collect();
    assert_eq!(
        tokens,
        [Some("first"), Some("first"), Some("second"), Some("second")].map(|token| token.map(String::from))
    );
    // The processor's own call is nobody's message.
    assert_eq!(calls[0].token, None);
}

#[tokio::test]
async fn news_is_handed_on_while_the_work_goes_on() {
    let tells = |_: Message, cx: Context| async move {
        cx.status("one half").await;
        cx.status("the other").await;
        Ok(Reply::text("whole"))
    };
    let workshop = workshop(&[Component::new("tasks").otherwise(handler_fn(tells))]);
    let statuses = Arc::<Statuses>::default();
    workshop.carry_out(&envelope(&json!({})), &Earlier::default(), statuses.clone()).await;
    assert_eq!(*statuses.0.lock().unwrap(), ["one half", "the other"]);
}

#[tokio::test]
async fn no_more_than_num_workers_are_at_work_and_those_that_wait_count_not() {
    let gate = Arc::new(Semaphore::new(0));
    let works = {
        let gate = gate.clone();
        handler_fn(move |_: Message, _: Context| {
            let gate = gate.clone();
            async move {
                gate.acquire().await?.forget();
                Ok(Reply::text("worked"))
            }
        })
    };
    let waits = saying("waited").defer(Duration::from_secs(3600));
    let component = Component::new("tasks").on("Add Task", works).otherwise(waits);
    let workshop = Arc::new(workshop_on(&platform(), &[component], 2));
    let spawn = |body: Value| {
        let workshop = workshop.clone();
        tokio::spawn(async move {
            let statuses = Arc::<Statuses>::default();
            workshop.carry_out(&envelope(&body), &Earlier::default(), statuses).await
        })
    };
    let waiting = [(); 50].map(|()| spawn(json!({ "action_id": 8 })));
    let working = [(); 3].map(|()| spawn(json!({ "action_id": 7 })));
    let workers = &workshop.services().workers;
    while workers.free() > 0 {
        tokio::task::yield_now().await;
    }
    assert!(working.iter().all(|task| !task.is_finished()));
    gate.add_permits(3);
    for task in working {
        assert!(matches!(task.await.unwrap(), Outcome::Answered(_)));
    }
    assert_eq!(workers.free(), 2);
    // Those that only wait go back to the broker when the daemon stops.
    workshop.services().shutdown.cancel();
    for task in waiting {
        assert!(matches!(task.await.unwrap(), Outcome::Returned));
    }
}

#[test]
fn neither_envelope_nor_answer_shows_what_is_inside_when_it_is_printed() {
    let envelope = envelope(&json!({ "name": "the victim" }));
    let answer = action_processor::dispatch::answer::news(&envelope, "about the victim");
    assert!(!format!("{envelope:?} {answer:?}").contains("victim"));
}
