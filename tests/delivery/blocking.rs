//! Authors' code that blocks its thread stops no other, whatever code it is, and is named.

use super::{PATIENCE, World, action, handlers::Daemon, hello};
use crate::support::{broker::Broker, log::Log, platform_queue::PlatformQueue};
use action_processor::{
    component::{Component, Context, Failure, Handler, Message, Reply, handler_fn},
    signals::Signal,
};
use serde::{Deserialize, Deserializer};
use serde_json::json;
use std::{
    sync::{Arc, Condvar, Mutex, PoisonError},
    time::Duration,
};
use tokio::runtime::{Builder, Runtime};

/// Blocks whoever comes, until it is opened: at the end of the test, however that comes about.
#[derive(Clone, Default)]
struct Door(Arc<(Mutex<bool>, Condvar)>);

struct Opens(Door);

impl Door {
    fn pass(&self) {
        let open = self.0.0.lock().unwrap_or_else(PoisonError::into_inner);
        drop(self.0.1.wait_while(open, |open| !*open));
    }

    fn open(&self) {
        *self.0.0.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.0.1.notify_all();
    }
}

impl Drop for Opens {
    fn drop(&mut self) {
        self.0.open();
    }
}

/// As few threads as the smallest machine has.
fn two_threads() -> Runtime {
    Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap()
}

async fn quick(_: Message, _: Context) -> Result<Reply, Failure> {
    // A timer must not wait for a blocked thread either.
    tokio::time::sleep(Duration::from_millis(1)).await;
    Ok(Reply::text("quick"))
}

/// Posts six messages of "Slow", whose handling blocks, and then five that are quick: those are answered all the same.
async fn quick_ones_pass(name: &str, component: Component, door: Door, named: &str) {
    let (log, workers, opens) = (Log::begin(), two_threads(), Opens(door));
    let (broker, world) = (Broker::shared().await, World::new().await);
    let (queue, other) = (
        PlatformQueue::open(broker, name).await,
        PlatformQueue::open(broker, &format!("{name}_quick")).await,
    );
    let config = world.config(broker, "blocks", name).set("resilient", "noload", "");
    let components = vec![
        component.destination(name),
        Component::new("quick").destination(format!("{name}_quick")).otherwise(handler_fn(quick)),
    ];
    let daemon = Daemon::with_all(&config, components, workers.handle().clone());
    queue.post_all((0..6).map(|_| action(4, &json!({})))).await;
    let line = log.wait_for(&["WARN", "handler blocks its thread"], PATIENCE).await;
    assert!(line.contains(named) && line.contains("blocks"), "{line}");
    other.post_all((0..5).map(|_| hello("you"))).await;
    let answers = other.answers(5, PATIENCE).await;
    assert!(answers.iter().all(|answer| answer.json()["message"] == "quick"));
    assert_eq!(queue.answers(0, PATIENCE).await.len(), 0, "they block still");
    drop(opens);
    queue.answers(6, PATIENCE).await;
    daemon.signal(Signal::Stop).await;
    daemon.ended().await.unwrap();
    workers.shutdown_background();
}

#[tokio::test]
async fn handlers_that_block_stop_no_other_and_are_named() {
    let door = Door::default();
    let blocks = door.clone();
    let block = move |_: Message, _: Context| {
        let door = blocks.clone();
        async move {
            door.pass();
            Ok(Reply::text("blocked"))
        }
    };
    let component = Component::new("blocks").on("Slow", handler_fn(block));
    quick_ones_pass("block_handler", component, door, "action slow").await;
}

static INPUT: Mutex<Option<Door>> = Mutex::new(None);

struct Blocks;

impl<'de> Deserialize<'de> for Blocks {
    fn deserialize<D: Deserializer<'de>>(_: D) -> Result<Self, D::Error> {
        let door = INPUT.lock().unwrap().clone();
        door.unwrap_or_default().pass();
        Ok(Self)
    }
}

#[tokio::test]
async fn inputs_that_block_while_they_are_read_stop_no_other() {
    let door = Door::default();
    *INPUT.lock().unwrap() = Some(door.clone());
    let read = async |_: Blocks, _: Context| Ok::<_, Failure>(Reply::text("read"));
    let component = Component::new("blocks").on("Slow", handler_fn(read));
    quick_ones_pass("block_input", component, door, "action slow").await;
}

#[tokio::test]
async fn a_wrappers_key_that_blocks_stops_no_other() {
    let door = Door::default();
    let blocks = door.clone();
    let key = move |message: &Message| {
        blocks.pass();
        message.id().to_owned()
    };
    let handler = handler_fn(quick).debounce(Duration::from_millis(1)).key(key);
    quick_ones_pass("block_key", Component::new("blocks").on("Slow", handler), door, "action slow").await;
}

#[tokio::test]
async fn an_order_that_blocks_stops_no_other_queue() {
    let door = Door::default();
    let blocks = door.clone();
    let order = move |_: &Message| {
        blocks.pass();
        None
    };
    let component = Component::new("blocks").on("Slow", handler_fn(quick)).order_by(order);
    quick_ones_pass("block_order", component, door, "order_by").await;
}
