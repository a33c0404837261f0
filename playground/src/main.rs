//! A playground for components: a real broker and a stand-in platform on free ports, both over TLS.
//!
//! `cargo run -p playground -- --help`. A package of its own, so that it takes little compiling.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a playground that cannot go on panics")]

mod command;
mod platform_side;
mod scene;
#[path = "../../tests/support"]
#[allow(dead_code, unused_imports, reason = "the tests use the rest of it")]
mod support {
    pub(crate) mod broker;
    pub(crate) mod certificates;
    pub(crate) mod platform_queue;
    pub(crate) mod signal;
    pub(crate) mod statistics;
    pub(crate) mod stomp_client;
}

use clap::Parser;
use command::Command;
use platform_side::PlatformSide;
use scene::Scene;
use std::{io::BufRead, path::PathBuf, process::ExitCode};
use tokio::{
    signal::unix::{SignalKind, signal},
    sync::mpsc,
};

/// Starts a real ActiveMQ and a stand-in for the platform, and sends what you type to your processor.
///
/// Nothing is installed or configured: both listen on free ports of 127.0.0.1, both speak TLS, and all that they keep is
/// gone when this ends (Ctrl-D, `quit`, Ctrl-C).
#[derive(Debug, Parser)]
#[command(name = "playground", max_term_width = 110, after_help = command::HELP)]
struct Arguments {
    /// The file to write: start the processor with it, APP_CONFIG_FILE=playground.config
    #[arg(long, default_value = "playground.config", value_name = "FILE")]
    write: PathBuf,

    /// Your own app.config, whose sections other than `[resilient]` and `[store]` are taken over
    #[arg(long, default_value = "app.config", value_name = "FILE")]
    config: PathBuf,
}

#[tokio::main]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match Scene::start(&arguments.config, arguments.write).await {
        Ok(scene) => {
            play(&scene).await;
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("playground: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Until standard input ends and everything is answered, or somebody has had enough.
async fn play(scene: &Scene) {
    let mut terminate = signal(SignalKind::terminate()).expect("signals can be listened for");
    tokio::select! {
        () = read_and_send(scene) => {}
        _ = tokio::signal::ctrl_c() => {}
        _ = terminate.recv() => {}
    }
}

async fn read_and_send(scene: &Scene) {
    println!("{}", scene.greeting());
    let (mut side, mut lines) = (PlatformSide::new(scene), lines());
    while let Some(line) = lines.recv().await {
        match line.parse() {
            Ok(Command::Nothing) => {}
            Ok(Command::Help) => println!("{}", command::HELP),
            Ok(Command::Quit) => return,
            Ok(Command::Incident) => println!("{}", scene.incident()),
            Ok(Command::Field(field)) => println!("{}", scene.define(&field)),
            Ok(Command::Terminate(number)) => println!("{}", scene.terminate(number)),
            Ok(Command::Send(call)) => side.send(call).await,
            Err(mistake) => println!("{mistake}"),
        }
    }
    side.until_answered().await;
}

/// The lines of standard input. Reading them cannot be called off, so it has a thread that nobody waits for.
fn lines() -> mpsc::Receiver<String> {
    let (sender, lines) = mpsc::channel(1);
    std::thread::spawn(move || {
        let mut lines = std::io::stdin().lock().lines().map_while(Result::ok);
        while lines.next().is_some_and(|line| sender.blocking_send(line).is_ok()) {}
    });
    lines
}
