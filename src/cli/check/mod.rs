//! `processor check`: what is wrong, before anybody has to find out from a log.
//!
//! - `prepare`: all that can be wrong without a connection; `summary`: what is configured
//! - `platform` and `broker` walk the layers of the two links; `way` is what both have in common
//! - `definitions`: what the components need to find on the platform
//! - `report`: a line for each step; `exit`: the exit codes

mod broker;
mod definitions;
mod exit;
mod places;
mod platform;
mod prepare;
mod report;
mod summary;
mod way;

use super::{failed, mistakes, runtime};
use crate::{
    component::Component,
    config::{Config, Overrides, Problems},
    daemon::{serving::Loaded, settings},
    logging::{Redactor, complain},
};
use prepare::Prepared;
use report::{Format, Report};
use std::{io::Write, process::ExitCode};

/// Flags of `processor check`.
#[derive(Debug, clap::Args)]
#[command(after_help = exit::help())]
pub struct CheckArgs {
    /// Try the connections too: name look-up, TCP, TLS, login and organization of the platform; name look-up, TCP, proxy,
    /// TLS, login and each queue of the broker. Each step may take `selftest_timeout`.
    #[arg(long)]
    connect: bool,
    /// Print one JSON object in place of lines.
    #[arg(long)]
    json: bool,
    /// Only these components, as the vendor's `selftest -l` names packages.
    #[arg(short = 'l', long, value_name = "COMPONENT", num_args = 1..)]
    list: Vec<String>,
    /// Print the version first, for scripts of the vendor's `selftest`.
    #[arg(long, hide = true)]
    print_env: bool,
    #[command(flatten)]
    overrides: Overrides,
}

/// Checks the configuration and, if asked, the connections.
pub fn run(args: &CheckArgs, components: &[Component], out: &mut dyn Write) -> ExitCode {
    if args.print_env {
        let _gone = writeln!(out, "processor {}, {}", env!("CARGO_PKG_VERSION"), std::env::consts::ARCH);
    }
    let chosen: Vec<Component> = components
        .iter()
        .filter(|one| args.list.is_empty() || args.list.iter().any(|name| name == one.name()))
        .cloned()
        .collect();
    let unknown: Vec<&str> = args
        .list
        .iter()
        .map(String::as_str)
        .filter(|name| !components.iter().any(|one| one.name() == *name))
        .collect();
    for name in &unknown {
        complain(&format!(
            "WARN: {name} is no component of this program, so there is nothing to check of it"
        ));
    }
    let code = checked(args, &chosen, out);
    // As the vendor's self-test ends where a package has none.
    if code == ExitCode::SUCCESS && !unknown.is_empty() { ExitCode::from(exit::NOT_FOUND) } else { code }
}

fn checked(args: &CheckArgs, components: &[Component], out: &mut dyn Write) -> ExitCode {
    let format = if args.json { Format::Json } else { Format::Text };
    let sources = match args.overrides.sources() {
        Ok(sources) => sources,
        Err(problems) => return refuse(&problems, exit::USAGE, format, out),
    };
    let config = match Config::load(&sources, components) {
        Ok(config) => config,
        Err(problems) if problems.are_awaited() => return refuse(&problems, exit::FAILED, format, out),
        Err(problems) => return refuse(&problems, exit::USAGE, format, out),
    };
    let prepared = match prepare::all(&config, components) {
        Ok(prepared) => prepared,
        Err((problems, code)) => return refuse(&problems, code, format, out),
    };
    let mut report = Report::new(format, Redactor::new(&config.secrets()), out);
    let file = sources.file.as_ref().map(|file| file.path.as_path());
    summary::tell(&config, components, file, &mut report);
    match settings::store(&config) {
        Ok(store) => places::walk(&config, &store, &mut report),
        Err(error) => return failed(&error),
    }
    if args.connect {
        match runtime() {
            Ok(runtime) => {
                runtime.block_on(async {
                    for (platform, prepared) in config.platforms().zip(prepared) {
                        report.on(&config, platform);
                        connect(platform, components, prepared, &mut report).await;
                    }
                });
                // A name look-up that hangs occupies a thread; nobody waits for it.
                runtime.shutdown_background();
            }
            Err(error) => return failed(&error),
        }
    }
    ExitCode::from(report.finish())
}

/// Tells the mistakes: on standard error for people, in the report for machines.
fn refuse(problems: &Problems, code: u8, format: Format, out: &mut dyn Write) -> ExitCode {
    if format == Format::Text {
        let _usage = mistakes(problems);
        return ExitCode::from(code);
    }
    let mut report = Report::new(format, Redactor::default(), out);
    report.part("configuration", "");
    for problem in problems.iter() {
        let _told = report.failed("mistake", code, &problem.to_string());
    }
    ExitCode::from(report.finish())
}

/// Walks both links. The broker's layers below the login are looked at even if the platform's fail; its login is not, for
/// the credentials are the same and the queues' names need the organization.
async fn connect(config: &Config, components: &[Component], prepared: Prepared, report: &mut Report<'_>) {
    let Prepared { rest, brokers } = prepared;
    report.doubt(config.platform.doubt.clone());
    let patience = config.work.selftest_timeout;
    let queues = match platform::walk(rest, patience, report).await {
        Ok(platform) => {
            let components = Loaded::all(config, components);
            definitions::walk(platform, components, settings::serving(config), patience, report).await.ok()
        }
        Err(_stop) => None,
    };
    // What went wrong is in the report.
    let _ = broker::walk(&brokers, &settings::stomp(config), queues.as_deref(), patience, report).await;
}
