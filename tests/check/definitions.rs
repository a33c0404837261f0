//! What components need to find on the platform, and what there is.

use action_processor::cli::check::{CheckArgs, run};
use action_processor::component::{Component, Context, Failure, Message, Reply, handler_fn};
use clap::Parser;
use serde_json::{Value, json};
use stand_in_platform::Platform;

use super::Served;
use crate::support::broker::Broker;
use crate::support::certificates::file;
use crate::support::platform_queue::PlatformQueue;

#[derive(Parser)]
struct Line {
    #[command(flatten)]
    args: CheckArgs,
}

async fn done(_message: Message, _cx: Context) -> Result<Reply, Failure> {
    Ok(Reply::text("done"))
}

/// The report of `check --connect --json` with these components.
async fn report(served: &Served, components: Vec<Component>) -> Value {
    let broker = Broker::shared().await;
    let config = file(&served.config(broker, "unused").text());
    let path = config.path().to_str().unwrap().to_owned();
    let checked = tokio::task::spawn_blocking(move || {
        let line = Line::parse_from(["check", "--connect", "--json", "--config-file", &path]);
        let mut out = Vec::new();
        run(&line.args, &components, &mut out);
        serde_json::from_slice(&out).unwrap()
    });
    checked.await.unwrap()
}

/// The details of the steps with this name and outcome.
fn details<'a>(report: &'a Value, step: &str, outcome: &str) -> Vec<&'a str> {
    let steps = report["steps"].as_array().unwrap().iter();
    let wanted = steps.filter(|line| line["step"] == step && line["outcome"] == outcome);
    wanted.map(|line| line["detail"].as_str().unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_required_and_missing_fails_the_check_and_what_is_served_later_warns() {
    let definition = json!({ "name": "here", "destination_handle": "check_here" });
    let served = Served::with(Platform::builder().list("/functions/here", definition)).await;
    let _queue = PlatformQueue::open(Broker::shared().await, "check_here").await;
    let lookup =
        Component::new("lookup").function("here", handler_fn(done)).function("there", handler_fn(done));
    let needy = Component::new("needy").on("act", handler_fn(done)).requires_field("severity_of_ours");
    let report = report(&served, vec![lookup, needy]).await;
    assert_eq!(report["exit_code"], 1, "{report}");
    let failed = details(&report, "required", "failed").join("\n");
    assert!(failed.contains("needy") && failed.contains("create an incident field"), "{failed}");
    let warned = details(&report, "served", "warning").join("\n");
    assert!(warned.contains("\"there\"") && warned.contains("create a function"), "{warned}");
    assert!(details(&report, "served", "ok")[0].ends_with("by actions.201.check_here"), "{report}");
    // A component that is not loaded takes no queue.
    assert_eq!(details(&report, "queue", "ok"), ["actions.201.check_here subscribed"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn requirements_that_are_met_are_told_as_such() {
    let fields = json!([{ "name": "severity_of_ours", "input_type": "text" }]);
    let served = Served::with(Platform::builder().list("/types/incident/fields", fields)).await;
    let needy = Component::new("check_needy")
        .function("nowhere_yet", handler_fn(done))
        .requires_field("severity_of_ours");
    let report = report(&served, vec![needy]).await;
    assert_eq!(report["exit_code"], 0, "{report}");
    assert_eq!(details(&report, "required", "ok"), ["check_needy: the incident field \"severity_of_ours\""]);
}
