use super::{
    Body, HandleFormat, Refusal, Request, Rest, RestError, backoff,
    evidence::{self, Finding, Member, NULL},
    same,
};
use http::{HeaderValue, Method, StatusCode};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// Changes of single fields. The platform compares each field's old value with what it holds now, so that nobody's change
/// is overwritten unseen, and leaves every other field alone.
///
/// ```
/// use action_component::rest::Patch;
/// use serde_json::json;
///
/// let incident = json!({ "vers": 17, "name": "Old", "properties": { "score": 3 } });
/// let patch = Patch::of(&incident).set("name", "New").set("properties.score", 4);
/// # assert_eq!(patch.body()["version"], 17);
/// # assert_eq!(patch.body()["changes"][1]["old_value"]["object"], 3);
/// ```
#[derive(Debug, Clone)]
pub struct Patch {
    object: Value,
    version: Option<Value>,
    changes: Vec<Change>,
}

#[derive(Debug, Clone)]
struct Change {
    field: String,
    old: Value,
    new: Value,
}

/// A field that somebody else changed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct FieldFailure {
    /// Its name.
    pub field: String,
    /// The value that the patch expected to find.
    #[serde(default)]
    pub your_original_value: Value,
    /// The value that it has now.
    #[serde(default)]
    pub actual_current_value: Value,
}

/// What to do about a field that somebody else changed.
#[derive(Debug, Clone, PartialEq)]
pub enum Resolution {
    /// The patch's new value is right all the same.
    Overwrite,
    /// This value is right, seeing what the field holds now.
    Use(Value),
    /// Leave this field as somebody else made it, and change the others.
    Leave,
    /// Change nothing at all: the call ends with [`RestError::FieldConflict`].
    GiveUp,
}

// === impl Patch ===

impl Patch {
    /// Changes of `object`, as it was read: its `vers` and the fields' old values are taken from it.
    #[must_use]
    pub fn of(object: &Value) -> Self {
        Self { version: object.get("vers").cloned(), object: object.clone(), changes: Vec::new() }
    }

    /// Changes of an object of this version (its `vers`), with the old values given by [`change`](Self::change).
    #[must_use]
    pub fn of_version(version: i64) -> Self {
        Self { version: Some(version.into()), object: Value::Null, changes: Vec::new() }
    }

    /// Makes `field` (`name`, `properties.score`) `new`; its old value is what the object held.
    #[must_use]
    pub fn set(self, field: impl Into<String>, new: impl Into<Value>) -> Self {
        let field = field.into();
        let member = |value: &Value, name| value.get(name).cloned().unwrap_or_default();
        let old = field.split('.').fold(self.object.clone(), |value, name| member(&value, name));
        self.change(field, old, new)
    }

    /// Makes `field` `new` if it still is `old`.
    #[must_use]
    pub fn change(mut self, field: impl Into<String>, old: impl Into<Value>, new: impl Into<Value>) -> Self {
        let change = Change { field: field.into(), old: old.into(), new: new.into() };
        self.changes.retain(|other| other.field != change.field);
        self.changes.push(change);
        self
    }

    /// What is sent: `PatchDTO`.
    #[must_use]
    pub fn body(&self) -> Value {
        let changes: Vec<Value> = self.changes.iter().map(Change::body).collect();
        match &self.version {
            Some(version) => json!({ "version": version, "changes": changes }),
            None => json!({ "changes": changes }),
        }
    }

    /// Changes the patch so that it may pass; says which fields forbid it.
    fn resolve(
        &mut self,
        failures: &[FieldFailure],
        mut resolve: impl FnMut(&FieldFailure) -> Resolution,
    ) -> Result<(), Vec<FieldFailure>> {
        let mut given_up = Vec::new();
        for failure in failures {
            if self.is_done(failure) {
                self.leave(failure);
                continue;
            }
            match resolve(failure) {
                Resolution::Overwrite => self.expect(failure, None),
                Resolution::Use(value) => self.expect(failure, Some(&value)),
                Resolution::Leave => self.leave(failure),
                Resolution::GiveUp => given_up.push(failure.clone()),
            }
        }
        if given_up.is_empty() { Ok(()) } else { Err(given_up) }
    }

    /// Whether the field has the new value already: somebody wants the same, or the answer to our own patch was lost.
    fn is_done(&self, failure: &FieldFailure) -> bool {
        let done = |change: &Change| {
            change.field == failure.field && same::same(&change.new, &failure.actual_current_value)
        };
        self.changes.iter().any(done)
    }

    /// Leaves out what would change nothing, however the platform writes it.
    fn reduce(&mut self) {
        self.changes.retain(|change| !same::is_no_change(&change.old, &change.new));
    }

    /// What the object, as it is `now`, shows of this patch.
    fn find(&self, now: &Value) -> Finding {
        let current =
            |field: &str| field.split('.').try_fold(now, |value, name| value.get(name)).unwrap_or(&NULL);
        let members: Vec<_> = self
            .changes
            .iter()
            .map(|Change { field, old, new }| Member { before: old, sent: new, now: current(field) })
            .collect();
        evidence::find(self.version.as_ref().and_then(Value::as_i64), evidence::version(now), &members)
    }

    fn leave(&mut self, failure: &FieldFailure) {
        self.changes.retain(|change| change.field != failure.field);
    }

    /// Expects the field's current value from now on.
    fn expect(&mut self, failure: &FieldFailure, new: Option<&Value>) {
        for change in self.changes.iter_mut().filter(|change| change.field == failure.field) {
            change.old = failure.actual_current_value.clone();
            if let Some(new) = new {
                change.new = new.clone();
            }
        }
    }
}

// === impl Change ===

impl Change {
    fn body(&self) -> Value {
        json!({ "field": self.field, "old_value": { "object": self.old }, "new_value": { "object": self.new } })
    }
}

// === impl Rest ===

impl Rest {
    /// `PATCH path` with `patch`, values by name (`handle_format: names`). A field that somebody else changed, to another
    /// value than the new one, is put before `resolve`; a version that somebody else changed (409) means the same patch
    /// again. Both a few times. What would change nothing is left out; with nothing left, nothing is sent.
    ///
    /// The changes are never made twice. If the answer is lost, the object is read: its version and its values, in whichever
    /// form the platform keeps them, mostly show whether they were made. Where they do not, the call ends with
    /// [`RestError::InDoubt`].
    ///
    /// ```
    /// # use action_component::{Failure, Rest, rest::{Patch, Resolution}};
    /// # async fn handle(rest: Rest) -> Result<(), Failure> {
    /// let patch = Patch::of_version(17).change("name", "Old", "New");
    /// rest.patch_fields("/incidents/7", patch, |_conflict| Resolution::GiveUp).await?;
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// [`RestError::FieldConflict`] when `resolve` gives up, or has been asked often enough; [`RestError::Conflict`] when the
    /// version was a new one each time; [`RestError::InDoubt`] when the changes may have been made and reading does not show
    /// it; else another [`RestError`].
    pub async fn patch_fields(
        &self,
        path: &str,
        mut patch: Patch,
        mut resolve: impl FnMut(&FieldFailure) -> Resolution + Send,
    ) -> Result<(), RestError> {
        let mut unresolved = Vec::new();
        let mut lost: Option<Lost> = None;
        for attempt in 1..=backoff::ATTEMPTS {
            patch.reduce();
            if patch.changes.is_empty() {
                return Ok(());
            }
            let answer = self.send_patch(path, &patch).await;
            let met = match &answer {
                Ok(failures) => !failures.is_empty(),
                Err(error) => is_conflict(error),
            };
            if let Some(Lost { patch, error }) = lost.take_if(|_| met) {
                // The one before may have been on its way still, and what is met here is its own change.
                match self.look_for(path, &patch).await {
                    Finding::Done => return Ok(()),
                    Finding::InDoubt => return Err(evidence::in_doubt(error)),
                    Finding::NotDone => {}
                }
            }
            match answer {
                Ok(failures) if failures.is_empty() => return Ok(()),
                Ok(failures) => {
                    patch.resolve(&failures, &mut resolve).map_err(|fields| field_conflict(path, fields))?;
                    unresolved = failures;
                }
                Err(error) if is_conflict(&error) => {
                    unresolved.clear();
                    backoff::pause(attempt).await;
                }
                Err(error) if error.is_unsure() && lost.is_none() => {
                    match self.look_for(path, &patch).await {
                        Finding::Done => return Ok(()),
                        Finding::InDoubt => return Err(evidence::in_doubt(error)),
                        Finding::NotDone => lost = Some(Lost { patch: patch.clone(), error }),
                    }
                }
                Err(error) => return Err(error),
            }
        }
        if unresolved.is_empty() { Err(conflict(path)) } else { Err(field_conflict(path, unresolved)) }
    }

    /// What the object at `path` shows of a patch whose answer was lost.
    async fn look_for(&self, path: &str, patch: &Patch) -> Finding {
        let path = HandleFormat::without(path);
        for look in [self.names(), self.objects()] {
            match look.get::<Value>(&path).await.map(|now| patch.find(&now)) {
                Ok(Finding::InDoubt) => {}
                Ok(finding) => return finding,
                Err(_unread) => break,
            }
        }
        Finding::InDoubt
    }

    /// The fields that somebody else changed, if that is why the patch was not carried out.
    async fn send_patch(&self, path: &str, patch: &Patch) -> Result<Vec<FieldFailure>, RestError> {
        let mut request = Request::new(Method::PATCH, path);
        request.headers.insert("handle_format", HeaderValue::from_static("names"));
        request.body = Body::json(&patch.body())?;
        let path = request.path_only().to_owned();
        let status = self.read_as_it_is::<Option<Value>>(request).await?;
        let status = status.unwrap_or_default();
        if status.get("success") != Some(&Value::Bool(false)) {
            return Ok(Vec::new());
        }
        let failures = status.get("field_failures").cloned().unwrap_or_default();
        let failures: Option<Vec<FieldFailure>> = serde_json::from_value(failures).unwrap_or_default();
        match failures.unwrap_or_default() {
            failures if failures.is_empty() => {
                let refusal = Refusal::of(status.to_string().as_bytes());
                let refusal = refusal.unwrap_or_else(|| Refusal::said("the platform does not say why"));
                Err(RestError::Refused { method: Method::PATCH, path, refusal: Box::new(refusal) })
            }
            failures => Ok(failures),
        }
    }
}

/// A patch whose answer was lost, and that was not carried out when this was looked at.
struct Lost {
    patch: Patch,
    error: RestError,
}

fn is_conflict(error: &RestError) -> bool {
    matches!(error, RestError::Status(error) if error.status == StatusCode::CONFLICT)
}

fn conflict(path: &str) -> RestError {
    let path = Request::new(Method::PATCH, path).path_only().to_owned();
    RestError::Conflict { method: Method::PATCH, path, attempts: backoff::ATTEMPTS }
}

fn field_conflict(path: &str, fields: Vec<FieldFailure>) -> RestError {
    RestError::FieldConflict { path: Request::new(Method::PATCH, path).path_only().to_owned(), fields }
}
