//! What people type who come from the vendor's framework: taken where it means something here, else answered with what
//! to do instead.

use std::ffi::OsString;

/// A command line, read with the vendor's in mind.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Typed {
    /// To be parsed.
    Arguments(Vec<OsString>),
    /// No command of this program: what to do instead.
    Elsewhere(String),
}

/// The vendor's commands that have no namesake here, and what does the same.
const ELSEWHERE: &[(&str, &str)] = &[
    (
        "customize",
        "import the export (.res, .resz) that belongs to the component on the platform, under Administrator Settings; \
         `processor check --connect` names functions and fields that are missing",
    ),
    ("service", "install the systemd unit systemd/processor.service; README.md says how"),
    ("test", "send messages to `processor run --test_actions`, or run one handler by `processor invoke`"),
    (
        "res-action-test",
        "send messages to `processor run --test_actions`, or run one handler by `processor invoke`",
    ),
    ("codegen", "make a project by `processor new NAME`; docs/guide/functions.md shows a function's code"),
    ("docgen", "write the component's README by hand; `processor list -v` prints what it answers"),
    ("package", "build the binary by `cargo build --release`; there is no package to install"),
    ("extract", "export what the component needs on the platform, under Administrator Settings"),
    ("clone", "copy the function or rule on the platform"),
    ("validate", "use `processor check --connect`, and `cargo test` for the component's own tests"),
    ("init", "make a project by `processor new NAME`"),
    ("ext", "build the binary by `cargo build --release`; there is no package to install"),
    ("gadget", "call the platform's REST API by another client, such as curl"),
    ("finfo", "use `processor check --connect`; it names functions and fields that are missing"),
    (
        "res-keyring",
        "set `secret_command = keyring get {service} {name}` and store the secrets by `keyring set`",
    ),
    ("keyring", "set `secret_command = keyring get {service} {name}` and store the secrets by `keyring set`"),
];

/// Reads what was typed; the first argument is the program's name.
pub(super) fn read(arguments: impl IntoIterator<Item = OsString>) -> Typed {
    let mut arguments = arguments.into_iter();
    let program = arguments.next();
    let mut rest: Vec<OsString> = arguments.collect();
    let verbose = rest.first().is_some_and(|first| first == "-v" || first == "--verbose");
    if verbose {
        rest.remove(0);
    }
    let command = rest.first().and_then(|first| first.to_str()).unwrap_or_default().to_owned();
    if let Some((_, instead)) = ELSEWHERE.iter().find(|(name, _)| *name == command) {
        return Typed::Elsewhere(format!("there is no command `{command}` here: {instead}"));
    }
    match command.as_str() {
        "run" => {
            // What stands behind it are options, too.
            rest.retain(|argument| argument != "--");
            if verbose && !rest.iter().any(|one| one.to_string_lossy().starts_with("--loglevel")) {
                rest.extend(["--loglevel".into(), "DEBUG".into()]);
            }
        }
        "selftest" => {
            rest.retain(|argument| argument != "--connect");
            rest.splice(..1, ["check".into(), "--connect".into()]);
        }
        _ => {}
    }
    Typed::Arguments(program.into_iter().chain(rest).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(typed: &Typed) -> String {
        match typed {
            Typed::Arguments(arguments) => {
                arguments.iter().map(|one| one.to_string_lossy()).collect::<Vec<_>>().join(" ")
            }
            Typed::Elsewhere(instead) => format!("ELSEWHERE {instead}"),
        }
    }

    #[test]
    fn the_vendors_words_become_ours() {
        for (typed, ours) in [
            ("p run -- --loglevel DEBUG", "p run --loglevel DEBUG"),
            ("p run -r --config-file f -- --num-workers 3", "p run -r --config-file f --num-workers 3"),
            ("p -v run", "p run --loglevel DEBUG"),
            ("p -v run --loglevel INFO", "p run --loglevel INFO"),
            ("p --verbose list", "p list"),
            ("p selftest -l a b", "p check --connect -l a b"),
            ("p dead drop -- 3", "p dead drop -- 3"),
            ("p", "p"),
        ] {
            assert_eq!(words(&read(typed.split(' ').map(OsString::from))), ours);
        }
        for (name, instead) in ELSEWHERE {
            let said = words(&read(["p".into(), OsString::from(name)]));
            assert!(said.contains(instead) && said.contains(name), "{said}");
        }
    }
}
