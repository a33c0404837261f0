//! Adds a task to an incident, owned by the user who chose the action.
//!
//! Activity fields of the rule: `task_name` (text), `task_instructions` (text area) and `task_phase` (select, its
//! labels the names of the platform's phases).

use action_component::{Component, Context, Failure, Message, Reply, handler_fn};
use serde::Deserialize;
use serde_json::{Value, json};

/// The component that the processor links in.
pub fn component() -> Component {
    Component::new("add_task")
        .version(env!("CARGO_PKG_VERSION"))
        .about("Adds a task to an incident, owned by the user who chose the action.")
        .on("Add Task", handler_fn(add_task))
}

#[derive(Deserialize)]
struct User {
    id: i64,
    enabled: bool,
}

#[derive(Deserialize)]
struct Posted {
    id: i64,
}

async fn add_task(message: Message, cx: Context) -> Result<Reply, Failure> {
    let incident_id = message.incident_id().ok_or_else(|| Failure::new("The message names no incident."))?;
    let owner = owner(&message, &cx).await?;
    let task = task(&message, incident_id, &owner)?;
    join(&owner, incident_id, &cx).await?;
    let posted: Posted = cx.rest().post(&format!("/incidents/{incident_id}/tasks"), &task).await?;
    Ok(Reply::text(format!("action complete. task posted. ID {}", posted.id)))
}

/// The user who chose the action. A user who has left since can own no task.
async fn owner(message: &Message, cx: &Context) -> Result<User, Failure> {
    let id = message.user().and_then(|user| user.id());
    let id = id.ok_or_else(|| Failure::new("Nobody chose this action: a task needs an owner."))?;
    let user: User = cx.rest().get(&format!("/users/{id}")).await?;
    if user.enabled {
        Ok(user)
    } else {
        Err(Failure::new(format!("User {id} is disabled and can own no task.")))
    }
}

/// What is posted. The activity field's ids are its own: a phase is known to both sides by its name only.
fn task(message: &Message, incident_id: i64, owner: &User) -> Result<Value, Failure> {
    let fields = message.properties();
    let name = fields.text("task_name").map(str::trim).filter(|name| !name.is_empty());
    let name = name.ok_or_else(|| Failure::new("task_name: missing; a task needs a name."))?;
    Ok(json!({
        "name": name,
        "instr_text": fields.text("task_instructions").unwrap_or_default(),
        "inc_id": incident_id,
        "phase_id": fields.label("task_phase"),
        "owner_id": owner.id,
    }))
}

/// Makes `owner` a member of the incident: only a member can own a task. Nothing is written for one who is.
async fn join(owner: &User, incident_id: i64, cx: &Context) -> Result<(), Failure> {
    let add = |object: &mut Value| -> Result<(), Failure> {
        let members = object["members"].as_array_mut();
        let members =
            members.ok_or_else(|| Failure::new("The platform gave no list of the incident's members."))?;
        if !members.iter().any(|member| member.as_i64() == Some(owner.id)) {
            members.push(owner.id.into());
        }
        Ok(())
    };
    cx.rest().get_put(&format!("/incidents/{incident_id}/members"), add).await?;
    Ok(())
}
