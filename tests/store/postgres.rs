//! In a real PostgreSQL.

use std::time::Duration;

use action_processor::tls::{self, Purpose, Roots};

use action_processor::store::{Journal, Settings, Standing, StoreError, SyncMode, open, open_beside};

use super::suite::{Place, answer, behaviours, key, letter};
use crate::support::certificates::Authority;
use crate::support::postgres::{Postgres, connect};

/// A database on the shared server.
pub(crate) struct Database(String);

impl Database {
    pub(crate) async fn new() -> Self {
        Self(Postgres::shared().await.database().await)
    }

    pub(crate) fn at(url: String) -> Self {
        Self(url)
    }

    pub(crate) fn settings(&self, lease: Duration) -> Settings {
        Settings {
            url: self.0.parse().unwrap(),
            sync: SyncMode::Interval,
            keep: Duration::from_hours(1),
            lease,
            tls: None,
        }
    }

    /// A processor whose lease outlives any test, unless it is made to lapse.
    pub(crate) async fn processor(&self) -> Journal {
        open(&self.settings(Duration::from_mins(10))).await.unwrap()
    }

    /// All leases have lapsed, and nobody has noticed.
    pub(crate) async fn lapse(&self) {
        self.execute("UPDATE processor_runs SET lease = now() - interval '1 second'").await;
    }

    pub(crate) async fn execute(&self, statement: &str) {
        connect(&self.0).await.unwrap().batch_execute(statement).await.unwrap();
    }

    pub(crate) async fn count(&self, what: &str) -> i64 {
        let client = connect(&self.0).await.unwrap();
        client.query_one(&format!("SELECT count(*) FROM {what}"), &[]).await.unwrap().get(0)
    }
}

impl Place for Database {
    async fn open(&self) -> Journal {
        self.processor().await
    }

    async fn die(&self, journal: Journal) {
        drop(journal);
        self.lapse().await;
    }
}

behaviours! {
    Database::new().await;
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
async fn what_a_living_processor_has_is_elsewhere_until_it_is_given_back_or_answered() {
    let database = Database::new().await;
    let (first, second) = (database.processor().await, database.processor().await);
    first.claim(&key("1")).await.unwrap();
    for step in 0..3 {
        match step {
            1 => first.begin(&key("1")).await.unwrap(),
            2 => first.set_down(&key("1"), "attempt 1".to_owned()).await.unwrap(),
            _ => {}
        }
        match second.claim(&key("1")).await.unwrap() {
            Standing::Elsewhere { retry_in } => assert!(retry_in <= Duration::from_millis(500)),
            other => panic!("{other:?}"),
        }
    }
    first.give_back(&key("1")).await.unwrap();
    let waiting = Standing::Waiting { note: Some("attempt 1".to_owned()) };
    assert_eq!(second.claim(&key("1")).await.unwrap(), waiting);
    second.begin(&key("1")).await.unwrap();
    second.finish(&key("1"), answer("1")).await.unwrap();
    assert_eq!(first.claim(&key("1")).await.unwrap(), Standing::Answered(answer("1")));
}

#[tokio::test]
async fn a_processor_out_of_touch_finds_its_messages_taken_over() {
    let database = Database::new().await;
    let (first, second) = (database.processor().await, database.processor().await);
    first.claim(&key("1")).await.unwrap();
    first.begin(&key("1")).await.unwrap();
    first.claim(&key("2")).await.unwrap();
    database.lapse().await;
    assert_eq!(second.claim(&key("1")).await.unwrap(), Standing::Interrupted { crashes: 1, note: None });
    assert_eq!(second.claim(&key("2")).await.unwrap(), Standing::Waiting { note: None });
    let taken_over = |outcome: Result<(), StoreError>| {
        assert!(matches!(outcome, Err(StoreError::TakenOver)), "{outcome:?}");
    };
    taken_over(first.finish(&key("1"), answer("1")).await);
    taken_over(first.set_down(&key("1"), "attempt 1".to_owned()).await);
    taken_over(first.begin(&key("2")).await);
    // To give back what is another's changes nothing.
    first.give_back(&key("1")).await.unwrap();
    second.begin(&key("1")).await.unwrap();
    second.finish(&key("1"), answer("1")).await.unwrap();
}

#[tokio::test]
async fn what_another_processor_has_taken_over_is_not_cut_off_by_the_one_that_had_it() {
    let database = Database::new().await;
    let (first, second) = (database.processor().await, database.processor().await);
    for journal in [&first, &second] {
        journal.claim(&key("1")).await.unwrap();
        journal.begin(&key("1")).await.unwrap();
        database.lapse().await;
    }
    first.cut_off(&key("1")).await.unwrap();
    assert_eq!(database.count("processor_messages WHERE state = 1").await, 1, "the second is at work on it");
    second.cut_off(&key("1")).await.unwrap();
    assert_eq!(second.claim(&key("1")).await.unwrap(), Standing::Interrupted { crashes: 1, note: None });
}

#[tokio::test]
async fn a_lapsed_lease_is_renewed_before_work_begins() {
    let database = Database::new().await;
    let first = database.processor().await;
    first.claim(&key("1")).await.unwrap();
    database.lapse().await;
    first.begin(&key("1")).await.unwrap();
    let second = database.processor().await;
    assert!(matches!(second.claim(&key("1")).await.unwrap(), Standing::Elsewhere { .. }));
}

#[tokio::test]
async fn a_lease_is_kept_alive_by_itself() {
    let database = Database::new().await;
    let first = open(&database.settings(Duration::from_secs(3))).await.unwrap();
    first.claim(&key("1")).await.unwrap();
    let client = connect(&database.0).await.unwrap();
    let latest = async || -> f64 {
        let row = client.query_one("SELECT max(extract(epoch FROM lease))::float8 FROM processor_runs", &[]);
        row.await.unwrap().get(0)
    };
    let before = latest().await;
    while latest().await < before + 3.0 {
        assert_eq!(database.count("processor_runs WHERE lease > now()").await, 1);
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test]
async fn what_an_ended_processor_had_is_free_at_once() {
    let database = Database::new().await;
    let (first, second) = (database.processor().await, database.processor().await);
    first.claim(&key("1")).await.unwrap();
    first.close().await;
    assert_eq!(second.claim(&key("1")).await.unwrap(), Standing::Waiting { note: None });
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_many_processors_one_has_each_message() {
    let database = Database::new().await;
    let claims = (0..4).map(|_| async {
        let journal = database.processor().await;
        let mut mine = 0;
        for number in 0..100 {
            match journal.claim(&key(&number.to_string())).await.unwrap() {
                Standing::New => mine += 1,
                Standing::Elsewhere { .. } => {}
                other => panic!("{other:?}"),
            }
        }
        (mine, journal)
    });
    let claims = futures_util::future::join_all(claims).await;
    assert_eq!(claims.iter().map(|(mine, _)| mine).sum::<i32>(), 100);
}

#[tokio::test]
async fn one_text_that_the_database_refuses_is_no_other_ones_failure() {
    let database = Database::new().await;
    let journal = database.processor().await;
    let keys = ["1", "2", "3"].map(key);
    for key in &keys {
        journal.claim(key).await.unwrap();
    }
    let notes = ["", "\0", ""].map(str::to_owned);
    let kept = std::iter::zip(&keys, notes).map(|(key, note)| journal.set_down(key, note));
    let [one, two, three] = futures_util::future::join_all(kept).await.try_into().unwrap();
    one.unwrap();
    three.unwrap();
    assert!(matches!(two, Err(StoreError::Unavailable(_))), "{two:?}");
}

#[tokio::test]
async fn confirmed_entries_are_dropped_after_a_while() {
    let database = Database::new().await;
    let settings = Settings { keep: Duration::from_millis(100), ..database.settings(Duration::from_mins(1)) };
    let journal = open(&settings).await.unwrap();
    for number in 0..600 {
        let key = key(&number.to_string());
        journal.claim(&key).await.unwrap();
        journal.finish(&key, answer("1")).await.unwrap();
        // One is never confirmed.
        if number != 300 {
            journal.confirmed(&key);
        }
    }
    while database.count("processor_messages").await > 1 {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(journal.claim(&key("300")).await.unwrap(), Standing::Answered(answer("1")));
}

#[tokio::test]
async fn a_command_may_look_into_the_journal() {
    let database = Database::new().await;
    let daemon = database.processor().await;
    let number = daemon.bury(letter("1")).await.unwrap();
    let command = open_beside(&database.settings(Duration::from_mins(1))).await.unwrap();
    assert_eq!(command.dead(0).await.unwrap().len(), 1);
    assert!(command.ask_retry(number).await.unwrap());
    command.close().await;
    assert!(daemon.take_retry(None).await.unwrap().is_some());
}

#[tokio::test]
async fn a_wrong_password_is_said_without_a_password() {
    let database = Database::new().await;
    let wrong = Database::at(database.0.replace("database-password", "hunter2"));
    let error = open(&wrong.settings(Duration::from_secs(5))).await.unwrap_err();
    assert!(matches!(error, StoreError::Unusable(_)), "{error:?}");
    let words = error.to_string();
    assert!(words.contains("password authentication failed") && !words.contains("hunter2"), "{words}");
}

#[tokio::test]
async fn a_database_that_cannot_be_reached_is_said_by_name() {
    let database = Database::at("postgres://me:hunter2@127.0.0.1:1/journal".to_owned());
    let error = open(&database.settings(Duration::from_millis(100))).await.unwrap_err();
    assert!(matches!(error, StoreError::Unavailable(_)), "{error:?}");
    let words = error.to_string();
    assert!(words.contains("postgres://127.0.0.1:1/journal") && words.contains("refused"), "{words}");
}

#[tokio::test]
async fn tables_of_a_newer_version_are_left_alone() {
    let database = Database::new().await;
    database.processor().await.close().await;
    database.execute("UPDATE processor_schema SET version = 99").await;
    let error = open(&database.settings(Duration::from_secs(5))).await.unwrap_err().to_string();
    assert!(error.contains("99") && error.contains("run the version"), "{error}");
}

#[tokio::test]
async fn the_way_there_may_be_encrypted_and_the_servers_certificate_is_checked() {
    let server = Postgres::shared().await;
    let database = Database::at(server.database().await + "?sslmode=require");
    let settings = |roots| {
        let purpose = Purpose {
            label: "PostgreSQL",
            option: "cafile",
            name_option: None,
            server: "127.0.0.1:5432".into(),
        };
        let tls = tls::Settings { purpose, roots, client_certificate: None, server_name: None };
        let tls = Some(tls::client_config(&tls).unwrap());
        Settings { tls, ..database.settings(Duration::from_secs(15)) }
    };
    let journal = open(&settings(Roots::File(server.ca_file().to_owned()))).await.unwrap();
    journal.claim(&key("1")).await.unwrap();
    let plain = connect(&server.url("postgres")).await.unwrap();
    let encrypted =
        "SELECT bool_and(ssl) FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) WHERE datname = $1";
    let name = database.0.rsplit_once('/').unwrap().1.split('?').next().unwrap();
    assert!(plain.query_one(encrypted, &[&name]).await.unwrap().get::<_, bool>(0));
    let other = Authority::new("Another CA").file();
    let error = open(&settings(Roots::File(other.path().to_owned()))).await.unwrap_err();
    assert!(matches!(error, StoreError::Unusable(_)), "{error:?}");
    assert!(error.to_string().contains("certificate"), "{error}");
}

#[tokio::test]
async fn without_a_configuration_for_tls_nothing_is_sent_in_the_clear() {
    let database = Database::at(Postgres::shared().await.database().await + "?sslmode=require");
    let error = open(&database.settings(Duration::from_millis(500))).await.unwrap_err().to_string();
    assert!(error.contains("TLS"), "{error}");
}
