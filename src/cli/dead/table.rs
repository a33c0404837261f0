//! `processor dead list`.

use super::{DeadError, NOTHING, chosen::Letters, terms};
use crate::{
    logging::Redactor,
    store::{DeadLetter, Listed, platforms},
};
use serde_json::{Value, json};
use std::io::Write;

/// A table stays within this many columns.
const WIDTH: usize = 100;

/// Longer texts are cut in all columns but the last.
const WIDEST: usize = 28;

const HEADINGS: [&str; 5] = ["no", "since", "queue", "what", "reason"];

/// A line for each, after a line of headings.
pub(super) async fn text(
    mut letters: Letters<'_>,
    redactor: &Redactor,
    out: &mut dyn Write,
) -> Result<(), DeadError> {
    let mut rows = vec![HEADINGS.map(str::to_owned)];
    while let Some(Listed { letter, .. }) = letters.next().await? {
        rows.push(cells(&letter, redactor).map(|cell| cut(&cell, WIDTH)));
    }
    if rows.len() == 1 {
        return Ok(writeln!(out, "{NOTHING}")?);
    }
    let widths = widths(&rows);
    rows.iter().try_for_each(|row| writeln!(out, "{}", line(row, &widths)))?;
    Ok(())
}

fn cells(letter: &DeadLetter, redactor: &Redactor) -> [String; 5] {
    let since = terms::local(letter, "%Y-%m-%d %H:%M");
    let reason = terms::printable(&redactor.mask_excerpt(&letter.reason));
    [letter.number.to_string(), since, terms::queue(letter), terms::what(letter), reason]
}

/// Each column as wide as it needs to be; the last one takes what is left.
fn widths(rows: &[[String; 5]]) -> [usize; 5] {
    let mut widths = [0; 5];
    for row in rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count().min(WIDEST));
        }
    }
    let [no, since, queue, what, _] = widths;
    let taken = no + since + queue + what + 2 * (HEADINGS.len() - 1);
    [no, since, queue, what, WIDTH.saturating_sub(taken)]
}

fn line(row: &[String; 5], widths: &[usize; 5]) -> String {
    let [no, rest @ ..] = row;
    let [widest, others @ ..] = widths;
    let cells = rest.iter().zip(others).map(|(cell, &width)| format!("  {:<width$}", cut(cell, width)));
    format!("{no:>widest$}{}", cells.collect::<String>()).trim_end().to_owned()
}

fn cut(text: &str, width: usize) -> String {
    if text.chars().count() <= width {
        return text.to_owned();
    }
    let kept: String = text.chars().take(width.saturating_sub(1)).collect();
    kept + "…"
}

/// One array, with every text in full.
pub(super) async fn json(
    mut letters: Letters<'_>,
    redactor: &Redactor,
    out: &mut dyn Write,
) -> Result<(), DeadError> {
    let mut list = Vec::new();
    while let Some(listed) = letters.next().await? {
        list.push(object(&listed, redactor));
    }
    Ok(writeln!(out, "{}", terms::printable_json(&Value::from(list)))?)
}

fn object(Listed { letter, bytes }: &Listed, redactor: &Redactor) -> Value {
    json!({
        "number": letter.number,
        "since": terms::since(letter).map(|since| format!("{since:.3}")),
        "platform": platforms::split(&letter.key.destination).0,
        "queue": platforms::split(&letter.key.destination).1,
        "message_id": letter.key.id,
        "correlation_id": letter.header("correlation-id"),
        "what": terms::what(letter),
        "reason": redactor.mask_excerpt(&letter.reason),
        "body_bytes": bytes,
        "has_undelivered_answer": letter.answer.is_some(),
    })
}
