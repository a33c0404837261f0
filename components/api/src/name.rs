//! Names as the platform makes them.

use icu_properties::{
    CodePointMapData,
    props::{GeneralCategory, GeneralCategoryGroup},
};

/// The name a handler answers to, made of an action's display name: trimmed, lower-cased, each run of characters
/// that are neither letters, digits nor `_` made one `_`.
///
/// ```
/// use action_component::name::handler_name;
///
/// assert_eq!(handler_name(" Add Task "), "add_task");
/// assert_eq!(handler_name("Défense & Co"), "défense_co");
/// ```
#[must_use]
pub fn handler_name(display_name: &str) -> String {
    let mut name = String::with_capacity(display_name.len());
    let mut in_gap = false;
    for character in display_name.trim_matches(is_blank).to_lowercase().chars() {
        let is_word = is_word(character);
        if is_word {
            name.push(character);
        } else if !in_gap {
            name.push('_');
        }
        in_gap = !is_word;
    }
    name
}

/// What Python's `\w` matches, which the vendor's framework makes names with: letters and numbers of any script. Unlike
/// `char::is_alphanumeric` that leaves out vowel signs and circled letters.
fn is_word(character: char) -> bool {
    let category = CodePointMapData::<GeneralCategory>::new().get(character);
    let letters_and_numbers = GeneralCategoryGroup::Letter.union(GeneralCategoryGroup::Number);
    character == '_' || letters_and_numbers.contains(category)
}

/// What Python's `strip` takes off: white space, and the separators of ASCII.
fn is_blank(character: char) -> bool {
    character.is_whitespace() || ('\x1c'..='\x1f').contains(&character)
}
