//! `processor invoke`: in this process with components of its own, and as a process against the stand-in platform.

mod typed;

use crate::support::{
    broker::API_KEY,
    certificates::{Authority, Request},
    processor::{AppConfig, Processor},
};
use action_processor::{
    cli::invoke::{InvokeArgs, run},
    component::{Component, Context, Failure, Message, Reply, function_fn, handler_fn},
};
use clap::{Args, FromArgMatches};
use serde::Deserialize;
use serde_json::{Value, json};
use stand_in_platform::{ORG_NAME, Platform};
use std::{fs, os::unix::fs::PermissionsExt, path::Path, process::ExitCode, time::Duration};
use tempfile::TempDir;

const PATIENCE: Duration = Duration::from_secs(120);

const RECORDED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/components/add_task/recorded");

#[derive(Deserialize)]
struct Hosts {
    #[expect(dead_code)]
    hosts: String,
}

#[derive(Deserialize)]
struct Login {
    password: String,
}

/// A function and an action, which tell what they were given; and one more of each under one name.
fn component() -> Component {
    let echo = async |message: Message, cx: Context| {
        cx.status("half way").await;
        let token = message.header("Co3ContextToken");
        Ok::<_, Failure>(
            json!({ "inputs": message.inputs(), "token": token, "colour": cx.section().get("colour") }),
        )
    };
    let act = async |message: Message, cx: Context| {
        let user: Value = cx.rest().get("/users/115").await?;
        let given =
            json!({ "properties": message.properties().value(), "incident": message.incident().value() });
        Ok(Reply::text(format!("{given} {}", user["enabled"])))
    };
    let fail = async |_: Message, _: Context| Err::<Reply, _>(Failure::new("it is down"));
    let log_in = async |login: Login, cx: Context| {
        cx.status(format!("asking with {}", login.password)).await;
        Ok::<_, Failure>(json!({ "length": login.password.len(), "password": login.password }))
    };
    Component::new("mine")
        .function("echo", function_fn(echo))
        .function("log_in", function_fn(log_in))
        .function("down", handler_fn(fail))
        .function("twice", function_fn(async |_: Message, _: Context| Ok::<_, Failure>("function")))
        .on("Act On It", handler_fn(act))
        .on("Twice", handler_fn(async |_: Message, _: Context| Ok(Reply::text("action"))))
        .on("Fail", handler_fn(fail))
        .otherwise(handler_fn(async |message: Message, _: Context| {
            Ok(Reply::text(format!("{} after all", message.action())))
        }))
}

/// With the recordings of `directory`.
fn invoke_in(directory: &Path, arguments: &[&str], code: u8) -> String {
    invoke_with(&[arguments, &["--mock", directory.to_str().unwrap()]].concat(), code)
}

/// What the command prints to standard output, and whether its exit code is `code`.
fn invoke_with(arguments: &[&str], code: u8) -> String {
    run_in_process(arguments, &[component()], code)
}

fn run_in_process(arguments: &[&str], components: &[Component], code: u8) -> String {
    let command = InvokeArgs::augment_args(clap::Command::new("invoke").no_binary_name(true));
    let matches = command.try_get_matches_from(arguments).unwrap();
    let mut out = Vec::new();
    let ended = run(&InvokeArgs::from_arg_matches(&matches).unwrap(), components, &mut out);
    let text = String::from_utf8(out).unwrap();
    assert_eq!(format!("{ended:?}"), format!("{:?}", ExitCode::from(code)), "{text}");
    text
}

fn invoke(arguments: &[&str]) -> String {
    invoke_in(Path::new(RECORDED), arguments, 0)
}

/// The reply that `printed` ends with.
fn reply(printed: &str) -> Value {
    let (_, reply) = printed.split_once("  reply").unwrap();
    serde_json::from_str(reply).unwrap()
}

fn inputs(arguments: &[&str]) -> Value {
    let printed = invoke(&[&["echo"], arguments].concat());
    reply(&printed)
        .pointer("/results/content/inputs")
        .or(reply(&printed).pointer("/results/inputs"))
        .cloned()
        .unwrap()
}

fn process(arguments: &[&str]) -> std::process::Output {
    let empty = tempfile::tempdir().unwrap();
    std::process::Command::new(env!("CARGO_BIN_EXE_processor"))
        .arg("invoke")
        .args(arguments)
        .current_dir(empty.path())
        .env("HOME", empty.path())
        .env_remove("APP_CONFIG_FILE")
        .output()
        .unwrap()
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

fn file(contents: &str) -> (TempDir, String) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("given.json");
    fs::write(&path, contents).unwrap();
    let path = path.to_str().unwrap().to_owned();
    (directory, path)
}

#[test]
fn a_function_is_run_once_and_its_status_and_reply_are_printed() {
    let printed = invoke(&["echo", "host=a.example"]);
    assert!(printed.starts_with("function echo (component mine)\n  status          half way\n"), "{printed}");
    assert_eq!(reply(&printed)["message_type"], 0);
}

#[test]
fn values_are_taken_for_what_they_are() {
    let given = inputs(&[
        "text=a=b",
        "whole=-5",
        "decimal=1.5",
        "yes=true",
        "no=false",
        "serial=007",
        "ip=10.0.0.1",
        "exponent=1e5",
        "empty=",
        "select:={\"id\": 3, \"name\": \"High\"}",
        "list:=[1, \"2\"]",
        "quoted:=\"5\"",
    ]);
    let expected = json!({
        "text": "a=b", "whole": -5, "decimal": 1.5, "yes": true, "no": false, "serial": "007", "ip": "10.0.0.1",
        "exponent": "1e5", "empty": null, "select": { "id": 3, "name": "High" }, "list": [1, "2"], "quoted": "5",
    });
    assert_eq!(given, expected);
}

#[test]
fn inputs_from_a_file_are_those_that_the_command_line_does_not_give() {
    let (_directory, path) = file(r#"{ "host": "a.example", "limit": 5 }"#);
    assert_eq!(inputs(&["limit=6", "--input", &path]), json!({ "host": "a.example", "limit": 6 }));
}

#[test]
fn a_functions_incident_is_its_input_incident_id() {
    assert_eq!(inputs(&["--incident", "2095"]), json!({ "incident_id": 2095 }));
    assert_eq!(inputs(&["incident_id=1", "--incident", "2095"]), json!({ "incident_id": 1 }));
}

#[test]
fn an_action_gets_activity_fields_and_an_incident_and_its_rest_calls_are_printed() {
    let printed = invoke(&["Act On It", "who=Zoë", "--incident", "7"]);
    assert!(printed.starts_with("action act_on_it (destination mine)\n"), "{printed}");
    assert!(printed.contains("  REST            GET /users/115 → 200\n"), "{printed}");
    let said = r#"{"properties":{"who":"Zoë"},"incident":{"id":7}} true"#;
    assert_eq!(reply(&printed)["message"], said);
}

#[test]
fn a_recorded_message_is_an_input_and_fields_can_be_changed() {
    let output = process(&[
        "add_task",
        "task_instructions=Slowly",
        "--input",
        &format!("{RECORDED}/ActionMessage_AddTask_2017-03-07T15-07-14.033583"),
        "--mock",
        RECORDED,
    ]);
    assert!(text(&output.stdout).contains("action complete. task posted. ID 2272955"), "{output:?}");
    assert_eq!((output.status.code(), text(&output.stderr)), (Some(0), ""));
}

#[test]
fn a_recorded_incident_is_what_the_action_fires_on() {
    let directory = tempfile::tempdir().unwrap();
    for (path, body) in [("incidents_7", r#"{"id": 7, "name": "X"}"#), ("users_115", r#"{"enabled": false}"#)]
    {
        let name = format!("200_JSON_GET__rest_orgs_201_{path}__2026-01-12T09-30-00.250000");
        fs::write(directory.path().join(name), body).unwrap();
    }
    let printed = invoke_in(directory.path(), &["act_on_it", "--incident", "7"], 0);
    assert_eq!(reply(&printed)["message"], r#"{"properties":{},"incident":{"id":7,"name":"X"}} false"#);
}

#[test]
fn a_failure_is_printed_and_exits_1() {
    let printed = invoke_in(Path::new(RECORDED), &["fail"], 1);
    assert_eq!(reply(&printed)["message"], "it is down");
}

#[test]
fn a_call_that_was_not_recorded_is_named() {
    let empty = tempfile::tempdir().unwrap();
    let printed = invoke_in(empty.path(), &["act_on_it"], 1);
    assert!(printed.contains("GET /users/115") && printed.contains("was not recorded"), "{printed}");
}

#[test]
fn of_several_handlers_of_one_name_one_must_be_chosen() {
    assert_eq!(invoke_in(Path::new(RECORDED), &["twice"], 64), "");
    assert!(invoke(&["twice", "--function"]).starts_with("function twice"));
    assert_eq!(reply(&invoke(&["twice", "--destination", "mine"]))["message"], "action");
}

#[test]
fn a_destination_that_is_named_may_answer_by_its_default_handler() {
    assert_eq!(invoke_in(Path::new(RECORDED), &["anything"], 64), "");
    let printed = invoke(&["anything", "--destination", "mine"]);
    assert_eq!(reply(&printed)["message"], "anything after all");
}

#[test]
fn a_component_gets_its_section_from_the_command_line() {
    let printed = invoke(&["echo", "--set", "mine.colour=red"]);
    assert!(printed.contains(r#""colour": "red""#), "{printed}");
    assert_eq!(invoke_in(Path::new(RECORDED), &["echo", "--set", "yours.colour=red"], 64), "");
}

/// A directory that holds the secret PIN.
fn vault() -> TempDir {
    let directory = tempfile::tempdir().unwrap();
    let pin = directory.path().join("PIN");
    fs::write(&pin, "4711-secret").unwrap();
    // Secrets that others can read are not taken.
    fs::set_permissions(&pin, fs::Permissions::from_mode(0o600)).unwrap();
    directory
}

#[test]
fn a_secret_that_the_section_allows_is_filled_in_and_printed_nowhere() {
    let vault = vault();
    let of_vault = ["--secrets_dir", vault.path().to_str().unwrap()];
    let log_in = |arguments: &[&str], code| {
        let all = [&["log_in"], arguments, &of_vault].concat();
        let printed = invoke_in(Path::new(RECORDED), &all, code);
        assert!(!printed.contains("4711-secret"), "{printed}");
        printed
    };
    let allowed = log_in(&["password=^PIN", "--set", "mine.input_secrets=PIN"], 0);
    assert!(allowed.contains("  status          asking with ***\n"), "{allowed}");
    let results = &reply(&allowed)["results"];
    assert_eq!(results["content"], json!({ "length": 11, "password": "***" }));
    assert_eq!(results["inputs"], json!({ "password": "^PIN" }));
    let refused = log_in(&["password=^PIN"], 0);
    assert!(refused.contains("input_secrets in [mine] does not name it"), "{refused}");
    assert_eq!(reply(&refused)["results"]["content"]["password"], "^PIN");
    let missing = log_in(&["password=^PUK", "--set", "mine.input_secrets=PUK"], 1);
    assert!(missing.contains("  secret          ^PUK leads nowhere: "), "{missing}");
    assert!(reply(&missing)["message"].as_str().unwrap().contains("cannot be found: password"), "{missing}");
}

#[test]
fn a_failure_that_is_trapped_lets_the_workflow_go_on() {
    assert_eq!(reply(&invoke_in(Path::new(RECORDED), &["down"], 1))["message"], "it is down");
    for trap in [&["--trap_exception=true"] as &[_], &["--set", "mine.trap_exception=yes"]] {
        let results = &reply(&invoke(&[&["down"], trap].concat()))["results"];
        assert_eq!((&results["success"], &results["reason"]), (&json!(false), &json!("it is down")));
    }
    // The section has the last word.
    let section = ["down", "--trap_exception=true", "--set", "mine.trap_exception=no"];
    invoke_in(Path::new(RECORDED), &section, 1);
}

#[test]
fn a_command_line_that_is_wrong_exits_64_and_says_why() {
    let (_directory, list) = file("[1]");
    for (arguments, why) in [
        (&["say_hello", "name"] as &[_], "KEY=VALUE"),
        (&["say_hello", "name:={"], "JSON"),
        (&["say_hello", "--input", &list], "must be a JSON object"),
        (&["say_hello", "--input", "missing.json"], "missing.json: cannot be read"),
        (&["brew_coffee"], "action say_hello (destination hello)"),
        (&["say_hello", "--destination", "add_task"], "there is no handler"),
    ] {
        let output = process(&[arguments, &["--mock", RECORDED]].concat());
        assert!(text(&output.stderr).contains(why), "{output:?}");
        assert_eq!((output.status.code(), text(&output.stdout)), (Some(64), ""));
    }
}

#[test]
fn without_a_configuration_it_says_how_to_get_one_and_what_else_can_be_done() {
    let output = process(&["say_hello", "name=x"]);
    assert!(text(&output.stderr).contains("processor config -c"), "{output:?}");
    assert_eq!(output.status.code(), Some(64));
}

#[test]
fn help_teaches_by_examples() {
    let output = process(&["--help"]);
    let help = text(&output.stdout);
    for word in ["--mock", "key:=JSON", "severity:=", "IS CHANGED", "Exit code", "processor list -v"] {
        assert!(help.contains(word), "{word}: {help}");
    }
}

/// A platform, and the app.config that leads to it for as long as the directory is there.
async fn stand_in() -> (Platform, TempDir, AppConfig) {
    let authority = Authority::new("CA of the platform");
    let tls = authority.issue(&Request::server(["localhost"])).server_config();
    let platform = Platform::builder().tls(tls).api_key(API_KEY.login, API_KEY.passcode).start().await;
    let directory = tempfile::tempdir().unwrap();
    let cafile = directory.path().join("ca.pem");
    fs::copy(authority.file().path(), &cafile).unwrap();
    let config = AppConfig::empty()
        .set("resilient", "host", "localhost")
        .set("resilient", "port", &platform.port().to_string())
        .set("resilient", "cafile", &cafile.display().to_string())
        .set("resilient", "org", ORG_NAME)
        .set("resilient", "api_key_id", API_KEY.login)
        .set("resilient", "api_key_secret", API_KEY.passcode);
    (platform, directory, config)
}

#[tokio::test]
async fn on_a_real_platform_app_config_says_which_secrets_there_are_and_what_is_trapped() {
    let ((_platform, directory, config), vault) = (stand_in().await, vault());
    let config = config
        .set("resilient", "secrets_dir", &vault.path().display().to_string())
        .set("resilient", "trap_exception", "true")
        .set("mine", "input_secrets", "PIN");
    let file = directory.path().join("app.config");
    fs::write(&file, config.text()).unwrap();
    let invoke = async |arguments: &[&str]| {
        let all = [arguments, &["--config-file", file.to_str().unwrap()]].concat();
        let all: Vec<String> = all.into_iter().map(str::to_owned).collect();
        let invoked = tokio::task::spawn_blocking(move || {
            invoke_with(&all.iter().map(String::as_str).collect::<Vec<_>>(), 0)
        });
        invoked.await.unwrap()
    };
    let printed = invoke(&["log_in", "password=^PIN"]).await;
    assert_eq!(reply(&printed)["results"]["content"], json!({ "length": 11, "password": "***" }));
    assert!(!printed.contains("4711-secret"), "{printed}");
    assert_eq!(reply(&invoke(&["down"]).await)["results"]["reason"], "it is down");
}

#[tokio::test]
async fn other_components_need_no_section() {
    let (_platform, directory, config) = stand_in().await;
    let file = directory.path().join("app.config");
    fs::write(&file, config.text()).unwrap();
    let file = file.to_str().unwrap().to_owned();
    let needy = Component::new("needy")
        .configured::<Hosts>("hosts = a.example")
        .function("look_up", function_fn(async |_: Message, _: Context| Ok::<_, Failure>("found")));
    let components = [component(), needy];
    let invoked = tokio::task::spawn_blocking(move || {
        run_in_process(&["twice", "--function", "--config-file", &file], &components, 0);
        // The one that is meant does need its own.
        run_in_process(&["look_up", "--config-file", &file], &components, 64);
    });
    invoked.await.unwrap();
}

#[tokio::test]
async fn it_works_on_the_real_platform_and_says_so() {
    let (platform, _directory, config) = stand_in().await;
    let id = platform.add_incident(json!({ "name": "Phishing", "properties": { "last_updated": null } }));

    let incident = id.to_string();
    let mut processor = Processor::command(&config, &["invoke", "Incident Updated", "--incident", &incident]);
    let code = processor.wait(PATIENCE).await.code();
    let printed = processor.log().join("\n");
    assert_eq!(code, Some(0), "{printed}");
    for words in ["real platform localhost", "REST            PUT /incidents/", "last_updated set"] {
        assert!(printed.contains(words), "{words}: {printed}");
    }
    assert!(!printed.contains(API_KEY.passcode), "{printed}");
    assert!(platform.incident(id)["properties"]["last_updated"].is_i64());

    let mut processor = Processor::command(&config, &["invoke", "incident_updated", "--incident", "999999"]);
    let code = processor.wait(PATIENCE).await.code();
    let printed = processor.log().join("\n");
    assert!(code == Some(1) && printed.contains("/incidents/999999") && printed.contains("404"), "{printed}");
}
