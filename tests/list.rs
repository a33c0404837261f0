use action_processor::{
    cli::list::{ListArgs, run},
    component::{Component, Context, Failure, Message, Reply, handler_fn},
};
use clap::Parser;
use std::process::{Command, Output};

fn list(flags: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_processor")).arg("list").args(flags).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

#[test]
fn each_component_is_one_line_with_its_version() {
    let output = list(&[]);
    assert!(output.status.success());
    let text = text(&output.stdout);
    let names: Vec<&str> = text.lines().filter_map(|line| line.split_whitespace().next()).collect();
    assert_eq!(names, ["add_task", "hello", "set_last_updated"]);
    assert!(text.lines().all(|line| line.contains("0.1.0") && line == line.trim_end()), "{text}");
}

#[test]
fn verbose_shows_destination_and_actions() {
    let text = text(&list(&["-v"]).stdout);
    let (_, add_task) = text.split_once("add_task").unwrap();
    let (add_task, _) = add_task.split_once("\n\n").unwrap();
    assert!(add_task.contains("destination   add_task"), "{text}");
    assert!(add_task.contains("action        add_task"), "{text}");
}

#[test]
fn help_says_what_the_words_mean() {
    let help = text(&list(&["--help"]).stdout);
    for word in ["destination", "action", "app.config", "noload"] {
        assert!(help.contains(word), "{help}");
    }
}

#[test]
fn verbose_shows_all_that_a_component_answers_and_requires() {
    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        args: ListArgs,
    }

    async fn done(_message: Message, _cx: Context) -> Result<Reply, Failure> {
        Ok(Reply::text("done"))
    }
    let component = Component::new("all")
        .function("look_up", handler_fn(done))
        .inbound("alerts", "create", handler_fn(done))
        .inbound_otherwise("alerts", handler_fn(done))
        .connector("jira", handler_fn(done))
        .connector_otherwise(handler_fn(done))
        .requires_field("score");
    let mut out = Vec::new();
    run(&Line::parse_from(["list", "-v"]).args, &[component], &mut out);
    let text = text(&out);
    for line in [
        "function      look_up",
        "inbound       alerts: create",
        "inbound       alerts: (every other)",
        "connector     jira",
        "connector     (every other)",
        "requires      the incident field \"score\"",
    ] {
        assert!(text.contains(line), "{line:?} is missing in:\n{text}");
    }
    assert!(!text.contains("destination"), "it serves no actions: {text}");
}
