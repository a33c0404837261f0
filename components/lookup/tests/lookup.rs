//! Calls of the function, as a workflow makes them, without a platform.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on panics")]

use action_component::{
    Failure, FailureKind, Reply, Section,
    testing::{self, Bench, Platform},
};
use serde_json::{Value, json};

const HOSTS: &str = "\nbad.example, Phishing, 2026-01-31T00:00:00Z\nworse.example, Malware, 2026-03-01T12:00:00Z\n\
                     deep.bad.example, Malware, 2026-02-01T00:00:00Z";

/// Calls `lookup_host` with these inputs besides the required ones.
async fn call_with(hosts: &str, name: &str, depth: &str, further: Value) -> Result<Reply, Failure> {
    let mut inputs = json!({ "lookup_name": name, "lookup_depth": { "id": 1, "name": depth } });
    inputs.as_object_mut().unwrap().extend(further.as_object().unwrap().clone());
    let body = json!({ "function": { "id": 1, "name": "lookup_host" }, "inputs": inputs });
    let section = Section::new("lookup", [("hosts", hosts)]);
    let bench = Bench::new(Platform::answering(|_| (404, json!({})))).section(section);
    let component = lookup::component();
    let (_, handler) = component.functions().next().unwrap();
    handler.run(bench.context(testing::message("lookup_host", body))).await
}

async fn call(name: &str, depth: &str, further: Value) -> Value {
    let Reply::Results(results) = call_with(HOSTS, name, depth, further).await.unwrap() else {
        panic!("no results")
    };
    results.content
}

/// The names of the hosts that were found.
async fn found(name: &str, depth: &str, further: Value) -> Vec<String> {
    let content = call(name, depth, further).await;
    let found = content["found"].as_array().unwrap();
    found.iter().map(|listed| listed["host"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn a_listed_host_is_found_with_all_that_is_known_of_it() {
    let content = call(" Bad.Example ", "Exact", json!({})).await;
    let listed = json!({ "host": "bad.example", "category": "Phishing", "listed": 1_769_817_600_000_i64 });
    assert_eq!(content, json!({ "found": [listed], "looked_up": ["bad.example"] }));
}

#[tokio::test]
async fn parent_domains_are_looked_up_where_that_is_chosen() {
    assert!(found("x.worse.example", "Exact", json!({})).await.is_empty());
    assert_eq!(found("x.worse.example", "With parent domains", json!({})).await, ["worse.example"]);
    assert_eq!(
        found("deep.bad.example", "With parent domains", json!({})).await,
        ["bad.example", "deep.bad.example"]
    );
}

#[tokio::test]
async fn categories_dates_and_numbers_narrow_the_search() {
    let all = |further| found("deep.bad.example", "With parent domains", further);
    let malware = json!({ "lookup_categories": [{ "id": 7, "name": "Malware" }] });
    assert_eq!(all(malware).await, ["deep.bad.example"]);
    assert_eq!(all(json!({ "lookup_listed_after": 1_769_817_600_000_i64 })).await, ["deep.bad.example"]);
    assert_eq!(all(json!({ "lookup_most": 1 })).await, ["bad.example"]);
    assert!(all(json!({ "lookup_dry_run": true })).await.is_empty());
    let left_empty = json!({ "lookup_categories": null, "lookup_listed_after": null, "lookup_most": null });
    assert_eq!(all(left_empty).await.len(), 2);
}

#[tokio::test]
async fn the_hosts_of_a_text_are_looked_up_too_each_once() {
    let text = json!({ "format": "text", "content": "Seen: bad.example, bad.example. And worse.example!" });
    let content = call("quiet.example", "Exact", json!({ "lookup_text": text })).await;
    assert_eq!(content["looked_up"], json!(["quiet.example", "bad.example", "worse.example"]));
    assert_eq!(content["found"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn what_is_no_hosts_name_is_without_success() {
    let failure = call_with(HOSTS, "localhost", "Exact", json!({})).await.unwrap_err();
    assert_eq!(failure.kind(), FailureKind::Unsuccessful);
    assert_eq!(failure.to_string(), "\"localhost\" is not the name of a host");
}

#[tokio::test]
async fn a_wrong_or_missing_input_is_named() {
    let wrong = call_with(HOSTS, "bad.example", "Deeper", json!({})).await.unwrap_err();
    assert_eq!(wrong.kind(), FailureKind::Rejected);
    let expected = r#"input lookup_depth: came "Deeper", expected one of "Exact", "With parent domains""#;
    assert_eq!(wrong.to_string(), expected);
    let missing = call_with(HOSTS, "x", "Exact", json!({ "lookup_name": null })).await.unwrap_err();
    assert!(missing.to_string().starts_with("input lookup_name: missing field"), "{missing}");
}

#[tokio::test]
async fn a_list_that_cannot_be_read_is_an_error() {
    let failure = call_with("bad.example", "bad.example", "Exact", json!({})).await.unwrap_err();
    assert!(failure.to_string().contains("name, category, time"), "{failure}");
}
