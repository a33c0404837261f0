//! What the commands say of several platforms.

use std::process::ExitStatus;

use super::{platform, shared};
use crate::{
    delivery::{PATIENCE, World},
    support::{
        broker::Broker,
        processor::{AppConfig, Processor},
    },
};

/// What `processor` prints with these arguments, and how it ends.
async fn run(config: &AppConfig, arguments: &[&str]) -> (ExitStatus, String) {
    let mut processor = Processor::command(config, arguments);
    let ended = processor.wait(PATIENCE).await;
    (ended, processor.log().join("\n"))
}

/// `hello` has an instance for each of two platforms.
async fn two() -> (World, World, AppConfig) {
    let (broker, europe, us) = (Broker::shared().await, World::new().await, World::new().await);
    let config = platform(shared(&europe), "europe", &europe, broker);
    let config = platform(config, "us", &us, broker)
        .set("resilient", "noload", "add_task, set_last_updated")
        .set("resilient", "selftest_timeout", "60")
        .set("hello", "greeting", "hi")
        .set("hello:lyon", "platform", "europe")
        .set("hello:lyon", "destination", "check_lyon")
        .set("hello:texas", "platform", "us")
        .set("hello:texas", "destination", "check_texas");
    (europe, us, config)
}

/// The lines that follow `heading`, to the next one.
fn part<'a>(text: &'a str, heading: &str) -> &'a str {
    let (_, part) = text.split_once(heading).unwrap_or_else(|| panic!("no {heading:?} in:\n{text}"));
    let end = part.match_indices('\n').find(|(at, _)| !part[at + 1..].starts_with("  "));
    end.map_or(part, |(at, _)| &part[..at])
}

#[tokio::test]
async fn check_walks_both_links_of_each_platform_under_its_name() {
    let (europe, us, config) = two().await;
    let (ended, text) = run(&config, &["check", "--connect"]).await;
    assert!(ended.success(), "{text}");
    for (name, queue, other) in [("europe", "check_lyon", "check_texas"), ("us", "check_texas", "check_lyon")]
    {
        assert!(part(&text, &format!("{name}: the platform")).contains(queue), "{text}");
        let links = [part(&text, &format!("{name}: REST")), part(&text, &format!("{name}: STOMP"))];
        assert!(links[0].contains("action module  ok"), "{text}");
        assert!(links[1].contains(queue) && !links[1].contains(other), "{text}");
    }
    assert!(!europe.platform.requests().is_empty() && !us.platform.requests().is_empty());
}

#[tokio::test]
async fn what_fails_on_one_platform_is_told_under_its_name_and_the_other_is_walked_all_the_same() {
    let (_europe, us, config) = two().await;
    let config = config.set("resilient:europe", "api_key_secret", "not-the-right-one");
    let (ended, text) = run(&config, &["check", "--connect"]).await;
    assert_eq!(ended.code(), Some(21), "{text}");
    assert!(part(&text, "europe: REST").contains("login          failed"), "{text}");
    assert!(part(&text, "us: STOMP").contains("queue          ok"), "{text}");
    assert!(!us.platform.requests().is_empty());
    let (ended, text) = run(&config, &["check", "--connect", "--json"]).await;
    assert_eq!(ended.code(), Some(21), "{text}");
    let report: serde_json::Value = serde_json::from_str(&text).unwrap();
    let failed: Vec<_> =
        report["steps"].as_array().unwrap().iter().filter(|step| step["outcome"] == "failed").collect();
    assert_eq!(failed.len(), 1, "{text}");
    assert_eq!(failed[0]["platform"], "europe");
    assert_eq!(failed[0]["step"], "login");
}

#[tokio::test]
async fn list_names_each_instance_and_the_platforms_that_it_is_for() {
    let (_europe, _us, config) = two().await;
    let (ended, text) = run(&config, &["list", "-v"]).await;
    assert!(ended.success(), "{text}");
    let names: Vec<&str> = text.lines().filter(|line| line.contains("0.1.0")).collect();
    assert_eq!(names.len(), 4, "{text}");
    assert!(part(&text, "\nhello:lyon").contains("platform      europe\n"), "{text}");
    assert!(part(&text, "\nhello:texas").contains("platform      us\n"), "{text}");
    let without = config.set("hello:lyon", "platform", "");
    let (_, text) = run(&without, &["list", "-v"]).await;
    assert!(part(&text, "\nhello:lyon").contains("platform      europe, us\n"), "{text}");
}
