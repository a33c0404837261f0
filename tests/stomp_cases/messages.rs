//! S9, S13, S14, S16, S18, S25: what is delivered, and what settles it.

use std::collections::HashSet;
use std::time::Duration;

use action_processor::stomp::transport::Brokers;
use action_processor::stomp::{Event, Settings, start};
use tokio::time::timeout;

use super::rig::{Rig, dialer, echo, profile, settings, until};
use super::{PATIENCE, body};
use crate::support::broker::{Broker, LIMITED_KEY, Make, PLATFORM};
use crate::support::platform_queue::{Message, PlatformQueue, answered_twice};
use crate::support::stomp_client::{Frame, StompClient};

for_each_make! {
    what_is_settled_from_many_tasks_at_once_is_settled_once,
    bodies_come_and_go_as_they_are_whatever_their_bytes_and_size,
    what_is_not_settled_comes_again_under_the_same_identity,
    a_prefetch_of_one_is_one_message_at_a_time,
    a_refused_queue_is_named,
}

async fn what_is_settled_from_many_tasks_at_once_is_settled_once(make: Make) {
    let broker = Broker::shared_of(make).await;
    let queue = PlatformQueue::open(broker, "cases_many").await;
    let mut rig = Rig::with(broker, &queue, Settings { prefetch: 64, ..settings(broker) }).await;
    queue.post_all((0..320).map(|number| body(&number.to_string()))).await;
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..320 {
        let (delivery, link) = (rig.delivery().await, rig.link.clone());
        tasks.spawn(async move {
            let settling = link.settle(&delivery.ack, Some(echo(&delivery))).await.unwrap();
            settling.confirmed().await.unwrap();
        });
    }
    tasks.join_all().await;
    queue.until_settled(PATIENCE).await;
    let answers = queue.answers(320, PATIENCE).await;
    assert_eq!(answered_twice(&answers), Vec::<&str>::new());
    let bodies: HashSet<&str> = answers.iter().map(|answer| answer.body.as_str()).collect();
    assert_eq!(bodies.len(), 320);
}

async fn bodies_come_and_go_as_they_are_whatever_their_bytes_and_size(make: Make) {
    let broker = Broker::shared_of(make).await;
    let queue = PlatformQueue::open(broker, "cases_bodies").await;
    let mut rig = Rig::with(broker, &queue, Settings { prefetch: 1, ..settings(broker) }).await;
    let bodies = ["".to_owned(), "\0a\0\0".to_owned(), "Zoë 🙂\n".repeat(500), "x\0é".repeat(5 << 20)];
    for sent in &bodies {
        queue.post(Message::new(sent.clone()).binary()).await;
        let delivery = rig.delivery().await;
        assert!(delivery.body == sent.as_bytes(), "{} bytes came of {}", delivery.body.len(), sent.len());
        rig.echo(delivery).await;
    }
    let answers = queue.answers(bodies.len(), PATIENCE).await;
    assert!(answers.iter().map(|answer| &answer.body).eq(&bodies), "the replies are what came");
}

async fn what_is_not_settled_comes_again_under_the_same_identity(make: Make) {
    let broker = Broker::shared_of(make).await;
    let queue = PlatformQueue::open(broker, "cases_again").await;
    queue.post_all(["one", "two"].map(body)).await;
    let mut seen = Vec::new();
    for _ in 0..2 {
        let mut rig = Rig::subscribed(broker, &queue).await;
        seen.push([rig.delivery().await, rig.delivery().await].map(|delivery| delivery.id.unwrap()));
        rig.link.abort();
        queue.until_statistics(PATIENCE, |figures| figures.consumers == 0).await;
    }
    assert_eq!(seen[0], seen[1]);
    assert_ne!(seen[0][0], seen[0][1]);
}

async fn a_prefetch_of_one_is_one_message_at_a_time(make: Make) {
    let broker = Broker::shared_of(make).await;
    let queue = PlatformQueue::open(broker, "cases_prefetch").await;
    queue.post_all(["one", "two", "three"].map(body)).await;
    let mut rig = Rig::with(broker, &queue, Settings { prefetch: 1, ..settings(broker) }).await;
    for left in [3, 2, 1] {
        let delivery = rig.delivery().await;
        queue.until_statistics(PATIENCE, |figures| (figures.pending, figures.delivered) == (left, 1)).await;
        let next = timeout(Duration::from_millis(50), rig.events.recv()).await;
        assert!(!matches!(next, Ok(Some(Event::Delivery(_)))), "{next:?}");
        rig.echo(delivery).await;
    }
}

async fn a_refused_queue_is_named(make: Make) {
    let broker = Broker::shared_of(make).await;
    let limited = Settings {
        login: Some(LIMITED_KEY.login.into()),
        passcode: Some(LIMITED_KEY.passcode.into()),
        ..settings(broker)
    };
    let queues = ["actions.201.forbidden", "actions.202.granted"].map(str::to_owned);
    let (_link, mut events) = start(limited, queues.into(), Brokers::from(dialer(broker, broker.port())));
    let refused = |event| match event {
        Event::Refused { destination, reason } => Some((destination, reason)),
        _ => None,
    };
    let (destination, reason) = until(&mut events, refused).await;
    assert_eq!(destination, "actions.201.forbidden");
    assert!(reason.contains("forbidden"), "{reason}");
    let subscribed =
        |event| if let Event::Subscribed { destination } = event { Some(destination) } else { None };
    assert_eq!(until(&mut events, subscribed).await, "actions.202.granted");
}

#[tokio::test(flavor = "multi_thread")]
async fn rabbitmqs_quorum_queues_are_taken_from_by_their_own_name() {
    let broker = Broker::shared_of(Make::RabbitMq).await;
    let name = "actions.201.cases_quorum";
    let mut platform = StompClient::connect(&broker.address(), PLATFORM).await.unwrap();
    let destination = format!("/queue/{name}");
    let declared = [("destination", destination.as_str()), ("x-queue-type", "quorum"), ("durable", "true")];
    let headers =
        [&[("id", "1"), ("ack", "client-individual"), ("auto-delete", "false")], &declared[..]].concat();
    platform.confirmed(Frame::new("SUBSCRIBE", &headers)).await.unwrap();
    let link = |prefix: Option<&str>| {
        let settings = Settings { destination_prefix: prefix.map(str::to_owned), ..settings(broker) };
        start(settings, vec![name.to_owned()], Brokers::from(dialer(broker, broker.port())))
    };
    let (_link, mut events) = link(None);
    let refused = |event| if let Event::Refused { reason, .. } = event { Some(reason) } else { None };
    let reason = until(&mut events, refused).await;
    assert!(reason.contains("x-queue-type") && reason.contains("stomp_queue_prefix"), "{reason}");
    let (_link, mut events) = link(Some("/amq/queue/"));
    until(&mut events, |event| matches!(event, Event::Subscribed { .. }).then_some(())).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_make_is_found_from_the_brokers_own_words() {
    for make in [Make::ActiveMq, Make::RabbitMq] {
        let broker = Broker::shared_of(make).await;
        let (_link, mut events) =
            start(settings(broker), Vec::new(), Brokers::from(dialer(broker, broker.port())));
        let named = |event| match event {
            Event::Up { broker, .. } => Some(action_processor::stomp::Make::named(broker.as_deref())),
            _ => None,
        };
        assert_eq!(until(&mut events, named).await, profile(make));
    }
}
