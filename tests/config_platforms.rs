//! `[resilient:NAME]` and `[component:NAME]`: what they inherit, what they are called, what is refused.

use action_processor::{
    component::{Component, Context, Failure, Message, Reply, handler_fn},
    config::{Config, Credentials, Problems, Sources},
    daemon,
};
use std::collections::BTreeMap;

const SHARED: &str =
    "[resilient]\nhost = soar.example.com\napi_key_id = id\napi_key_secret = s3cret-s3cret\n";
const TWO: &str = "[resilient:europe]\norg = Europe\n[resilient:us]\norg = US\nstomp_port = 61614\n";

#[test]
fn a_named_platform_has_what_the_plain_section_says_but_for_its_own() {
    let config = load(&format!("{SHARED}{TWO}")).unwrap();
    let platforms: Vec<_> = config
        .platforms()
        .map(|one| {
            (one.name(), one.platform.org.as_deref(), one.platform.host.as_str(), one.broker.first.port)
        })
        .collect();
    let host = "soar.example.com";
    assert_eq!(platforms, [("europe", Some("Europe"), host, 65001), ("us", Some("US"), host, 61614)]);
}

#[test]
fn the_plain_section_is_a_platform_where_it_says_more_than_the_others_share() {
    let names = |text: &str| -> Vec<String> {
        load(text).unwrap().platforms().map(|one| one.name().to_owned()).collect()
    };
    assert_eq!(names(SHARED), ["default"]);
    assert_eq!(names(&format!("{SHARED}{TWO}")), ["europe", "us"]);
    assert_eq!(names(&format!("{SHARED}org = Here\n{TWO}")), ["default", "europe", "us"]);
    assert_eq!(names(&format!("{SHARED}[resilient:far]\nhost = far.example\n")), ["default", "far"]);
}

#[test]
fn an_account_of_another_kind_is_not_mixed_with_an_inherited_one() {
    let config =
        load(&format!("{SHARED}[resilient:a]\norg = A\nemail = me@example.com\npassword = pass\n")).unwrap();
    assert!(config.warnings.is_empty(), "{:?}", config.warnings);
    assert!(
        matches!(config.platform.credentials, Credentials::User { .. }),
        "{:?}",
        config.platform.credentials
    );
}

#[test]
fn what_cannot_be_is_refused_by_name() {
    for (text, expected) in [
        ("[resilient:a]\norg = A\n[resilient:b]\norg = a\n", "a and b are one and the same"),
        ("[resilient:a]\norg = A\nloglevel = DEBUG\n", "loglevel is the whole processor's"),
        ("[resilient:a b]\norg = A\n", "a platform's name is made of letters"),
        ("[resilient:a]\norg = A\nstomp_prt = 1\n", "did you mean stomp_port?"),
        ("[resilient:a]\norg = A\n[greeter]\nplatform = nowhere\n", "there are only: a"),
        ("[resilient:a]\norg = A\nport = x\n", "port is x"),
    ] {
        let problems = load(&format!("{SHARED}{text}")).unwrap_err().to_string();
        assert!(problems.contains(expected), "{problems}");
    }
}

#[test]
fn a_component_with_several_sections_is_an_instance_for_each() {
    let text = "[greeter]\nwho = all\nhow = loud\n[greeter:a]\ndestination = a\nhow = soft\n[greeter:b]\ndestination = b\n";
    let config = load(&format!("{SHARED}{text}")).unwrap();
    let loaded = config.components(&[greeter()]);
    let names: Vec<&str> = loaded.iter().map(Component::name).collect();
    assert_eq!(names, ["greeter:a", "greeter:b"]);
    let section = config.section("greeter:a");
    assert_eq!((section.get("who"), section.get("how")), (Some("all"), Some("soft")));
    assert_eq!(config.section("greeter:b").get("how"), Some("loud"));
    let registry = daemon::registry(&config, &[greeter()]).unwrap();
    assert_eq!(registry.destinations().collect::<Vec<_>>(), ["a", "b"]);
    let config = load(&format!("{SHARED}noload = greeter:a\n{text}")).unwrap();
    assert_eq!(config.components(&[greeter()]).len(), 1);
    assert!(config.warnings.is_empty(), "{:?}", config.warnings);
}

#[test]
fn two_instances_of_one_queue_are_refused_and_named() {
    let config = load(&format!("{SHARED}[greeter:a]\nx = 1\n[greeter:b]\nx = 2\n")).unwrap();
    let clash = daemon::registry(&config, &[greeter()]).unwrap_err().to_string();
    assert!(
        clash.contains("greeter:a") && clash.contains("greeter:b") && clash.contains("destination"),
        "{clash}"
    );
}

#[test]
fn an_instance_is_loaded_on_its_platforms_only() {
    let text = "[greeter:a]\nplatform = us\n[greeter:b]\nplatform = europe, us\ndestination = b\n";
    let config = load(&format!("{SHARED}{TWO}{text}")).unwrap();
    let loaded: Vec<usize> = config.platforms().map(|one| one.components(&[greeter()]).len()).collect();
    assert_eq!(loaded, [1, 2]);
    let alone = load(&format!("{SHARED}[greeter]\nplatform = windows\n")).unwrap();
    assert_eq!(
        alone.components(&[greeter()]).len(),
        1,
        "without named platforms the key is the component's own"
    );
}

#[test]
fn changes_are_named_with_their_values_but_never_a_secret() {
    let before =
        load(&format!("{SHARED}[greeter]\nurl = https://me:pass-word@example.com\nhow = loud\n")).unwrap();
    let after = SHARED.replace("s3cret-s3cret", "n3w-n3w-n3w");
    let text = format!("{after}[greeter]\nurl = https://me:other-word@example.com\nhow = soft\n");
    let changes = load(&text).unwrap().changes_from(&before);
    let told: Vec<_> = changes.iter().map(|change| (change.key(), change.before(), change.now())).collect();
    assert_eq!(
        told,
        [
            ("[greeter] how".to_owned(), Some("loud"), Some("soft")),
            ("[greeter] url".to_owned(), Some("***"), Some("***")),
            ("[resilient] api_key_secret".to_owned(), Some("***"), Some("***")),
        ]
    );
}

#[test]
fn only_what_the_link_is_made_of_asks_for_a_new_one() {
    let before = load(SHARED).unwrap();
    for (line, expected) in [
        ("num_workers = 3", false),
        ("loglevel = DEBUG", false),
        ("noload = x", false),
        ("org = Other", true),
        ("stomp_timeout = 7", true),
    ] {
        let now = load(&format!("{SHARED}{line}\n")).unwrap();
        assert_eq!(now.reconnects(&before), expected, "{line}");
    }
}

#[test]
fn one_platforms_change_leaves_the_others_link() {
    let before = load(&format!("{SHARED}{TWO}")).unwrap();
    let now = load(&format!("{SHARED}{TWO}").replace("61614", "61615")).unwrap();
    let renewed: Vec<bool> =
        now.platforms().zip(before.platforms()).map(|(now, before)| now.reconnects(before)).collect();
    assert_eq!(renewed, [false, true]);
}

fn load(file: &str) -> Result<Config, Problems> {
    Config::load(&Sources::new(BTreeMap::new()).with_file("app.config", file), &[greeter()])
}

fn greeter() -> Component {
    async fn greet(_: Message, _: Context) -> Result<Reply, Failure> {
        Ok(Reply::text("hello"))
    }
    Component::new("greeter").on("Greet", handler_fn(greet))
}
