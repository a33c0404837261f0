//! The commands: flags in, words and an exit code out.

pub mod check;
pub mod config;
pub mod dead;
pub mod invoke;
pub mod list;
pub mod new;
mod rehearsal;
pub mod replay;
pub mod run;
mod vendor;

use crate::{
    children,
    component::Component,
    config::{Problems, Sources},
    logging::complain,
};
use clap::{Parser, Subcommand};
use std::{io, process::ExitCode};
use vendor::Typed;

/// The configuration or the command line is wrong (`EX_USAGE`).
const USAGE: u8 = 64;

/// Something else went wrong.
const FAILED: u8 = 1;

/// Takes the messages of a SOAR platform from its STOMP broker, runs the component that handles each, and answers.
#[derive(Debug, Parser)]
#[command(name = "processor", version, propagate_version = true, max_term_width = 110, after_help = EXAMPLES)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

const EXAMPLES: &str = "\
A first look, no platform needed:
  processor replay components/add_task/recorded

A first run:
  processor config -c          write app.config; fill in host, org, the API key
  processor check --connect    try everything, and name what is wrong
  processor run                take messages until told to stop

A component of your own:
  processor new my_component   a cargo project: component, test, sample

`processor COMMAND --help` says more of each, exit codes included.";

#[derive(Debug, Subcommand)]
enum Command {
    /// Take messages and carry them out, until SIGTERM or Ctrl-C.
    Run(run::RunArgs),
    /// Check app.config; with --connect, also the way to the platform, the broker and each queue.
    Check(check::CheckArgs),
    /// List the components, their destinations and actions.
    List(list::ListArgs),
    /// Write, complete or show app.config.
    Config(config::ConfigArgs),
    /// List, show, retry and drop the messages that were set aside.
    Dead(dead::DeadArgs),
    /// Make a cargo project with a component of your own.
    New(new::NewArgs),
    /// Run one handler once, against the platform or recordings of it.
    Invoke(invoke::InvokeArgs),
    /// Carry recorded messages out, with recorded REST responses in place of the platform.
    Replay(replay::ReplayArgs),
}

/// Runs the command line of a processor with these components; this is all that a `main` has to call.
///
/// ```no_run
/// # use action_processor::component::Component;
/// # mod my_component { pub fn component() -> super::Component { super::Component::new("mine") } }
/// fn main() -> std::process::ExitCode {
///     action_processor::main([my_component::component()])
/// }
/// ```
pub fn main(components: impl IntoIterator<Item = Component>) -> ExitCode {
    crate::tls::choose_cryptography();
    let components: Vec<Component> = components.into_iter().collect();
    let arguments = match vendor::read(std::env::args_os()) {
        Typed::Arguments(arguments) => arguments,
        Typed::Elsewhere(instead) => {
            complain(&format!("processor: {instead}"));
            return ExitCode::from(USAGE);
        }
    };
    let cli = match Cli::try_parse_from(arguments) {
        Ok(cli) => cli,
        Err(error) => return explained(&error),
    };
    if !matches!(cli.command, Command::Run(_)) {
        children::end_on_signals();
    }
    let code = command(cli.command, &components);
    // What was started for it ends with it.
    children::end_all();
    code
}

fn command(command: Command, components: &[Component]) -> ExitCode {
    let out = &mut io::stdout().lock();
    match command {
        Command::Run(args) => run::run(&args, components),
        Command::Check(args) => check::run(&args, components, out),
        Command::List(args) => list::run(&args, components, out),
        Command::Config(args) => config_command(&args, components, out),
        Command::Dead(args) => dead::run(&args, components, out),
        Command::New(args) => new::run(&args, out),
        Command::Invoke(args) => invoke::run(&args, components, out),
        Command::Replay(args) => replay::run(&args, components, out),
    }
}

/// `--help` and `--version` count as such "errors" too.
fn explained(error: &clap::Error) -> ExitCode {
    // A terminal that is gone cannot be told.
    let _gone = error.print();
    if error.use_stderr() { ExitCode::from(USAGE) } else { ExitCode::SUCCESS }
}

fn config_command(args: &config::ConfigArgs, components: &[Component], out: &mut dyn io::Write) -> ExitCode {
    match config::run(args, components, Sources::of_process(), out) {
        Ok(()) => ExitCode::SUCCESS,
        Err(config::ConfigError::Mistakes(problems)) => mistakes(&problems),
        Err(error) => failed(&error),
    }
}

/// Says all that is wrong with the configuration, or what it still waits for; the exit code tells the two apart.
fn mistakes(problems: &Problems) -> ExitCode {
    let number = problems.iter().count();
    let (heading, code) = match number {
        _ if problems.are_awaited() => ("a store of secrets does not answer", FAILED),
        1 => ("the configuration has a mistake", USAGE),
        _ => ("the configuration has mistakes", USAGE),
    };
    complain(&format!("processor: {heading}:"));
    problems.iter().for_each(|problem| complain(&format!("  {problem}")));
    ExitCode::from(code)
}

/// Says what went wrong.
fn failed(error: &dyn std::error::Error) -> ExitCode {
    complain(&format!("processor: {error}"));
    ExitCode::from(FAILED)
}

/// The threads that everything asynchronous runs on.
fn runtime() -> io::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_multi_thread().enable_all().thread_name("processor").build()
}
