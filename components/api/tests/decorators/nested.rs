//! Retries round retries.

use super::{Diary, bench, component, message, retry::failing, seconds, send, settle};
use action_component::{Handler, decorate::Retry};
use serde_json::{Value, json};
use tokio::time::advance;

fn twice_two() -> impl Handler {
    failing("down").retry(Retry::after([seconds(10)])).retry(Retry::after([seconds(100)]))
}

/// How many attempts each retry has made, the outermost first.
fn made(note: &str) -> Value {
    let note: Value = serde_json::from_str(note).unwrap();
    note["retries"].as_array().unwrap().iter().map(|attempts| attempts["made"].clone()).collect()
}

#[tokio::test(start_paused = true)]
async fn the_outer_retry_has_the_inner_one_begin_anew() {
    let (bench, diary) = (bench(), Diary::new());
    assert!(bench.deliver(&component(twice_two()), message(1, 0)).await.is_err());
    assert_eq!((bench.begun(), diary.now()), (4, 120));
    let notes: Vec<_> = bench.notes().iter().map(|note| made(note)).collect();
    assert_eq!(notes, [json!([0, 1]), json!([1]), json!([1, 1])]);
}

#[tokio::test(start_paused = true)]
async fn after_a_restart_each_goes_on_from_where_it_was() {
    for (note, begun) in [(0, 3), (1, 2), (2, 1)] {
        let before = bench();
        let task = send(&before, &component(twice_two()), message(1, 0)).await;
        while before.notes().len() <= note {
            advance(seconds(1)).await;
            settle().await;
        }
        task.abort();
        let after = bench().resuming(&before.notes()[note]);
        assert!(after.deliver(&component(twice_two()), message(1, 0)).await.is_err());
        assert_eq!(after.begun(), begun, "after note {note}");
    }
}
