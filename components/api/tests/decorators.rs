mod at_most_once;
mod debounce;
mod keeping;
mod long_work;
mod nested;
mod retry;
mod telling;
mod waiting;
mod waits;

use action_component::{
    Component, Context, Failure, Handler, Message, Reply, handler_fn,
    testing::{self, Bench, Platform},
};
use serde_json::json;
use std::{
    sync::{Arc, Mutex},
    time::Duration,
};
use tokio::{task::JoinHandle, time::Instant};

const fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn bench() -> Bench {
    Bench::new(Platform::answering(|_| (500, json!({ "message": "no REST here" }))))
}

/// A message of the action `act` on `incident`, with an activity field `n` to tell it by.
fn message(incident: i64, n: u64) -> Message {
    testing::message("Act", json!({ "incident": { "id": incident }, "properties": { "n": n } }))
}

/// What a handler did, and when: `n` and the seconds since the test began.
#[derive(Clone)]
struct Diary {
    began: Instant,
    entries: Arc<Mutex<Vec<(u64, u64)>>>,
}

impl Diary {
    fn new() -> Self {
        Self { began: Instant::now(), entries: Arc::default() }
    }

    fn now(&self) -> u64 {
        self.began.elapsed().as_secs()
    }

    /// A handler that works for `work` and notes when it begins.
    fn handler(&self, work: Duration) -> impl Handler<Input = Message> + use<> {
        let diary = self.clone();
        handler_fn(move |message: Message, _cx: Context| {
            let diary = diary.clone();
            async move {
                let n = message.properties().get("n").as_u64().unwrap();
                diary.entries.lock().unwrap().push((n, diary.now()));
                tokio::time::sleep(work).await;
                Ok(Reply::text(format!("{n} done")))
            }
        })
    }

    fn entries(&self) -> Vec<(u64, u64)> {
        self.entries.lock().unwrap().clone()
    }
}

type Outcome = Result<Reply, Failure>;

/// Delivers `message` in a task of its own and lets it run until it waits.
async fn send(bench: &Bench, component: &Component, message: Message) -> JoinHandle<Outcome> {
    let (bench, component) = (bench.clone(), component.clone());
    let task = tokio::spawn(async move { bench.deliver(&component, message).await });
    settle().await;
    task
}

async fn settle() {
    for _ in 0..50 {
        tokio::task::yield_now().await;
    }
}

fn component(handler: impl Handler) -> Component {
    Component::new("test").on("Act", handler)
}

async fn text(task: JoinHandle<Outcome>) -> String {
    task.await.unwrap().unwrap().message().to_owned()
}

async fn is_returned(task: JoinHandle<Outcome>) -> bool {
    task.await.unwrap().is_err_and(|failure| failure.kind() == action_component::reply::FailureKind::Returned)
}
