//! `processor dead`, as typed, on a journal that a processor has left.

use action_processor::store::{Answer, DeadLetter, Journal, Key, Settings, StoreError, SyncMode, Url, open};
use serde_json::Value;
use std::{
    fs,
    process::{Command, Output},
    time::{Duration, SystemTime},
};
use tempfile::TempDir;

const SECRET: &str = "the-password-of-app.config";

/// A machine with an app.config, and a journal in its state directory.
struct Machine(TempDir);

struct Ran {
    code: i32,
    out: String,
    err: String,
}

impl Machine {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let config = format!(
            "[resilient]\nhost=platform.invalid\nemail=e\npassword={SECRET}\n[store]\nstate_dir=state\n"
        );
        fs::write(directory.path().join("app.config"), config).unwrap();
        Self(directory)
    }

    /// With these set aside, numbered from 1.
    async fn with(letters: impl IntoIterator<Item = DeadLetter>) -> Self {
        let machine = Self::new();
        let store = machine.processor().await;
        for letter in letters {
            store.bury(letter).await.unwrap();
        }
        store.close().await;
        machine
    }

    /// The journal, as a processor has it while it runs.
    async fn processor(&self) -> Journal {
        let url = Url::StateDirectory(self.0.path().join("state"));
        let (keep, lease) = (Duration::from_hours(1), Duration::from_secs(30));
        let settings = Settings { url, sync: SyncMode::Always, keep, lease, tls: None };
        // A process that another test is just starting holds a copy of the file's lock until it has become the binary.
        let opened = async {
            loop {
                match open(&settings).await {
                    Err(StoreError::Unusable(words)) if words.contains("another processor") => {
                        tokio::time::sleep(Duration::from_millis(10)).await;
                    }
                    opened => return opened.unwrap(),
                }
            }
        };
        tokio::time::timeout(Duration::from_secs(30), opened).await.unwrap()
    }

    fn dead(&self, arguments: &str) -> Ran {
        let output = self.run(arguments);
        let code = output.status.code().unwrap();
        let [out, err] = [output.stdout, output.stderr].map(|bytes| String::from_utf8(bytes).unwrap());
        Ran { code, out, err }
    }

    fn run(&self, arguments: &str) -> Output {
        Command::new(env!("CARGO_BIN_EXE_processor"))
            .arg("dead")
            .args(arguments.split_whitespace())
            .env_clear()
            .env("HOME", self.0.path())
            .current_dir(self.0.path())
            .output()
            .unwrap()
    }
}

fn letter() -> DeadLetter {
    let headers = [
        ("message-id", "ID:broker-1-2:3:4:5"),
        ("correlation-id", "invid:390"),
        ("Co3ContextToken", "a-context-token"),
        ("odd", "a\u{1b}[31mred"),
        ("turned", "a\u{202e}exe.pdf\u{2066}\u{61c}"),
    ];
    let body = r#"{"action_id":17,"incident":{"id":2095,"name":"Phish"},"properties":{"token":"t-0815"}}"#;
    DeadLetter {
        number: 0,
        key: Key {
            destination: "/queue/actions.201.my_dest".to_owned(),
            id: "ID:broker-1-2:3:4:5".to_owned(),
        },
        since: SystemTime::UNIX_EPOCH + Duration::from_hours(20_000 * 24 + 12),
        reason: "it was interrupted twice: the process ended while it worked on it".to_owned(),
        headers: headers.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec(),
        body: body.as_bytes().to_vec(),
        answer: None,
    }
}

fn with_body(body: &[u8]) -> DeadLetter {
    DeadLetter { body: body.to_vec(), ..letter() }
}

#[tokio::test]
async fn the_list_says_what_was_set_aside_and_why_within_100_columns() {
    let function = br#"{"function":{"name":"isolate_a_host_with_a_name_that_does_not_end"}}"#;
    let ran = Machine::with([letter(), with_body(function), with_body(b"?")]).await.dead("list");
    assert_eq!(ran.code, 0, "{}", ran.err);
    let lines: Vec<&str> = ran.out.lines().collect();
    assert_eq!(lines.len(), 4, "{}", ran.out);
    assert!(lines.iter().all(|line| line.chars().count() <= 100 && *line == line.trim_end()), "{}", ran.out);
    assert!(lines[0].starts_with("no  since"), "{}", ran.out);
    assert!(lines[1].starts_with(" 1  2024-10-04"), "{}", ran.out);
    assert!(lines[1].contains("actions.201.my_dest  action 17, incident 2095  "), "{}", ran.out);
    assert!(lines[1].contains("it was interrupted tw"), "{}", ran.out);
    assert!(lines[2].contains("isolate_a_host_with_a_name_…  "), "{}", ran.out);
    assert!(lines[3].contains("invid:390  "), "{}", ran.out);
}

#[tokio::test]
async fn the_list_as_json_has_every_text_in_full() {
    let ran = Machine::with([letter()]).await.dead("list --json");
    let list: Value = serde_json::from_str(&ran.out).unwrap();
    let first = &list[0];
    assert_eq!(first["number"], 1);
    assert_eq!(first["since"], "2024-10-04T12:00:00.000Z");
    assert_eq!(first["correlation_id"], "invid:390");
    assert_eq!(first["reason"], letter().reason.as_str());
    assert_eq!(list.as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn an_empty_list_is_no_error() {
    let machine = Machine::with([]).await;
    assert_eq!(machine.dead("list").out, "There are no dead letters.\n");
    assert_eq!(machine.dead("list --json").out, "[]\n");
    for all in ["drop --all", "retry --all"] {
        let ran = machine.dead(all);
        assert_eq!((ran.code, ran.out.as_str()), (0, "There are no dead letters.\n"), "{all}");
    }
}

#[tokio::test]
async fn show_has_headers_reason_and_the_body_indented() {
    let ran = Machine::with([letter()]).await.dead("show 1");
    assert_eq!(ran.code, 0, "{}", ran.err);
    for text in [
        "reason      it was interrupted twice: the process ended while it worked on it\n",
        "  correlation-id: invid:390\n",
        "body, 86 bytes\n  {\n    \"action_id\": 17,\n",
    ] {
        assert!(ran.out.contains(text), "{text}: {}", ran.out);
    }
}

#[tokio::test]
async fn show_masks_tokens_and_secrets_and_sends_no_commands_to_the_terminal() {
    let reason = format!("login with {SECRET} failed\u{202e}\u{9b}");
    let quoting = DeadLetter { reason, ..letter() };
    let answer = Answer { reply_to: "acks".to_owned(), correlation_id: None, body: format!("no: {SECRET}") };
    let machine = Machine::with([quoting, DeadLetter { answer: Some(answer), ..letter() }]).await;
    let all = ["list", "list --json", "show 1", "show 2"].map(|command| machine.dead(command).out).concat();
    for hidden in [SECRET, "a-context-token", "t-0815", "\u{1b}", "\u{202e}", "\u{2066}", "\u{61c}", "\u{9b}"]
    {
        assert!(!all.contains(hidden), "{hidden}: {all}");
    }
    assert!(all.contains("turned: a\\u{202e}exe.pdf\\u{2066}\\u{61c}"), "{all}");
    assert!(all.contains("failed\\u202e\\u009b"), "{all}");
    assert!(all.contains("Co3ContextToken: ***") && all.contains("odd: a\\u{1b}[31mred"), "{all}");
    assert!(all.contains("answer that could not be delivered to acks\n  no: ***"), "{all}");
}

#[tokio::test]
async fn show_writes_a_body_as_it_came_where_that_is_asked_for() {
    let body = b"\xff\x00 not text\n";
    let machine = Machine::with([with_body(body)]).await;
    assert_eq!(machine.run("show 1 --body").stdout, body);
    let ran = machine.dead("show 1");
    assert!(ran.out.contains("`processor dead show 1 --body`"), "{}", ran.out);
}

#[tokio::test]
async fn a_running_processor_takes_up_what_is_to_be_carried_out_again() {
    let machine = Machine::with([letter(), with_body(b"second")]).await;
    let processor = machine.processor().await;
    let ran = machine.dead("retry 2");
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert!(
        ran.out.starts_with("2  actions.201.my_dest  invid:390  to be carried out again\n"),
        "{}",
        ran.out
    );
    assert!(ran.out.contains("if none does, the next one when it starts"), "{}", ran.out);
    assert_eq!(processor.take_retry(None).await.unwrap().unwrap().body, b"second");
    assert!(processor.take_retry(None).await.unwrap().is_none());
}

#[tokio::test]
async fn the_next_processor_takes_up_what_was_asked_for_while_none_ran() {
    let machine = Machine::with([letter(), letter()]).await;
    assert_eq!(machine.dead("retry --all").code, 0);
    let processor = machine.processor().await;
    assert!(processor.take_retry(None).await.unwrap().is_some());
    assert!(processor.take_retry(None).await.unwrap().is_some());
}

#[tokio::test]
async fn drop_says_what_is_gone() {
    let machine = Machine::with([letter(), letter(), letter()]).await;
    let ran = machine.dead("drop 3 1");
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert_eq!(ran.out.lines().count(), 2);
    assert!(
        ran.out.contains("3  actions.201.my_dest  action 17, incident 2095  dropped: it was"),
        "{}",
        ran.out
    );
    let left = machine.dead("list --json").out;
    assert_eq!(serde_json::from_str::<Value>(&left).unwrap()[0]["number"], 2);
}

/// Each of the commands has one of them in memory at a time.
#[tokio::test]
async fn a_long_list_of_large_letters_takes_little_memory() {
    let large = vec![b'x'; 2 << 20];
    let machine = Machine::with((0..40).map(|_| with_body(&large))).await;
    for command in ["list", "list --json", "show 3", "retry --all", "drop 3"] {
        // All of them would not fit.
        let limited = format!(r#"ulimit -d 65536; exec "$@" {command}"#);
        let output = Command::new("sh")
            .args(["-c", &limited, "sh", env!("CARGO_BIN_EXE_processor"), "dead"])
            .env_clear()
            .env("HOME", machine.0.path())
            .current_dir(machine.0.path())
            .output()
            .unwrap();
        assert!(output.status.success(), "{command}: {}", String::from_utf8_lossy(&output.stderr));
    }
    let list = machine.dead("list --json").out;
    assert_eq!(serde_json::from_str::<Value>(&list).unwrap()[0]["body_bytes"], large.len());
}

#[tokio::test]
async fn everything_is_dropped_only_with_a_yes() {
    let machine = Machine::with([letter(), letter()]).await;
    let ran = machine.dead("drop --all");
    assert_eq!((ran.code, ran.out.as_str()), (64, ""));
    assert!(ran.err.contains("2 dead letters") && ran.err.contains("--yes"), "{}", ran.err);
    assert_eq!(machine.dead("drop --all --yes").code, 0);
    assert_eq!(machine.dead("list").out, "There are no dead letters.\n");
}

#[tokio::test]
async fn a_number_that_is_not_in_the_list_fails_and_the_others_are_done() {
    let machine = Machine::with([letter()]).await;
    for command in ["show 7", "retry 7", "drop 7 1"] {
        let ran = machine.dead(command);
        assert_eq!(ran.code, 1, "{command}");
        assert!(ran.err.contains("not in the list: 7; `processor dead list`"), "{}", ran.err);
    }
    assert_eq!(machine.dead("list").out, "There are no dead letters.\n");
}

#[test]
fn without_a_journal_it_says_so() {
    let ran = Machine::new().dead("list");
    assert_eq!(ran.code, 1);
    assert!(ran.err.contains("there is no journal yet"), "{}", ran.err);
}

#[test]
fn a_wrong_app_config_or_command_line_is_64() {
    let machine = Machine::new();
    for command in ["", "retry", "drop", "show", "show one", "drop 1 --all"] {
        assert_eq!(machine.dead(command).code, 64, "{command}");
    }
    for config in
        ["[resilient]\nport=none\n", "[resilient]\nhost=h\nemail=e\npassword=p\n[store]\nurl=oracle:\n"]
    {
        fs::write(machine.0.path().join("app.config"), config).unwrap();
        assert_eq!(machine.dead("list").code, 64, "{config}");
    }
}

#[tokio::test]
async fn a_secret_that_only_the_service_can_look_up_is_not_needed() {
    let machine = Machine::with([letter()]).await;
    let file = machine.0.path().join("app.config");
    let config = fs::read_to_string(&file).unwrap();
    fs::write(&file, config.replace(SECRET, "^password")).unwrap();
    let list = machine.dead("list");
    assert_eq!((list.code, list.out.lines().count()), (0, 2), "{}{}", list.out, list.err);
    let config = config.replace("state_dir=state", "url=postgres://me:${PASSWORD}@db.invalid/journal");
    fs::write(&file, config).unwrap();
    let list = machine.dead("list");
    assert_eq!(list.code, 64, "{}{}", list.out, list.err);
    assert!(list.err.contains("${PASSWORD} leads nowhere"), "{}", list.err);
}

#[test]
fn help_teaches() {
    let machine = Machine::new();
    let help = machine.dead("--help").out;
    for words in ["set aside", "processor dead show 3", "64"] {
        assert!(help.contains(words), "{words}: {help}");
    }
    assert!(machine.dead("retry --help").out.contains("when it starts"));
}
