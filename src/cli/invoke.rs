//! `processor invoke`.
//!
//! - `input`: what is written on the command line becomes a message's body
//! - `target`: which handler is meant

mod input;
mod target;

use super::{
    FAILED, USAGE, failed, mistakes,
    rehearsal::{Journal, Noted, Setting, check_settings, line, section},
    run::load,
    runtime,
};
use crate::{
    component::{
        CancellationToken, Component, Kind, Rest, Section, Services,
        recording::{RecordingError, Recordings},
        rest::Backend,
    },
    config::{Config, Overrides},
    daemon::{self, DaemonError, settings},
    dispatch::{ActionNames, Destination, Earlier, Envelope, Outcome, Registry, Workshop},
    logging::Redactor,
    rest,
};
use input::Input;
use serde_json::{Value, json};
use std::{error::Error, io::Write, path::PathBuf, process::ExitCode, sync::Arc};
use target::Target;

/// Flags of `processor invoke`. Every key of app.config has an option of the same name; `--help` shows them all.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct InvokeArgs {
    /// A function's API name, or an action's name: "Add Task" and `add_task` mean the same.
    name: String,
    /// The function's inputs, or the activity fields that a user would fill in. Whole and decimal numbers, true and false
    /// are taken for what they are, and nothing at all (`key=`) for a field left empty; `key:=JSON` takes any JSON.
    #[arg(value_name = "KEY=VALUE")]
    inputs: Vec<Input>,
    /// The inputs as a JSON object, or a whole recorded message (ActionMessage_…); KEY=VALUE adds to them. `-` is standard
    /// input.
    #[arg(long, value_name = "FILE")]
    input: Option<PathBuf>,
    /// The incident that an action fires on, read from the platform; for a function, its input `incident_id`.
    #[arg(long, value_name = "ID")]
    incident: Option<i64>,
    /// Answer REST calls with the recordings of this directory; no platform is needed, and nothing is changed anywhere.
    #[arg(long, value_name = "DIRECTORY")]
    mock: Option<PathBuf>,
    /// Take the function of this name, where an action is called so too.
    #[arg(long, conflicts_with = "destination")]
    function: bool,
    /// Take the action of this message destination, where several have one of this name.
    #[arg(long, value_name = "NAME")]
    destination: Option<String>,
    #[command(flatten)]
    overrides: Overrides,
}

const EXAMPLES: &str = "\
Runs one handler once, without a broker, and prints the REST calls that it makes, its status updates and the reply that the
platform would get. Without --mock it logs in to the platform of app.config, and WHAT THE HANDLER CHANGES THERE IS CHANGED.

  processor invoke my_function host=example.com limit=5 verbose=true
  processor invoke my_function 'severity:={\"id\": 3, \"name\": \"High\"}' 'tags:=[\"a\", \"b\"]' --mock recorded
  processor invoke \"Add Task\" task_name=\"Look at it\" --incident 2095
  processor invoke add_task --input recorded/ActionMessage_AddTask_2017-03-07T15-07-14.033583 --mock recorded
  processor invoke my_function host=example.com --mock recorded --set my_component.greeting=hello

A select is {\"id\", \"name\"}, a multi-select a list of those, a date milliseconds since 1970 UTC, a text area
{\"format\": \"text\", \"content\": \"…\"}. `processor list -v` shows what there is to invoke; recordings are made by
`processor run --log-http-responses DIRECTORY`.

Exit code: 0 if it was answered with success, 1 if it was not, 64 if the command line or app.config is wrong.";

/// Where the handler works, and with what.
struct Stage {
    registry: Registry,
    backend: Arc<dyn Backend>,
    org: i64,
    integrations: Section,
    redactor: Redactor,
}

/// Why nothing was run.
#[derive(Debug, thiserror::Error)]
enum Unable {
    /// The command line or app.config is wrong.
    #[error("{0}")]
    Usage(String),
    /// app.config is wrong, in these ways.
    #[error("app.config has mistakes")]
    Config(crate::config::Problems),
    /// Something else is.
    #[error(transparent)]
    Failed(Box<dyn Error>),
}

/// Runs the handler. Exit code 0: it was answered with success.
pub fn run(args: &InvokeArgs, components: &[Component], out: &mut dyn Write) -> ExitCode {
    let runtime = match runtime() {
        Ok(runtime) => runtime,
        Err(error) => return failed(&error),
    };
    let invoked = runtime.block_on(invoke(args, components, out));
    // A handler that blocks a thread is not waited for.
    runtime.shutdown_background();
    match invoked {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(FAILED),
        Err(Unable::Config(problems)) => mistakes(&problems),
        Err(Unable::Failed(error)) => failed(error.as_ref()),
        Err(Unable::Usage(words)) => {
            eprintln!("processor: {words}");
            ExitCode::from(USAGE)
        }
    }
}

async fn invoke(args: &InvokeArgs, components: &[Component], out: &mut dyn Write) -> Result<bool, Unable> {
    let given = input::given(&args.inputs, args.input.as_deref()).map_err(Unable::Usage)?;
    // Which handler is meant does not depend on the platform: a mistake is told before anything is asked of it.
    let (stage, target) = match &args.mock {
        Some(directory) => mocked(args, components, directory)?,
        None => real(args, components).await?,
    };
    let body = body(args, &target, given, &stage).await?;
    let journal = Journal::default();
    let backend = Arc::new(Noted { backend: stage.backend, journal: journal.clone() });
    let names = ActionNames::new(Rest::new(backend.clone(), None));
    names.know(body["action_id"].as_i64(), &args.name);
    let services = Services::new(backend, 1, CancellationToken::new()).with_integrations(stage.integrations);
    let workshop = Workshop::new(stage.registry, names, services);
    let envelope = envelope(&target, stage.org, &body);
    let redactor = &stage.redactor;
    let mut tell = |text: &str| writeln!(out, "{}", redactor.mask(text)).map_err(error);
    tell(&target.to_string())?;
    let outcome = {
        let earlier = Earlier::default();
        let mut work = std::pin::pin!(workshop.carry_out(&envelope, &earlier, Arc::new(journal.clone())));
        loop {
            tokio::select! {
                biased;
                () = journal.noted() => journal.take().iter().try_for_each(|text| tell(&format!("  {text}")))?,
                outcome = &mut work => break outcome,
            }
        }
    };
    journal.take().iter().try_for_each(|text| tell(&format!("  {text}")))?;
    let (Outcome::Answered(answer) | Outcome::SetAside(answer, _)) = outcome else {
        return Err(Unable::Usage("the handler gave the message back".to_owned()));
    };
    let reply: Value = serde_json::from_str(&answer.body).map_err(error)?;
    let text = serde_json::to_string_pretty(&reply).map_err(error)?;
    tell(&format!("  {}", line("reply", &text.replace('\n', "\n  "))))?;
    Ok(reply["message_type"] == 0)
}

/// Recordings in place of the platform, and nothing of app.config.
fn mocked(
    args: &InvokeArgs,
    components: &[Component],
    directory: &std::path::Path,
) -> Result<(Stage, Target), Unable> {
    let settings = args.overrides.arguments.iter().filter(|argument| argument.option.starts_with("--set "));
    let settings: Vec<Setting> = settings
        .map(|argument| Setting {
            section: argument.section.clone(),
            key: argument.key.clone(),
            value: argument.value.clone(),
        })
        .collect();
    check_settings(&settings, components).map_err(Unable::Usage)?;
    let with_section = components.iter().map(|component| (component, section(component.name(), &settings)));
    let registry = Registry::build(with_section).map_err(|clashes| error(DaemonError::Clashes(clashes)))?;
    let target = target::find(&registry, args).map_err(Unable::Usage)?;
    let recordings = Recordings::read(directory).map_err(|problem: RecordingError| error(problem))?;
    let org = recordings.org_id().and_then(|id| i64::try_from(id).ok()).unwrap_or_default();
    let stage = Stage {
        registry,
        backend: Arc::new(recordings.backend()),
        org,
        integrations: Section::default(),
        redactor: Redactor::default(),
    };
    Ok((stage, target))
}

/// The platform of app.config.
async fn real(args: &InvokeArgs, components: &[Component]) -> Result<(Stage, Target), Unable> {
    let config = load(&args.overrides, components).map_err(Unable::Config)?;
    let registry = daemon::registry(&config, components).map_err(error)?;
    let target = target::find(&registry, args).map_err(Unable::Usage)?;
    let settings = settings::rest(&config, None).map_err(|problem| Unable::Usage(problem.to_string()))?;
    let platform = rest::connect(settings).await.map_err(error)?;
    warn(&config, platform.org_name());
    let stage = Stage {
        registry,
        org: platform.org_id(),
        backend: Arc::new(platform),
        integrations: config.section("integrations"),
        redactor: Redactor::new(&config.secrets()),
    };
    Ok((stage, target))
}

fn warn(config: &Config, org: &str) {
    let host = &config.platform.host;
    eprintln!(
        "processor: this works on the real platform {host}, organization {org:?}: what the handler changes there is \
         changed. (--mock DIRECTORY works on recordings.)"
    );
}

/// The message's body, as the platform would have sent it.
async fn body(args: &InvokeArgs, target: &Target, given: Value, stage: &Stage) -> Result<Value, Unable> {
    let incident = match args.incident {
        Some(id) if target.kind() == Kind::Action => Some(incident(id, args, stage).await?),
        _ => None,
    };
    Ok(match target {
        Target::Function { name, .. } => input::function(name, given, args.incident),
        Target::Action { .. } => input::action(given, incident),
    })
}

/// The incident as it is on the platform; among recordings there may be none of it.
async fn incident(id: i64, args: &InvokeArgs, stage: &Stage) -> Result<Value, Unable> {
    let rest = Rest::new(stage.backend.clone(), None);
    match rest.get(&format!("/incidents/{id}")).await {
        Ok(incident) => Ok(incident),
        Err(_not_recorded) if args.mock.is_some() => Ok(json!({ "id": id })),
        Err(problem) => Err(error(problem)),
    }
}

/// Without a context token: this is nobody's message, and what it changes is a change like any other.
fn envelope(target: &Target, org: i64, body: &Value) -> Envelope {
    let destination = Destination::actions(org, target.destination());
    let mut envelope = Envelope::made_up(destination, 1, body.to_string().into());
    envelope.headers.retain(|(name, _)| name != "Co3ContextToken");
    if target.kind() == Kind::Function {
        let payload = envelope.headers.iter_mut().filter(|(name, _)| name == Kind::PAYLOAD);
        payload.for_each(|(_, value)| "FunctionDTO".clone_into(value));
    }
    envelope
}

fn error(error: impl Error + 'static) -> Unable {
    Unable::Failed(Box::new(error))
}
