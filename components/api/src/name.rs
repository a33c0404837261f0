//! Names as the platform makes them.

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
    for character in display_name.trim().to_lowercase().chars() {
        let is_word = character.is_alphanumeric() || character == '_';
        if is_word {
            name.push(character);
        } else if !in_gap {
            name.push('_');
        }
        in_gap = !is_word;
    }
    name
}
