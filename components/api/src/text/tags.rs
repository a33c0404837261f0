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

/// Further tags that a browser shows apart from what is before and behind: all that the HTML standard's section "Rendering"
/// gives a block of its own.
#[rustfmt::skip]
const APART: [&str; 23] = [
    "address", "article", "aside", "center", "details", "dialog", "fieldset", "figcaption", "figure", "footer", "form",
    "frameset", "header", "hgroup", "legend", "main", "nav", "optgroup", "option", "plaintext", "search", "section",
    "summary",
];

/// Tags that the same section shows as a box, or a text of its own, within a line.
const BOXES: [&str; 9] =
    ["button", "input", "marquee", "meter", "output", "progress", "rt", "select", "textarea"];

/// Tags whose content is no text for readers.
const UNSEEN: [&str; 7] = ["iframe", "noembed", "noframes", "script", "style", "template", "title"];

/// The known tag of this name, or the one that shows the same.
pub(super) fn known(name: &str) -> Option<&'static str> {
    match name {
        "dir" | "menu" => Some("ul"),
        "listing" | "xmp" => Some("pre"),
        name if APART.contains(&name) => Some("div"),
        name => BLOCKS.into_iter().chain(INLINE).find(|known| *known == name),
    }
}

/// Whether a blank parts this tag from what is before and behind.
pub(super) fn is_box(name: &str) -> bool {
    BOXES.contains(&name)
}

/// Tags whose content is text as it stands.
pub(super) fn is_raw(name: &str) -> bool {
    name == "xmp"
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
