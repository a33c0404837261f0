//! The hosts that are reached without the proxy (`NO_PROXY`).

use http::Uri;
use hyper_util::client::proxy::matcher::Matcher;

/// Whether `list` names `host`. Entries, separated by commas: a domain (with its subdomains), an IP address, a network
/// (`10.0.0.0/8`), or `*`.
pub(super) fn names(list: &str, host: &str) -> bool {
    // The matcher only answers "which proxy for this URL?", so it gets one for everything.
    let matcher = Matcher::builder().all("http://proxy.invalid").no(list).build();
    url(host).is_some_and(|url| matcher.intercept(&url).is_none())
}

fn url(host: &str) -> Option<Uri> {
    let authority = if host.contains(':') { format!("[{host}]") } else { host.to_owned() };
    Uri::builder().scheme("https").authority(authority).path_and_query("/").build().ok()
}
