//! What comes back for what is sent, by the binary that is shipped.

use super::{PATIENCE, World, action, hello, only_answer};
use crate::support::{
    broker::{API_KEY, Broker},
    platform_queue::{Message, PlatformQueue, answered_twice},
    processor::Processor,
};
use serde_json::json;
use std::collections::HashSet;

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_messages_are_answered_once_each_and_acknowledged() {
    let (broker, world) = (Broker::shared().await, World::new().await);
    let queue = PlatformQueue::open(broker, "thousand").await;
    let mut processor = Processor::run(&world.config(broker, "hello", "thousand"));
    let messages: Vec<Message> = (0..1000).map(|number| hello(&format!("number {number}"))).collect();
    let sent: HashSet<String> = messages.iter().map(|message| message.correlation_id().to_owned()).collect();
    queue.post_all(messages).await;
    let answers = queue.answers(1000, PATIENCE).await;
    assert_eq!(answers.iter().map(|answer| answer.correlation_id.clone()).collect::<HashSet<_>>(), sent);
    assert_eq!(answered_twice(&answers), Vec::<&str>::new());
    assert!(answers.iter().all(|answer| answer.json()["message_type"] == 0), "{answers:?}");
    assert!(answers.iter().all(|answer| answer.headers["persistent"] == "true"));
    queue.until_settled(PATIENCE).await;
    assert!(processor.stop(PATIENCE).await.success());
    let log = processor.log().join("\n");
    assert!(!log.contains(API_KEY.passcode), "{log}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reply_carries_the_text_the_correlation_id_and_every_character() {
    let (broker, world) = (Broker::shared().await, World::new().await);
    let queue = PlatformQueue::open(broker, "unicode").await;
    let _processor = Processor::run(&world.config(broker, "hello", "unicode"));
    let name = "Žofie 漢字 😀 \u{202e} \"quoted\" \\ back\nline";
    let id = queue.post(hello(name)).await;
    let answer = queue.answers(1, PATIENCE).await.remove(0);
    assert_eq!(answer.correlation_id, id);
    let expected = json!({ "message_type": 0, "message": format!("hello, {name}"), "complete": true });
    assert_eq!(answer.json(), expected);
    assert!(answer.body.is_ascii() && answer.body.contains("\\ud83d\\ude00"), "{}", answer.body);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_emoji_that_came_as_two_surrogates_is_answered_as_an_emoji() {
    let (broker, world) = (Broker::shared().await, World::new().await);
    let queue = PlatformQueue::open(broker, "cesu").await;
    let _processor = Processor::run(&world.config(broker, "hello", "cesu"));
    let mut body = br#"{"action_id": 1, "incident": {"id": 1}, "properties": {"name": "x"#.to_vec();
    body.extend(b"\xED\xA0\xBD\xED\xB8\x80\"}}");
    queue.post(Message::new(body).binary()).await;
    assert_eq!(only_answer(&queue).await["message"], "hello, x😀");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_of_twenty_megabytes_is_answered() {
    let (broker, world) = (Broker::shared().await, World::new().await);
    let queue = PlatformQueue::open(broker, "large").await;
    let _processor = Processor::run(&world.config(broker, "hello", "large"));
    let filler = "ä".repeat(10 << 20);
    queue.post(action(1, &json!({ "name": "Ada", "filler": filler }))).await;
    assert_eq!(only_answer(&queue).await["message"], "hello, Ada");
    queue.until_settled(PATIENCE).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_handled_is_answered_with_words_that_help_and_nothing_stops() {
    let (broker, world) = (Broker::shared().await, World::new().await);
    let queue = PlatformQueue::open(broker, "wrong").await;
    let _processor = Processor::run(&world.config(broker, "hello", "wrong"));
    let cases = [
        (Message::new("this is not JSON"), "is not JSON"),
        (Message::new("[1, 2]"), "an array"),
        (Message::new(b"{\"a\": \"\xFF\"}".to_vec()).binary(), "not UTF-8"),
        (action(6, &json!({})), "no handler for the action \"Nobody's Action\""),
        (action(99, &json!({})), "_unnamed_"),
        (action(1, &json!({ "nom": "Ada" })), "name"),
        (action(1, &json!({ "name": 7 })), "name"),
        (Message::new(r#"{"function": {"name": "f"}, "inputs": {}}"#), "function \"f\""),
    ];
    for (number, (message, words)) in cases.into_iter().enumerate() {
        let id = queue.post(message).await;
        let answers = queue.answers(number + 1, PATIENCE).await;
        let answer = answers.iter().find(|answer| answer.correlation_id == id).unwrap().json();
        assert_eq!(answer["message_type"], 1, "{answer}");
        assert!(answer["message"].as_str().unwrap().contains(words), "{answer} lacks {words:?}");
    }
    queue.post(hello("Ada")).await;
    let answers = queue.answers(9, PATIENCE).await;
    assert!(answers.iter().any(|answer| answer.json()["message"] == "hello, Ada"), "{answers:?}");
    queue.until_settled(PATIENCE).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_without_reply_to_is_answered_where_the_platform_listens() {
    let (broker, world) = (Broker::shared().await, World::new().await);
    let queue = PlatformQueue::open(broker, "no_reply_to").await;
    let _processor = Processor::run(&world.config(broker, "hello", "no_reply_to"));
    queue.post(hello("Ada").without("reply-to")).await;
    assert_eq!(only_answer(&queue).await["message"], "hello, Ada");
    queue.until_settled(PATIENCE).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_component_changes_the_platform_with_the_messages_context_token() {
    let (broker, world) = (Broker::shared().await, World::new().await);
    let queue = PlatformQueue::open(broker, "set_last_updated").await;
    let _processor = Processor::run(&world.config(broker, "set_last_updated", "set_last_updated"));
    let message = action(2, &json!({})).header("timestamp", "1488899234033");
    let token = message.context_token().to_owned();
    queue.post(message).await;
    assert_eq!(only_answer(&queue).await["message"], "last_updated set");
    assert_eq!(world.platform.incident(4573)["properties"]["last_updated"], 1_488_899_234_033_i64);
    assert_eq!(world.platform.writes_for(&token), 1);
}

/// Whatever levels are chosen: a warning that does not say which message it is about helps nobody.
#[tokio::test(flavor = "multi_thread")]
async fn each_line_about_a_message_names_it() {
    let (broker, world) = (Broker::shared().await, World::new().await);
    let queue = PlatformQueue::open(broker, "named").await;
    for (level, message, words) in
        [("INFO", hello("Ada"), "carried out"), ("WARNING", action(6, &json!({})), "answered with an error")]
    {
        let config = world.config(broker, "hello", "named").set("resilient", "loglevel", level);
        let mut processor = Processor::run(&config);
        queue.post(message).await;
        let line = processor.wait_for_log(words, PATIENCE).await;
        for field in [" message_id=ID:", " destination=named", " action=", " incident=4573"] {
            assert!(line.contains(field), "{line} lacks {field}");
        }
        assert!(processor.stop(PATIENCE).await.success());
    }
}
