//! Events as plain text or Markdown.

use super::{
    escape,
    events::{Start, Writer},
    lines::Lines,
    tags,
};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Flavour {
    Plain,
    Markdown,
}

#[derive(Debug)]
pub(super) struct Page {
    flavour: Flavour,
    lines: Lines,
    /// The lists that are open: the number of the next item, where they have numbers.
    lists: Vec<Option<u32>>,
    /// Where the links lead to that are open, and whether they have had any text.
    links: Vec<(String, String)>,
    verbatim: Option<Verbatim>,
    table: Option<Table>,
}

/// What stands in a `pre` or `code`, as it stands.
#[derive(Debug)]
struct Verbatim {
    tag: &'static str,
    /// How many of the same tag are open within.
    within: usize,
    text: String,
    /// Where the links lead to that are open within, and where their text begins.
    links: Vec<(String, usize)>,
}

impl Verbatim {
    /// What HTML shows apart stays apart.
    fn part(&mut self, name: &str) {
        if tags::is_block(name) && !self.text.is_empty() && !self.text.ends_with('\n') {
            self.text.push('\n');
        }
    }

    fn end_link(&mut self) {
        let Some((href, start)) = self.links.pop() else { return };
        let text = self.text.get(start..).unwrap_or_default().trim();
        if text.is_empty() {
            self.text.push_str(&href);
        } else if !says(text, &href) {
            self.text.push_str(&format!(" ({href})"));
        }
    }
}

/// The table that is being written; one within another is plain text.
#[derive(Debug, Default)]
struct Table {
    depth: usize,
    rows: usize,
    cells: usize,
    in_cell: bool,
    /// Where rows end, how many cells each has, and what one more would be.
    ends: Vec<(usize, usize, &'static str)>,
    /// How many columns the cell takes.
    span: Option<u32>,
}

/// How many further cells one that is said to take many columns is worth.
const MAX_SPAN: u32 = 16;

// === impl Page ===

impl Page {
    pub(super) fn new(flavour: Flavour) -> Self {
        Self {
            flavour,
            lines: Lines::new(flavour == Flavour::Markdown),
            lists: Vec::new(),
            links: Vec::new(),
            verbatim: None,
            table: None,
        }
    }

    pub(super) fn finish(self) -> String {
        self.lines.finish()
    }

    fn is_markdown(&self) -> bool {
        self.flavour == Flavour::Markdown
    }

    fn in_cell(&self) -> bool {
        self.table.as_ref().is_some_and(|table| table.in_cell)
    }

    /// The next word is on another line; in a cell, which has one line only, behind a blank.
    fn end_line(&mut self, breaks: usize) {
        if self.in_cell() { self.lines.blank() } else { self.lines.end(breaks) }
    }

    /// Another line that is none of Markdown's own; `more` for one further down than anyway.
    fn break_line(&mut self, more: bool) {
        if self.in_cell() { self.lines.blank() } else { self.lines.end_hard(more) }
    }

    /// What surrounds a block.
    fn block(&mut self, name: &str) {
        match name {
            "div" => self.break_line(false),
            name if tags::is_block(name) => self.end_line(2),
            _ => {}
        }
    }

    fn words(&mut self, text: &str) {
        let mut words = text.split(is_space).peekable();
        while let Some(word) = words.next() {
            if !word.is_empty() {
                self.word(word);
            }
            if words.peek().is_some() {
                self.lines.blank();
            }
        }
    }

    fn word(&mut self, word: &str) {
        for (link, text) in &mut self.links {
            // To see whether it says its own address, so much is enough.
            if text.len() <= link.len() {
                text.push_str(word);
            }
        }
        match self.flavour {
            Flavour::Plain => self.lines.word(word),
            Flavour::Markdown => {
                let escaped = escape::word(word, self.lines.at_start(), self.table.is_some());
                self.lines.word(&escaped);
            }
        }
    }

    fn list(&mut self, tag: &Start) {
        let first = (tag.name == "ol").then(|| tag.start.unwrap_or(1));
        // A list that begins with another number cannot follow a text directly.
        let apart = self.is_markdown() && self.lists.is_empty() && first.is_some_and(|first| first != 1);
        self.end_line(if apart { 2 } else { 1 });
        self.lists.push(first);
    }

    fn item(&mut self) {
        let number = self.lists.last_mut().and_then(|list| {
            let number = (*list)?;
            *list = Some(number.saturating_add(1));
            Some(number)
        });
        self.end_line(1);
        match number {
            Some(number) => self.lines.item(&format!("{number}."), "   "),
            None => self.lines.item("-", "  "),
        }
    }

    fn open_verbatim(&mut self, tag: &'static str) {
        if tag == "pre" {
            self.end_line(2);
        }
        self.verbatim = Some(Verbatim { tag, within: 0, text: String::new(), links: Vec::new() });
    }

    fn start_within(verbatim: &mut Verbatim, tag: &Start) {
        match tag.name {
            "br" => verbatim.text.push('\n'),
            "a" => verbatim.links.push((tag.href.clone().unwrap_or_default(), verbatim.text.len())),
            name if name == verbatim.tag => verbatim.within += 1,
            name => verbatim.part(name),
        }
    }

    /// A tag ends within what is verbatim, or ends it.
    fn end_within(&mut self, mut verbatim: Verbatim, name: &str) {
        if name != verbatim.tag || verbatim.within > 0 {
            verbatim.within -= usize::from(name == verbatim.tag);
            match name {
                "a" => verbatim.end_link(),
                name => verbatim.part(name),
            }
            self.verbatim = Some(verbatim);
            return;
        }
        let Verbatim { text, .. } = verbatim;
        for (link, seen) in &mut self.links {
            if seen.len() <= link.len() {
                seen.extend(text.split_whitespace());
            }
        }
        match (self.flavour, name) {
            (Flavour::Plain, "pre") => self.lines.verbatim(text.trim_matches('\n')),
            (Flavour::Plain, _) => self.words(&text),
            // Behind a sign its fence would be none, and what it holds would be read as Markdown.
            (Flavour::Markdown, "pre") if !self.in_cell() && !self.lines.has_signs() => {
                self.lines.verbatim(&code_block(&text));
            }
            (Flavour::Markdown, _) if text.trim().is_empty() => self.lines.blank(),
            (Flavour::Markdown, _) => self.lines.code(&inline_code(&text, self.table.is_some())),
        }
        if name == "pre" {
            self.end_line(2);
        }
    }

    fn close_link(&mut self) {
        let Some((href, text)) = self.links.pop() else { return };
        let names_a_place = href.starts_with('#');
        match self.flavour {
            // What can be clicked has an address, whether it shows anything or not.
            _ if text.is_empty() && !names_a_place => {
                self.lines.blank();
                self.word(&href);
                if self.is_markdown() {
                    self.lines.close(&format!("]({})", escape::address(&href)));
                }
                self.lines.blank();
            }
            Flavour::Markdown => self.lines.close(&format!("]({})", escape::address(&href))),
            Flavour::Plain if text.is_empty() || says(&text, &href) => {}
            Flavour::Plain => {
                self.lines.blank();
                self.lines.word(&format!("({href})"));
            }
        }
    }

    // --- tables

    fn table_starts(&mut self, tag: &Start) {
        let columns = self.is_markdown();
        match (tag.name, &mut self.table) {
            ("table", Some(table)) => table.depth += 1,
            ("table", None) => {
                self.end_line(2);
                self.table = Some(Table::default());
            }
            ("tr", Some(table)) if table.depth == 0 => {
                table.cells = 0;
                self.lines.end(1);
            }
            ("td" | "th", Some(table)) if table.depth == 0 => {
                table.in_cell = true;
                table.span = tag.span;
                table.cells += 1;
                match (columns, table.cells) {
                    (true, _) => self.lines.word("|"),
                    (false, 1) => {}
                    (false, _) => self.lines.tab(),
                }
                if columns {
                    self.lines.blank();
                }
            }
            _ => self.end_line(1),
        }
    }

    fn table_ends(&mut self, name: &str) {
        let columns = self.is_markdown();
        let Some(table) = &mut self.table else { return self.end_line(1) };
        match name {
            "table" if table.depth > 0 => table.depth -= 1,
            "table" => {
                let ends = std::mem::take(&mut table.ends);
                self.table = None;
                self.lines.fill(&fillers(ends));
                self.end_line(2);
            }
            "td" | "th" if table.depth == 0 => {
                table.in_cell = false;
                // The columns that it takes besides its own.
                let further = table.span.take().unwrap_or(1).clamp(1, MAX_SPAN) - 1;
                for _ in 0..further {
                    table.cells += 1;
                    if columns {
                        self.lines.blank();
                        self.lines.word("|");
                    } else {
                        self.lines.tab();
                    }
                }
                if columns {
                    self.lines.blank();
                }
            }
            "tr" if table.depth == 0 && columns && table.cells > 0 => {
                table.rows += 1;
                let rule = (table.rows == 1).then(|| "| --- ".repeat(table.cells));
                self.lines.word("|");
                table.ends.push((self.lines.place(), table.cells, " |"));
                self.lines.end(1);
                if let Some(rule) = rule {
                    self.lines.word(&format!("{rule}|"));
                    table.ends.push((self.lines.place(), table.cells, " --- |"));
                    self.lines.end(1);
                }
            }
            _ => self.end_line(1),
        }
    }
}

impl Writer for Page {
    const FRAMES: bool = true;

    fn start(&mut self, tag: &Start) {
        if let Some(verbatim) = &mut self.verbatim {
            return Self::start_within(verbatim, tag);
        }
        match tag.name {
            "br" => self.break_line(true),
            "hr" => {
                self.end_line(2);
                self.lines.word("---");
                self.end_line(2);
            }
            "ul" | "ol" => self.list(tag),
            "li" => self.item(),
            "blockquote" => {
                self.end_line(2);
                self.lines.indent("> ");
            }
            "pre" | "code" | "kbd" | "tt" => self.open_verbatim(tag.name),
            "a" => {
                if self.is_markdown() {
                    self.lines.open("[");
                }
                self.links.push((tag.href.clone().unwrap_or_default(), String::new()));
            }
            "table" | "thead" | "tbody" | "tfoot" | "tr" | "td" | "th" => self.table_starts(tag),
            name => {
                self.block(name);
                if let Some((sign, _)) = signs(name).filter(|_| self.is_markdown()) {
                    self.lines.open(sign);
                }
            }
        }
    }

    fn end(&mut self, name: &'static str) {
        if let Some(verbatim) = self.verbatim.take() {
            return self.end_within(verbatim, name);
        }
        match name {
            "ul" | "ol" => {
                self.lists.pop();
                // Without an empty line, what follows would belong to the last item.
                self.end_line(if self.lists.is_empty() && self.is_markdown() { 2 } else { 1 });
            }
            "li" => self.lines.end_item(),
            "blockquote" => {
                self.lines.dedent();
                self.end_line(2);
            }
            "a" => self.close_link(),
            "table" | "thead" | "tbody" | "tfoot" | "tr" | "td" | "th" => self.table_ends(name),
            name => {
                if let Some((_, sign)) = signs(name).filter(|_| self.is_markdown()) {
                    self.lines.close(sign);
                }
                self.block(name);
            }
        }
    }

    fn text(&mut self, text: &str) {
        match &mut self.verbatim {
            // Markdown ends a line there too.
            Some(verbatim) => verbatim.text.push_str(&text.replace('\r', "\n")),
            None => self.words(text),
        }
    }
}

/// What makes each row as wide as the widest. The first and the rule must be, lest cells be lost; of the others some may stay
/// short, where filling up all of them would make the text many times as long.
fn fillers(rows: Vec<(usize, usize, &'static str)>) -> Vec<(usize, usize, &'static str)> {
    let widest = rows.iter().map(|(_, cells, _)| *cells).max().unwrap_or_default();
    let there: usize = rows.iter().map(|(_, cells, _)| cells).sum();
    let all = widest.saturating_mul(rows.len()) <= there.saturating_mul(8).saturating_add(64);
    let count = if all { rows.len() } else { 2 };
    rows.into_iter().take(count).map(|(place, cells, text)| (place, widest - cells, text)).collect()
}

fn code_block(code: &str) -> String {
    let fence = escape::fence(code, 3);
    format!("{fence}\n{}\n{fence}", code.trim_matches('\n'))
}

fn inline_code(code: &str, in_table: bool) -> String {
    let fence = escape::fence(code, 1);
    let pad = if code.starts_with('`') || code.ends_with('`') { " " } else { "" };
    let code = code.replace('\n', " ");
    let code = if in_table { code.replace('|', "\\|") } else { code };
    format!("{fence}{pad}{code}{pad}{fence}")
}

/// Whether a link's text is its address already.
fn says(text: &str, href: &str) -> bool {
    let bare = href.split_once(':').map_or(href, |(_, rest)| rest).trim_matches('/');
    text == href || text.trim_end_matches('/') == bare
}

/// What stands before and behind the text of a tag in Markdown.
fn signs(name: &str) -> Option<(&'static str, &'static str)> {
    Some(match name {
        "b" | "strong" => ("**", "**"),
        "em" | "i" | "var" => ("*", "*"),
        "s" | "strike" | "del" => ("~~", "~~"),
        "h1" => ("# ", ""),
        "h2" => ("## ", ""),
        "h3" => ("### ", ""),
        "h4" => ("#### ", ""),
        "h5" => ("##### ", ""),
        "h6" => ("###### ", ""),
        _ => return None,
    })
}

/// What HTML shows as one blank, and a vertical tab, which Markdown takes for one. A non-breaking one is text.
fn is_space(character: char) -> bool {
    matches!(character, ' ' | '\t' | '\n' | '\r' | '\u{b}' | '\u{c}')
}
