//! The component against a platform made up here, which has one file.

#![allow(clippy::unwrap_used, reason = "tests, and what they share")]

use action_component::{
    Failure, Message, Reply,
    rest::{Backend, Content, Request, Response, RestError},
    testing::{self, Bench, Call, Platform},
};
use bytes::Bytes;
use futures_util::{future::BoxFuture, stream};
use http::{Method, StatusCode};
use serde_json::{Value, json};
use std::sync::Arc;

/// A file of `chunks` chunks, said to have `size` bytes.
#[derive(Debug)]
struct OneFile {
    chunks: usize,
    size: usize,
}

const CHUNK: Bytes = Bytes::from_static(&[b'a'; 1000]);

impl Backend for OneFile {
    fn call(&self, request: Request) -> BoxFuture<'_, Result<Response, RestError>> {
        let info = json!({ "id": 3, "name": "<b>invoice</b>.exe", "content_type": "x/y", "size": self.size });
        let response = match (&request.method, request.path.rsplit('/').next()) {
            (&Method::GET, Some("contents")) => {
                assert!(request.streamed, "a file that is held in memory");
                let chunks = stream::iter(std::iter::repeat_n(CHUNK, self.chunks).map(Ok));
                Ok(Response::new(StatusCode::OK, Bytes::new()).with_body(Content::stream(chunks)))
            }
            (&Method::GET, Some("5")) => Response::json(&json!({ "id": 5, "attachment": info })),
            (&Method::GET, _) => Response::json(&info),
            _ => Response::json(&json!({ "id": 9 })),
        };
        Box::pin(async move { response.map_err(RestError::Unwritable) })
    }
}

fn message(about: &Value) -> Message {
    let mut body = json!({ "incident": { "id": 7 } });
    body.as_object_mut().unwrap().extend(about.as_object().unwrap().clone());
    testing::message("Scan Attachment", body)
}

fn attachment() -> Message {
    message(&json!({ "attachment": { "id": 3 } }))
}

async fn scan(bench: &Bench, message: Message) -> Result<Reply, Failure> {
    bench.deliver(&attachment_scanner::component(), message).await
}

fn bench(chunks: usize, size: usize) -> (Bench, Arc<Platform>) {
    let platform = Platform::watching(Arc::new(OneFile { chunks, size }));
    (Bench::new(platform.clone()), platform)
}

fn posts(platform: &Platform) -> Vec<Call> {
    platform.calls().into_iter().filter(|call| call.method == Method::POST).collect()
}

#[tokio::test]
async fn the_hash_of_a_file_that_comes_in_chunks_becomes_an_artifact_and_a_note() {
    let (bench, platform) = bench(1000, 1_000_000);
    let reply = scan(&bench, attachment()).await.unwrap();
    // A million times `a`, a test vector of FIPS 180.
    let sha256 = "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0";
    assert_eq!(reply.message(), format!("<b>invoice</b>.exe: 1000000 bytes, SHA-256 {sha256}"));
    let posts = posts(&platform);
    assert_eq!(posts[0].path, "/incidents/7/artifacts");
    assert_eq!(
        (&posts[0].body["type"], &posts[0].body["value"]),
        (&json!("Malware SHA-256 Hash"), &json!(sha256))
    );
    assert_eq!(posts[1].path, "/incidents/7/comments");
    let note = posts[1].body["text"]["content"].as_str().unwrap();
    assert!(note.starts_with("<b>&lt;b&gt;invoice&lt;/b&gt;.exe</b> has 1000000 bytes"), "{note}");
    assert!(platform.calls().iter().all(|call| call.token.as_deref() == Some("token")));
    assert_eq!(bench.statuses(), ["Reading <b>invoice</b>.exe…"]);
}

#[tokio::test]
async fn the_file_is_looked_for_where_the_message_says() {
    for (about, path) in [
        (json!({ "attachment": { "id": 3 } }), "/incidents/7/attachments/3/contents"),
        (json!({ "attachment": { "id": 3 }, "task": { "id": 4 } }), "/tasks/4/attachments/3/contents"),
        (json!({ "artifact": { "id": 5, "attachment": { "id": 3 } } }), "/incidents/7/artifacts/5/contents"),
    ] {
        let (bench, platform) = bench(1, 1000);
        scan(&bench, message(&about)).await.unwrap();
        assert_eq!(platform.calls()[1].path, path);
    }
    let failure = scan(&bench(1, 1000).0, message(&json!({ "artifact": { "id": 5 } }))).await.unwrap_err();
    assert_eq!(failure.to_string(), "The rule must be one on attachments.");
}

#[tokio::test]
async fn a_file_that_is_shorter_than_it_should_be_is_no_file() {
    let (bench, platform) = bench(2, 1_000_000);
    let failure = scan(&bench, attachment()).await.unwrap_err();
    assert_eq!(failure.to_string(), "<b>invoice</b>.exe: only 2000 bytes came; try again.");
    assert!(posts(&platform).is_empty());
}

#[tokio::test]
async fn after_a_crash_the_artifact_is_not_made_again() {
    let (first, _) = bench(1, 1000);
    scan(&first, attachment()).await.unwrap();
    let (second, platform) = bench(1, 1000);
    let reply = scan(&second.resuming(&first.notes()[0]), attachment()).await.unwrap();
    assert!(reply.message().contains("1000 bytes, SHA-256 "), "{}", reply.message());
    let paths: Vec<_> = posts(&platform).into_iter().map(|call| call.path).collect();
    assert_eq!(paths, ["/incidents/7/comments"]);
}
