use super::{Name, Source};

/// What stands in the templates for the project's name, so that they are Rust as they are.
const NAME: &str = "my_component";

/// The same as people write it.
const DISPLAY: &str = "My Component";

const MANIFEST: &str = include_str!("template/Cargo.toml.in");
const FILES: [(&str, &str); 9] = [
    (".gitignore", include_str!("template/gitignore")),
    ("README.md", include_str!("template/README.md")),
    ("app.config.section", include_str!("template/app.config.section")),
    ("src/lib.rs", include_str!("template/src/lib.rs")),
    ("src/main.rs", include_str!("template/src/main.rs")),
    ("tests/my_component.rs", include_str!("template/tests/my_component.rs")),
    (
        "recorded/ActionMessage_My Component Note_2026-01-12T09-30-00.250000",
        include_str!("template/recorded/message.json"),
    ),
    (
        "recorded/200_JSON_POST__rest_orgs_201_incidents_2095_comments__2026-01-12T09-30-00.500000",
        include_str!("template/recorded/comment.json"),
    ),
    (
        "recorded/200_JSON_GET__rest_orgs_201_incidents_2095__2026-01-12T09-29-59.100000",
        include_str!("template/recorded/incident.json"),
    ),
];

/// The project's files: where each belongs, and what is in it.
pub(super) fn files(name: &Name, source: &Source) -> Vec<(String, String)> {
    let named = |text: &str| text.replace(NAME, name.as_str()).replace(DISPLAY, &name.display());
    let mut files: Vec<_> = FILES.iter().map(|(path, text)| (named(path), named(text))).collect();
    files.push(("Cargo.toml".to_owned(), manifest(&named(MANIFEST), source)));
    files.extend(source.lock_file().map(|text| ("Cargo.lock".to_owned(), text)));
    files.extend(
        source.target_directory().map(|target| (".cargo/config.toml".to_owned(), cargo_config(&target))),
    );
    files
}

fn manifest(text: &str, source: &Source) -> String {
    let [daemon, component, testing] = source.dependencies();
    text.replace("# {action-processor}", &daemon)
        .replace("# {action-component}", &component)
        .replace("# {action-component for tests}", &testing)
}

fn cargo_config(target: &str) -> String {
    format!(
        "# What was compiled for the processor itself is not compiled again. Remove this file for a `target` of its own; \
         it is\n# of no use on another machine, and stays out of git.\n[build]\ntarget-dir = {target}\n"
    )
}
