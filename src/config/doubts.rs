//! What is odd about a secret: values that a server would refuse without saying why.

/// What is odd about the ends of `text`, in words that do not show it; `None` where nothing is.
pub(super) fn of(text: &str) -> Option<String> {
    let (first, last) = (text.chars().next()?, text.chars().next_back()?);
    if text.chars().count() > 1 && first == last && is_quote(first) {
        return Some("stands in quotes, which are taken for a part of it".to_owned());
    }
    if let Some(odd) = odd(first) {
        return Some(format!("begins with {odd}"));
    }
    if let Some(odd) = odd(last) {
        return Some(format!("ends with {odd}"));
    }
    let inside = text.chars().find(|c| c.is_control())?;
    Some(format!("holds {}", named(inside)))
}

fn odd(c: char) -> Option<String> {
    (c.is_whitespace() || c.is_control() || is_quote(c) || is_invisible(c)).then(|| named(c))
}

fn is_quote(c: char) -> bool {
    matches!(c, '"' | '\'' | '`' | '\u{2018}'..='\u{201f}' | '\u{ab}' | '\u{bb}')
}

/// Characters that come along when a text is copied: joiners, marks of direction, the mark of a file's order of bytes.
fn is_invisible(c: char) -> bool {
    matches!(c, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2064}' | '\u{feff}' | '\u{fffd}')
}

fn named(c: char) -> String {
    let code = u32::from(c);
    let name = match c {
        ' ' => "a blank",
        '\t' => "a tab",
        '\n' | '\r' => "a line end",
        '\u{feff}' => "a byte order mark",
        _ if is_quote(c) => "a quote",
        _ if c.is_whitespace() => "a space",
        _ if c.is_control() => "a control character",
        _ => "an invisible character",
    };
    match c {
        ' ' | '\t' | '\n' | '\r' => name.to_owned(),
        _ => format!("{name} (U+{code:04X})"),
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn odd_ends_are_named_and_shown_to_nobody() {
        for (text, says) in [
            ("plain", None),
            ("pass phrase", None),
            ("\"quoted\"", Some("stands in quotes")),
            ("'quoted'", Some("stands in quotes")),
            (" x", Some("begins with a blank")),
            ("x\u{a0}", Some("ends with a space (U+00A0)")),
            ("\u{feff}x", Some("begins with a byte order mark (U+FEFF)")),
            ("x\u{200b}", Some("ends with an invisible character (U+200B)")),
            ("x\"", Some("ends with a quote (U+0022)")),
            ("a\0b", Some("holds a control character (U+0000)")),
            ("a\nb", Some("holds a line end")),
        ] {
            let said = super::of(text);
            match (said.as_deref(), says) {
                (Some(said), Some(says)) => assert!(said.starts_with(says), "{text:?}: {said}"),
                (said, says) => assert_eq!(said, says, "{text:?}"),
            }
        }
    }
}
