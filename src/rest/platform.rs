use super::{
    Organization, Refused, Retries, Settings,
    cache::Cache,
    retry::{Attempts, Next},
    session::Session,
    wire::{Connections, Wire},
};
use action_component::rest::{Backend, Content, Request, Response, RestError, Site};
use futures_util::future::BoxFuture;
use http::Method;
use std::time::Duration;
use tokio::time::Instant;

/// The platform's REST API, for all messages: the backend of every [`Rest`](action_component::Rest).
#[derive(Debug)]
pub struct Platform {
    wire: Wire,
    session: Session,
    organization: Organization,
    retries: Retries,
    cache: Cache,
    site: Site,
    refused: Option<Refused>,
}

impl Platform {
    pub(super) fn new(wire: Wire, session: Session, organization: Organization, settings: &Settings) -> Self {
        let (retries, cache) = (settings.retries, Cache::new(settings.cache_ttl));
        let site = Site::new(settings.address.web(), organization.id, &organization.name);
        let site = site.with_identity(session.identity());
        Self { wire, session, organization, retries, cache, site, refused: settings.refused.clone() }
    }

    /// The organization's id, which stands in the queues' names too.
    #[must_use]
    pub fn org_id(&self) -> i64 {
        self.organization.id
    }

    /// The organization's name.
    #[must_use]
    pub fn org_name(&self) -> &str {
        &self.organization.name
    }

    /// As often as is safe and sensible.
    async fn persist(&self, mut request: Request) -> Result<Response, RestError> {
        let call = (request.method.clone(), request.path_only().to_owned());
        let deadline = request.timeout.and_then(|time| Instant::now().checked_add(time));
        let mut attempts = Attempts::new(self.retries, request.method.clone()).until(deadline);
        let mut connections = Connections::Kept;
        loop {
            let again = request.again();
            let error = match self.attempt(request, connections).await {
                Ok(response) => return Ok(response),
                Err(error) => error,
            };
            let reason = error.to_string();
            let wait;
            (request, wait) = match attempts.after(error, again) {
                Next::Again(request, wait) => (request, wait),
                Next::Done(result) => return result,
            };
            connections = if wait.is_zero() { Connections::New } else { Connections::Kept };
            warn(&call, &attempts, wait, &reason);
            tokio::time::sleep(wait).await;
        }
    }

    /// An answer that may be remembered: one that says no is none.
    async fn ask_for_good(&self, request: Request) -> Result<Response, RestError> {
        let (method, path) = (request.method.clone(), request.path.clone());
        let response = self.persist(request).await?;
        let refused = match &response.body {
            Content::Bytes(body) => RestError::refused(&method, &path, body),
            _ => None,
        };
        refused.map_or(Ok(response), Err)
    }

    /// Once, and once more after a login if the session ran out.
    async fn attempt(&self, request: Request, connections: Connections) -> Result<Response, RestError> {
        let again = request.again();
        if again.is_none() && self.session.can_run_out() {
            // A body that can be read once must not meet a session that ran out.
            Box::pin(self.attempt(Request::new(Method::GET, ""), connections)).await?;
        }
        let pass = self.session.pass();
        let answer = match (self.send(request, connections, &pass.headers).await, again) {
            (Err(RestError::Unauthorized { .. }), Some(again)) if self.session.can_run_out() => {
                match self.session.renew(&self.wire, &pass).await {
                    Ok(pass) => self.send(again, connections, &pass.headers).await,
                    Err(error) => Err(error),
                }
            }
            (answer, _) => answer,
        };
        if let (Err(RestError::Unauthorized { .. }), Some(refused)) = (&answer, &self.refused) {
            (refused.0)();
        }
        answer
    }

    async fn send(
        &self,
        request: Request,
        connections: Connections,
        pass: &http::HeaderMap,
    ) -> Result<Response, RestError> {
        self.wire.send_by(connections, request, Some(self.organization.id), pass).await
    }

    /// By the cache, once, or as often as is sensible.
    async fn carry_out(&self, request: Request) -> Result<Response, RestError> {
        if request.cached && request.method == Method::GET {
            let key = (request.scope, request.path.clone());
            return self.cache.get(key, || self.ask_for_good(request)).await;
        }
        if request.once {
            return self.attempt(request, Connections::Kept).await;
        }
        self.persist(request).await
    }
}

impl Backend for Platform {
    fn call(&self, request: Request) -> BoxFuture<'_, Result<Response, RestError>> {
        Box::pin(async move {
            let Some(time) = request.timeout else { return self.carry_out(request).await };
            let (method, path) = (request.method.clone(), request.path_only().to_owned());
            let in_time = tokio::time::timeout(time, self.carry_out(request)).await;
            in_time.unwrap_or_else(|_elapsed| Err(RestError::TimedOut { method, path, after: time }))
        })
    }

    fn site(&self) -> Option<&Site> {
        Some(&self.site)
    }
}

fn warn((method, path): &(Method, String), attempts: &Attempts, wait: Duration, reason: &str) {
    tracing::warn!(%method, path, attempt = attempts.made(), ?wait, reason, "a REST call failed; trying again");
}
