//! Calls of the function, as a workflow makes them, without a platform.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on panics")]

use action_component::{
    Failure, Reply, Section,
    testing::{self, Bench, Outcome, Platform},
};
use serde::Deserialize;
use serde_json::{Value, json};

const HOSTS: &str = "\nbad.example, Phishing, 2026-01-31T00:00:00Z\nworse.example, Malware, 2026-03-01T12:00:00Z\n\
                     deep.bad.example, Malware, 2026-02-01T00:00:00Z";

/// What scripts find, as far as the tests are about it.
#[derive(Deserialize)]
struct Verdict {
    found: Vec<Listed>,
    looked_up: Vec<String>,
}

#[derive(Deserialize)]
struct Listed {
    host: String,
}

/// A daemon in whose app.config these hosts are listed.
fn bench(hosts: &str) -> Bench {
    Bench::new(Platform::new()).section(Section::new("lookup", [("hosts", hosts)]))
}

/// Calls `lookup_host` with these inputs besides the required ones.
async fn call(name: &str, depth: &str, further: Value) -> Result<Reply, Failure> {
    let mut inputs = json!({ "lookup_name": name, "lookup_depth": { "id": 1, "name": depth } });
    inputs.as_object_mut().unwrap().extend(further.as_object().unwrap().clone());
    bench(HOSTS).deliver(&lookup::component(), testing::function("lookup_host", inputs)).await
}

/// The names of the hosts that were found.
async fn found(name: &str, depth: &str, further: Value) -> Vec<String> {
    let verdict: Verdict = call(name, depth, further).await.content();
    verdict.found.into_iter().map(|listed| listed.host).collect()
}

#[tokio::test]
async fn a_listed_host_is_found_with_all_that_is_known_of_it() {
    let outcome = call(" Bad.Example ", "Exact", json!({})).await;
    let listed = json!({ "host": "bad.example", "category": "Phishing", "listed": 1_769_817_600_000_i64 });
    outcome.assert_content(&json!({ "found": [listed], "looked_up": ["bad.example"] }));
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
    let outcome = call("quiet.example", "Exact", json!({ "lookup_text": text })).await;
    let Verdict { found, looked_up } = outcome.content();
    assert_eq!(looked_up, ["quiet.example", "bad.example", "worse.example"]);
    assert_eq!(found.len(), 2);
}

#[tokio::test]
async fn a_status_says_what_is_looked_up() {
    let bench = bench(HOSTS);
    let inputs = json!({ "lookup_name": "bad.example", "lookup_depth": { "id": 1, "name": "Exact" } });
    bench.deliver(&lookup::component(), testing::function("lookup_host", inputs)).await.unwrap();
    assert_eq!(bench.statuses(), ["looking bad.example up"]);
}

#[tokio::test]
async fn what_is_no_hosts_name_is_without_success() {
    let outcome = call("localhost", "Exact", json!({})).await;
    outcome.assert_unsuccessful("\"localhost\" is not the name of a host");
}

#[tokio::test]
async fn a_wrong_or_missing_input_is_named() {
    let wrong = call("bad.example", "Deeper", json!({})).await;
    wrong.assert_rejected(
        r#"input lookup_depth: came "Deeper", expected one of "Exact", "With parent domains""#,
    );
    let missing = call("x", "Exact", json!({ "lookup_name": null })).await;
    missing.assert_rejected("input lookup_name: missing field");
}

#[tokio::test]
async fn a_list_that_cannot_be_read_is_an_error() {
    let inputs = json!({ "lookup_name": "bad.example", "lookup_depth": { "id": 1, "name": "Exact" } });
    let call = testing::function("lookup_host", inputs);
    bench("bad.example").deliver(&lookup::component(), call).await.assert_fails("name, category, time");
}
