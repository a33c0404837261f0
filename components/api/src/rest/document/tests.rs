use super::Document;
use proptest::prelude::*;
use serde_json::{Value, json};

fn document(text: &str) -> Document {
    Document::read(text.as_bytes()).unwrap()
}

/// What is written when `change` is made to `text`.
fn changed(text: &str, change: impl FnOnce(&mut Value)) -> String {
    let document = document(text);
    let mut value = document.value().clone();
    change(&mut value);
    document.changed_to(&value).unwrap()
}

#[test]
fn what_nobody_changed_is_written_as_it_stood() {
    let text = r#"{ "b" : 1.10, "a":[ 123456789012345678901234567890, 0.1234567890123456789 ], "x": 1 }"#;
    let written = changed(text, |value| value["x"] = json!(2));
    assert_eq!(written, r#"{"b":1.10,"a":[ 123456789012345678901234567890, 0.1234567890123456789 ],"x":2}"#);
}

#[test]
fn an_unchanged_document_is_the_same_to_the_byte() {
    let text = "{\"a\" : 1e2,\n \"a\": \"\\u0041\"}";
    assert_eq!(changed(text, |_| ()), text);
}

#[test]
fn new_members_go_last_and_removed_ones_go() {
    let written = changed(r#"{"z":1,"y":2,"x":3}"#, |value| {
        let members = value.as_object_mut().unwrap();
        members.remove("y");
        members.insert("a".to_owned(), json!([true]));
    });
    assert_eq!(written, r#"{"z":1,"x":3,"a":[true]}"#);
}

#[test]
fn removing_every_member_leaves_an_empty_object() {
    let written = changed(r#"{"a":{"b":1}}"#, |value| value["a"] = json!({}));
    assert_eq!(written, r#"{"a":{}}"#);
}

#[test]
fn elements_of_an_array_keep_their_text_when_others_come_and_go() {
    let text = "[[1.00],[18446744073709551616],[3.000]]";
    let written = changed(text, |value| {
        let elements = value.as_array_mut().unwrap();
        elements.remove(0);
        elements.push(json!("new"));
    });
    assert_eq!(written, r#"[[18446744073709551616],[3.000],"new"]"#);
}

#[test]
fn an_element_that_moved_and_changed_is_known_by_its_id() {
    let text = r#"[{"id":1,"n":1.0},{"id":2,"n":18446744073709551617}]"#;
    let written = changed(text, |value| {
        let elements = value.as_array_mut().unwrap();
        elements.remove(0);
        elements[0]["done"] = json!(true);
    });
    assert_eq!(written, r#"[{"id":2,"n":18446744073709551617,"done":true}]"#);
}

#[test]
fn a_name_that_stands_twice_counts_by_its_last_value() {
    assert_eq!(changed(r#"{"a":1,"b":2,"a":3.0}"#, |value| value["b"] = json!(4)), r#"{"a":3.0,"b":4}"#);
}

#[test]
fn a_number_beyond_any_float_is_kept() {
    let text = r#"{"huge":1e400,"low":[-1e999],"x":1}"#;
    let written = changed(text, |value| {
        assert_eq!(value["huge"], json!(f64::MAX));
        value["x"] = json!(2);
    });
    assert_eq!(written, r#"{"huge":1e400,"low":[-1e999],"x":2}"#);
}

#[test]
fn a_document_nested_too_deeply_is_refused_and_harms_nobody() {
    let deep = format!("{}1e400{}", "[".repeat(100_000), "]".repeat(100_000));
    assert!(Document::read(deep.as_bytes()).is_err());
}

#[test]
fn text_after_the_document_or_none_at_all_is_refused() {
    for text in ["", "{", "[1] 2", "nul", "{\"a\":}"] {
        assert!(Document::read(text.as_bytes()).is_err(), "{text}");
    }
}

/// JSON texts with numbers of every length, strange keys and odd spaces.
fn any_text() -> impl Strategy<Value = String> {
    let number = "-?(0|[1-9][0-9]{0,30})(\\.[0-9]{1,30})?([eE][+-]?[0-9]{1,2})?";
    let text = prop::collection::vec(any::<char>(), 0..6);
    let text = text.prop_map(|text| serde_json::to_string(&String::from_iter(text)).unwrap());
    let leaf = prop_oneof![Just("null".to_owned()), Just("true".to_owned()), number, text.clone()];
    leaf.prop_recursive(4, 48, 6, move |inner| {
        let member = (text.clone(), inner.clone()).prop_map(|(name, value)| format!("{name} : {value}"));
        prop_oneof![
            prop::collection::vec(inner, 0..6).prop_map(|elements| format!("[{}]", elements.join(", "))),
            prop::collection::vec(member, 0..6).prop_map(|members| format!("{{{}}}", members.join(" ,"))),
        ]
    })
}

/// The numbers of a text, as they stand there.
fn numbers(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        match character {
            '"' => {
                while let Some(inside) = characters.next() {
                    match inside {
                        '\\' => drop(characters.next()),
                        '"' => break,
                        _ => {}
                    }
                }
            }
            '-' | '0'..='9' => {
                let mut number = character.to_string();
                while let Some(next) =
                    characters.next_if(|next| matches!(next, '0'..='9' | '.' | 'e' | 'E' | '+' | '-'))
                {
                    number.push(next);
                }
                found.push(number);
            }
            _ => {}
        }
    }
    found
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    /// Whatever the document: with one member added, everything else has its text still, in its order.
    #[test]
    fn one_new_member_leaves_every_number_as_it_stood(inner in any_text()) {
        let text = format!("{{\"inner\":{inner}}}");
        let written = changed(&text, |value| value["a new one"] = json!("x"));
        prop_assert_eq!(written, format!("{{\"inner\":{inner},\"a new one\":\"x\"}}"));
    }

    /// A change deep inside rewrites the way to it; no number on the way changes by a digit.
    #[test]
    fn a_change_deep_inside_keeps_the_numbers_around_it(before in any_text(), after in any_text()) {
        let text = format!("[{before}, {{\"a\":{{\"x\":null,\"b\":{after}}}}}]");
        let written = changed(&text, |value| value[1]["a"]["x"] = json!("changed"));
        prop_assert_eq!(numbers(&written), numbers(&text));
    }

    /// Whatever one document is changed to, the text written says just that.
    #[test]
    fn what_is_written_reads_as_what_was_wanted(one in any_text(), other in any_text()) {
        let wanted = document(&other).value().clone();
        let written = document(&one).changed_to(&wanted).unwrap();
        let read = document(&written);
        prop_assert_eq!(read.value(), &wanted);
    }
}
