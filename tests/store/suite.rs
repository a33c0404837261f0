//! What every journal does, wherever it is kept: run against each of them.

use std::time::{Duration, SystemTime};

use action_processor::store::{Answer, DeadLetter, Journal, Key, Listed, Standing, StoreError};

/// Somewhere to keep a journal, for one test.
pub(crate) trait Place {
    /// Opens it, as a process does when it starts.
    async fn open(&self) -> Journal;

    /// Ends a run as the death of its process would; when this returns, the others know it.
    async fn die(&self, journal: Journal);
}

/// A test for each behaviour, against the place that the expression gives.
macro_rules! behaviours {
    ($place:expr; $($behaviour:ident)*) => {
        $(
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $behaviour() {
                $crate::store::suite::$behaviour(&$place).await;
            }
        )*
    };
}
pub(crate) use behaviours;

pub(crate) fn key(id: &str) -> Key {
    Key { destination: "actions.201.orders".to_owned(), id: id.to_owned() }
}

pub(crate) fn answer(text: &str) -> Answer {
    Answer {
        reply_to: "acks.201.orders".to_owned(),
        correlation_id: Some("invocation-7".to_owned()),
        body: format!(r#"{{"message": "{text} — done, \u0000 and “quoted”"}}"#),
    }
}

pub(crate) fn letter(id: &str) -> DeadLetter {
    DeadLetter {
        number: 0,
        key: key(id),
        since: SystemTime::UNIX_EPOCH + Duration::from_millis(1_790_000_000_123),
        reason: "it crashed the process twice".to_owned(),
        headers: vec![("message-id".to_owned(), id.to_owned()), ("Co3s: x".to_owned(), "π\n".to_owned())],
        body: vec![0, 255, 7],
        answer: Some(answer(id)),
    }
}

// --- One run ---

pub(crate) async fn a_message_not_met_before_is_new(place: &impl Place) {
    let journal = place.open().await;
    assert_eq!(journal.claim(&key("1")).await.unwrap(), Standing::New);
}

pub(crate) async fn a_finished_message_has_its_answer_word_for_word(place: &impl Place) {
    let journal = place.open().await;
    carry_out(&journal, "1").await;
    assert_eq!(journal.claim(&key("1")).await.unwrap(), Standing::Answered(answer("1")));
}

pub(crate) async fn an_answer_may_be_without_a_correlation_id(place: &impl Place) {
    let journal = place.open().await;
    let bare = Answer { correlation_id: None, body: String::new(), ..answer("1") };
    journal.claim(&key("1")).await.unwrap();
    journal.begin(&key("1")).await.unwrap();
    journal.finish(&key("1"), bare.clone()).await.unwrap();
    assert_eq!(journal.claim(&key("1")).await.unwrap(), Standing::Answered(bare));
}

pub(crate) async fn the_same_id_on_another_queue_is_another_message(place: &impl Place) {
    let journal = place.open().await;
    carry_out(&journal, "1").await;
    let other = Key { destination: "actions.201.others".to_owned(), ..key("1") };
    assert_eq!(journal.claim(&other).await.unwrap(), Standing::New);
}

pub(crate) async fn what_is_set_down_waits_with_its_latest_note(place: &impl Place) {
    let journal = place.open().await;
    journal.claim(&key("1")).await.unwrap();
    for note in ["attempt 1", "attempt 2"] {
        journal.begin(&key("1")).await.unwrap();
        journal.set_down(&key("1"), note.to_owned()).await.unwrap();
    }
    assert_eq!(journal.claim(&key("1")).await.unwrap(), waiting("attempt 2"));
}

pub(crate) async fn a_note_outlives_the_next_beginning_and_going_back(place: &impl Place) {
    let journal = place.open().await;
    journal.claim(&key("1")).await.unwrap();
    journal.set_down(&key("1"), "attempt 1".to_owned()).await.unwrap();
    journal.begin(&key("1")).await.unwrap();
    journal.give_back(&key("1")).await.unwrap();
    assert_eq!(journal.claim(&key("1")).await.unwrap(), waiting("attempt 1"));
}

pub(crate) async fn what_goes_back_without_a_note_is_new_again(place: &impl Place) {
    let journal = place.open().await;
    journal.claim(&key("1")).await.unwrap();
    journal.begin(&key("1")).await.unwrap();
    journal.give_back(&key("1")).await.unwrap();
    assert_eq!(journal.claim(&key("1")).await.unwrap(), Standing::New);
}

pub(crate) async fn many_callers_at_once_are_all_served(place: &impl Place) {
    let journal = place.open().await;
    let callers = (0..300).map(|number| {
        let journal = journal.clone();
        tokio::spawn(async move {
            carry_out(&journal, &number.to_string()).await;
            // The broker has the answers of every other one.
            if number % 2 == 0 {
                journal.confirmed(&key(&number.to_string()));
            }
        })
    });
    for caller in callers.collect::<Vec<_>>() {
        caller.await.unwrap();
    }
    journal.close().await;
    let journal = place.open().await;
    for number in 0..300 {
        let (confirmed, number) = (number % 2 == 0, number.to_string());
        let expected = if confirmed { Standing::Confirmed } else { Standing::Answered(answer(&number)) };
        assert_eq!(journal.claim(&key(&number)).await.unwrap(), expected);
    }
}

pub(crate) async fn nothing_can_be_asked_after_the_end(place: &impl Place) {
    let journal = place.open().await;
    journal.close().await;
    assert!(matches!(journal.begin(&key("1")).await, Err(StoreError::Unavailable(_))));
}

// --- Dead letters ---

pub(crate) async fn a_dead_letter_keeps_everything(place: &impl Place) {
    let journal = place.open().await;
    let number = journal.bury(letter("1")).await.unwrap();
    assert_eq!(journal.dead_letter(number).await.unwrap(), Some(DeadLetter { number, ..letter("1") }));
    assert_eq!(journal.dead_letter(number + 1).await.unwrap(), None);
}

pub(crate) async fn dead_letters_are_listed_oldest_first_and_dropped_by_number(place: &impl Place) {
    let journal = place.open().await;
    let first = journal.bury(letter("1")).await.unwrap();
    let second = journal.bury(DeadLetter { answer: None, ..letter("2") }).await.unwrap();
    assert_eq!(numbers(&journal).await, [first, second]);
    assert!(journal.drop_dead(first).await.unwrap());
    assert!(!journal.drop_dead(first).await.unwrap());
    let listed = DeadLetter { number: second, answer: None, ..letter("2") };
    assert_eq!(journal.dead(0).await.unwrap(), [Listed { letter: listed, bytes: 3 }]);
}

pub(crate) async fn the_list_has_small_bodies_only_and_comes_in_pieces(place: &impl Place) {
    let journal = place.open().await;
    let large = vec![b'x'; 1 << 20];
    journal.bury(DeadLetter { body: large.clone(), ..letter("0") }).await.unwrap();
    for number in 1..150 {
        journal.bury(letter(&number.to_string())).await.unwrap();
    }
    let page = journal.dead(0).await.unwrap();
    let Listed { letter: first, bytes } = &page[0];
    assert_eq!((*bytes, first.body.len()), (large.len() as u64, 0));
    assert_eq!(first.answer, Some(Answer { body: String::new(), ..answer("0") }));
    assert!(page.len() < 150, "{}", page.len());
    assert_eq!(numbers(&journal).await.len(), 150);
    assert_eq!(journal.dead_letter(first.number).await.unwrap().unwrap().body, large);
}

pub(crate) async fn a_letter_to_be_tried_again_is_taken_off_the_list_once(place: &impl Place) {
    let journal = place.open().await;
    let first = journal.bury(letter("1")).await.unwrap();
    journal.bury(letter("2")).await.unwrap();
    assert!(journal.ask_retry(first).await.unwrap());
    assert!(!journal.ask_retry(first + 1000).await.unwrap());
    let taken = journal.take_retry(None).await.unwrap();
    assert_eq!(taken, Some(DeadLetter { number: first, ..letter("1") }));
    assert_eq!(journal.take_retry(None).await.unwrap(), None);
    assert_eq!(journal.dead_letter(first).await.unwrap(), None);
    assert_eq!(numbers(&journal).await, [first + 1]);
}

pub(crate) async fn letters_are_taken_one_at_a_time_and_by_platform(place: &impl Place) {
    let journal = place.open().await;
    let of = |platform: &str, id: &str| {
        let key = Key { destination: format!("{platform}/actions.201.orders"), id: id.to_owned() };
        DeadLetter { key, ..letter(id) }
    };
    for letter in [of("europe", "1"), letter("2"), of("europe", "3"), of("us", "4")] {
        let number = journal.bury(letter).await.unwrap();
        assert!(journal.ask_retry(number).await.unwrap());
    }
    let mut taken = Vec::new();
    for platform in [None, Some("europe"), Some("asia"), None, Some("europe"), Some("europe")] {
        taken.push(journal.take_retry(platform).await.unwrap().map(|letter| letter.key.id));
    }
    assert_eq!(taken, [Some("2"), Some("1"), None, None, Some("3"), None].map(|id| id.map(str::to_owned)));
    assert_eq!(ids(&journal).await, ["4"]);
}

pub(crate) async fn a_letter_that_is_returned_is_taken_again(place: &impl Place) {
    let journal = place.open().await;
    let number = journal.bury(letter("1")).await.unwrap();
    journal.ask_retry(number).await.unwrap();
    for _ in 0..2 {
        assert!(journal.take_retry(None).await.unwrap().is_some());
        assert!(journal.take_retry(None).await.unwrap().is_none());
        journal.return_retry(number).await.unwrap();
    }
}

pub(crate) async fn a_letter_that_was_taken_is_dropped_when_it_was_dealt_with(place: &impl Place) {
    let journal = place.open().await;
    let number = journal.bury(letter("1")).await.unwrap();
    journal.ask_retry(number).await.unwrap();
    journal.take_retry(None).await.unwrap();
    assert!(!journal.ask_retry(number).await.unwrap());
    assert!(journal.drop_dead(number).await.unwrap());
    assert!(!journal.drop_dead(number).await.unwrap());
}

// --- Several runs ---

pub(crate) async fn what_a_dead_process_had_begun_is_interrupted_and_each_death_counts(place: &impl Place) {
    for crashes in 0..3 {
        let journal = place.open().await;
        let standing = journal.claim(&key("1")).await.unwrap();
        match crashes {
            0 => assert_eq!(standing, Standing::New),
            _ => assert_eq!(standing, Standing::Interrupted { crashes, note: None }),
        }
        journal.begin(&key("1")).await.unwrap();
        place.die(journal).await;
    }
}

pub(crate) async fn what_was_cut_off_is_interrupted_for_the_process_that_had_begun_it(place: &impl Place) {
    let journal = place.open().await;
    for id in ["begun", "waiting"] {
        journal.claim(&key(id)).await.unwrap();
    }
    journal.begin(&key("begun")).await.unwrap();
    journal.cut_off(&key("begun")).await.unwrap();
    journal.cut_off(&key("waiting")).await.unwrap();
    let interrupted = Standing::Interrupted { crashes: 0, note: None };
    assert_eq!(journal.claim(&key("begun")).await.unwrap(), interrupted);
    assert_ne!(journal.claim(&key("waiting")).await.unwrap(), interrupted);
}

pub(crate) async fn a_death_between_two_attempts_is_no_interruption(place: &impl Place) {
    let journal = place.open().await;
    journal.claim(&key("1")).await.unwrap();
    journal.begin(&key("1")).await.unwrap();
    journal.set_down(&key("1"), "attempt 1".to_owned()).await.unwrap();
    place.die(journal).await;
    let journal = place.open().await;
    assert_eq!(journal.claim(&key("1")).await.unwrap(), waiting("attempt 1"));
}

pub(crate) async fn earlier_deaths_count_after_a_pause(place: &impl Place) {
    let journal = place.open().await;
    journal.claim(&key("1")).await.unwrap();
    journal.begin(&key("1")).await.unwrap();
    place.die(journal).await;
    let journal = place.open().await;
    journal.claim(&key("1")).await.unwrap();
    journal.begin(&key("1")).await.unwrap();
    journal.set_down(&key("1"), "attempt 1".to_owned()).await.unwrap();
    assert_eq!(journal.claim(&key("1")).await.unwrap(), waiting("attempt 1"));
    journal.begin(&key("1")).await.unwrap();
    place.die(journal).await;
    let journal = place.open().await;
    let standing = journal.claim(&key("1")).await.unwrap();
    assert_eq!(standing, Standing::Interrupted { crashes: 2, note: Some("attempt 1".to_owned()) });
}

pub(crate) async fn what_a_dead_process_had_begun_goes_back_as_it_is(place: &impl Place) {
    let journal = place.open().await;
    journal.claim(&key("1")).await.unwrap();
    journal.begin(&key("1")).await.unwrap();
    place.die(journal).await;
    let journal = place.open().await;
    let interrupted = Standing::Interrupted { crashes: 1, note: None };
    assert_eq!(journal.claim(&key("1")).await.unwrap(), interrupted);
    journal.give_back(&key("1")).await.unwrap();
    assert_eq!(journal.claim(&key("1")).await.unwrap(), interrupted);
}

pub(crate) async fn work_that_an_orderly_end_cut_off_is_interrupted_without_a_crash(place: &impl Place) {
    let journal = place.open().await;
    journal.claim(&key("1")).await.unwrap();
    journal.begin(&key("1")).await.unwrap();
    journal.close().await;
    let journal = place.open().await;
    let standing = journal.claim(&key("1")).await.unwrap();
    assert_eq!(standing, Standing::Interrupted { crashes: 0, note: None });
}

pub(crate) async fn what_was_answered_stays_answered(place: &impl Place) {
    let journal = place.open().await;
    carry_out(&journal, "1").await;
    place.die(journal).await;
    let journal = place.open().await;
    assert_eq!(journal.claim(&key("1")).await.unwrap(), Standing::Answered(answer("1")));
}

/// It may be what ended the process: it is not given to the next one, and the next.
pub(crate) async fn a_letter_whose_process_died_is_in_the_list_again(place: &impl Place) {
    let mut journal = place.open().await;
    let number = journal.bury(letter("1")).await.unwrap();
    for _ in 0..2 {
        assert!(journal.ask_retry(number).await.unwrap());
        assert!(journal.take_retry(None).await.unwrap().is_some());
        place.die(journal).await;
        journal = place.open().await;
        assert_eq!(journal.take_retry(None).await.unwrap(), None);
        assert_eq!(ids(&journal).await, ["1"]);
        let reason = journal.dead_letter(number).await.unwrap().unwrap().reason;
        assert_eq!(reason, "it crashed the process twice; the process ended while it was carried out again");
    }
}

pub(crate) async fn a_letter_that_an_orderly_end_left_is_the_next_ones(place: &impl Place) {
    let journal = place.open().await;
    let number = journal.bury(letter("1")).await.unwrap();
    journal.ask_retry(number).await.unwrap();
    journal.take_retry(None).await.unwrap();
    journal.close().await;
    let journal = place.open().await;
    assert_eq!(journal.take_retry(None).await.unwrap(), Some(DeadLetter { number, ..letter("1") }));
    assert!(journal.drop_dead(number).await.unwrap());
    journal.close().await;
    assert_eq!(place.open().await.take_retry(None).await.unwrap(), None);
}

async fn carry_out(journal: &Journal, id: &str) {
    journal.claim(&key(id)).await.unwrap();
    journal.begin(&key(id)).await.unwrap();
    journal.finish(&key(id), answer(id)).await.unwrap();
}

fn waiting(note: &str) -> Standing {
    Standing::Waiting { note: Some(note.to_owned()) }
}

/// The whole list.
async fn listed(journal: &Journal) -> Vec<DeadLetter> {
    let (mut all, mut after) = (Vec::new(), 0);
    loop {
        let page = journal.dead(after).await.unwrap();
        let Some(last) = page.last() else { return all };
        after = last.letter.number;
        all.extend(page.into_iter().map(|listed| listed.letter));
    }
}

async fn numbers(journal: &Journal) -> Vec<i64> {
    listed(journal).await.iter().map(|letter| letter.number).collect()
}

async fn ids(journal: &Journal) -> Vec<String> {
    listed(journal).await.into_iter().map(|letter| letter.key.id).collect()
}
