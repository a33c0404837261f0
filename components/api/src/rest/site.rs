use super::Rest;
use serde_json::Value;

/// Where the platform is, which organization the calls are about, and as whom the processor is logged in there.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Site {
    /// The organization's id, which stands in paths and queues' names.
    pub org_id: i64,
    /// The organization's name, as users see it.
    pub org_name: String,
    /// `https://soar.example.com`, with the port where it is not the usual one.
    pub base_url: String,
    /// As whom the processor is logged in.
    pub identity: Identity,
}

/// An account of the platform's: a user's, or an API key's.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Identity {
    /// A user's id.
    pub user_id: Option<i64>,
    /// An API key's id, as changes by it name it.
    pub api_key_handle: Option<i64>,
    /// What the platform shows of it.
    pub name: Option<String>,
    /// A user's e-mail address.
    pub email: Option<String>,
}

/// Cloud Pak for Security has its REST API on a host of its own, which is called so.
const CLOUD_PAK: &str = "cases-rest.";

// === impl Site ===

impl Site {
    /// An organization of the platform at `base_url`.
    #[must_use]
    pub fn new(base_url: impl Into<String>, org_id: i64, org_name: impl Into<String>) -> Self {
        let base_url: String = base_url.into();
        let (base_url, org_name) = (base_url.trim_end_matches('/').to_owned(), org_name.into());
        Self { org_id, org_name, base_url, identity: Identity::default() }
    }

    /// With the account that the processor uses.
    #[must_use]
    pub fn with_identity(mut self, identity: Identity) -> Self {
        self.identity = identity;
        self
    }

    /// Where a browser shows an incident.
    #[must_use]
    pub fn incident_url(&self, incident: i64) -> String {
        self.page(incident, "")
    }

    /// Where a browser shows a task of an incident.
    #[must_use]
    pub fn task_url(&self, incident: i64, task: i64) -> String {
        self.page(incident, &format!("&taskId={task}&tabName=details"))
    }

    /// Where a browser shows an incident's artifacts; the platform has no address for a single one.
    #[must_use]
    pub fn artifacts_url(&self, incident: i64) -> String {
        self.page(incident, "&tabName=artifacts")
    }

    /// The one place that knows the form of the platform's addresses.
    fn page(&self, incident: i64, more: &str) -> String {
        let org = self.org_id;
        match self.base_url.split_once("://") {
            Some((scheme, host)) if host.starts_with(CLOUD_PAK) => {
                let host = host.trim_start_matches(CLOUD_PAK);
                format!("{scheme}://{host}/app/respond/#cases/{incident}?orgId={org}{more}")
            }
            _ => format!("{}/#incidents/{incident}?orgId={org}{more}", self.base_url),
        }
    }
}

// === impl Identity ===

impl Identity {
    /// A user.
    #[must_use]
    pub fn user(id: i64, name: impl Into<String>, email: impl Into<String>) -> Self {
        Self { user_id: Some(id), api_key_handle: None, name: Some(name.into()), email: Some(email.into()) }
    }

    /// An API key.
    #[must_use]
    pub fn api_key(handle: i64, name: impl Into<String>) -> Self {
        Self { api_key_handle: Some(handle), name: Some(name.into()), ..Self::default() }
    }

    /// What the platform says of an account when it logs in.
    #[must_use]
    pub fn of_session(session: &Value) -> Self {
        let id = |name: &str| session.get(name).and_then(Value::as_i64).filter(|id| *id > 0);
        let text = |name: &str| session.get(name).and_then(Value::as_str).map(ToOwned::to_owned);
        let full = ["user_fname", "user_lname"].map(text).into_iter().flatten().collect::<Vec<_>>().join(" ");
        let name = Some(full.trim().to_owned()).filter(|name| !name.is_empty());
        Self {
            user_id: id("user_id"),
            api_key_handle: id("api_key_handle"),
            name: name.or_else(|| text("user_display_name")).or_else(|| text("api_key_name")),
            email: text("user_email"),
        }
    }

    /// Whether `who` is this account: an id, a name, an e-mail address, or an object that has one (`{"id", "name", "type"}`,
    /// a message's user), as changes and principals come.
    #[must_use]
    pub fn is(&self, who: &Value) -> bool {
        let ids = [self.user_id, self.api_key_handle];
        let names = [&self.email, &self.name];
        match who {
            Value::Number(id) => id.as_i64().is_some_and(|id| ids.contains(&Some(id))),
            Value::String(name) => names.into_iter().flatten().any(|own| own.eq_ignore_ascii_case(name)),
            Value::Object(who) => {
                // An id says it for good; a name is anybody's.
                let said = ["id", "email", "name"]
                    .iter()
                    .find_map(|name| who.get(*name).filter(|said| !said.is_null()));
                said.is_some_and(|said| !said.is_object() && self.is(said))
            }
            Value::Null | Value::Bool(_) | Value::Array(_) => false,
        }
    }
}

// === impl Rest ===

impl Rest {
    /// Where the platform is, which organization this is, and who is asking. None with a backend that does not know: a
    /// test's own, or recordings.
    ///
    /// ```
    /// # use action_component::{Failure, Rest};
    /// # fn link(rest: &Rest) -> Option<String> {
    /// Some(rest.site()?.incident_url(2095))
    /// # }
    /// ```
    #[must_use]
    pub fn site(&self) -> Option<&Site> {
        self.backend().site()
    }
}
