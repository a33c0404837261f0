//! What `my_component` does, in one sentence.

use action_component::{Component, Context, Failure, Message, Reply, function_fn, handler_fn};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// The component that the processor links in.
pub fn component() -> Component {
    Component::new("my_component")
        .version(env!("CARGO_PKG_VERSION"))
        .about(env!("CARGO_PKG_DESCRIPTION"))
        .configured::<Settings>(include_str!("../app.config.section"))
        .on("My Component Note", handler_fn(note))
        .function("my_component_count_words", function_fn(count_words))
}

/// The section `[my_component]` of app.config.
#[derive(Deserialize)]
struct Settings {
    #[serde(default = "hello")]
    greeting: String,
}

fn hello() -> String {
    "Hello".to_owned()
}

/// The action: a rule "My Component Note" on incidents, which sends to the message destination
/// `my_component`, and asks the user for the text field `who`. It writes a note to the incident.
async fn note(message: Message, cx: Context) -> Result<Reply, Failure> {
    let settings: Settings = cx.config()?;
    let incident = message
        .incident_id()
        .ok_or_else(|| Failure::new("The message names no incident."))?;
    let who = message.properties().text("who").unwrap_or("world");
    let text = json!({ "format": "text", "content": format!("{}, {who}!", settings.greeting) });
    let notes = format!("/incidents/{incident}/comments");
    let note: Value = cx.rest().post(&notes, &json!({ "text": text })).await?;
    Ok(Reply::text(format!("note {} written", note["id"])))
}

/// The inputs of the function, as they are called on the platform.
#[derive(Deserialize)]
struct Inputs {
    text: String,
    /// Words shorter than this do not count. May be left empty.
    shortest: Option<usize>,
}

/// What the function finds: `results.content` in the scripts of a workflow or playbook.
#[derive(Serialize)]
struct Count {
    words: usize,
    longest: Option<String>,
}

/// The function `my_component_count_words`.
async fn count_words(inputs: Inputs, cx: Context) -> Result<Count, Failure> {
    cx.status("counting").await;
    let shortest = inputs.shortest.unwrap_or(1);
    let words: Vec<&str> = inputs
        .text
        .split_whitespace()
        .filter(|word| word.chars().count() >= shortest)
        .collect();
    let longest = words.iter().max_by_key(|word| word.chars().count());
    Ok(Count {
        words: words.len(),
        longest: longest.map(ToString::to_string),
    })
}
