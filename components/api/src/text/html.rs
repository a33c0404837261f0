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
    fn start(&mut self, tag: &Start) {
        let out = &mut self.0;
        out.push('<');
        out.push_str(tag.name);
        if let Some(href) = &tag.href {
            out.push_str(" href=\"");
            escape(out, href);
            out.push('"');
        }
        if let Some(start) = tag.start {
            // Writing to a String cannot fail.
            let _ = write!(out, " start=\"{start}\"");
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
