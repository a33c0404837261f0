//! `processor dead show`.

use super::{DeadError, terms};
use crate::{
    component::redact::is_credential,
    dispatch::decode,
    logging::Redactor,
    recording,
    store::{Answer, DeadLetter},
};
use std::{
    fmt::Write as _,
    io::{self, Write},
};

/// Everything about it; or its body alone, as it came.
pub(super) fn show(
    letter: &DeadLetter,
    body_alone: bool,
    redactor: &Redactor,
    out: &mut dyn Write,
) -> Result<(), DeadError> {
    let written: io::Result<()> = if body_alone {
        out.write_all(&letter.body)
    } else {
        out.write_all(redactor.mask_excerpt(&whole(letter, redactor)).as_bytes())
    };
    Ok(written.and_then(|()| out.flush())?)
}

fn whole(letter: &DeadLetter, redactor: &Redactor) -> String {
    let mut text = String::new();
    for (name, value) in [
        ("number", letter.number.to_string()),
        ("since", terms::local(letter, "%Y-%m-%d %H:%M:%S %:z")),
        ("queue", terms::queue(letter)),
        ("what", terms::what(letter)),
        ("message id", terms::printable(&letter.key.id)),
        ("reason", terms::printable(&letter.reason)),
    ] {
        line(&mut text, &format!("{name:<12}{value}"));
    }
    line(&mut text, "\nheaders");
    for (name, value) in &letter.headers {
        let value = if is_credential(name) { "***" } else { value };
        line(&mut text, &format!("  {}: {}", terms::printable(name), terms::printable(value)));
    }
    if let Some(answer) = &letter.answer {
        push_answer(&mut text, answer, redactor);
    }
    push_body(&mut text, letter, redactor);
    text
}

fn line(text: &mut String, line: &str) {
    let _infallible = writeln!(text, "{line}");
}

fn push_answer(text: &mut String, answer: &Answer, redactor: &Redactor) {
    line(text, &format!("\nanswer that could not be delivered to {}", terms::printable(&answer.reply_to)));
    push_indented(text, &readable(&answer.body, redactor));
}

fn push_body(text: &mut String, letter: &DeadLetter, redactor: &Redactor) {
    let bytes = letter.body.len();
    match decode::text(&letter.body) {
        Ok(body) if body.is_empty() => line(text, "\nno body"),
        Ok(body) => {
            line(text, &format!("\nbody, {bytes} bytes"));
            push_indented(text, &readable(&body, redactor));
        }
        Err(error) => {
            let number = letter.number;
            line(
                text,
                &format!("\nbody, {bytes} bytes: {error}; `processor dead show {number} --body` writes them"),
            );
        }
    }
}

/// Indented where it is JSON, and as it is where not; without secrets.
fn readable(text: &str, redactor: &Redactor) -> String {
    let clean = recording::clean_json(text, redactor);
    terms::printable_lines(clean.as_deref().unwrap_or(text))
}

fn push_indented(text: &mut String, lines: &str) {
    lines.lines().for_each(|each| line(text, format!("  {each}").trim_end()));
}
