//! How many handlers work at a time; the number may change while they do.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::{AcquireError, OwnedSemaphorePermit, Semaphore};

/// The workers of a daemon (`num_workers`). Clones are the same workers.
#[derive(Debug, Clone)]
pub struct Workers {
    free: Arc<Semaphore>,
    count: Arc<Mutex<Count>>,
}

#[derive(Debug)]
struct Count {
    wanted: usize,
    /// Those at work that are not to come back: more are wanted no longer.
    surplus: usize,
}

/// Proof that a worker is free for this message; give it back by dropping it.
#[derive(Debug)]
#[must_use = "the worker is free for others again as soon as this is dropped"]
pub struct Worker {
    permit: Option<OwnedSemaphorePermit>,
    count: Arc<Mutex<Count>>,
}

// === impl Workers ===

impl Workers {
    /// So many workers, all free.
    #[must_use]
    pub fn new(wanted: usize) -> Self {
        let count = Arc::new(Mutex::new(Count { wanted, surplus: 0 }));
        Self { free: Arc::new(Semaphore::new(wanted)), count }
    }

    /// So many from now on. Further ones are free at once. Where there are to be fewer, nobody who works is disturbed:
    /// those that are too many are not given out again, whoever waits for one.
    pub fn resize(&self, wanted: usize) {
        let mut count = lock(&self.count);
        if wanted >= count.wanted {
            let more = wanted - count.wanted;
            let back = more.min(count.surplus);
            count.surplus -= back;
            self.free.add_permits(more - back);
        } else {
            let fewer = count.wanted - wanted;
            count.surplus += fewer - self.free.forget_permits(fewer);
        }
        count.wanted = wanted;
    }

    /// How many are free at this moment.
    #[must_use]
    pub fn free(&self) -> usize {
        self.free.available_permits()
    }

    /// Waits until one is free. Who waits longest is first.
    pub(crate) async fn one(&self) -> Result<Worker, AcquireError> {
        let permit = self.free.clone().acquire_owned().await?;
        Ok(Worker { permit: Some(permit), count: self.count.clone() })
    }
}

// === impl Worker ===

impl Drop for Worker {
    fn drop(&mut self) {
        let mut count = lock(&self.count);
        let Some(permit) = self.permit.take() else { return };
        if count.surplus > 0 {
            count.surplus -= 1;
            permit.forget();
        }
    }
}

/// Never held over an `.await`.
fn lock(count: &Mutex<Count>) -> MutexGuard<'_, Count> {
    count.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::FutureExt;

    async fn at_work(workers: &Workers, number: usize) -> Vec<Worker> {
        let mut at_work = Vec::new();
        for _ in 0..number {
            at_work.push(workers.one().await.unwrap());
        }
        at_work
    }

    #[tokio::test]
    async fn fewer_are_in_force_before_those_that_wait_have_their_turn() {
        let workers = Workers::new(4);
        let mut at_work = at_work(&workers, 4).await;
        let mut waiting = Box::pin(workers.one());
        assert!(waiting.as_mut().now_or_never().is_none());
        workers.resize(2);
        at_work.truncate(2);
        assert!(waiting.as_mut().now_or_never().is_none(), "two are at work");
        at_work.truncate(1);
        assert!(waiting.as_mut().now_or_never().is_some_and(|worker| worker.is_ok()));
    }

    #[tokio::test]
    async fn whatever_the_numbers_on_the_way_the_last_one_counts() {
        let workers = Workers::new(10);
        let at_work = at_work(&workers, 7).await;
        for wanted in [3, 12, 1, 5, 6] {
            workers.resize(wanted);
            assert_eq!(workers.free(), wanted.saturating_sub(7));
        }
        drop(at_work);
        assert_eq!(workers.free(), 6);
        workers.resize(6);
        assert_eq!(workers.free(), 6);
    }

    #[tokio::test]
    async fn those_that_are_free_go_at_once() {
        let workers = Workers::new(5);
        let one = workers.one().await;
        workers.resize(2);
        assert_eq!(workers.free(), 1);
        drop(one);
        assert_eq!(workers.free(), 2);
    }
}
