//! The component between a platform and a service made up here.

#![allow(clippy::unwrap_used, reason = "tests, and what they share")]

use action_component::{
    Failure, Reply, Section,
    testing::{self, Bench, Outcome, Platform},
};
use serde_json::{Value, json};
use std::sync::Arc;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
    task::JoinHandle,
};

/// A service that answers one request, and says what was asked.
async fn service(status: &'static str, body: &'static str) -> (String, JoinHandle<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/lookup", listener.local_addr().unwrap());
    let served = tokio::spawn(async move {
        let (mut socket, _) = listener.accept().await.unwrap();
        let mut asked = String::new();
        while !asked.ends_with("\r\n\r\n") {
            let mut chunk = [0; 1024];
            let length = socket.read(&mut chunk).await.unwrap();
            asked.push_str(&String::from_utf8_lossy(&chunk[..length]));
        }
        let head =
            format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n", body.len());
        socket.write_all(format!("{head}{body}").as_bytes()).await.unwrap();
        asked
    });
    (url, served)
}

/// Has the component look up `192.0.2.1`, an artifact with this description.
async fn look_up(url: &str, description: Value) -> (Result<Reply, Failure>, Arc<Platform>) {
    let platform = Platform::new();
    let artifact = json!({ "id": 5, "value": "192.0.2.1", "vers": 1, "description": description });
    let _artifact = platform.object("/incidents/7/artifacts/5", artifact);
    let section =
        Section::new("artifact_lookup", [("url", url), ("api_key", "a-secret-key"), ("timeout", "5")]);
    let body = json!({ "incident": testing::incident(7), "artifact": { "id": 5, "value": "192.0.2.1" } });
    let message = testing::message("Look Up Artifact", body);
    let bench = Bench::new(platform.clone()).section(section);
    (bench.deliver(&artifact_lookup::component(), message).await, platform)
}

#[tokio::test]
async fn what_the_service_says_is_added_to_the_description_as_text() {
    let (url, served) = service("200 OK", r#"{"verdict":"<script>bad</script>","score":93}"#).await;
    let (outcome, platform) = look_up(&url, json!({ "format": "html", "content": "<b>seen</b>" })).await;
    outcome.assert_says("192.0.2.1: Reputation: <script>bad</script> (93 of 100)");
    let put = platform.asked_once("PUT /incidents/7/artifacts/5");
    let content = "<b>seen</b><br>Reputation: &lt;script&gt;bad&lt;/script&gt; (93 of 100)";
    assert_eq!(put.body["description"], json!({ "format": "html", "content": content }));
    assert!(platform.calls().iter().all(|call| call.token.as_deref() == Some("token")));
    let asked = served.await.unwrap();
    assert!(asked.starts_with("GET /lookup?value=192.0.2.1 "), "{asked}");
    assert!(asked.contains("Bearer a-secret-key") && !asked.to_lowercase().contains("co3"), "{asked}");
}

#[tokio::test]
async fn what_is_noted_already_is_not_noted_again() {
    let (url, _served) = service("200 OK", r#"{"verdict":"fine"}"#).await;
    let (outcome, platform) = look_up(&url, json!("x<br>Reputation: fine")).await;
    outcome.assert_says("192.0.2.1: Reputation: fine");
    platform.assert_calls(["GET /incidents/7/artifacts/5"]);
}

#[tokio::test]
async fn what_the_service_does_not_know_changes_nothing() {
    let (url, _served) = service("404 Not Found", "").await;
    let (outcome, platform) = look_up(&url, Value::Null).await;
    outcome.assert_says("192.0.2.1 is not known.");
    platform.assert_calls([]);
}

#[tokio::test]
async fn a_service_in_trouble_is_told_without_address_and_key() {
    let (url, _served) = service("500 Internal Server Error", "").await;
    let (outcome, platform) = look_up(&url, Value::Null).await;
    outcome.assert_fails("The reputation service: ");
    outcome.assert_fails("500");
    let failure = outcome.unwrap_err().to_string();
    assert!(!failure.contains("127.0.0.1") && !failure.contains("secret"), "{failure}");
    platform.assert_calls([]);
}

#[test]
fn a_section_with_mistakes_is_told_at_the_start_and_the_sample_has_none() {
    let component = artifact_lookup::component();
    let check =
        |pairs: &[(&str, &str)]| component.check(&Section::new("artifact_lookup", pairs.iter().copied()));
    let mistake = check(&[("url", "https://example.com")]).unwrap_err().to_string();
    assert!(mistake.contains("api_key"), "{mistake}");
    assert!(check(&[("url", "u"), ("api_key", "k"), ("timout", "3")]).is_err());
    let keys = component
        .sample()
        .lines()
        .filter(|line| !line.starts_with('#'))
        .filter_map(|line| line.split_once(" = "));
    assert!(check(&keys.collect::<Vec<_>>()).is_ok());
}
