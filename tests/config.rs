//! The configuration: layers, mistakes, typed values.

use action_processor::{
    component::{Component, Context, Failure, Reply, handler_fn},
    config::{BrokerMake, BrokerProxy, Config, Credentials, Problems, Sources, Trust},
};
use serde::Deserialize;
use std::{collections::BTreeMap, path::PathBuf, time::Duration};

const GOOD: &str = "[resilient]\nhost = soar.example.com\napi_key_id = id\napi_key_secret = s3cret-s3cret\n";

#[test]
fn what_is_not_given_has_its_default() {
    let config = load(GOOD).unwrap();
    assert_eq!((config.platform.port, config.broker.first.port), (443, 65001));
    assert_eq!(config.broker.first.host, "soar.example.com");
    assert_eq!((config.work.num_workers, config.broker.prefetch), (25, 25));
    assert_eq!(config.broker.connect_timeout, Duration::from_secs(60));
    assert_eq!(config.broker.heartbeat_receive, Duration::from_secs(10));
    assert_eq!(config.broker.proxy, BrokerProxy::Direct);
    assert_eq!(config.broker.max_connection_retries, None);
    assert_eq!((config.platform.trust, config.broker.trust), (Trust::System, Trust::System));
    assert_eq!(config.log.file, None);
    assert!(config.warnings.is_empty(), "{:?}", config.warnings);
}

#[test]
fn a_key_without_a_value_counts_as_not_given() {
    let config = load(&format!("{GOOD}port =\norg =\nstomp_cafile =\n")).unwrap();
    assert_eq!((config.platform.port, config.platform.org), (443, None));
}

#[test]
fn the_environment_beats_the_file_and_the_command_line_beats_both() {
    let file = format!("{GOOD}num_workers = 1\nport = 1\nstomp_port = 1\n");
    let variables = [("PROCESSOR__RESILIENT__PORT", "2"), ("PROCESSOR__RESILIENT__STOMP_PORT", "2")];
    let sources = sources(&file, &variables).with_arguments(arguments(&["--stomp_port", "3"]));
    let config = Config::load(&sources, &[]).unwrap();
    assert_eq!((config.work.num_workers, config.platform.port, config.broker.first.port), (1, 2, 3));
    let origins: BTreeMap<&str, &str> =
        config.settings().map(|(_, key, setting)| (key, setting.origin())).collect();
    assert_eq!(origins["num_workers"], "app.config:5");
    assert_eq!(origins["port"], "environment variable PROCESSOR__RESILIENT__PORT");
    assert_eq!(origins["stomp_port"], "--stomp_port");
    assert_eq!(origins["cache_ttl"], "default");
}

#[test]
fn hyphens_are_as_good_as_underscores_on_the_command_line() {
    let arguments =
        arguments(&["--log-max-bytes", "200000", "--test-actions", "--max_connection_retries", "-1"]);
    let config = Config::load(&sources(GOOD, &[]).with_arguments(arguments), &[]).unwrap();
    assert!(config.development.test_actions);
}

#[test]
fn a_components_section_is_reached_by_environment_and_command_line() {
    let file = format!("{GOOD}[My-Component.x]\nCity Name = Bern\n");
    let variables = [("PROCESSOR__MY_COMPONENT_X__CITY_NAME", "Genf"), ("PROCESSOR__OTHER__KEY", "1")];
    let arguments = arguments(&["--set", "My-Component.x.street=Aare=weg"]);
    let config = Config::load(&sources(&file, &variables).with_arguments(arguments), &[]).unwrap();
    let section = config.section("My-Component.x");
    assert_eq!((section.get("city name"), section.get("street")), (Some("Genf"), Some("Aare=weg")));
    assert_eq!(config.section("other").get("key"), Some("1"));
}

#[test]
fn all_mistakes_are_reported_at_once_each_with_its_place() {
    let file = "[resilient]\nnum_workers = 3000\nnonsense\nstomp_prt = 1\nloglevel = LOUD\nport = x\n[hello]\n[hello]\n";
    let problems =
        problems(sources(file, &[("PROCESSOR__RESILIENT__TEST_PORT", "70000")]), &["--log_format", "xml"]);
    for (place, part) in [
        ("app.config:2", "num_workers is 3000; it must be a whole number between 1 and 2000"),
        ("app.config:3", "neither a [section] nor"),
        ("app.config:4", "did you mean stomp_port?"),
        ("app.config:5", "LOUD is no level"),
        ("app.config:6", "port is x"),
        ("app.config:8", "stands twice"),
        ("environment variable PROCESSOR__RESILIENT__TEST_PORT", "between 1 and 65535"),
        ("--log_format", "one of text, json"),
    ] {
        let found = problems.iter().any(|p| p.place.as_deref() == Some(place) && p.what.contains(part));
        assert!(found, "{place}: {part} is not in {problems}");
    }
    let missing = problems.iter().filter(|p| p.place.as_deref() == Some("app.config"));
    assert_eq!(missing.count(), 2, "host and credentials are missing: {problems}");
    assert_eq!(problems.iter().count(), 10, "{problems}");
}

#[test]
fn an_unknown_key_that_resembles_none_is_a_warning() {
    let config = load(&format!("{GOOD}my_own_note = 1\nno_prompt_password = yes\n")).unwrap();
    assert_eq!(config.warnings.len(), 1);
    assert_eq!(
        config.warnings[0].to_string(),
        "app.config:5: my_own_note is not a key of [resilient] and has no effect"
    );
}

#[test]
fn an_api_key_wins_over_a_user() {
    let config = load(&format!("{GOOD}email = a@example.com\npassword = pass\n")).unwrap();
    assert!(matches!(config.platform.credentials, Credentials::ApiKey { .. }));
    assert!(config.warnings[0].to_string().contains("email is not used"));
}

#[test]
fn half_of_the_credentials_are_a_mistake() {
    for (half, other) in [
        ("api_key_id", "api_key_secret"),
        ("api_key_secret", "api_key_id"),
        ("email", "password"),
        ("password", "email"),
    ] {
        let problems = load(&format!("[resilient]\nhost = h\n{half} = x\n")).unwrap_err();
        assert_eq!(
            problems.to_string().lines().nth(1).unwrap(),
            format!("  app.config:3: {half} is set, but {other} is not")
        );
    }
}

#[test]
fn what_belongs_together_has_to_be_there_together() {
    for (line, expected) in [
        ("proxy_host = p", "proxy_port is not"),
        ("proxy_user = u", "proxy_host is not"),
        ("client_auth_key = k.pem", "client_auth_cert is not"),
    ] {
        let problems = load(&format!("{GOOD}{line}\n")).unwrap_err().to_string();
        assert!(problems.contains(expected), "{problems}");
    }
}

#[test]
fn cafile_is_a_path_or_false() {
    let config = load(&format!("{GOOD}cafile = False\nstomp_cafile = ~/ca.pem\n")).unwrap();
    assert_eq!(config.platform.trust, Trust::Anything);
    assert_eq!(config.broker.trust, Trust::File(PathBuf::from("/home/me/ca.pem")));
    let config = load(&format!("{GOOD}cafile = ca.pem\n")).unwrap();
    assert_eq!(config.broker.trust, Trust::File(PathBuf::from("ca.pem")));
}

#[test]
fn levels_are_given_by_pythons_names_or_ours_and_by_module() {
    let config = load(&format!("{GOOD}loglevel = WARNING, action_processor::stomp=DEBUG\n")).unwrap();
    let levels = &config.log.levels;
    assert!(levels.would_enable("action_processor::stomp::link", &tracing::Level::DEBUG));
    assert!(levels.would_enable("hello", &tracing::Level::WARN));
    assert!(!levels.would_enable("hello", &tracing::Level::INFO));
}

#[test]
fn app_log_dir_is_the_default_of_logdir() {
    let variables = [("APP_LOG_DIR", "/var/log/rescircuits")];
    let logdir = |file: &str| {
        let config = Config::load(&sources(file, &variables), &[]).unwrap();
        let (_, _, setting) = config.settings().find(|(_, key, _)| *key == "logdir").unwrap();
        (config.log.file.clone().unwrap().directory, setting.origin().to_owned())
    };
    let of_variable = (PathBuf::from("/var/log/rescircuits"), "environment variable APP_LOG_DIR".to_owned());
    assert_eq!(logdir(GOOD), of_variable);
    assert_eq!(logdir(&format!("{GOOD}logdir =\n")), of_variable);
    assert_eq!(
        logdir(&format!("{GOOD}logdir = /srv/logs\n")),
        (PathBuf::from("/srv/logs"), "app.config:5".to_owned())
    );
}

#[test]
fn the_vendors_environment_variables_count() {
    let sources = sources(GOOD, &[("LOGLEVEL", "DEBUG"), ("RESOURCE_PREFIX", "api/respond/")]);
    let config = Config::load(&sources, &[]).unwrap();
    assert!(config.log.levels.would_enable("x", &tracing::Level::DEBUG));
    assert_eq!(config.platform.resource_prefix, "/api/respond");
}

#[test]
fn debug_shows_no_secret() {
    let file = format!(
        "{GOOD}proxy_host=p\nproxy_port=1\nproxy_password=pr0xy\n[integrations]\nhttps_proxy=http://u:hidden@p:1\n"
    );
    let shown = format!("{:?} {:#?}", load(&file).unwrap(), sources(&file, &[("TOKEN", "s3cret-s3cret")]));
    for secret in ["s3cret", "pr0xy", "hidden"] {
        assert!(!shown.contains(secret), "{shown}");
    }
}

#[test]
fn a_mistake_shows_no_secret() {
    let file = format!("{GOOD}[integrations]\nhttp_proxy = ftp://u:hidden@p\n");
    let problems = load(&file).unwrap_err().to_string();
    assert!(problems.contains("http_proxy") && !problems.contains("hidden"), "{problems}");
}

#[test]
fn a_secret_in_the_wrong_place_is_not_shown_by_the_mistake() {
    let file = format!("{GOOD}port = ${{SECRET}}\ntest_port = $SECRET\n");
    let problems = Config::load(&sources(&file, &[("SECRET", "s3cret")]), &[]).unwrap_err().to_string();
    assert!(problems.contains("port is ${SECRET}; it must be") && !problems.contains("s3cret"), "{problems}");
}

#[test]
fn a_components_section_is_checked_with_the_rest() {
    let problems =
        Config::load(&sources("[resilient]\n[greeter]\ntimes = many\n", &[]), &[greeter()]).unwrap_err();
    assert!(problems.to_string().contains("[greeter]"), "{problems}");
    assert!(problems.to_string().contains("host is not set"), "{problems}");
}

#[test]
fn a_component_that_is_left_out_is_not_checked() {
    let file = format!("{GOOD}noload = greeter, gone\n[greeter]\ntimes = many\npassword = $NOWHERE\n");
    let config = Config::load(&sources(&file, &[]), &[greeter()]).unwrap();
    assert_eq!(config.work.noload, ["greeter", "gone"]);
    assert!(config.warnings[0].to_string().contains("noload names gone"));
}

#[test]
fn a_file_is_looked_for_where_it_is_named_first() {
    use action_processor::config::Location;
    let home = tempfile::tempdir().unwrap();
    let variables = [("HOME", home.path().to_str().unwrap()), ("APP_CONFIG_FILE", "/etc/one")];
    let sources = sources_without_file(&variables);
    assert_eq!(sources.locate(Some("/etc/two".as_ref())), Location::Named("/etc/two".into()));
    assert_eq!(sources.locate(None), Location::Named("/etc/one".into()));
    let sources = sources_without_file(&variables[..1]);
    let path = home.path().join(".resilient/app.config");
    assert_eq!(sources.locate(None), Location::Nowhere(path.clone()));
    std::fs::create_dir(path.parent().unwrap()).unwrap();
    std::fs::write(&path, GOOD).unwrap();
    assert_eq!(sources.locate(None), Location::Found(path.clone()));
    let config = Config::load(&sources.read_file(None).unwrap(), &[]).unwrap();
    assert_eq!(config.platform.host, "soar.example.com");
}

#[test]
fn a_file_that_is_named_has_to_be_there_and_in_utf8() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("app.config");
    let read = || sources_without_file(&[]).read_file(Some(&path)).unwrap_err().to_string();
    assert!(read().contains("processor config -c"), "{}", read());
    std::fs::write(&path, b"[resilient]\nhost = \xff\n").unwrap();
    assert!(read().contains("app.config:2: is not UTF-8"), "{}", read());
}

#[derive(Deserialize)]
struct Greeting {
    #[serde(rename = "times")]
    _times: u32,
}

fn greeter() -> Component {
    async fn greet(_: serde_json::Value, _cx: Context) -> Result<Reply, Failure> {
        Ok(Reply::text("hello"))
    }
    Component::new("greeter").on("greet", handler_fn(greet)).configured::<Greeting>("times = 1")
}

fn load(file: &str) -> Result<Config, Problems> {
    Config::load(&sources(file, &[]), &[])
}

fn problems(sources: Sources, arguments_: &[&str]) -> Problems {
    Config::load(&sources.with_arguments(arguments(arguments_)), &[]).unwrap_err()
}

pub(crate) fn sources_without_file(variables: &[(&str, &str)]) -> Sources {
    Sources::new(variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect())
}

pub(crate) fn sources(file: &str, variables: &[(&str, &str)]) -> Sources {
    let mut sources = sources_without_file(variables);
    sources.environment.entry("HOME".to_owned()).or_insert_with(|| "/home/me".to_owned());
    sources.protected_secrets = "/nowhere".into();
    sources.with_file("app.config", file)
}

pub(crate) fn arguments(arguments: &[&str]) -> Vec<action_processor::config::Argument> {
    use clap::{Args, FromArgMatches};
    let command = action_processor::config::Overrides::augment_args(clap::Command::new("processor"));
    let matches = command.try_get_matches_from([&["processor"], arguments].concat()).unwrap();
    action_processor::config::Overrides::from_arg_matches(&matches).unwrap().arguments
}

#[test]
fn without_any_file_it_says_where_one_was_looked_for() {
    let problems = Config::load(&Sources::new(BTreeMap::new()), &[]).unwrap_err().to_string();
    assert!(problems.contains("there is no app.config") && problems.contains("config -c"), "{problems}");
}

#[test]
fn a_misspelt_section_is_a_warning() {
    let text =
        "[resilient]\nhost=h\napi_key_id=k\napi_key_secret=s\n[helo]\ndestination=x\n[fn_other]\nkey=x\n";
    let sources = Sources::new(BTreeMap::new()).with_file("app.config", text);
    let config = Config::load(&sources, &[hello::component()]).unwrap();
    let warnings: Vec<String> = config.warnings.iter().map(ToString::to_string).collect();
    assert_eq!(warnings, ["app.config:6: nothing reads the section [helo]; did you mean [hello]?"]);
}

#[test]
fn a_broker_proxy_that_the_dialer_does_not_speak_is_a_mistake() {
    let problems = load(&format!("{GOOD}stomp_proxy = https://proxy:3128\n")).unwrap_err().to_string();
    assert!(problems.contains("app.config:5: stomp_proxy"), "{problems}");
}

#[test]
fn the_journal_is_in_the_state_directory_of_whoever_starts_the_daemon() {
    let state = |variables: &[(&str, &str)], section: &str| {
        let config = Config::load(&sources(&format!("{GOOD}[store]\n{section}"), variables), &[]).unwrap();
        assert_eq!(config.store.url, None);
        config.store.state_dir
    };
    let home = ("HOME", "/home/me");
    assert_eq!(state(&[home], ""), PathBuf::from("/home/me/.local/state/processor"));
    let xdg = [home, ("XDG_STATE_HOME", "/xdg")];
    assert_eq!(state(&xdg, ""), PathBuf::from("/xdg/processor"));
    let systemd = [home, xdg[1], ("STATE_DIRECTORY", "/var/lib/processor:/var/lib/other")];
    assert_eq!(state(&systemd, ""), PathBuf::from("/var/lib/processor"));
    assert_eq!(state(&systemd, "state_dir = ~/mine"), PathBuf::from("/home/me/mine"));
}

#[test]
fn the_journals_password_may_be_kept_elsewhere_and_is_never_shown() {
    let file =
        format!("{GOOD}[store]\nurl = postgres://me:${{PASSWORD}}@db/journal\nsync = always\nlease = 30\n");
    let sources =
        sources(&file, &[("PASSWORD", "hunter2")]).with_arguments(arguments(&["--store_keep", "60"]));
    let config = Config::load(&sources, &[]).unwrap();
    assert_eq!(config.store.url.as_ref().unwrap().expose(), "postgres://me:hunter2@db/journal");
    assert_eq!((config.store.sync_always, config.store.lease.as_secs()), (true, 30));
    assert_eq!(config.store.keep, Duration::from_secs(60));
    assert!(config.secrets().iter().any(|secret| secret.expose() == "hunter2"));
    assert!(!format!("{config:?}").contains("hunter2"));
    let shown =
        config.settings().find(|(section, key, _)| (*section, *key) == ("store", "url")).unwrap().2.shown();
    assert_eq!(shown, "postgres://me:***@db/journal");
}

#[test]
fn a_journal_is_in_sqlite_or_postgresql() {
    let problems =
        load(&format!("{GOOD}[store]\nurl = mysql://me:hunter2@db/journal\n")).unwrap_err().to_string();
    assert!(problems.contains("sqlite:, postgres://") && !problems.contains("hunter2"), "{problems}");
}

#[test]
fn several_brokers_are_read_each_with_its_own_port_or_the_common_one() {
    let file = format!("{GOOD}stomp_port = 61614\nstomp_host = a.example, b.example:61615 , [::1]:7, ::1\n");
    let broker = load(&file).unwrap().broker;
    assert_eq!((broker.first.host.as_str(), broker.others.len()), ("a.example", 3));
    assert_eq!(broker.addresses(), "a.example:61614, b.example:61615, [::1]:7, [::1]:61614");
}

#[test]
fn what_is_no_list_of_brokers_is_a_mistake() {
    for odd in ["ssl://a.example", "a.example:", "a.example:0", "a.example:65536", "a b", ":61614", ","] {
        let problems = load(&format!("{GOOD}stomp_host = {odd}\n")).unwrap_err().to_string();
        assert!(problems.contains("app.config:5: stomp_host"), "{odd}: {problems}");
    }
}

#[test]
fn the_make_of_broker_is_found_out_unless_it_is_set() {
    assert_eq!(load(GOOD).unwrap().broker.make, None);
    let file = format!("{GOOD}stomp_broker = RabbitMQ\nstomp_virtual_host = soar\n");
    let broker = load(&file).unwrap().broker;
    assert_eq!((broker.make, broker.virtual_host.as_deref()), (Some(BrokerMake::RabbitMq), Some("soar")));
    let problems = load(&format!("{GOOD}stomp_broker = kafka\n")).unwrap_err().to_string();
    assert!(problems.contains("must be one of auto, activemq, artemis, rabbitmq"), "{problems}");
}
