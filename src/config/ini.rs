//! Text → sections of raw strings, with line numbers; knows no key.
//!
//! Reads what Python's `ConfigParser(interpolation=None)` reads, value for value: `=` or `:` ends a key, `#` and `;`
//! begin a comment only at the start of a line, a line that is indented deeper than its key continues the value, keys
//! are lower-cased, `[DEFAULT]` fills in for every section, and nothing inside a value means anything. Unlike Python it
//! goes on after a mistake, so that all of them can be shown at once.

use std::collections::HashSet;

/// What a file says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Ini {
    /// The sections in the order of the file, without `[DEFAULT]`, whose keys stand in each of them.
    pub sections: Vec<IniSection>,
    /// What Python would have refused the file for.
    pub mistakes: Vec<Mistake>,
}

/// One `[section]`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct IniSection {
    /// What stands between the brackets.
    pub name: String,
    /// Its keys, in the order of the file.
    pub entries: Vec<Entry>,
}

/// One `key = value`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The key, lower-cased.
    pub key: String,
    /// The value, its continuation lines joined by `\n`.
    pub value: String,
    /// The line that the key stands on, counted from 1.
    pub line: usize,
}

/// A line that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mistake {
    /// The line, counted from 1.
    pub line: usize,
    /// What is wrong with it.
    pub what: String,
}

const DEFAULT: &str = "DEFAULT";

/// Reads `text`.
#[must_use]
pub fn parse(text: &str) -> Ini {
    let mut reader = Reader::default();
    for (number, line) in lines(text.strip_prefix('\u{feff}').unwrap_or(text)).enumerate() {
        reader.line(number + 1, line);
    }
    reader.finish()
}

#[derive(Default)]
struct Reader {
    /// `[DEFAULT]` first, whether or not the file has it.
    sections: Vec<IniSection>,
    current: Option<usize>,
    /// Whether a deeper line continues the last entry of the current section.
    open: bool,
    indent: usize,
    seen: HashSet<(String, String)>,
    mistakes: Vec<Mistake>,
}

// === impl Reader ===

impl Reader {
    fn line(&mut self, number: usize, line: &str) {
        let text = line.trim_matches(is_space);
        if text.starts_with(['#', ';']) {
            return;
        }
        if text.is_empty() {
            return self.continue_value("");
        }
        let indent = line.chars().take_while(|c| is_space(*c)).count();
        if self.open && indent > self.indent {
            return self.continue_value(text);
        }
        self.indent = indent;
        match header(text) {
            Some(name) => self.section(number, name),
            None => self.option(number, text),
        }
    }

    fn continue_value(&mut self, text: &str) {
        let section = self.current.and_then(|index| self.sections.get_mut(index));
        if let Some(entry) = section.filter(|_| self.open).and_then(|section| section.entries.last_mut()) {
            entry.value.push('\n');
            entry.value.push_str(text);
        }
    }

    fn section(&mut self, number: usize, name: &str) {
        self.defaults();
        self.open = false;
        let known = self.sections.iter().position(|section| section.name == name);
        if known.is_some() && name != DEFAULT {
            self.mistake(number, format!("section [{name}] stands twice in the file: make one of the two"));
        }
        self.current = known.or_else(|| {
            self.sections.push(IniSection { name: name.to_owned(), entries: Vec::new() });
            Some(self.sections.len() - 1)
        });
    }

    fn option(&mut self, number: usize, text: &str) {
        let Some(section) = self.current.and_then(|index| self.sections.get_mut(index)) else {
            return self.mistake(
                number,
                "stands before the first [section]: the platform's keys belong to [resilient]",
            );
        };
        let Some((key, value)) = text.split_once(['=', ':']) else {
            let what = "is neither a [section] nor `key = value`; if it continues the value above, indent it";
            return self.mistake(number, what);
        };
        let key = key.trim_end_matches(is_space).to_lowercase();
        let twice = !self.seen.insert((section.name.clone(), key.clone()));
        let value = value.trim_matches(is_space).to_owned();
        self.open = !key.is_empty();
        section.entries.push(Entry { key: key.clone(), value, line: number });
        if key.is_empty() {
            self.mistake(number, "has no key before the delimiter");
        } else if twice {
            self.mistake(number, format!("{key} stands twice in its section: take one of the two away"));
        }
    }

    fn mistake(&mut self, line: usize, what: impl Into<String>) {
        self.mistakes.push(Mistake { line, what: what.into() });
    }

    fn defaults(&mut self) {
        if self.sections.is_empty() {
            self.sections.push(IniSection { name: DEFAULT.to_owned(), entries: Vec::new() });
        }
    }

    fn finish(mut self) -> Ini {
        for entry in self.sections.iter_mut().flat_map(|section| &mut section.entries) {
            entry.value.truncate(entry.value.trim_end_matches(is_space).len());
        }
        let mut sections = self.sections.into_iter();
        let defaults = sections.next().unwrap_or_default().entries;
        let sections = sections.map(|section| section.filled_from(&defaults)).collect();
        Ini { sections, mistakes: self.mistakes }
    }
}

// === impl IniSection ===

impl IniSection {
    fn filled_from(mut self, defaults: &[Entry]) -> Self {
        let missing = |entry: &&Entry| !self.entries.iter().any(|own| own.key == entry.key);
        let inherited: Vec<Entry> = defaults.iter().filter(missing).cloned().collect();
        self.entries.extend(inherited);
        self
    }
}

/// `[name]`, whatever follows the last bracket.
fn header(text: &str) -> Option<&str> {
    let name = text.strip_prefix('[')?;
    name.rfind(']').filter(|end| *end > 0).and_then(|end| name.get(..end))
}

/// Lines as Python's universal newlines end them: `\n`, `\r\n` or `\r`.
fn lines(text: &str) -> impl Iterator<Item = &str> {
    text.split('\n').flat_map(|line| line.strip_suffix('\r').unwrap_or(line).split('\r'))
}

/// What Python's `str.strip` takes for white space.
fn is_space(c: char) -> bool {
    c.is_whitespace() || ('\u{1c}'..='\u{1f}').contains(&c)
}
