use super::{Answer, Asked, Platform};
use serde_json::{Value, json};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// What a stand-in platform has of one kind (an incident's artifacts, its notes, …): listed by GET, added to by POST.
#[derive(Debug, Clone)]
pub struct PlatformCollection(Arc<Mutex<Vec<Value>>>);

impl Platform {
    /// Sets GET of `path` (`/incidents/7/artifacts`) to what is there, `objects` to begin with, and POST to add one more,
    /// which is answered with the object and the id that it has been given.
    pub fn collection(&self, path: &str, objects: impl IntoIterator<Item = Value>) -> PlatformCollection {
        let collection = PlatformCollection(Arc::new(Mutex::new(objects.into_iter().collect())));
        let [list, add] = [collection.clone(), collection.clone()];
        self.on(&format!("GET {path}"), move |_: &Asked| Answer::from(Value::from(list.now())));
        self.on(&format!("POST {path}"), move |asked: &Asked| Answer::from(add.add(&asked.body)));
        collection
    }
}

impl PlatformCollection {
    /// All that is there now, in the order in which it came.
    #[must_use]
    pub fn now(&self) -> Vec<Value> {
        self.objects().clone()
    }

    fn add(&self, object: &Value) -> Value {
        let mut objects = self.objects();
        let last = objects.iter().filter_map(|object| object["id"].as_i64()).max();
        let mut object = object.clone();
        match object.as_object_mut() {
            Some(fields) => drop(fields.insert("id".to_owned(), json!(last.unwrap_or(0) + 1))),
            None => return object,
        }
        objects.push(object.clone());
        object
    }

    fn objects(&self) -> MutexGuard<'_, Vec<Value>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
