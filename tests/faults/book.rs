//! What was posted, answered and written, seen from the platform.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use stand_in_platform::Write;
use tokio::{sync::watch, time::timeout};

use crate::{
    component::{ACTIONS, DONE},
    support::platform_queue::{Message, Reply},
};

/// One action's number; its correlation id and its context token are made of it.
pub(crate) type Number = u64;

/// The incidents that actions are about, by id, from 1.
pub(crate) const INCIDENTS: u64 = 20;

/// What has become of one action.
#[derive(Clone, Debug, Default)]
pub(crate) struct Action {
    /// Which of the component's actions it is.
    pub(crate) kind: usize,
    /// The broker has said that it stored it. Without that, nobody can know whether there is a message.
    pub(crate) stored: bool,
    /// Final replies.
    pub(crate) answers: u32,
    /// A reply said that it is done.
    pub(crate) done: bool,
    /// Writes that the platform carried out for it.
    pub(crate) writes: u32,
    answered: Option<Instant>,
    /// When the broker said so.
    pub(crate) since: Option<SystemTime>,
}

/// All there is to judge by.
#[derive(Clone, Debug, Default)]
pub(crate) struct Pages {
    pub(crate) actions: HashMap<Number, Action>,
    /// Actions that were as they should be, and have left the book.
    pub(crate) retired: usize,
    /// Replies and writes that belong to no action in the book.
    pub(crate) strangers: usize,
    recoveries: Vec<Recovery>,
}

/// The platform's book of one case.
#[derive(Debug)]
pub(crate) struct Book {
    pages: Mutex<Pages>,
    answered: watch::Sender<usize>,
}

/// An answer this soon after was under way before.
const AT_ONCE: Duration = Duration::from_millis(50);

/// From when something was there again until the first answer after that.
#[derive(Clone, Debug)]
struct Recovery {
    since: SystemTime,
    took: Option<Duration>,
}

// === impl Action ===

impl Action {
    /// By name, as the component's.
    pub(crate) fn at_most_once(&self) -> bool {
        ACTIONS[self.kind].ends_with("Once")
    }

    fn is_settled(&self, age: Duration) -> bool {
        let as_it_should_be = self.answers == 1 && self.writes <= 1 && (!self.done || self.writes == 1);
        as_it_should_be && self.answered.is_some_and(|answered| answered.elapsed() > age)
    }
}

// === impl Book ===

impl Book {
    pub(crate) fn new() -> Self {
        Self { pages: Mutex::default(), answered: watch::Sender::new(0) }
    }

    /// A new action's message. It is in the book before it is sent, for its answer may be quick.
    pub(crate) fn write_down(&self) -> (Number, Message) {
        let number = fastrand::u64(1..1 << 53);
        let kind = fastrand::usize(..ACTIONS.len());
        self.pages().actions.insert(number, Action { kind, ..Action::default() });
        (number, message(number, kind))
    }

    /// The broker has it.
    pub(crate) fn stored(&self, number: Number) {
        if let Some(action) = self.pages().actions.get_mut(&number) {
            action.stored = true;
            action.since = Some(SystemTime::now());
        }
    }

    /// A reply has come; the broker got it at `at`.
    pub(crate) fn replied(&self, reply: &Reply, at: SystemTime) {
        if !reply.is_last() {
            return;
        }
        let mut pages = self.pages();
        pages.recoveries.iter_mut().for_each(|recovery| recovery.note(at));
        let number = reply.correlation_id.strip_prefix("invid:").and_then(|number| number.parse().ok());
        let Some(action) = number.and_then(|number: Number| pages.actions.get_mut(&number)) else {
            pages.strangers += 1;
            return;
        };
        action.answers += 1;
        action.done |= reply.json()["message"] == DONE;
        if action.answers == 1 {
            action.answered = Some(Instant::now());
            self.answered.send_modify(|answered| *answered += 1);
        }
    }

    /// The platform carried these changes out.
    pub(crate) fn wrote(&self, writes: &[Write]) {
        let mut pages = self.pages();
        for write in writes {
            let number = write.context_token.as_deref().and_then(number_of);
            match number.and_then(|number| pages.actions.get_mut(&number)) {
                Some(action) => action.writes += 1,
                None => pages.strangers += 1,
            }
        }
    }

    /// From `since` on, the next answer is awaited: whatever was in the way is gone.
    pub(crate) fn expect_recovery(&self, since: SystemTime) {
        self.pages().recoveries.push(Recovery { since, took: None });
    }

    /// How long it took until answers came again, each time.
    pub(crate) fn recoveries(&self) -> Vec<Duration> {
        self.pages().recoveries.iter().filter_map(|recovery| recovery.took).collect()
    }

    /// Actions with an answer.
    pub(crate) fn answered(&self) -> usize {
        *self.answered.borrow()
    }

    /// Waits until `count` actions have an answer; false if none came for as long as `patience`.
    pub(crate) async fn until_answered(&self, count: usize, patience: Duration) -> bool {
        let mut answered = self.answered.subscribe();
        while *answered.borrow_and_update() < count {
            if !matches!(timeout(patience, answered.changed()).await, Ok(Ok(()))) {
                return false;
            }
        }
        true
    }

    /// Waits until every stored action has an answer; false if none came for as long as `patience`.
    pub(crate) async fn until_all_answered(&self, patience: Duration) -> bool {
        let mut answered = self.answered.subscribe();
        while self.pages().actions.values().any(|action| action.stored && action.answers == 0) {
            if !matches!(timeout(patience, answered.changed()).await, Ok(Ok(()))) {
                return false;
            }
        }
        true
    }

    /// Takes out what was answered once, and written once at most, more than `age` ago. Whatever else comes of it is a
    /// stranger.
    pub(crate) fn retire(&self, age: Duration) {
        let mut pages = self.pages();
        let before = pages.actions.len();
        pages.actions.retain(|_, action| !action.is_settled(age));
        pages.retired += before - pages.actions.len();
    }

    /// As it stands now.
    pub(crate) fn copy(&self) -> Pages {
        self.pages().clone()
    }

    fn pages(&self) -> MutexGuard<'_, Pages> {
        self.pages.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

// === impl Recovery ===

impl Recovery {
    fn note(&mut self, answered: SystemTime) {
        let took = answered.duration_since(self.since).ok().filter(|took| *took > AT_ONCE);
        self.took = self.took.or(took);
    }
}

/// The number in a context token.
pub(crate) fn number_of(token: &str) -> Option<Number> {
    token.strip_prefix("token-").and_then(|number| number.parse().ok())
}

/// When the broker got a message, by the header that it adds.
pub(crate) fn timestamp(header: &str) -> SystemTime {
    UNIX_EPOCH + Duration::from_millis(header.parse().unwrap_or_default())
}

fn message(number: Number, kind: usize) -> Message {
    let incident = number % INCIDENTS + 1;
    let body = serde_json::json!({
        "action_id": kind + 1, "object_type": 0, "incident": { "id": incident, "name": "An incident" },
        "properties": {}, "user": { "id": 115, "email": "user@example.com" }, "type_info": {},
    });
    Message::new(body.to_string())
        .header("correlation-id", &format!("invid:{number}"))
        .header("Co3ContextToken", &format!("token-{number}"))
}
