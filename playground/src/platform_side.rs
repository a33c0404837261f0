//! Sends messages as the platform does, and prints what comes back.

use crate::{
    command::{Call, What},
    scene::{FUNCTIONS, INCIDENT, Scene},
    support::{
        broker::PLATFORM,
        platform_queue::{Message, ORG, PlatformQueue, Reply},
        stomp_client::StompClient,
    },
};
use serde_json::{Map, Value, json};
use std::{collections::HashMap, sync::Arc, time::Duration};
use tokio::{task::JoinSet, time::timeout};

/// A processor may be started, or built, long after something was sent to it.
const LONG: Duration = Duration::from_secs(24 * 60 * 60);

/// After this long without an answer it may help to say what is missing.
const HINT: Duration = Duration::from_secs(5);

/// What the names of queues begin with.
const ACTIONS: &str = "actions";
const CONNECTORS: &str = "connectors";

/// The platform's end of the queues.
pub(crate) struct PlatformSide<'a> {
    scene: &'a Scene,
    queues: HashMap<String, Arc<PlatformQueue>>,
    waiting: JoinSet<()>,
    sent: usize,
}

impl<'a> PlatformSide<'a> {
    pub(crate) fn new(scene: &'a Scene) -> Self {
        Self { scene, queues: HashMap::new(), waiting: JoinSet::new(), sent: 0 }
    }

    /// Sends a message; its answers are printed as they come.
    pub(crate) async fn send(&mut self, Call { what, values, objects }: Call) {
        self.sent += 1;
        match what {
            What::Function { name } => {
                self.ask(ACTIONS, FUNCTIONS, function(&name, &values, self.sent)).await
            }
            What::Action { destination, name } => match destination.as_deref().or(self.scene.destination()) {
                Some(destination) => {
                    self.ask(ACTIONS, destination, action(self.scene.action_id(&name), &values, objects))
                        .await
                }
                None => println!("which destination? action DESTINATION:NAME"),
            },
            What::Connector { queue } => {
                self.scene.list_connector(&queue);
                self.ask(CONNECTORS, &queue, connector(&values)).await
            }
            What::Inbound { destination, event } => self.tell(&destination, inbound(event, values)).await,
        }
    }

    async fn ask(&mut self, kind: &'static str, destination: &str, message: Message) {
        let queue = self.queue(kind, destination).await;
        let id = queue.post(message).await;
        println!("#{} sent to {}", self.sent, queue.actions());
        self.waiting.spawn(follow(queue, id, self.sent));
    }

    /// Inbound news have no reply.
    async fn tell(&self, destination: &str, message: Message) {
        let queue = format!("inbound_destinations.{ORG}.{destination}");
        let frame = message.without("reply-to").addressed(&queue, "");
        let mut client =
            StompClient::connect(&self.scene.address(), PLATFORM).await.expect("the broker is up");
        client.confirmed(frame).await.expect("the broker takes the platform's messages");
        println!("#{} sent to {queue}; nothing is replied to news, see your processor's log", self.sent);
    }

    /// Waits until each message has had its last reply.
    pub(crate) async fn until_answered(&mut self) {
        while self.waiting.join_next().await.is_some() {}
    }

    async fn queue(&mut self, kind: &'static str, destination: &str) -> Arc<PlatformQueue> {
        let name = format!("{kind}.{destination}");
        if let Some(queue) = self.queues.get(&name) {
            return queue.clone();
        }
        let queue = Arc::new(PlatformQueue::of_kind(self.scene.broker(), kind, destination).await);
        self.queues.insert(name, queue.clone());
        queue
    }
}

fn action(id: usize, properties: &Map<String, Value>, objects: Map<String, Value>) -> Message {
    let mut body = json!({
        "action_id": id, "object_type": 0, "type_id": 0, "properties": properties, "type_info": {},
        "incident": { "id": INCIDENT, "name": "An incident of the playground", "properties": {} },
        "task": null, "artifact": null, "note": null, "milestone": null, "attachment": null, "row": null,
        "user": { "id": 1, "email": "you@example.com" },
    });
    objects.into_iter().for_each(|(name, object)| body[name] = object);
    Message::new(body.to_string())
}

/// Each call is of a playbook run of its own, which can be terminated.
fn function(name: &str, inputs: &Map<String, Value>, run: usize) -> Message {
    let body = json!({
        "function": { "id": 1, "name": name, "display_name": name },
        "inputs": inputs,
        "playbook_instance": { "playbook_instance_id": run, "playbook": { "id": 1, "name": "playground" } },
        "workflow": null, "workflow_instance": null, "groups": [],
        "principal": { "id": 1, "name": "you@example.com", "type": "user" },
    });
    Message::new(body.to_string()).header("Co3MessagePayload", "FunctionDTO")
}

fn connector(request: &Map<String, Value>) -> Message {
    let body = json!({ "request_originator": { "type": "playbook" }, "request_payload": request });
    Message::new(body.to_string()).header("Co3MessagePayload", "RestAPIExecutionEventDTO")
}

fn inbound(event: String, mut body: Map<String, Value>) -> Message {
    body.insert("action".to_owned(), event.into());
    Message::new(Value::Object(body).to_string()).header("Co3MessagePayload", "InboundDestinationDTO")
}

/// Prints the replies to one message until the last.
async fn follow(queue: Arc<PlatformQueue>, id: String, number: usize) {
    let mut seen = 0;
    loop {
        let replies = next(&queue, seen, number).await;
        for reply in replies.iter().skip(seen).filter(|reply| reply.correlation_id == id) {
            println!("#{number} {}", words(reply));
            if reply.is_last() {
                return;
            }
        }
        seen = replies.len();
    }
}

/// All replies of the queue, once there are more than `seen`.
async fn next(queue: &PlatformQueue, seen: usize, number: usize) -> Vec<Reply> {
    let mut waiting = std::pin::pin!(queue.replies(seen + 1, LONG));
    if let Ok(replies) = timeout(HINT, &mut waiting).await {
        return replies;
    }
    if queue.statistics().await.consumers == 0 {
        println!("#{number} nobody has subscribed to {} yet: the message waits", queue.actions());
    }
    waiting.await
}

fn words(reply: &Reply) -> String {
    let Ok(mut body) = serde_json::from_str::<Value>(&reply.body) else {
        return format!("reply: {}", reply.body);
    };
    let text = body["message"].as_str().unwrap_or_default().to_owned();
    let kind = match (body["message_type"] == 0, reply.is_last()) {
        (true, false) => "status",
        (true, true) => "reply",
        (false, _) => "error",
    };
    match body["results"].take() {
        Value::Null => format!("{kind}: {text}"),
        results => format!("{kind}: {text}\n{results:#}"),
    }
}
