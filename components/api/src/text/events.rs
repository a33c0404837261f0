//! HTML as events: known tags that begin and end, each within the other, and the text between them.

use super::{link, reader, tags};
use html5ever::tokenizer::{Tag, TagKind, Token, TokenSink, TokenSinkResult, states::RawKind};
use std::cell::RefCell;

/// Tags that are nested more deeply than anybody can read are left out, their text is not.
const DEEPEST: usize = 32;

/// Takes the events.
pub(super) trait Writer {
    /// Whether the address of a page within the page is told.
    const FRAMES: bool;

    fn start(&mut self, tag: &Start);
    fn end(&mut self, name: &'static str);
    fn text(&mut self, text: &str);
}

/// A tag begins; of its attributes only what is harmless is left.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Start {
    pub(super) name: &'static str,
    /// Where a link leads to.
    pub(super) href: Option<String>,
    /// The number of a list's first item.
    pub(super) start: Option<u32>,
    /// How many columns a cell takes.
    pub(super) span: Option<u32>,
    /// What a link says of itself.
    pub(super) title: Option<String>,
}

/// Balances what the tokenizer finds.
struct Balance<W> {
    writer: W,
    /// What the tokenizer gave since the last event: it cuts text at entities and elsewhere.
    text: String,
    open: Vec<&'static str>,
    /// The tag whose content is left out.
    unseen: Option<String>,
    /// The link that is open.
    link: Option<Label>,
    /// Whether nothing has been told since a block began or ended.
    parted: bool,
}

/// What a link shows.
#[derive(Default)]
struct Label {
    has_words: bool,
    /// What stands for the pictures in it.
    pictures: String,
    /// What it says of itself.
    title: String,
}

struct Sink<W>(RefCell<Balance<W>>);

/// Tells `writer` what stands in `html`.
pub(super) fn write<W: Writer>(html: &str, writer: W) -> W {
    let (text, open) = (String::new(), Vec::new());
    let balance = Balance { writer, text, open, unseen: None, link: None, parted: true };
    let Sink(balance) = reader::read(html, Sink(RefCell::new(balance)));
    let mut balance = balance.into_inner();
    balance.tell();
    balance.close(0);
    balance.writer
}

// === impl Sink ===

impl<W: Writer> TokenSink for Sink<W> {
    type Handle = ();

    fn process_token(&self, token: Token, _line: u64) -> TokenSinkResult<()> {
        let mut balance = self.0.borrow_mut();
        match token {
            Token::TagToken(tag) if tag.kind == TagKind::StartTag => return balance.start(&tag),
            Token::TagToken(tag) => balance.end(&tag.name),
            Token::CharacterTokens(text) if balance.unseen.is_none() => balance.text.push_str(&text),
            _ => {}
        }
        TokenSinkResult::Continue
    }
}

// === impl Balance ===

impl<W: Writer> Balance<W> {
    fn start(&mut self, tag: &Tag) -> TokenSinkResult<()> {
        if self.unseen.is_some() {
            return TokenSinkResult::Continue;
        }
        self.offer(tag);
        if tags::is_unseen(&tag.name) {
            self.unseen = Some(tag.name.to_string());
            return TokenSinkResult::RawData(RawKind::Rawtext);
        }
        self.show(tag);
        if let Some(start) = Start::of(tag) {
            self.open(&start);
        }
        if tags::is_raw(&tag.name) {
            return TokenSinkResult::RawData(RawKind::Rawtext);
        }
        TokenSinkResult::Continue
    }

    /// Tells where a tag leads to that is no link, but is clicked, or sends what was entered.
    fn offer(&mut self, tag: &Tag) {
        let name = match &*tag.name {
            "area" => "href",
            "form" => "action",
            "button" | "input" => "formaction",
            "frame" | "iframe" if W::FRAMES => "src",
            _ => return,
        };
        let Some(href) = attribute(tag, name).and_then(link::safe) else { return };
        self.open(&Start { name: "a", href: Some(href), ..Start::default() });
        if let Some(alt) = attribute(tag, "alt") {
            self.text.push_str(alt);
        }
        self.end("a");
    }

    /// Tells what a tag shows that holds no text, and parts it from its neighbours.
    fn show(&mut self, tag: &Tag) {
        match &*tag.name {
            "img" | "svg" | "object" | "video" => {
                let instead = ["alt", "title", "aria-label"].iter().find_map(|name| attribute(tag, name));
                if let Some((label, instead)) = self.link.as_mut().zip(instead) {
                    label.pictures.push(' ');
                    label.pictures.push_str(instead);
                }
            }
            "input" => self.input(tag),
            name if tags::is_box(name) => self.text.push(' '),
            _ => {}
        }
    }

    fn input(&mut self, tag: &Tag) {
        let kind = attribute(tag, "type").unwrap_or_default().to_ascii_lowercase();
        let shown = match kind.as_str() {
            "hidden" | "password" | "checkbox" | "radio" | "file" | "range" | "color" => None,
            "image" => attribute(tag, "alt"),
            _ => attribute(tag, "value").or_else(|| attribute(tag, "placeholder")),
        };
        self.text.push(' ');
        self.text.push_str(shown.unwrap_or_default());
        self.text.push(' ');
    }

    /// Passes on the text so far.
    fn tell(&mut self) {
        if !self.text.is_empty() {
            let has_words = !self.text.trim().is_empty();
            self.parted &= !has_words;
            if let Some(label) = &mut self.link {
                label.has_words |= has_words;
            }
            self.writer.text(&self.text);
            self.text.clear();
        }
    }

    fn open(&mut self, start: &Start) {
        self.tell();
        if let Some(place) = tags::ended_by(start.name, &self.open) {
            self.close(place);
        }
        if tags::is_void(start.name) {
            self.parted = true;
            self.writer.start(start);
        } else if self.open.len() < DEEPEST || start.name == "a" {
            self.parted |= tags::is_block(start.name);
            self.writer.start(start);
            self.open.push(start.name);
            if start.name == "a" {
                let title = start.title.clone().unwrap_or_default();
                self.link = Some(Label { title, ..Label::default() });
            }
        } else if tags::is_block(start.name) {
            self.part();
        }
    }

    /// In place of a block that is nested too deeply.
    fn part(&mut self) {
        if !self.parted && self.open.len() >= DEEPEST {
            self.parted = true;
            self.writer.start(&Start { name: "br", ..Start::default() });
        }
    }

    fn end(&mut self, name: &str) {
        if self.unseen.as_deref() == Some(name) {
            self.unseen = None;
            return;
        }
        if self.unseen.is_some() {
            return;
        }
        if tags::is_box(name) {
            self.text.push(' ');
        }
        let known = tags::known(name);
        if let Some(place) = self.open.iter().rposition(|open| known == Some(*open)) {
            self.tell();
            self.close(place);
        } else if self.open.len() >= DEEPEST && known.is_some_and(tags::is_block) {
            self.tell();
            self.part();
        }
    }

    /// Ends all tags from `place` on, the innermost first.
    fn close(&mut self, place: usize) {
        while self.open.len() > place
            && let Some(name) = self.open.pop()
        {
            if name == "a" {
                self.end_link();
            }
            self.parted |= tags::is_block(name);
            self.writer.end(name);
        }
    }

    /// A link that shows pictures only is told by what stands for them.
    fn end_link(&mut self) {
        let Some(Label { pictures, title, .. }) = self.link.take().filter(|label| !label.has_words) else {
            return;
        };
        let shown = [pictures.trim(), title.trim()].into_iter().find(|text| !text.is_empty());
        if let Some(shown) = shown {
            self.parted = false;
            self.writer.text(shown);
        }
    }
}

// === impl Start ===

impl Start {
    fn of(tag: &Tag) -> Option<Self> {
        let attribute = |name: &str| attribute(tag, name);
        let name = tags::known(&tag.name)?;
        let number = |name: &str| attribute(name).and_then(|number| number.trim().parse().ok());
        Some(match name {
            "a" => {
                let href = attribute("href").or_else(|| attribute("xlink:href"));
                let title = attribute("title").or_else(|| attribute("aria-label")).map(ToOwned::to_owned);
                // Without an address it is no link.
                Self { name, href: Some(href.and_then(link::safe)?), title, ..Self::default() }
            }
            "ol" => Self { name, start: number("start"), ..Self::default() },
            "td" | "th" => Self { name, span: number("colspan"), ..Self::default() },
            name => Self { name, ..Self::default() },
        })
    }
}

fn attribute<'a>(tag: &'a Tag, name: &str) -> Option<&'a str> {
    let found = tag.attrs.iter().find(|attribute| &*attribute.name.local == name);
    found.map(|attribute| &*attribute.value)
}
