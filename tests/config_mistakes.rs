//! What an operator gets wrong in app.config: each mistake is named with file, line and key, and with what to do; no
//! secret is shown.

use crate::config::sources;
use action_processor::{
    component::{Component, Message, Reply, handler_fn},
    config::{Config, Problems, Sources},
};
use std::{collections::BTreeMap, fs, os::unix::fs::PermissionsExt};

const GOOD: &str = "[resilient]\nhost = soar.example.com\napi_key_id = id\napi_key_secret = hushhush\n";

fn mistakes(file: &str) -> String {
    Config::load(&sources(file, &[]), &[jira()]).unwrap_err().to_string()
}

fn warnings(config: &Config) -> Vec<String> {
    config.warnings.iter().map(ToString::to_string).collect()
}

fn jira() -> Component {
    Component::new("jira").on("Jira", handler_fn(async |_: Message, _| Ok(Reply::text("done"))))
}

#[test]
fn a_host_is_a_name_and_nothing_else() {
    for host in [
        "https://soar.example.com",
        "soar.example.com:443",
        "\"soar.example.com\"",
        "soar.example.com/rest",
        "a b",
    ] {
        let mistakes = mistakes(&GOOD.replace("soar.example.com", host));
        assert!(
            mistakes.contains("app.config:2: host is ") && mistakes.contains("such as soar.example.com"),
            "{mistakes}"
        );
    }
    for host in ["soar", "192.0.2.7", "2001:db8::7", "[2001:db8::7]"] {
        let config = Config::load(&sources(&GOOD.replace("soar.example.com", host), &[]), &[]);
        assert_eq!(config.unwrap().platform.host, host);
    }
}

#[test]
fn a_key_that_is_indented_by_mistake_is_not_taken_for_a_part_of_the_one_above() {
    let mistakes = mistakes(&GOOD.replace("api_key_id", "  api_key_id"));
    assert!(mistakes.contains("app.config:2: host goes on in the next line"), "{mistakes}");
    let config = Config::load(&sources(&format!("{GOOD}noload = a,\n  b\n"), &[]), &[]).unwrap();
    assert_eq!(config.work.noload, ["a", "b"]);
}

#[test]
fn quotes_around_a_secret_are_warned_of() {
    let config = Config::load(&sources(&GOOD.replace("hushhush", "'hushhush'"), &[]), &[]).unwrap();
    let warnings = warnings(&config).join("\n");
    assert!(warnings.contains("app.config:4: api_key_secret stands in quotes"), "{warnings}");
    assert!(!warnings.contains("hushhush"), "{warnings}");
}

#[test]
fn what_is_missing_is_missing_in_the_file_and_may_stand_in_a_section_that_is_misspelt() {
    for (header, suspect) in [("[resilien]", "[resilien]"), ("[Resilient]", "[Resilient]")] {
        let mistakes = mistakes(&GOOD.replace("[resilient]", header));
        assert!(mistakes.contains("app.config: host is not set in [resilient]"), "{mistakes}");
        let hint = format!("app.config:3: nothing reads the section {suspect}; did you mean [resilient]?");
        assert!(mistakes.contains(&hint), "{mistakes}");
    }
}

#[test]
fn no_password_in_a_url_is_shown_however_it_is_misspelt() {
    for url in [
        "postgres:/me:hush/hush@db.example/journal",
        "postgers://me:hush/hush@db.example/journal",
        "me:hush@hush@db.example",
        "mysql://db.example/journal?user=me&password=hush/hush",
        "mysql://db.example/journal?user=me&PASSWORD=hush@hush",
        "mysql://me:hush@db.example/journal?pass%77ord=hush@hush&x=y",
    ] {
        let mistakes = mistakes(&format!("{GOOD}proxy_port = x\n[store]\nurl = {url}\n"));
        assert!(mistakes.contains("app.config:7: url is "), "{mistakes}");
        assert!(!mistakes.contains("hush"), "{mistakes}");
    }
    for (url, masked) in [
        ("postgres://me:hush/hush@db/j", "postgres://me:***@db/j"),
        ("postgres://me:hush@hush@db/j", "postgres://me:***@db/j"),
        ("postgres://db/j?PASSWORD=hush", "postgres://db/j?PASSWORD=***"),
        ("postgres://db/j?a=b&Pass%77ord=hush@hush&c=d", "postgres://db/j?a=b&Pass%77ord=***&c=d"),
        ("postgres://me:hu/sh@db/j?sslPassword=hu@sh", "postgres://me:***@db/j?sslPassword=***"),
    ] {
        let config = Config::load(&sources(&format!("{GOOD}[store]\nurl = {url}\n"), &[]), &[]);
        let shown: Vec<String> = config.unwrap().settings().map(|(.., setting)| setting.shown()).collect();
        assert!(shown.contains(&masked.to_owned()), "{url}: {shown:?}");
    }
}

#[test]
fn sections_that_say_nothing_of_their_own_are_there_all_the_same() {
    let config =
        Config::load(&sources(&format!("{GOOD}[jira:one]\n[jira:two]\nplace = 2\n"), &[]), &[jira()])
            .unwrap();
    let names: Vec<String> = config.instances(&[jira()]).iter().map(|one| one.name().to_owned()).collect();
    assert_eq!(names, ["jira:one", "jira:two"]);
    let variables = [("PROCESSOR__RESILIENT_US__ORG", "US")];
    let config =
        Config::load(&sources(&format!("{GOOD}org = EU\n[resilient:us]\n"), &variables), &[]).unwrap();
    let orgs: Vec<Option<&str>> = config.platforms().map(|one| one.platform.org.as_deref()).collect();
    assert_eq!(orgs, [Some("EU"), Some("US")]);
    let mistakes = mistakes(&format!("{GOOD}org = EU\n[resilient:us]\n"));
    assert!(mistakes.contains("one and the same"), "{mistakes}");
}

#[test]
fn a_wrong_component_in_noload_is_named_with_its_place() {
    let config = Config::load(&sources(&format!("{GOOD}noload = jria\n"), &[]), &[jira()]).unwrap();
    let expected = ["app.config:5: noload names jria, which is no component of this program"];
    assert_eq!(warnings(&config), expected);
    let text = format!("{GOOD}noload = jria\norg = EU\n[resilient:us]\norg = US\n");
    let config = Config::load(&sources(&text, &[]), &[jira()]).unwrap();
    assert_eq!(warnings(&config), expected, "once for all platforms");
}

#[test]
fn a_component_that_wants_a_section_says_how_to_get_one() {
    #[derive(serde::Deserialize)]
    struct Settings {
        #[serde(rename = "url")]
        _url: String,
    }
    let component = jira().configured::<Settings>("url =\n");
    let mistakes = |text: &str| {
        Config::load(&sources(text, &[]), std::slice::from_ref(&component)).unwrap_err().to_string()
    };
    assert!(mistakes(GOOD).contains("`processor config -u` adds a section for it"), "{}", mistakes(GOOD));
    let with_section = mistakes(&format!("{GOOD}[jira]\n"));
    assert!(with_section.contains("url") && !with_section.contains("config -u"), "{with_section}");
}

#[test]
fn a_file_with_secrets_that_everybody_may_read_is_warned_of() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("app.config");
    let warnings = |mode: u32, text: &str| {
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        let sources = Sources::new(BTreeMap::from([("SECRET".to_owned(), "hushhush".to_owned())]));
        warnings(&Config::load(&sources.read_file(Some(&path)).unwrap(), &[]).unwrap()).join("\n")
    };
    let warning = warnings(0o644, GOOD);
    assert!(warning.contains("(mode 644)") && warning.contains("[resilient] api_key_secret"), "{warning}");
    assert!(!warning.contains("hushhush"), "{warning}");
    assert_eq!(warnings(0o640, GOOD), "");
    assert_eq!(warnings(0o644, &GOOD.replace("hushhush", "$SECRET")), "");
}

#[test]
fn what_other_users_may_write_is_warned_of() {
    let directory = tempfile::tempdir().unwrap();
    let [path, state, secrets] = ["app.config", "state", "secrets"].map(|name| directory.path().join(name));
    fs::create_dir(&state).unwrap();
    fs::create_dir(&secrets).unwrap();
    let text =
        format!("{GOOD}secrets_dir = {}\n[store]\nstate_dir = {}\n", secrets.display(), state.display());
    fs::write(&path, text).unwrap();
    let chmod = |path: &std::path::Path, mode: u32| {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    };
    let said = |file: &std::path::Path, mode: u32, back: u32| {
        chmod(file, mode);
        let sources = Sources::new(BTreeMap::new()).read_file(Some(&path)).unwrap();
        let said = warnings(&Config::load(&sources, &[]).unwrap()).join("\n");
        chmod(file, back);
        said
    };
    for (mode, who, chmod) in [
        (0o602, "every user of this machine", "chmod o-w"),
        (0o620, "every user of its group", "chmod g-w"),
        (0o660, "every user of its group", "chmod g-w"),
        (0o622, "every user of this machine", "chmod go-w"),
    ] {
        let warning = said(&path, mode, 0o600);
        for words in [who, chmod, "can write this file", &format!("(mode {mode:o})"), "app.config"] {
            assert!(warning.contains(words), "{mode:o}: {words}: {warning}");
        }
    }
    assert!(said(&state, 0o777, 0o700).contains("can write the journal's directory (mode 777)"));
    assert!(said(&state, 0o770, 0o700).contains("can write the journal's directory (mode 770)"));
    assert!(said(&secrets, 0o702, 0o700).contains("can write secrets_dir (mode 702)"));
    assert!(said(directory.path(), 0o707, 0o700).contains("can write this file's directory (mode 707)"));
    for (place, mode, back) in [(&path, 0o640, 0o600), (&state, 0o755, 0o700), (&state, 0o1777, 0o700)] {
        assert_eq!(said(place, mode, back), "", "{mode:o}");
    }
}

#[test]
fn what_is_there_and_is_no_file_is_not_passed_over() {
    let directory = tempfile::tempdir().unwrap();
    fs::create_dir_all(directory.path().join(".resilient/app.config")).unwrap();
    let home = BTreeMap::from([("HOME".to_owned(), directory.path().display().to_string())]);
    let refused: Problems = Sources::new(home).read_file(None).unwrap_err();
    assert!(refused.to_string().contains("app.config: cannot be read: Is a directory"), "{refused}");
}
