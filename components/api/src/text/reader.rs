//! HTML told to a sink token by token, in time that grows with its length only.

use html5ever::tokenizer::{BufferQueue, Token, TokenSink, TokenSinkResult, Tokenizer, TokenizerOpts};
use std::cell::Cell;

/// A tag of more bytes is left out as a whole: a picture that is written out in it, or an attempt to keep the tokenizer busy,
/// whose time grows with the square of the number of attributes.
const LONGEST_TAG: usize = 8 << 10;

/// How much the tokenizer is given at once.
const PIECE: usize = 1 << 10;

/// Gives the tokenizer HTML piece by piece, and watches for tags that do not end.
struct Reader<'a, S: TokenSink> {
    sink: &'a Listened<S>,
    tokenizer: Tokenizer<&'a Listened<S>>,
    input: BufferQueue,
    within: Within,
    /// Whether the last piece ended in `<`.
    begun: bool,
}

/// What has begun, and has not become a token yet.
#[derive(Clone, Copy)]
enum Within {
    /// Nothing: what comes is text, or begins something.
    Text,
    /// A tag, of so many bytes so far.
    Tag(usize),
    /// A comment, or what is none of HTML: however long it is, the tokenizer is quick with it.
    Comment,
    /// A tag that is too long.
    Monster,
}

/// Notices that the tokenizer has found something.
struct Listened<S> {
    sink: S,
    spoke: Cell<bool>,
}

/// Tells `sink` the tokens of `html`.
pub(super) fn read<S: TokenSink>(html: &str, sink: S) -> S {
    let sink = Listened { sink, spoke: Cell::new(false) };
    let mut reader = Reader::new(&sink);
    pieces(html).for_each(|piece| reader.read(piece));
    reader.tokenizer.end();
    drop(reader);
    sink.sink
}

/// `html` in short pieces. What begins with `<` begins a piece, without it, and `>` ends one.
fn pieces(mut html: &str) -> impl Iterator<Item = &str> {
    std::iter::from_fn(move || {
        let (near, _) = html.split_at(html.floor_char_boundary(PIECE));
        let end = near.find(['<', '>']).map_or(near.len(), |place| place + 1);
        let (piece, rest) = html.split_at(end);
        html = rest;
        (!piece.is_empty()).then_some(piece)
    })
}

/// Whether what stands behind `<` makes a tag of it.
fn is_tag(behind: &str) -> bool {
    behind.strip_prefix('/').unwrap_or(behind).starts_with(|c: char| c.is_ascii_alphabetic())
}

// === impl Reader ===

impl<'a, S: TokenSink> Reader<'a, S> {
    fn new(sink: &'a Listened<S>) -> Self {
        let (input, within) = (BufferQueue::default(), Within::Text);
        Self { sink, tokenizer: tokenizer(sink), input, within, begun: false }
    }

    fn read(&mut self, piece: &str) {
        if !matches!(self.within, Within::Monster) {
            self.feed(piece);
        } else if piece.ends_with('>') {
            self.within = Within::Text;
        }
    }

    fn feed(&mut self, piece: &str) {
        self.input.push_back(piece.into());
        // It stops early only for scripts that are to be run, and our sink asks for none.
        let _ = self.tokenizer.feed(&self.input);
        self.within = match self.within {
            // Every piece that ends something ends there, or in text.
            _ if self.sink.spoke.take() => Within::Text,
            Within::Tag(length) if length + piece.len() > LONGEST_TAG => {
                self.tokenizer = tokenizer(self.sink);
                Within::Monster
            }
            Within::Tag(length) => Within::Tag(length + piece.len()),
            Within::Text if self.begun && is_tag(piece) => Within::Tag(piece.len()),
            Within::Text if self.begun => Within::Comment,
            within => within,
        };
        self.begun = piece.ends_with('<');
    }
}

fn tokenizer<S: TokenSink>(sink: S) -> Tokenizer<S> {
    Tokenizer::new(sink, TokenizerOpts { discard_bom: false, ..TokenizerOpts::default() })
}

// === impl Listened ===

impl<S: TokenSink> TokenSink for &Listened<S> {
    type Handle = S::Handle;

    fn process_token(&self, token: Token, line: u64) -> TokenSinkResult<S::Handle> {
        if matches!(token, Token::ParseError(_)) {
            return TokenSinkResult::Continue;
        }
        self.spoke.set(true);
        self.sink.process_token(token, line)
    }
}
