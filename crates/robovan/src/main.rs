//! The robovan command: one binary, thin subcommands.
//!
//! Data goes to standard output, messages to standard error. Exit code 0 means yes or done, 1 that
//! the answer is no, 2 an error.

mod chain;
mod city;
mod config;
mod day;
mod dispatch;
mod drive;
mod files;
mod ledger;
mod linehaul;
mod machine;
mod map;
mod output;
mod route;
mod token;
mod up;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// The open operating stack for driverless delivery.
#[derive(Parser)]
#[command(name = "robovan", version, propagate_version = true, arg_required_else_help = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run two days of cities and the trucks between them: orders from door to door
    Chain(chain::ChainArgs),
    /// City files
    #[command(subcommand)]
    City(city::Command),
    /// Settings
    #[command(subcommand)]
    Config(config::Command),
    /// Run a whole day of a simulated fleet, as fast as the machine can
    Day(Box<day::DayArgs>),
    /// Vehicle routing: plan, check, measure
    #[command(subcommand)]
    Dispatch(dispatch::Command),
    /// The driver: run it over recorded scenarios
    #[command(subcommand)]
    Drive(drive::Command),
    /// The ledger of a run: read it, check it, replay it
    #[command(subcommand)]
    Ledger(ledger::Command),
    /// Hub-to-hub networks of driverless trucks
    #[command(subcommand)]
    Linehaul(linehaul::Command),
    /// Lane-level maps
    #[command(subcommand)]
    Map(map::Command),
    /// Ways and travel times: one way, or `matrix`, `isochrone`, `bench`
    Route(Box<route::RouteArgs>),
    /// Access tokens
    #[command(subcommand)]
    Token(token::Command),
    /// Run server, console and a simulated fleet, live
    Up(Box<config::Sources>),
}

fn main() -> ExitCode {
    let result = match Cli::parse().command {
        Command::Chain(args) => chain::run(&args),
        Command::City(command) => city::run(command),
        Command::Config(command) => config::run(command),
        Command::Day(args) => day::run(*args),
        Command::Dispatch(command) => dispatch::run(command),
        Command::Drive(command) => drive::run(command),
        Command::Ledger(command) => ledger::run(command),
        Command::Linehaul(command) => linehaul::run(command),
        Command::Map(command) => map::run(command),
        Command::Route(args) => route::run(*args),
        Command::Token(command) => token::run(command),
        Command::Up(sources) => up::run(&sources),
    };
    result.unwrap_or_else(|error| output::report(&error))
}
