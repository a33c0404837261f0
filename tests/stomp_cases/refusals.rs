//! S22: replies that the broker refuses, where it ends the connection over them.

use action_processor::stomp::{Outgoing, Settled, Unsettled};

use super::rig::{Rig, echo};
use super::{PATIENCE, body};
use crate::support::broker::{Broker, Make};
use crate::support::platform_queue::PlatformQueue;

#[tokio::test(flavor = "multi_thread")]
async fn a_reply_over_which_rabbitmq_ends_the_connection_is_not_sent_again_and_the_others_are() {
    let broker = Broker::shared_of(Make::RabbitMq).await;
    let queue = PlatformQueue::open(broker, "cases_refused_reply").await;
    let mut rig = Rig::subscribed(broker, &queue).await;
    queue.post(body("nobody will see the answer")).await;
    let first = rig.delivery().await;
    let astray = |delivery| Outgoing { destination: "/queue/not.ours".to_owned(), ..echo(delivery) };
    let settling = rig.link.settle(&first.ack, Some(astray(&first))).await.unwrap();
    assert_eq!(settling.confirmed().await, Err(Unsettled { reply_taken: false }));
    rig.falls_and_comes_back().await;
    let again = rig.delivery().await;
    let settled = rig.link.settle(&again.ack, Some(astray(&again))).await.unwrap().confirmed().await.unwrap();
    assert!(matches!(&settled, Settled::ReplyRefused(why) if why.contains("not.ours")), "{settled:?}");
    queue.post(body("this one is answered")).await;
    let next = rig.delivery().await;
    rig.echo(next).await;
    queue.until_settled(PATIENCE).await;
    assert_eq!(queue.answers(1, PATIENCE).await[0].body, "this one is answered");
}
