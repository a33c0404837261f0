//! References to secrets: where they lead, where they stand, and that the command line takes nothing else.

use crate::config::{arguments, sources};
use action_processor::config::{Config, Credentials, Sources};
use serde::Deserialize;
use serde_json::Value;
use std::{fs, os::unix::fs::PermissionsExt, path::Path};
use tempfile::TempDir;

#[test]
fn a_value_that_begins_with_a_dollar_is_a_reference_as_a_whole() {
    let sources = component(
        "a = $NAME\nb = x$NAME\nc = $5.00\nd = cost: $NAME\ne = $\n",
        &[("NAME", "value"), ("5", "no")],
    );
    assert_eq!(values(&sources, "abcde"), ["value", "x$NAME", "$5.00", "cost: $NAME", "$"]);
}

#[test]
fn with_braces_references_stand_anywhere() {
    let variables = [("USER", "me"), ("PW", "${USER}"), ("my.name-x", "odd")];
    let sources = component(
        "a = https://${USER}:${PW}@host\nb = ${my.name-x}\nc = ${USER\nd = $USER ${USER}\n",
        &variables,
    );
    assert_eq!(values(&sources, "abcd"), ["https://me:${USER}@host", "odd", "${USER", "$USER me"]);
}

#[test]
fn a_reference_that_leads_nowhere_is_a_mistake_that_says_where_it_was_looked_for() {
    let directory = tempfile::tempdir().unwrap();
    let file = "[resilient]\nhost = $SOAR_HOST\napi_key_id = id\napi_key_secret = ^soar_secret\nproxy_host = p\nproxy_port = ${PORT}\n";
    let mut sources = sources(file, &[("CREDENTIALS_DIRECTORY", path(&directory))]);
    sources.protected_secrets = directory.path().join("protected");
    let problems = Config::load(&sources, &[]).unwrap_err().to_string();
    let (protected, credential) =
        (directory.path().join("protected/SOAR_HOST"), directory.path().join("soar_secret"));
    for part in [
        format!(
            "app.config:2: host: $SOAR_HOST leads nowhere: the environment has no variable SOAR_HOST, and there is no file {}",
            protected.display()
        ),
        format!(
            "app.config:4: api_key_secret: ^soar_secret leads nowhere: there is no file {}",
            credential.display()
        ),
        "app.config:6: proxy_port: ${PORT} leads nowhere".to_owned(),
    ] {
        assert!(problems.contains(&part), "{part:?} is not in {problems}");
    }
    assert_eq!(problems.lines().count(), 4, "{problems}");
}

#[test]
fn a_section_that_no_component_uses_may_have_references_that_lead_nowhere() {
    let sources = component("a = $NOWHERE\n", &[]);
    assert_eq!(values(&sources, "a"), ["$NOWHERE"]);
}

#[test]
fn systemds_credentials_come_before_secrets_dir() {
    let (credentials, directory) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    write(&credentials, "both", "from systemd\n", 0o400);
    write(&directory, "both", "from the directory", 0o600);
    write(&directory, "one", "only there\r\n", 0o600);
    let file = with_secrets_dir(&directory, "a = ^both\nb = ^{one}, ^{both}\n");
    let sources = sources(&file, &[("CREDENTIALS_DIRECTORY", path(&credentials))]);
    assert_eq!(values(&sources, "ab"), ["from systemd", "only there, from systemd"]);
}

#[test]
fn a_secret_that_others_can_read_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    write(&directory, "open", "x", 0o640);
    let file = with_secrets_dir(&directory, "").replace("s3cret-s3cret", "^open");
    let problems = Config::load(&sources(&file, &[]), &[]).unwrap_err().to_string();
    assert!(problems.contains("mode 640") && problems.contains("chmod 600"), "{problems}");
}

#[test]
fn a_command_prints_the_secret_of_a_section() {
    let file = GOOD.replace("s3cret-s3cret", "^mine")
        + "secret_command = echo {service}/{name}\n[c]\na = ^theirs\nb = ^{../etc}\n";
    let sources = sources(&file, &[]);
    let config = Config::load(&sources, &[]).unwrap();
    let Credentials::ApiKey { secret, .. } = config.platform.credentials else {
        panic!("an API key is given")
    };
    assert_eq!(secret.expose(), "_/mine");
    assert_eq!(values(&sources, "ab"), ["c/theirs", "c/../etc"]);
}

#[derive(Deserialize)]
struct Protected {
    key: Value,
    token: String,
    text: Option<String>,
}

/// Made by python's `jwcrypto`, as the app host makes them.
fn protected() -> Vec<Protected> {
    serde_json::from_str(include_str!("fixtures/protected_secrets.json")).unwrap()
}

#[test]
fn protected_secrets_of_the_app_host_come_before_the_environment() {
    for Protected { key, token, text } in protected() {
        let found = with_protected(&key, &token, &[("NAME", "from the environment")]);
        assert_eq!(found, text.unwrap_or_else(|| "from the environment".to_owned()));
    }
}

#[test]
fn a_protected_secret_that_was_changed_is_refused() {
    for Protected { key, token, .. } in protected() {
        let parts: Vec<&str> = token.split('.').collect();
        for part in [0, 2, 3, 4] {
            let mut changed: Vec<String> = parts.iter().map(ToString::to_string).collect();
            let first = if changed[part].starts_with('A') { "B" } else { "A" };
            changed[part].replace_range(..1, first);
            assert_eq!(with_protected(&key, &changed.join("."), &[]), "$NAME");
        }
        assert_eq!(with_protected(&key, parts[0], &[]), "$NAME");
        assert_eq!(with_protected(&Value::Null, &token, &[]), "$NAME");
    }
}

#[test]
fn the_command_line_takes_secrets_as_references_only() {
    let load = |option: &[&str]| {
        Config::load(&sources(GOOD, &[("SECRET", "x-y-z")]).with_arguments(arguments(option)), &[])
    };
    for literal in [
        ["--api_key_secret", "literal"],
        ["--set", "c.password=literal"],
        ["--https_proxy", "http://u:literal@p"],
    ] {
        let problems = load(&literal).unwrap_err().to_string();
        assert!(
            problems.contains("every user of this machine") && !problems.contains("literal"),
            "{problems}"
        );
    }
    assert!(load(&["--api_key_secret", "$SECRET"]).is_ok());
    assert!(load(&["--set", "c.password=${SECRET}"]).is_ok());
    assert!(load(&["--https_proxy", "http://p:1"]).is_ok());
}

#[test]
fn the_log_is_told_every_secret() {
    let file = GOOD.to_owned()
        + "[integrations]\nhttp_proxy = http://u:in-the-url@p\n[c]\na = x ${PIECE} y\nmy_token = literal\nplain = shown\n";
    let config = Config::load(&sources(&file, &[("PIECE", "resolved")]), &[]).unwrap();
    let secrets: Vec<String> = config.secrets().iter().map(|secret| secret.expose().to_owned()).collect();
    for secret in ["s3cret-s3cret", "id:s3cret-s3cret", "in-the-url", "resolved", "literal"] {
        assert!(secrets.iter().any(|known| known == secret), "{secret}");
    }
    assert!(!secrets.iter().any(|known| known == "shown" || known == "id"));
}

#[test]
fn references_are_followed_in_values_that_come_later() {
    let config = Config::load(&sources(GOOD, &[("A", "1")]), &[]).unwrap();
    let resolved = config.references().resolve("${A} and ${B}");
    assert_eq!((resolved.text.as_str(), resolved.missing.len()), ("1 and ${B}", 1));
}

#[test]
fn in_other_peoples_texts_only_what_is_allowed_is_followed() {
    let config =
        Config::load(&sources(GOOD, &[("A", "1"), ("B", "${A}"), ("my.name-x", "odd")]), &[]).unwrap();
    let resolve = |text: &str| {
        let resolved = config.references().resolve_allowed("c", text, &["A", "B", "nowhere-x"]);
        (resolved.text, resolved.pieces.len(), resolved.refused, resolved.missing.len())
    };
    assert_eq!(resolve("$A"), ("1".to_owned(), 1, false, 0));
    assert_eq!(resolve("${A}, ${HOME} and ${B}"), ("1, ${HOME} and ${A}".to_owned(), 2, true, 0));
    assert_eq!(resolve("$HOME"), ("$HOME".to_owned(), 0, true, 0));
    assert_eq!(resolve("$5.00 for ${my.name-x}"), ("$5.00 for ${my.name-x}".to_owned(), 0, false, 0));
    // What is allowed is meant, whatever it is called.
    assert_eq!(resolve("^nowhere-x"), ("^nowhere-x".to_owned(), 0, false, 1));
}

#[test]
fn the_names_of_secrets_that_inputs_may_use_are_no_secrets() {
    let config = Config::load(&component("input_secrets = MISP_KEY, proxy\n", &[]), &[]).unwrap();
    assert_eq!(config.section("c").list("input_secrets").collect::<Vec<_>>(), ["MISP_KEY", "proxy"]);
    assert!(!config.secrets().iter().any(|secret| secret.expose().contains("MISP_KEY")));
}

const GOOD: &str = "[resilient]\nhost = h\napi_key_id = id\napi_key_secret = s3cret-s3cret\n";

fn component(section: &str, variables: &[(&str, &str)]) -> Sources {
    sources(&format!("{GOOD}[c]\n{section}"), variables)
}

fn with_secrets_dir(directory: &TempDir, section: &str) -> String {
    format!("{GOOD}secrets_dir = {}\n[c]\n{section}", path(directory))
}

fn with_protected(key: &Value, token: &str, variables: &[(&str, &str)]) -> String {
    let directory = tempfile::tempdir().unwrap();
    fs::create_dir(directory.path().join(".jwk")).unwrap();
    fs::write(directory.path().join(".jwk/key.jwk"), key.to_string()).unwrap();
    fs::write(directory.path().join("NAME"), format!("{token}\n")).unwrap();
    let mut sources = component("a = $NAME\n", variables);
    sources.protected_secrets = directory.path().to_owned();
    values(&sources, "a").remove(0)
}

/// The values of `[c]`, each key being one letter.
fn values(sources: &Sources, keys: &str) -> Vec<String> {
    let section = Config::load(sources, &[]).unwrap().section("c");
    keys.chars().map(|key| section.get(&key.to_string()).unwrap().to_owned()).collect()
}

fn path(directory: &TempDir) -> &str {
    directory.path().to_str().unwrap()
}

fn write(directory: &TempDir, name: &str, text: &str, mode: u32) {
    let path = Path::new(directory.path()).join(name);
    fs::write(&path, text).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
}
