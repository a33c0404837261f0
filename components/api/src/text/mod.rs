//! Rich text: the platform's HTML as plain text or Markdown, and back.
//!
//! ```
//! use action_component::text;
//!
//! let html = "<div>Seen <b>twice</b> by <a href=\"https://example.com\">us</a>:</div><ul><li>1 &lt; 2</li></ul>";
//! assert_eq!(text::plain(html), "Seen twice by us (https://example.com):\n- 1 < 2");
//! assert_eq!(text::markdown(html), "Seen **twice** by [us](https://example.com):\n- 1 \\< 2");
//! assert_eq!(text::from_markdown("*Look*: 1 < 2"), "<p><em>Look</em>: 1 &lt; 2</p>");
//! assert_eq!(text::from_plain("1 < 2\nso it is"), "1 &lt; 2<br>so it is");
//! assert_eq!(text::safe(r#"<p onclick="steal()">Hi<script>steal()</script>"#), "<p>Hi</p>");
//! ```
//!
//! Whatever comes in may be hostile: mails, web pages, what an attacker has put into a file's name. So the HTML is read
//! token by token (by html5ever, the parser of the Servo browser), without a tree: the time grows with the length only, and
//! no nesting exhausts the stack. What goes out is built of known tags only, each closed, their texts escaped.
//!
//! # Layout
//! - `reader`: HTML becomes tokens
//! - `events`: tokens become balanced events of known tags; `tags`: which those are, and which end which
//! - `html`: events as safe HTML; `page`: events as plain text or Markdown, in `lines`
//! - `link`: which addresses a link may lead to
//! - `escape`: what Markdown would take for its own signs

mod escape;
mod events;
mod html;
mod lines;
mod link;
mod page;
mod reader;
mod tags;

use page::{Flavour, Page};
use pulldown_cmark::{Event, Options, Parser, Tag, TagEnd};

/// HTML as plain text: blocks become lines, lists get dashes or numbers, and links are followed by where they lead to. As in
/// a browser several blanks are one; of several empty lines one is left, of pictures nothing.
#[must_use]
pub fn plain(html: &str) -> String {
    events::write(html, Page::new(Flavour::Plain)).finish()
}

/// HTML as Markdown (`CommonMark`, with tables and ~~strikethrough~~). Signs that Markdown would take for its own are escaped,
/// so that it shows no HTML, no image, and no link but those that [`safe`] would leave.
#[must_use]
pub fn markdown(html: &str) -> String {
    events::write(html, Page::new(Flavour::Markdown)).finish()
}

/// HTML that may be shown to users: without scripts, styles, forms, images, event handlers, and links to anything but web
/// pages, mail and telephone. Every tag is closed. Tags that are nested more than 32 deep, or longer than 8 KiB (a picture
/// written out), are left out, the text in them is not. What was made safe already stays as it is.
#[must_use]
pub fn safe(html: &str) -> String {
    events::write(html, html::Html::default()).finish()
}

/// Markdown as HTML for the platform, [`safe`] whatever it holds: HTML in it is shown as it stands.
#[must_use]
pub fn from_markdown(markdown: &str) -> String {
    let options = Options::ENABLE_TABLES | Options::ENABLE_STRIKETHROUGH;
    let mut html = String::with_capacity(markdown.len() * 3 / 2);
    pulldown_cmark::html::push_html(&mut html, Parser::new_ext(markdown, options).map(as_text));
    safe(html.trim_end())
}

/// Plain text as HTML for the platform: each line is a line, and nothing in it is taken for a tag.
#[must_use]
pub fn from_plain(text: &str) -> String {
    let mut html = String::with_capacity(text.len());
    for (number, line) in text.lines().enumerate() {
        if number > 0 {
            html.push_str("<br>");
        }
        html::escape(&mut html, line);
    }
    html
}

/// HTML in Markdown is no HTML of ours.
fn as_text(event: Event<'_>) -> Event<'_> {
    match event {
        Event::Html(html) | Event::InlineHtml(html) => Event::Text(html),
        Event::Start(Tag::HtmlBlock) => Event::Start(Tag::Paragraph),
        Event::End(TagEnd::HtmlBlock) => Event::End(TagEnd::Paragraph),
        event => event,
    }
}
