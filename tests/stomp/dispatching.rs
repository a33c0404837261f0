//! From a scripted broker's frames to the answers: messages without an identity, and messages that cannot be read.

use std::future::ready;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use action_processor::component::testing::Platform;
use action_processor::component::{
    CancellationToken, Component, Context, Message, Reply, Rest, Section, Services, handler_fn,
};
use action_processor::dispatch::{ActionNames, Dispatcher, Registry, Workshop};
use action_processor::stomp::{Command, Event, Frame, Settings};
use action_processor::store::{DeadLetter, Journal, MemoryStore};
use serde_json::{Value, json};
use tokio::runtime::Handle;

use super::broker::{Broker, Peer, link};

const QUEUE: &str = "actions.201.echo";

/// A processor that answers with the message's own words, on the other side of a scripted broker.
struct Processor {
    _broker: Broker,
    peer: Peer,
    executed: Arc<AtomicUsize>,
}

impl Processor {
    async fn start(journal: Journal) -> Self {
        let (link, mut events, mut broker) = link(Settings::new("broker.example"), &[QUEUE]);
        let peer = broker.subscribed("0,0", 1).await;
        let executed = Arc::new(AtomicUsize::new(0));
        let dispatcher = Dispatcher::new(workshop(executed.clone()), link, journal, Handle::current());
        tokio::spawn(async move {
            while let Some(event) = events.recv().await {
                if let Event::Delivery(delivery) = event {
                    dispatcher.deliver(delivery);
                }
            }
        });
        Self { _broker: broker, peer, executed }
    }

    /// Waits until a message is acknowledged, with an answer or without.
    async fn acknowledgement(&mut self) {
        while !self.peer.settled().await.iter().any(|frame| frame.command == Command::Ack) {}
    }

    /// The next answer's correlation id, kind and words; whether its message is acknowledged with it.
    async fn answer(&mut self) -> (String, i64, String, bool) {
        let mut frames = Vec::new();
        while !frames.iter().any(|frame: &Frame| frame.command == Command::Send) {
            frames.extend(self.peer.settled().await);
        }
        let answer = frames.iter().find(|frame| frame.command == Command::Send).unwrap();
        let body: Value = serde_json::from_slice(&answer.body).unwrap();
        let id = answer.header("correlation-id").unwrap().to_owned();
        let acknowledged = frames.iter().any(|frame| frame.command == Command::Ack);
        (
            id,
            body["message_type"].as_i64().unwrap(),
            body["message"].as_str().unwrap().to_owned(),
            acknowledged,
        )
    }
}

fn workshop(executed: Arc<AtomicUsize>) -> Arc<Workshop> {
    let platform = Platform::answering(|_| (200, json!({ "entities": [{ "id": 7, "name": "Echo" }] })));
    let echo = handler_fn(move |message: Message, _: Context| {
        executed.fetch_add(1, Ordering::SeqCst);
        ready(Ok(Reply::text(message.body()["properties"]["word"].as_str().unwrap_or_default())))
    });
    let component = Component::new("echo").otherwise(echo);
    let registry = Registry::build([(&component, Section::default())]).unwrap();
    let names = ActionNames::new(Rest::new(platform.clone(), None));
    let services = Services::new(platform, 25, CancellationToken::new());
    Arc::new(Workshop::new(registry, names, services))
}

/// A message with these further header lines.
fn message(word: &str, headers: &str) -> String {
    let body = json!({ "action_id": 7, "properties": { "word": word } });
    format!(
        "MESSAGE\nsubscription:0\nack:A-{word}\ndestination:/queue/{QUEUE}\nreply-to:/queue/acks\n\
         correlation-id:{word}\n{headers}\n{body}\0"
    )
}

#[tokio::test(start_paused = true)]
async fn messages_without_identity_are_never_taken_for_others() {
    let journal: Journal = Arc::new(MemoryStore::default());
    for words in [["a", "b"], ["c", "d"]] {
        let mut processor = Processor::start(journal.clone()).await;
        // A counter of the connection is as bad as none.
        for (number, word) in words.into_iter().enumerate() {
            let counted = if number == 0 { "" } else { "message-id:1\n" };
            processor.peer.raw(message(word, counted)).await;
            let answer = processor.answer().await;
            assert_eq!(answer, (word.to_owned(), 0, word.to_owned(), true));
        }
        assert_eq!(processor.executed.load(Ordering::SeqCst), 2);
    }
}

#[tokio::test(start_paused = true)]
async fn processors_that_share_a_journal_do_not_mix_up_such_messages() {
    let journal: Journal = Arc::new(MemoryStore::default());
    let mut one = Processor::start(journal.clone()).await;
    let mut other = Processor::start(journal).await;
    for (processor, word) in [(&mut one, "a"), (&mut other, "b")] {
        processor.peer.raw(message(word, "")).await;
        assert_eq!(processor.answer().await.2, word);
    }
}

#[tokio::test(start_paused = true)]
async fn a_broken_message_is_answered_and_set_aside_once() {
    let journal: Journal = Arc::new(MemoryStore::default());
    let mut processor = Processor::start(journal.clone()).await;
    let many: String = (0..2_000).map(|number| format!("p{number}:v\n")).collect();
    for headers in [format!("message-id:ID-1\n{many}"), "message-id:ID-2\nodd:a\\tb\n".to_owned()] {
        processor.peer.raw(message("bad", &headers)).await;
        let (id, kind, words, acknowledged) = processor.answer().await;
        assert_eq!((id.as_str(), kind, acknowledged), ("bad", 1, true));
        assert!(words.contains("could not be read, so nothing has been done"), "{words}");
        processor.peer.raw(message("bad", &headers)).await;
        processor.acknowledgement().await;
    }
    processor.peer.raw(message("good", "message-id:ID-3\n")).await;
    assert_eq!(processor.answer().await.2, "good");
    assert_eq!(processor.executed.load(Ordering::SeqCst), 1);
    let listed = journal.dead(0).await.unwrap().into_iter();
    let letters: Vec<DeadLetter> = listed.map(|listed| listed.letter).collect();
    assert_eq!(letters.iter().map(|letter| letter.key.id.as_str()).collect::<Vec<_>>(), ["ID-1", "ID-2"]);
    assert!(letters[0].reason.contains("more than 1000 headers"), "{}", letters[0].reason);
    assert_eq!(letters[0].header("reply-to"), Some("/queue/acks"));
    let bytes = letters[0].headers.iter().map(|(name, value)| name.len() + value.len()).sum::<usize>();
    assert!(bytes < 20_000, "{bytes} bytes of headers");
    assert!(letters[1].body.starts_with(b"{"), "the body is there and can be tried again");
}

#[tokio::test(start_paused = true)]
async fn a_message_that_cannot_be_acknowledged_is_answered() {
    let journal: Journal = Arc::new(MemoryStore::default());
    let mut processor = Processor::start(journal.clone()).await;
    processor.peer.raw(message("bad", "message-id:ID-1\n").replace("ack:A-bad\n", "")).await;
    let (_, kind, words, acknowledged) = processor.answer().await;
    assert!(kind == 1 && !acknowledged && words.contains("no header ack"), "{words}");
    processor.peer.raw(message("good", "message-id:ID-2\n")).await;
    assert_eq!(processor.answer().await.2, "good");
    assert_eq!(journal.dead(0).await.unwrap().len(), 1);
}
