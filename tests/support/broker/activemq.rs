//! Apache ActiveMQ: the files that it is started with, and how.

use std::fs;
use std::path::Path;
use std::process::Command;

use super::ports::Ports;
use super::{ACCOUNT, API_KEY, Credentials, LIMITED_KEY, PLATFORM, SMALL_BYTES};

/// Password of the key store, which protects nothing here; Java wants one.
const KEYSTORE_PASSWORD: &str = "changeit";

/// Where Debian's packages put the broker and the two libraries with which it writes its statistics as JSON.
const CLASS_PATH: &str = "/usr/share/activemq/lib/*:/usr/share/activemq/lib/optional/*:\
    /usr/share/java/xstream.jar:/usr/share/java/jettison.jar";

/// When the broker forces its journal to the disk.
#[derive(Clone, Copy, Debug)]
pub(super) enum Sync {
    /// Before it confirms anything: what it has confirmed outlives it, however it ends.
    Always,
    /// When the system sees fit: fast, but a killed broker forgets what it has confirmed.
    Never,
}

impl Sync {
    fn strategy(self) -> &'static str {
        match self {
            Self::Always => "always",
            Self::Never => "never",
        }
    }
}

/// Writes `activemq.xml`, `log4j.properties` and the key store, made of `server.pem`, into `dir`.
pub(super) fn prepare(dir: &Path, ports: &Ports, sync: Sync) {
    write_key_store(dir);
    fs::write(dir.join("activemq.xml"), activemq_xml(dir, ports, sync)).expect("activemq.xml is written");
    fs::write(dir.join("log4j.properties"), include_str!("log4j.properties"))
        .expect("log4j.properties is written");
}

/// A broker with the files in `dir`, in a Java virtual machine.
pub(super) fn command(dir: &Path) -> Command {
    let mut command = Command::new("java");
    command
        .env("ACTIVEMQ_HOME", "/usr/share/activemq")
        // What makes it start quickly; it does not run long enough for the better compiler to pay.
        .args(["-Xmx512m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"])
        .arg(format!("-Dactivemq.base={}", dir.display()))
        .arg(format!("-Dlog4j.configuration=file:{}/log4j.properties", dir.display()))
        .args(["-cp", &format!("{}:{CLASS_PATH}", dir.display())])
        .args(["org.apache.activemq.console.Main", "start"])
        .arg(format!("xbean:file:{}/activemq.xml", dir.display()));
    command
}

fn activemq_xml(dir: &Path, ports: &Ports, sync: Sync) -> String {
    let mut xml = include_str!("activemq.xml").to_owned();
    let mut fill = |name: &str, value: &str| xml = xml.replace(name, value);
    fill("@DIR@", dir.to_str().expect("a temporary directory has a plain name"));
    fill("@TLS_PORT@", &ports.tls.to_string());
    fill("@PLAIN_PORT@", &ports.plain.to_string());
    fill("@SMALL_PORT@", &ports.small.to_string());
    fill("@SMALL_BYTES@", &SMALL_BYTES.to_string());
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

/// Java reads PKCS 12, which the Rust libraries at hand don't write.
fn write_key_store(dir: &Path) {
    let output = Command::new("openssl")
        .args(["pkcs12", "-export", "-passout", &format!("pass:{KEYSTORE_PASSWORD}"), "-in"])
        .arg(dir.join("server.pem"))
        .arg("-out")
        .arg(dir.join("server.p12"))
        .output()
        .expect("openssl is installed (./test installs it)");
    assert!(output.status.success(), "openssl: {}", String::from_utf8_lossy(&output.stderr));
}
