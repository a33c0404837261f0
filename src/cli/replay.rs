//! `processor replay`.

use super::{failed, runtime};
use crate::{
    component::{
        CancellationToken, Component, Rest, Section, Services, StatusSink,
        recording::{RecordedMessage, Recordings},
        rest::{Backend, Request, Response, RestError},
    },
    dispatch::{ActionNames, Answer, Destination, Envelope, Outcome, Registry, Workshop},
};
use futures_util::future::BoxFuture;
use std::{
    error::Error,
    io::Write,
    path::PathBuf,
    process::ExitCode,
    sync::{Arc, Mutex, PoisonError},
};

/// Flags of `processor replay`.
#[derive(Debug, clap::Args)]
pub struct ReplayArgs {
    /// A directory that `processor run --log-http-responses DIR` has written.
    directory: PathBuf,
    /// Give the messages to the component that serves this destination. Without it, to whichever handles their action.
    #[arg(long, value_name = "NAME")]
    destination: Option<String>,
    /// Set a key of a component's section, which is empty otherwise; may be repeated.
    #[arg(long, value_name = "SECTION.KEY=VALUE")]
    set: Vec<String>,
}

/// What happens while a message is carried out, line by line.
#[derive(Debug, Clone, Default)]
struct Journal(Arc<Mutex<Vec<String>>>);

/// Notes each call before the recordings answer it.
#[derive(Debug)]
struct Noted<B> {
    backend: B,
    journal: Journal,
}

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
    let recordings = Recordings::open(&args.directory)?;
    if recordings.messages().is_empty() {
        let directory = args.directory.display();
        return Err(format!("{directory} holds no message (no file is called ActionMessage_…)").into());
    }
    let journal = Journal::default();
    let backend = Arc::new(Noted { backend: recordings.backend(), journal: journal.clone() });
    let with_section = components.iter().map(|component| (component, section(component.name(), &args.set)));
    let registry = Registry::build(with_section).map_err(|clashes| format!("{clashes:?}"))?;
    let names = ActionNames::new(Rest::new(backend.clone(), None));
    for message in recordings.messages() {
        names.know(message.body["action_id"].as_i64(), &message.display_name);
    }
    let services = Services::new(backend, 1, CancellationToken::new());
    let workshop = Workshop::new(registry, names, services);
    let org = recordings.org_id().and_then(|id| i64::try_from(id).ok()).unwrap_or_default();
    let mut all_well = true;
    for (message, number) in recordings.messages().iter().zip(1..) {
        let destination = destination(args, &workshop, message);
        let envelope =
            Envelope::made_up(Destination::actions(org, &destination), number, message.raw.clone());
        let outcome = runtime.block_on(workshop.carry_out(&envelope, Arc::new(journal.clone())));
        let Outcome::Answered(answer) = outcome else { continue };
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
    writeln!(out, "  {:<16}{} (destination {destination})", "action", message.display_name)?;
    for line in journal.take() {
        writeln!(out, "  {line}")?;
    }
    writeln!(out, "  {:<16}{}", "acknowledgement", answer.body)?;
    let body: serde_json::Value = serde_json::from_str(&answer.body)?;
    Ok(body["message_type"] == 0)
}

/// The destination whose handlers know the action.
fn destination(args: &ReplayArgs, workshop: &Workshop, message: &RecordedMessage) -> String {
    let action = crate::component::name::handler_name(&message.display_name);
    let registry = workshop.registry();
    let knowing = registry.destinations().find(|name| registry.actions(name).contains(&action.as_str()));
    args.destination.as_deref().or(knowing).unwrap_or("unknown").to_owned()
}

fn section(name: &str, set: &[String]) -> Section {
    let own = set.iter().filter_map(|setting| {
        let (path, value) = setting.split_once('=')?;
        let (section, key) = path.rsplit_once('.')?;
        (section == name).then(|| (key.trim().to_lowercase(), value.to_owned()))
    });
    Section::new(name, own)
}

// === impl Journal ===

impl Journal {
    fn note(&self, what: &str, line: &str) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(format!("{what:<16}{line}"));
    }

    fn take(&self) -> Vec<String> {
        std::mem::take(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl StatusSink for Journal {
    fn status(&self, text: String) -> BoxFuture<'_, ()> {
        Box::pin(async move { self.note("status", &text) })
    }
}

// === impl Noted ===

impl<B: Backend> Backend for Noted<B> {
    fn call(&self, request: Request) -> BoxFuture<'_, Result<Response, RestError>> {
        let call = format!("{} {}", request.method, request.path);
        Box::pin(async move {
            let result = self.backend.call(request).await;
            match &result {
                Ok(response) => self.journal.note("REST", &format!("{call} → {}", response.status.as_u16())),
                Err(error) => self.journal.note("REST", &format!("{call} → {error}")),
            }
            result
        })
    }
}
