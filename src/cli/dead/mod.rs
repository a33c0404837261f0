//! `processor dead`: the messages that were set aside.
//!
//! - `open`: the journal that they are in; `table`: `list`; `letter`: `show`; `terms`: one of them in a few words

mod letter;
mod open;
mod table;
mod terms;

use super::{FAILED, USAGE, failed, mistakes, runtime};
use crate::{
    component::Component,
    config::Problems,
    daemon::settings::SettingsError,
    store::{DeadLetter, Journal, StoreError},
};
use open::Opened;
use std::{
    io::{self, Write},
    path::PathBuf,
    process::ExitCode,
};

/// Flags of `processor dead`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct DeadArgs {
    #[command(subcommand)]
    command: DeadCommand,
    /// Read this file, not $APP_CONFIG_FILE, ./app.config or ~/.resilient/app.config: it says where the journal is.
    #[arg(long, alias = "config_file", value_name = "FILE", global = true)]
    config_file: Option<PathBuf>,
}

const EXAMPLES: &str = "\
A message is set aside when it cannot be dealt with: the process ended twice while it was at work \
on it, or its body could not be read, or the broker refused its answer. Wherever possible it was \
answered with an error, so that the platform does not wait. It stays in the list until somebody \
retries or drops it.

  processor dead list          what there is, and why
  processor dead show 3        headers, reason and body of number 3
  processor dead retry 3       carry it out again, once its cause is mended
  processor dead drop 3        take it off the list; it is gone then

The list is part of the processor's journal. These commands work whether or not it runs; start \
them as the processor's user, with the same app.config.

Exit code: 0 if all was done, 1 if something was not, 64 if the command line or app.config is \
wrong.";

#[derive(Debug, clap::Subcommand)]
enum DeadCommand {
    /// List the messages that were set aside, oldest first.
    List(ListArgs),
    /// Show one with its headers, the reason and its body. Known secrets and tokens are masked.
    Show(ShowArgs),
    /// Ask the processor to carry messages out again.
    Retry(RetryArgs),
    /// Take messages off the list. Their answers, if any, stay as they are.
    Drop(DropArgs),
}

#[derive(Debug, clap::Args)]
struct ListArgs {
    /// Print one JSON array in place of a table, with every text in full.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, clap::Args)]
struct ShowArgs {
    /// Its number in the list.
    number: i64,
    /// Write its body alone, byte by byte as it came, with nothing masked.
    #[arg(long)]
    body: bool,
}

#[derive(Debug, clap::Args)]
#[command(after_help = RETRYING)]
struct RetryArgs {
    /// Their numbers in the list.
    #[arg(required_unless_present = "all", value_name = "NUMBER")]
    numbers: Vec<i64>,
    /// All there are.
    #[arg(long, conflicts_with = "numbers")]
    all: bool,
}

const RETRYING: &str = "\
This leaves a note in the journal. A processor that runs takes it up within a few seconds; if none \
does, the next one when it starts. The new answer goes to the platform as any other. Where only the \
answer could not be delivered, it is sent again, and nothing is carried out.";

#[derive(Debug, clap::Args)]
struct DropArgs {
    /// Their numbers in the list.
    #[arg(required_unless_present = "all", value_name = "NUMBER")]
    numbers: Vec<i64>,
    /// All there are; needs --yes.
    #[arg(long, conflicts_with = "numbers")]
    all: bool,
    /// Yes, all of them.
    #[arg(long)]
    yes: bool,
}

/// Why a command about dead letters was not carried out.
#[derive(Debug, thiserror::Error)]
enum DeadError {
    /// app.config has mistakes.
    #[error(transparent)]
    Mistakes(#[from] Problems),
    /// `[store]` says something that cannot be put to use.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// The journal cannot be opened, read or written.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// No thread can be started.
    #[error("no threads can be started: {0}")]
    Runtime(#[source] io::Error),
    /// Standard output cannot be written to.
    #[error("cannot write the answer: {0}")]
    Output(#[from] io::Error),
    /// Nothing in the list has these numbers.
    #[error("not in the list: {0}; `processor dead list` shows what is")]
    Unknown(String),
    /// `drop --all` was not meant for certain.
    #[error("this would drop {0}: say `processor dead drop --all --yes` if that is meant")]
    Unsure(String),
}

/// Carries out a command about dead letters.
pub fn run(args: &DeadArgs, components: &[Component], out: &mut dyn Write) -> ExitCode {
    match carry_out(args, components, out) {
        Ok(()) => ExitCode::SUCCESS,
        Err(DeadError::Mistakes(problems)) => mistakes(&problems),
        Err(error) => {
            let _told = failed(&error);
            let is_usage = matches!(error, DeadError::Unsure(_) | DeadError::Settings(_));
            ExitCode::from(if is_usage { USAGE } else { FAILED })
        }
    }
}

fn carry_out(args: &DeadArgs, components: &[Component], out: &mut dyn Write) -> Result<(), DeadError> {
    let runtime = runtime().map_err(DeadError::Runtime)?;
    runtime.block_on(async {
        let Opened { journal, redactor } = open::open(args.config_file.as_deref(), components).await?;
        let letters = journal.dead().await?;
        let done = match &args.command {
            DeadCommand::List(list) if list.json => table::json(&letters, &redactor, out),
            DeadCommand::List(_) => table::text(&letters, &redactor, out),
            DeadCommand::Show(show) => letter::show(find(&letters, show.number)?, show.body, &redactor, out),
            DeadCommand::Retry(retry) => retries(&journal, letters, retry, out).await,
            DeadCommand::Drop(drop) => drops(&journal, letters, drop, out).await,
        };
        journal.close().await;
        done
    })
}

fn find(letters: &[DeadLetter], number: i64) -> Result<&DeadLetter, DeadError> {
    let found = letters.iter().find(|letter| letter.number == number);
    found.ok_or_else(|| DeadError::Unknown(number.to_string()))
}

async fn retries(
    journal: &Journal,
    letters: Vec<DeadLetter>,
    args: &RetryArgs,
    out: &mut dyn Write,
) -> Result<(), DeadError> {
    let (chosen, mut unknown) = choose(letters, &args.numbers, args.all);
    let mut asked = 0;
    for letter in chosen {
        if journal.ask_retry(letter.number).await? {
            asked += 1;
            writeln!(out, "{}  to be carried out again", terms::line(&letter))?;
        } else {
            unknown.push(letter.number);
        }
    }
    match asked {
        0 if unknown.is_empty() => writeln!(out, "{NOTHING}")?,
        0 => {}
        _ => writeln!(out, "{TAKEN_UP}")?,
    }
    known(&unknown)
}

const NOTHING: &str = "There are no dead letters.";

const TAKEN_UP: &str = "\
A processor that runs takes this up within a few seconds; if none does, the next one when it starts.";

async fn drops(
    journal: &Journal,
    letters: Vec<DeadLetter>,
    args: &DropArgs,
    out: &mut dyn Write,
) -> Result<(), DeadError> {
    if args.all && letters.is_empty() {
        return Ok(writeln!(out, "{NOTHING}")?);
    }
    if args.all && !args.yes {
        return Err(DeadError::Unsure(terms::count(letters.len())));
    }
    let (chosen, mut unknown) = choose(letters, &args.numbers, args.all);
    for letter in chosen {
        if journal.drop_dead(letter.number).await? {
            writeln!(out, "{}  dropped: {}", terms::line(&letter), terms::printable(&letter.reason))?;
        } else {
            unknown.push(letter.number);
        }
    }
    known(&unknown)
}

/// Those that are meant, in their order in the list, and the numbers that are not there.
fn choose(letters: Vec<DeadLetter>, numbers: &[i64], all: bool) -> (Vec<DeadLetter>, Vec<i64>) {
    let is_there = |number: &i64| letters.iter().any(|letter| letter.number == *number);
    let unknown = numbers.iter().copied().filter(|number| !is_there(number)).collect();
    let chosen = letters.into_iter().filter(|letter| all || numbers.contains(&letter.number)).collect();
    (chosen, unknown)
}

/// What could be done was done; the rest is an error.
fn known(unknown: &[i64]) -> Result<(), DeadError> {
    if unknown.is_empty() {
        return Ok(());
    }
    let numbers: Vec<String> = unknown.iter().map(i64::to_string).collect();
    Err(DeadError::Unknown(numbers.join(", ")))
}
