//! `processor list`.

use super::failed;
use crate::component::Component;
use std::{
    io::{self, Write},
    process::ExitCode,
};

/// Flags of `processor list`.
#[derive(Debug, clap::Args)]
pub struct ListArgs {
    /// Show each component's actions, and the keys of its section, too.
    #[arg(short, long)]
    verbose: bool,
}

/// Lists the components that this binary was built with.
pub fn run(args: &ListArgs, components: &[Component], out: &mut dyn Write) -> ExitCode {
    if components.is_empty() {
        eprintln!("processor: this binary was built without components");
    }
    match components.iter().try_for_each(|component| show(component, args.verbose, out)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => failed(&error),
    }
}

fn show(component: &Component, verbose: bool, out: &mut dyn Write) -> io::Result<()> {
    let (name, version) = (component.name(), component.version_text());
    writeln!(out, "{name:<24} {version:<10} {}", component.about_text())?;
    if !verbose {
        return Ok(());
    }
    let nothing = crate::component::Section::default();
    writeln!(out, "  destination  {}", component.serves(&nothing))?;
    for (action, _) in component.handlers() {
        writeln!(out, "  action       {action}")?;
    }
    if component.default_handler().is_some() {
        writeln!(out, "  action       (every other)")?;
    }
    for line in component.sample().lines().filter(|line| !line.trim().is_empty()) {
        writeln!(out, "  [{name}]  {line}")?;
    }
    writeln!(out)
}
