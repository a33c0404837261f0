//! What handlers read of a message and of the platform, and what they write there.

use super::{PATIENCE, World, handlers::Daemon, only_answer};
use crate::support::{
    broker::Broker,
    platform_queue::{Message, PlatformQueue},
};
use action_processor::component::{
    Component, Context, Failure, Message as Input, Reply, handler_fn,
    rest::{File, FileAt, Patch, Resolution},
};
use serde_json::{Value, json};

const INCIDENT: &str = "/incidents/4573";

/// Copies the attachment that the action fired on, and names the incident by its severity and the file's size.
async fn copy(message: Input, cx: Context) -> Result<Reply, Failure> {
    let severity = message.properties().label("severity").ok_or_else(|| Failure::new("no severity"))?;
    let file = FileAt::of(&message).ok_or_else(|| Failure::new("no attachment"))?;
    let info = cx.rest().file_info(&file).await?;
    let copy = File::reader("copy.txt", cx.rest().download_file(&file).await?.into_reader());
    let copied: Value = cx.rest().upload_attachment(&format!("{INCIDENT}/attachments"), copy).await?;
    let incident: Value = cx.rest().get(INCIDENT).await?;
    let name = format!("{severity}: {} has {} bytes", info.name, info.size.unwrap_or_default());
    let patch = Patch::of(&incident).set("name", name.clone());
    cx.rest().patch_fields(INCIDENT, patch, |_conflict| Resolution::GiveUp).await?;
    Ok(Reply::text(format!("{name}; copied as {}", copied["name"])))
}

#[tokio::test(flavor = "multi_thread")]
async fn labels_files_and_patches_reach_a_handler_and_the_platform() {
    let (broker, world) = (Broker::shared().await, World::new().await);
    let queue = PlatformQueue::open(broker, "data_helpers").await;
    let original = world.platform.attach(4573, "seen.txt", "what was seen");
    let copier = Component::new("copier").on("Say Hello", handler_fn(copy));
    let _daemon = Daemon::run(&world.config(broker, "copier", "data_helpers"), copier);

    let values = json!({ "52": { "label": "High" }, "53": { "label": "Low" } });
    let body = json!({
        "action_id": 1, "object_type": 5, "incident": { "id": 4573 }, "properties": { "severity": 52 },
        "attachment": { "id": original, "name": "seen.txt" },
        "type_info": { "actioninvocation": { "fields": { "severity": { "values": values } } } },
    });
    queue.post(Message::new(body.to_string())).await;

    let said = "High: seen.txt has 13 bytes";
    assert_eq!(only_answer(&queue).await["message"], format!("{said}; copied as \"copy.txt\""));
    assert_eq!(world.platform.incident(4573)["name"], said);
    let copied = world.platform.objects("/incidents/4573/attachments");
    assert_eq!(copied.len(), 2, "{copied:?}");
    queue.until_settled(PATIENCE).await;
}
