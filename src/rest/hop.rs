//! Which hop of the way failed: the proxy, or the platform behind it.

use super::Proxy;
use crate::tls;
use action_component::rest::BoxError;
use std::error::Error;

/// A failure of the proxy. The platform may be as well as ever.
#[derive(Debug, thiserror::Error)]
#[error("the proxy {proxy} {what}")]
pub(super) struct ProxyFailed {
    proxy: String,
    what: String,
}

/// What a connection that did not come about means; `proxy` is what it was to go through.
pub(super) fn unreachable(error: &(dyn Error + 'static), proxy: Option<&Proxy>) -> BoxError {
    let texts = texts(error);
    let said = |words: &str| texts.iter().any(|text| text.contains(words));
    let reached = !said("failed to create underlying connection");
    let tls = tls::in_words(error);
    let (Some(proxy), true) = (proxy, tls.is_none() || !reached) else {
        return tls.unwrap_or_else(|| root(&texts)).into();
    };
    let what = if !reached || said("tcp connect error") || said("dns error") {
        format!("cannot be reached: {}", tls.unwrap_or_else(|| root(&texts)))
    } else if said("proxy authorization required") || said("credentials not accepted") {
        match proxy.has_user() {
            true => "refuses the user or the password".to_owned(),
            false => format!("asks for a user and a password; {}", proxy.how_to_name_a_user()),
        }
    } else if said("tunnel error: unsuccessful") {
        "does not let this call through; ask its administrator to allow the platform's host and port"
            .to_owned()
    } else if said("unexpected end of file") || said("failed parsing") || said("headers too long") {
        "does not answer as a proxy does; check its scheme and its port".to_owned()
    } else {
        format!("failed: {}", root(&texts))
    };
    Box::new(ProxyFailed { proxy: proxy.named(), what })
}

fn root(texts: &[String]) -> String {
    texts.last().cloned().unwrap_or_default()
}

/// What each layer says, from the outermost on.
fn texts(error: &(dyn Error + 'static)) -> Vec<String> {
    let mut next = Some(error);
    let chain = std::iter::from_fn(|| {
        let error = next?;
        next = error.source();
        Some(error.to_string())
    });
    chain.collect()
}
