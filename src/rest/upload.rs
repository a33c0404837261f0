//! Multipart bodies, sent as they are read.

use super::failure::Unread;
use action_component::rest::{Content, Part};
use futures_util::TryStreamExt;
use reqwest::{Body, multipart};
use std::time::Duration;
use tokio::sync::watch;

/// Tells when an upload no longer moves.
pub(super) struct Stalled {
    progress: watch::Receiver<()>,
    patience: Duration,
}

/// A form of these parts, and what tells that it has not moved for `patience`.
pub(super) fn form(parts: Vec<Part>, patience: Duration) -> reqwest::Result<(multipart::Form, Stalled)> {
    let (moved, progress) = watch::channel(());
    let form = parts.into_iter().try_fold(multipart::Form::new(), |form, part| {
        Ok::<_, reqwest::Error>(form.part(part.name.clone(), self::part(part, moved.clone())?))
    })?;
    Ok((form, Stalled { progress, patience }))
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

fn part(part: Part, moved: watch::Sender<()>) -> reqwest::Result<multipart::Part> {
    let Part { name, file_name, content_type, length, content } = part;
    let file = file_name.clone().unwrap_or(name);
    let length = match &content {
        Content::Bytes(bytes) => u64::try_from(bytes.len()).ok(),
        _ => length,
    };
    let body = body(file, content, moved);
    let built = match length {
        Some(length) => multipart::Part::stream_with_length(body, length),
        None => multipart::Part::stream(body),
    };
    let built = match file_name {
        Some(name) => built.file_name(name),
        None => built,
    };
    built.mime_str(&content_type)
}

fn body(file: String, content: Content, moved: watch::Sender<()>) -> Body {
    let stream = content.into_stream().inspect_ok(move |_chunk| {
        moved.send_replace(());
    });
    Body::wrap_stream(stream.map_err(move |error| Unread { file: file.clone(), error }))
}
