//! `processor invoke`.
//!
//! - `input`: what is written on the command line becomes a message's body
//! - `secrets`: what inputs name by `$NAME` and `^NAME`
//! - `target`: which handler is meant
//! - `stage`: the platform, or recordings of it

mod input;
mod secrets;
mod stage;
mod target;

use super::{
    FAILED, failed,
    rehearsal::{Journal, Unable, error, line},
    runtime,
};
use crate::{
    component::{Component, Kind},
    config::Overrides,
    dispatch::{Destination, Earlier, Envelope, Outcome, Workshop},
    logging::{Redactor, complain},
    store::Answer,
};
use input::Input;
use serde_json::Value;
use stage::Stage;
use std::{io::Write, path::PathBuf, process::ExitCode, sync::Arc};
use target::Target;

/// Flags of `processor invoke`. Every key of app.config has an option of the same name; `--help` shows them all.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct InvokeArgs {
    /// A function's API name, or an action's name: "Add Task" and `add_task` mean the same.
    name: String,
    /// The function's inputs, or the activity fields that a user would fill in. A value is read as what the handler asks
    /// for: a text, a number, true or false, a date (2024-01-02 or 2024-01-02T03:04:05Z; UTC where no zone is given). A
    /// handler that takes any value gets numbers, true and false as such. Nothing at all (`key=`) is a field left empty;
    /// `key:=JSON` takes any JSON.
    #[arg(value_name = "KEY=VALUE")]
    inputs: Vec<Input>,
    /// The inputs as a JSON object, a whole recorded message (ActionMessage_…), or a result that holds its inputs (a payload
    /// sample of the vendor's apps); KEY=VALUE adds to them. `-` is standard input.
    #[arg(long, value_name = "FILE")]
    input: Option<PathBuf>,
    /// The incident that an action fires on, read from the platform; for a function, its input `incident_id`.
    #[arg(long, value_name = "ID")]
    incident: Option<i64>,
    /// Answer REST calls with the recordings of this directory; no platform is needed, and nothing is changed anywhere. Of
    /// app.config, where there is one, only the component's section and [integrations] count.
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

A select is {\"id\", \"name\"}, a multi-select a list of those, a text area {\"format\": \"text\", \"content\": \"…\"}. `processor list -v` shows what there is to invoke; recordings are made by
`processor run --log-http-responses DIRECTORY`.

`$NAME` and `^NAME` in a function's inputs are filled in where input_secrets in the component's
section names them (or --set my_component.input_secrets=NAME), and masked in what is
printed. Quote them, lest the shell fill them in. What trap_exception says holds here, too.

Exit code: 0 if it was answered with success, 1 if it was not, 64 if the command line or app.config is wrong.";

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
        Err(unable) => unable.tell(),
    }
}

async fn invoke(args: &InvokeArgs, components: &[Component], out: &mut dyn Write) -> Result<bool, Unable> {
    let given = input::given(&args.inputs, args.input.as_deref()).map_err(Unable::Usage)?;
    let (stage, target) = match &args.mock {
        Some(directory) => stage::mocked(args, components, directory)?,
        None => stage::real(args, components).await?,
    };
    let body = body(args, &target, given, &stage).await?;
    let mut out = Told { redactor: stage.redactor.clone(), out };
    out.tell(&target.to_string())?;
    let shell_inputs = Arc::new(input::of_shell(&args.inputs));
    let envelope =
        Envelope { shell_inputs: Some(shell_inputs.clone()), ..envelope(&target, stage.org, &body) };
    let journal = Journal::default();
    let workshop = stage.workshop(&journal);
    workshop.names().know(body["action_id"].as_i64(), &args.name);
    let answer = carry_out(&workshop, &envelope, &journal, &mut out).await?;
    let reply: Value = serde_json::from_str(&answer.body).map_err(error)?;
    let text = serde_json::to_string_pretty(&reply).map_err(error)?;
    out.tell(&format!("  {}", line("reply", &text.replace('\n', "\n  "))))?;
    name_unread(&shell_inputs.unread());
    Ok(reply["message_type"] == 0)
}

/// One that is misspelt changes nothing, silently.
fn name_unread(inputs: &[String]) {
    if !inputs.is_empty() {
        let names = inputs.join(", ");
        complain(&format!("processor: the handler reads no input of this name: {names}; check the spelling"));
    }
}

/// Carries the message out, and tells what happens when it does.
async fn carry_out(
    workshop: &Workshop,
    envelope: &Envelope,
    journal: &Journal,
    out: &mut Told<'_>,
) -> Result<Answer, Unable> {
    let earlier = Earlier::default();
    let mut work = std::pin::pin!(workshop.carry_out(envelope, &earlier, Arc::new(journal.clone())));
    let outcome = loop {
        tokio::select! {
            biased;
            () = journal.noted() => out.tell_all(journal)?,
            outcome = &mut work => break outcome,
        }
    };
    out.tell_all(journal)?;
    match outcome {
        Outcome::Answered(answer) | Outcome::SetAside(answer, _) => Ok(answer),
        Outcome::Returned => Err(Unable::Failed("the handler gave the message back, unanswered".into())),
    }
}

/// The message's body, as the platform would have sent it.
async fn body(args: &InvokeArgs, target: &Target, given: Value, stage: &Stage) -> Result<Value, Unable> {
    let incident = match args.incident {
        Some(id) if target.kind() == Kind::Action => Some(stage.incident(id).await?),
        _ => None,
    };
    Ok(match target {
        Target::Function { name, .. } => input::function(name, given, args.incident),
        Target::Action { .. } => input::action(given, incident),
    })
}

/// Without a context token: this is nobody's message, and what it changes is a change like any other.
fn envelope(target: &Target, org: i64, body: &Value) -> Envelope {
    let destination = Destination::actions(org, target.destination());
    let mut envelope = Envelope::made_up(destination, 1, body.to_string().into());
    let headers = Arc::make_mut(&mut envelope.headers);
    headers.retain(|(name, _)| name != "Co3ContextToken");
    if target.kind() == Kind::Function {
        let payload = headers.iter_mut().filter(|(name, _)| name == Kind::PAYLOAD);
        payload.for_each(|(_, value)| "FunctionDTO".clone_into(value));
    }
    envelope
}

/// Standard output, without secrets.
struct Told<'a> {
    redactor: Redactor,
    out: &'a mut dyn Write,
}

impl Told<'_> {
    fn tell(&mut self, text: &str) -> Result<(), Unable> {
        writeln!(self.out, "{}", self.redactor.mask_excerpt(text)).map_err(error)
    }

    fn tell_all(&mut self, journal: &Journal) -> Result<(), Unable> {
        journal.take().iter().try_for_each(|text| self.tell(&format!("  {text}")))
    }
}
