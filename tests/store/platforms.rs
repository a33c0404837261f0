//! One journal for several platforms whose messages have the same names.

use action_processor::store::{
    Answer, DeadLetter, Journal, Key, MemoryStore, Platforms, Standing, platforms::split,
};
use std::{sync::Arc, time::SystemTime};

fn key() -> Key {
    Key { destination: "actions.201.jira".to_owned(), id: "ID:1".to_owned() }
}

fn letter() -> DeadLetter {
    let (headers, body) = (Vec::new(), Vec::new());
    DeadLetter {
        number: 0,
        key: key(),
        since: SystemTime::UNIX_EPOCH,
        reason: "a test".to_owned(),
        headers,
        body,
        answer: None,
    }
}

#[tokio::test]
async fn what_one_platform_has_answered_is_new_to_another() {
    let platforms = Platforms::new(Arc::new(MemoryStore::default()));
    let (europe, us, default) =
        (platforms.part(Some("europe")), platforms.part(Some("us")), platforms.part(None));
    europe.finish(&key(), Answer::default()).await.unwrap();
    assert_eq!(europe.claim(&key()).await.unwrap(), Standing::Answered(Answer::default()));
    assert_eq!(us.claim(&key()).await.unwrap(), Standing::New);
    assert_eq!(default.claim(&key()).await.unwrap(), Standing::New);
}

#[tokio::test]
async fn a_retry_goes_to_the_platform_whose_message_it_is_whoever_asks_first() {
    let journal: Journal = Arc::new(MemoryStore::default());
    let platforms = Platforms::new(journal.clone());
    let (europe, default) = (platforms.part(Some("europe")), platforms.part(None));
    let number = europe.bury(letter()).await.unwrap();
    assert_eq!(journal.dead(0).await.unwrap()[0].letter.key.destination, "europe/actions.201.jira");
    assert!(journal.ask_retry(number).await.unwrap());
    assert_eq!(default.take_retry(None).await.unwrap(), None);
    let taken = europe.take_retry(None).await.unwrap().unwrap();
    assert_eq!(taken.key, key(), "under the name that the broker knows");
    assert_eq!(europe.take_retry(None).await.unwrap(), None, "once");
}

#[tokio::test]
async fn the_platform_without_a_name_writes_what_it_always_wrote() {
    let journal: Journal = Arc::new(MemoryStore::default());
    Platforms::new(journal.clone()).part(None).bury(letter()).await.unwrap();
    assert_eq!(journal.dead(0).await.unwrap()[0].letter.key, key());
    assert_eq!(split("europe/actions.201.jira"), (Some("europe"), "actions.201.jira"));
    assert_eq!(split("actions.201.a/b"), (None, "actions.201.a/b"));
}
