//! How references and escapes are written in the operator's own texts.
//!
//! As for the vendor's framework, a value that begins with `$` or `^` is a reference as a whole, and with braces
//! references may stand anywhere. Besides, a sign can be escaped by doubling it where it would mean something: at the
//! start of a value, and before a brace.

use super::references::{Reference, Sigil};

/// A piece of a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part<'a> {
    /// Means itself.
    Text(&'a str),
    /// To be followed.
    Reference(Reference<'a>),
    /// Looks like the start of a reference and is none: it means itself, but hardly in a secret.
    Stray(&'a str),
}

/// A value, taken apart.
#[derive(Debug, Default)]
pub(super) struct Written<'a> {
    pub(super) parts: Vec<Part<'a>>,
    /// The doubled sign that stands for a single one, if there is any.
    pub(super) doubled: Option<&'static str>,
}

/// Whether `text` is one reference and nothing else.
pub(super) fn is_reference(text: &str) -> bool {
    matches!(Written::of(text).parts.as_slice(), [Part::Reference(_)])
}

// === impl Written ===

impl<'a> Written<'a> {
    pub(super) fn of(text: &'a str) -> Self {
        let mut written = Self::default();
        if let Some(whole) = whole(text) {
            written.parts.push(Part::Reference(whole));
            return written;
        }
        let mut rest = text;
        while let Some((before, run, from_run)) = next_run(rest) {
            written.text(before);
            rest = written.run(run, from_run, before.is_empty() && rest.len() == text.len());
        }
        written.text(rest);
        written
    }

    /// Takes a run of one sign at the start of `text` and, where it is a reference, its braces; gives what follows.
    fn run(&mut self, run: &'a str, text: &'a str, at_start: bool) -> &'a str {
        let after = text.get(run.len()..).unwrap_or_default();
        let brace = after.strip_prefix('{');
        if !at_start && brace.is_none() {
            self.text(run);
            return after;
        }
        let sigil = sigil(run);
        if run.len() > 1 {
            self.doubled = Some(if sigil == Sigil::Dollar { "$$" } else { "^^" });
            self.text(run.get(..run.len() / 2).unwrap_or_default());
        }
        if run.len().is_multiple_of(2) {
            return after;
        }
        let Some((name, end)) = brace.and_then(|brace| brace.split_once('}')) else {
            let sign = run.get(..1).unwrap_or_default();
            self.parts.push(if run.len() == 1 { Part::Stray(sign) } else { Part::Text(sign) });
            return after;
        };
        let written = text.get(run.len() - 1..text.len() - end.len()).unwrap_or_default();
        self.parts.push(Part::Reference(Reference { sigil, name, written }));
        end
    }

    fn text(&mut self, text: &'a str) {
        if !text.is_empty() {
            self.parts.push(Part::Text(text));
        }
    }
}

/// All of `text` as a reference: without braces anywhere in it, and without a doubled sign.
fn whole(text: &str) -> Option<Reference<'_>> {
    let sign = text.chars().next().filter(|sign| is_sign(*sign))?;
    let name = text.get(1..).filter(|name| !name.is_empty() && !name.starts_with([sign, '{']))?;
    let is_braced = |(at, _): (usize, &str)| {
        let after = text.get(at + 1..).and_then(|rest| rest.strip_prefix('{'));
        after.is_some_and(|rest| rest.contains('}'))
    };
    let braced = text.match_indices(is_sign).any(is_braced);
    (!braced).then_some(Reference { sigil: sigil(text), name, written: text })
}

/// What stands before the next run of a sign, the run, and the text from there on.
fn next_run(text: &str) -> Option<(&str, &str, &str)> {
    let (before, from_run) = text.split_at(text.find(is_sign)?);
    let sign = from_run.chars().next()?;
    let end = from_run.find(|c| c != sign).unwrap_or(from_run.len());
    Some((before, from_run.get(..end)?, from_run))
}

fn sigil(text: &str) -> Sigil {
    if text.starts_with('$') { Sigil::Dollar } else { Sigil::Caret }
}

fn is_sign(c: char) -> bool {
    matches!(c, '$' | '^')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> String {
        let show = |part: &Part<'_>| match part {
            Part::Text(text) => format!("'{text}'"),
            Part::Reference(reference) => format!("<{}>", reference.name),
            Part::Stray(text) => format!("?{text}"),
        };
        Written::of(text).parts.iter().map(show).collect()
    }

    #[test]
    fn references_and_escapes_are_told_apart() {
        for (text, parts) in [
            ("plain", "'plain'"),
            ("$NAME", "<NAME>"),
            ("^secret.mysql/webapp.password", "<secret.mysql/webapp.password>"),
            ("^Safe 1/Operating System-x", "<Safe 1/Operating System-x>"),
            ("x$NAME", "'x''$''NAME'"),
            ("$", "?$"),
            ("$$ecret9", "'$''ecret9'"),
            ("^^x", "'^''x'"),
            ("$$$x", "'$''$''x'"),
            ("$$$$x", "'$$''x'"),
            ("pa$$word", "'pa''$$''word'"),
            ("a ${B} c", "'a '<B>' c'"),
            ("a $${B} c", "'a ''$''{B} c'"),
            ("a $$${B} c", "'a ''$'<B>' c'"),
            ("${B}${C}", "<B><C>"),
            ("$USER ${B}", "?$'USER '<B>"),
            ("${B", "?$'{B'"),
            ("$5.00", "<5.00>"),
            ("a^{b", "'a'?^'{b'"),
            ("$^{b}", "?$<b>"),
        ] {
            assert_eq!(shown(text), parts, "{text}");
        }
    }
}
