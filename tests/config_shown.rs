//! What is shown of a configuration, and what never is.

use crate::config::{arguments, sources};
use action_processor::{component::Component, config::Config};

const PLATFORM: &str =
    "[resilient]\nhost = soar.example.com\norg = o\napi_key_id = i\napi_key_secret = s3cret-s3cret\n";

/// Values of a component's keys with the part that must not be shown.
const SECRET_PARTS: [(&str, &str, &str); 14] = [
    ("webhook", "https://hooks.example.com/services/T0/B0/SECRET", "services/T0/B0/SECRET"),
    ("slack_webhook_url", "https://hooks.example.com/x?y=SECRET", "x?y=SECRET"),
    ("hook", "a7Kd92hfKsoeUr83jdSk29", "a7Kd92hfKsoeUr83jdSk29"),
    ("bearer", "abcdefgh", "abcdefgh"),
    ("authorization_header", "Splunk 4711", "Splunk 4711"),
    ("session_cookie", "JSESSIONID=4711", "JSESSIONID=4711"),
    ("apikey", "abcdefgh", "abcdefgh"),
    ("url", "https://example.com/in?a=b&token=SECRET", "SECRET"),
    ("url2", "https://example.com/in?API_KEY=SECRET#x", "SECRET"),
    ("blob", "https://x.example.com/b/c.json?sv=2024&sig=SECRET", "SECRET"),
    ("endpoint", "https://me:SECRET@example.com/path", "SECRET"),
    ("endpoint2", "https://example.com/v2/jX8d0KsLq2nBv7Tz/in", "jX8d0KsLq2nBv7Tz"),
    (
        "endpoint3",
        "see https://example.com/5f3c0f5a-8e4b-4b44-a6a5-52a0b3a4de22/",
        "5f3c0f5a-8e4b-4b44-a6a5-52a0b3a4de22",
    ),
    ("declared", "abcdefgh", "abcdefgh"),
];

const OPEN: [(&str, &str); 6] = [
    ("url", "https://soar.example.com:8443/rest/incidents/getDetailsById?format=text_only&limit=20241231"),
    ("site", "https://example.com/incident-response-playbooks/phishing-2/index.html"),
    ("webhook_timeout", "30"),
    ("webhook_enabled", "true"),
    ("base", "https://hooks.example.com/"),
    ("greeting", "hello"),
];

fn components() -> [Component; 1] {
    [Component::new("shown").secret_key("declared")]
}

fn shown(key: &str, value: &str) -> (String, Config) {
    let config = Config::load(&sources(&format!("{PLATFORM}[shown]\n{key} = {value}\n"), &[]), &components());
    let config = config.unwrap();
    let found = config.settings().find(|(section, name, _)| (*section, *name) == ("shown", key));
    (found.unwrap().2.shown(), config)
}

#[test]
fn secret_parts_of_values_are_not_shown() {
    for (key, value, secret) in SECRET_PARTS {
        let (text, config) = shown(key, value);
        assert_eq!(text, value.replace(secret, "***"), "{key}");
        assert!(config.secrets().iter().any(|known| known.expose() == secret), "{key}");
        assert!(!format!("{config:?}").contains(secret), "{key}");
    }
}

#[test]
fn what_is_no_secret_is_shown() {
    for (key, value) in OPEN {
        assert_eq!(shown(key, value).0, value, "{key}");
    }
}

#[test]
fn an_instance_conceals_what_its_component_declares() {
    let file = format!("{PLATFORM}[shown:one]\ndeclared = abcdefgh\n");
    let config = Config::load(&sources(&file, &[]), &components()).unwrap();
    assert!(config.settings().all(|(.., setting)| !setting.shown().contains("abcdefgh")));
}

#[test]
fn a_change_of_a_secret_part_does_not_show_it() {
    let (_, before) = shown("webhook", "https://hooks.example.com/services/OLD-PART");
    let (_, now) = shown("webhook", "https://hooks.example.com/services/NEW-PART");
    let changes = now.changes_from(&before);
    assert_eq!(changes.len(), 1);
    let text = format!("{changes:?}");
    assert!(!text.contains("OLD-PART") && !text.contains("NEW-PART"), "{text}");
}

#[test]
fn the_command_line_takes_references_for_them_only() {
    let file = format!("{PLATFORM}[shown]\ngreeting = hello\n");
    let load = |value: &str| {
        let set = format!("shown.{value}");
        let sources = sources(&file, &[("TOKEN", "abcdefgh")]).with_arguments(arguments(&["--set", &set]));
        Config::load(&sources, &components()).map_err(|problems| problems.to_string())
    };
    for refused in [
        "bearer=abcdefgh",
        "declared=abcdefgh",
        "webhook=https://hooks.example.com/services/SECRET",
        "url=https://example.com/in?token=SECRET",
        "url=https://me:SECRET@example.com/",
    ] {
        let problems = load(refused).unwrap_err();
        assert!(problems.contains("takes a reference only") && !problems.contains("SECRET"), "{problems}");
    }
    for taken in
        ["bearer=$TOKEN", "url=https://example.com/in?token=${TOKEN}", "url=https://test.example.com"]
    {
        let config = load(taken).unwrap();
        assert!(config.settings().all(|(.., setting)| !setting.shown().contains("abcdefgh")), "{taken}");
    }
}
