//! The files that a broker is started with.

use std::fs;
use std::path::Path;

use super::{ACCOUNT, API_KEY, Credentials, LIMITED_KEY, PLATFORM};

/// The ports that the broker listens on.
#[derive(Debug)]
pub(super) struct Ports {
    pub(super) tls: u16,
    pub(super) plain: u16,
}

/// When the broker forces its journal to the disk.
#[derive(Clone, Copy, Debug)]
pub(super) enum Sync {
    /// Before it confirms anything: what it has confirmed outlives it, however it ends.
    Always,
    /// When the system sees fit: fast, but a killed broker forgets what it has confirmed.
    Never,
}

/// Password of the key store, which protects nothing here; Java wants one.
pub(super) const KEYSTORE_PASSWORD: &str = "changeit";

/// Writes `activemq.xml` and `log4j.properties` into `dir`.
pub(super) fn write(dir: &Path, ports: &Ports, sync: Sync) {
    fs::write(dir.join("activemq.xml"), activemq_xml(dir, ports, sync)).expect("activemq.xml is written");
    fs::write(dir.join("log4j.properties"), include_str!("log4j.properties"))
        .expect("log4j.properties is written");
}

// === impl Sync ===

impl Sync {
    fn strategy(self) -> &'static str {
        match self {
            Self::Always => "always",
            Self::Never => "never",
        }
    }
}

fn activemq_xml(dir: &Path, ports: &Ports, sync: Sync) -> String {
    let mut xml = include_str!("activemq.xml").to_owned();
    let mut fill = |name: &str, value: &str| xml = xml.replace(name, value);
    fill("@DIR@", dir.to_str().expect("a temporary directory has a plain name"));
    fill("@TLS_PORT@", &ports.tls.to_string());
    fill("@PLAIN_PORT@", &ports.plain.to_string());
    fill("@SYNC@", sync.strategy());
    fill("@KEYSTORE_PASSWORD@", KEYSTORE_PASSWORD);
    for (role, Credentials { login, passcode }) in
        [("PLATFORM", PLATFORM), ("PROCESSOR", API_KEY), ("ACCOUNT", ACCOUNT), ("LIMITED", LIMITED_KEY)]
    {
        fill(&format!("@{role}_LOGIN@"), login);
        fill(&format!("@{role}_PASSCODE@"), passcode);
    }
    xml
}
