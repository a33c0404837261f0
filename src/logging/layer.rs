//! Turns events into lines: fields gathered, formatted once, secrets masked, written to every writer.

use super::{
    Redactor,
    fields::Fields,
    line::{self, Line},
};
use crate::config::LogFormat;
use jiff::Zoned;
use std::io::Write;
use tracing::{
    Event, Subscriber,
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
    writers: Vec<BoxMakeWriter>,
}

// === impl LineLayer ===

impl LineLayer {
    pub(super) fn new(format: LogFormat, redactor: Redactor, writers: Vec<BoxMakeWriter>) -> Self {
        Self { format, redactor, writers }
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
        let masked = self.redactor.mask(&text);
        for writer in &self.writers {
            // Nobody is left to tell if the log itself cannot be written; the file's writer complains on stderr.
            let _ = writer.make_writer().write_all(masked.as_bytes());
        }
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
