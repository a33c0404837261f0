use super::{
    Body, Request, Rest, RestError, backoff,
    document::Document,
    evidence::{self, Finding},
};
use http::{Method, StatusCode};
use serde_json::Value;

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

/// A write whose answer was lost.
struct Lost {
    before: Value,
    sent: Value,
    error: RestError,
}

// === impl Lost ===

impl Lost {
    fn find(&self, now: &Value) -> Finding {
        let members = evidence::members(&self.before, &self.sent, now);
        evidence::find(evidence::version(&self.before), evidence::version(now), &members)
    }

    /// Whether it may still be on its way: nothing has been written since.
    fn may_arrive(&self, now: &Value) -> bool {
        evidence::version(&self.before) == evidence::version(now)
    }
}

// === impl Rest ===

impl Rest {
    /// Reads the object at `path`, changes it and writes it back. If somebody else changed it in between (409), it is read
    /// again and `change` is applied again, a few times. What `change` leaves alone is written back to the letter, also
    /// where it does not fit a [`Value`]. A change that changes nothing is not written.
    ///
    /// The change is never made twice. If the answer to the writing is lost, the object is read again: its version and its
    /// values, in whichever form the platform keeps them, mostly show whether it was carried out. Where they do not, the
    /// call ends with [`RestError::InDoubt`].
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
    /// [`RestError::Conflict`] when somebody else was faster each time, [`RestError::InDoubt`] when the change may have been
    /// carried out and reading does not show it, another [`RestError`], or the error of `change`.
    pub async fn get_put<A: Applied>(
        &self,
        path: &str,
        mut change: impl FnMut(&mut Value) -> A + Send,
    ) -> Result<Value, A::Error> {
        let mut lost: Option<Lost> = None;
        for attempt in 1..=backoff::ATTEMPTS {
            let document = match (self.document(path).await, lost.take()) {
                (Err(_unread), Some(lost)) => return Err(evidence::in_doubt(lost.error).into()),
                (document, before) => {
                    lost = before;
                    document?
                }
            };
            let mut value = document.value().clone();
            if let Some(sent) = lost.take() {
                match self.look_again(path, &sent, &value).await {
                    Finding::Done => return Ok(value),
                    Finding::InDoubt => return Err(evidence::in_doubt(sent.error).into()),
                    Finding::NotDone => lost = Some(sent).filter(|sent| sent.may_arrive(&value)),
                }
            }
            change(&mut value).result()?;
            if value == *document.value() {
                return Ok(value);
            }
            match self.put_text(path, document.changed_to(&value)).await {
                Err(RestError::Status(error)) if error.status == StatusCode::CONFLICT => {}
                Err(error) if error.is_unsure() && lost.is_none() => {
                    lost = Some(Lost { before: document.value().clone(), sent: value, error });
                }
                answer => return Ok(answer?),
            }
            backoff::pause(attempt).await;
        }
        let path = Request::new(Method::PUT, path).path_only().to_owned();
        Err(RestError::Conflict { method: Method::PUT, path, attempts: backoff::ATTEMPTS }.into())
    }

    /// What `now` shows, and, where that leaves a doubt, the same object with the names beside the ids.
    async fn look_again(&self, path: &str, lost: &Lost, now: &Value) -> Finding {
        match (lost.find(now), evidence::with_names(path)) {
            (Finding::InDoubt, Some(path)) => {
                let again = self.objects().get::<Value>(&path).await;
                again.map_or(Finding::InDoubt, |now| lost.find(&now))
            }
            (finding, _) => finding,
        }
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
