//! The table in the end.

use crate::{case::Case, verdict::Tally};

const HEAD: [&str; 8] = [
    "case",
    "actions",
    "faults",
    "lost",
    "answered twice",
    "carried out twice",
    "recovery, median/max",
    "verdict",
];

/// As Markdown, which a README can show as it is.
pub(crate) fn print(rows: &[(Case, Tally)]) {
    println!("| {} |", HEAD.join(" | "));
    println!("|---|--:|--:|--:|--:|--:|--:|---|");
    for (case, tally) in rows {
        println!("| {} |", row(*case, tally).join(" | "));
    }
}

fn row(case: Case, tally: &Tally) -> [String; 8] {
    [
        case.to_string(),
        tally.actions.to_string(),
        tally.faults.to_string(),
        tally.lost.to_string(),
        tally.answered_twice.to_string(),
        tally.carried_out_twice.to_string(),
        recovery(tally),
        if tally.broken.is_empty() {
            "kept".to_owned()
        } else {
            format!("**broken**: {}", tally.broken.join("; "))
        },
    ]
}

fn recovery(tally: &Tally) -> String {
    let sorted = &tally.recoveries;
    match (sorted.get(sorted.len() / 2), sorted.last()) {
        (Some(median), Some(max)) => format!("{:.1} s / {:.1} s", median.as_secs_f64(), max.as_secs_f64()),
        _ => "–".to_owned(),
    }
}
