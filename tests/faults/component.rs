//! The component that the suite's processors run: each action writes to the platform once, with its context token.

use std::{fs::OpenOptions, io::Write, sync::Once, time::Duration};

use action_processor::component::{Component, Context, Failure, Handler, Message, Reply, handler_fn};
use serde_json::{Value, json};
use tokio::runtime::Handle;

/// The component's name, and its section's.
pub(crate) const NAME: &str = "writer";

/// What a handler answers once it has written.
pub(crate) const DONE: &str = "written";

/// The display names of its actions; their ids are the places in this list, from 1.
pub(crate) const ACTIONS: [&str; 3] = ["Note", "Note Once", "Mark"];

/// `Note` posts a comment, `Note Once` does at most once, `Mark` changes the incident with its version.
pub(crate) fn component() -> Component {
    let [note_down, note_once, mark_it] = ACTIONS;
    Component::new(NAME)
        .about("Writes each message down at the platform.")
        .on(note_down, handler_fn(note))
        .on(note_once, handler_fn(note).at_most_once())
        .on(mark_it, handler_fn(mark))
}

async fn note(message: Message, cx: Context) -> Result<Reply, Failure> {
    let token = begin(&message, &cx);
    let path = format!("/incidents/{}/comments", incident(&message)?);
    pause().await;
    let _note: Value = cx.rest().post(&path, &json!({ "text": token })).await?;
    pause().await;
    Ok(Reply::text(DONE))
}

async fn mark(message: Message, cx: Context) -> Result<Reply, Failure> {
    let token = begin(&message, &cx);
    let path = format!("/incidents/{}", incident(&message)?);
    pause().await;
    cx.rest().get_put(&path, |incident| put_mark(&mut incident["properties"], &token)).await?;
    pause().await;
    Ok(Reply::text(DONE))
}

/// How many marks an incident keeps, so that half an hour of them does not make it ever larger.
const MARKS: usize = 200;

/// A mark that is there already is not put again: a write whose answer was lost is told from one that was not made.
fn put_mark(properties: &mut Value, token: &str) {
    properties[token] = true.into();
    let Some(marks) = properties.as_object_mut().filter(|marks| marks.len() > MARKS) else { return };
    if let Some(oldest) = marks.keys().next().cloned() {
        marks.shift_remove(&oldest);
    }
}

fn incident(message: &Message) -> Result<i64, Failure> {
    message.incident_id().ok_or_else(|| Failure::new("The message names no incident."))
}

/// Long enough for all workers to be at work when a fault strikes, some before they have written and some after.
async fn pause() {
    tokio::time::sleep(Duration::from_millis(fastrand::u64(20..120))).await;
}

/// Notes in the file at `path` how many tasks there are, again and again: also when no message comes any more.
fn count_tasks(path: &str) {
    static COUNTING: Once = Once::new();
    COUNTING.call_once(|| {
        let (path, runtime) = (path.to_owned(), Handle::current());
        std::thread::spawn(move || {
            loop {
                // The disk may be full.
                let _ = std::fs::write(&path, runtime.metrics().num_alive_tasks().to_string());
                std::thread::sleep(Duration::from_millis(500));
            }
        });
    });
}

/// Notes in the file that the component's section names, if it names one, that the work on a message begins. Gives the
/// message's context token.
///
/// One `write` for the whole line: a processor that is killed leaves whole lines behind.
fn begin(message: &Message, cx: &Context) -> String {
    cx.section().get("tasks").into_iter().for_each(count_tasks);
    let header = |name| message.header(name).unwrap_or_default();
    let (id, token) = (header("message-id"), header("Co3ContextToken"));
    if let Some(path) = cx.section().get("diary") {
        let file = OpenOptions::new().create(true).append(true).open(path);
        let line = format!("{id} {token}\n");
        file.and_then(|mut file| file.write_all(line.as_bytes())).expect("the diary can be written");
    }
    token.to_owned()
}
