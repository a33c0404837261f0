//! `processor replay`.

use super::{
    rehearsal::{Journal, Noted, Setting, Unable, check_settings, error, line, registry},
    runtime,
};
use crate::{
    component::{
        CancellationToken, Component, Rest, Services,
        name::handler_name,
        recording::{RecordedMessage, RecordingError, Recordings},
    },
    config::{Argument, Config, Overrides, Settings},
    daemon::DaemonError,
    dispatch::{ActionNames, Destination, Earlier, Envelope, Outcome, Registry, Workshop},
    logging::{Redactor, complain},
    store::Answer,
};
use jiff::tz::TimeZone;
use std::{io::Write, path::PathBuf, process::ExitCode, sync::Arc};

/// Flags of `processor replay`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct ReplayArgs {
    /// A directory that `processor run --log-http-responses DIRECTORY` has written: messages are its files called
    /// ActionMessage_…, REST responses those called STATUS_JSON_….
    directory: PathBuf,
    /// Give the messages to the component that serves this destination. Without it, to whichever handles their action.
    #[arg(long, value_name = "NAME")]
    destination: Option<String>,
    /// Set a key of a component's section, over what app.config says; may be repeated.
    #[arg(long, value_name = "SECTION.KEY=VALUE", value_parser = setting)]
    set: Vec<Setting>,
    /// Take the components' sections from this file, not $APP_CONFIG_FILE, ./app.config or ~/.resilient/app.config. There
    /// need not be one.
    #[arg(long, value_name = "FILE")]
    config_file: Option<PathBuf>,
}

const EXAMPLES: &str = "\
Prints, for each message in the order of their times, the REST calls that its handler makes, its status updates, and the \
acknowledgement that the platform would get. No platform and no broker is needed, and nothing is changed anywhere: each \
REST call is answered with what was recorded for it. Of app.config, where there is one, the components' sections count.

  processor replay components/add_task/recorded
  processor replay recorded --set my_component.greeting=hello

Exit code: 0 if each message was answered with success, 1 if one was not or could not be read, 64 if the command line \
or app.config is wrong.";

/// Carries the recorded messages out. Exit code 0: each was answered with success.
pub fn run(args: &ReplayArgs, components: &[Component], out: &mut dyn Write) -> ExitCode {
    let replayed = runtime().map_err(error).and_then(|runtime| replay(args, components, &runtime, out));
    match replayed {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(super::FAILED),
        Err(unable) => unable.tell(),
    }
}

fn replay(
    args: &ReplayArgs,
    components: &[Component],
    runtime: &tokio::runtime::Runtime,
    out: &mut dyn Write,
) -> Result<bool, Unable> {
    check_settings(&args.set, components).map_err(Unable::Usage)?;
    let (recordings, torn) = Recordings::readable(&args.directory).map_err(error)?;
    torn.iter().for_each(|problem| complain(&format!("processor: {problem}")));
    if recordings.messages().is_empty() && torn.is_empty() {
        return Err(error(RecordingError::NoMessage(args.directory.clone())));
    }
    let journal = Journal::default();
    let backend = Arc::new(Noted { backend: Arc::new(recordings.backend()), journal: journal.clone() });
    let settings = settings(args, components, &recordings)?;
    let registry = registry(&settings, components).map_err(|clashes| error(DaemonError::Clashes(clashes)))?;
    let redactor = Redactor::new(&settings.secrets().cloned().collect::<Vec<_>>());
    let names = ActionNames::new(Rest::new(backend.clone(), None));
    for message in recordings.messages() {
        names.know(message.body["action_id"].as_i64(), &message.display_name);
    }
    let services = Services::new(backend, 1, CancellationToken::new());
    let workshop = Workshop::new(registry, names, services);
    let org = recordings.org_id().and_then(|id| i64::try_from(id).ok()).unwrap_or_default();
    let mut all_well = torn.is_empty();
    for (message, number) in recordings.messages().iter().zip(1..) {
        let destination = destination(args, &workshop.registry(), message);
        let envelope = envelope(message, Destination::actions(org, &destination), number);
        let outcome =
            runtime.block_on(workshop.carry_out(&envelope, &Earlier::default(), Arc::new(journal.clone())));
        let (Outcome::Answered(answer) | Outcome::SetAside(answer, _)) = outcome else { continue };
        if workshop.registry().find(&destination, &handler_name(&message.display_name)).is_none() {
            journal.note("handlers", &handled(&workshop.registry()));
        }
        let told = report(message, &destination, &journal, &answer);
        out.write_all(redactor.mask(&told).as_bytes()).map_err(error)?;
        let body: serde_json::Value = serde_json::from_str(&answer.body).map_err(error)?;
        all_well &= body["message_type"] == 0;
    }
    Ok(all_well)
}

/// app.config, where there is one, with what the command line sets. Sections of components that get none of the messages
/// may name secrets that are not here.
fn settings(
    args: &ReplayArgs,
    components: &[Component],
    recordings: &Recordings,
) -> Result<Settings, Unable> {
    let argument = |setting: &Setting| {
        let Setting { section, key, value } = setting.clone();
        Argument { option: format!("--set {section}.{key}"), section, key, value }
    };
    let arguments = args.set.iter().map(argument).collect();
    let overrides = Overrides { file: args.config_file.clone(), arguments };
    let settings = overrides
        .sources()
        .and_then(|sources| Config::sections(&sources, components))
        .map_err(Unable::Config)?;
    let is_meant = |component: &&Component| match registry(&settings, std::slice::from_ref(component)) {
        Ok(registry) => recordings.messages().iter().any(|message| takes(&registry, message)),
        Err(_clashes_with_itself) => true,
    };
    let meant: Vec<Component> = components.iter().filter(is_meant).cloned().collect();
    settings.check_references_of(&meant).map_err(Unable::Config)?;
    Ok(settings)
}

fn takes(registry: &Registry, message: &RecordedMessage) -> bool {
    let action = handler_name(&message.display_name);
    registry.destinations().any(|destination| registry.find(destination, &action).is_some())
}

/// What became of one message, in lines.
fn report(message: &RecordedMessage, destination: &str, journal: &Journal, answer: &Answer) -> String {
    let file = message.file.file_name().unwrap_or(message.file.as_os_str()).to_string_lossy();
    let action = line("action", &format!("{} (destination {destination})", message.display_name));
    let acknowledgement = line("acknowledgement", &answer.body);
    let lines = [action].into_iter().chain(journal.take()).chain([acknowledgement]);
    lines.fold(format!("{file}\n"), |told, line| format!("{told}  {line}\n"))
}

/// As the platform would have sent it, at the time of its recording: what comes out is the same each time.
fn envelope(message: &RecordedMessage, destination: Destination, number: u32) -> Envelope {
    let mut envelope = Envelope::made_up(destination, number, message.raw.clone());
    let milliseconds = message.time.to_zoned(TimeZone::UTC).map(|time| time.timestamp().as_millisecond());
    let timestamp = Arc::make_mut(&mut envelope.headers).iter_mut().find(|(name, _)| name == "timestamp");
    if let (Some((_, value)), Ok(milliseconds)) = (timestamp, milliseconds) {
        *value = milliseconds.to_string();
    }
    envelope
}

/// The destination whose handlers know the action, or else one whose default handler takes it.
fn destination(args: &ReplayArgs, registry: &Registry, message: &RecordedMessage) -> String {
    let action = handler_name(&message.display_name);
    let named = registry.destinations().find(|name| registry.actions(name).contains(&action.as_str()));
    let taking = || registry.destinations().find(|name| registry.find(name, &action).is_some());
    let found = args.destination.as_deref().or(named).or_else(taking);
    found.unwrap_or("none").to_owned()
}

fn setting(text: &str) -> Result<Setting, String> {
    let (path, value) = text.split_once('=').ok_or("no `=`: write SECTION.KEY=VALUE")?;
    let (section, key) = path.rsplit_once('.').ok_or("no `.` before the `=`: write SECTION.KEY=VALUE")?;
    let (section, key) = (section.trim().to_owned(), key.trim().to_lowercase());
    Ok(Setting { section, key, value: value.to_owned() })
}

/// For a message that nobody handles: every action that somebody does.
fn handled(registry: &Registry) -> String {
    let of = |name: &str| format!("{name}: {}", registry.actions(name).join(", "));
    registry.destinations().map(of).collect::<Vec<_>>().join("; ")
}
