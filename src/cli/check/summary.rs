//! What is configured, in a few lines.

use super::report::Report;
use crate::{
    component::Component,
    config::{BrokerProxy, Config, Credentials, Trust},
};
use std::path::Path;

/// Tells what `config` amounts to, and what is odd about it.
pub(super) fn tell(config: &Config, components: &[Component], file: Option<&Path>, report: &mut Report<'_>) {
    report.part("configuration", "app.config is valid");
    let file =
        file.map_or("none; environment and command line only".into(), |path| path.display().to_string());
    report.info("file", &file);
    let several = config.platforms().count() > 1;
    for one in config.platforms() {
        if several {
            report.on(config, one);
            report.part("configuration", "the platform");
        }
        tell_platform(one, components, report);
    }
    for problem in &config.warnings {
        report.warning("configuration", &problem.to_string());
    }
}

fn tell_platform(config: &Config, components: &[Component], report: &mut Report<'_>) {
    report.info("platform", &platform(config));
    report.info("organization", config.platform.org.as_deref().unwrap_or("the only one of the account"));
    report.info("account", &account(&config.platform.credentials));
    report.info("broker", &broker(config));
    for component in config.instances(components) {
        tell_component(config, &component, report);
    }
    warn_unverified(config, report);
}

/// Who we are, without what proves it.
fn account(credentials: &Credentials) -> String {
    match credentials {
        Credentials::ApiKey { id, .. } => format!("API key {id}"),
        Credentials::User { email, .. } => format!("user {email}"),
    }
}

fn platform(config: &Config) -> String {
    let platform = &config.platform;
    let proxy = platform.proxy.as_ref().map(|proxy| format!(", through {}:{}", proxy.host, proxy.port));
    format!("{}:{}{}{}", platform.host, platform.port, platform.resource_prefix, proxy.unwrap_or_default())
}

fn broker(config: &Config) -> String {
    let broker = &config.broker;
    let proxy = match &broker.proxy {
        BrokerProxy::Direct => "",
        BrokerProxy::Environment => ", through the environment's proxy if it names one",
        BrokerProxy::Url(_) => ", through the proxy of stomp_proxy",
    };
    format!("{}{proxy}", broker.addresses())
}

fn tell_component(config: &Config, component: &Component, report: &mut Report<'_>) {
    let name = component.name();
    if !config.loads(name) {
        return report.info("component", &format!("{name}, left out by noload"));
    }
    if !config.is_served(name) {
        return;
    }
    let section = config.section(name);
    let mut actions: Vec<&str> = component.handlers().map(|(action, _)| action).collect();
    actions.extend(component.default_handler().map(|_| "every other"));
    let mut parts = vec![name.to_owned()];
    if !actions.is_empty() {
        let (destination, actions) = (component.serves(&section), actions.join(", "));
        parts.push(format!("destination {destination}, actions {actions}"));
    }
    parts.extend(others(component));
    report.info("component", &parts.join(", "));
}

/// What it answers besides actions.
fn others(component: &Component) -> Vec<String> {
    let mut inbound: Vec<&str> = component.inbounds().iter().map(|news| news.destination.as_str()).collect();
    inbound.dedup();
    let connectors = component.connectors().map(|(queue, _)| queue);
    let kinds: [(&str, Vec<&str>); 3] = [
        ("functions", component.functions().map(|(name, _)| name).collect()),
        ("inbound destinations", inbound),
        ("connectors", connectors.chain(component.any_connector().map(|_| "every other")).collect()),
    ];
    let some = kinds.into_iter().filter(|(_, names)| !names.is_empty());
    some.map(|(kind, names)| format!("{kind} {}", names.join(", "))).collect()
}

fn warn_unverified(config: &Config, report: &mut Report<'_>) {
    let links =
        [("cafile", "platform", &config.platform.trust), ("stomp_cafile", "broker", &config.broker.trust)];
    for (key, server, trust) in links {
        if *trust == Trust::Anything {
            report.warning(
                key,
                &format!(
                    "the {server}'s certificate is not verified: whoever answers in its place can read the \
                     credentials and every message. Name a file with the CA's certificate in {key}"
                ),
            );
        }
    }
}
