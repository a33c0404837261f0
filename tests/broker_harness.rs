use crate::support::broker::{ACCOUNT, API_KEY, Broker, Credentials, LIMITED_KEY, PLATFORM};
use crate::support::stomp_client::{Frame, StompClient};

#[tokio::test]
async fn a_message_posted_is_read_back_over_tls() {
    let address = Broker::shared().await.address();
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

#[tokio::test]
async fn a_wrong_password_is_refused() {
    let address = Broker::shared().await.address();
    let wrong = Credentials { passcode: "wrong", ..API_KEY };
    let refusal = StompClient::connect_tls(&address, wrong).await.err().unwrap().to_string();
    assert!(refusal.contains("User name") && refusal.contains("invalid"), "{refusal}");
}

#[tokio::test]
async fn an_account_has_the_rights_of_the_api_key() {
    let address = Broker::shared().await.address();
    let mut person = StompClient::connect_tls(&address, ACCOUNT).await.unwrap();
    person.subscribe("/queue/actions.201.harness_account").await.unwrap();
}

#[tokio::test]
async fn a_queue_that_was_not_granted_is_refused() {
    let address = Broker::shared().await.address();
    let mut limited = StompClient::connect_tls(&address, LIMITED_KEY).await.unwrap();
    limited.subscribe("/queue/actions.201.granted").await.unwrap();
    let refusal = limited.subscribe("/queue/actions.201.forbidden").await.unwrap_err().to_string();
    assert!(refusal.contains("is not authorized"), "{refusal}");
}

#[tokio::test]
async fn a_processor_may_not_write_to_the_platforms_queues() {
    let address = Broker::shared().await.address();
    let mut processor = StompClient::connect_tls(&address, API_KEY).await.unwrap();
    let message = Frame::new("SEND", &[("destination", "/queue/actions.201.harness_write")]);
    let refusal = processor.confirmed(message).await.unwrap_err().to_string();
    assert!(refusal.contains("is not authorized"), "{refusal}");
}

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
