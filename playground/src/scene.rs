//! The broker, the platform, and the file that leads to them.

use crate::{
    command::Field,
    support::{
        broker::{API_KEY, Address, Broker},
        certificates::{Authority, Request},
        platform_queue::ORG,
    },
};
use http::Method;
use serde_json::{Value, json};
use stand_in_platform::{ORG_NAME, Platform, Reply};
use std::{
    collections::BTreeSet,
    fs, io,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
};

/// The message destination of every function.
pub(crate) const FUNCTIONS: &str = "playground";

/// The incident that everything happens on.
pub(crate) const INCIDENT: i64 = 2095;

/// What the file begins with, so that nobody's own is ever overwritten.
const MARK: &str = "# Written by the playground; gone when it ends.\n";

/// All that runs; ends when dropped.
pub(crate) struct Scene {
    broker: Broker,
    platform: Platform,
    config: ConfigFile,
    /// Where an action goes that names no destination.
    destination: Option<String>,
    actions: Mutex<Vec<Value>>,
    fields: Mutex<Vec<(bool, Value)>>,
    /// The queues of the low-code connectors.
    connectors: Mutex<BTreeSet<String>>,
    terminated: Arc<Mutex<BTreeSet<usize>>>,
}

/// Removed when dropped.
struct ConfigFile(PathBuf);

/// Why there is nothing to play with.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SceneError {
    #[error(
        "{0} is missing: apt-get install activemq default-jre-headless libjettison-java libxstream-java openssl"
    )]
    Package(&'static str),
    #[error("{}: {error}", path.display())]
    File { path: PathBuf, error: io::Error },
    #[error("{} is there already, and not by the playground: name another file with --write", .0.display())]
    NotOurs(PathBuf),
}

impl Scene {
    /// `own` is the author's app.config, if there is one; `write` the file to be written.
    pub(crate) async fn start(own: &Path, write: PathBuf) -> Result<Self, SceneError> {
        packages()?;
        let own = fs::read_to_string(own).unwrap_or_default();
        let sections = sections(&own);
        // Before anything is started: most likely another playground runs here.
        let config = ConfigFile::new(write)?;
        let (broker, authority) = (Broker::start().await, Authority::new("CA of the playground"));
        let certificate = authority.issue(&Request::server(["localhost"]));
        let platform = Platform::builder().tls(certificate.server_config()).start().await;
        let terminated = Arc::default();
        furnish(&platform, &terminated);
        config.write(&(connection(&broker, &platform, &authority)? + &sections))?;
        let destination = destination(&sections).or_else(directory);
        Ok(Self {
            broker,
            platform,
            config,
            destination,
            actions: Mutex::default(),
            fields: Mutex::default(),
            connectors: Mutex::default(),
            terminated,
        })
    }

    pub(crate) fn greeting(&self) -> String {
        format!(
            "A broker (stomp+ssl://localhost:{}) and a platform (https://localhost:{}) are up. In another terminal:\n\n    \
             APP_CONFIG_FILE={} cargo run -- run\n\nThen type here, for example: function my_function name=World\n\
             `help` shows what else.",
            self.broker.port(),
            self.platform.port(),
            self.config.0.display(),
        )
    }

    pub(crate) fn broker(&self) -> &Broker {
        &self.broker
    }

    pub(crate) fn address(&self) -> Address {
        self.broker.address()
    }

    /// Where an action goes that names no destination.
    pub(crate) fn destination(&self) -> Option<&str> {
        self.destination.as_deref()
    }

    /// The incident as it is now.
    pub(crate) fn incident(&self) -> String {
        format!("{:#}", self.platform.incident(INCIDENT))
    }

    /// The id of the action with this name, which exists from now on.
    pub(crate) fn action_id(&self, name: &str) -> usize {
        let mut actions = self.actions.lock().unwrap();
        let known = actions.iter().position(|action| action["name"] == name);
        let place = known.unwrap_or_else(|| {
            let place = actions.len();
            actions.push(json!({ "id": place + 1, "name": name }));
            self.platform.set("/actions", json!({ "entities": *actions }));
            place
        });
        place + 1
    }

    /// From now on there is a low-code connector with this queue.
    pub(crate) fn list_connector(&self, name: &str) {
        let mut queues = self.connectors.lock().unwrap();
        if queues.insert(format!("connectors.{ORG}.{name}")) {
            let queues: Vec<_> = queues.iter().map(|queue| json!({ "queue_name": queue, "id": 1 })).collect();
            self.platform.set("/connectors/queues", json!({ "queues": queues }));
        }
    }

    /// Terminates a run of the playbook; says so.
    pub(crate) fn terminate(&self, run: usize) -> String {
        self.terminated.lock().unwrap().insert(run);
        format!("the playbook of #{run} is terminated; the processor asks within 2 seconds")
    }

    /// Defines a field; says so.
    pub(crate) fn define(&self, field: &Field) -> String {
        let Field { of_action, name, input_type } = field;
        let mut fields = self.fields.lock().unwrap();
        let id = fields.len() + 1;
        fields.push((*of_action, json!({ "id": id, "name": name, "input_type": input_type })));
        let kind = if *of_action { "actioninvocation" } else { "incident" };
        let same = fields.iter().filter(|(of, _)| of == of_action).map(|(_, field)| field.clone());
        self.platform.set(&format!("/types/{kind}/fields"), same.collect());
        format!("the field {name} exists now; the processor looks again within 5 seconds")
    }
}

impl ConfigFile {
    fn new(path: PathBuf) -> Result<Self, SceneError> {
        if fs::read_to_string(&path).is_ok_and(|text| !text.starts_with(MARK)) {
            return Err(SceneError::NotOurs(path));
        }
        let file = Self(path);
        file.write("")?;
        Ok(file)
    }

    fn write(&self, text: &str) -> Result<(), SceneError> {
        let owners = || fs::set_permissions(&self.0, fs::Permissions::from_mode(0o600));
        fs::write(&self.0, format!("{MARK}{text}"))
            .and_then(|()| owners())
            .map_err(|error| SceneError::File { path: self.0.clone(), error })
    }
}

impl Drop for ConfigFile {
    fn drop(&mut self) {
        // It may have been removed by hand.
        let _ = fs::remove_file(&self.0);
    }
}

fn packages() -> Result<(), SceneError> {
    let needed = [
        "/usr/share/activemq/lib/activemq-broker.jar",
        "/usr/share/java/jettison.jar",
        "/usr/share/java/xstream.jar",
        "/usr/bin/java",
        "/usr/bin/openssl",
    ];
    needed
        .into_iter()
        .find(|file| !Path::new(file).exists())
        .map_or(Ok(()), |file| Err(SceneError::Package(file)))
}

/// What components expect to find.
fn furnish(platform: &Platform, terminated: &Arc<Mutex<BTreeSet<usize>>>) {
    platform.add_incident(json!({
        "id": INCIDENT, "name": "An incident of the playground", "description": null, "severity_code": 4,
        "properties": {},
    }));
    // Whatever function is asked for.
    platform.route(Method::GET, "/rest/orgs/201/functions/", |request| {
        let name = request.path.rsplit('/').next().unwrap_or_default();
        Reply::json(json!({ "id": 1, "name": name, "display_name": name, "destination_handle": FUNCTIONS }))
    });
    platform.set("/connectors/queues", json!({ "queues": [] }));
    let terminated = terminated.clone();
    platform.route(Method::POST, "/rest/orgs/201/playbooks/execution/query_paged", move |_| {
        let runs = terminated.lock().unwrap();
        let rows: Vec<_> = runs.iter().map(|run| json!({ "id": run, "status": "canceled" })).collect();
        Reply::json(json!({ "data": rows }))
    });
}

/// The sections that say where everything is. What they name lies in the broker's directory, which goes with it.
fn connection(broker: &Broker, platform: &Platform, authority: &Authority) -> Result<String, SceneError> {
    let beside = |name| broker.ca_file().with_file_name(name);
    let (ca, state) = (beside("platform-ca.pem"), beside("processor"));
    fs::copy(authority.file().path(), &ca).map_err(|error| SceneError::File { path: ca.clone(), error })?;
    Ok(format!(
        "[resilient]\nhost=localhost\nport={}\ncafile={}\norg={ORG_NAME}\napi_key_id={}\napi_key_secret={}\n\
         stomp_host=localhost\nstomp_port={}\nstomp_cafile={}\ndefinitions_refresh=5\n\
         cancel_check_interval=2\n\n[store]\nstate_dir={}\n\n",
        platform.port(),
        ca.display(),
        API_KEY.login,
        API_KEY.passcode,
        broker.port(),
        broker.ca_file().display(),
        state.display(),
    ))
}

/// The author's own sections, as they stand there.
fn sections(config: &str) -> String {
    let mut own = false;
    let mut is_own = |line: &&str| {
        if let Some(name) = section(line) {
            own = !["resilient", "store"].contains(&name) && !name.starts_with("resilient:");
        }
        own
    };
    config.lines().filter(&mut is_own).map(|line| format!("{line}\n")).collect()
}

fn section(line: &str) -> Option<&str> {
    line.strip_prefix('[')?.split_once(']').map(|(name, _)| name)
}

/// The current directory's name: `processor new` calls component and directory alike.
fn directory() -> Option<String> {
    std::env::current_dir().ok()?.file_name()?.to_str().map(ToOwned::to_owned)
}

/// What the first component serves: the destination that its section names, or that of its own name.
fn destination(sections: &str) -> Option<String> {
    let mut lines =
        sections.lines().skip_while(|line| section(line).is_none_or(|name| name == "integrations"));
    let name = section(lines.next()?)?;
    let named = lines.take_while(|line| section(line).is_none()).find_map(|line| {
        let (key, value) = line.split_once(['=', ':'])?;
        (key.trim() == "destination").then(|| value.trim().to_owned())
    });
    Some(named.unwrap_or_else(|| name.split(':').next().unwrap_or(name).to_owned()))
}
