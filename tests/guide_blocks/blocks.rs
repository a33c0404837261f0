//! The Markdown, taken apart.

use std::path::{Path, PathBuf};

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

/// Where the chapters of the guide are.
pub(super) const GUIDE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/guide");

/// What stands between two lines of backticks, or is indented by four spaces.
pub(super) struct Block {
    /// The file, below the root.
    pub(super) page: String,
    /// The line of the first backticks.
    line: usize,
    /// What follows the first backticks.
    pub(super) kind: String,
    pub(super) text: String,
}

impl Block {
    /// Page and line.
    pub(super) fn place(&self) -> String {
        format!("{}:{}", self.page, self.line)
    }

    pub(super) fn is_of_the_guide(&self) -> bool {
        self.page.starts_with("docs/guide/")
    }

    /// What follows `$ `, without the comment behind it.
    pub(super) fn commands(&self) -> impl Iterator<Item = &str> {
        let commands = self.text.lines().filter_map(|line| line.strip_prefix("$ "));
        commands.map(|command| command.split_once("  # ").map_or(command, |(command, _)| command).trim())
    }
}

/// The chapters' files, in alphabetical order.
pub(super) fn chapters() -> Vec<String> {
    markdown("docs/guide")
        .iter()
        .filter_map(|page| page.strip_prefix("docs/guide/"))
        .map(Into::into)
        .collect()
}

/// Every page that strangers read: those of the root, of docs and of each component.
fn pages() -> Vec<String> {
    let components = names("components").into_iter().flat_map(|name| markdown(&format!("components/{name}")));
    let named = ["", "docs", "docs/guide"].into_iter().flat_map(markdown);
    named.chain(components).filter(|page| page != "CHANGELOG.md").collect()
}

fn markdown(directory: &str) -> Vec<String> {
    let files = names(directory).into_iter().filter(|name| name.ends_with(".md"));
    files.map(|name| format!("{directory}/{name}").trim_start_matches('/').to_owned()).collect()
}

fn names(directory: &str) -> Vec<String> {
    let entries = std::fs::read_dir(at(directory)).unwrap();
    let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

/// The path of something below the root.
pub(super) fn at(place: &str) -> PathBuf {
    Path::new(ROOT).join(place)
}

/// Every block of every page.
pub(super) fn all() -> Vec<Block> {
    pages().iter().flat_map(|page| of_page(page)).collect()
}

/// Those of a kind.
pub(super) fn of_kind(kind: &str) -> Vec<Block> {
    all().into_iter().filter(|block| block.kind == kind).collect()
}

fn of_page(page: &str) -> Vec<Block> {
    let (mut blocks, mut open): (_, Option<Block>) = (Vec::new(), None);
    let mut after_nothing = true;
    for (number, line) in read(&at(page)).lines().enumerate() {
        let begun = |kind: &str, text: String| Block {
            page: page.to_owned(),
            line: number + 1,
            kind: kind.to_owned(),
            text,
        };
        match (line.strip_prefix("```"), &mut open) {
            (Some(_), Some(_)) => blocks.extend(open.take()),
            (Some(kind), None) => open = Some(begun(kind, String::new())),
            (None, Some(block)) => block.text += &format!("{line}\n"),
            // Markdown takes it for code, too, and rustdoc for Rust.
            (None, None) if after_nothing && line.starts_with("    ") => {
                blocks.push(begun("indented", line.to_owned()));
            }
            (None, None) => {}
        }
        after_nothing = line.is_empty();
    }
    assert!(open.is_none(), "{page}: a block is left open");
    blocks
}

/// Where a chapter's links lead, but for those out into the world.
pub(super) fn links(chapter: &str) -> Vec<String> {
    let prose = prose(&Path::new(GUIDE).join(chapter));
    let ends = prose.split("](").skip(1).filter_map(|rest| rest.split_once(')').map(|(link, _)| link));
    ends.filter(|link| !link.contains("://")).map(ToOwned::to_owned).collect()
}

/// The headings of a file, as links name them.
pub(super) fn headings(file: &Path) -> Vec<String> {
    let prose = prose(file);
    let titles = prose.lines().filter(|line| line.starts_with('#'));
    titles.map(|title| anchor(title.trim_start_matches('#').trim())).collect()
}

/// As GitHub does it.
fn anchor(title: &str) -> String {
    let kept = title.to_lowercase().replace(' ', "-");
    kept.chars().filter(|letter| letter.is_alphanumeric() || matches!(letter, '-' | '_')).collect()
}

/// A file without its blocks.
fn prose(file: &Path) -> String {
    let mut inside = false;
    let text = read(file);
    let outside = text.lines().filter(|line| {
        let fence = line.starts_with("```");
        inside ^= fence;
        !inside && !fence
    });
    outside.collect::<Vec<_>>().join("\n")
}

fn read(file: &Path) -> String {
    std::fs::read_to_string(file).unwrap_or_else(|error| panic!("{}: {error}", file.display()))
}
