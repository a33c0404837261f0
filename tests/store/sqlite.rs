//! In a file.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use action_processor::store::{
    Journal, Settings, SqliteStore, Standing, StoreError, SyncMode, Url, open, open_beside,
};
use tempfile::TempDir;

use super::suite::{Place, answer, behaviours, key, letter};

/// A directory with a journal in it.
pub(crate) struct Directory(TempDir);

impl Directory {
    pub(crate) fn new() -> Self {
        Self(tempfile::Builder::new().prefix("journal-").tempdir().unwrap())
    }

    pub(crate) fn file(&self) -> PathBuf {
        self.0.path().join("journal.db")
    }

    pub(crate) fn settings(&self) -> Settings {
        Settings {
            url: Url::Sqlite(self.file()),
            sync: SyncMode::Interval,
            keep: Duration::from_hours(1),
            lease: Duration::from_secs(15),
            tls: None,
        }
    }
}

impl Place for Directory {
    async fn open(&self) -> Journal {
        open(&self.settings()).await.unwrap()
    }

    /// The thread ends by itself, soon, without an orderly end.
    async fn die(&self, journal: Journal) {
        drop(journal);
        let lock = std::fs::File::open(self.file().with_extension("lock")).unwrap();
        tokio::task::spawn_blocking(move || lock.lock()).await.unwrap().unwrap();
    }
}

behaviours! {
    Directory::new();
    a_message_not_met_before_is_new
    a_finished_message_has_its_answer_word_for_word
    an_answer_may_be_without_a_correlation_id
    the_same_id_on_another_queue_is_another_message
    what_is_set_down_waits_with_its_latest_note
    a_note_outlives_the_next_beginning_and_going_back
    what_goes_back_without_a_note_is_new_again
    many_callers_at_once_are_all_served
    nothing_can_be_asked_after_the_end
    a_dead_letter_keeps_everything
    dead_letters_are_listed_oldest_first_and_dropped_by_number
    a_letter_to_be_tried_again_is_taken_off_the_list_once
    a_letter_that_was_taken_is_dropped_when_it_was_dealt_with
    what_a_dead_process_had_begun_is_interrupted_and_each_death_counts
    what_was_cut_off_is_interrupted_for_the_process_that_had_begun_it
    a_death_between_two_attempts_is_no_interruption
    earlier_deaths_count_after_a_pause
    what_a_dead_process_had_begun_goes_back_as_it_is
    work_that_an_orderly_end_cut_off_is_interrupted_without_a_crash
    what_was_answered_stays_answered
    a_letter_whose_process_died_is_in_the_list_again
    a_letter_that_an_orderly_end_left_is_the_next_ones
    the_list_has_small_bodies_only_and_comes_in_pieces
    letters_are_taken_one_at_a_time_and_by_platform
    a_letter_that_is_returned_is_taken_again
}

#[tokio::test]
async fn a_command_may_look_into_the_journal_while_the_processor_has_it() {
    let directory = Directory::new();
    let daemon = directory.open().await;
    let (first, second) = (daemon.bury(letter("1")).await.unwrap(), daemon.bury(letter("2")).await.unwrap());
    let command = open_beside(&directory.settings()).await.unwrap();
    assert_eq!(command.dead(0).await.unwrap().len(), 2);
    assert!(command.drop_dead(first).await.unwrap());
    assert!(command.ask_retry(second).await.unwrap());
    command.close().await;
    assert!(daemon.take_retry(None).await.unwrap().is_some());
    assert_eq!(daemon.dead(0).await.unwrap(), []);
}

#[tokio::test]
async fn a_command_says_so_where_there_is_no_journal_yet() {
    let directory = Directory::new();
    let error = open_beside(&directory.settings()).await.unwrap_err().to_string();
    assert!(error.contains("journal.db") && error.contains("there is no journal yet"), "{error}");
}

#[tokio::test]
async fn the_state_directory_is_made_and_is_nobody_elses() {
    use std::os::unix::fs::PermissionsExt;
    let directory = Directory::new();
    let state = directory.file().with_file_name("deep").join("er");
    let settings = Settings { url: Url::StateDirectory(state.clone()), ..directory.settings() };
    let journal = open(&settings).await.unwrap();
    journal.begin(&key("1")).await.unwrap();
    let mode = |name: &str| state.join(name).metadata().unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(""), 0o700);
    for file in ["journal.db", "journal.db-wal", "journal.db-shm", "journal.lock"] {
        assert_eq!(mode(file), 0o600, "{file}");
    }
}

#[tokio::test]
async fn confirmed_entries_are_dropped_after_a_while_and_their_space_is_given_back() {
    let directory = Directory::new();
    let settings = Settings { keep: Duration::from_millis(200), ..directory.settings() };
    let journal = open(&settings).await.unwrap();
    for number in 0..600 {
        let key = key(&number.to_string());
        let mut answer = answer("long");
        answer.body = "x".repeat(10_000);
        journal.finish(&key, answer).await.unwrap();
        // One is never confirmed.
        if number != 300 {
            journal.confirmed(&key);
        }
    }
    while journal.claim(&key("599")).await.unwrap() != Standing::New {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert!(matches!(journal.claim(&key("300")).await.unwrap(), Standing::Answered(_)));
    while std::fs::metadata(directory.file()).unwrap().len() > 3_000_000 {
        journal.set_down(&key("other"), String::new()).await.unwrap();
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn only_one_process_has_the_journal() {
    let directory = Directory::new();
    let journal = directory.open().await;
    let error = open(&directory.settings()).await.unwrap_err();
    assert!(matches!(error, StoreError::Unusable(_)), "{error:?}");
    let words = error.to_string();
    let pid = std::process::id().to_string();
    assert!(words.contains("journal.db: another processor (process "), "{words}");
    assert!(words.contains(&pid) && words.contains("[store] url"), "{words}");
    journal.close().await;
    directory.open().await;
}

#[tokio::test]
async fn every_write_may_go_to_the_disk_at_once() {
    let directory = Directory::new();
    let journal: Journal =
        Arc::new(SqliteStore::open(&directory.file(), SyncMode::Always, Duration::from_hours(1)).unwrap());
    journal.begin(&key("1")).await.unwrap();
    assert_eq!(journal.claim(&key("1")).await.unwrap(), Standing::Waiting { note: None });
}
