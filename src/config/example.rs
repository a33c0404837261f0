//! `app.config.example`, and what `processor config` writes: both come from the table of keys.

use super::{
    ini, instances,
    keys::{self, Key},
    kind::Kind,
};
use action_component::{Component, Section};
use std::fmt::Write;

const WIDTH: usize = 100;

const HEAD: &str = "\
# app.config of the action processor. Every key is listed, with its default where it has one.
#
# A value stands as it is: no quotes, no escapes; # and ; begin a comment only at the start of a line. A line that is
# indented continues the value above it.
# A value can be kept elsewhere:
#   $NAME or ${NAME}   from the environment, or from the app host's protected secrets
#   ^NAME or ^{NAME}   from systemd's credentials, from secrets_dir or from secret_command (see there)
# With braces, a reference may stand inside a value. A value that itself begins with $ or ^ has the sign doubled:
# $$ecret is $ecret.
# [resilient:NAME] is a further platform or organization, and [component:NAME] an instance of a component: each inherits
# what the section without a name says. docs/operating.md has an example.
# Any key can also be set by an environment variable, PROCESSOR__RESILIENT__PORT, or on the command line, --port.
";

/// A new app.config: every key with its explanation, then a section for each of `components`.
#[must_use]
pub fn new_file(components: &[Component]) -> String {
    let mut text = HEAD.to_owned();
    let mut before: Option<&Key> = None;
    for key in keys::all() {
        if before.is_none_or(|before| before.section != key.section) {
            let _ = write!(text, "\n[{}]\n", key.section);
        }
        if before.is_none_or(|before| before.topic != key.topic) {
            let _ = write!(text, "\n# --- {} ---\n", key.topic.title());
        }
        text.push_str(&entry(key));
        before = Some(key);
    }
    components.iter().for_each(|component| text.push_str(&section(component)));
    text
}

/// What `existing` lacks: the sections of those of `components` that it has not, and their names.
#[must_use]
pub fn missing_sections<'a>(existing: &str, components: &'a [Component]) -> (String, Vec<&'a str>) {
    let present = ini::parse(existing).sections;
    let missing = |component: &&Component| {
        !present.iter().any(|section| instances::family(&section.name) == component.name())
    };
    components.iter().filter(missing).map(|component| (section(component), component.name())).unzip()
}

fn section(component: &Component) -> String {
    let name = component.name();
    let mut text = format!("\n[{name}]\n");
    let own = Section::default();
    let _ = writeln!(
        text,
        "# The message destination that it serves.\n#destination = {}",
        component.serves(&own)
    );
    if !component.sample().trim().is_empty() {
        let _ = writeln!(text, "\n{}", component.sample().trim_end());
    }
    text
}

fn entry(key: &Key) -> String {
    let mut text = String::from("\n");
    for line in wrapped(key.help) {
        let _ = writeln!(text, "# {line}");
    }
    let mark = if is_asked_for(key) { "" } else { "#" };
    let _ =
        writeln!(text, "{}", format!("{mark}{} = {}", key.name, key.default.unwrap_or_default()).trim_end());
    text
}

/// The keys that a new file leaves open for its owner to fill in.
fn is_asked_for(key: &Key) -> bool {
    key.kind != Kind::Unused && matches!(key.name, "host" | "org" | "api_key_id" | "api_key_secret")
}

fn wrapped(help: &str) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in help.split(' ') {
        match lines.last_mut() {
            Some(line) if line.is_empty() => line.push_str(word),
            Some(line) if line.chars().count() + word.chars().count() < WIDTH => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}
