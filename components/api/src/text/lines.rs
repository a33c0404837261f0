//! Lines of text, each behind what it stands in: a quotation's `> `, the blanks below a list item's dash.

/// Text that grows at its end.
#[derive(Debug, Default)]
pub(super) struct Lines {
    /// Whether a line's end is to be said.
    markdown: bool,
    out: String,
    /// What each line begins with.
    margins: Vec<&'static str>,
    /// How many of the margins have been there since the last word: empty lines between have these.
    lasting: usize,
    /// Line breaks that are due before the next word.
    breaks: usize,
    /// Whether the break that is due must stay one when Markdown is shown.
    hard: bool,
    /// Whether a blank is due before the next word.
    blank: bool,
    /// Whether the last that was written is a tab, which needs no blank beside it.
    tabbed: bool,
    /// Whether the last word is a list item's dash, whose line has not begun yet.
    fresh: bool,
    /// Signs that belong directly before the next word: `**`, `[`.
    signs: Vec<&'static str>,
}

impl Lines {
    pub(super) fn new(markdown: bool) -> Self {
        Self { markdown, ..Self::default() }
    }

    /// The next word is on another line; with `breaks` of 2 there is an empty one between.
    pub(super) fn end(&mut self, breaks: usize) {
        if !self.fresh {
            self.breaks = self.breaks.max(breaks);
            self.hard = false;
            self.blank = false;
        }
    }

    /// The next word is on another line, which Markdown would otherwise take for the same; with `more` it is one further
    /// down than anyway.
    pub(super) fn end_hard(&mut self, more: bool) {
        if !self.fresh {
            self.hard |= self.breaks == 0;
            self.breaks = if more { (self.breaks + 1).min(2) } else { self.breaks.max(1) };
            self.blank = false;
        }
    }

    /// Whether the next word begins a line.
    pub(super) fn at_start(&self) -> bool {
        self.out.is_empty() || self.breaks > 0 || self.fresh
    }

    /// Whether a sign belongs before the next word.
    pub(super) fn has_signs(&self) -> bool {
        !self.signs.is_empty()
    }

    /// A list item begins: its text follows behind `marker`.
    pub(super) fn item(&mut self, marker: &str, margin: &'static str) {
        // A sign before the marker would make text of it.
        let signs = std::mem::take(&mut self.signs);
        self.word(marker);
        self.signs = signs;
        self.margins.push(margin);
        self.blank = true;
        self.fresh = true;
    }

    /// A list item ends.
    pub(super) fn end_item(&mut self) {
        self.dedent();
        self.fresh = false;
        self.end(1);
    }

    pub(super) fn blank(&mut self) {
        self.blank = self.fresh || !(self.at_start() || self.tabbed);
    }

    /// The next word is in the next column.
    pub(super) fn tab(&mut self) {
        self.blank = false;
        self.settle();
        self.out.push('\t');
        self.tabbed = true;
    }

    /// Where the next word would be written, if nothing is due before it.
    pub(super) fn place(&self) -> usize {
        self.out.len()
    }

    /// Adds to what was written: at each of these places, which are in order, so often so much.
    pub(super) fn fill(&mut self, fillers: &[(usize, usize, &str)]) {
        let Some((first, ..)) = fillers.first() else { return };
        let tail = self.out.split_off((*first).min(self.out.len()));
        let mut done = 0;
        for (place, times, text) in fillers {
            let end = place - first;
            self.out.push_str(tail.get(done..end).unwrap_or_default());
            self.out.push_str(&text.repeat(*times));
            done = end;
        }
        self.out.push_str(tail.get(done..).unwrap_or_default());
    }

    /// Adds a word, behind what is due.
    pub(super) fn word(&mut self, word: &str) {
        self.settle();
        self.out.push_str(word);
    }

    /// Adds code with the backticks around it, which must not meet others.
    pub(super) fn code(&mut self, code: &str) {
        self.settle();
        if self.out.ends_with('`') {
            self.out.push(' ');
        }
        self.out.push_str(code);
    }

    /// Adds lines as they stand.
    pub(super) fn verbatim(&mut self, lines: &str) {
        for (number, line) in lines.split('\n').enumerate() {
            if number > 0 {
                self.out.push('\n');
                self.margin(self.margins.len());
            } else {
                self.settle();
            }
            self.out.push_str(line);
        }
    }

    /// `sign` stands directly before the next word.
    pub(super) fn open(&mut self, sign: &'static str) {
        self.signs.push(sign);
    }

    /// `sign` stands directly behind the last word. Where there was no word since it was opened, neither stands anywhere.
    pub(super) fn close(&mut self, sign: &str) {
        if self.signs.pop().is_none() {
            self.out.push_str(sign);
        }
    }

    /// Every line begins with `margin` from here on, until [`dedent`](Self::dedent).
    pub(super) fn indent(&mut self, margin: &'static str) {
        self.margins.push(margin);
    }

    pub(super) fn dedent(&mut self) {
        self.margins.pop();
        self.lasting = self.lasting.min(self.margins.len());
    }

    pub(super) fn finish(self) -> String {
        let whole = self.out.trim_end_matches([' ', '\n']).len();
        let mut out = self.out;
        out.truncate(whole);
        out
    }

    /// Adds what is due before a word.
    fn settle(&mut self) {
        if self.out.is_empty() {
            self.margin(self.margins.len());
        } else if self.breaks > 0 {
            if self.hard && self.breaks == 1 && self.markdown {
                self.out.push('\\');
            }
            for empty in (0..self.breaks).rev() {
                self.trim_line();
                self.out.push('\n');
                self.margin(if empty > 0 { self.lasting } else { self.margins.len() });
            }
        } else if self.blank {
            self.out.push(' ');
        }
        self.breaks = 0;
        self.hard = false;
        self.blank = false;
        self.tabbed = false;
        self.fresh = false;
        self.lasting = self.margins.len();
        if self.signs.first() == Some(&"[") && self.out.ends_with('!') {
            // It would make an image of the link, which is fetched unasked.
            self.out.pop();
            self.out.push_str("\\!");
        }
        self.signs.drain(..).for_each(|sign| self.out.push_str(sign));
    }

    fn margin(&mut self, margins: usize) {
        self.margins.iter().take(margins).for_each(|margin| self.out.push_str(margin));
    }

    /// An empty line has no blanks at its end.
    fn trim_line(&mut self) {
        let line = self.out.trim_end_matches(' ').len();
        self.out.truncate(line);
    }
}
