//! `processor check`.

use super::{mistakes, run::load};
use crate::{component::Component, config::Overrides};
use std::{io::Write, process::ExitCode};

/// Flags of `processor check`.
#[derive(Debug, clap::Args)]
pub struct CheckArgs {
    /// Try the connections too.
    #[arg(long)]
    connect: bool,
    #[command(flatten)]
    overrides: Overrides,
}

/// Checks the configuration.
pub fn run(args: &CheckArgs, components: &[Component], out: &mut dyn Write) -> ExitCode {
    match load(&args.overrides, components) {
        Err(problems) => mistakes(&problems),
        Ok(_) => match writeln!(out, "app.config is valid") {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => super::failed(&error),
        },
    }
}
