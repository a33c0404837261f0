//! A line for each step, as soon as it is known.

use super::exit::{self, FAILED};
use crate::{config::Config, logging::Redactor};
use serde::Serialize;
use std::io::Write;

/// For whom the report is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Format {
    /// People: each line at once.
    Text,
    /// Machines: one object at the end.
    Json,
}

/// How a step went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum Outcome {
    /// Nothing was tried: a fact.
    Info,
    Ok,
    Warning,
    Failed,
    /// Not tried, because an earlier step failed.
    Skipped,
}

/// A step that failed has been told; what builds on it is pointless.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Stop;

#[derive(Debug, Serialize)]
struct Line {
    #[serde(skip_serializing_if = "Option::is_none")]
    platform: Option<String>,
    part: &'static str,
    step: String,
    outcome: Outcome,
    detail: String,
}

#[derive(Serialize)]
struct Whole<'a> {
    ok: bool,
    exit_code: u8,
    steps: &'a [Line],
}

/// What was seen so far.
pub(super) struct Report<'a> {
    out: &'a mut dyn Write,
    format: Format,
    redactor: Redactor,
    part: &'static str,
    /// Of which of several platforms the lines are.
    platform: Option<String>,
    lines: Vec<Line>,
    exit_code: u8,
    /// What is odd about the credentials: it stands beside their refusal.
    doubt: Option<String>,
    /// Failures with this code are warnings for now.
    excused: Option<u8>,
}

// === impl Outcome ===

impl Outcome {
    /// `None` for what needs no word.
    fn word(self) -> Option<&'static str> {
        match self {
            Self::Info => None,
            Self::Ok => Some("ok"),
            Self::Warning => Some("warning"),
            Self::Failed => Some("failed"),
            Self::Skipped => Some("skipped"),
        }
    }
}

// === impl Report ===

impl<'a> Report<'a> {
    /// Nothing seen yet. What servers say may hold what we sent them, so everything passes `redactor`.
    pub(super) fn new(format: Format, redactor: Redactor, out: &'a mut dyn Write) -> Self {
        Self {
            out,
            format,
            redactor,
            part: "",
            platform: None,
            lines: Vec::new(),
            exit_code: 0,
            doubt: None,
            excused: None,
        }
    }

    /// The lines that follow are about `platform`, where `config` has several.
    pub(super) fn on(&mut self, config: &Config, platform: &Config) {
        let several = config.platforms().count() > 1;
        self.platform = several.then(|| platform.name().to_owned());
    }

    /// The lines that follow are about this.
    pub(super) fn part(&mut self, name: &'static str, heading: &str) {
        self.part = name;
        let heading = match &self.platform {
            Some(platform) => self.clean(&format!("{platform}: {heading}")),
            None => self.clean(heading),
        };
        self.print(&heading);
    }

    pub(super) fn info(&mut self, step: &str, detail: &str) {
        self.line(step, Outcome::Info, detail);
    }

    pub(super) fn ok(&mut self, step: &str, detail: &str) {
        self.line(step, Outcome::Ok, detail);
    }

    pub(super) fn warning(&mut self, step: &str, detail: &str) {
        self.line(step, Outcome::Warning, detail);
    }

    pub(super) fn skipped(&mut self, step: &str, detail: &str) {
        self.line(step, Outcome::Skipped, detail);
    }

    /// Failures with this code are warnings from now on: something else may do instead.
    pub(super) fn excuse(&mut self, code: Option<u8>) {
        self.excused = code;
    }

    /// What is odd about the credentials that the lines that follow are about.
    pub(super) fn doubt(&mut self, doubt: Option<String>) {
        self.doubt = doubt;
    }

    /// The first failure's code is the command's.
    pub(super) fn failed(&mut self, step: &str, code: u8, detail: &str) -> Stop {
        let detail = match &self.doubt {
            Some(doubt) if exit::is_unauthorized(code) => &format!("{detail}; note that {doubt}"),
            _ => detail,
        };
        if self.excused == Some(code) {
            self.warning(step, detail);
            return Stop;
        }
        if self.exit_code == 0 {
            self.exit_code = code.max(FAILED);
        }
        self.line(step, Outcome::Failed, detail);
        Stop
    }

    /// Says how it ended; the exit code.
    pub(super) fn finish(self) -> u8 {
        if self.format == Format::Json {
            let whole = Whole { ok: self.exit_code == 0, exit_code: self.exit_code, steps: &self.lines };
            let text = serde_json::to_string_pretty(&whole).unwrap_or_default();
            // As in `print`.
            let _ = writeln!(self.out, "{text}");
        }
        self.exit_code
    }

    fn line(&mut self, step: &str, outcome: Outcome, detail: &str) {
        let (step, detail) = (self.clean(step), self.clean(detail));
        match outcome.word() {
            Some(word) => self.print(&format!("  {step:<14} {word:<8} {detail}")),
            None => self.print(&format!("  {step:<14} {detail}")),
        }
        let platform = self.platform.clone();
        self.lines.push(Line { platform, part: self.part, step, outcome, detail });
    }

    /// Whoever no longer reads the lines still gets the exit code.
    fn print(&mut self, line: &str) {
        if self.format == Format::Text {
            let _ = writeln!(self.out, "{line}").and_then(|()| self.out.flush());
        }
    }

    /// Without secrets, on one line, and without anything that moves a terminal's cursor: strangers wrote some of it.
    fn clean(&self, text: &str) -> String {
        let masked = self.redactor.mask_excerpt(text);
        masked.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
    }
}
