//! Secrets masked in whatever form a writer gives them, and however a text was cut.

use action_component::{redact::Redactor, secret::Secret};
use base64::{Engine, engine::general_purpose::STANDARD};
use proptest::prelude::*;
use serde_json::{Value, json};
use std::fmt::Write;

const SECRET: &str = "s3/cr<e>t&'é\"x+%";

fn knows(secret: &str) -> Redactor {
    Redactor::new([&Secret::from(secret)])
}

#[test]
fn each_form_that_servers_write_is_masked() {
    let forms = [
        // HTML, by name, in decimal and in hexadecimal
        "s3/cr&lt;e&gt;t&amp;&apos;&eacute;&quot;x+%",
        "s3/cr&lt;e&gt;t&amp;&#39;é&#34;x+%",
        "s3/cr&#60;e&#62;t&#38;&#039;&#233;&#34;x&#43;&#37;",
        "s3/cr&#x3c;e&#X3E;t&#x26;&#x0027;&#xE9;&#x22;x&plus;&percnt;",
        "s3&sol;cr&LT;e&GT;t&AMP;&#x27;&eacute;&QUOT;x+%",
        "s3/cr&lte&gtt&amp'&eacute\"x+%",
        "s3/cr&amp;lt;e&amp;gt;t&amp;amp;&amp;#39;é&amp;quot;x+%",
        // JSON and its relatives
        r#"s3\/cr<e>t&'é\"x+%"#,
        r#"s3/cr\u003ce\u003et\u0026\u0027\u00e9\u0022x\u002b%"#,
        r#"s3\/cr\u003Ce\u003Et\u0026'\u00E9\"x+%"#,
        r#"s3/cr\x3ce\x3et\x26\'\xe9"x+%"#,
        r#"s3/cr<e>t&\'\303\251"x+%"#,
        r#"s3/cr<e>t&'\u{e9}\"x+%"#,
        r#"s3/cr<e>t&'\U000000e9\\\"x+%"#,
        // URLs
        "s3%2Fcr%3Ce%3Et%26%27%C3%A9%22x%2B%25",
        "s3/cr%3ce%3et&'%c3%a9%22x+%25",
        "s3%252Fcr%253Ce%253Et%2526%2527%25C3%25A9%2522x%252B%2525",
        "s3/cr%3Ce%3Et&'%E9%22x+%25",
        "s3/cr%u003Ce%u003Et%26%27%u00E9%22x+%25",
        // a quoted string in a header, in a JSON text
        r#"s3/cr<e>t&'é\\\"x+%"#,
        // wrapped
        "s3/cr<e>\r\n   t&'é\"x+%",
        // in hexadecimal
        "73332f63723c653e742627c3a922782b25",
        "73332F63723C653E742627C3A922782B25",
    ];
    let redactor = knows(SECRET);
    for form in forms {
        let masked = redactor.mask(&format!("about {form}, no more")).into_owned();
        let rest = masked.strip_prefix("about ***").and_then(|rest| rest.strip_suffix(", no more"));
        assert!(rest.is_some_and(|rest| rest.len() < 4), "{form}: {masked}");
    }
}

#[test]
fn base64_is_masked_at_any_position_and_wrapped() {
    let redactor = knows(SECRET);
    for before in ["", "a", "ab", "user:"] {
        let whole = STANDARD.encode(format!("{before}{SECRET}, and something after it"));
        for text in [
            whole.clone(),
            whole.replace('+', "-").replace('/', "_"),
            whole.replace('/', "\\/").replace('+', "%2B"),
            format!("{}\r\n{}", &whole[..14], &whole[14..]),
            format!("{}\\n  {}", &whole[..15], &whole[15..]),
        ] {
            let masked = redactor.mask(&text).into_owned();
            assert!(masked.contains("***") && masked.len() + 16 < text.len(), "{text}: {masked}");
        }
    }
    let json = STANDARD.encode(json!({ "password": SECRET }).to_string());
    assert!(redactor.mask(&json).contains("***"), "{json}");
}

#[test]
fn a_secret_that_is_nearly_all_escapes_is_masked() {
    for secret in [" 0 \n", "\n\n\n\n", "a\\\\b", "&lt;<", "\u{1}\u{2}\u{3}\n"] {
        let redactor = knows(secret);
        let json = Value::from(secret).to_string();
        for form in
            [secret, &json[1..json.len() - 1], &format!("{secret:?}"), &Value::from(&*json).to_string()]
        {
            let masked = redactor.mask(form);
            assert!(masked.contains("***") && !masked.contains(secret), "{form}: {masked}");
        }
    }
}

#[test]
fn bytes_that_are_no_text_are_masked() {
    let redactor = knows("pässwörd-4711");
    for secret in [
        "pässwörd-4711".as_bytes().to_vec(),
        "pässwörd-4711".chars().map(|c| u8::try_from(u32::from(c)).unwrap()).collect(),
        "pässwörd-4711".encode_utf16().flat_map(u16::to_le_bytes).collect(),
        "pässwörd-4711".encode_utf16().flat_map(u16::to_be_bytes).collect(),
    ] {
        let bytes = [b"\xff\xfe(", secret.as_slice(), b")\x00\x80"].concat();
        assert_eq!(*redactor.mask_bytes(&bytes), *b"\xff\xfe(***)\x00\x80");
    }
    assert_eq!(*redactor.mask_bytes(b"\xff\x00plain"), *b"\xff\x00plain");
}

#[test]
fn a_text_of_any_length_is_masked_everywhere() {
    let redactor = knows("s3cr<et-4711");
    for filler in [1_000, 200_000, 262_100, 262_144, 300_000, 700_000] {
        let text = format!("{}s3cr&lt;et-4711{}", "x".repeat(filler), "\\n".repeat(300_000));
        let masked = redactor.mask(&text);
        assert_eq!(masked.find("***"), Some(filler));
        assert!(!masked.contains("4711"));
    }
}

#[test]
fn what_a_cut_leaves_of_a_secret_is_masked() {
    let secret = "Zk4-long<secret>&value-0815-of-43-characters";
    let redactor = knows(secret);
    let html = secret.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    for (whole, quote) in [(secret, "…"), (&html, "..."), (secret, "\""), (secret, "")] {
        for cut in 6..whole.len() {
            let text = format!("403 Forbidden: {}{quote}", &whole[..cut]);
            let masked = redactor.mask_excerpt(&text).into_owned();
            // Of an escape that was cut, nothing but a part is left.
            assert!(cut < 8 || masked.starts_with("403 Forbidden: ***"), "{text}: {masked}");
            assert!(cut < 8 || masked.len() < 15 + 3 + 8 + quote.len(), "{text}: {masked}");
            let text = format!("{quote}{} was refused", &whole[whole.len() - cut..]);
            let masked = redactor.mask_excerpt(&text).into_owned();
            assert!(masked.contains("*** was refused"), "{text}: {masked}");
            assert!(masked.len() < 15 + 8 + quote.len(), "{text}: {masked}");
        }
    }
    let sentence = "the input \"Zk4-long<sec…\" is refused (…&value-0815-of-43-characters)";
    assert_eq!(redactor.mask_excerpt(sentence), "the input \"***…\" is refused (…***)");
    // Whoever does not say that it is an excerpt gets the text as it is.
    assert_eq!(redactor.mask("ends in Zk4-lon"), "ends in Zk4-lon");
    assert_eq!(redactor.mask_excerpt("ends in Zk4-l"), "ends in Zk4-l");
}

#[test]
fn json_is_masked_in_names_texts_and_numbers() {
    let redactor = Redactor::new([&Secret::from("4711471147"), &Secret::from("hidden-word")]);
    let mut value = json!({
        "number": 4_711_471_147_i64, "hidden-word": [{ "text": "a hidden-word" }], "cut": "it is hidden-w…", "n": 1
    });
    redactor.mask_json(&mut value);
    let expected = json!({ "number": "***", "***": [{ "text": "a ***" }], "cut": "it is ***…", "n": 1 });
    assert_eq!(value, expected);
    let order: Vec<&String> = value.as_object().unwrap().keys().collect();
    assert_eq!(order, ["number", "***", "cut", "n"]);
}

#[test]
fn a_secret_is_let_go_when_its_holder_is() {
    let redactor = Redactor::default();
    let (one, other) = (redactor.hold(&"session-token-1".into()), redactor.hold(&"session-token-1".into()));
    drop(one);
    assert_eq!(redactor.mask("session-token-1"), "***");
    drop(other);
    assert_eq!(redactor.mask("session-token-1"), "session-token-1");
}

#[test]
fn what_is_remembered_is_bounded() {
    let redactor = Redactor::default();
    for number in 0..5_000 {
        redactor.remember(&format!("token-of-{number:06}").into());
    }
    assert_eq!(redactor.mask("token-of-000000"), "token-of-000000");
    assert_eq!(redactor.mask("token-of-004999 token-of-001000"), "*** ***");
}

#[test]
fn the_user_of_a_pair_is_no_secret() {
    let redactor = Redactor::new([&Secret::pair("user@example.com", &"s3cret-s3cret".into())]);
    assert_eq!(redactor.mask_excerpt("by user@example.com"), "by user@example.com");
    let basic = STANDARD.encode("user@example.com:s3cret-s3cret");
    assert_eq!(redactor.mask(&format!("Basic {basic}")), "Basic ***");
    assert_eq!(redactor.mask("user@example.com:s3cret-s3cret"), "user@example.com:***");
}

/// How one character of a secret is written.
#[derive(Debug, Clone, Copy)]
enum Writer {
    Html,
    Json,
    Url,
    Repr,
}

fn written(c: char, writer: Writer, style: u8) -> String {
    let code = u32::from(c);
    let units = |upper: bool| {
        c.encode_utf16(&mut [0; 2]).iter().fold(String::new(), |mut text, unit| {
            let _ = if upper { write!(text, "\\u{unit:04X}") } else { write!(text, "\\u{unit:04x}") };
            text
        })
    };
    match (writer, style % 4) {
        (Writer::Html, 0) => format!("&#{code};"),
        (Writer::Html, 1) => format!("&#x{code:x};"),
        (Writer::Html, 2) => format!("&#X{code:06X};"),
        (Writer::Html, _) => match c {
            '<' => "&lt;".to_owned(),
            '>' => "&gt;".to_owned(),
            '"' => "&quot;".to_owned(),
            '\'' => "&#039;".to_owned(),
            '&' => "&amp;".to_owned(),
            c => c.to_string(),
        },
        (Writer::Json, 0) => units(false),
        (Writer::Json, 1) => units(true),
        (Writer::Json, 2) if c == '/' => "\\/".to_owned(),
        (Writer::Json, _) => {
            let json = Value::from(c.to_string()).to_string();
            json[1..json.len() - 1].to_owned()
        }
        (Writer::Url, 0) if c.is_ascii_alphanumeric() || "-._~!$'()*,;:@/=".contains(c) => c.to_string(),
        (Writer::Url, 1) => {
            c.to_string().bytes().fold(String::new(), |text, byte| format!("{text}%{byte:02x}"))
        }
        (Writer::Url, _) => {
            c.to_string().bytes().fold(String::new(), |text, byte| format!("{text}%{byte:02X}"))
        }
        (Writer::Repr, _) if c == '\\' || c == '\'' => format!("\\{c}"),
        (Writer::Repr, 0) if code < 256 && !c.is_ascii() => format!("\\x{code:02x}"),
        (Writer::Repr, 1) if c.is_ascii() => format!("\\x{code:02x}"),
        (Writer::Repr, _) => c.escape_default().to_string(),
    }
}

fn write_all(text: &str, writer: Writer, styles: &[u8]) -> String {
    // A style for each character, or one for all of them, as real writers have it.
    text.chars().enumerate().map(|(at, c)| written(c, writer, styles[at % styles.len()])).collect()
}

fn writer() -> impl Strategy<Value = Writer> {
    prop_oneof![Just(Writer::Html), Just(Writer::Json), Just(Writer::Url), Just(Writer::Repr)]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn no_encoding_shows_a_secret(
        secret in "[a-zA-Z0-9<>&'\"/\\\\%+=;#äé🔑 -]{8,24}",
        writers in prop::collection::vec((writer(), prop::collection::vec(0_u8..4, 1..4)), 0..3),
    ) {
        let redactor = knows(&secret);
        let written = writers.iter().fold(secret.clone(), |text, (writer, styles)| write_all(&text, *writer, styles));
        let text = format!("<p>it is ({written}) here");
        let masked = redactor.mask(&text).into_owned();
        prop_assert!(masked.contains("***"), "{:?} in {text}: {masked}", secret);
        prop_assert!(!masked.contains(&written), "{:?} in {text}: {masked}", secret);
        // Nothing but the rest of what looks like an escape at its end.
        let shown = masked.replacen("<p>it is (", "", 1).replacen(") here", "", 1).replacen("***", "", 1);
        prop_assert!(shown.len() * 2 <= written.len().max(24), "{:?} in {text}: {masked}", secret);
    }

    #[test]
    fn no_cut_shows_a_secret(
        secret in "[a-zA-Z0-9_.-]{12,48}",
        cut in 6_usize..12,
        from_end in any::<bool>(),
    ) {
        let redactor = knows(&secret);
        let text = if from_end {
            format!("{} is refused", &secret[secret.len() - cut..])
        } else {
            format!("refused: {}", &secret[..cut])
        };
        let masked = redactor.mask_excerpt(&text).into_owned();
        // A dot at the end of an excerpt may be its sentence's.
        let part = if from_end { &secret[secret.len() - cut..] } else { &secret[..cut] };
        prop_assume!(part.trim_matches('.').len() >= 6);
        prop_assert!(!masked.contains(part.trim_matches('.')), "{secret:?}: {text}: {masked}");
    }

    #[test]
    fn dots_within_a_secret_hide_no_part_of_it(before in "[a-z]{1,5}", after in "[a-z]{6,9}") {
        let secret = format!("{before}...{after}");
        let cut = &secret[..secret.len() - 1];
        for text in [format!("refused: {cut}"), format!("{} is refused", &secret[1..])] {
            let masked = knows(&secret).mask_excerpt(&text).into_owned();
            prop_assert!(!masked.contains(&after[..5]), "{secret}: {text}: {masked}");
        }
    }

    #[test]
    fn a_text_without_secrets_stays_as_it_is(text in "\\PC{0,200}") {
        prop_assert_eq!(&*knows("s3cret-s3cret").mask_excerpt(&text), text.as_str());
    }
}
