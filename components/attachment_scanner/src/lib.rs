//! Computes the SHA-256 and the size of an attachment, and adds the hash to the incident as an artifact and a note.
//!
//! What an author learns here: a file that is read as it comes, however long it is; the one place that says where a message's
//! file is; progress that survives a crash; things that are added once, though the handler may run twice; names from outside
//! in what users see.

use action_component::{
    Component, Context, Failure, Message, Reply, handler_fn,
    rest::{Download, FileAt, FileInfo},
    text,
    value::{self, TextArea},
};
use futures_util::TryStreamExt;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::fmt::Write;

/// The section `[attachment_scanner]` of app.config.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Settings {
    #[serde(default = "hash_type")]
    artifact_type: String,
}

fn hash_type() -> String {
    "Malware SHA-256 Hash".to_owned()
}

/// What `processor config` writes for whoever sets the component up.
const SAMPLE: &str = "\
# The type of the artifacts that are added.
#artifact_type = Malware SHA-256 Hash
";

/// The component that the processor links in.
pub fn component() -> Component {
    Component::new("attachment_scanner")
        .version(env!("CARGO_PKG_VERSION"))
        .about("Computes the SHA-256 of an attachment.")
        .configured::<Settings>(SAMPLE)
        .on("Scan Attachment", handler_fn(scan))
        // Two at a time on one incident would both look for the artifact, both find none and both add one.
        .in_order()
}

/// What the file is like: kept, so that a handler that is interrupted and runs again need not read it again.
#[derive(Debug, Serialize, Deserialize)]
struct Found {
    sha256: String,
    size: u64,
}

async fn scan(message: Message, cx: Context) -> Result<Reply, Failure> {
    let incident = message.incident_id().ok_or_else(|| Failure::new("The message names no incident."))?;
    let file = FileAt::of(&message).ok_or_else(|| Failure::new("The rule must be one on attachments."))?;
    let info = cx.rest().file_info(&file).await?;
    let found = match cx.kept::<Found>()? {
        Some(found) => found,
        None => {
            cx.status(format!("Reading {}…", info.name)).await;
            let found = digest(cx.rest().download_file(&file).await?, &info).await?;
            cx.keep(&found).await?;
            found
        }
    };
    // An earlier run may have added either, and died before it could note that: each looks before it adds.
    add_artifact(&cx, incident, &info, &found).await?;
    add_note(&cx, incident, &info, &found).await?;
    Ok(Reply::text(format!("{}: {} bytes, SHA-256 {}", info.name, found.size, found.sha256)))
}

/// Reads the file chunk by chunk: no more than one is held at a time.
async fn digest(mut download: Download, info: &FileInfo) -> Result<Found, Failure> {
    let (mut sha256, mut size) = (Sha256::new(), 0);
    while let Some(chunk) = download.try_next().await? {
        sha256.update(&chunk);
        size += chunk.len() as u64;
    }
    // A proxy may have cut the file off without anybody noticing.
    if info.size.is_some_and(|expected| expected != size) {
        return Err(Failure::new(format!("{}: only {size} bytes came; try again.", info.name)));
    }
    let sha256 = sha256.finalize().iter().fold(String::new(), |mut text, byte| {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    });
    Ok(Found { sha256, size })
}

async fn add_artifact(cx: &Context, incident: i64, info: &FileInfo, found: &Found) -> Result<(), Failure> {
    let settings: Settings = cx.config()?;
    let path = format!("/incidents/{incident}/artifacts");
    let artifacts: Vec<Value> = cx.rest().names().get(&path).await?;
    if artifacts.iter().any(|artifact| found.is(artifact, &settings.artifact_type)) {
        return Ok(());
    }
    let artifact = json!({
        "type": settings.artifact_type,
        "value": found.sha256,
        "description": TextArea::text(format!("Of the attachment {}, {} bytes", info.name, found.size)),
    });
    cx.rest().post::<Value>(&path, &artifact).await?;
    Ok(())
}

async fn add_note(cx: &Context, incident: i64, info: &FileInfo, found: &Found) -> Result<(), Failure> {
    // Whoever sent the file has chosen its name: here it is text, whatever it looks like.
    let name = text::from_plain(&info.name);
    let html =
        format!("<b>{name}</b> has {} bytes and the SHA-256 <code>{}</code>.", found.size, found.sha256);
    let path = format!("/incidents/{incident}/comments");
    let notes: Vec<Value> = cx.rest().get(&path).await?;
    if notes.iter().any(|note| says(note, &text::plain(&html))) {
        return Ok(());
    }
    let note = json!({ "text": TextArea::html(html) });
    cx.rest().post::<Value>(&path, &note).await?;
    Ok(())
}

/// By its words: the platform may keep a note's HTML otherwise than it was sent.
fn says(note: &Value, words: &str) -> bool {
    value::text(&note["text"]).is_some_and(|html| text::plain(html).contains(words))
}

impl Found {
    fn is(&self, artifact: &Value, artifact_type: &str) -> bool {
        let value = artifact["value"].as_str().unwrap_or_default();
        artifact["type"] == artifact_type && value.eq_ignore_ascii_case(&self.sha256)
    }
}
