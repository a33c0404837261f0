use action_processor::{
    component::{Rest, recording::Recordings},
    dispatch::{Destination, Envelope, Observer},
    logging::Redactor,
    recording::Recorder,
    rest::{Exchange, Recorder as _},
    secret::Secret,
};
use http::{HeaderMap, Method, StatusCode};
use serde_json::{Value, json};
use std::{fs, os::unix::fs::PermissionsExt, path::Path, sync::Arc, time::Duration};

const SECRET: &str = "s3cret \"quoted\" värld";

fn recorder(directory: &Path) -> Recorder {
    Recorder::open(directory, Redactor::new([&Secret::from(SECRET.to_owned())])).unwrap()
}

fn envelope(body: &Value) -> Envelope {
    Envelope::made_up(Destination::actions(201, "tasks"), 1, body.to_string().into())
}

/// Records an answer with these headers.
fn record(recorder: &Recorder, path: &str, headers: &HeaderMap, body: Option<&[u8]>) {
    let (method, status) = (&Method::GET, StatusCode::OK);
    recorder.record(&Exchange { method, path_and_query: path, status, headers, body });
}

async fn flushed(recorder: &Recorder) {
    assert!(recorder.flush(Duration::from_secs(60)).await);
}

/// The files' names and contents, in order.
fn files(directory: &Path) -> Vec<(String, String)> {
    let read = |file: fs::DirEntry| {
        (
            file.file_name().into_string().unwrap(),
            String::from_utf8_lossy(&fs::read(file.path()).unwrap()).into_owned(),
        )
    };
    let mut files: Vec<_> = fs::read_dir(directory).unwrap().map(|file| read(file.unwrap())).collect();
    files.sort();
    files
}

#[tokio::test]
async fn what_was_recorded_is_replayed() {
    let directory = tempfile::tempdir().unwrap();
    let recorder = recorder(directory.path());
    let body = json!({ "action_id": 7, "incident": { "name": "Ålesund 😀", "vers": 1_u64 << 60 } });
    recorder.message("Add: a/Task", &envelope(&body));
    let none = HeaderMap::new();
    record(&recorder, "/rest/orgs/201/incidents/7?handle_format=names", &none, Some(br#"{"id": 7}"#));
    record(&recorder, "/rest/orgs/201/incidents/7/text", &none, Some(b"plain"));
    flushed(&recorder).await;

    let recordings = Recordings::open(directory.path()).unwrap();
    let message = &recordings.messages()[0];
    assert_eq!((message.display_name.as_str(), &message.body), ("Add- a_Task", &body));
    assert_eq!(recordings.org_id(), Some(201));
    let rest = Rest::new(Arc::new(recordings.backend()), None);
    assert_eq!(rest.get::<Value>("/incidents/7?handle_format=names").await.unwrap(), json!({ "id": 7 }));
}

#[tokio::test]
async fn names_are_those_of_the_vendor_with_headers_beside_each_body() {
    let directory = tempfile::tempdir().unwrap();
    let recorder = recorder(directory.path());
    record(&recorder, "/rest/session", &HeaderMap::new(), Some(b"{}"));
    record(&recorder, "/rest/const", &HeaderMap::new(), Some(b"plain"));
    // A stream was never in our hands: no empty file pretends that it was.
    record(&recorder, "/rest/stream", &HeaderMap::new(), None);
    flushed(&recorder).await;
    let files = files(directory.path());
    let names: Vec<&str> = files.iter().map(|(name, _)| name.rsplit_once('_').unwrap().0).collect();
    let expected = [
        "200_DATA_GET__rest_const_",
        "200_HEADER_GET__rest_const_",
        "200_HEADER_GET__rest_session_",
        "200_HEADER_GET__rest_stream_",
        "200_JSON_GET__rest_session_",
    ];
    assert_eq!(names, expected);
}

#[tokio::test]
async fn no_secret_is_written_by_value_or_by_key() {
    let directory = tempfile::tempdir().unwrap();
    let recorder = recorder(directory.path());
    let headers = [
        ("set-cookie", "JSESSIONID=hidden"),
        ("authorization", "Basic hidden"),
        ("x-sess-id", "hidden"),
        ("x-echo", "s3cret%20%22quoted%22%20v%C3%A4rld"),
        ("server", "shown"),
    ];
    let headers: HeaderMap =
        headers.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect();
    let nested = json!({ "text": SECRET }).to_string();
    let body = json!({
        "csrf_token": "hidden", "deep": [{ "Password": "hidden", "api_key": 4_711_471_147_i64 }],
        "echo": format!("about {SECRET} and more"), "nested": nested, SECRET: "key", "name": "shown",
    });
    record(&recorder, "/rest/session", &headers, Some(body.to_string().as_bytes()));
    record(&recorder, "/rest/plain", &headers, Some(format!("plain {SECRET} shown").as_bytes()));
    record(&recorder, &format!("/rest/find?q={SECRET}"), &headers, Some(b"{}"));
    recorder.message(SECRET, &envelope(&body));
    flushed(&recorder).await;
    let files = files(directory.path());
    for (name, contents) in &files {
        for hidden in ["s3cret", "hidden", "4711471147"] {
            assert!(!contents.contains(hidden), "{name}: {contents}");
        }
    }
    assert!(files.iter().all(|(name, _)| !name.contains("s3cret")), "{files:?}");
    assert_eq!(files.iter().filter(|(_, contents)| contents.contains("shown")).count(), 6);
    assert!(
        files
            .iter()
            .filter(|(name, _)| name.contains("JSON"))
            .all(|(_, contents)| { serde_json::from_str::<Value>(contents).is_ok() })
    );
}

#[tokio::test]
async fn recordings_are_for_their_owner_s_eyes_only() {
    let parent = tempfile::tempdir().unwrap();
    let directory = parent.path().join("made/here");
    let recorder = recorder(&directory);
    recorder.message("Add Task", &envelope(&json!({})));
    flushed(&recorder).await;
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&directory), 0o700);
    for file in fs::read_dir(&directory).unwrap() {
        assert_eq!(mode(&file.unwrap().path()), 0o600);
    }
}

#[tokio::test]
async fn everything_queued_is_written_by_a_flush() {
    let directory = tempfile::tempdir().unwrap();
    let recorder = recorder(directory.path());
    for number in 0..500 {
        recorder.message(&format!("Number {number}"), &envelope(&json!({ "number": number })));
    }
    flushed(&recorder).await;
    assert_eq!(files(directory.path()).len(), 500);
}

#[test]
fn a_directory_that_cannot_be_used_is_named_at_the_start() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let below = file.path().join("recordings");
    for directory in [file.path(), &below, Path::new("/proc/recordings")] {
        let error = Recorder::open(directory, Redactor::default()).unwrap_err().to_string();
        assert!(
            error.contains("log_http_responses") && error.contains(&*directory.to_string_lossy()),
            "{error}"
        );
    }
}

#[tokio::test]
async fn a_directory_that_goes_away_costs_recordings_and_nothing_else() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("recordings");
    let recorder = recorder(&path);
    fs::remove_dir(&path).unwrap();
    recorder.message("Lost", &envelope(&json!({})));
    flushed(&recorder).await;
    fs::create_dir(&path).unwrap();
    recorder.message("Kept", &envelope(&json!({})));
    flushed(&recorder).await;
    let files = files(&path);
    assert_eq!(files.len(), 1, "{files:?}");
    assert!(files[0].0.starts_with("ActionMessage_Kept_"));
}
