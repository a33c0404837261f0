//! The proxy that the environment names: one rule for every link, so that none goes another way than the others.

use http::Uri;
use hyper_util::client::proxy::matcher::Matcher;

/// The variables that name a proxy, the first one that is set counts; each in small letters first, as curl does.
const VARIABLES: [&str; 3] = ["HTTPS_PROXY", "ALL_PROXY", "HTTP_PROXY"];

/// The variable that is set, by the name that it was found under, and its value.
pub(crate) fn from_environment(lookup: impl Fn(&str) -> Option<String>) -> Option<(String, String)> {
    VARIABLES.iter().find_map(|name| variable(&lookup, name))
}

/// The hosts that the environment excepts from its proxy.
pub(crate) fn exceptions(lookup: impl Fn(&str) -> Option<String>) -> Option<String> {
    variable(&lookup, "NO_PROXY").map(|(_, list)| list)
}

/// Whether `list` names `host`. Entries, separated by commas or blanks: a domain (with its subdomains; `*.` and `.` before
/// it change nothing), an IP address, a network (`10.0.0.0/8`), or `*`. A port behind an entry is left out of account.
pub(crate) fn excepts(list: &str, host: &str) -> bool {
    let entries = list.split([',', ' ', '\t']).filter(|entry| !entry.is_empty());
    let entries = entries.map(|entry| without_port(entry.strip_prefix("*.").unwrap_or(entry)));
    let list = entries.collect::<Vec<_>>().join(",");
    // The matcher only answers "which proxy for this URL?", so it gets one for everything.
    let matcher = Matcher::builder().all("http://proxy.invalid").no(list.as_str()).build();
    let host = host.trim_end_matches('.');
    let authority = if host.contains(':') { format!("[{host}]") } else { host.to_owned() };
    let url = Uri::builder().scheme("https").authority(authority).path_and_query("/").build();
    url.is_ok_and(|url| matcher.intercept(&url).is_none())
}

/// An IPv6 address has colons of its own.
fn without_port(entry: &str) -> &str {
    if let Some((address, _)) = entry.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        return address;
    }
    match entry.split_once(':') {
        Some((host, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => host,
        _ => entry,
    }
}

fn variable(lookup: impl Fn(&str) -> Option<String>, name: &str) -> Option<(String, String)> {
    [name.to_ascii_lowercase(), name.to_owned()].into_iter().find_map(|name| {
        let value = lookup(&name)?.trim().to_owned();
        (!value.is_empty()).then_some((name, value))
    })
}
