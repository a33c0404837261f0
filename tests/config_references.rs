//! What looks like a reference and leads nowhere, what is escaped, and what cannot be a secret: noticed here, not by the
//! server.

use crate::config::{arguments, sources};
use action_processor::config::{Config, Credentials, Sources};

/// `secret_key` in `[resilient]`, with further lines.
fn file(value: &str, rest: &str) -> String {
    format!("[resilient]\nhost = h\napi_key_id = id\napi_key_secret = {value}\n{rest}")
}

fn secret(sources: &Sources) -> String {
    match Config::load(sources, &[]).unwrap().platform.credentials {
        Credentials::ApiKey { secret, .. } => secret.expose().to_owned(),
        Credentials::User { .. } => panic!("an API key is given"),
    }
}

fn problems(file: &str, variables: &[(&str, &str)]) -> String {
    Config::load(&sources(file, variables), &[]).unwrap_err().to_string()
}

fn warnings(file: &str, variables: &[(&str, &str)]) -> String {
    let config = Config::load(&sources(file, variables), &[]).unwrap();
    config.warnings.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

#[test]
fn what_leads_nowhere_is_never_a_password() {
    for value in [
        "^secret.mysql/webapp.password",
        "^Safe1/object-name",
        "^Safe 1/Operating System-root",
        "^not-there",
        "^we!rd*",
        "$SOAR-KEY",
        "$5.00",
        "x${SOAR-KEY}y",
        "x^{Safe/o}",
        "${}",
        "${OPEN",
        "$",
        "^",
        "$USER ${HOME}",
    ] {
        let problems = problems(&file(value, ""), &[]);
        assert!(problems.contains("app.config:4: api_key_secret: "), "{value}: {problems}");
        assert!(problems.contains("written with $$") || problems.contains("written with ^^"), "{problems}");
    }
}

#[test]
fn every_key_that_holds_a_secret_is_strict() {
    for (section, line) in [
        ("resilient", "proxy_host = p\nproxy_port = 1\nproxy_password = ^a/b"),
        ("resilient", "email = e\npassword = $a-b"),
        ("resilient", "stomp_proxy = http://u:${a-b}@p:1"),
        ("store", "url = postgres://u:^{a/b}@h/d"),
        ("integrations", "https_proxy = http://u:^{a/b}@h"),
        ("hello", "token = ^a/b"),
        ("hello", "url = https://u:${a-b}@h/"),
    ] {
        let section = if section == "resilient" { String::new() } else { format!("[{section}]\n") };
        let text = file("secret", &format!("{section}{line}\n"));
        let result = Config::load(&sources(&text, &[]), &[hello::component()]);
        let problems = result.unwrap_err().to_string();
        assert!(problems.contains("leads nowhere") || problems.contains("none of that name"), "{problems}");
    }
    let text = file("secret", "[hello]\npattern = ^[a-z]+$\nprice = $5.00\n");
    assert!(Config::load(&sources(&text, &[]), &[hello::component()]).is_ok());
}

#[test]
fn an_unescaped_password_is_not_shown_by_its_mistake() {
    for value in ["$ecret9", "$Tr0ub4dor", "^hunter2", "$my-pass", "^we!rd*"] {
        let problems = problems(&file(value, ""), &[]);
        assert!(!problems.contains(&value[1..]), "{problems}");
    }
    let shown = problems(&file("^Safe1/object-name", ""), &[]);
    assert!(shown.contains("^Safe1/object-name leads nowhere"), "{shown}");
}

#[test]
fn a_doubled_sign_stands_for_one_and_is_told() {
    for (value, meant) in [
        ("$$ecret9", "$ecret9"),
        ("^^up", "^up"),
        ("$$$$two", "$$two"),
        ("pa$$word", "pa$$word"),
        ("pa^^word$", "pa^^word$"),
        ("a$${NAME}", "a${NAME}"),
        ("$${NAME}", "${NAME}"),
        ("a^^{b}", "a^{b}"),
        ("a$$${NAME}", "a$known"),
    ] {
        let text = file(value, "");
        assert_eq!(secret(&sources(&text, &[("NAME", "known")])), meant, "{value}");
        let told = warnings(&text, &[("NAME", "known")]).contains("stands for a single");
        assert_eq!(told, !value.starts_with("pa"), "{value}");
    }
    let text = file("secret", "[c]\na = $$x\n");
    assert_eq!(Config::load(&sources(&text, &[]), &[]).unwrap().section("c").get("a"), Some("$x"));
}

#[test]
fn an_escaped_password_in_the_file_still_exposes_it() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("app.config");
    let text = file("$$ecret9", "");
    std::fs::write(&path, &text).unwrap();
    let config = Config::load(&sources(&text, &[]).with_file(&path, text), &[]).unwrap();
    let warnings: Vec<String> = config.warnings.iter().map(ToString::to_string).collect();
    assert!(warnings.iter().any(|warning| warning.contains("every user of this machine")), "{warnings:?}");
}

#[test]
fn any_name_reaches_secret_command_as_one_word() {
    for (value, printed) in [
        ("^secret.mysql/webapp.password", "_:secret.mysql/webapp.password"),
        ("^Safe 1/Operating System-root", "_:Safe 1/Operating System-root"),
        ("^../etc/passwd", "_:../etc/passwd"),
        ("^we!rd*", "_:we!rd*"),
        ("a ^{x/y z} b", "a _:x/y z b"),
    ] {
        let text = file(value, "secret_command = printf %s {service}:{name}\n");
        assert_eq!(secret(&sources(&text, &[])), printed, "{value}");
    }
    let text = file("s", "secret_command = printf %s {name}\n[c]\na = ^Safe/x\nb = ^[a-z]+$\n");
    let section = Config::load(&sources(&text, &[]), &[]).unwrap().section("c");
    assert_eq!((section.get("a"), section.get("b")), (Some("Safe/x"), Some("^[a-z]+$")));
}

#[test]
fn the_command_line_takes_any_reference_but_no_escape() {
    let load = |value: &str| {
        let text = file("s", "secret_command = echo {name}\n");
        let arguments = arguments(&["--api_key_secret", value]);
        Config::load(&sources(&text, &[]).with_arguments(arguments), &[])
    };
    assert!(load("^secret.mysql/webapp.password").is_ok());
    for literal in ["$$literal", "literal", "x${NAME}"] {
        let problems = load(literal).unwrap_err().to_string();
        assert!(problems.contains("takes a reference only"), "{problems}");
    }
}

#[test]
fn a_plug_in_of_the_vendors_is_refused_by_name() {
    for (plugin, command) in [
        ("HashiCorpVault", "vault kv get -field="),
        ("resilient_app_config_plugins.HashiCorpVault", "vault kv get -field="),
        ("Cyberark", "Central Credential Provider"),
        ("MyPlugin", "secret_command = COMMAND {name}"),
    ] {
        for text in
            [file("^a/b", &format!("pam_type = {plugin}\n")), file("s", &format!("pam_type = {plugin}\n"))]
        {
            let problems = problems(&text, &[]);
            assert!(problems.contains(plugin) && problems.contains(command), "{problems}");
        }
        let replaced = file("^a/b", &format!("pam_type = {plugin}\nsecret_command = echo {{name}}\n"));
        assert_eq!(secret(&sources(&replaced, &[])), "a/b");
    }
    let by_option = sources(&file("s", ""), &[]).with_arguments(arguments(&["--pam_type", "HashiCorpVault"]));
    assert!(
        Config::load(&by_option, &[])
            .unwrap_err()
            .to_string()
            .contains("--pam_type: pam_type HashiCorpVault")
    );
    assert!(problems(&file("s", ""), &[("PAM_TYPE", "Cyberark")]).contains("environment variable PAM_TYPE"));
    assert!(Config::load(&sources(&file("s", "pam_type = Keyring\n"), &[]), &[]).is_ok());
}

#[test]
fn an_empty_reference_for_a_needed_key_is_a_mistake() {
    for empty in ["", "\n", "\r\n", "  "] {
        let problems = problems(&file("$SECRET", ""), &[("SECRET", empty)]);
        assert!(
            problems.contains("app.config:4: api_key_secret: what $SECRET leads to is empty"),
            "{problems}"
        );
    }
    let text = "[resilient]\nhost = $HOST\napi_key_id = ${ID}\napi_key_secret = s\n[store]\nurl = postgres://u:${PW}@h/d\n";
    let problems = problems(text, &[("HOST", ""), ("ID", ""), ("PW", "")]);
    for key in ["app.config:2: host: ", "app.config:3: api_key_id: ", "app.config:6: url: "] {
        assert!(problems.contains(key), "{key} is not in {problems}");
    }
    // An optional key counts as not given, as one without a value does.
    let optional = file("s", "org = $ORG\nport = $PORT\n");
    let config = Config::load(&sources(&optional, &[("ORG", ""), ("PORT", "")]), &[]).unwrap();
    assert_eq!((config.platform.org, config.platform.port), (None, 443));
    let own = file("s", "[hello]\ntoken = $T\n");
    let config = Config::load(&sources(&own, &[("T", "")]), &[hello::component()]).unwrap();
    assert!(config.warnings.iter().any(|warning| warning.what.contains("token: what $T leads to is empty")));
}

#[test]
fn line_ends_are_taken_off_whatever_the_source() {
    for end in ["\n", "\r\n", "\n\n"] {
        let value = format!("keysecret{end}");
        assert_eq!(secret(&sources(&file("$SECRET", ""), &[("SECRET", &value)])), "keysecret");
        let variable = [("PROCESSOR__RESILIENT__API_KEY_SECRET", value.as_str())];
        assert_eq!(secret(&sources(&file("other", ""), &variable)), "keysecret");
    }
    let text = file("^s", "secret_command = printf keysecret\\r\\n\\n\n");
    assert_eq!(secret(&sources(&text, &[])), "keysecret");
}

#[test]
fn odd_ends_of_a_secret_are_warned_of_unshown() {
    for (value, says) in [
        ("\"keysecret\"", "api_key_secret stands in quotes"),
        (" keysecret", "api_key_secret begins with a blank"),
        ("keysecret\t", "api_key_secret ends with a tab"),
        ("keysecret\u{200b}", "api_key_secret ends with an invisible character (U+200B)"),
        ("\u{feff}keysecret", "api_key_secret begins with a byte order mark"),
        ("keysecret'", "api_key_secret ends with a quote"),
        ("key\u{1}secret", "api_key_secret holds a control character"),
    ] {
        let text = file("$SECRET", "");
        let warnings = warnings(&text, &[("SECRET", value)]);
        assert!(warnings.contains(says) && !warnings.contains("keysecret"), "{value:?}: {warnings}");
        let config = Config::load(&sources(&text, &[("SECRET", value)]), &[]).unwrap();
        assert!(config.platform.doubt.is_some_and(|doubt| doubt.contains(says)), "{value:?}");
    }
    assert_eq!(warnings(&file("$SECRET", ""), &[("SECRET", "a b c")]), "");
}

#[test]
fn false_alone_turns_verification_off() {
    for off in ["0", "no", "off", "N", "f"] {
        for (section, key) in [
            ("resilient", "cafile"),
            ("resilient", "stomp_cafile"),
            ("store", "cafile"),
            ("integrations", "verify"),
        ] {
            let section = if section == "resilient" { String::new() } else { format!("[{section}]\n") };
            let problems = problems(&file("s", &format!("{section}{key} = {off}\n")), &[]);
            assert!(
                problems.contains(&format!("{key} is {off}")) && problems.contains("the word false"),
                "{problems}"
            );
        }
    }
    for off in ["false", "False", "FALSE"] {
        let config = Config::load(&sources(&file("s", &format!("cafile = {off}\n")), &[]), &[]).unwrap();
        assert_eq!(config.platform.trust, action_processor::config::Trust::Anything);
    }
}

#[test]
fn a_scheme_before_a_host_is_named() {
    for (key, value, instead) in [
        ("stomp_host", "ssl://localhost", "leave ssl:// out and write localhost"),
        ("stomp_host", "a.example, tcp://b.example:61614", "leave tcp:// out and write b.example:61614"),
        ("host", "https://soar.example.com/rest", "leave https:// out and write soar.example.com"),
        ("tls_server_name", "ssl://broker", "leave ssl:// out and write broker"),
        ("test_host", "http://127.0.0.1", "leave http:// out and write 127.0.0.1"),
    ] {
        let text = file("s", &format!("{key} = {value}\n"))
            .replace("host = h\n", if key == "host" { "" } else { "host = h\n" });
        let problems = problems(&text, &[]);
        assert!(problems.contains(&format!("{key} is {value}")) && problems.contains(instead), "{problems}");
    }
}
