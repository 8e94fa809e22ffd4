//! The project's own commands.
//!
//! - `cargo xtask up [ARGS]`: builds the console and the binary, then runs `robovan up ARGS`.
//! - `cargo xtask test [--only STEP]...`: every check of the project, in order.
//! - `cargo xtask deps`: the floors of the house hold.
//! - `cargo xtask crash-test [--kills N] [--seed S]`: a server under load is killed N times.
//! - `cargo xtask live-bench`: what a live server costs.
//! - `cargo xtask e2e`: the console in a real browser against the real server.

mod e2e;
mod floors;
mod live_bench;
mod server;
mod setup;
mod shell;
mod test;

use std::process::ExitCode;

use anyhow::bail;

const USAGE: &str = "\
usage: cargo xtask COMMAND
  up [ARGS]             build everything and run `robovan up ARGS`
  test [--only STEP]... run all checks, or the named ones
  crash-test [--kills N] [--seed S]
                        kill a server under load N times (200) and look for what is lost
  live-bench [--viewers N] [--speed X] [--from HH:MM] [--seconds S] [-- ARGS]
                        measure a live server: processor time, lag, bytes to each viewer
  deps                  check that crates depend only on lower floors
  e2e                   drive the console in headless Chromium
  setup                 install or name what building and testing need
  setup mip             the same for the feature `mip`: cmake, libclang";

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    match command(&args) {
        Ok(code) => code,
        Err(error) => {
            shell::say(&format!("error: {error:#}"));
            ExitCode::from(2)
        }
    }
}

fn command(args: &[String]) -> anyhow::Result<ExitCode> {
    let Some((name, rest)) = args.split_first() else {
        bail!("no command given\n{USAGE}");
    };
    std::env::set_current_dir(shell::root())?;
    match name.as_str() {
        "up" => setup::up(rest),
        "test" => test::run(rest),
        "crash-test" => test::crash(rest),
        "live-bench" => live_bench::run(rest).map(|()| ExitCode::SUCCESS),
        "deps" => floors::check().map(|()| ExitCode::SUCCESS),
        "e2e" => e2e::run().map(|()| ExitCode::SUCCESS),
        "setup" if rest == ["mip"] => setup::mip().map(|()| ExitCode::SUCCESS),
        "setup" => setup::everything().map(|()| ExitCode::SUCCESS),
        "help" | "--help" | "-h" => {
            shell::say(USAGE);
            Ok(ExitCode::SUCCESS)
        }
        other => bail!("unknown command '{other}'\n{USAGE}"),
    }
}
