use crate::{Platform, log::Log, platform::Shared, serve, world::World};
use rustls::ServerConfig;
use serde_json::{Value, json};
use std::{
    net::SocketAddr,
    sync::{Arc, Mutex},
};
use tokio::net::TcpListener;

/// What differs from the defaults of a [`Platform`].
#[derive(Debug)]
pub struct Builder {
    world: World,
    tls: Option<Arc<ServerConfig>>,
    prefix: String,
    address: SocketAddr,
    forgets: bool,
}

impl Default for Builder {
    fn default() -> Self {
        Self {
            world: World::default(),
            tls: None,
            prefix: String::new(),
            address: SocketAddr::from(([127, 0, 0, 1], 0)),
            forgets: false,
        }
    }
}

impl Builder {
    /// Speaks TLS, with this certificate.
    #[must_use]
    pub fn tls(mut self, config: Arc<ServerConfig>) -> Self {
        self.tls = Some(config);
        self
    }

    /// Answers below `<prefix>/rest` (`/soar`).
    #[must_use]
    pub fn prefix(mut self, prefix: &str) -> Self {
        prefix.clone_into(&mut self.prefix);
        self
    }

    /// Listens here in place of a port of its own.
    #[must_use]
    pub fn address(mut self, address: SocketAddr) -> Self {
        self.address = address;
        self
    }

    /// Has these organizations and no others: `{"id", "name", "enabled", "uuid", "cloud_account",
    /// "actions_framework_enabled"}`, the last and `enabled` true unless told otherwise.
    #[must_use]
    pub fn organizations(mut self, organizations: impl IntoIterator<Item = Value>) -> Self {
        let complete = |organization: Value| {
            let mut whole = json!({ "enabled": true, "actions_framework_enabled": true });
            if let (Some(whole), Value::Object(given)) = (whole.as_object_mut(), organization) {
                whole.extend(given);
            }
            whole
        };
        self.world.organizations = organizations.into_iter().map(complete).collect();
        self
    }

    /// Knows this API key, too.
    #[must_use]
    pub fn api_key(mut self, id: &str, secret: &str) -> Self {
        self.world.api_keys.insert(id.to_owned(), secret.to_owned());
        self
    }

    /// Answers `GET <path>` with `value`: `/actions`, `/users`, `/types/incident/fields`, `/functions/<name>` below the
    /// organization, or `/rest/const`.
    #[must_use]
    pub fn list(mut self, path: &str, value: Value) -> Self {
        self.world.lists.insert(path.to_owned(), value);
        self
    }

    /// Keeps values in forms of its own, as the platform does, and gives them back as `handle_format` says: rich text with
    /// tags around it, labels as ids, chosen ones in its own order, texts without blanks around them, days without a time.
    /// The kinds of the fields stand in `/types/<type>/fields`.
    #[must_use]
    pub fn rewriting(mut self) -> Self {
        self.world.rewrites = true;
        self
    }

    /// Does not remember requests, so that it can serve very many; none can be waited for.
    #[must_use]
    pub fn forgetting(mut self) -> Self {
        self.forgets = true;
        self
    }

    /// Begins to serve.
    ///
    /// # Panics
    /// There is no port to be had.
    #[expect(clippy::expect_used, reason = "a test cannot go on without it")]
    pub async fn start(self) -> Platform {
        let listener = TcpListener::bind(self.address).await.expect("a port of 127.0.0.1 is free");
        let address = listener.local_addr().expect("a bound socket has an address");
        let log = Log::new(self.forgets);
        let shared = Arc::new(Shared { world: Mutex::new(self.world), log, ..Shared::default() });
        let routes = crate::routes::all(&shared, &self.prefix);
        Platform::new(shared, address, serve::serve(listener, self.tls, routes))
    }
}
