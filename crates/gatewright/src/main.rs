//! The `gatewright` binary: the Kubernetes Gateway API, served from YAML files.
//!
//! Carries manifests to the core and Plans to the proxy, and tells people what became of them. Decides nothing about
//! routes and moves no traffic itself.

mod admin;
mod command;
mod finding;
mod inspect;
mod judge;

mod manifest;
mod output;
mod report;
mod serving;

use std::process::ExitCode;

use clap::Parser;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Serves the Kubernetes Gateway API from YAML files
///
/// Point it at manifests, and it answers as a cluster's Gateway would:
///
///     gatewright run              serves a built-in example and prints a curl to try
///     gatewright run FOLDER       serves the manifests of a folder, and follows its changes
///     gatewright check FOLDER     says what is wrong with them, and where
///     gatewright status           says what became of each object
#[derive(Debug, Parser)]
#[command(version, max_term_width = 100, verbatim_doc_comment, arg_required_else_help = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    Run(command::run::Args),
    Proxy(command::proxy::Args),
    Check(command::check::Args),
    Status(command::status::Args),
    Controller(command::controller::Args),
    Echo(command::echo::Args),
    Install(command::install::Args),
}

fn main() -> ExitCode {
    let result = match Cli::parse().command {
        Command::Run(args) => command::run::run(args),
        Command::Proxy(args) => command::proxy::run(args),
        Command::Check(args) => command::check::run(args),
        Command::Status(args) => command::status::run(args),
        Command::Controller(args) => command::controller::run(args),
        Command::Echo(args) => command::echo::run(&args),
        Command::Install(args) => command::install::run(&args),
    };
    result.unwrap_or_else(|error| {
        output::news(&format!("gatewright: {error:#}"));
        ExitCode::from(2)
    })
}
