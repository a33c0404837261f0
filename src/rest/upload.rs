//! Multipart bodies, sent as they are read, and written as browsers write them.

use super::failure::Unread;
use action_component::rest::{Content, Part, mime_type};
use aws_lc_rs::rand;
use bytes::Bytes;
use futures_util::{StreamExt, TryStreamExt, stream};
use reqwest::Body;
use std::{fmt::Write, time::Duration};
use tokio::sync::watch;

/// A form on its way.
pub(super) struct Form {
    pub(super) content_type: String,
    /// In bytes, where all parts say theirs.
    pub(super) length: Option<u64>,
    pub(super) body: Body,
    pub(super) stalled: Stalled,
}

/// Tells when an upload no longer moves.
pub(super) struct Stalled {
    progress: watch::Receiver<()>,
    patience: Duration,
}

/// What stands between the parts: nobody can know it beforehand, and put it into a file.
fn boundary() -> Result<String, &'static str> {
    let mut random = [0_u8; 24];
    rand::fill(&mut random).map_err(|_unspecified| "the system has no random numbers")?;
    Ok(random.iter().fold("form".to_owned(), |mut boundary, byte| {
        // Writing to a String cannot fail.
        let _ = write!(boundary, "{byte:02x}");
        boundary
    }))
}

/// A form of these parts, and what tells that it has not moved for `patience`.
pub(super) fn form(parts: Vec<Part>, patience: Duration) -> Result<Form, &'static str> {
    let boundary = boundary()?;
    let (moved, progress) = watch::channel(());
    let end = Bytes::from(format!("--{boundary}--\r\n"));
    let mut length = Some(long(&end));
    let mut pieces = Vec::new();
    for part in parts {
        let head = Bytes::from(head(&boundary, &part));
        let own = self::length(&part);
        length = length.zip(own).map(|(sum, own)| sum + own + long(&head) + 2);
        let file = part.file_name.unwrap_or(part.name);
        let moved = moved.clone();
        let content = part.content.into_stream().inspect_ok(move |_chunk| {
            moved.send_replace(());
        });
        let content = content.map_err(move |error| Unread { file: file.clone(), error });
        let framed =
            stream::iter([Ok(head)]).chain(content).chain(stream::iter([Ok(Bytes::from_static(b"\r\n"))]));
        pieces.push(framed.boxed());
    }
    drop(moved);
    let whole = stream::iter(pieces).flatten().chain(stream::iter([Ok(end)]));
    let content_type = format!("multipart/form-data; boundary={boundary}");
    Ok(Form { content_type, length, body: Body::wrap_stream(whole), stalled: Stalled { progress, patience } })
}

// === impl Stalled ===

impl Stalled {
    /// Ends when nothing was taken from the parts for too long, or the answer is too long in coming afterwards.
    pub(super) async fn wait(mut self) {
        loop {
            match tokio::time::timeout(self.patience, self.progress.changed()).await {
                Ok(Ok(())) => {}
                // All parts are gone; from here on the answer has its time.
                Ok(Err(_closed)) => return tokio::time::sleep(self.patience).await,
                Err(_elapsed) => return,
            }
        }
    }
}

/// `--BOUNDARY`, the part's headers, and an empty line.
fn head(boundary: &str, part: &Part) -> String {
    let mut head = format!("--{boundary}\r\nContent-Disposition: form-data; name=\"{}\"", quoted(&part.name));
    if let Some(name) = &part.file_name {
        // Writing to a String cannot fail.
        let _ = write!(head, "; filename=\"{}\"", quoted(name));
    }
    let _ = write!(head, "\r\nContent-Type: {}\r\n\r\n", mime_type(&part.content_type));
    head
}

/// What would end the quoted text, or the line, as browsers write it (WHATWG HTML, "Multipart form data"); all else as it is.
fn quoted(name: &str) -> String {
    name.replace('\r', "%0D").replace('\n', "%0A").replace('"', "%22")
}

fn length(part: &Part) -> Option<u64> {
    match &part.content {
        Content::Bytes(bytes) => Some(long(bytes)),
        _ => part.length,
    }
}

fn long(bytes: &Bytes) -> u64 {
    u64::try_from(bytes.len()).unwrap_or(u64::MAX)
}

/// A body that is no form, as it is read.
pub(super) fn plain(content: Content) -> Body {
    match content {
        Content::Bytes(bytes) => bytes.into(),
        content => {
            let file = "the body".to_owned();
            Body::wrap_stream(
                content.into_stream().map_err(move |error| Unread { file: file.clone(), error }),
            )
        }
    }
}
