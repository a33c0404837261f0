//! The platform's layers: the way there, login, organization, Action Module.

use super::{
    exit,
    report::{Report, Stop},
    way::{Fault, Steps, told},
};
use crate::{
    component::with_causes,
    rest::{ConnectError, Connection, Credentials, LoggedIn, Organization, Platform, Settings},
    stomp::transport::Dialer,
};
use std::time::Duration;
use tokio::time::timeout;

/// What to do about a platform that lets us in and then says nothing.
const SILENT: &str = "the connection is open, but nobody answers the request: check that host, port and proxy_host are \
                      the platform's, and that the platform is up";

/// Tries each layer; the way to the organization.
pub(super) async fn walk(
    settings: Settings,
    patience: Duration,
    report: &mut Report<'_>,
) -> Result<Platform, Stop> {
    let steps = Steps { patience, unreachable: exit::REST_UNREACHABLE };
    report.part("REST", &format!("REST {}", settings.address));
    let proxy = settings.proxy.as_ref().filter(|proxy| proxy.serves(&settings.address.host));
    let proxy = proxy.map(ToString::to_string);
    if proxy.is_none() {
        // The client opens its own connection; this one is closed unused.
        drop(steps.open(&direct(&settings), report).await?);
    }
    let logged_in = log_in(settings, proxy.as_deref(), steps, report).await?;
    let organization = told("organization", logged_in.organization().map_err(Fault::from), report)?;
    report.ok("organization", &seen(&organization, logged_in.organizations()));
    let open = steps.within(SILENT, async { logged_in.open().await.map_err(Fault::from) });
    let platform = told("action module", open.await, report)?;
    report.ok("action module", "enabled");
    Ok(platform)
}

/// The way to the platform is the same as to a broker, up to the first byte of data.
fn direct(settings: &Settings) -> Dialer {
    let (host, port) = (settings.address.host.clone(), settings.address.port);
    Dialer { host, port, tls: settings.tls.clone(), server_name: None, proxy: None }
}

/// Through a proxy, the layers below are the proxy's affair; the line that fails bears the layer's name all the same.
async fn log_in(
    settings: Settings,
    proxy: Option<&str>,
    steps: Steps,
    report: &mut Report<'_>,
) -> Result<LoggedIn, Stop> {
    let account = account(&settings.credentials);
    let attempt = timeout(steps.patience, async { Connection::new(settings)?.log_in().await });
    let logged_in = match attempt.await {
        Ok(Ok(logged_in)) => logged_in,
        Ok(Err(error)) => {
            let step = layer(&error, proxy.is_some());
            let Fault { code, text } = error.into();
            return Err(report.failed(step, code, &text));
        }
        Err(_elapsed) => {
            let step = if proxy.is_some() { "proxy" } else { "login" };
            return Err(report.failed(step, steps.unreachable, &steps.late(SILENT)));
        }
    };
    if let Some(proxy) = proxy {
        report.ok("proxy", proxy);
    }
    report.ok("login", &account);
    Ok(logged_in)
}

fn layer(error: &ConnectError, proxied: bool) -> &'static str {
    match error {
        ConnectError::Proxy { .. } => "proxy",
        ConnectError::Unreachable { .. } if proxied => "proxy",
        ConnectError::Certificate { .. } => "tls",
        _ => "login",
    }
}

fn account(credentials: &Credentials) -> String {
    match credentials {
        Credentials::ApiKey { id, .. } => format!("API key {id}"),
        Credentials::User { email, .. } => format!("user {email}"),
    }
}

/// The organization, and the others that there are.
fn seen(organization: &Organization, all: &[Organization]) -> String {
    let Organization { id, name, .. } = organization;
    let others: Vec<&str> =
        all.iter().filter(|other| other.id != *id).map(|other| other.name.as_str()).collect();
    match others.as_slice() {
        [] => format!("{name} (id {id})"),
        others => format!("{name} (id {id}); the account is also a member of {}", others.join(", ")),
    }
}

// === impl Fault ===

impl From<ConnectError> for Fault {
    fn from(error: ConnectError) -> Self {
        let advice = match &error {
            ConnectError::Rest(_) => "; see the platform's own log, and whether resource_prefix is right",
            _ => "",
        };
        Self { code: error.exit_code(), text: format!("{}{advice}", with_causes(&error)) }
    }
}
