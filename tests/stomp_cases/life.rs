//! S1, S4, S10, S11: links that are cut and links that stall.

use std::time::Duration;

use action_processor::stomp::transport::Brokers;
use action_processor::stomp::{Event, start};
use tokio::net::TcpListener;
use tokio::time::timeout;

use super::rig::{Rig, dialer, settings, until};
use super::wire::{Direction, Wire};
use super::{PATIENCE, body};
use crate::support::broker::{Broker, Make};
use crate::support::platform_queue::PlatformQueue;

for_each_make! {
    fifty_cuts_leave_one_consumer_and_a_link_that_beats,
    a_link_that_brings_nothing_any_more_is_replaced,
    a_link_that_takes_nothing_any_more_is_replaced,
    the_next_broker_takes_over_when_one_is_away_or_falls,
}

/// Several strict read checks of the broker.
const A_WHILE: Duration = Duration::from_secs(4);

async fn fifty_cuts_leave_one_consumer_and_a_link_that_beats(make: Make) {
    let broker = Broker::shared_of(make).await;
    let queue = PlatformQueue::open(broker, "cases_cuts").await;
    let mut rig = Rig::subscribed(broker, &queue).await;
    for _ in 0..50 {
        rig.wire.cut();
        rig.falls_and_comes_back().await;
    }
    queue.until_statistics(PATIENCE, |figures| figures.consumers == 1).await;
    let fallen =
        timeout(A_WHILE, until(&mut rig.events, |event| matches!(event, Event::Down { .. }).then_some(())));
    assert!(fallen.await.is_err(), "beats flow, so neither end drops the link");
    queue.post(body("after the cuts")).await;
    let delivery = rig.delivery().await;
    rig.echo(delivery).await;
    queue.until_settled(PATIENCE).await;
}

async fn a_link_that_brings_nothing_any_more_is_replaced(make: Make) {
    stalled(make, Direction::FromBroker, "cases_deaf").await;
}

async fn a_link_that_takes_nothing_any_more_is_replaced(make: Make) {
    stalled(make, Direction::ToBroker, "cases_mute").await;
}

/// What was at work when the link stalled is answered on the next one.
async fn stalled(make: Make, direction: Direction, name: &str) {
    let broker = Broker::shared_of(make).await;
    let queue = PlatformQueue::open(broker, name).await;
    let mut rig = Rig::subscribed(broker, &queue).await;
    queue.post(body("at work")).await;
    let first = rig.delivery().await;
    rig.wire.stall(direction);
    rig.falls_and_comes_back().await;
    let again = rig.delivery().await;
    assert!(first.ack.is_stale());
    assert_eq!(first.id, again.id);
    rig.echo(again).await;
    queue.until_settled(PATIENCE).await;
    assert_eq!(queue.answers(1, PATIENCE).await.len(), 1);
}

async fn the_next_broker_takes_over_when_one_is_away_or_falls(make: Make) {
    let broker = Broker::shared_of(make).await;
    let queue = PlatformQueue::open(broker, "cases_several").await;
    let nobody = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port();
    let (one, other) = (Wire::to(broker.port()).await, Wire::to(broker.port()).await);
    let dialers = [nobody, one.port, other.port].map(|port| dialer(broker, port));
    let [first, rest @ ..] = dialers;
    let (_link, mut events) = start(settings(broker), vec![queue.actions()], Brokers::new(first, rest));
    let mut ups = Vec::new();
    for wire in [&one, &other, &one] {
        let up = |event| if let Event::Up { at, .. } = event { Some(at) } else { None };
        ups.push(until(&mut events, up).await);
        wire.cut();
    }
    let expected = [one.port, other.port, one.port].map(|port| format!("localhost:{port}"));
    assert_eq!(ups, expected);
}
