//! The component between a platform and a service made up here.

#![allow(clippy::unwrap_used, reason = "tests, and what they share")]

use action_component::{
    Failure, Reply, Section,
    testing::{self, Bench, Call, Platform},
};
use serde_json::{Value, json};
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
async fn look_up(url: &str, description: Value) -> (Result<Reply, Failure>, Vec<Call>) {
    let platform = Platform::answering(move |call| match call.method.as_str() {
        "GET" => (200, json!({ "id": 5, "value": "192.0.2.1", "vers": 1, "description": description })),
        _ => (200, call.body.clone()),
    });
    let section =
        Section::new("artifact_lookup", [("url", url), ("api_key", "a-secret-key"), ("timeout", "5")]);
    let body = json!({ "incident": { "id": 7 }, "artifact": { "id": 5, "value": "192.0.2.1" } });
    let message = testing::message("Look Up Artifact", body);
    let bench = Bench::new(platform.clone()).section(section);
    let outcome = bench.deliver(&artifact_lookup::component(), message).await;
    (outcome, platform.calls())
}

#[tokio::test]
async fn what_the_service_says_is_added_to_the_description_as_text() {
    let (url, served) = service("200 OK", r#"{"verdict":"<script>bad</script>","score":93}"#).await;
    let (reply, calls) = look_up(&url, json!({ "format": "html", "content": "<b>seen</b>" })).await;
    let line = "Reputation: <script>bad</script> (93 of 100)";
    assert_eq!(reply.unwrap().message(), format!("192.0.2.1: {line}"));
    assert_eq!((calls[1].method.as_str(), calls[1].path.as_str()), ("PUT", "/incidents/7/artifacts/5"));
    let content = "<b>seen</b><br>Reputation: &lt;script&gt;bad&lt;/script&gt; (93 of 100)";
    assert_eq!(calls[1].body["description"], json!({ "format": "html", "content": content }));
    assert!(calls.iter().all(|call| call.token.as_deref() == Some("token")));
    let asked = served.await.unwrap();
    assert!(asked.starts_with("GET /lookup?value=192.0.2.1 "), "{asked}");
    assert!(asked.contains("Bearer a-secret-key") && !asked.to_lowercase().contains("co3"), "{asked}");
}

#[tokio::test]
async fn what_is_noted_already_is_not_noted_again() {
    let (url, _served) = service("200 OK", r#"{"verdict":"fine"}"#).await;
    let (reply, calls) = look_up(&url, json!("x<br>Reputation: fine")).await;
    assert_eq!(reply.unwrap().message(), "192.0.2.1: Reputation: fine");
    assert_eq!(calls.len(), 1, "{calls:?}");
}

#[tokio::test]
async fn what_the_service_does_not_know_changes_nothing() {
    let (url, _served) = service("404 Not Found", "").await;
    let (reply, calls) = look_up(&url, Value::Null).await;
    assert_eq!(reply.unwrap().message(), "192.0.2.1 is not known.");
    assert!(calls.is_empty());
}

#[tokio::test]
async fn a_service_in_trouble_is_told_without_address_and_key() {
    let (url, _served) = service("500 Internal Server Error", "").await;
    let (reply, calls) = look_up(&url, Value::Null).await;
    let failure = reply.unwrap_err().to_string();
    assert!(failure.starts_with("The reputation service: ") && failure.contains("500"), "{failure}");
    assert!(!failure.contains("127.0.0.1") && !failure.contains("secret"), "{failure}");
    assert!(calls.is_empty());
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
