//! HTML as events: known tags that begin and end, each within the other, and the text between them.

use super::{link, reader, tags};
use html5ever::tokenizer::{Tag, TagKind, Token, TokenSink, TokenSinkResult, states::RawKind};
use std::cell::RefCell;

/// Tags that are nested more deeply than anybody can read are left out, their text is not.
const DEEPEST: usize = 32;

/// Takes the events.
pub(super) trait Writer {
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
}

/// Balances what the tokenizer finds.
struct Balance<W> {
    writer: W,
    /// What the tokenizer gave since the last event: it cuts text at entities and elsewhere.
    text: String,
    open: Vec<&'static str>,
    /// The tag whose content is left out.
    unseen: Option<String>,
}

struct Sink<W>(RefCell<Balance<W>>);

/// Tells `writer` what stands in `html`.
pub(super) fn write<W: Writer>(html: &str, writer: W) -> W {
    let balance = Balance { writer, text: String::new(), open: Vec::new(), unseen: None };
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
        if tags::is_unseen(&tag.name) {
            self.unseen = Some(tag.name.to_string());
            return TokenSinkResult::RawData(RawKind::Rawtext);
        }
        if let Some(start) = Start::of(tag).filter(|_| self.unseen.is_none()) {
            self.open(&start);
        }
        TokenSinkResult::Continue
    }

    /// Passes on the text so far.
    fn tell(&mut self) {
        if !self.text.is_empty() {
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
            self.writer.start(start);
        } else if self.open.len() < DEEPEST {
            self.writer.start(start);
            self.open.push(start.name);
        }
    }

    fn end(&mut self, name: &str) {
        if self.unseen.as_deref() == Some(name) {
            self.unseen = None;
        } else if self.unseen.is_none()
            && let Some(place) = self.open.iter().rposition(|open| *open == name)
        {
            self.tell();
            self.close(place);
        }
    }

    /// Ends all tags from `place` on, the innermost first.
    fn close(&mut self, place: usize) {
        for name in self.open.drain(place..).rev() {
            self.writer.end(name);
        }
    }
}

// === impl Start ===

impl Start {
    fn of(tag: &Tag) -> Option<Self> {
        let attribute = |name: &str| {
            let found = tag.attrs.iter().find(|attribute| &*attribute.name.local == name);
            found.map(|attribute| &*attribute.value)
        };
        match tags::known(&tag.name)? {
            // Without an address it is no link.
            "a" => Some(Self { name: "a", href: Some(attribute("href").and_then(link::safe)?), start: None }),
            "ol" => {
                Some(Self { name: "ol", href: None, start: attribute("start").and_then(|n| n.parse().ok()) })
            }
            name => Some(Self { name, ..Self::default() }),
        }
    }
}
