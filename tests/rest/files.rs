//! Attachments and artifact files.

use super::{TOKEN, rest, rest_of, settings};
use action_processor::component::rest::{Body, File, Part, Request, RestError};
use bytes::Bytes;
use futures_util::stream;
use http::Method;
use serde_json::{Value, json};
use stand_in_platform::{Fault, Platform};
use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};
use tokio::io::AsyncReadExt;

async fn with_incident() -> Platform {
    let platform = Platform::start().await;
    platform.add_incident(json!({ "id": 7 }));
    platform
}

#[tokio::test]
async fn an_attachment_goes_up_and_comes_down_as_it_was() {
    let platform = with_incident().await;
    let rest = rest_of(&platform).await;
    let bytes: Vec<u8> = (0..3_000_000_u32).map(|n| (n % 251) as u8).collect();
    let file =
        File::reader("Bericht \"Ä\".pdf", io::Cursor::new(bytes.clone())).content_type("application/pdf");
    let made: Value = rest.upload_attachment("/incidents/7/attachments", file).await.unwrap();
    assert_eq!((&made["size"], &made["content_type"]), (&json!(bytes.len()), &json!("application/pdf")));
    let path = format!("/incidents/7/attachments/{}/contents", made["id"]);
    let download = rest.download(&path).await.unwrap();
    assert_eq!((download.content_type(), download.length()), (Some("application/pdf"), Some(3_000_000)));
    let mut down = Vec::new();
    download.into_reader().read_to_end(&mut down).await.unwrap();
    assert!(down == bytes);
    assert!(platform.requests().iter().skip(2).all(|request| request.context_token() == Some(TOKEN)));
}

#[tokio::test]
async fn an_artifact_file_comes_with_what_is_known_of_it() {
    let platform = with_incident().await;
    let about = json!({ "type": "Malware Sample", "description": "поймали" });
    let rest = rest_of(&platform).await;
    let file = File::bytes("sample.bin", &b"MZ"[..]);
    let made: Value = rest.upload_artifact_file("/incidents/7/artifacts/files", &about, file).await.unwrap();
    assert_eq!((&made[0]["type"], &made[0]["description"]), (&about["type"], &about["description"]));
    assert_eq!((&made[0]["name"], &made[0]["size"]), (&json!("sample.bin"), &json!(2)));
}

#[tokio::test]
async fn a_file_on_disk_is_read_again_when_the_call_is_repeated() {
    let platform = with_incident().await;
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("notes.txt");
    std::fs::write(&path, "once and again").unwrap();
    platform.fault(Fault::status(429).on(Method::POST, "/attachments"));
    let rest = rest_of(&platform).await;
    let file = File::open(&path).await.unwrap();
    let made: Value = rest.upload_attachment("/incidents/7/attachments", file).await.unwrap();
    assert_eq!((&made["name"], &made["size"]), (&json!("notes.txt"), &json!(14)));
}

#[tokio::test]
async fn a_stream_that_can_be_read_once_is_not_sent_twice() {
    let platform = with_incident().await;
    platform.fault(Fault::status(429).on(Method::POST, "/attachments"));
    let rest = rest_of(&platform).await;
    let file = File::reader("once", &b"x"[..]);
    let error = rest.upload_attachment::<Value>("/incidents/7/attachments", file).await.unwrap_err();
    assert!(error.is_transient() && !error.may_have_been_carried_out(), "{error}");
    assert_eq!(platform.requests_of(&Method::POST, "/attachments").len(), 1);
}

#[tokio::test]
async fn a_file_that_cannot_be_read_is_told_by_name() {
    let platform = with_incident().await;
    let rest = rest_of(&platform).await;
    let missing = File::open("/nowhere/report.pdf").await.unwrap_err();
    assert!(matches!(missing, RestError::File { file, .. } if file == "report.pdf"));
    let chunks = [Ok(Bytes::from_static(b"begin")), Err(io::Error::other("the disk is gone"))];
    let file = File::stream("report.pdf", stream::iter(chunks));
    let error = rest.upload_attachment::<Value>("/incidents/7/attachments", file).await.unwrap_err();
    assert_eq!(error.to_string(), "report.pdf: cannot be read: the disk is gone");
}

#[tokio::test]
async fn an_upload_is_read_as_fast_as_it_is_taken_and_ends_when_nobody_takes_it() {
    let platform = with_incident().await;
    let mut settings = settings(&platform);
    settings.timeouts.total = Duration::from_millis(300);
    let rest = rest(settings).await;
    let read = Arc::new(AtomicUsize::new(0));
    let counted = read.clone();
    let endless = stream::repeat_with(move || {
        counted.fetch_add(1 << 16, Ordering::Relaxed);
        Ok(Bytes::from(vec![0; 1 << 16]))
    });
    platform.fault(Fault::hang().on(Method::POST, "/attachments"));
    let file = File::stream("endless", endless);
    let error = rest.upload_attachment::<Value>("/incidents/7/attachments", file).await.unwrap_err();
    assert!(matches!(error, RestError::TimedOut { .. }), "{error}");
    // What the sockets' buffers hold, and no more.
    assert!(read.load(Ordering::Relaxed) < 64 << 20);
}

#[tokio::test]
async fn an_upload_may_take_longer_than_a_call_as_long_as_it_moves() {
    let platform = with_incident().await;
    let mut settings = settings(&platform);
    settings.timeouts.total = Duration::from_millis(300);
    let rest = rest(settings).await;
    let slow = stream::unfold(0, |n| async move {
        tokio::time::sleep(Duration::from_millis(50)).await;
        (n < 10).then(|| (Ok(Bytes::from_static(b"slow ")), n + 1))
    });
    let file = File::stream("slow", slow);
    let made: Value = rest.upload_attachment("/incidents/7/attachments", file).await.unwrap();
    assert_eq!(made["size"], 50);
}

#[tokio::test]
async fn a_download_that_is_not_there_is_an_error_before_the_stream() {
    let platform = with_incident().await;
    let rest = rest_of(&platform).await;
    let error = rest.download("/incidents/7/attachments/1/contents").await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "GET /incidents/7/attachments/1/contents: 404 Not Found: Unable to find object"
    );
}

#[tokio::test]
async fn a_download_that_breaks_off_or_falls_silent_ends_with_an_error() {
    let platform = with_incident().await;
    let mut settings = settings(&platform);
    settings.timeouts.idle = Duration::from_millis(200);
    let rest = rest(settings).await;
    let file = File::bytes("f", vec![1; 100_000]);
    let made: Value = rest.upload_attachment("/incidents/7/attachments", file).await.unwrap();
    let path = format!("/incidents/7/attachments/{}/contents", made["id"]);
    for fault in [Fault::cut_off(), Fault::stall()] {
        platform.fault(fault.on(Method::GET, "/contents"));
        let mut down = Vec::new();
        let download = rest.download(&path).await.unwrap();
        download.into_reader().read_to_end(&mut down).await.unwrap_err();
        assert_eq!(down.len(), 50_000);
    }
}

#[tokio::test]
async fn a_download_is_held_in_memory_only_up_to_a_limit() {
    let platform = with_incident().await;
    let rest = rest_of(&platform).await;
    let file = File::bytes("f", vec![1; 1000]);
    let made: Value = rest.upload_attachment("/incidents/7/attachments", file).await.unwrap();
    let path = format!("/incidents/7/attachments/{}/contents", made["id"]);
    assert_eq!(rest.download(&path).await.unwrap().read(1000).await.unwrap().len(), 1000);
    let error = rest.download(&path).await.unwrap().read(999).await.unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::FileTooLarge);
}

/// The headers of the last part of what was sent last, as they came over the wire.
fn last_head(platform: &Platform) -> String {
    let body = platform.requests().pop().unwrap().body;
    let text = String::from_utf8_lossy(&body).into_owned();
    let start = text.rfind("Content-Disposition").unwrap();
    text[start..].split("\r\n\r\n").next().unwrap().to_owned()
}

#[tokio::test]
async fn file_names_go_up_as_browsers_write_them() {
    let platform = with_incident().await;
    let rest = rest_of(&platform).await;
    for (name, written) in [
        ("ok.txt\r\nX-Injected: hacked", "ok.txt%0D%0AX-Injected: hacked"),
        ("a\nb\rc.txt", "a%0Ab%0Dc.txt"),
        ("say \"hi\".txt", "say %22hi%22.txt"),
        ("C:\\dir\\a.txt", "C:\\dir\\a.txt"),
        ("100%25 Bericht Ä 😀;x=y'.txt", "100%25 Bericht Ä 😀;x=y'.txt"),
    ] {
        let file = File::bytes(name, "text").content_type("text/plain");
        let _: Value = rest.upload_attachment("/incidents/7/attachments", file).await.unwrap();
        let right = format!(
            "Content-Disposition: form-data; name=\"file\"; filename=\"{written}\"\r\nContent-Type: text/plain"
        );
        assert_eq!(last_head(&platform), right, "{name:?}");
        let about = json!({ "type": "Log" });
        let file = File::bytes(name, "text").content_type("text/plain");
        let _: Value = rest.upload_artifact_file("/incidents/7/artifacts/files", &about, file).await.unwrap();
        assert_eq!(last_head(&platform), right, "{name:?}");
        let parts = vec![Part::text(name, "x")];
        let _ = rest.upload::<Value>("/incidents/7/attachments", parts).await;
        assert!(
            last_head(&platform)
                .starts_with(&format!("Content-Disposition: form-data; name=\"{written}\"\r\n"))
        );
    }
}

#[tokio::test]
async fn what_is_no_mime_type_goes_up_as_octets() {
    let platform = with_incident().await;
    let rest = rest_of(&platform).await;
    let unknown = "application/octet-stream";
    for (said, sent) in [
        ("", unknown),
        (" ", unknown),
        ("unknown", unknown),
        ("application/octet-stream; name=a b.pdf", unknown),
        ("text/plain\r\nX-Injected: hacked", unknown),
        ("*/*", unknown),
        ("text/", unknown),
        ("täxt/plain", unknown),
        ("text/plain; charset=utf-8", "text/plain; charset=utf-8"),
        (" image/png ", "image/png"),
    ] {
        let file = File::bytes("a.pdf", "text").content_type(said);
        let _: Value = rest.upload_attachment("/incidents/7/attachments", file).await.unwrap();
        assert!(last_head(&platform).ends_with(&format!("\r\nContent-Type: {sent}")), "{said:?}");
        let part = Part { content_type: said.to_owned(), ..Part::text("file", "x") };
        let _ = rest.upload::<Value>("/incidents/7/attachments", vec![part]).await;
        assert!(last_head(&platform).ends_with(&format!("\r\nContent-Type: {sent}")), "{said:?}");
    }
}

#[tokio::test]
async fn a_files_type_is_guessed_and_its_description_sent() {
    let platform = with_incident().await;
    let rest = rest_of(&platform).await;
    for (name, guessed) in [
        ("a.pdf", "application/pdf"),
        ("B.PNG", "image/png"),
        ("a.b/c", "application/octet-stream"),
        ("x", "application/octet-stream"),
    ] {
        let file = File::bytes(name, "text").description("from a mail").with(Part::json("more", &1).unwrap());
        let made: Value = rest.upload_attachment("/incidents/7/attachments", file).await.unwrap();
        assert_eq!((&made["content_type"], &made["description"]), (&json!(guessed), &json!("from a mail")));
    }
    let mut csv = Request::new(Method::POST, "/imports");
    csv.body = Body::other("text/csv", "a,b\n");
    let _ = rest.send(csv).await;
    let sent = platform.requests().pop().unwrap();
    assert_eq!((sent.header("content-type"), &sent.body[..]), (Some("text/csv"), &b"a,b\n"[..]));
}

#[tokio::test]
async fn an_upload_of_known_length_says_it() {
    let platform = with_incident().await;
    let rest = rest_of(&platform).await;
    let file = File::bytes("a.txt", "text").description("x");
    let _: Value = rest.upload_attachment("/incidents/7/attachments", file).await.unwrap();
    let sent = platform.requests().pop().unwrap();
    assert_eq!(sent.header("content-length"), Some(sent.body.len().to_string().as_str()));
}
