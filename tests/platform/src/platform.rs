use crate::{
    Builder, Fault, Recorded, Reply,
    log::Log,
    weather::Weather,
    world::{Meddler, StoredFile, World, touch},
};
use http::Method;
use serde_json::{Value, json};
use std::{
    net::SocketAddr,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
};
use tokio::task::JoinHandle;

/// The test's handle of a stand-in, which serves until this is dropped.
#[derive(Debug)]
pub struct Platform {
    shared: Arc<Shared>,
    address: SocketAddr,
    server: JoinHandle<()>,
}

/// A change that was carried out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Write {
    /// The message that it was made for.
    pub context_token: Option<String>,
    /// POST, PUT, PATCH or DELETE.
    pub method: Method,
    /// `/rest/orgs/201/incidents/7`
    pub path: String,
}

/// What the handle and the server share.
#[derive(Debug, Default)]
pub(crate) struct Shared {
    pub(crate) world: Mutex<World>,
    pub(crate) log: Log,
    pub(crate) faults: Mutex<Vec<Fault>>,
    pub(crate) weather: Mutex<Weather>,
    /// How many requests met a fault.
    pub(crate) misbehaved: AtomicUsize,
    pub(crate) own: Mutex<Vec<OwnRoute>>,
    pub(crate) writes: Mutex<Vec<Write>>,
}

/// A test's own route.
#[derive(Clone)]
pub(crate) struct OwnRoute {
    pub(crate) method: Method,
    pub(crate) prefix: String,
    pub(crate) answer: Arc<dyn Fn(&Recorded) -> Reply + Send + Sync>,
}

impl std::fmt::Debug for OwnRoute {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}…", self.method, self.prefix)
    }
}

pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

// === impl Platform ===

impl Platform {
    /// One organization, one API key, one user; plain HTTP.
    pub async fn start() -> Self {
        Self::builder().start().await
    }

    /// Something else.
    #[must_use]
    pub fn builder() -> Builder {
        Builder::default()
    }

    pub(crate) fn new(shared: Arc<Shared>, address: SocketAddr, server: JoinHandle<()>) -> Self {
        Self { shared, address, server }
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its port of 127.0.0.1.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.address.port()
    }

    // --- what it holds

    /// Adds an incident, and says its id: its own, or a new one.
    #[expect(clippy::must_use_candidate, reason = "a test often knows the id already")]
    pub fn add_incident(&self, incident: Value) -> i64 {
        lock(&self.shared.world).add("/incidents", incident)
    }

    /// Adds an attachment to an incident, and says its id.
    #[must_use]
    pub fn attach(&self, incident: i64, name: &str, text: &str) -> i64 {
        let file = StoredFile { content_type: "text/plain".to_owned(), bytes: text.to_owned().into() };
        let about = json!({ "name": name, "size": text.len(), "content_type": file.content_type });
        let mut world = lock(&self.shared.world);
        let id = world.add(&format!("/incidents/{incident}/attachments"), about);
        world.files.insert(id, file);
        id
    }

    /// An incident as it is now; null if there is none.
    #[must_use]
    pub fn incident(&self, id: i64) -> Value {
        self.object(&format!("/incidents/{id}"))
    }

    /// Any object as it is now, by its path below the organization (`/tasks/9`, `/incidents/7/members`).
    #[must_use]
    pub fn object(&self, path: &str) -> Value {
        lock(&self.shared.world).objects.get(path).cloned().unwrap_or_default()
    }

    /// The objects of a collection: `/incidents/7/tasks`.
    #[must_use]
    pub fn objects(&self, collection: &str) -> Vec<Value> {
        lock(&self.shared.world).below(collection)
    }

    /// Sets the answer to `GET <path>`: `/actions`, `/users/115`, `/functions/<name>`, `/rest/const`.
    pub fn set(&self, path: &str, value: Value) {
        lock(&self.shared.world).lists.insert(path.to_owned(), value);
    }

    /// `GET <path>` finds nothing any more.
    pub fn unset(&self, path: &str) {
        lock(&self.shared.world).lists.remove(path);
    }

    /// Somebody else changes the object at `path` now.
    pub fn change(&self, path: &str, change: impl FnOnce(&mut Value)) {
        if let Some(object) = lock(&self.shared.world).objects.get_mut(path) {
            change(object);
            touch(object);
        }
    }

    /// Somebody else changes the object at `path` just before the next write of it arrives. Several queue up.
    pub fn meddle(&self, path: &str, change: impl FnOnce(&mut Value) + Send + 'static) {
        let mut world = lock(&self.shared.world);
        world.meddlers.entry(path.to_owned()).or_default().push(Meddler(Box::new(change)));
    }

    // --- accounts

    /// Every session runs out.
    pub fn expire_sessions(&self) {
        lock(&self.shared.world).sessions.clear();
    }

    /// The account has another password from now on; sessions go on.
    pub fn change_password(&self, email: &str, password: &str) {
        lock(&self.shared.world).users.insert(email.to_owned(), password.to_owned());
    }

    /// The API key is no longer known.
    pub fn revoke_api_key(&self, id: &str) {
        lock(&self.shared.world).api_keys.remove(id);
    }

    /// How many logins with a password succeeded.
    #[must_use]
    pub fn logins(&self) -> usize {
        lock(&self.shared.world).logins
    }

    // --- misbehaviour

    /// Misbehaves at the next request that `fault` fits. Faults queue up; the first that fits is taken.
    pub fn fault(&self, fault: Fault) {
        lock(&self.shared.faults).push(fault);
    }

    /// Misbehaves at random from now on, where no [`fault`](Self::fault) is due.
    pub fn weather(&self, weather: Weather) {
        *lock(&self.shared.weather) = weather;
    }

    /// How many requests it has misbehaved at.
    #[must_use]
    pub fn misbehaved(&self) -> usize {
        self.shared.misbehaved.load(Relaxed)
    }

    /// Answers requests of this method whose path begins with `prefix` (`/rest/…`) by `answer`, in place of what the
    /// stand-in would do. It is logged as any other; nobody is asked who they are. The latest route goes first.
    pub fn route(
        &self,
        method: Method,
        prefix: &str,
        answer: impl Fn(&Recorded) -> Reply + Send + Sync + 'static,
    ) {
        let route = OwnRoute { method, prefix: prefix.to_owned(), answer: Arc::new(answer) };
        lock(&self.shared.own).insert(0, route);
    }

    // --- what came

    /// The requests that have come.
    #[must_use]
    pub fn requests(&self) -> Vec<Recorded> {
        self.shared.log.all()
    }

    /// Those of this method whose path ends so.
    #[must_use]
    pub fn requests_of(&self, method: &Method, path_end: &str) -> Vec<Recorded> {
        let all = self.requests().into_iter();
        all.filter(|request| request.method == *method && request.path.ends_with(path_end)).collect()
    }

    /// Waits until `n` requests have come.
    pub async fn wait_for(&self, n: usize) -> Vec<Recorded> {
        self.wait_until(|requests| requests.len() >= n).await
    }

    /// Waits until the requests that have come are `enough`.
    pub async fn wait_until(&self, enough: impl FnMut(&[Recorded]) -> bool) -> Vec<Recorded> {
        self.shared.log.wait_until(enough).await
    }

    /// The changes that were carried out, in their order. Logins are none.
    #[must_use]
    pub fn writes(&self) -> Vec<Write> {
        lock(&self.shared.writes).clone()
    }

    /// Those since this was asked last, which it forgets.
    #[must_use]
    pub fn take_writes(&self) -> Vec<Write> {
        std::mem::take(&mut lock(&self.shared.writes))
    }

    /// How many changes were carried out for the message with this context token.
    #[must_use]
    pub fn writes_for(&self, token: &str) -> usize {
        self.writes().iter().filter(|write| write.context_token.as_deref() == Some(token)).count()
    }
}

impl Drop for Platform {
    fn drop(&mut self) {
        self.server.abort();
    }
}
