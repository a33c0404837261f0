use action_component::name::handler_name;

/// The right-hand side is what Python gives: `re.sub(r'\W+', '_', name.strip().lower())`.
#[test]
fn names_are_made_as_python_makes_them() {
    let names = [
        (" Add Task ", "add_task"),
        ("Défense & Co", "défense_co"),
        ("a--b__c", "a_b__c"),
        ("!x!", "_x_"),
        ("", ""),
        ("  ", ""),
        ("\u{1c}A\u{1f}", "a"),
        ("日本語 タスク", "日本語_タスク"),
        ("हिन्दी", "ह_न_द_"),
        ("Ⓐ x", "_x"),
        ("x² ½", "x²_½"),
        ("İstanbul", "i_stanbul"),
        ("ΑΣ Σ", "ας_σ"),
        ("ǅ", "ǆ"),
        ("a\u{301}b", "a_b"),
        ("naïve\u{a0}x", "naïve_x"),
        ("emoji 😀 x", "emoji_x"),
        ("_x_", "_x_"),
        ("Nr. 5", "nr_5"),
        ("\u{3000}x\u{3000}", "x"),
        ("ไทยน้ำ", "ไทยน_ำ"),
        ("٣ Ⅷ", "٣_ⅷ"),
        ("a\u{200b}b", "a_b"),
        ("ẞ", "ß"),
    ];
    for (display_name, expected) in names {
        assert_eq!(handler_name(display_name), expected, "{display_name:?}");
    }
}

#[test]
fn a_handlers_name_is_its_own() {
    for name in ["add_task", "défense_co", "x²_½"] {
        assert_eq!(handler_name(name), name);
    }
}
