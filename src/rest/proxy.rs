use crate::{proxies, secret::Secret};
use reqwest::Url;
use std::fmt;

/// The way out to the platform.
#[derive(Debug, Clone)]
pub struct Proxy {
    url: Url,
    user: Option<(String, Secret)>,
    except: Option<String>,
    /// The key or the variable that names it.
    from: String,
}

/// What the HTTP client speaks.
const SCHEMES: [&str; 4] = ["http", "https", "socks5", "socks5h"];

impl Proxy {
    /// The proxy of app.config: `host` may carry a scheme (`http://`, `https://`, `socks5://`, `socks5h://`), else it is
    /// `http`. It is used whatever `NO_PROXY` says, for it was chosen for this platform.
    ///
    /// # Errors
    /// This is no address; the text says why.
    pub fn new(host: &str, port: u16, user: Option<(String, Secret)>) -> Result<Self, String> {
        let mut url = read(host, "proxy_host")?;
        url.set_port(Some(port)).map_err(|()| "proxy_host: a proxy of this kind has no port".to_owned())?;
        let user = user.or_else(|| take_user(&mut url));
        Ok(Self { user, url, except: None, from: "proxy_host".to_owned() })
    }

    /// The proxy that the environment names for a host called by `https`: `HTTPS_PROXY`, else `ALL_PROXY`, else
    /// `HTTP_PROXY` (each in small letters first), except for what `NO_PROXY` lists.
    ///
    /// # Errors
    /// The variable's value is no address. The text names the variable, not its value.
    pub fn from_environment(lookup: impl Fn(&str) -> Option<String>) -> Result<Option<Self>, String> {
        let Some((from, value)) = proxies::from_environment(&lookup) else { return Ok(None) };
        let mut url = read(&value, &from)?;
        Ok(Some(Self { user: take_user(&mut url), url, except: proxies::exceptions(&lookup), from }))
    }

    /// Whether calls to `host` go through it: not those that the environment's `NO_PROXY` lists.
    #[must_use]
    pub fn serves(&self, host: &str) -> bool {
        !self.except.as_ref().is_some_and(|except| proxies::excepts(except, host))
    }

    /// Where it is and what names it, for errors: `proxy:3128 (from HTTPS_PROXY)`.
    pub(super) fn named(&self) -> String {
        let host = self.url.host_str().unwrap_or_default();
        let port = self.url.port_or_known_default().unwrap_or(1080);
        let scheme = Some(self.url.scheme()).filter(|scheme| *scheme != "http");
        let scheme = scheme.map(|scheme| format!("{scheme}://")).unwrap_or_default();
        format!("{scheme}{host}:{port} (from {})", self.from)
    }

    pub(super) fn has_user(&self) -> bool {
        self.user.is_some()
    }

    /// Where a user and a password are written.
    pub(super) fn how_to_name_a_user(&self) -> String {
        match self.from.as_str() {
            "proxy_host" => "set proxy_user and proxy_password".to_owned(),
            variable => format!("write them into {variable}, as in http://user:password@host:port"),
        }
    }

    pub(super) fn build(&self) -> reqwest::Result<reqwest::Proxy> {
        let proxy = reqwest::Proxy::all(self.url.clone())?;
        Ok(match &self.user {
            Some((user, password)) => proxy.basic_auth(user, password.expose()),
            None => proxy,
        })
    }
}

fn read(text: &str, from: &str) -> Result<Url, String> {
    const HOW: &str =
        "write the proxy as http://user:password@host:port, with special characters as %40 and so on";
    let address = if text.contains("://") { text.to_owned() } else { format!("http://{text}") };
    let url = Url::parse(&address).map_err(|error| format!("{from}: {error}; {HOW}"))?;
    if !SCHEMES.contains(&url.scheme()) {
        let known = SCHEMES.map(|scheme| format!("{scheme}://")).join(", ");
        return Err(format!("{from}: a proxy's URL begins with one of {known}; {HOW}"));
    }
    match url.host_str() {
        Some(host) if !host.is_empty() => Ok(url),
        _ => Err(format!("{from}: no host; {HOW}")),
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
