//! What a wrapper holds for each instance of its component.

use crate::{Context, context::Scope};
use std::sync::{Arc, Mutex, PoisonError, Weak};

/// One `T` for each scope in which messages may meet: a handler is one value, but its component may have several
/// sections and be on several platforms, whose messages have nothing to do with one another.
#[derive(Debug)]
pub(super) struct Each<T>(Mutex<Vec<(Weak<Scope>, Arc<T>)>>);

impl<T> Each<T> {
    pub(super) fn new() -> Self {
        Self(Mutex::default())
    }

    /// That of the message's scope.
    pub(super) fn of(&self, cx: &Context, make: impl FnOnce() -> T) -> Arc<T> {
        // Never held over an `.await`.
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, found)) = all.iter().find(|(scope, _)| scope.as_ptr() == Arc::as_ptr(cx.scope())) {
            return found.clone();
        }
        // Scopes are few, and go with their platform's link.
        all.retain(|(scope, _)| scope.strong_count() > 0);
        let made = Arc::new(make());
        all.push((Arc::downgrade(cx.scope()), made.clone()));
        made
    }

    pub(super) fn all(&self) -> Vec<Arc<T>> {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.iter().map(|(_, one)| one.clone()).collect()
    }
}
