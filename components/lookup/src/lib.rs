//! A function with inputs of every kind: looks a host up in a list that the operator keeps in app.config.
//!
//! # On the platform
//! A function with the API name `lookup_host`, on any message destination, with these inputs:
//!
//! | API name | type | required | |
//! |---|---|---|---|
//! | `lookup_name` | text | yes | the host's name |
//! | `lookup_depth` | select: `Exact`, `With parent domains` | yes | whether `a.b.example` is found when `b.example` is listed |
//! | `lookup_categories` | multi-select | no | only these; all where it is left empty |
//! | `lookup_listed_after` | date and time | no | only what was listed later |
//! | `lookup_most` | number | no | at most so many |
//! | `lookup_dry_run` | boolean | no | only say what would be looked up |
//! | `lookup_text` | text area | no | each word of it that looks like a host's name is looked up too |
//!
//! # What scripts find after it
//! `results.content.found`, a list of `{"host", "category", "listed"}`, and `results.content.looked_up`. Where there is
//! nothing to look up, `results.success` is false and `results.reason` says why; the workflow goes on.
//!
//! # In app.config
//! ```ini
//! [lookup]
//! hosts =
//!     bad.example, Phishing, 2026-01-31T00:00:00Z
//!     worse.example, Malware, 2026-03-01T12:00:00Z
//! ```

use action_component::{
    Component, Context, Failure, function_fn,
    inputs::{Date, TextArea},
};
use serde::{Deserialize, Serialize};

/// What the workflow's author fills in. A field that may be left empty is an `Option`, or has a default.
#[derive(Debug, Deserialize)]
struct Inputs {
    lookup_name: String,
    lookup_depth: Depth,
    #[serde(default)]
    lookup_categories: Vec<String>,
    lookup_listed_after: Option<Date>,
    lookup_most: Option<usize>,
    #[serde(default)]
    lookup_dry_run: bool,
    lookup_text: Option<TextArea>,
}

/// The values of the select, called as people see them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
enum Depth {
    Exact,
    #[serde(rename = "With parent domains")]
    Parents,
}

/// The component's section of app.config.
#[derive(Debug, Deserialize)]
struct Settings {
    hosts: String,
}

/// One line of the list, and one result.
#[derive(Debug, Clone, PartialEq, Serialize)]
struct Listed {
    host: String,
    category: String,
    listed: Date,
}

/// What the function gives back: `results.content`.
#[derive(Debug, Serialize)]
struct Verdict {
    found: Vec<Listed>,
    looked_up: Vec<String>,
}

/// The component that the processor links in.
pub fn component() -> Component {
    Component::new("lookup")
        .version(env!("CARGO_PKG_VERSION"))
        .about("Looks hosts up in a list of the operator's: a function with inputs of every kind.")
        .configured::<Settings>("# One host to the line: name, category, since when it is listed.\nhosts =\n")
        .function("lookup_host", function_fn(look_up))
}

async fn look_up(inputs: Inputs, cx: Context) -> Result<Verdict, Failure> {
    let list = read_list(&cx.config::<Settings>()?.hosts)?;
    let looked_up = inputs.names();
    if looked_up.is_empty() {
        return Err(Failure::unsuccessful(format!("{:?} is not the name of a host", inputs.lookup_name)));
    }
    cx.status(format!("looking {} up", looked_up.join(", "))).await;
    let wanted = |listed: &&Listed| inputs.wants(listed) && looked_up.contains(&listed.host);
    let found = list.iter().filter(wanted).take(inputs.lookup_most.unwrap_or(usize::MAX)).cloned();
    let found = if inputs.lookup_dry_run { Vec::new() } else { found.collect() };
    Ok(Verdict { found, looked_up })
}

impl Inputs {
    /// Every name that is to be looked up, each once.
    fn names(&self) -> Vec<String> {
        let text = self.lookup_text.as_ref().map_or("", |text| &text.content);
        let words = text.split(|c: char| !(c.is_alphanumeric() || c == '.' || c == '-'));
        let names = std::iter::once(self.lookup_name.trim()).chain(words).filter_map(host);
        let mut all: Vec<String> = Vec::new();
        for name in names.flat_map(|name| self.lookup_depth.of(&name)) {
            if !all.contains(&name) {
                all.push(name);
            }
        }
        all
    }

    fn wants(&self, listed: &Listed) -> bool {
        let category = self.lookup_categories.is_empty() || self.lookup_categories.contains(&listed.category);
        category && self.lookup_listed_after.is_none_or(|after| listed.listed > after)
    }
}

impl Depth {
    /// The name itself, and its parent domains but for the outermost.
    fn of(self, name: &str) -> Vec<String> {
        let mut names = vec![name.to_owned()];
        while self == Self::Parents
            && let Some((_, parent)) = names.last().and_then(|name| name.split_once('.'))
            && parent.contains('.')
        {
            names.push(parent.to_owned());
        }
        names
    }
}

/// A word as a host's name, where it looks like one.
fn host(word: &str) -> Option<String> {
    let name = word.trim_matches('.').to_lowercase();
    let labels = || name.split('.');
    let is_name = labels().count() > 1 && labels().all(|label| !label.is_empty());
    is_name.then_some(name)
}

fn read_list(text: &str) -> Result<Vec<Listed>, Failure> {
    text.lines().filter(|line| !line.trim().is_empty()).map(read_line).collect()
}

fn read_line(line: &str) -> Result<Listed, Failure> {
    let wrong =
        || Failure::new("the list of hosts in app.config has a line that is not `name, category, time`");
    let mut columns = line.split(',').map(str::trim);
    let (Some(host), Some(category), Some(listed)) = (columns.next(), columns.next(), columns.next()) else {
        return Err(wrong());
    };
    let listed = Date(listed.parse().map_err(|_| wrong())?);
    Ok(Listed { host: host.to_lowercase(), category: category.to_owned(), listed })
}
