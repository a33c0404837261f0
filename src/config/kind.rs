//! What the text of a key may say.

use std::{net::Ipv6Addr, path::PathBuf, time::Duration};
use tracing_subscriber::filter::{LevelFilter, Targets};

/// The type of a key.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Kind {
    /// Any text.
    Text,
    /// A password or the like: shown as `***`, taken from the command line only as a reference.
    Secret,
    /// A proxy's URL, whose password is a secret.
    ProxyUrl,
    /// `none`, `env` or a proxy's URL.
    ProxyChoice,
    /// Where the journal is; a password in it is a secret.
    StoreUrl,
    /// A file or directory; `~` is the home directory.
    Path,
    /// A file whose contents count: another text in it is another value.
    File,
    /// A file of certificates, or `false` to verify nothing.
    Trust,
    /// `true`, `yes`, `on`, `1`, or their opposites.
    Flag,
    /// A whole number from the first to the second, both included.
    Whole(i64, i64),
    /// A whole number of bytes: zero, or at least this many.
    ZeroOrAtLeast(i64),
    /// A number from the first to the second, both included.
    Decimal(f64, f64),
    /// One host, without scheme or port.
    Host,
    /// Hosts separated by commas, each with its port if that is another: `a.example, b.example:61614`.
    Hosts,
    /// One of these words.
    Choice(&'static [&'static str]),
    /// Words separated by commas.
    List,
    /// A level, and levels of modules: `INFO,hello=DEBUG`.
    Levels,
    /// Known to the vendor's framework, without a use here.
    Unused,
}

/// Which certificates of a server are trusted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Trust {
    /// Those that the machine trusts.
    #[default]
    System,
    /// Those in this PEM file.
    File(PathBuf),
    /// Any: nothing is verified.
    Anything,
}

// === impl Kind ===

impl Kind {
    /// Whether `text` fits; else what is expected of it.
    pub(super) fn check(self, text: &str) -> Result<(), String> {
        match self {
            Self::Flag => flag(text).map(drop).ok_or_else(|| "must be true or false".to_owned()),
            Self::Whole(least, most) => whole(text)
                .filter(|number| (least..=most).contains(number))
                .map(drop)
                .ok_or_else(|| range(least, most)),
            Self::ZeroOrAtLeast(least) => whole(text)
                .filter(|number| *number == 0 || *number >= least)
                .map(drop)
                .ok_or_else(|| format!("must be 0 or a whole number of at least {least}")),
            Self::Decimal(least, most) => decimal(text)
                .filter(|number| (least..=most).contains(number))
                .map(drop)
                .ok_or_else(|| format!("must be a number between {least} and {most}")),
            Self::Choice(words) => {
                choice(text, words).map(drop).ok_or_else(|| format!("must be one of {}", words.join(", ")))
            }
            Self::Levels => levels(text).map(drop),
            Self::Host => host(text),
            Self::Hosts => hosts(text).map(drop),
            Self::ProxyChoice if matches!(text, "none" | "env") => Ok(()),
            Self::StoreUrl => begins_with(text, &["sqlite:", "postgres://", "postgresql://"]),
            Self::ProxyUrl => begins_with(text, &["http://", "https://", "socks5://", "socks5h://"]),
            // What the broker's dialer speaks: no TLS to the proxy itself.
            Self::ProxyChoice => begins_with(text, &["http://", "socks5://", "socks5h://"]),
            Self::Trust => verification(text),
            Self::Text | Self::Secret | Self::Path | Self::File | Self::List | Self::Unused => Ok(()),
        }
    }
}

fn range(least: i64, most: i64) -> String {
    match most {
        i64::MAX => format!("must be a whole number of at least {least}"),
        _ => format!("must be a whole number between {least} and {most}"),
    }
}

fn begins_with(text: &str, schemes: &[&str]) -> Result<(), String> {
    let known = schemes.iter().any(|scheme| text.len() > scheme.len() && text.starts_with(scheme));
    known.then_some(()).ok_or_else(|| format!("must be a URL that begins with one of {}", schemes.join(", ")))
}

/// The secret parts of what should be a proxy's or a journal's URL, well written or not: a `/` or `@` in a password that
/// should have been `%2F` or `%40` belongs to it, and so does all that stands before an `@` where there is no `://`.
pub(super) fn url_secrets(text: &str) -> Vec<&str> {
    let hidden: Vec<&str> = text
        .split(['?', '&'])
        .skip(1)
        .filter_map(|parameter| parameter.split_once('='))
        .filter_map(|(name, value)| is_password(name).then_some(value))
        .collect();
    // An `@` in such a parameter does not end the user's password, unless there is no other.
    let end = hidden.first().and_then(|value| text.find(value)).unwrap_or(text.len());
    let first = text.get(..end).and_then(|text| text.rsplit_once('@'));
    let before = first.or_else(|| text.rsplit_once('@')).map_or("", |(before, _host)| before);
    let user = before.split_once("://").map_or(before, |(_scheme, user)| user);
    let password = user.split_once(':').map(|(_user, password)| password);
    password.into_iter().chain(hidden).collect()
}

/// Whatever its case, and written with %XX or not.
fn is_password(parameter: &str) -> bool {
    let name = percent_encoding::percent_decode_str(parameter.trim()).decode_utf8_lossy().to_lowercase();
    ["password", "passwd", "passphrase", "secret", "token"].iter().any(|word| name.contains(word))
}

/// The password inside `scheme://user:password@host`, as it stands there.
pub(super) fn url_password(text: &str) -> Option<&str> {
    let (_scheme, rest) = text.split_once("://")?;
    let authority = rest.split('/').next().unwrap_or(rest);
    let (user, _host) = authority.rsplit_once('@')?;
    user.split_once(':').map(|(_user, password)| password)
}

pub(super) fn flag(text: &str) -> Option<bool> {
    match text.to_ascii_lowercase().as_str() {
        "true" | "yes" | "on" | "1" | "t" | "y" => Some(true),
        "false" | "no" | "off" | "0" | "f" | "n" => Some(false),
        _ => None,
    }
}

pub(super) fn whole(text: &str) -> Option<i64> {
    text.trim().parse().ok()
}

pub(super) fn decimal(text: &str) -> Option<f64> {
    text.trim().parse().ok().filter(|number: &f64| number.is_finite())
}

pub(super) fn choice<'a>(text: &str, words: &[&'a str]) -> Option<&'a str> {
    words.iter().find(|word| word.eq_ignore_ascii_case(text)).copied()
}

pub(super) fn list(text: &str) -> Vec<String> {
    text.split(',').map(str::trim).filter(|word| !word.is_empty()).map(str::to_owned).collect()
}

/// Where a scheme stands before a host, what to write instead.
fn without_scheme(text: &str) -> Option<String> {
    let (scheme, rest) = text.split_once("://")?;
    let host = rest.split('/').next().filter(|host| !host.is_empty()).unwrap_or("the host's name");
    Some(format!("leave {scheme}:// out and write {host}"))
}

fn host(text: &str) -> Result<(), String> {
    let address: Result<Ipv6Addr, _> = text.trim_start_matches('[').trim_end_matches(']').parse();
    let odd = |c: char| c.is_whitespace() || "/:@?#,\"'".contains(c);
    if address.is_ok() || !text.contains(odd) {
        return Ok(());
    }
    let instead = without_scheme(text).unwrap_or_else(|| "no https://, no port, no quotes".to_owned());
    Err(format!("must be a host's name alone, such as soar.example.com: {instead}"))
}

/// Hosts and, where they are given, their ports; never empty.
pub(super) fn hosts(text: &str) -> Result<Vec<(String, Option<u16>)>, String> {
    let hosts = list(text).iter().map(|host| one_host(host)).collect::<Result<Vec<_>, _>>()?;
    if hosts.is_empty() { Err("must name a host".to_owned()) } else { Ok(hosts) }
}

/// An IPv6 address wears brackets where a port follows, as in a URL.
fn one_host(text: &str) -> Result<(String, Option<u16>), String> {
    if let Some(instead) = without_scheme(text) {
        return Err(format!("must name hosts without a scheme: {instead}"));
    }
    let address: Result<Ipv6Addr, _> = text.parse();
    let (host, port) = match text.rsplit_once(':') {
        Some((host, port)) if address.is_err() && !text.ends_with(']') => (host, Some(port)),
        _ => (text, None),
    };
    let odd = |c: char| c.is_whitespace() || "/@?#\"'".contains(c);
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    if bare.is_empty() || host.contains(odd) || (bare.contains(':') && bare.parse::<Ipv6Addr>().is_err()) {
        return Err(format!(
            "must name hosts such as a.example or a.example:61614, without ssl:// and the like: {text:?} is none"
        ));
    }
    let port = port.map(|port| port.parse().ok().filter(|port| *port > 0).ok_or(port)).transpose();
    let port = port.map_err(|port| {
        format!("must have a port from 1 to 65535 behind the colon: {text:?} has {port:?}")
    })?;
    Ok((host.to_owned(), port))
}

pub(super) fn seconds(text: &str) -> Option<Duration> {
    decimal(text).and_then(|seconds| Duration::try_from_secs_f64(seconds).ok())
}

/// One word alone turns verification off; what comes near it is no file's name either.
fn verification(text: &str) -> Result<(), String> {
    let off = flag(text) == Some(false) && !is_false(text);
    let what = "must be a PEM file, or the word false, which alone turns verification off";
    if off { Err(what.to_owned()) } else { Ok(()) }
}

fn is_false(text: &str) -> bool {
    text.eq_ignore_ascii_case("false")
}

pub(super) fn trust(text: &str, home: Option<&str>) -> Trust {
    match flag(text) {
        Some(false) if is_false(text) => Trust::Anything,
        Some(_) => Trust::System,
        None => Trust::File(path(text, home)),
    }
}

/// The path that `text` names, `~` being the home directory.
pub(super) fn path(text: &str, home: Option<&str>) -> PathBuf {
    match (text.strip_prefix('~'), home) {
        (Some(rest), Some(home)) if rest.is_empty() || rest.starts_with('/') => {
            PathBuf::from(format!("{home}{rest}"))
        }
        _ => PathBuf::from(text),
    }
}

/// Levels by Python's names and by ours; a module's level stands after its path (`hello=DEBUG`).
pub(super) fn levels(text: &str) -> Result<Targets, String> {
    let ours: Vec<String> =
        list(text).iter().map(|directive| one_level(directive)).collect::<Result<_, _>>()?;
    let ours = ours.join(",");
    let levels: Targets =
        ours.parse().map_err(|error| format!("must be levels such as INFO,hello=DEBUG ({error})"))?;
    let usual = matches!(levels.default_level(), Some(LevelFilter::WARN | LevelFilter::INFO));
    let quiet = usual && !ours.contains("rustls");
    Ok(if quiet { levels.with_target(TLS_ALERTS, LevelFilter::ERROR) } else { levels })
}

/// Warns of every alert, of a broker's goodbye too; whatever matters of it is an error that is told by us.
const TLS_ALERTS: &str = "rustls::common_state";

fn one_level(directive: &str) -> Result<String, String> {
    let (module, level) = match directive.rsplit_once('=') {
        Some((module, level)) => (Some(module.trim()), level.trim()),
        None => (None, directive),
    };
    let level = match level.to_ascii_uppercase().as_str() {
        "CRITICAL" | "FATAL" | "ERROR" => "error",
        "WARNING" | "WARN" => "warn",
        "INFO" => "info",
        "DEBUG" => "debug",
        "TRACE" | "NOTSET" => "trace",
        "OFF" => "off",
        _ => {
            return Err(format!("must be ERROR, WARNING, INFO, DEBUG, TRACE or OFF: {level} is no level"));
        }
    };
    Ok(module.map_or_else(|| level.to_owned(), |module| format!("{module}={level}")))
}
