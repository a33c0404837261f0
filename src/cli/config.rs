//! `processor config`: writes app.config, completes it, shows what took effect.

use crate::{
    config::{Config, Location, Overrides, Problems, Setting, Sources, example},
    logging::complain,
};
use action_component::Component;
use serde_json::{Map, Value, json};
use std::{
    fs, io,
    io::Write,
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::{Path, PathBuf},
};

/// `processor config`.
#[derive(Debug, Clone, clap::Args)]
#[command(group(clap::ArgGroup::new("what").required(true)), after_help = EXAMPLES)]
pub struct ConfigArgs {
    /// Write a new app.config, with every key explained and a section for each component. Never overwrites one.
    #[arg(short = 'c', long, value_name = "FILE", num_args = 0..=1, group = "what")]
    pub create: Option<Option<PathBuf>>,
    /// Add the sections of components that app.config does not have yet. All else stays as it is.
    #[arg(short = 'u', long, value_name = "FILE", num_args = 0..=1, group = "what")]
    pub update: Option<Option<PathBuf>>,
    /// Show each value as it took effect and where it comes from, with *** for secrets.
    #[arg(long, group = "what")]
    pub show: bool,
    /// The file, as the vendor's command takes it: after -c or -u, or here.
    #[arg(value_name = "FILE", hide = true, conflicts_with = "show")]
    pub filename: Option<PathBuf>,
    /// Only the sections of these components.
    #[arg(short = 'l', long, value_name = "COMPONENT", num_args = 1.., conflicts_with = "show")]
    pub list: Vec<String>,
    /// The same as JSON.
    #[arg(long, requires = "show")]
    pub json: bool,
    /// What else the command line says.
    #[command(flatten)]
    pub overrides: Overrides,
}

const EXAMPLES: &str = "\
For example:
  processor config -c                            where it is looked for
  processor config -c /etc/processor/app.config
  processor config -u                            after a component was added
  processor config -u -l my_component            its section only
  processor config --show                        what took effect, and why

--show has a line for each key of each section, with what it comes from: the file and its line, the environment \
variable, the option, `default`.

Exit code: 0 if it was done, or if -u found no need to write (a file that cannot be written lacks only sections \
of components that can do without: a WARN names them); 1 if a file is there already, or cannot be read or written; 64 if the command line or \
app.config is wrong.";

/// Why `processor config` failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// `-c` on a file that is there.
    #[error("{0} is there already: `processor config -u` adds the sections that it lacks")]
    Exists(PathBuf),
    /// The file cannot be read or written.
    #[error("{path}: {source}")]
    File {
        /// Which file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// A component cannot do without the section that cannot be added.
    #[error("{path} cannot be written ({source}), and a section is needed that it lacks: {needed}")]
    Lacks {
        /// Which file.
        path: PathBuf,
        /// What the components say.
        needed: String,
        /// What the system says.
        source: io::Error,
    },
    /// The configuration that was to be shown has mistakes. What could be read was shown.
    #[error(transparent)]
    Mistakes(#[from] Problems),
    /// Standard output cannot be written to.
    #[error("cannot write the answer: {0}")]
    Output(#[source] io::Error),
}

/// Carries out `processor config`; what it has to say goes to `out`. `sources` is the environment; the file and the rest
/// of the command line are read here.
///
/// # Errors
/// See [`ConfigError`].
pub fn run(
    args: &ConfigArgs,
    components: &[Component],
    sources: Sources,
    out: &mut dyn Write,
) -> Result<(), ConfigError> {
    let chosen = chosen(&args.list, components);
    match (&args.create, &args.update) {
        (Some(file), _) => {
            let path = target(args, file.as_deref(), &sources);
            create(&path, &chosen)?;
            say(out, &format!("wrote {}; fill in host, org, api_key_id and api_key_secret\n", path.display()))
        }
        (_, Some(file)) => {
            let path = target(args, file.as_deref(), &sources);
            let report = update(&path, &chosen, sources)?;
            say(out, &report)
        }
        _ => show(args, components, sources, out),
    }
}

/// The components that `names` names; all of them where it names none.
fn chosen(names: &[String], components: &[Component]) -> Vec<Component> {
    let unknown = names.iter().filter(|name| !components.iter().any(|one| one.name() == name.as_str()));
    for name in unknown {
        let known: Vec<&str> = components.iter().map(Component::name).collect();
        complain(&format!("WARN: {name} is no component of this program; there are: {}", known.join(", ")));
    }
    let wanted = |one: &&Component| names.is_empty() || names.iter().any(|name| name == one.name());
    components.iter().filter(wanted).cloned().collect()
}

fn say(out: &mut dyn Write, text: &str) -> Result<(), ConfigError> {
    out.write_all(text.as_bytes()).map_err(ConfigError::Output)
}

fn target(args: &ConfigArgs, file: Option<&Path>, sources: &Sources) -> PathBuf {
    match sources.locate(file.or(args.filename.as_deref()).or(args.overrides.file())) {
        Location::Named(path) | Location::Found(path) | Location::Nowhere(path) => path,
    }
}

/// Only its owner may read the file, for it will hold passwords.
fn create(path: &Path, components: &[Component]) -> Result<(), ConfigError> {
    let failed = |source: io::Error| match source.kind() {
        io::ErrorKind::AlreadyExists => ConfigError::Exists(path.to_owned()),
        _ => ConfigError::File { path: path.to_owned(), source },
    };
    if let Some(directory) =
        path.parent().filter(|directory| !directory.as_os_str().is_empty() && !directory.exists())
    {
        fs::DirBuilder::new().recursive(true).mode(0o700).create(directory).map_err(failed)?;
    }
    let mut file =
        fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path).map_err(failed)?;
    file.write_all(example::new_file(components).as_bytes()).map_err(failed)
}

/// Appends what is missing; not a byte of what stands there changes. A file that cannot be written, as in a container, is
/// good enough where only sections are missing that their components can do without.
fn update(path: &Path, components: &[Component], sources: Sources) -> Result<String, ConfigError> {
    let failed = |source: io::Error| ConfigError::File { path: path.to_owned(), source };
    fs::metadata(path).map_err(failed)?;
    let sources = sources.read_file(Some(path))?;
    let existing = sources.file.as_ref().map(|file| file.text.clone()).unwrap_or_default();
    let (mut text, names) = example::missing_sections(&existing, components);
    if names.is_empty() {
        return Ok(format!("{} has a section for every component; nothing was added\n", path.display()));
    }
    if !existing.is_empty() && !existing.ends_with('\n') {
        text.insert(0, '\n');
    }
    if existing.contains("\r\n") {
        text = text.replace('\n', "\r\n");
    }
    let sections = format!("[{}]", names.join("], ["));
    let opened = fs::OpenOptions::new().append(true).open(path);
    match opened.and_then(|mut file| file.write_all(text.as_bytes())) {
        Ok(()) => Ok(format!("added to {}: {sections}\n", path.display())),
        Err(error) if is_read_only(&error) => {
            let needed = needed(&names, components, sources);
            if needed.is_empty() {
                complain(&format!(
                    "WARN: {} cannot be written ({error}); it lacks {sections}, and these components can do without",
                    path.display()
                ));
                return Ok(String::new());
            }
            Err(ConfigError::Lacks { path: path.to_owned(), needed: needed.join("; "), source: error })
        }
        Err(error) => Err(failed(error)),
    }
}

fn is_read_only(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::ReadOnlyFilesystem | io::ErrorKind::PermissionDenied)
}

/// What the components whose sections are missing cannot do without. The environment may say it, too.
fn needed(names: &[&str], components: &[Component], mut sources: Sources) -> Vec<String> {
    sources.without_commands = true;
    let (_, config, _) = Config::assemble(&sources, components);
    let missing = components.iter().filter(|component| names.contains(&component.name()));
    let loaded = missing.filter(|component| config.loads(component.name()));
    loaded
        .filter_map(|component| component.check(&config.section(component.name())).err())
        .map(|error| error.to_string())
        .collect()
}

fn show(
    args: &ConfigArgs,
    components: &[Component],
    sources: Sources,
    out: &mut dyn Write,
) -> Result<(), ConfigError> {
    let sources = sources.read_file(args.overrides.file())?.with_arguments(args.overrides.arguments.clone());
    let (settings, checked) = Config::examine(&sources, components);
    let all: Vec<_> = settings.iter().collect();
    say(out, &if args.json { as_json(&all) } else { as_text(&all) })?;
    checked?;
    Ok(())
}

fn as_text(settings: &[(&str, &str, &Setting)]) -> String {
    let lines: Vec<(String, &Setting, &str)> = settings
        .iter()
        .map(|(section, key, setting)| {
            (format!("{key} = {}", setting.shown().replace('\n', "\n    ")), *setting, *section)
        })
        .collect();
    let width =
        lines.iter().map(|(line, ..)| line.chars().count()).filter(|width| *width < 60).max().unwrap_or(0);
    let (mut text, mut last) = (String::new(), "");
    for (line, setting, section) in lines {
        if last != section {
            text.push_str(&format!("{}[{section}]\n", if last.is_empty() { "" } else { "\n" }));
        }
        text.push_str(&format!("{line:width$}  # {}\n", setting.origin()));
        last = section;
    }
    text
}

fn as_json(settings: &[(&str, &str, &Setting)]) -> String {
    let mut sections = Map::new();
    for (section, key, setting) in settings {
        let entry = sections.entry((*section).to_owned()).or_insert_with(|| json!({}));
        entry[key] = json!({
            "value": setting.shown(),
            "origin": setting.origin(),
            "secret": setting.is_secret(),
        });
    }
    format!("{:#}\n", Value::Object(sections))
}
