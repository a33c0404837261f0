use super::*;
use std::sync::atomic::{AtomicUsize, Ordering};

fn key(path: &str) -> Key {
    (Scope::Organization, path.to_owned())
}

/// Asks `cache` for `path`, and counts in `asked` if it asks on.
async fn ask(cache: &Cache, path: &str, asked: &AtomicUsize) -> Bytes {
    let answer = cache.get(key(path), || async {
        asked.fetch_add(1, Ordering::Relaxed);
        Ok(Response::new(StatusCode::OK, path.to_owned()))
    });
    answer.await.unwrap().body.read(1000).await.unwrap()
}

#[tokio::test(start_paused = true)]
async fn an_answer_is_good_until_its_time_is_over() {
    let (cache, asked) = (Cache::new(Duration::from_secs(240)), AtomicUsize::new(0));
    assert_eq!(ask(&cache, "/users", &asked).await, "/users");
    tokio::time::advance(Duration::from_secs(239)).await;
    ask(&cache, "/users", &asked).await;
    assert_eq!(asked.load(Ordering::Relaxed), 1);
    tokio::time::advance(Duration::from_secs(1)).await;
    ask(&cache, "/users", &asked).await;
    assert_eq!(asked.load(Ordering::Relaxed), 2);
}

#[tokio::test(start_paused = true)]
async fn only_so_many_answers_are_kept_and_the_oldest_goes_first() {
    let (cache, asked) = (Cache::new(Duration::from_secs(240)), AtomicUsize::new(0));
    for n in 0..=MOST {
        ask(&cache, &format!("/{n}"), &asked).await;
        tokio::time::advance(Duration::from_millis(1)).await;
    }
    assert_eq!(cache.entries.lock().unwrap().len(), MOST);
    let before = asked.load(Ordering::Relaxed);
    ask(&cache, &format!("/{MOST}"), &asked).await;
    assert_eq!(asked.load(Ordering::Relaxed), before);
    ask(&cache, "/0", &asked).await;
    assert_eq!(asked.load(Ordering::Relaxed), before + 1);
}

#[tokio::test(start_paused = true)]
async fn a_time_of_nothing_means_no_cache() {
    let (cache, asked) = (Cache::new(Duration::ZERO), AtomicUsize::new(0));
    ask(&cache, "/users", &asked).await;
    ask(&cache, "/users", &asked).await;
    assert_eq!(asked.load(Ordering::Relaxed), 2);
}
