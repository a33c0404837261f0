//! Turns events into lines: fields gathered, formatted once, secrets masked, written to every writer.

use super::{
    Redactor,
    fields::Fields,
    line::{self, Line},
};
use crate::config::LogFormat;
use jiff::Zoned;
use std::{io, io::Write};
use tracing::{
    Event, Level, Subscriber,
    span::{Attributes, Id, Record},
};
use tracing_subscriber::{
    Layer,
    fmt::{MakeWriter, writer::BoxMakeWriter},
    layer::Context,
    registry::LookupSpan,
};

pub(super) struct LineLayer {
    format: LogFormat,
    redactor: Redactor,
    sinks: Vec<Sink>,
}

/// Where lines go.
pub(super) struct Sink {
    pub(super) writer: BoxMakeWriter,
    /// Whether systemd's journal reads them, which takes `<3>` before a line for its priority.
    pub(super) journal: bool,
}

// === impl LineLayer ===

impl LineLayer {
    pub(super) fn new(format: LogFormat, redactor: Redactor, sinks: Vec<Sink>) -> Self {
        Self { format, redactor, sinks }
    }
}

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for LineLayer {
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let mut fields = Fields::default();
        attributes.record(&mut fields);
        if let Some(span) = context.span(id) {
            span.extensions_mut().insert(fields);
        }
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, context: Context<'_, S>) {
        if let Some(span) = context.span(id)
            && let Some(fields) = span.extensions_mut().get_mut::<Fields>()
        {
            values.record(fields);
        }
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let line = gather(event, &context);
        let text = match self.format {
            LogFormat::Text => line::text(&line),
            LogFormat::Json => line::json(&line),
        };
        let masked = self.redactor.mask_excerpt(&text);
        for sink in &self.sinks {
            // Nobody is left to tell if the log itself cannot be written; the file's writer complains on stderr.
            let _ = sink.write(*event.metadata().level(), &masked);
        }
    }
}

// === impl Sink ===

impl Sink {
    fn write(&self, level: Level, line: &str) -> io::Result<()> {
        let mut writer = self.writer.make_writer();
        if self.journal {
            // In one piece: a writer may take each write for a line.
            writer.write_all(format!("<{}>{line}", priority(level)).as_bytes())
        } else {
            writer.write_all(line.as_bytes())
        }
    }
}

/// As syslog counts: `journalctl -p err` shows what somebody must act on.
fn priority(level: Level) -> u8 {
    match level {
        Level::ERROR => 3,
        Level::WARN => 4,
        Level::INFO => 6,
        _ => 7,
    }
}

/// An event's own fields, then those of its spans, the innermost first.
fn gather<S: Subscriber + for<'a> LookupSpan<'a>>(event: &Event<'_>, context: &Context<'_, S>) -> Line {
    let mut fields = Fields::default();
    event.record(&mut fields);
    for span in context.event_scope(event).into_iter().flatten() {
        if let Some(outer) = span.extensions().get::<Fields>() {
            fields.fill_from(outer);
        }
    }
    Line::new(Zoned::now(), *event.metadata().level(), event.metadata().target(), fields)
}
