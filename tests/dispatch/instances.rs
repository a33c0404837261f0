//! Two instances of a component share nothing that came of a section; a changed section makes state anew.

use super::{answer, platform};
use action_processor::{
    component::{
        CancellationToken, Component, Context, Failure, Handler, Message, Reply, Rest, Section, Services,
        function_fn, handler_fn,
    },
    dispatch::{ActionNames, Destination, Envelope, Registry, Workshop},
};
use serde_json::{Value, json};
use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    time::Duration,
};

/// Says whose key it has, and which of those that were made it is.
fn naive() -> Component {
    let made = Arc::new(AtomicUsize::new(0));
    let client = move |section: &Section| {
        let key = section.get("key").unwrap_or("none").to_owned();
        Ok::<_, Failure>((key, made.fetch_add(1, SeqCst)))
    };
    let ask = async |_: Message, cx: Context| {
        let client = cx.state::<(String, usize)>()?;
        Ok::<_, Failure>(Reply::text(format!("{} {}", client.0, client.1)))
    };
    Component::new("naive").state(client).otherwise(handler_fn(ask))
}

fn registry(component: &Component, sections: &[(&str, &str)]) -> Registry {
    let instances: Vec<Component> =
        sections.iter().map(|(name, _)| component.clone().called(format!("naive:{name}"))).collect();
    let section = |(name, key): &(&str, &str)| {
        Section::new(format!("naive:{name}"), [("destination", *name), ("key", *key)])
    };
    Registry::build(instances.iter().zip(sections.iter().map(section))).unwrap()
}

fn workshop(registry: Registry) -> Workshop {
    let names = ActionNames::new(Rest::new(platform(), None));
    Workshop::new(registry, names, Services::new(platform(), 25, CancellationToken::new()))
}

async fn says(workshop: &Workshop, destination: &str) -> String {
    let body = json!({ "action_id": 7, "incident": { "id": 1 } }).to_string();
    let envelope = Envelope::made_up(Destination::actions(201, destination), 1, body.into());
    let answer: Value = serde_json::from_str(&answer(workshop, &envelope).await.body).unwrap();
    answer["message"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn each_instance_has_the_state_of_its_own_section() {
    let workshop = workshop(registry(&naive(), &[("a", "one"), ("b", "two")]));
    for _ in 0..2 {
        assert_eq!(says(&workshop, "a").await, "one 0");
        assert_eq!(says(&workshop, "b").await, "two 1");
    }
}

#[tokio::test]
async fn a_changed_section_makes_state_anew_and_others_stay() {
    let component = naive();
    let workshop = workshop(registry(&component, &[("a", "one"), ("b", "two")]));
    assert_eq!((says(&workshop, "a").await, says(&workshop, "b").await), ("one 0".into(), "two 1".into()));
    // What the platform is asked for again and again makes no new state.
    workshop.replace_registry(registry(&component, &[("a", "one"), ("b", "two")]));
    assert_eq!((says(&workshop, "a").await, says(&workshop, "b").await), ("one 0".into(), "two 1".into()));
    workshop.replace_registry(registry(&component, &[("a", "new"), ("b", "two")]));
    assert_eq!((says(&workshop, "a").await, says(&workshop, "b").await), ("new 2".into(), "two 1".into()));
}

#[tokio::test]
async fn two_platforms_share_no_state() {
    let component = naive();
    let (here, there) =
        (workshop(registry(&component, &[("a", "one")])), workshop(registry(&component, &[("a", "one")])));
    assert_eq!((says(&here, "a").await, says(&there, "a").await), ("one 0".into(), "one 1".into()));
}

#[tokio::test(start_paused = true)]
async fn incidents_of_two_platforms_or_instances_are_never_one_burst() {
    let done = handler_fn(async |_: Message, _: Context| Ok::<_, Failure>(Reply::text("done")));
    let component = Component::new("naive").otherwise(done.debounce(Duration::from_secs(10)).discard());
    let both = [("a", "one"), ("b", "two")];
    let (here, there) = (workshop(registry(&component, &both)), workshop(registry(&component, &both)));
    let said = tokio::join!(says(&here, "a"), says(&here, "b"), says(&there, "a"), says(&here, "a"));
    let superseded = "Superseded by a later message.";
    assert_eq!(said, (superseded.into(), "done".into(), "done".into(), "done".into()));
}

#[tokio::test(start_paused = true)]
async fn a_burst_goes_on_gathering_while_its_section_changes() {
    let done = handler_fn(async |_: Message, _: Context| Ok::<_, Failure>(Reply::text("done")));
    let component = Component::new("naive").otherwise(done.debounce(Duration::from_secs(10)).discard());
    let workshop = Arc::new(workshop(registry(&component, &[("a", "one")])));
    let first = tokio::spawn({
        let workshop = workshop.clone();
        async move { says(&workshop, "a").await }
    });
    tokio::time::sleep(Duration::from_secs(5)).await;
    workshop.replace_registry(registry(&component, &[("a", "new")]));
    assert_eq!(says(&workshop, "a").await, "done");
    assert_eq!(first.await.unwrap(), "Superseded by a later message.");
}

#[test]
fn a_component_that_cannot_gather_its_calls_is_refused() {
    #[derive(serde::Deserialize)]
    struct Inputs {
        #[expect(dead_code, reason = "nothing reads it")]
        host: String,
    }
    let handler = function_fn(async |_: Inputs, _: Context| Ok(json!(1))).debounce(Duration::from_secs(1));
    let component = Component::new("naive").function("scan_host", handler);
    let clashes = Registry::build([(&component, Section::default())]).unwrap_err();
    let words = clashes[0].to_string();
    for word in ["naive", "scan_host", "incident_id", ".key("] {
        assert!(words.contains(word), "{words}");
    }
}
