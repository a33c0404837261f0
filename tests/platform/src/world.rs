//! Accounts, organizations, objects, files.

use crate::rewrite::Definitions;
use crate::{API_KEY_ID, API_KEY_SECRET, EMAIL, ORG_ID, ORG_NAME, PASSWORD};
use bytes::Bytes;
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, HashMap};

/// All that the stand-in knows.
#[derive(Debug)]
pub(crate) struct World {
    pub(crate) organizations: Vec<Value>,
    pub(crate) api_keys: HashMap<String, String>,
    pub(crate) users: HashMap<String, String>,
    pub(crate) sessions: HashMap<String, String>,
    pub(crate) logins: usize,
    pub(crate) lists: BTreeMap<String, Value>,
    /// By path below the organization: `/incidents/7`.
    pub(crate) objects: BTreeMap<String, Value>,
    pub(crate) files: HashMap<i64, StoredFile>,
    /// Whether values are kept in forms of the platform's own, as `rewrite` says.
    pub(crate) rewrites: bool,
    last_id: i64,
    /// Changes by others, made just before a write of ours arrives.
    pub(crate) meddlers: HashMap<String, Vec<Meddler>>,
}

/// A change by somebody else.
pub(crate) struct Meddler(pub(crate) Box<dyn FnOnce(&mut Value) + Send>);

/// A file that was sent.
#[derive(Debug, Clone)]
pub(crate) struct StoredFile {
    pub(crate) content_type: String,
    pub(crate) bytes: Bytes,
}

impl std::fmt::Debug for Meddler {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Meddler")
    }
}

impl Default for World {
    fn default() -> Self {
        let organization = json!({
            "id": ORG_ID, "name": ORG_NAME, "enabled": true, "uuid": "0b3b6f0c-2f0e-4d0e-9d4b-000000000201",
            "cloud_account": null, "actions_framework_enabled": true,
        });
        Self {
            organizations: vec![organization],
            api_keys: [(API_KEY_ID.to_owned(), API_KEY_SECRET.to_owned())].into(),
            users: [(EMAIL.to_owned(), PASSWORD.to_owned())].into(),
            sessions: HashMap::new(),
            logins: 0,
            lists: default_lists(),
            objects: BTreeMap::new(),
            files: HashMap::new(),
            rewrites: false,
            last_id: 2000,
            meddlers: HashMap::new(),
        }
    }
}

/// What is asked for as a whole, by path below `/rest/orgs/<id>`, or by `/rest…` below the platform.
fn default_lists() -> BTreeMap<String, Value> {
    let list = |path: &str, value| (path.to_owned(), value);
    [
        list(
            "/rest/const",
            json!({ "server_version": { "major": 51, "minor": 0, "build_number": 1, "v": "51.0.1" } }),
        ),
        list("/actions", json!({ "entities": [] })),
        list("/users", json!([])),
        list("/functions", json!({ "entities": [] })),
        list("/message_destinations", json!({ "entities": [] })),
        list("/types", json!({})),
        list("/types/incident/fields", json!([])),
        list("/types/actioninvocation/fields", json!([])),
    ]
    .into()
}

impl World {
    /// The definitions of `type_name`, for a world that rewrites values; else none.
    pub(crate) fn definitions(&self, type_name: &str) -> Definitions {
        let fields = self.lists.get(&format!("/types/{type_name}/fields"));
        Definitions::new(fields.filter(|_| self.rewrites))
    }

    /// Those of the object at `path`.
    pub(crate) fn definitions_at(&self, path: &str) -> Definitions {
        let incident = path.strip_prefix("/incidents/").is_some_and(|rest| !rest.contains('/'));
        self.definitions(if incident { "incident" } else { "" })
    }

    pub(crate) fn next_id(&mut self) -> i64 {
        self.last_id += 1;
        self.last_id
    }

    /// Keeps `object` under `<collection>/<id>`, with `id` and `vers` if it has none.
    pub(crate) fn add(&mut self, collection: &str, object: Value) -> i64 {
        let mut object = match object {
            Value::Object(object) => object,
            _ => Map::new(),
        };
        let id = object.get("id").and_then(Value::as_i64).unwrap_or_else(|| self.next_id());
        object.insert("id".to_owned(), id.into());
        object.entry("vers").or_insert(1.into());
        self.objects.insert(format!("{collection}/{id}"), object.into());
        if collection == "/incidents" {
            let members = json!({ "members": [], "vers": 1 });
            self.objects.entry(format!("/incidents/{id}/members")).or_insert(members);
        }
        id
    }

    /// The objects directly below `collection`.
    pub(crate) fn below(&self, collection: &str) -> Vec<Value> {
        let prefix = format!("{collection}/");
        let direct = |path: &str| path.strip_prefix(&prefix).is_some_and(|rest| !rest.contains('/'));
        self.objects.iter().filter(|(path, _)| direct(path)).map(|(_, object)| object.clone()).collect()
    }

    /// Lets the next of those who meddle with `path` have their way.
    pub(crate) fn meddle(&mut self, path: &str) {
        let Some(waiting) = self.meddlers.get_mut(path).filter(|waiting| !waiting.is_empty()) else { return };
        let Meddler(change) = waiting.remove(0);
        if let Some(object) = self.objects.get_mut(path) {
            change(object);
            touch(object);
        }
    }
}

/// Counts the object's version up.
pub(crate) fn touch(object: &mut Value) {
    if let Some(members) = object.as_object_mut() {
        let version = members.get("vers").and_then(Value::as_i64).unwrap_or_default();
        members.insert("vers".to_owned(), (version + 1).into());
    }
}
