//! Events as safe HTML.

use super::{
    events::{Start, Writer},
    tags,
};
use std::fmt::Write;

#[derive(Debug, Default)]
pub(super) struct Html(String);

// === impl Html ===

impl Html {
    pub(super) fn finish(self) -> String {
        self.0
    }
}

impl Writer for Html {
    // It would be a link to a page that was never meant to be clicked.
    const FRAMES: bool = false;

    fn start(&mut self, tag: &Start) {
        let out = &mut self.0;
        out.push('<');
        out.push_str(tag.name);
        if let Some(href) = &tag.href {
            out.push_str(" href=\"");
            escape(out, href);
            out.push('"');
        }
        let numbers = [("start", tag.start), ("colspan", tag.span.filter(|span| *span > 1))];
        for (name, number) in numbers.into_iter().filter_map(|(name, number)| Some((name, number?))) {
            // Writing to a String cannot fail.
            let _ = write!(out, " {name}=\"{number}\"");
        }
        out.push('>');
    }

    fn end(&mut self, name: &'static str) {
        debug_assert!(!tags::is_void(name), "nothing stands in it");
        let _ = write!(self.0, "</{name}>");
    }

    fn text(&mut self, text: &str) {
        escape(&mut self.0, text);
    }
}

/// Adds `text` so that none of it is taken for HTML, in an attribute neither.
pub(super) fn escape(out: &mut String, text: &str) {
    for character in text.chars() {
        match character {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            // As it stands a parser would take it for the end of a line, and the next for nothing.
            '\r' => out.push_str("&#13;"),
            '\0' => {}
            character => out.push(character),
        }
    }
}
