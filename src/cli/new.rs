//! `processor new`.
//!
//! - `name`: what a project may be called
//! - `source`: where the processor's own sources are, which the project depends on
//! - `template`: the project's files

mod name;
mod source;
mod template;

use super::{USAGE, failed};
use name::Name;
use source::Source;
use std::{
    fs, io,
    io::Write,
    path::{Path, PathBuf},
    process::ExitCode,
};

/// Flags of `processor new`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct NewArgs {
    /// The project's and its component's name: lower-case letters, digits and `_`, such as `my_component`.
    name: String,
    /// The directory of the processor's own sources. Without it, where this processor was built from, if it is still
    /// there; otherwise the project depends on the published version.
    #[arg(long, value_name = "DIRECTORY")]
    path: Option<PathBuf>,
}

const EXAMPLES: &str = "\
Makes the directory NAME with a component (an action and a function), its test, a main, its
section of app.config and a recorded sample. It builds at once; its README.md has the next
commands.

  cargo run -- new my_component
  cd my_component && cargo test

Exit code: 0 if the project is there, 1 if it could not be written, 64 if the name or the directory
will not do. Nothing half-written is left behind.";

/// Why there is no new project.
#[derive(Debug, thiserror::Error)]
enum NewError {
    #[error(transparent)]
    Name(#[from] name::BadName),
    #[error("{0} is already there: choose another name, or remove it")]
    Exists(PathBuf),
    #[error(
        "{0} holds the components of the processor itself, and every directory in it is taken for one: make the \
         project somewhere else, beside the processor's sources for example"
    )]
    OurOwn(PathBuf),
    #[error(transparent)]
    Source(#[from] source::NotOurs),
    #[error("{}: cannot be written: {source}", .path.display())]
    Unwritable { path: PathBuf, source: io::Error },
}

/// Makes the project in the current directory.
pub fn run(args: &NewArgs, out: &mut dyn Write) -> ExitCode {
    match make(args, out) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error @ NewError::Unwritable { .. }) => failed(&error),
        Err(error) => {
            eprintln!("processor: {error}");
            ExitCode::from(USAGE)
        }
    }
}

fn make(args: &NewArgs, out: &mut dyn Write) -> Result<(), NewError> {
    let name: Name = args.name.parse()?;
    let directory = Path::new(name.as_str());
    if fs::symlink_metadata(directory).is_ok() {
        return Err(NewError::Exists(directory.to_owned()));
    }
    let source = Source::find(args.path.as_deref())?;
    if let Some(components) = source.components()
        && fs::canonicalize(".").is_ok_and(|here| here == components)
    {
        return Err(NewError::OurOwn(components));
    }
    write(directory, &name, &source)?;
    // Who made it can see that it is there.
    let _told = out.write_all((next(&name) + source.caveat()).as_bytes());
    Ok(())
}

/// Writes all files beside where they belong, and moves them there at the end: a project is there as a whole or not at all.
fn write(directory: &Path, name: &Name, source: &Source) -> Result<(), NewError> {
    let unfinished =
        directory.with_file_name(format!(".{}.unfinished-{}", name.as_str(), std::process::id()));
    let written = template::files(name, source)
        .into_iter()
        .try_for_each(|(path, contents)| write_file(&unfinished.join(path), &contents))
        .and_then(|()| fs::rename(&unfinished, directory));
    written.map_err(|source| {
        // What cannot be written may be impossible to remove, too; the error is told either way.
        let _gone = fs::remove_dir_all(&unfinished);
        NewError::Unwritable { path: directory.to_owned(), source }
    })
}

fn write_file(path: &Path, contents: &str) -> io::Result<()> {
    if let Some(directory) = path.parent() {
        fs::create_dir_all(directory)?;
    }
    fs::write(path, contents)
}

fn next(name: &Name) -> String {
    let name = name.as_str();
    format!(
        "{name}: made, with an action, a function and a test of each. What comes next, all of it in its README.md:
  cd {name}
  cargo test                     runs its test: no platform, no broker
  cargo run -- replay recorded   carries the recorded sample out
  cargo run -- invoke {name}_count_words text=\"one two three\" --mock recorded
  cargo run -- config -c         writes app.config: fill in host, org and the API key
  cargo run -- check --connect   tries everything on the way
  cargo run -- run               takes messages
"
    )
}
