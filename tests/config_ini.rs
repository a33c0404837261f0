//! app.config is read as Python's `ConfigParser(interpolation=None)` reads it; `python3` itself is asked.

use action_processor::config::ini;
use proptest::{
    prelude::*,
    strategy::ValueTree,
    test_runner::{Config, RngAlgorithm, TestRng, TestRunner},
};
use serde_json::{Map, Value, json};
use std::{
    io::Write,
    process::{Command, Stdio},
};

/// Reads a list of files as JSON from standard input; prints for each its sections, or `null` where it is refused.
const ORACLE: &str = r#"
import configparser, io, json, sys
def read(text):
    parser = configparser.ConfigParser(interpolation=None)
    try:
        parser.read_file(io.StringIO(text[1:] if text.startswith("\ufeff") else text, newline=None))
    except configparser.Error:
        return None
    return {name: {key: parser.get(name, key) for key in parser.options(name)} for name in parser.sections()}
print(json.dumps([read(text) for text in json.load(sys.stdin)]))
"#;

/// Values that a reader is tempted to change, each as `k` of a section.
const VALUES: &[&str] = &[
    "abc#def",
    "abc #def",
    "abc;def",
    "abc ;def",
    "#abc",
    ";abc",
    "abc // def",
    r"C:\new\table\x41",
    r"a\nb\tc\u0041",
    r"abc\",
    "\"quoted\"",
    "\" a b \"",
    "\"abc",
    "abc\"",
    "'it''s'",
    "a\"b\"c",
    "a=b==",
    "a=b:c",
    ": a=b",
    "http://h:80/x?y=1&z=%20#top",
    "%",
    "%%",
    "%(host)s",
    "100%",
    "${x}",
    "$x",
    "^x",
    "$5.00",
    "[abc]",
    "  spaces around  ",
    "\ttabs\t",
    "",
    " ",
    "=",
    "==",
    ":=",
    "{\"a\": [1, 2]}",
    "a,b , c",
    "true",
    "007",
    "1_000",
    "pässwörd",
    "пароль",
    "密码🔑",
    "\u{a0}nbsp\u{a0}",
    "a\u{a0}b",
    "x\u{1f}",
    "\u{1c}x",
    "x\u{b}y",
    "x\u{c}",
    "x\u{85}",
    "x\u{2028}y",
    "a\u{feff}b",
    "value\0nul",
    "a  b",
    "!@&*()<>?|~`",
];

/// Whole files whose structure is tricky.
const FILES: &[&str] = &[
    "[s]\nk=abc\\\nj=1\n",
    "[s]\nk=a\n  b\n  c\n",
    "[s]\nk=a\n\n  b\n",
    "[s]\nk=a\n\n\n  b\n\n\nj=1\n",
    "[s]\nk=a\n  # not a value\n  b\n",
    "[s]\nk=a\n# comment\n  b\n",
    "[s]\nk=\n  x=1\n  y: 2\n",
    "[s]\nk=a\n  [t]\nj=1\n",
    "[s]\nk={\"a\":\n  1}\n",
    "  [s]\n  k=1\n  j=2\n",
    "[s]\nk=1\n  j=2\n",
    "[s]\n    k=1\n  j=2\n   l=3\n",
    "[s]\n\tk=1\n\t\tj=2\n",
    "\u{feff}[s]\nk=1\n",
    "[s]\nMyKey=1\nmykey2 : 2\n",
    "[My Sect]\nk=1\n[my sect]\nk=2\n",
    "[s]\nk=1\nK=2\n",
    "[s]\nk=1\n[t]\n[s]\nj=2\n",
    "[s]\nk\nj=1\n",
    "k=1\n[s]\nj=2\n",
    "[DEFAULT]\na=1\nb=2\n[s]\nb=3\nc=4\n[t]\n",
    "[s]\nb=3\n[DEFAULT]\na=1\n[DEFAULT]\nb=2\n",
    "[DEFAULT]\na=1\na=2\n",
    "[s] ; note\nk=1\n",
    "[a]b]\nk=1\n",
    "[a.b]\nx.y=1\n[x[0]]\nk=2\n",
    "[]\nk=1\n",
    "[]]\nk=1\n",
    "[s\nk=1\n",
    "[ s ]\nk=1\n",
    "[s]\r\nk=a\r\n  b\r\nj=1\r\n",
    "[s]\rk=1\rj=2",
    "[s]\nk=a\r\r\n  b",
    "[s]\n=1\n",
    "[s]\n:1\nk=2\n",
    "[s]\nhost:port=v\nkey with spaces = v\na[0]=x\n",
    "[s]\nk = 1",
    "",
    "\n\n# nothing\n; at all\n",
    "[s]\n  # indented comment\n  ; another\nk=1\n",
    "[s]\nk=1\n;j=2\n#l=3\n",
    "[s]\nk=a\n \n b\n",
    "[s]\nk=a\n   b\n  c\n d\ne=1\n",
    "[s]\nK\u{c4}=1\n\u{130}=2\n",
    "[s]\nk=a\n\u{a0}b\n",
    "[s]\nk=a\u{2028}j=1\n",
    "[s]\n[t]\nk=1\n  [s]\n",
    "[s]\nk=1\n\u{1f}j=2\n",
    "[s]\nk=1\n\n\n",
    "rem [s]\n",
];

#[test]
fn tricky_files_and_values_read_as_python_reads_them() {
    let values = VALUES.iter().map(|value| format!("[s]\nbefore = 1\nk = {value}\nafter = 2\n"));
    let tight = VALUES.iter().map(|value| format!("[s]\nk={value}\n"));
    let files: Vec<String> = FILES.iter().map(ToString::to_string).chain(values).chain(tight).collect();
    assert!(files.len() >= 40);
    compare(&files);
}

#[test]
fn random_files_read_as_python_reads_them() {
    let line = prop_oneof![
        6 => "( |\t){0,2}[a-hA-H]{1,3} ?[=:] ?[ \"'#;%$\\\\a-c=:\\[\\]\u{1f}\u{2028}\u{a0}]{0,8}",
        3 => "( |\t|\u{a0}){1,3}[ \"'#;%$\\\\a-c=:\\[\\]]{0,6}",
        1 => "\\[[a-hDEFAULT\\]]{1,7}\\] ?;?",
        1 => "[#;]?[a-c=:\\[]{0,3}",
    ];
    let end = prop_oneof![8 => Just("\n"), 1 => Just("\r\n"), 1 => Just("\r")];
    let file = prop::collection::vec((line, end), 0..12)
        .prop_map(|lines| lines.iter().map(|(line, end)| format!("{line}{end}")).collect::<String>());
    let some = prop_oneof![file.clone().prop_map(|text| format!("[s]\n{text}")), file];
    let mut runner =
        TestRunner::new_with_rng(Config::default(), TestRng::from_seed(RngAlgorithm::ChaCha, &[7; 32]));
    let files: Vec<String> = (0..600).map(|_| some.new_tree(&mut runner).unwrap().current()).collect();
    let accepted = compare(&files);
    assert!((200..500).contains(&accepted), "{accepted} of 600 files are accepted: too one-sided a test");
}

#[test]
fn each_mistake_is_reported_with_its_line() {
    let read = ini::parse("a=1\n[s]\nk=1\nnonsense\nk=2\n[s]\n=3\n");
    let lines: Vec<usize> = read.mistakes.iter().map(|mistake| mistake.line).collect();
    assert_eq!(lines, [1, 4, 5, 6, 7]);
}

#[test]
fn each_value_knows_its_line() {
    let read = ini::parse("# head\n[s]\n\nk=1\n  more\nj=2\n");
    let lines: Vec<usize> =
        read.sections.iter().flat_map(|section| &section.entries).map(|entry| entry.line).collect();
    assert_eq!(lines, [4, 6]);
}

/// How many of `files` are accepted, by Python and by us.
fn compare(files: &[String]) -> usize {
    let expected = python(files);
    assert_eq!(expected.len(), files.len());
    for (file, expected) in files.iter().zip(&expected) {
        assert_eq!(&ours(file), expected, "{file:?}");
    }
    expected.iter().filter(|sections| !sections.is_null()).count()
}

fn ours(file: &str) -> Value {
    let read = ini::parse(file);
    if !read.mistakes.is_empty() {
        return Value::Null;
    }
    let sections = read.sections.into_iter().map(|section| {
        let entries = section.entries.into_iter().map(|entry| (entry.key, json!(entry.value)));
        (section.name, Value::Object(entries.collect()))
    });
    Value::Object(sections.collect::<Map<_, _>>())
}

fn python(files: &[String]) -> Vec<Value> {
    let mut python = Command::new("python3")
        .args(["-I", "-c", ORACLE])
        .env("PYTHONIOENCODING", "utf-8")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("this test asks Python's own parser: install python3");
    let input = serde_json::to_vec(files).unwrap();
    python.stdin.take().unwrap().write_all(&input).unwrap();
    let output = python.wait_with_output().unwrap();
    assert!(output.status.success(), "python3 failed");
    serde_json::from_slice(&output.stdout).unwrap()
}
