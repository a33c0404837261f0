//! All that can be wrong without a connection: files of certificates, proxies' addresses, components that want the same.

use super::exit;
use crate::{
    component::Component,
    config::{Config, Problem, Problems},
    daemon::{
        self, DaemonError,
        settings::{self, SettingsError},
    },
    rest,
    stomp::transport::Brokers,
    tls::TlsError,
};

/// What the daemon would start with.
pub(super) struct Prepared {
    pub(super) rest: rest::Settings,
    pub(super) brokers: Brokers,
}

/// The same for each platform.
pub(super) fn all(config: &Config, components: &[Component]) -> Result<Vec<Prepared>, (Problems, u8)> {
    let (mut all, mut refused): (Vec<Prepared>, Option<(Problems, u8)>) = (Vec::new(), None);
    for platform in config.platforms() {
        match (prepare(platform, components), &mut refused) {
            (Ok(prepared), _) => all.push(prepared),
            (Err((problems, _)), Some((before, _))) => before.extend(problems),
            (Err(first), None) => refused = Some(first),
        }
    }
    refused.map_or(Ok(all), Err)
}

/// Builds everything that the daemon builds before it connects; or else all mistakes and the exit code.
fn prepare(config: &Config, components: &[Component]) -> Result<Prepared, (Problems, u8)> {
    let registry = daemon::registry(config, components);
    let rest = settings::rest(config, None);
    let brokers = settings::brokers(config);
    // The journal is not opened: the processor that runs may have it.
    let store = settings::store(config);
    match (registry, rest, brokers, store) {
        (Ok(_), Ok(rest), Ok(brokers), Ok(_)) => Ok(Prepared { rest, brokers }),
        (registry, rest, brokers, store) => {
            Err(mistakes(config, registry.err(), [rest.err(), brokers.err(), store.err()]))
        }
    }
}

fn mistakes(
    config: &Config,
    registry: Option<DaemonError>,
    settings: [Option<SettingsError>; 3],
) -> (Problems, u8) {
    let settings: Vec<SettingsError> = settings.into_iter().flatten().collect();
    let code = if settings.iter().any(is_ca_file) { exit::CA_FILE } else { exit::USAGE };
    let texts: Vec<String> = match registry {
        Some(DaemonError::Clashes(clashes)) => clashes.iter().map(ToString::to_string).collect(),
        Some(error) => vec![error.to_string()],
        None => Vec::new(),
    };
    let mut problems = Problems::default();
    texts.into_iter().for_each(|text| problems.missing(text));
    let mut settings: Vec<Problem> = settings.iter().map(|error| error.mistake(config)).collect();
    // Both links use the same client certificate, and would say the same of it.
    settings.dedup();
    problems.extend(settings);
    (problems, code)
}

fn is_ca_file(error: &SettingsError) -> bool {
    let SettingsError::Tls(
        TlsError::Missing { option, .. }
        | TlsError::Unreadable { option, .. }
        | TlsError::NotPem { option, .. }
        | TlsError::NoCertificate { option, .. }
        | TlsError::Malformed { option, .. }
        | TlsError::BadCertificate { option, .. },
    ) = error
    else {
        return false;
    };
    matches!(*option, "cafile" | "stomp_cafile" | "[store] cafile")
}
