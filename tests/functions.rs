use action_processor::{
    component::{
        CancellationToken, Component, Context, Failure, Handler, Message, Reply, Rest, Section, Services,
        StatusSink,
        decorate::Retry,
        function_fn, handler_fn,
        inputs::{Date, Select},
        reply::FailureKind,
        secrets::{Followed, Secrets},
        testing::Platform,
    },
    dispatch::{ActionNames, Destination, Earlier, Envelope, Outcome, Registry, Workshop},
};
use futures_util::future::BoxFuture;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::{
    future::ready,
    sync::{Arc, Mutex},
    time::Duration,
};

/// What handlers show while they work.
#[derive(Default)]
struct Statuses(Mutex<Vec<String>>);

impl StatusSink for Statuses {
    fn status(&self, text: String) -> BoxFuture<'_, ()> {
        self.0.lock().unwrap().push(text);
        Box::pin(ready(()))
    }
}

/// A component called `lookup` with the function `look_up` and the connector `rest`, both answered by `handler`.
fn lookup(handler: impl Handler + Clone) -> Component {
    Component::new("lookup").version("1.2.3").function("look_up", handler.clone()).connector("rest", handler)
}

fn workshop_with(
    component: &Component,
    section: &[(&str, &str)],
    secrets: Option<Arc<dyn Secrets>>,
) -> Workshop {
    let section = Section::new("lookup", section.iter().copied());
    let platform = Platform::answering(|_| (200, json!({ "entities": [{ "id": 7, "name": "Add Task" }] })));
    let names = ActionNames::new(Rest::new(platform.clone(), None));
    let mut services = Services::new(platform, 25, CancellationToken::new());
    services.secrets = secrets;
    Workshop::new(Registry::build([(component, section)]).unwrap(), names, services)
}

fn workshop(handler: impl Handler + Clone) -> Workshop {
    workshop_with(&lookup(handler), &[], None)
}

/// A call of `look_up` with these inputs.
fn call(inputs: &Value) -> Envelope {
    let function = json!({ "id": 3, "name": "look_up", "display_name": "Look up" });
    let body = json!({ "function": function, "inputs": inputs, "workflow_instance": { "workflow_instance_id": 54 } });
    Envelope::made_up(Destination::actions(201, "fn_queue"), 1, body.to_string().into())
}

/// A request to the low-code connector `rest`.
fn request(payload: &Value) -> Envelope {
    let body = json!({ "request_originator": { "id": 9 }, "request_payload": payload });
    let destination = Destination { kind: "connectors".to_owned(), ..Destination::actions(201, "rest") };
    Envelope::made_up(destination, 1, body.to_string().into())
}

async fn outcome(workshop: &Workshop, envelope: &Envelope) -> Outcome {
    workshop.carry_out(envelope, &Earlier::default(), Arc::<Statuses>::default()).await
}

/// The acknowledgement, which is always the last one.
async fn answer(workshop: &Workshop, envelope: &Envelope) -> Value {
    let (Outcome::Answered(answer) | Outcome::SetAside(answer, _)) = outcome(workshop, envelope).await else {
        panic!("returned")
    };
    let body: Value = serde_json::from_str(&answer.body).unwrap();
    assert_eq!(body["complete"], true);
    body
}

#[derive(Clone)]
struct Failing(FailureKind);

impl Handler for Failing {
    type Input = Message;

    async fn handle(&self, _: Message, _: Context) -> Result<Reply, Failure> {
        Err(Failure::with_kind(self.0, "the lookup broke"))
    }
}

/// Answers with what `reply` gives.
#[derive(Clone)]
struct Answering(fn(&Message) -> Result<Reply, Failure>);

impl Handler for Answering {
    type Input = Message;

    async fn handle(&self, message: Message, _: Context) -> Result<Reply, Failure> {
        (self.0)(&message)
    }
}

#[derive(Deserialize)]
struct Inputs {
    host: String,
    severity: Option<Select>,
    since: Option<Date>,
}

#[derive(Serialize)]
struct Verdict {
    malicious: bool,
    severity: Option<i64>,
    since: Option<Date>,
}

async fn look_up(inputs: Inputs, _: Context) -> Result<Verdict, Failure> {
    let malicious = inputs.host.ends_with(".example");
    Ok(Verdict { malicious, severity: inputs.severity.map(|severity| severity.id), since: inputs.since })
}

fn typed() -> Workshop {
    workshop_with(
        &Component::new("lookup").version("1.2.3").function("look_up", function_fn(look_up)),
        &[],
        None,
    )
}

#[tokio::test]
async fn a_functions_results_come_in_the_envelope_of_version_2() {
    let inputs = json!({
        "host": "a.example",
        "severity": { "id": 52, "name": "High" },
        "tags": [{ "id": 1, "name": "one" }, { "id": 2, "name": "two" }],
        "notes": { "format": "html", "content": "<b>x</b>" },
        "since": 1_488_811_937_000_i64,
        "sure": true,
        "empty": null,
    });
    let answer = answer(&typed(), &call(&inputs)).await;
    let results = &answer["results"];
    assert_eq!((&answer["message_type"], &answer["message"]), (&json!(0), &json!("Completed")));
    let metrics = &results["metrics"];
    let expected = json!({
        "version": 2.0,
        "success": true,
        "reason": null,
        "content": { "malicious": true, "severity": 52, "since": 1_488_811_937_000_i64 },
        "raw": null,
        "inputs": {
            "host": "a.example",
            "severity": "High",
            "tags": ["one", "two"],
            "notes": "<b>x</b>",
            "since": 1_488_811_937_000_i64,
            "sure": true,
            "empty": null,
        },
        "metrics": metrics,
    });
    assert_eq!(results, &expected);
    assert_eq!((&metrics["version"], &metrics["package"]), (&json!("1.0"), &json!("lookup")));
    assert_eq!(metrics["package_version"], "1.2.3");
    assert!(metrics["execution_time_ms"].is_u64(), "{metrics}");
    assert!(metrics["host"].as_str().is_some_and(|host| !host.is_empty()), "{metrics}");
    let timestamp: jiff::civil::DateTime = metrics["timestamp"].as_str().unwrap().parse().unwrap();
    assert_eq!(timestamp.subsec_nanosecond(), 0);
    // As text, since scripts and the platform tell 2.0 from 2.
    assert!(answer.to_string().contains(r#""version":2.0"#));
}

#[tokio::test]
async fn a_component_without_a_version_says_that_it_is_unknown() {
    let component = Component::new("lookup").function("look_up", Answering(|_| Reply::results(1)));
    let answer = answer(&workshop_with(&component, &[], None), &call(&json!({}))).await;
    assert_eq!(answer["results"]["metrics"]["package_version"], "unknown");
}

#[tokio::test]
async fn custom_results_are_bare() {
    let workshop = workshop(Answering(|_| Reply::custom(json!({ "found": [1, 2] }))));
    assert_eq!(answer(&workshop, &call(&json!({}))).await["results"], json!({ "found": [1, 2] }));
}

#[tokio::test]
async fn a_function_without_success_lets_the_workflow_go_on_and_says_why() {
    type Replying = fn(&Message) -> Result<Reply, Failure>;
    let replies: [Replying; 2] =
        [|_| Ok(Reply::unsuccessful("not found")), |_| Err(Failure::unsuccessful("not found"))];
    for reply in replies {
        let answer = answer(&workshop(Answering(reply)), &call(&json!({}))).await;
        assert_eq!((&answer["message_type"], &answer["message"]), (&json!(0), &json!("not found")));
        let results = &answer["results"];
        assert_eq!((&results["success"], &results["reason"]), (&json!(false), &json!("not found")));
        assert!(results["content"].is_null());
    }
}

#[tokio::test]
async fn what_was_found_in_part_is_given_without_success() {
    let reply = |_: &Message| Ok(Reply::results(json!([1, 2]))?.without_success("the third does not answer"));
    let results = answer(&workshop(Answering(reply)), &call(&json!({}))).await["results"].clone();
    assert_eq!((&results["success"], &results["content"]), (&json!(false), &json!([1, 2])));
    assert_eq!(results["reason"], "the third does not answer");
}

#[tokio::test]
async fn without_success_an_action_has_failed() {
    let component = Component::new("lookup").on("Add Task", Failing(FailureKind::Unsuccessful));
    let body = json!({ "action_id": 7 }).to_string();
    let envelope = Envelope::made_up(Destination::actions(201, "lookup"), 1, body.into());
    let answer = answer(&workshop_with(&component, &[], None), &envelope).await;
    assert_eq!(answer, json!({ "message_type": 1, "message": "the lookup broke", "complete": true }));
}

#[tokio::test]
async fn an_action_has_no_results() {
    let component = Component::new("lookup").on("Add Task", Answering(|_| Reply::results(5)));
    let body = json!({ "action_id": 7 }).to_string();
    let envelope = Envelope::made_up(Destination::actions(201, "lookup"), 1, body.into());
    let answer = answer(&workshop_with(&component, &[], None), &envelope).await;
    assert_eq!(answer, json!({ "message_type": 0, "message": "Completed", "complete": true }));
}

#[tokio::test]
async fn a_functions_text_is_shown_and_found_in_its_results() {
    let answer =
        answer(&workshop(Answering(|_| Ok(Reply::text("3 hosts blocked")))), &call(&json!({}))).await;
    assert_eq!(answer["message"], "3 hosts blocked");
    assert_eq!(
        (&answer["results"]["success"], &answer["results"]["content"]),
        (&json!(true), &json!("3 hosts blocked"))
    );
}

#[tokio::test(start_paused = true)]
async fn a_call_whose_place_a_later_one_took_has_no_success() {
    let component = Component::new("lookup").function(
        "look_up",
        Answering(|_| Reply::results("done")).debounce(Duration::from_secs(10)).discard(),
    );
    let workshop = workshop_with(&component, &[], None);
    let call = |number: i64, incident: i64| call(&json!({ "number": number, "incident_id": incident }));
    let (first, second, other) = (call(1, 7), call(2, 7), call(3, 8));
    let (first, second, other) =
        tokio::join!(answer(&workshop, &first), answer(&workshop, &second), answer(&workshop, &other));
    assert_eq!((&first["message_type"], &first["results"]["success"]), (&json!(0), &json!(false)));
    assert_eq!(first["results"]["reason"], "Superseded by a later message.");
    assert_eq!(
        (&second["results"]["content"], &other["results"]["content"]),
        (&json!("done"), &json!("done"))
    );
}

#[tokio::test]
async fn a_failure_fails_the_workflow() {
    for kind in [FailureKind::Failed, FailureKind::TimedOut, FailureKind::Rejected, FailureKind::SetAside] {
        let answer = answer(&workshop(Failing(kind)), &call(&json!({}))).await;
        assert_eq!(answer, json!({ "message_type": 1, "message": "the lookup broke", "complete": true }));
    }
}

#[tokio::test]
async fn a_wrong_input_is_named_in_the_answer() {
    let workshop = typed();
    let wrong = answer(&workshop, &call(&json!({ "host": "x", "severity": "High" }))).await;
    assert_eq!(wrong["message_type"], 1);
    assert_eq!(wrong["message"], "input severity: came a text, expected an object");
    let missing = answer(&workshop, &call(&json!({ "host": null }))).await;
    assert!(missing["message"].as_str().unwrap().starts_with("input host: missing field"), "{missing}");
}

#[tokio::test]
async fn trap_exception_lets_the_workflow_go_on_after_a_failure() {
    for kind in [FailureKind::Failed, FailureKind::TimedOut, FailureKind::Rejected] {
        let workshop = workshop(Failing(kind));
        workshop.set_trap_exception(true);
        let answer = answer(&workshop, &call(&json!({ "host": "x" }))).await;
        assert_eq!((&answer["message_type"], &answer["message"]), (&json!(0), &json!("the lookup broke")));
        let results = &answer["results"];
        assert_eq!((&results["success"], &results["reason"]), (&json!(false), &json!("the lookup broke")));
        assert_eq!(results["inputs"], json!({ "host": "x" }));
    }
}

#[tokio::test]
async fn trap_exception_also_traps_panics_and_what_is_set_aside_stays_so() {
    let panics = workshop(Answering(|_| panic!("a defect of the component")));
    panics.set_trap_exception(true);
    let answer = answer(&panics, &call(&json!({}))).await;
    assert_eq!((&answer["message_type"], &answer["results"]["success"]), (&json!(0), &json!(false)));
    let aside = workshop(Failing(FailureKind::SetAside));
    aside.set_trap_exception(true);
    let Outcome::SetAside(answer, reason) = outcome(&aside, &call(&json!({}))).await else {
        panic!("not set aside")
    };
    assert!(answer.body.contains(r#""success":false"#) && reason == "the lookup broke", "{answer:?}");
}

#[tokio::test]
async fn a_components_section_has_the_last_word_on_trap_exception() {
    let component = lookup(Failing(FailureKind::Failed));
    for (section, everywhere, kind) in [("yes", false, 0), ("no", true, 1)] {
        let workshop = workshop_with(&component, &[("trap_exception", section)], None);
        workshop.set_trap_exception(everywhere);
        assert_eq!(answer(&workshop, &call(&json!({}))).await["message_type"], kind);
    }
    let odd = Section::new("lookup", [("trap_exception", "maybe")]);
    assert!(component.check(&odd).unwrap_err().to_string().contains("trap_exception"));
}

#[tokio::test]
async fn what_was_called_off_is_no_success_whatever_is_trapped() {
    let workshop = workshop(Failing(FailureKind::Cancelled));
    workshop.set_trap_exception(true);
    assert_eq!(answer(&workshop, &call(&json!({}))).await["message_type"], 1);
}

#[tokio::test(start_paused = true)]
async fn a_function_without_success_is_not_tried_again() {
    let retry = Retry::after([Duration::from_secs(1)]);
    let component =
        Component::new("lookup").function("look_up", Failing(FailureKind::Unsuccessful).retry(retry));
    let begun = tokio::time::Instant::now();
    let answer = answer(&workshop_with(&component, &[], None), &call(&json!({}))).await;
    assert_eq!((begun.elapsed(), &answer["results"]["success"]), (Duration::ZERO, &json!(false)));
}

#[tokio::test]
async fn a_connectors_response_comes_in_the_envelope_of_version_1() {
    let respond = Answering(|message| {
        let url = message.entered()["url"].clone();
        Reply::response(200, json!({ "asked": url }))
    });
    let payload = json!({ "url": "https://x.example", "response_content_type": "application/json" });
    let answer = answer(&workshop(respond), &request(&payload)).await;
    let results = &answer["results"];
    let expected = json!({
        "request_originator": { "id": 9 },
        "version": 1.0,
        "success": true,
        "reason": null,
        "status_code": 200,
        "content": r#"{"asked":"https://x.example"}"#,
        "content_type": "application/json",
        "metrics": results["metrics"],
    });
    assert_eq!(results, &expected);
    assert_eq!(results["metrics"]["version"], "2.0");
    assert!(results["metrics"].get("timestamp").is_none());
}

#[tokio::test]
async fn a_connectors_content_may_be_all_that_is_given() {
    for (content, sent) in [(json!("plain"), json!("plain")), (json!([1, 2]), json!("[1,2]"))] {
        let component = {
            let respond = move |_: Message, _: Context| ready(Reply::results(content.clone()));
            Component::new("lookup").connector("rest", handler_fn(respond))
        };
        let answer = answer(&workshop_with(&component, &[], None), &request(&json!({}))).await;
        assert_eq!((&answer["results"]["content"], &answer["results"]["status_code"]), (&sent, &Value::Null));
    }
    let failed = answer(&workshop(Failing(FailureKind::Unsuccessful)), &request(&json!({}))).await;
    assert_eq!((&failed["results"]["success"], &failed["message_type"]), (&json!(false), &json!(0)));
}

/// Knows `PIN` and `PUK`; everything else leads nowhere. Says what it is asked.
#[derive(Debug, Default)]
struct Vault(Mutex<Vec<String>>);

const PIN: &str = "4711-is-the-pin";

impl Secrets for Vault {
    fn follow(&self, section: &str, text: &str, allowed: &[&str]) -> Followed {
        self.0.lock().unwrap().push(format!("{section}: {text}"));
        let Some(name) = text.strip_prefix('$') else {
            return Followed { text: text.to_owned(), ..Followed::default() };
        };
        let unchanged = Followed { text: text.to_owned(), ..Followed::default() };
        match name {
            _ if !allowed.contains(&name) => Followed { refused: true, ..unchanged },
            "PIN" => Followed { text: PIN.to_owned(), found: true, ..Followed::default() },
            _ => Followed { missing: vec![format!("{name}: no file /etc/secrets/{name}")], ..unchanged },
        }
    }

    fn mask(&self, text: &str) -> String {
        text.replace(PIN, "***")
    }
}

#[derive(Debug, Deserialize, Serialize)]
struct Login {
    password: String,
    user: Option<String>,
}

/// Gives its inputs back as it read them, in every way that there is.
async fn tell(login: Login, cx: Context) -> Result<Reply, Failure> {
    cx.status(format!("asked with {}", login.password)).await;
    match login.user.as_deref() {
        Some("fail") => Err(Failure::new(format!("{} is wrong", login.password))),
        Some("text") => Ok(Reply::text(format!("it is {}", login.password))),
        _ => Reply::results(json!({ login.password.clone(): [login.password.len(), login] })),
    }
}

fn telling(section: &[(&str, &str)]) -> Workshop {
    let component = Component::new("lookup").function("look_up", handler_fn(tell));
    workshop_with(&component, section, Some(Arc::<Vault>::default()))
}

#[tokio::test]
async fn a_secret_that_is_allowed_is_filled_in_and_comes_back_nowhere() {
    let workshop = telling(&[("input_secrets", "PUK, PIN")]);
    for user in ["results", "text", "fail"] {
        let envelope = call(&json!({ "password": "$PIN", "user": user }));
        let statuses = Arc::<Statuses>::default();
        let outcome = workshop.carry_out(&envelope, &Earlier::default(), statuses.clone()).await;
        let Outcome::Answered(answer) = outcome else { panic!("{outcome:?}") };
        assert!(!answer.body.contains(PIN), "{answer:?}");
        assert!(answer.body.contains("***"), "{answer:?}");
        assert_eq!(*statuses.0.lock().unwrap(), ["asked with ***"]);
        let body: Value = serde_json::from_str(&answer.body).unwrap();
        if user == "results" {
            assert_eq!(body["results"]["inputs"]["password"], "$PIN");
            // The handler had it.
            assert_eq!(body["results"]["content"]["***"][0], PIN.len());
        }
    }
}

#[tokio::test]
async fn what_is_set_aside_is_kept_without_the_secret() {
    let fail = |message: Login, _: Context| async move {
        Err::<Reply, _>(Failure::with_kind(
            FailureKind::SetAside,
            format!("{} opens nothing", message.password),
        ))
    };
    let component = Component::new("lookup").function("look_up", handler_fn(fail));
    let workshop = workshop_with(&component, &[("input_secrets", "PIN")], Some(Arc::<Vault>::default()));
    let outcome = outcome(&workshop, &call(&json!({ "password": "$PIN" }))).await;
    let Outcome::SetAside(answer, reason) = outcome else { panic!("{outcome:?}") };
    assert_eq!(reason, "*** opens nothing");
    assert!(!answer.body.contains(PIN), "{answer:?}");
}

#[tokio::test]
async fn a_secret_that_is_not_allowed_is_passed_on_as_it_was_named() {
    for section in [&[][..], &[("input_secrets", "PUK")]] {
        let answer = answer(&telling(section), &call(&json!({ "password": "$PIN" }))).await;
        assert_eq!(answer["results"]["content"]["$PIN"][1]["password"], "$PIN");
    }
}

#[tokio::test]
async fn a_secret_that_is_allowed_but_nowhere_is_said_to_be_missing_without_saying_where() {
    let answer = answer(&telling(&[("input_secrets", "PUK")]), &call(&json!({ "password": "$PUK" }))).await;
    let text = answer["message"].as_str().unwrap();
    assert_eq!(answer["message_type"], 1);
    assert!(text.contains("cannot be found: password") && !text.contains("/etc"), "{text}");
}

#[tokio::test]
async fn only_inputs_that_look_like_references_are_looked_up() {
    let vault = Arc::<Vault>::default();
    let component = Component::new("lookup").function("look_up", Answering(|_| Reply::results(1)));
    let workshop = workshop_with(&component, &[("input_secrets", "PIN")], Some(vault.clone()));
    answer(&workshop, &call(&json!({ "a": "plain", "b": 5, "c": null }))).await;
    assert!(vault.0.lock().unwrap().is_empty());
    let nested = json!({ "a": "plain", "b": { "format": "text", "content": "$PIN" }, "c": [{ "id": 1, "name": "$5" }] });
    answer(&workshop, &call(&nested)).await;
    assert_eq!(*vault.0.lock().unwrap(), ["lookup: $PIN", "lookup: $5"]);
}

#[tokio::test]
async fn actions_have_no_secrets_filled_in() {
    let component = Component::new("lookup").on("Add Task", handler_fn(tell));
    let workshop = workshop_with(&component, &[("input_secrets", "PIN")], Some(Arc::<Vault>::default()));
    let body = json!({ "action_id": 7, "properties": { "password": "$PIN", "user": "text" } }).to_string();
    let envelope = Envelope::made_up(Destination::actions(201, "lookup"), 1, body.into());
    assert_eq!(answer(&workshop, &envelope).await["message"], "it is $PIN");
}

#[tokio::test]
async fn a_daemon_that_stops_waits_for_no_secret() {
    let workshop = telling(&[("input_secrets", "PIN")]);
    workshop.services().shutdown.cancel();
    let outcome = outcome(&workshop, &call(&json!({ "password": "$PIN" }))).await;
    assert!(matches!(outcome, Outcome::Returned), "{outcome:?}");
}
