//! `processor replay`.

use super::{
    failed,
    rehearsal::{Journal, Noted, Setting, check_settings, line, section},
    runtime,
};
use crate::{
    component::{
        CancellationToken, Component, Rest, Services,
        name::handler_name,
        recording::{RecordedMessage, Recordings},
    },
    daemon::DaemonError,
    dispatch::{ActionNames, Destination, Earlier, Envelope, Outcome, Registry, Workshop},
    store::Answer,
};
use jiff::tz::TimeZone;
use std::{error::Error, io::Write, path::PathBuf, process::ExitCode, sync::Arc};

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
    /// Set a key of a component's section, which is empty otherwise; may be repeated.
    #[arg(long, value_name = "SECTION.KEY=VALUE", value_parser = setting)]
    set: Vec<Setting>,
}

const EXAMPLES: &str = "\
Prints, for each message in the order of their times, the REST calls that its handler makes, its status updates, and the \
acknowledgement that the platform would get. No platform and no broker is needed, and nothing is changed anywhere: each \
REST call is answered with what was recorded for it.

  processor replay components/add_task/recorded
  processor replay recorded --set my_component.greeting=hello

Exit code: 0 if each message was answered with success, 1 if one was not, 64 if the command line is wrong.";

/// Carries the recorded messages out. Exit code 0: each was answered with success.
pub fn run(args: &ReplayArgs, components: &[Component], out: &mut dyn Write) -> ExitCode {
    let replayed = runtime().map_err(Into::into).and_then(|runtime| replay(args, components, &runtime, out));
    match replayed {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(super::FAILED),
        Err(error) => failed(error.as_ref()),
    }
}

fn replay(
    args: &ReplayArgs,
    components: &[Component],
    runtime: &tokio::runtime::Runtime,
    out: &mut dyn Write,
) -> Result<bool, Box<dyn Error>> {
    check_settings(&args.set, components)?;
    let recordings = Recordings::open(&args.directory)?;
    let journal = Journal::default();
    let backend = Arc::new(Noted { backend: Arc::new(recordings.backend()), journal: journal.clone() });
    let with_section = components.iter().map(|component| (component, section(component.name(), &args.set)));
    let registry = Registry::build(with_section).map_err(DaemonError::Clashes)?;
    let names = ActionNames::new(Rest::new(backend.clone(), None));
    for message in recordings.messages() {
        names.know(message.body["action_id"].as_i64(), &message.display_name);
    }
    let services = Services::new(backend, 1, CancellationToken::new());
    let workshop = Workshop::new(registry, names, services);
    let org = recordings.org_id().and_then(|id| i64::try_from(id).ok()).unwrap_or_default();
    let mut all_well = true;
    for (message, number) in recordings.messages().iter().zip(1..) {
        let destination = destination(args, &workshop.registry(), message);
        let envelope = envelope(message, Destination::actions(org, &destination), number);
        let outcome =
            runtime.block_on(workshop.carry_out(&envelope, &Earlier::default(), Arc::new(journal.clone())));
        let (Outcome::Answered(answer) | Outcome::SetAside(answer, _)) = outcome else { continue };
        if workshop.registry().find(&destination, &handler_name(&message.display_name)).is_none() {
            journal.note("handlers", &handled(&workshop.registry()));
        }
        all_well &= report(message, &destination, &journal, &answer, out)?;
    }
    Ok(all_well)
}

/// Prints what became of one message; whether it was a success.
fn report(
    message: &RecordedMessage,
    destination: &str,
    journal: &Journal,
    answer: &Answer,
    out: &mut dyn Write,
) -> Result<bool, Box<dyn Error>> {
    let file = message.file.file_name().unwrap_or(message.file.as_os_str()).to_string_lossy();
    writeln!(out, "{file}")?;
    let action = format!("{} (destination {destination})", message.display_name);
    writeln!(out, "  {}", line("action", &action))?;
    for line in journal.take() {
        writeln!(out, "  {line}")?;
    }
    writeln!(out, "  {}", line("acknowledgement", &answer.body))?;
    let body: serde_json::Value = serde_json::from_str(&answer.body)?;
    Ok(body["message_type"] == 0)
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
