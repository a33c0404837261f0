use crate::secret::Secret;
use http::Uri;
use hyper_util::client::proxy::matcher::Matcher;
use reqwest::Url;
use std::fmt;

/// The way out to the platform.
#[derive(Debug, Clone)]
pub struct Proxy {
    url: Url,
    user: Option<(String, Secret)>,
    except: Option<String>,
}

impl Proxy {
    /// The proxy of app.config: `host` may carry a scheme (`http://`, `https://`, `socks5://`, `socks5h://`), else it is
    /// `http`. It is used whatever `NO_PROXY` says, for it was chosen for this platform.
    ///
    /// # Errors
    /// This is no address; the text says why.
    pub fn new(host: &str, port: u16, user: Option<(String, Secret)>) -> Result<Self, String> {
        let address = if host.contains("://") { host.to_owned() } else { format!("http://{host}") };
        let mut url = Url::parse(&address).map_err(|error| format!("proxy_host: {error}"))?;
        url.set_port(Some(port)).map_err(|()| "proxy_host: a proxy of this kind has no port".to_owned())?;
        Ok(Self { user: user.or_else(|| take_user(&mut url)), url, except: None })
    }

    /// The proxy that the environment names for a host called by `https`: `HTTPS_PROXY`, else `HTTP_PROXY` (also in small
    /// letters), except for what `NO_PROXY` lists.
    ///
    /// # Errors
    /// The variable's value is no address. The text names the variable, not its value.
    pub fn from_environment(lookup: impl Fn(&str) -> Option<String>) -> Result<Option<Self>, String> {
        let either = |name: &str| {
            let value = lookup(name).or_else(|| lookup(&name.to_lowercase()));
            value.map(|value| value.trim().to_owned()).filter(|value| !value.is_empty())
        };
        let found = ["HTTPS_PROXY", "HTTP_PROXY"].into_iter().find_map(|name| Some((name, either(name)?)));
        let Some((name, value)) = found else { return Ok(None) };
        let address = if value.contains("://") { value } else { format!("http://{value}") };
        let mut url = Url::parse(&address).map_err(|error| format!("{name}: {error}"))?;
        Ok(Some(Self { user: take_user(&mut url), url, except: either("NO_PROXY") }))
    }

    /// Whether calls to `host` go through it: not those that the environment's `NO_PROXY` lists.
    #[must_use]
    pub fn serves(&self, host: &str) -> bool {
        let Some(except) = &self.except else { return true };
        // The matcher only answers "which proxy for this address?", so it gets one for everything.
        let matcher = Matcher::builder().all("http://proxy.invalid").no(except.as_str()).build();
        let authority = if host.contains(':') { format!("[{host}]") } else { host.to_owned() };
        let address = Uri::builder().scheme("https").authority(authority).path_and_query("/").build();
        address.is_ok_and(|address| matcher.intercept(&address).is_some())
    }

    pub(super) fn build(&self) -> reqwest::Result<reqwest::Proxy> {
        let proxy = reqwest::Proxy::all(self.url.clone())?;
        let except = self.except.as_deref().and_then(reqwest::NoProxy::from_string);
        let proxy = proxy.no_proxy(except);
        Ok(match &self.user {
            Some((user, password)) => proxy.basic_auth(user, password.expose()),
            None => proxy,
        })
    }
}

/// Its address, without name and password.
impl fmt::Display for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.url.as_str().trim_end_matches('/'))
    }
}

/// Takes name and password out of the address, so that it may be printed.
fn take_user(url: &mut Url) -> Option<(String, Secret)> {
    let decoded = |text: &str| percent_encoding::percent_decode_str(text).decode_utf8_lossy().into_owned();
    let user = decoded(url.username());
    let password = decoded(url.password().unwrap_or_default());
    // Neither fails for an address that has a host.
    let _ = url.set_username("");
    let _ = url.set_password(None);
    (!user.is_empty()).then(|| (user, Secret::from(password)))
}
