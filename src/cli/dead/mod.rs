//! `processor dead`: the messages that were set aside.
//!
//! - `open`: the journal that they are in; `chosen`: those that are meant; `table`: `list`; `letter`: `show`; `terms`: one of them in a few words

mod chosen;
mod letter;
mod open;
mod table;
mod terms;

use super::{FAILED, USAGE, failed, mistakes, runtime};
use crate::{
    component::Component,
    config::Problems,
    daemon::settings::SettingsError,
    store::{Journal, Listed, StoreError},
};
use chosen::Letters;
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
        let done = match &args.command {
            DeadCommand::List(list) if list.json => table::json(Letters::all(&journal), &redactor, out).await,
            DeadCommand::List(_) => table::text(Letters::all(&journal), &redactor, out).await,
            DeadCommand::Show(show) => match journal.dead_letter(show.number).await? {
                Some(letter) => letter::show(&letter, show.body, &redactor, out),
                None => known(&[show.number]),
            },
            DeadCommand::Retry(retry) => retries(&journal, retry, out).await,
            DeadCommand::Drop(drop) => drops(&journal, drop, out).await,
        };
        journal.close().await;
        done
    })
}

async fn retries(journal: &Journal, args: &RetryArgs, out: &mut dyn Write) -> Result<(), DeadError> {
    let mut letters = Letters::chosen(journal, &args.numbers, args.all);
    let mut asked = 0;
    while let Some(Listed { letter, .. }) = letters.next().await? {
        if journal.ask_retry(letter.number).await? {
            asked += 1;
            writeln!(out, "{}  to be carried out again", terms::line(&letter))?;
        } else {
            letters.unknown.push(letter.number);
        }
    }
    match asked {
        0 if letters.unknown.is_empty() => writeln!(out, "{NOTHING}")?,
        0 => {}
        _ => writeln!(out, "{TAKEN_UP}")?,
    }
    known(&letters.unknown)
}

const NOTHING: &str = "There are no dead letters.";

const TAKEN_UP: &str = "\
A processor that runs takes this up within a few seconds; if none does, the next one when it starts.";

async fn drops(journal: &Journal, args: &DropArgs, out: &mut dyn Write) -> Result<(), DeadError> {
    if args.all && !args.yes {
        return match Letters::all(journal).count().await? {
            0 => Ok(writeln!(out, "{NOTHING}")?),
            letters => Err(DeadError::Unsure(terms::count(letters))),
        };
    }
    let mut letters = Letters::chosen(journal, &args.numbers, args.all);
    let mut dropped = 0;
    while let Some(Listed { letter, .. }) = letters.next().await? {
        if journal.drop_dead(letter.number).await? {
            dropped += 1;
            writeln!(out, "{}  dropped: {}", terms::line(&letter), terms::printable(&letter.reason))?;
        } else {
            letters.unknown.push(letter.number);
        }
    }
    if dropped == 0 && letters.unknown.is_empty() {
        writeln!(out, "{NOTHING}")?;
    }
    known(&letters.unknown)
}

/// What could be done was done; the rest is an error.
fn known(unknown: &[i64]) -> Result<(), DeadError> {
    if unknown.is_empty() {
        return Ok(());
    }
    let numbers: Vec<String> = unknown.iter().map(i64::to_string).collect();
    Err(DeadError::Unknown(numbers.join(", ")))
}
