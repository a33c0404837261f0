//! Which tags are known, and which end which.

/// Known tags that begin on a line of their own. What is known is what the platform's rich text shows, or what is at least
/// harmless.
#[rustfmt::skip]
const BLOCKS: [&str; 25] = [
    "blockquote", "caption", "dd", "div", "dl", "dt", "h1", "h2", "h3", "h4", "h5", "h6", "hr", "li", "ol", "p", "pre",
    "table", "tbody", "td", "tfoot", "th", "thead", "tr", "ul",
];

/// Known tags that stand within a line.
#[rustfmt::skip]
const INLINE: [&str; 19] = [
    "a", "b", "br", "code", "del", "em", "i", "ins", "kbd", "s", "small", "span", "strike", "strong", "sub", "sup", "tt", "u",
    "var",
];

/// Tags whose content is no text for readers.
const UNSEEN: [&str; 8] = ["iframe", "noembed", "noframes", "script", "style", "template", "title", "xmp"];

/// The known tag of this name.
pub(super) fn known(name: &str) -> Option<&'static str> {
    BLOCKS.into_iter().chain(INLINE).find(|known| *known == name)
}

pub(super) fn is_unseen(name: &str) -> bool {
    UNSEEN.contains(&name)
}

pub(super) fn is_block(name: &str) -> bool {
    BLOCKS.contains(&name)
}

/// Tags that hold nothing.
pub(super) fn is_void(name: &str) -> bool {
    matches!(name, "br" | "hr")
}

/// How much of `open` (the innermost last) ends when `name` begins: all from this place on. A parser of HTML does so too, but
/// lets what was bold stay bold; here everything inside is closed for good, so that nobody must open it again, for each
/// paragraph anew.
pub(super) fn ended_by(name: &str, open: &[&'static str]) -> Option<usize> {
    let (ended, within): (&[&str], &[&str]) = match name {
        "li" => (&["li"], &["ul", "ol", "table", "td", "th", "blockquote"]),
        "dt" | "dd" => (&["dt", "dd"], &["dl", "table", "td", "th", "blockquote"]),
        "td" | "th" => (&["td", "th"], &["table"]),
        "tr" => (&["tr"], &["table"]),
        "thead" | "tbody" | "tfoot" => (&["thead", "tbody", "tfoot", "caption"], &["table"]),
        "a" => (&["a"], &["table", "td", "th"]),
        name if is_block(name) => (&["p"], &["table", "td", "th"]),
        _ => return None,
    };
    let reach = open.iter().rposition(|tag| within.contains(tag)).map_or(0, |place| place + 1);
    let inside = open.get(reach..)?;
    inside.iter().position(|tag| ended.contains(tag)).map(|place| reach + place)
}
