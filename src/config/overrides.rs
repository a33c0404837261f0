//! The options of the command line: one for each key of the table.

use super::{
    keys::{self, Key},
    kind::Kind,
    problems::Problems,
    sources::{Argument, Sources},
};
use clap::{Arg, ArgAction, ArgMatches, Args, Command, FromArgMatches, error::ErrorKind, value_parser};
use std::path::{Path, PathBuf};

/// What the command line says about the configuration: to be flattened into the arguments of every command that
/// reads it.
#[derive(Debug, Clone, Default)]
pub struct Overrides {
    /// `--config-file`.
    pub file: Option<PathBuf>,
    /// The keys that are set.
    pub arguments: Vec<Argument>,
}

const FILE: &str = "config_file";
const SET: &str = "set";

// === impl Overrides ===

impl Overrides {
    /// The file that is named.
    #[must_use]
    pub fn file(&self) -> Option<&Path> {
        self.file.as_deref()
    }

    /// Everything that this process was started with: its environment, app.config, and these options.
    ///
    /// # Errors
    /// app.config cannot be read.
    pub fn sources(&self) -> Result<Sources, Problems> {
        Ok(Sources::of_process().read_file(self.file())?.with_arguments(self.arguments.iter().cloned()))
    }
}

impl Args for Overrides {
    fn augment_args(command: Command) -> Command {
        command.arg(file()).args(keys::all().map(option)).args(keys::FOREIGN.iter().map(foreign)).arg(set())
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl FromArgMatches for Overrides {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let mut overrides = Self::default();
        overrides.update_from_arg_matches(matches)?;
        Ok(overrides)
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        self.file = matches.get_one::<PathBuf>(FILE).cloned().or_else(|| self.file.take());
        for key in keys::all() {
            self.arguments.extend(matches.get_one::<String>(&key.option()).map(|value| argument(key, value)));
        }
        for key in keys::FOREIGN {
            let value = matches.get_one::<String>(key);
            self.arguments.extend(value.map(|value| Argument {
                section: keys::RESILIENT.to_owned(),
                key: (*key).to_owned(),
                value: value.clone(),
                option: format!("--{key}"),
            }));
        }
        for text in matches.get_many::<String>(SET).into_iter().flatten() {
            self.arguments.push(setting(text)?);
        }
        Ok(())
    }
}

fn file() -> Arg {
    Arg::new(FILE)
        .long("config-file")
        .alias("config_file")
        .value_name("FILE")
        .value_parser(value_parser!(PathBuf))
        .help("Read this file, not $APP_CONFIG_FILE, ./app.config or ~/.resilient/app.config")
}

fn set() -> Arg {
    Arg::new(SET)
        .long("set")
        .value_name("SECTION.KEY=VALUE")
        .action(ArgAction::Append)
        .help("Set any key of any section, such as a component's; may be repeated")
}

/// The option for `key`: by its own name, or with hyphens.
fn option(key: &Key) -> Arg {
    let name = key.option();
    let option = Arg::new(&name)
        .long(&name)
        .value_name(value_name(key.kind))
        .help(help(key))
        .help_heading(key.topic.title())
        .hide_short_help(true);
    let option = if name.contains('_') { option.alias(name.replace('_', "-")) } else { option };
    match key.kind {
        Kind::Flag | Kind::Unused => option.num_args(0..=1).default_missing_value("true"),
        Kind::Whole(..) | Kind::Decimal(..) => option.allow_negative_numbers(true),
        _ => option,
    }
}

/// An option of the vendor's framework: treated as the same key is.
fn foreign(name: &&'static str) -> Arg {
    let option = Arg::new(*name).long(*name).alias(name.replace('_', "-")).hide(true);
    match *name {
        keys::PAM_TYPE => option,
        _ => option.num_args(0..=1).default_missing_value("true"),
    }
}

fn help(key: &Key) -> String {
    match key.default {
        Some(default) => format!("{} [default: {default}]", key.help),
        None => key.help.to_owned(),
    }
}

fn value_name(kind: Kind) -> &'static str {
    match kind {
        Kind::Secret => "$NAME|^NAME",
        Kind::ProxyUrl | Kind::ProxyChoice | Kind::StoreUrl => "URL",
        Kind::Path | Kind::File => "PATH",
        Kind::Trust => "FILE|false",
        Kind::Flag => "true|false",
        Kind::Whole(..) | Kind::ZeroOrAtLeast(_) | Kind::Decimal(..) => "NUMBER",
        Kind::Levels => "LEVEL",
        Kind::Host => "HOST",
        Kind::Hosts => "HOSTS",
        Kind::List => "NAMES",
        Kind::Text | Kind::Choice(_) | Kind::Unused => "TEXT",
    }
}

fn argument(key: &Key, value: &str) -> Argument {
    Argument {
        section: key.section.to_owned(),
        key: key.name.to_owned(),
        value: value.to_owned(),
        option: format!("--{}", key.option()),
    }
}

/// The key is what follows the last dot, for sections may have dots in their names.
fn setting(text: &str) -> Result<Argument, clap::Error> {
    let parts = text.split_once('=').and_then(|(path, value)| Some((path.rsplit_once('.')?, value)));
    let Some(((section, key), value)) = parts else {
        return Err(clap::Error::raw(ErrorKind::ValueValidation, "--set takes SECTION.KEY=VALUE\n"));
    };
    let key = key.trim().to_lowercase();
    let option = format!("--set {section}.{key}");
    Ok(Argument { section: section.to_owned(), key, value: value.to_owned(), option })
}
