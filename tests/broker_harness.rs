use std::time::Duration;

use tokio::time::timeout;

use crate::support::broker::{ACCOUNT, API_KEY, Broker, Credentials, LIMITED_KEY, Make, PLATFORM};
use crate::support::platform_queue::{Message, PlatformQueue, answered_twice};
use crate::support::processor::{AppConfig, Processor};
use crate::support::statistics::Statistics;
use crate::support::stomp_client::{Frame, StompClient};

for_each_make! {
    a_message_posted_is_read_back_over_tls,
    a_wrong_password_is_refused,
    an_account_has_the_rights_of_the_api_key,
    a_queue_that_was_not_granted_is_refused,
    the_platform_collects_replies_and_sees_what_is_left,
    replies_are_collected_over_a_restart_and_headers_can_be_left_out,
    a_paused_broker_says_nothing_until_it_goes_on,
    a_thousand_messages_and_one_of_20_mb_are_stored_when_post_returns,
}

const WITHIN: Duration = Duration::from_secs(60);

async fn a_message_posted_is_read_back_over_tls(make: Make) {
    let address = Broker::shared_of(make).await.address();
    let queue = "/queue/actions.201.harness_tls";
    let mut platform = StompClient::connect(&address, PLATFORM).await.unwrap();
    let mut message = Frame::new("SEND", &[("destination", queue), ("correlation-id", "invid:1")]);
    message.body = "{\"name\":\"Zoë 🙂\"}".into();
    platform.confirmed(message.clone()).await.unwrap();

    let mut processor = StompClient::connect_tls(&address, API_KEY).await.unwrap();
    processor.subscribe(queue).await.unwrap();
    let received = processor.receive().await.unwrap();
    assert_eq!(
        (received.body.as_slice(), received.header("correlation-id")),
        (message.body.as_slice(), "invid:1")
    );
}

async fn a_wrong_password_is_refused(make: Make) {
    let address = Broker::shared_of(make).await.address();
    let wrong = Credentials { passcode: "wrong", ..API_KEY };
    let refusal = StompClient::connect_tls(&address, wrong).await.err().unwrap().to_string();
    assert!(refusal.contains("User name") || refusal.contains("Bad CONNECT"), "{refusal}");
}

async fn an_account_has_the_rights_of_the_api_key(make: Make) {
    let address = Broker::shared_of(make).await.address();
    let mut person = StompClient::connect_tls(&address, ACCOUNT).await.unwrap();
    person.subscribe("/queue/actions.201.harness_account").await.unwrap();
}

async fn a_queue_that_was_not_granted_is_refused(make: Make) {
    let address = Broker::shared_of(make).await.address();
    let mut limited = StompClient::connect_tls(&address, LIMITED_KEY).await.unwrap();
    limited.subscribe("/queue/actions.201.granted").await.unwrap();
    let refusal = limited.subscribe("/queue/actions.201.forbidden").await.unwrap_err().to_string();
    assert!(refused(&refusal), "{refusal}");
}

/// RabbitMQ has no right to write to one queue.
#[tokio::test]
async fn a_processor_may_not_write_to_the_platforms_queues() {
    let address = Broker::shared().await.address();
    let mut processor = StompClient::connect_tls(&address, API_KEY).await.unwrap();
    let message = Frame::new("SEND", &[("destination", "/queue/actions.201.harness_write")]);
    let refusal = processor.confirmed(message).await.unwrap_err().to_string();
    assert!(refused(&refusal), "{refusal}");
}

/// RabbitMQ forgets a queue that was declared just before it is killed.
#[tokio::test]
async fn a_broker_killed_and_started_again_keeps_its_messages_and_its_address() {
    let mut broker = Broker::start().await;
    let address = broker.address();
    let queue = "/queue/actions.201.harness_restart";
    let mut platform = StompClient::connect(&address, PLATFORM).await.unwrap();
    let message = Frame::new("SEND", &[("destination", queue), ("persistent", "true")]);
    platform.confirmed(message).await.unwrap();
    broker.kill().await;
    assert!(StompClient::connect(&address, PLATFORM).await.is_err());

    broker.restart().await;
    let mut processor = StompClient::connect_tls(&address, API_KEY).await.unwrap();
    processor.subscribe(queue).await.unwrap();
    assert_eq!(processor.receive().await.unwrap().command, "MESSAGE");
}

async fn the_platform_collects_replies_and_sees_what_is_left(make: Make) {
    let broker = Broker::shared_of(make).await;
    let queue = PlatformQueue::open(broker, "harness_round").await;
    let messages: Vec<_> = (0..3).map(|number| Message::new(format!("{{\"number\":{number}}}"))).collect();
    let ids: Vec<_> = messages.iter().map(|message| message.correlation_id().to_owned()).collect();
    queue.post_all(messages).await;
    let untouched = Statistics { pending: 3, delivered: 0, consumers: 0 };
    queue.until_statistics(WITHIN, |figures| *figures == untouched).await;

    let mut processor = StompClient::connect_tls(&broker.address(), API_KEY).await.unwrap();
    processor.subscribe(&format!("/queue/{}", queue.actions())).await.unwrap();
    queue.until_subscribed(WITHIN).await;
    for _ in 0..3 {
        let message = processor.receive().await.unwrap();
        answer(&mut processor, &message, r#"{"message_type":0,"message":"half","complete":false}"#).await;
        answer(&mut processor, &message, r#"{"message_type":0,"message":"done","complete":true}"#).await;
        processor.acknowledge(&message).await.unwrap();
    }
    queue.until_settled(WITHIN).await;
    let answers = queue.answers(3, WITHIN).await;
    let answered: Vec<_> = answers.iter().map(|reply| reply.correlation_id.clone()).collect();
    assert_eq!((answered, answered_twice(&answers)), (ids, vec![]));
    assert_eq!(queue.replies(6, WITHIN).await.len(), 6);
}

async fn replies_are_collected_over_a_restart_and_headers_can_be_left_out(make: Make) {
    let mut broker = Broker::of(make).await;
    let queue = PlatformQueue::open(&broker, "harness_collect").await;
    let body = b"{\"nul\":\"\0\"}".to_vec();
    queue
        .post(
            Message::new(body.clone())
                .without("reply-to")
                .binary()
                .header("Co3MessagePayload", "FunctionDTO"),
        )
        .await;
    broker.stop().await;
    broker.restart().await;

    let mut processor = StompClient::connect_tls(&broker.address(), API_KEY).await.unwrap();
    processor.subscribe(&format!("/queue/{}", queue.actions())).await.unwrap();
    let mut message = processor.receive().await.unwrap();
    assert_eq!((&message.body, message.header("reply-to")), (&body, ""));
    assert_eq!(message.header("Co3MessagePayload"), "FunctionDTO");
    message.headers.insert("reply-to".to_owned(), format!("/queue/{}", queue.acks()));
    answer(&mut processor, &message, "plain text is an answer").await;
    assert_eq!(queue.answers(1, WITHIN).await[0].body, "plain text is an answer");
}

async fn a_paused_broker_says_nothing_until_it_goes_on(make: Make) {
    let broker = Broker::of(make).await;
    let mut client = StompClient::connect(&broker.address(), PLATFORM).await.unwrap();
    broker.pause().await;
    client.send(&Frame::new("DISCONNECT", &[("receipt", "bye")])).await.unwrap();
    assert!(timeout(Duration::from_millis(200), client.receive()).await.is_err());
    broker.resume();
    assert_eq!(client.receive().await.unwrap().command, "RECEIPT");
}

#[tokio::test]
async fn the_binary_is_run_with_its_configuration() {
    let config =
        AppConfig::connecting(Broker::shared().await, "localhost", 443, "false").set("hello", "queue", "hi");
    let mut processor = Processor::command(&config, &["--help"]);
    let text = std::fs::read_to_string(processor.config_file()).unwrap();
    assert!(text.contains("[resilient]\nhost=localhost\n") && text.contains("[hello]\nqueue=hi\n"), "{text}");
    assert!(processor.wait(WITHIN).await.success());
}

async fn a_thousand_messages_and_one_of_20_mb_are_stored_when_post_returns(make: Make) {
    let queue = PlatformQueue::open(Broker::shared_of(make).await, "harness_many").await;
    queue.post_all((0..1_000).map(|_| Message::new("{}"))).await;
    queue.post(Message::new(vec![b' '; 20 << 20])).await;
    queue.until_statistics(WITHIN, |figures| figures.pending == 1_001).await;
}

/// In ActiveMQ's words or in RabbitMQ's.
fn refused(text: &str) -> bool {
    text.contains("is not authorized") || text.contains("access_refused")
}

async fn answer(processor: &mut StompClient, message: &Frame, body: &str) {
    let headers =
        [("destination", message.header("reply-to")), ("correlation-id", message.header("correlation-id"))];
    let mut reply = Frame::new("SEND", &headers);
    reply.body = body.into();
    processor.confirmed(reply).await.unwrap();
}
