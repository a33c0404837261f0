//! Whatever the text: as Markdown it becomes safe HTML, and as plain text it comes back from HTML, and from Markdown, with
//! every word and line.
#![no_main]

use action_component::text;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|markdown: &str| {
    let html = text::from_markdown(markdown);
    assert_eq!(text::safe(&html), html);

    let (html, shown) = (text::from_plain(markdown), shown(markdown));
    assert_eq!(text::safe(&html), html);
    assert_eq!(text::plain(&html), shown);
    let again = text::markdown(&html);
    assert_eq!(text::plain(&text::from_markdown(&again)), shown, "{again}");
});

/// What HTML shows of a plain text: of several blanks one, of several empty lines one, and none at either end.
fn shown(text: &str) -> String {
    let text = text.replace('\0', "");
    let mut shown = String::new();
    let mut breaks = 0;
    for line in text.lines() {
        let words = line.split([' ', '\t', '\n', '\r', '\u{b}', '\u{c}']).filter(|word| !word.is_empty());
        let line = words.collect::<Vec<_>>().join(" ");
        if !line.is_empty() {
            shown.push_str(&"\n".repeat(if shown.is_empty() { 0 } else { breaks.min(2) }));
            shown.push_str(&line);
            breaks = 0;
        }
        breaks += 1;
    }
    shown
}
