//! What is forgotten, and when: the same for each place.

use std::time::Duration;

use action_processor::store::{Journal, Key, Settings, Standing, open, open_serving};
use rusqlite::Connection;

use super::postgres::Database;
use super::sqlite::Directory;
use super::suite::{Place, answer, key};

/// A place whose entries can be made older.
trait Aging: Place {
    fn kept_for(&self, keep: Duration) -> Settings;

    /// All times of all entries are `days` later, or earlier. The journal may be open.
    async fn shift(&self, days: i32);

    /// How many messages are known.
    async fn entries(&self) -> i64;
}

impl Aging for Directory {
    fn kept_for(&self, keep: Duration) -> Settings {
        Settings { keep, ..self.settings() }
    }

    async fn shift(&self, days: i32) {
        let by = i64::from(days) * 24 * 3600 * 1000;
        let set =
            "UPDATE messages SET created = created + ?1, changed = changed + ?1, confirmed = confirmed + ?1";
        let file = Connection::open(self.file()).unwrap();
        file.busy_timeout(Duration::from_secs(10)).unwrap();
        file.execute(set, [by]).unwrap();
    }

    async fn entries(&self) -> i64 {
        let file = Connection::open(self.file()).unwrap();
        file.busy_timeout(Duration::from_secs(10)).unwrap();
        file.query_row("SELECT count(*) FROM messages", [], |row| row.get(0)).unwrap()
    }
}

impl Aging for Database {
    fn kept_for(&self, keep: Duration) -> Settings {
        Settings { keep, ..self.settings(Duration::from_mins(10)) }
    }

    async fn shift(&self, days: i32) {
        let times = ["created", "changed", "confirmed"].map(|time| {
            let by = f64::from(days);
            format!("{time} = {time} + make_interval(secs => 86400 * {by})")
        });
        self.execute(&format!("UPDATE processor_messages SET {}", times.join(", "))).await;
    }

    async fn entries(&self) -> i64 {
        self.count("processor_messages").await
    }
}

async fn confirm(journal: &Journal, key: &Key) {
    journal.claim(key).await.unwrap();
    journal.finish(key, answer("1")).await.unwrap();
    journal.confirmed(key);
}

async fn until(place: &impl Aging, entries: i64) {
    while place.entries().await != entries {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

fn of(platform: &str, id: &str) -> Key {
    let key = key(id);
    Key { destination: format!("{platform}/{}", key.destination), ..key }
}

const SOON: Duration = Duration::from_millis(100);

/// A test of each of these in each place.
macro_rules! in_each_place {
    ($($behaviour:ident)*) => {
        mod sqlite {
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $behaviour() {
                    super::$behaviour(&super::Directory::new()).await;
                }
            )*
        }
        mod postgres {
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $behaviour() {
                    super::$behaviour(&super::Database::new().await).await;
                }
            )*
        }
    };
}

in_each_place! {
    entries_of_a_clock_that_ran_ahead_go
    few_entries_of_the_future_hold_up_no_others
    what_was_begun_outlives_a_month
    an_answer_never_confirmed_goes_after_a_week
    a_broker_out_of_reach_keeps_its_entries
}

async fn entries_of_a_clock_that_ran_ahead_go(place: &impl Aging) {
    let journal = open(&place.kept_for(Duration::from_hours(1))).await.unwrap();
    for number in 0..300 {
        confirm(&journal, &key(&number.to_string())).await;
    }
    journal.close().await;
    place.shift(365).await;
    let journal = open(&place.kept_for(SOON)).await.unwrap();
    until(place, 0).await;
    for number in 0..300 {
        confirm(&journal, &key(&number.to_string())).await;
    }
    until(place, 0).await;
}

async fn few_entries_of_the_future_hold_up_no_others(place: &impl Aging) {
    let keep = place.kept_for(Duration::from_hours(1));
    // Nothing goes while the broker is out of reach.
    let journal = open_serving(&keep, &[None]).await.unwrap();
    for number in 0..10 {
        confirm(&journal, &key(&format!("ahead-{number}"))).await;
    }
    journal.close().await;
    place.shift(3).await;
    let journal = open_serving(&keep, &[None]).await.unwrap();
    for number in 0..600 {
        confirm(&journal, &key(&number.to_string())).await;
    }
    journal.close().await;
    // Those ten are still a day ahead, the others two days old.
    place.shift(-2).await;
    let _journal = open(&keep).await.unwrap();
    until(place, 10).await;
}

async fn what_was_begun_outlives_a_month(place: &impl Aging) {
    let journal = open(&place.kept_for(SOON)).await.unwrap();
    for id in ["begun", "cut off", "tried"] {
        journal.claim(&key(id)).await.unwrap();
        journal.begin(&key(id)).await.unwrap();
    }
    journal.cut_off(&key("cut off")).await.unwrap();
    place.die(journal).await;
    let journal = open(&place.kept_for(SOON)).await.unwrap();
    journal.claim(&key("tried")).await.unwrap();
    journal.set_down(&key("tried"), "attempt 1".to_owned()).await.unwrap();
    journal.claim(&key("answered")).await.unwrap();
    journal.finish(&key("answered"), answer("1")).await.unwrap();
    place.die(journal).await;
    place.shift(-30).await;
    let journal = open(&place.kept_for(SOON)).await.unwrap();
    until(place, 3).await;
    let interrupted = |crashes| Standing::Interrupted { crashes, note: None };
    assert_eq!(journal.claim(&key("begun")).await.unwrap(), interrupted(1));
    assert_eq!(journal.claim(&key("cut off")).await.unwrap(), interrupted(0));
    let note = Some("attempt 1".to_owned());
    assert_eq!(journal.claim(&key("tried")).await.unwrap(), Standing::Waiting { note });
    assert_eq!(journal.claim(&key("answered")).await.unwrap(), Standing::New);
}

async fn an_answer_never_confirmed_goes_after_a_week(place: &impl Aging) {
    let journal = open(&place.kept_for(SOON)).await.unwrap();
    journal.claim(&key("old")).await.unwrap();
    journal.finish(&key("old"), answer("1")).await.unwrap();
    place.shift(-6).await;
    confirm(&journal, &key("confirmed")).await;
    until(place, 1).await;
    assert_eq!(journal.claim(&key("old")).await.unwrap(), Standing::Answered(answer("1")));
    place.shift(-2).await;
    until(place, 0).await;
}

async fn a_broker_out_of_reach_keeps_its_entries(place: &impl Aging) {
    let platforms = [Some("far"), Some("near")];
    let journal = open_serving(&place.kept_for(SOON), &platforms).await.unwrap();
    journal.connected(Some("near"), true);
    for id in ["1", "2"] {
        confirm(&journal, &of("far", id)).await;
        journal.claim(&of("far", "not confirmed")).await.unwrap();
        journal.finish(&of("far", "not confirmed"), answer("1")).await.unwrap();
        place.shift(-8).await;
        confirm(&journal, &of("near", id)).await;
        // The near one's goes, the far ones stay.
        until(place, 2).await;
        assert_eq!(journal.claim(&of("far", id)).await.unwrap(), Standing::Confirmed);
        journal.connected(Some("far"), true);
        until(place, 0).await;
        // And so after the next outage.
        journal.connected(Some("far"), false);
    }
}
