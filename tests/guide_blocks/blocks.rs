//! The guide's Markdown, taken apart.

use std::path::Path;

/// Where the chapters are.
pub(super) const GUIDE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/guide");

/// What stands between two lines of backticks.
pub(super) struct Block {
    /// Chapter and line.
    pub(super) place: String,
    /// What follows the first backticks.
    pub(super) kind: String,
    pub(super) text: String,
}

impl Block {
    /// What follows `$ `, without the comment behind it.
    pub(super) fn commands(&self) -> impl Iterator<Item = &str> {
        let commands = self.text.lines().filter_map(|line| line.strip_prefix("$ "));
        commands.map(|command| command.split_once("  # ").map_or(command, |(command, _)| command).trim())
    }
}

/// The chapters' files, in alphabetical order.
pub(super) fn chapters() -> Vec<String> {
    let files =
        std::fs::read_dir(GUIDE).unwrap().map(|file| file.unwrap().file_name().into_string().unwrap());
    let mut chapters: Vec<String> = files.filter(|file| file.ends_with(".md")).collect();
    chapters.sort();
    chapters
}

/// Every block of every chapter.
pub(super) fn all() -> Vec<Block> {
    chapters().iter().flat_map(|chapter| of_chapter(chapter)).collect()
}

/// Those of a kind.
pub(super) fn of_kind(kind: &str) -> Vec<Block> {
    all().into_iter().filter(|block| block.kind == kind).collect()
}

fn of_chapter(chapter: &str) -> Vec<Block> {
    let (mut blocks, mut open): (_, Option<Block>) = (Vec::new(), None);
    for (number, line) in read(&Path::new(GUIDE).join(chapter)).lines().enumerate() {
        match (line.strip_prefix("```"), &mut open) {
            (Some(_), Some(_)) => blocks.extend(open.take()),
            (Some(kind), None) => {
                let place = format!("{chapter}:{}", number + 1);
                open = Some(Block { place, kind: kind.to_owned(), text: String::new() });
            }
            (None, Some(block)) => block.text += &format!("{line}\n"),
            (None, None) => {}
        }
    }
    assert!(open.is_none(), "{chapter}: a block is left open");
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
