use super::{Body, Request, Rest, RestError, backoff, document::Document};
use http::{Method, StatusCode};
use serde_json::{Map, Value};

/// What the closure of [`Rest::get_put`] returns: nothing, or a `Result` whose error stops the work.
pub trait Applied {
    /// The error of the whole `get_put`.
    type Error: From<RestError>;

    /// As a result.
    ///
    /// # Errors
    /// The closure's own.
    fn result(self) -> Result<(), Self::Error>;
}

impl Applied for () {
    type Error = RestError;

    fn result(self) -> Result<(), RestError> {
        Ok(())
    }
}

impl<E: From<RestError>> Applied for Result<(), E> {
    type Error = E;

    fn result(self) -> Self {
        self
    }
}

/// A change that may have been written: the answer was lost.
struct Unsure {
    before: Value,
    after: Value,
}

// === impl Unsure ===

impl Unsure {
    /// Whether the object, as it is now, holds the change.
    fn is_in(&self, now: &Value) -> bool {
        holds(now, &self.before, &self.after)
    }
}

/// Whether `now` has everything in which `after` differs from `before`.
fn holds(now: &Value, before: &Value, after: &Value) -> bool {
    match (now, before, after) {
        _ if before == after => true,
        (Value::Object(now), Value::Object(before), Value::Object(after)) => {
            let removed = before.keys().filter(|name| !after.contains_key(*name));
            let member = |map: &Map<String, Value>, name| map.get(name).cloned().unwrap_or_default();
            removed.into_iter().all(|name| !now.contains_key(name))
                && after.iter().all(|(name, after)| holds(&member(now, name), &member(before, name), after))
        }
        _ => now == after,
    }
}

// === impl Rest ===

impl Rest {
    /// Reads the object at `path`, changes it and writes it back. If somebody else changed it in between (409), it is read
    /// again and `change` is applied again, a few times. What `change` leaves alone is written back to the letter, also
    /// where it does not fit a [`Value`]. A change that changes nothing is not written. If the answer to the writing is lost,
    /// reading tells whether it was carried out, so that the change is not made twice.
    ///
    /// ```
    /// # use action_component::{Failure, Rest};
    /// # async fn handle(rest: Rest) -> Result<(), Failure> {
    /// rest.get_put("/incidents/7", |incident| incident["properties"]["last_seen"] = 1488917402554_i64.into()).await?;
    /// # Ok(()) }
    /// ```
    ///
    /// Returns the platform's answer to the PUT, or, where nothing needed changing, the object that was read.
    ///
    /// # Errors
    /// [`RestError::Conflict`] when somebody else was faster each time, another [`RestError`], or the error of `change`.
    pub async fn get_put<A: Applied>(
        &self,
        path: &str,
        mut change: impl FnMut(&mut Value) -> A + Send,
    ) -> Result<Value, A::Error> {
        let mut unsure: Option<Unsure> = None;
        for attempt in 1..=backoff::ATTEMPTS {
            let document = self.document(path).await?;
            let mut value = document.value().clone();
            if unsure.as_ref().is_some_and(|unsure| unsure.is_in(&value)) {
                return Ok(value);
            }
            change(&mut value).result()?;
            if value == *document.value() {
                return Ok(value);
            }
            match self.put_text(path, document.changed_to(&value)).await {
                Err(RestError::Status(error)) if error.status == StatusCode::CONFLICT => {}
                Err(error) if error.is_unsure() && unsure.is_none() => {
                    unsure = Some(Unsure { before: document.value().clone(), after: value });
                }
                answer => return Ok(answer?),
            }
            backoff::pause(attempt).await;
        }
        let path = Request::new(Method::PUT, path).path_only().to_owned();
        Err(RestError::Conflict { method: Method::PUT, path, attempts: backoff::ATTEMPTS }.into())
    }

    async fn document(&self, path: &str) -> Result<Document, RestError> {
        let request = Request::new(Method::GET, path);
        let path = request.path_only().to_owned();
        let text = self.text(request).await?;
        Document::read(&text).map_err(|source| RestError::Unreadable {
            method: Method::GET,
            path,
            source: Box::new(source),
        })
    }

    async fn put_text(
        &self,
        path: &str,
        text: Result<String, serde_json::Error>,
    ) -> Result<Value, RestError> {
        let text = text.map_err(RestError::Unwritable)?;
        self.write(Method::PUT, path, Body::Json(text.into())).await
    }
}
