//! `processor config`, and `app.config.example`.

use crate::config::{sources, sources_without_file};
use action_processor::{
    cli::config::{ConfigArgs, ConfigError, run},
    component::{Component, Context, Failure, Reply, handler_fn},
    config::{Config, example, keys},
};
use clap::{Args, FromArgMatches};
use std::{fs, os::unix::fs::PermissionsExt, path::Path};

#[test]
fn the_example_is_what_the_table_of_keys_says() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("app.config.example");
    let expected = example::new_file(&[]);
    if std::env::var_os("UPDATE").is_some() {
        fs::write(&path, &expected).unwrap();
    }
    let found = fs::read_to_string(path).unwrap();
    assert_eq!(found, expected, "run the test with UPDATE=1 to write app.config.example anew");
}

#[test]
fn the_example_has_every_key_at_its_default() {
    let example = example::new_file(&[]);
    let uncommented = example.lines().map(|line| match line.strip_prefix('#') {
        Some(entry) if !entry.starts_with(' ') => entry,
        _ => line,
    });
    let all = uncommented.collect::<Vec<_>>().join("\n") + "\n";
    let read = action_processor::config::ini::parse(&all);
    assert_eq!(read.mistakes, []);
    for key in keys::all() {
        let section = read.sections.iter().find(|section| section.name == key.section).unwrap();
        let entry = section.entries.iter().find(|entry| entry.key == key.name).unwrap();
        assert_eq!(entry.value, key.default.unwrap_or_default(), "{}", key.name);
    }
}

#[test]
fn every_default_is_right_and_every_key_an_option() {
    let lines: Vec<String> = keys::all()
        .filter(|key| key.section == "resilient")
        .filter_map(|key| Some(format!("{} = {}\n", key.name, key.default?)))
        .collect();
    let file = format!("[resilient]\nhost = h\nemail = e\npassword = p\n{}", lines.concat());
    let config = Config::load(&sources(&file, &[]), &[]).unwrap();
    assert!(config.warnings.is_empty());
    let command = ConfigArgs::augment_args(clap::Command::new("processor"));
    for key in keys::all() {
        assert!(
            command.get_arguments().any(|option| option.get_long() == Some(&key.option())),
            "--{}",
            key.option()
        );
    }
}

#[test]
fn create_writes_a_file_for_its_owner_only_and_never_overwrites_one() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("new/app.config");
    let said = config(&["-c", path.to_str().unwrap()], &[]).unwrap();
    assert!(said.contains("wrote"), "{said}");
    let text = fs::read_to_string(&path).unwrap();
    assert_eq!(text.strip_prefix(&example::new_file(&[])), Some(SECTION));
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    fs::write(&path, "mine").unwrap();
    assert!(matches!(config(&["-c", path.to_str().unwrap()], &[]), Err(ConfigError::Exists(_))));
    assert_eq!(fs::read_to_string(&path).unwrap(), "mine");
}

#[test]
fn create_without_a_name_writes_where_app_config_is_looked_for() {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("here.config");
    config(&["-c"], &[("APP_CONFIG_FILE", path.to_str().unwrap())]).unwrap();
    assert!(path.is_file());
}

#[test]
fn update_adds_missing_sections_and_changes_nothing_else() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("app.config");
    for (before, added) in [
        ("[resilient]\nhost=x  \n\n\n; odd", format!("\n{SECTION}")),
        ("[resilient]\r\nhost=x\r\n", SECTION.replace('\n', "\r\n")),
        ("", SECTION.to_owned()),
    ] {
        fs::write(&path, before).unwrap();
        let said = config(&["-u", path.to_str().unwrap()], &[]).unwrap();
        assert!(said.contains("[hello]"), "{said}");
        assert_eq!(fs::read_to_string(&path).unwrap().strip_prefix(before), Some(added.as_str()));
        let again = config(&["-u", path.to_str().unwrap()], &[]).unwrap();
        assert!(again.contains("nothing was added"), "{again}");
    }
}

#[test]
fn update_of_a_file_that_is_not_there_says_so() {
    let error = config(&["-u", "/nowhere/app.config"], &[]).unwrap_err().to_string();
    assert!(error.contains("/nowhere/app.config"), "{error}");
}

/// The section of [`hello`] in a new file.
const SECTION: &str = "\n[hello]\n# The message destination that it serves.\n#destination = greetings\n\n# How to greet.\ngreeting = hi\n";

const FILE: &str = "[resilient]\nhost = soar\napi_key_id = id\napi_key_secret = $S\nhttp = 1\nnum_workers = 3\n\
    [integrations]\nhttps_proxy = http://u:hidden@p:1\n[hello]\ngreeting = ${G}, you\npassword = literal\n";

#[test]
fn show_tells_each_value_and_its_origin_and_masks_secrets() {
    let shown = show(&["--show", "--port", "444"]);
    for line in [
        "host = soar # app.config:2",
        "port = 444 # --port",
        "api_key_secret = *** # app.config:4",
        "stomp_port = 65001 # default",
        "https_proxy = http://u:***@p:1 # app.config:8",
        "greeting = ***, you # app.config:10",
        "password = *** # app.config:11",
    ] {
        let found =
            shown.lines().any(|shown| shown.split_whitespace().collect::<Vec<_>>().join(" ").ends_with(line));
        assert!(found, "{line} is not in\n{shown}");
    }
    for secret in ["top-secret", "hidden", "good day", "literal"] {
        assert!(!shown.contains(secret), "{shown}");
    }
}

#[test]
fn show_speaks_json_too() {
    let shown: serde_json::Value = serde_json::from_str(&show(&["--show", "--json"])).unwrap();
    let expected = serde_json::json!({"value": "***, you", "origin": "app.config:10", "secret": true});
    assert_eq!(shown["hello"]["greeting"], expected);
    assert_eq!(shown["resilient"]["num_workers"]["value"], "3");
    let sections: Vec<&String> = shown.as_object().unwrap().keys().collect();
    assert_eq!(sections, ["resilient", "store", "integrations", "hello"]);
}

#[test]
fn show_shows_a_configuration_with_mistakes_and_then_the_mistakes() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("app.config");
    fs::write(&path, "[resilient]\nport = many\n").unwrap();
    let mut out = Vec::new();
    let error = run(
        &args(&["--show", "--config-file", path.to_str().unwrap()]),
        &[],
        sources_without_file(&[]),
        &mut out,
    );
    assert!(error.unwrap_err().to_string().contains("port is many"));
    assert!(String::from_utf8(out).unwrap().contains("port = many"));
}

/// What `--show` prints of [`FILE`], the file's directory left out.
fn show(arguments: &[&str]) -> String {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("app.config");
    fs::write(&path, FILE).unwrap();
    let mut out = Vec::new();
    let arguments = args(&[arguments, &["--config-file", path.to_str().unwrap()]].concat());
    let sources = sources_without_file(&[("S", "top-secret"), ("G", "good day")]);
    run(&arguments, &[hello()], sources, &mut out).unwrap();
    String::from_utf8(out).unwrap().replace(&format!("{}/", directory.path().display()), "")
}

fn config(arguments: &[&str], variables: &[(&str, &str)]) -> Result<String, ConfigError> {
    let mut out = Vec::new();
    run(&args(arguments), &[hello()], sources_without_file(variables), &mut out)?;
    Ok(String::from_utf8(out).unwrap())
}

fn args(arguments: &[&str]) -> ConfigArgs {
    let command = ConfigArgs::augment_args(clap::Command::new("processor"));
    let matches = command.try_get_matches_from([&["processor"], arguments].concat()).unwrap();
    ConfigArgs::from_arg_matches(&matches).unwrap()
}

fn hello() -> Component {
    async fn greet(_: serde_json::Value, _cx: Context) -> Result<Reply, Failure> {
        Ok(Reply::text("hello"))
    }
    let component = Component::new("hello").destination("greetings").on("greet", handler_fn(greet));
    component.configured::<serde_json::Value>("# How to greet.\ngreeting = hi\n")
}
