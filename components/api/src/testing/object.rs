use super::{Answer, Asked, Platform};
use serde_json::{Value, json};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// One object on a stand-in platform (an incident, a task, …): read by GET, changed by PUT and PATCH, each of which takes
/// a `vers` that is the object's or is answered by 409, as on the platform.
#[derive(Debug, Clone)]
pub struct PlatformObject(Arc<Mutex<State>>);

struct State {
    value: Value,
    /// What somebody else does to it just before the component's next changes.
    meanwhile: Vec<Box<Change>>,
    /// How many of the component's next changes are carried out without its being told.
    lost: usize,
    /// What the platform makes of each change.
    form: Option<Box<Form>>,
}

type Change = dyn FnOnce(&mut Value) + Send;
type Form = dyn FnMut(&mut Value) + Send;

impl Platform {
    /// Sets GET, PUT and PATCH of `path` (`/incidents/7`) to an object, `value` to begin with. A PUT or PATCH of an old
    /// `vers` is a conflict; each that is carried out makes it one more.
    pub fn object(&self, path: &str, value: Value) -> PlatformObject {
        let object =
            PlatformObject(Arc::new(Mutex::new(State { value, meanwhile: Vec::new(), lost: 0, form: None })));
        let [get, put, patch] = [object.clone(), object.clone(), object.clone()];
        self.on(&format!("GET {path}"), move |_: &Asked| get.now());
        self.on(&format!("PUT {path}"), move |asked: &Asked| put.put(&asked.body));
        self.on(&format!("PATCH {path}"), move |asked: &Asked| patch.patch(&asked.body));
        object
    }
}

// === impl PlatformObject ===

impl PlatformObject {
    /// As it is now.
    #[must_use]
    pub fn now(&self) -> Value {
        self.state().value.clone()
    }

    /// Somebody else is faster: `change` is made to it just before the component's next PUT or PATCH is looked at, which
    /// therefore is a conflict. Twice means that the next two are.
    pub fn meanwhile(&self, change: impl FnOnce(&mut Value) + Send + 'static) {
        self.state().meanwhile.push(Box::new(change));
    }

    /// The component's next change is carried out, and its answer lost ([`RestError::Interrupted`](crate::rest::RestError)).
    /// Twice means that the next two are.
    pub fn lose_answer(&self) {
        self.state().lost += 1;
    }

    /// The platform keeps what is written in another form, as it does with rich text, labels and dates: `form` makes it.
    pub fn keeps_as(&self, form: impl FnMut(&mut Value) + Send + 'static) {
        self.state().form = Some(Box::new(form));
    }

    fn put(&self, new: &Value) -> Answer {
        let mut state = self.state();
        state.let_others();
        if !state.is_current(&new["vers"]) {
            return conflict();
        }
        let version = state.version() + 1;
        state.value = new.clone();
        state.written(version);
        let now = state.value.clone();
        state.answer(now)
    }

    /// `{"version": 3, "changes": [{"field": "name", "old_value": {"object": …}, "new_value": {"object": …}}]}`
    fn patch(&self, patch: &Value) -> Answer {
        let mut state = self.state();
        state.let_others();
        let changes = patch["changes"].as_array().cloned().unwrap_or_default();
        let failures: Vec<Value> = changes.iter().filter_map(|change| state.failure(change)).collect();
        if !failures.is_empty() {
            return json!({ "success": false, "title": "Conflict", "field_failures": failures }).into();
        }
        for change in &changes {
            if let Some(field) = state.field(change) {
                field.clone_from(&change["new_value"]["object"]);
            }
        }
        let version = state.version() + 1;
        state.written(version);
        state.answer(json!({ "success": true, "field_failures": [] }))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn conflict() -> Answer {
    Answer::error(409, "The object was changed by somebody else.")
}

// === impl State ===

impl State {
    fn let_others(&mut self) {
        if !self.meanwhile.is_empty() {
            let change = self.meanwhile.remove(0);
            change(&mut self.value);
            let version = self.version() + 1;
            self.set_version(version);
        }
    }

    fn written(&mut self, version: i64) {
        if let Some(form) = &mut self.form {
            form(&mut self.value);
        }
        self.set_version(version);
    }

    fn answer(&mut self, answer: Value) -> Answer {
        if self.lost == 0 {
            return answer.into();
        }
        self.lost -= 1;
        Answer::interrupted()
    }

    fn version(&self) -> i64 {
        self.value["vers"].as_i64().unwrap_or_default()
    }

    /// An object that is no JSON object has none.
    fn set_version(&mut self, version: i64) {
        if let Some(fields) = self.value.as_object_mut() {
            fields.insert("vers".to_owned(), version.into());
        }
    }

    fn is_current(&self, version: &Value) -> bool {
        version.is_null() || version.as_i64() == Some(self.version())
    }

    /// Where the field that `change` names is kept: `properties.score` is the member `score` of the member `properties`.
    fn field(&mut self, change: &Value) -> Option<&mut Value> {
        let mut names = change["field"].as_str()?.split('.');
        names.try_fold(&mut self.value, |object, name| {
            Some(object.as_object_mut()?.entry(name).or_insert(Value::Null))
        })
    }

    fn failure(&mut self, change: &Value) -> Option<Value> {
        let expected = change.get("old_value")?.get("object")?.clone();
        let actual = self.field(change)?.clone();
        (actual != expected).then(|| {
            json!({
                "field": change["field"],
                "your_original_value": expected,
                "actual_current_value": actual,
            })
        })
    }
}

impl std::fmt::Debug for State {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("State").field("value", &self.value).finish_non_exhaustive()
    }
}
