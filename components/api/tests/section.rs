use action_component::{Component, Section};
use serde::Deserialize;

#[derive(Debug, Deserialize, PartialEq)]
struct Settings {
    url: String,
    retries: u8,
    verify: bool,
    #[serde(default)]
    note: Option<String>,
}

fn section(values: &[(&str, &str)]) -> Section {
    Section::new("hello", values.iter().copied())
}

fn read(retries: &str, verify: &str) -> Result<Settings, String> {
    let section = section(&[("url", "https://x"), ("retries", retries), ("verify", verify)]);
    section.read().map_err(|error| error.to_string())
}

#[test]
fn numbers_and_booleans_are_read_from_their_text() {
    for (text, verify) in
        [("yes", true), ("on", true), ("true", true), ("1", true), ("no", false), ("0", false)]
    {
        let expected = Settings { url: "https://x".into(), retries: 3, verify, note: None };
        assert_eq!(read("3", text).unwrap(), expected, "{text}");
    }
}

#[test]
fn a_value_that_looks_like_a_number_may_be_a_text() {
    let settings: Settings =
        section(&[("url", "5"), ("retries", "5"), ("verify", "no"), ("note", "007")]).read().unwrap();
    assert_eq!((settings.url.as_str(), settings.note.as_deref()), ("5", Some("007")));
}

#[test]
fn an_error_names_the_section_and_the_key_but_never_the_value() {
    let error = read("s3cr3t", "yes").unwrap_err();
    assert!(error.contains("[hello]") && error.contains("retries"), "{error}");
    assert!(!error.contains("s3cr3t"), "{error}");
    let error = read("3", "s3cr3t").unwrap_err();
    assert!(error.contains("verify") && !error.contains("s3cr3t"), "{error}");
    let error = section(&[]).read::<Settings>().unwrap_err().to_string();
    assert!(error.contains("url"), "{error}");
}

#[test]
fn printing_a_section_shows_its_keys_only() {
    let shown = format!("{:?}", section(&[("password", "s3cr3t")]));
    assert!(shown.contains("password") && !shown.contains("s3cr3t"), "{shown}");
}

#[test]
fn a_component_checks_its_section_and_may_serve_another_destination() {
    let component = Component::new("hello").configured::<Settings>("url =\n");
    assert!(component.check(&section(&[])).is_err());
    assert!(component.check(&section(&[("url", "x"), ("retries", "1"), ("verify", "no")])).is_ok());
    assert_eq!(component.sample(), "url =\n");
    assert_eq!(component.serves(&section(&[])), "hello");
    assert_eq!(component.serves(&section(&[("destination", "")])), "hello");
    assert_eq!(component.serves(&section(&[("destination", "other")])), "other");
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Strict {
    url: String,
}

#[test]
fn a_type_that_denies_unknown_fields_still_lets_the_daemons_keys_be_set() {
    let strict = |values: &[(&str, &str)]| section(values).read::<Strict>();
    let read = strict(&[("url", "x"), ("order_by", "incident"), ("destination", "other")]).unwrap();
    assert_eq!(read.url, "x");
    let error = strict(&[("order_by", "none"), ("destination", "other")]).unwrap_err().to_string();
    assert!(error.contains("url"), "{error}");
    let error = strict(&[("url", "x"), ("order_by", "none"), ("ulr", "x")]).unwrap_err().to_string();
    assert!(error.contains("ulr"), "{error}");
}

#[test]
fn a_type_may_read_the_daemons_keys_too() {
    #[derive(Deserialize)]
    struct Mine {
        destination: String,
    }
    assert_eq!(section(&[("destination", "other")]).read::<Mine>().unwrap().destination, "other");
}
