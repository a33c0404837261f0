//! HTML as events: known tags that begin and end, each within the other, and the text between them.

use super::{link, tags};
use html5ever::{
    tendril::StrTendril,
    tokenizer::{
        BufferQueue, Tag, TagKind, Token, TokenSink, TokenSinkResult, Tokenizer, TokenizerOpts,
        states::RawKind,
    },
};
use std::{borrow::Cow, cell::RefCell};

/// Tags that are nested more deeply than anybody can read are left out, their text is not.
const DEEPEST: usize = 32;

/// A tag of more bytes is left out as a whole: a picture that is written out in it, or an attempt to keep the tokenizer busy,
/// whose time grows with the square of the number of attributes.
const LONGEST_TAG: usize = 8 << 10;

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
    let input = BufferQueue::default();
    input.push_back(StrTendril::from(without_monsters(html).as_ref()));
    let balance = Balance { writer, text: String::new(), open: Vec::new(), unseen: None };
    let options = TokenizerOpts { discard_bom: false, ..TokenizerOpts::default() };
    let tokenizer = Tokenizer::new(Sink(RefCell::new(balance)), options);
    // It stops early only for scripts that are to be run, and our sink asks for none.
    let _ = tokenizer.feed(&input);
    tokenizer.end();
    let mut balance = tokenizer.sink.0.into_inner();
    balance.tell();
    balance.close(0);
    balance.writer
}

/// The same HTML without tags that are too long.
fn without_monsters(html: &str) -> Cow<'_, str> {
    let mut kept = String::new();
    // Where what is not yet copied begins, and where the next tag ends.
    let (mut from, mut end) = (0, 0);
    for (begin, _) in html.match_indices('<') {
        if begin < from
            || !html.get(begin + 1..).is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_alphabetic()))
        {
            continue;
        }
        if end <= begin {
            end = html
                .get(begin..)
                .and_then(|rest| rest.find('>'))
                .map_or(html.len(), |length| begin + length + 1);
        }
        if end - begin > LONGEST_TAG {
            kept.push_str(html.get(from..begin).unwrap_or_default());
            from = end;
        }
    }
    if from == 0 {
        return html.into();
    }
    kept.push_str(html.get(from..).unwrap_or_default());
    kept.into()
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
