//! The proof of who we are: HTTP Basic for an API key, else a session that runs out and is renewed by one login for all
//! who need it.

use super::{Credentials, Organization, failure::Call, wire::Wire};
use crate::{component::redact::Held, logging::Redactor, secret::Secret};
use action_component::rest::{Body, Content, Identity, Request, RestError, Scope};
use base64::{Engine, prelude::BASE64_STANDARD};
use http::{HeaderMap, HeaderName, HeaderValue, Method, header};
use serde::Deserialize;
use serde_json::json;
use std::{
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};
use tokio::{sync::Mutex, time::Instant};

/// The waits after a refused login, in which no other is tried: an account must not be locked by a daemon that knocks at
/// the door with a password that was changed.
const FIRST_HOLD: Duration = Duration::from_secs(5);
const LONGEST_HOLD: Duration = Duration::from_secs(300);

/// Who we are, for all calls.
#[derive(Debug)]
pub(super) struct Session {
    credentials: Credentials,
    redactor: Redactor,
    pass: RwLock<Pass>,
    identity: RwLock<Identity>,
    /// The credentials themselves are masked even where nothing else has registered them.
    _masked: Held,
    // Held while a login is under way, so that there is only one.
    logins: Mutex<Logins>,
}

/// The headers that prove who we are.
#[derive(Debug, Clone, Default)]
pub(super) struct Pass {
    number: u64,
    pub(super) headers: HeaderMap,
    /// What must not be shown for as long as a call has this pass.
    _masked: Arc<Vec<Held>>,
}

/// How the last login went.
#[derive(Debug, Default)]
struct Logins {
    failed: Option<(Instant, Arc<RestError>)>,
    hold: Option<(Instant, Duration)>,
}

/// What the platform says to a login. Other fields do not matter here.
#[derive(Deserialize)]
struct Answer {
    #[serde(default)]
    orgs: Vec<Organization>,
    #[serde(default)]
    csrf_token: Option<String>,
    /// Whose session it is.
    #[serde(flatten)]
    account: serde_json::Value,
}

/// Somebody else's login failed while we waited for it.
#[derive(Debug, thiserror::Error)]
#[error("the login failed: {0}")]
struct LoginFailed(Arc<RestError>);

// === impl Session ===

impl Session {
    pub(super) fn new(credentials: Credentials, redactor: Redactor) -> Self {
        let pair = match &credentials {
            Credentials::ApiKey { id: user, secret }
            | Credentials::User { email: user, password: secret } => Secret::pair(user, secret),
        };
        let masked = redactor.hold(&pair);
        Self {
            credentials,
            redactor,
            pass: RwLock::default(),
            identity: RwLock::default(),
            _masked: masked,
            logins: Mutex::default(),
        }
    }

    pub(super) fn credentials(&self) -> &Credentials {
        &self.credentials
    }

    /// Whether a new login can help a call that was refused.
    pub(super) fn can_run_out(&self) -> bool {
        matches!(self.credentials, Credentials::User { .. })
    }

    /// The pass that the last login gave.
    pub(super) fn pass(&self) -> Pass {
        self.pass.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Logs in and says which organizations there are.
    pub(super) async fn log_in(&self, wire: &Wire) -> Result<Vec<Organization>, RestError> {
        let (answer, headers, tokens) = match &self.credentials {
            Credentials::ApiKey { id, secret } => {
                let headers = basic(id, secret.expose());
                (ask(wire, session(Method::GET, Body::Empty), &headers).await?.0, headers, Vec::new())
            }
            Credentials::User { email, password } => {
                let body = Body::json(&json!({ "email": email, "password": password.expose() }))?;
                let (answer, headers) = ask(wire, session(Method::POST, body), &HeaderMap::new()).await?;
                let tokens = set_cookies(&headers).filter_map(|cookie| cookie.split_once('='));
                let tokens = tokens.map(|(_name, value)| value).chain(answer.csrf_token.as_deref());
                let tokens = tokens.map(|token| self.redactor.hold(&token.into())).collect();
                let headers = proof(&answer, &headers);
                (answer, headers, tokens)
            }
        };
        let mut pass = self.pass.write().unwrap_or_else(PoisonError::into_inner);
        *pass = Pass { number: pass.number + 1, headers, _masked: Arc::new(tokens) };
        *self.identity.write().unwrap_or_else(PoisonError::into_inner) =
            Identity::of_session(&answer.account);
        Ok(answer.orgs)
    }

    /// As whom the last login was made.
    pub(super) fn identity(&self) -> Identity {
        self.identity.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// A pass newer than `old`, which was refused: from whoever logs in first, for all.
    pub(super) async fn renew(&self, wire: &Wire, old: &Pass) -> Result<Pass, RestError> {
        let asked = Instant::now();
        let mut logins = self.logins.lock().await;
        let current = self.pass();
        if current.number != old.number {
            return Ok(current);
        }
        logins.refuse(asked)?;
        tracing::debug!("the session ran out; logging in again");
        match self.log_in(wire).await {
            Ok(_organizations) => {
                *logins = Logins::default();
                Ok(self.pass())
            }
            Err(error) => Err(logins.failed(error)),
        }
    }
}

// === impl Logins ===

impl Logins {
    /// Refuses a login that is known to fail: one failed since `asked`, or was refused not long ago.
    fn refuse(&self, asked: Instant) -> Result<(), RestError> {
        let now = Instant::now();
        let held = self.hold.is_some_and(|(until, _)| now < until);
        match &self.failed {
            Some((at, error)) if held || *at >= asked => Err(again(error)),
            _ => Ok(()),
        }
    }

    fn failed(&mut self, error: RestError) -> RestError {
        let error = Arc::new(error);
        let now = Instant::now();
        self.failed = Some((now, error.clone()));
        if let Some(asked) = error.retry_after() {
            // Sooner it would only be told the same.
            self.hold = now.checked_add(asked).map(|until| (until, FIRST_HOLD));
            return again(&error);
        }
        self.hold = matches!(*error, RestError::Unauthorized { .. }).then(|| {
            let wait = self.hold.map_or(FIRST_HOLD, |(_, wait)| (wait * 2).min(LONGEST_HOLD));
            tracing::error!(%error, next_login_in = ?wait, "the platform refuses the account; correct its password");
            (now + wait, wait)
        });
        again(&error)
    }
}

/// The same error for another caller.
fn again(error: &Arc<RestError>) -> RestError {
    match &**error {
        RestError::Unauthorized { method, path, message } => {
            RestError::Unauthorized { method: method.clone(), path: path.clone(), message: message.clone() }
        }
        RestError::Status(status) if status.retry_after.is_some() => RestError::Status(status.clone()),
        // The call itself was answered by 401, so that it was not carried out.
        _ => RestError::Unreachable {
            method: Method::POST,
            path: "/session".to_owned(),
            source: LoginFailed(error.clone()).into(),
        },
    }
}

fn session(method: Method, body: Body) -> Request {
    let mut request = Request::new(method, "/session");
    request.scope = Scope::Platform;
    request.body = body;
    request
}

async fn ask(wire: &Wire, request: Request, pass: &HeaderMap) -> Result<(Answer, HeaderMap), RestError> {
    let call = Call::of(&request);
    let response = wire.send(request, None, pass).await?;
    let text = match response.body {
        Content::Bytes(text) => text,
        _ => Default::default(),
    };
    let answer = serde_path_to_error::deserialize(&mut serde_json::Deserializer::from_slice(&text));
    Ok((answer.map_err(|error| call.unreadable(error))?, response.headers))
}

fn basic(id: &str, secret: &str) -> HeaderMap {
    let value = format!("Basic {}", BASE64_STANDARD.encode(format!("{id}:{secret}")));
    HeaderMap::from_iter(sensitive(&value).map(|value| (header::AUTHORIZATION, value)))
}

/// The cookies that the login set (`JSESSIONID`, and perhaps a load balancer's) and the token that must go with them.
fn proof(answer: &Answer, headers: &HeaderMap) -> HeaderMap {
    let cookies: Vec<&str> = set_cookies(headers).collect();
    let token = answer.csrf_token.as_deref().and_then(sensitive);
    let token = token.map(|token| (HeaderName::from_static("x-sess-id"), token));
    let cookies = sensitive(&cookies.join("; ")).map(|cookies| (header::COOKIE, cookies));
    HeaderMap::from_iter(cookies.into_iter().chain(token))
}

/// `name=value` of each cookie that an answer sets.
pub(super) fn set_cookies(headers: &HeaderMap) -> impl Iterator<Item = &str> {
    let cookies = headers.get_all(header::SET_COOKIE).iter().filter_map(|cookie| cookie.to_str().ok());
    cookies.filter_map(|cookie| cookie.split(';').next()).map(str::trim)
}

fn sensitive(text: &str) -> Option<HeaderValue> {
    let mut value = HeaderValue::from_str(text).ok()?;
    value.set_sensitive(true);
    Some(value)
}
