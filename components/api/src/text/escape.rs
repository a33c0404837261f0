use std::borrow::Cow;

/// A word that Markdown takes as it stands. `first` says whether it begins a line, where more signs have a meaning.
pub(super) fn word(word: &str, first: bool, in_table: bool) -> Cow<'_, str> {
    let begins = first && begins_block(word);
    if !begins && !word.contains(|c| is_sign(c) || c == '&' || (c == '|' && in_table)) {
        return word.into();
    }
    let mut escaped = String::with_capacity(word.len() + 8);
    let digits = word.len() - word.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    let mut previous = ' ';
    let mut rest = word.char_indices().peekable();
    while let Some((place, character)) = rest.next() {
        let next = rest.peek().map_or(' ', |(_, next)| *next);
        let needed = match character {
            // Within a word, as in `last_updated`, it means nothing.
            '_' => !(previous.is_alphanumeric() && next.is_alphanumeric()),
            '&' => next == '#' || next.is_ascii_alphabetic(),
            '|' => in_table,
            character => is_sign(character),
        };
        if needed || (begins && place == digits && !character.is_ascii_digit()) {
            escaped.push('\\');
        }
        escaped.push(character);
        previous = character;
    }
    escaped.into()
}

fn is_sign(character: char) -> bool {
    matches!(character, '\\' | '`' | '*' | '_' | '[' | ']' | '<' | '~')
}

/// What would make a heading, a quotation, a list or a line of the word: `#`, `>`, `-`, `+`, `=`, `1.`, `1)`.
fn begins_block(word: &str) -> bool {
    let rest = word.trim_start_matches(|c: char| c.is_ascii_digit());
    let sign = if rest.len() == word.len() {
        word.starts_with(['#', '>', '-', '+', '='])
    } else {
        rest.starts_with(['.', ')'])
    };
    sign && !(rest.len() < word.len() && rest.len() > 1)
}

/// A run of backticks that is longer than any in `text`, and than `shortest`.
pub(super) fn fence(text: &str, shortest: usize) -> String {
    let longest = text.split(|c| c != '`').map(str::len).max().unwrap_or_default();
    "`".repeat(shortest.max(longest + 1))
}

/// An address that stands between parentheses.
pub(super) fn address(address: &str) -> String {
    let mut escaped = String::with_capacity(address.len());
    // An entity may be read there (`javascript&colon;`), and ends in one.
    let entities = address.rfind(';').unwrap_or_default();
    for (place, character) in address.char_indices() {
        match character {
            ' ' => escaped.push_str("%20"),
            '(' => escaped.push_str("%28"),
            ')' => escaped.push_str("%29"),
            '<' => escaped.push_str("%3C"),
            '>' => escaped.push_str("%3E"),
            '\\' => escaped.push_str("%5C"),
            '`' => escaped.push_str("%60"),
            '|' => escaped.push_str("%7C"),
            '&' if place < entities => escaped.push_str("\\&"),
            character => escaped.push(character),
        }
    }
    escaped
}
