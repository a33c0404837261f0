//! RabbitMQ with its STOMP plugin: the files that it is started with, and how.
//!
//! It runs as a node without a cluster, so it needs no `epmd`, which would listen on a fixed port and outlive the tests.

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};

use super::ports::Ports;
use super::{ACCOUNT, API_KEY, Credentials, LIMITED_KEY, PLATFORM, RABBITMQ_BYTES, READER};

/// Debian's wrapper in /usr/sbin would change the user and read /etc/rabbitmq.
const SERVER: &str = "/usr/lib/rabbitmq/bin/rabbitmq-server";

const NODE: &str = "tests@localhost";

/// A port at which nobody listens.
const NO_EPMD: &str = "1";

/// Writes `rabbitmq.conf`, the users with their rights, and which plugins are on into `dir`.
pub(super) fn prepare(dir: &Path, ports: &Ports) {
    let mut config = include_str!("rabbitmq.conf").to_owned();
    let mut fill = |name: &str, value: &str| config = config.replace(name, value);
    fill("@DIR@", dir.to_str().expect("a temporary directory has a plain name"));
    fill("@TLS_PORT@", &ports.tls.to_string());
    fill("@PLAIN_PORT@", &ports.plain.to_string());
    fill("@MAX_MESSAGE_SIZE@", &RABBITMQ_BYTES.to_string());
    fill("@METRICS_PORT@", &ports.metrics.to_string());
    fs::write(dir.join("rabbitmq.conf"), config).expect("rabbitmq.conf is written");
    fs::write(dir.join("definitions.json"), definitions().to_string()).expect("definitions.json is written");
    fs::write(dir.join("enabled_plugins"), "[rabbitmq_stomp,rabbitmq_prometheus].")
        .expect("enabled_plugins is written");
}

/// A broker with the files in `dir`, in an Erlang virtual machine.
pub(super) fn command(dir: &Path, ports: &Ports) -> Command {
    let mut command = Command::new(SERVER);
    command
        .current_dir(dir)
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        // Where Erlang keeps the cookie of its nodes.
        .env("HOME", dir)
        .env("LANG", "C.UTF-8")
        .env("RABBITMQ_NODENAME", NODE)
        .env("RABBITMQ_DIST_PORT", ports.node.to_string())
        .env("RABBITMQ_CONF_ENV_FILE", "/dev/null")
        .env("RABBITMQ_CONFIG_FILE", dir.join("rabbitmq.conf"))
        .env("RABBITMQ_ENABLED_PLUGINS_FILE", dir.join("enabled_plugins"))
        .env("RABBITMQ_MNESIA_BASE", dir.join("mnesia"))
        .env("RABBITMQ_LOG_BASE", dir.join("log"))
        .env("RABBITMQ_LOGS", "-")
        .env("RABBITMQ_PID_FILE", dir.join("pid"))
        .env("RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS", erlang(ports))
        // What it starts now and then to see that there is an `epmd` finds none, and starts none.
        .env("ERL_FLAGS", "-start_epmd false")
        .env("ERL_EPMD_PORT", NO_EPMD)
        // The script is then replaced by the broker, whose process is the one that we watch.
        .env("detached", "yes");
    command
}

/// The node has its name and port before the broker looks for an `epmd` to ask for them.
fn erlang(ports: &Ports) -> String {
    format!(
        "-sname {NODE} -start_epmd false -erl_epmd_port {} -kernel inet_dist_use_interface {{127,0,0,1}} +S 2:2 +stbt u",
        ports.node
    )
}

/// RabbitMQ has no right to write to one queue: all go through the default exchange. So what an account may not declare
/// is what it may not use.
fn definitions() -> Value {
    let users = [PLATFORM, API_KEY, ACCOUNT, LIMITED_KEY, READER];
    let processor = ["^(actions|acks|inbound_destinations|connectors)\\.", "^amq\\.default$"];
    let queues = "^(actions|inbound_destinations|connectors)\\.";
    json!({
        "users": users.map(|Credentials { login, passcode }| json!({ "name": login, "password": passcode, "tags": "" })),
        "vhosts": [{ "name": "/" }],
        "permissions": [
            rights(PLATFORM, [".*", ".*", ".*"]),
            rights(API_KEY, [processor[0], processor[1], queues]),
            rights(ACCOUNT, [processor[0], processor[1], queues]),
            rights(READER, [processor[0], "^$", queues]),
            rights(LIMITED_KEY, ["^(actions\\.[^.]+\\.granted$|acks\\.)", processor[1], "^actions\\.[^.]+\\.granted$"]),
        ],
        // A message of such a quorum queue is dropped when it has been delivered twice and not acknowledged.
        "policies": [{
            "vhost": "/", "name": "limited", "pattern": "^actions\\.201\\.limited_", "apply-to": "queues", "priority": 1,
            "definition": { "delivery-limit": 1 },
        }],
    })
}

fn rights(user: Credentials, [configure, write, read]: [&str; 3]) -> Value {
    json!({ "user": user.login, "vhost": "/", "configure": configure, "write": write, "read": read })
}
