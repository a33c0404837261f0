//! Other components and other sections, while the link stays up.

use std::{collections::BTreeMap, sync::Arc};

use action_processor::{
    component::{CancellationToken, Component, Rest, Section, Services},
    config::{Config, Sources},
    daemon::{
        serving::{Keeping, Loaded, Prospect, Serving},
        settings,
    },
    dispatch::{ActionNames, Dispatcher, Workshop},
    rest, stomp, store,
};
use serde_json::json;
use tokio::runtime::Handle;

use super::{PATIENCE, Rig, call, messages, saying};
use crate::delivery::action;

/// What the daemon builds round a [`Serving`].
struct Running {
    serving: Serving,
    _keeping: Keeping,
    link: stomp::Link,
    shutdown: CancellationToken,
}

impl Running {
    async fn start(rig: &Rig, components: Vec<Loaded>) -> Self {
        let sources = Sources::new(BTreeMap::new()).with_file("app.config", rig.config().text());
        let config = Config::load(&sources, &[]).unwrap();
        let platform = Arc::new(rest::connect(settings::rest(&config, None).unwrap()).await.unwrap());
        let (org, rest) = (platform.org_id(), Rest::new(platform.clone(), None));
        let mut prospect =
            Prospect::look(components, rest.clone(), org, settings::serving(&config)).await.unwrap();
        let shutdown = CancellationToken::new();
        let services = Services::new(platform, 25, shutdown.clone());
        let workshop = Arc::new(Workshop::new(prospect.take_registry(), ActionNames::new(rest), services));
        let brokers = settings::brokers(&config).unwrap();
        let (link, mut events) = stomp::start(settings::stomp(&config), prospect.queues(), brokers);
        let journal = store::open(&settings::store(&config).unwrap()).await.unwrap();
        let dispatcher = Dispatcher::new(workshop.clone(), link.clone(), journal, Handle::current());
        let (serving, keeping) = prospect.start(workshop, link.clone(), dispatcher);
        let pump = serving.clone();
        tokio::spawn(async move {
            while let Some(event) = events.recv().await {
                if let stomp::Event::Delivery(delivery) = event {
                    pump.deliver(delivery);
                }
            }
        });
        Self { serving, _keeping: keeping, link, shutdown }
    }

    async fn stop(self) {
        self.shutdown.cancel();
        self.link.close(PATIENCE).await.unwrap();
    }
}

fn loaded(component: Component, section: &[(&str, &str)]) -> Loaded {
    let section = Section::new(component.name(), section.iter().copied());
    Loaded { component, section }
}

fn greeter() -> Component {
    Component::new("greeter").on("Say Hello", saying("hello"))
}

#[tokio::test]
async fn queues_follow_the_new_sections() {
    let rig = Rig::new().await;
    let (old, new) = (rig.queue("reload_old").await, rig.queue("reload_new").await);
    let running = Running::start(&rig, vec![loaded(greeter(), &[("destination", "reload_old")])]).await;
    old.until_subscribed(PATIENCE).await;
    for _ in 0..2 {
        running.serving.reload(vec![loaded(greeter(), &[("destination", "reload_new")])]).unwrap();
    }
    new.post(action(1, &json!({}))).await;
    assert_eq!(messages(&new, 1).await, ["hello"]);
    // Whoever serves the old destination now will want it.
    old.post(action(1, &json!({}))).await;
    old.until_left(PATIENCE).await;
    assert_eq!(old.statistics().await.pending, 1);
    assert!(old.replies(0, PATIENCE).await.is_empty());
    running.stop().await;
}

#[tokio::test]
async fn a_queue_that_is_wanted_again_before_it_was_left_has_what_came_meanwhile_carried_out() {
    let rig = Rig::new().await;
    let queue = rig.queue("reload_back").await;
    let there = || vec![loaded(greeter(), &[("destination", "reload_back")])];
    let running = Running::start(&rig, there()).await;
    queue.until_subscribed(PATIENCE).await;
    running.serving.reload(Vec::new()).unwrap();
    queue.post(action(1, &json!({}))).await;
    queue.until_statistics(PATIENCE, |statistics| statistics.delivered == 1).await;
    running.serving.reload(there()).unwrap();
    assert_eq!(messages(&queue, 1).await, ["hello"]);
    running.stop().await;
}

#[tokio::test]
async fn a_component_that_comes_along_is_asked_for_at_once_and_one_that_goes_is_left() {
    let rig = Rig::new().await;
    let (actions, function) = (rig.queue("reload_gone").await, rig.queue("reload_function").await);
    rig.define("come", "reload_function");
    let before = loaded(greeter(), &[("destination", "reload_gone")]);
    let running = Running::start(&rig, vec![before]).await;
    actions.until_subscribed(PATIENCE).await;
    let newcomer = Component::new("newcomer").function("come", saying("here"));
    running.serving.reload(vec![loaded(newcomer, &[])]).unwrap();
    function.post(call("come")).await;
    assert_eq!(messages(&function, 1).await.len(), 1);
    actions.until_left(PATIENCE).await;
    running.stop().await;
}

#[tokio::test]
async fn components_that_clash_are_refused_and_the_others_go_on() {
    let rig = Rig::new().await;
    let queue = rig.queue("reload_clash").await;
    let one = || loaded(greeter(), &[("destination", "reload_clash")]);
    let running = Running::start(&rig, vec![one()]).await;
    let other = Component::new("other").destination("reload_clash").on("Say Hello", saying("other"));
    let clashes = running.serving.reload(vec![one(), loaded(other, &[])]).unwrap_err();
    assert_eq!(clashes.len(), 1);
    queue.post(action(1, &json!({}))).await;
    assert_eq!(messages(&queue, 1).await, ["hello"]);
    assert_eq!(running.serving.wanted().len(), 1);
    running.stop().await;
}
