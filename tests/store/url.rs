//! `[store] url`.

use action_processor::store::{Url, UrlError};

fn url(text: &str) -> Result<Url, UrlError> {
    text.parse()
}

#[test]
fn a_file_is_named_by_its_path() {
    for (text, path) in [
        ("sqlite:/var/lib/x.db", "/var/lib/x.db"),
        ("sqlite:x.db", "x.db"),
        ("sqlite:///var/lib/x.db", "/var/lib/x.db"),
    ] {
        assert_eq!(url(text).unwrap().to_string(), format!("sqlite:{path}"));
    }
}

#[test]
fn a_password_is_never_shown() {
    let url = url("postgres://me:hunter2@db.example.com/journal?sslmode=disable").unwrap();
    assert_eq!(url.to_string(), "postgres://db.example.com:5432/journal");
    assert!(!format!("{url:?}").contains("hunter2"), "{url:?}");
}

#[test]
fn what_cannot_be_read_is_said_without_quoting_it() {
    for text in [
        "",
        "journal.db",
        "mysql://me:hunter2@host/db",
        "sqlite:",
        "sqlite::memory:",
        "postgres://me:hun/ter2@host:port/db?hunter2=x",
        "postgres://me:hunter2@host/db?sslmode=maybe",
        "postgres://db/journal?PASSWORD=hunter2",
    ] {
        let error = url(text).unwrap_err().to_string();
        assert!(error.starts_with("[store] url ") && !error.contains("ter2"), "{error}");
    }
}

#[test]
fn what_may_be_a_part_of_the_password_is_no_host() {
    for text in [
        "postgres://proc:pg@hunter2@localhost:5432/j1",
        "postgresql://proc:pg@hunter2/x@localhost/j1",
        "postgres://proc@home:hunter2@localhost/j1",
        "postgres://proc:pg@localhost/j1?host=hunter2@localhost",
        "postgres://proc:pg@hunter2%40localhost/j1",
        "postgres://proc:pg@hun%20ter2/j1",
        "postgres://proc:pg@ter2?x@localhost/j1",
        "postgres://proc:pg@h,ter2%23/j1",
    ] {
        let error = url(text).unwrap_err().to_string();
        assert!(error.contains("%40") && !error.contains("ter2"), "{text}: {error}");
    }
    for text in
        ["postgres://proc:p%40g@localhost/j", "postgres://p@[::1]:5432/j", "postgres://p@a,b_c.example/j"]
    {
        assert!(url(text).is_ok(), "{text}");
    }
}

#[test]
fn the_way_to_another_machine_is_encrypted_unless_that_is_refused() {
    let wants_tls = |text: &str| match url(text).unwrap() {
        Url::Postgres(url) => url.wants_tls(),
        other => panic!("{other:?}"),
    };
    assert!(wants_tls("postgres://me@db.example.com/journal"));
    assert!(wants_tls("postgres://me@localhost/journal?sslmode=verify-full"));
    assert!(!wants_tls("postgres://me@localhost/journal"));
    assert!(!wants_tls("postgres://me@127.0.0.1:5433/journal"));
    assert!(!wants_tls("postgres://me@%2Frun%2Fpostgresql/journal"));
    assert!(!wants_tls("postgres://me@db.example.com/journal?sslmode=disable"));
}
