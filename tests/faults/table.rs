//! The table in the end.

use crate::verdict::Tally;

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
pub(crate) fn print(rows: &[(String, Tally)]) {
    println!("| {} |", HEAD.join(" | "));
    println!("|---|--:|--:|--:|--:|--:|--:|---|");
    for (name, tally) in rows {
        println!("| {} |", row(name, tally).join(" | "));
    }
}

fn row(name: &str, tally: &Tally) -> [String; 8] {
    [
        name.to_owned(),
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
