//! `processor list`.

use super::failed;
use crate::{
    component::{Component, Section, component::Inbound},
    config::{Config, Overrides},
};
use std::{
    io::{self, Write},
    path::PathBuf,
    process::ExitCode,
};

/// Flags of `processor list`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct ListArgs {
    /// Show each component's actions, and the keys of its section, too.
    #[arg(short, long)]
    verbose: bool,
    /// Read this file, not $APP_CONFIG_FILE, ./app.config or ~/.resilient/app.config: a component that has several sections
    /// there is listed once for each.
    #[arg(long, alias = "config_file", value_name = "FILE")]
    config_file: Option<PathBuf>,
}

const EXAMPLES: &str = "\
With -v, for each component:
  platform      the platforms that it is for, where app.config has several
  destination   the message destination it serves, by its programmatic name
  action        a name it answers to: \"Add Task\" on the platform is add_task here
  function      the API name of a function that it answers
  inbound       an inbound destination, and the news from there that it takes
  connector     the queue of a low-code connector that it answers
  requires      what must be on the platform for it to be loaded
  [section]     the keys that `processor config` writes to app.config for it

`destination` in a component's section of app.config chooses another destination, `noload` leaves components out of a \
run. No connection is made: what the platform has of all this is shown by `processor check --connect`.

Exit code: 0, or 64 if the command line is wrong.";

/// Lists the components that this binary was built with.
pub fn run(args: &ListArgs, components: &[Component], out: &mut dyn Write) -> ExitCode {
    if components.is_empty() {
        eprintln!("processor: this binary was built without components");
    }
    let config = configured(args, components);
    let components =
        config.as_ref().map_or_else(|| components.to_vec(), |config| config.instances(components));
    let section = |component: &Component| {
        config.as_ref().map_or_else(Section::default, |config| config.section(component.name()))
    };
    let widest =
        components.iter().map(|component| component.name().chars().count()).max().unwrap_or_default();
    let show = |component: &Component| {
        let platforms = config.as_ref().and_then(|config| platforms(component, config));
        show(component, &section(component), platforms, widest, args.verbose, out)
    };
    match components.iter().try_for_each(show) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => failed(&error),
    }
}

/// The configuration, if there is one without mistakes: `processor check` tells them.
fn configured(args: &ListArgs, components: &[Component]) -> Option<Config> {
    let overrides = Overrides { file: args.config_file.clone(), ..Overrides::default() };
    Config::load(&overrides.sources().ok()?, components).ok()
}

/// The names of the platforms that it is for, where there are several.
fn platforms(component: &Component, config: &Config) -> Option<String> {
    let mine = config.platforms().filter(|platform| platform.is_served(component.name()));
    let names: Vec<&str> = mine.map(Config::name).collect();
    (config.platforms().count() > 1).then(|| names.join(", "))
}

fn show(
    component: &Component,
    section: &Section,
    platforms: Option<String>,
    widest: usize,
    verbose: bool,
    out: &mut dyn Write,
) -> io::Result<()> {
    let (name, version) = (component.name(), component.version_text());
    let line = format!("{name:<widest$}  {version:<8}  {}", component.about_text());
    writeln!(out, "{}", line.trim_end())?;
    if verbose { show_more(component, section, platforms, out) } else { Ok(()) }
}

fn show_more(
    component: &Component,
    section: &Section,
    platforms: Option<String>,
    out: &mut dyn Write,
) -> io::Result<()> {
    let platforms = platforms.map(|names| ("platform", names));
    for (word, what) in platforms.into_iter().chain(answers(component, section)) {
        writeln!(out, "  {word:<12}  {what}")?;
    }
    let sample = component.sample().trim_end();
    if !sample.trim().is_empty() {
        writeln!(out, "  [{}]", component.name())?;
        sample.lines().try_for_each(|line| writeln!(out, "{}", format!("    {line}").trim_end()))?;
    }
    writeln!(out)
}

/// What it answers, and what it needs for that.
fn answers(component: &Component, section: &Section) -> Vec<(&'static str, String)> {
    const EVERY_OTHER: &str = "(every other)";
    let mut lines = Vec::new();
    let actions = component.handlers().map(|(name, _)| name);
    let actions: Vec<&str> = actions.chain(component.default_handler().map(|_| EVERY_OTHER)).collect();
    if !actions.is_empty() {
        lines.push(("destination", component.serves(section).to_owned()));
    }
    lines.extend(actions.into_iter().map(|action| ("action", action.to_owned())));
    lines.extend(component.functions().map(|(name, _)| ("function", name.to_owned())));
    for Inbound { destination, event, .. } in component.inbounds() {
        lines.push(("inbound", format!("{destination}: {}", event.as_deref().unwrap_or(EVERY_OTHER))));
    }
    let connectors = component.connectors().map(|(queue, _)| queue);
    let connectors = connectors.chain(component.any_connector().map(|_| EVERY_OTHER));
    lines.extend(connectors.map(|queue| ("connector", queue.to_owned())));
    lines.extend(component.requirements().iter().map(|requirement| ("requires", requirement.to_string())));
    lines
}
