//! Notes on each incident, in the custom field `next_task_owned_by`, who owns the task that comes next.
//!
//! Tasks change in bursts: a phase that ends closes some and opens others, and the rule fires for each. What matters is
//! how they stand once it is over, so the component waits for quiet and handles the last message alone.

use action_component::{Component, Context, Failure, Handler, Message, Reply, handler_fn};
use serde::Deserialize;
use serde_json::Value;
use std::time::Duration;

/// The custom field of incidents, a text.
const FIELD: &str = "next_task_owned_by";

/// How long no task of an incident must have changed.
const QUIET: Duration = Duration::from_secs(30);

/// What the platform says of a task that matters here (`TaskDTO`).
#[derive(Deserialize)]
struct Task {
    /// `O` is open, `C` closed.
    status: String,
    owner_fname: Option<String>,
    owner_lname: Option<String>,
}

/// The component that the processor links in.
pub fn component() -> Component {
    Component::new("who_owns_next_task")
        .version(env!("CARGO_PKG_VERSION"))
        .about("Notes on each incident who owns the task that comes next.")
        .requires_field(FIELD)
        .on("Task Changed", handler_fn(task_changed).debounce(QUIET).discard())
}

async fn task_changed(message: Message, cx: Context) -> Result<Reply, Failure> {
    let id = message.incident_id().ok_or_else(|| Failure::new("The message names no incident."))?;
    // Read now, after the quiet: the message holds the task as it was when it changed.
    let tasks: Vec<Task> = cx.rest().get(&format!("/incidents/{id}/tasks?handle_format=names")).await?;
    let owner = next_owner(&tasks);
    cx.rest().get_put(&format!("/incidents/{id}"), |incident| note(incident, &owner)).await?;
    Ok(Reply::text(format!("{FIELD} set to {owner:?}")))
}

/// The platform lists an incident's tasks in the order in which they are to be done.
fn next_owner(tasks: &[Task]) -> String {
    match tasks.iter().find(|task| task.status != "C") {
        Some(task) => task.owner().unwrap_or_else(|| "Nobody yet".to_owned()),
        None => "All tasks complete".to_owned(),
    }
}

fn note(incident: &mut Value, owner: &str) -> Result<(), Failure> {
    let field = incident.get_mut("properties").and_then(|fields| fields.get_mut(FIELD));
    let field =
        field.ok_or_else(|| Failure::new(format!("Incidents have no custom field `{FIELD}`: create it.")))?;
    *field = owner.into();
    Ok(())
}

impl Task {
    fn owner(&self) -> Option<String> {
        let names = [&self.owner_fname, &self.owner_lname].into_iter().flatten();
        let names: Vec<&str> = names.map(|name| name.trim()).filter(|name| !name.is_empty()).collect();
        (!names.is_empty()).then(|| names.join(" "))
    }
}
