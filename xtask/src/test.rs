//! Every check of the project, in the order in which failures are cheapest to find.

use std::process::{Command, ExitCode};
use std::time::Instant;

use anyhow::bail;

use crate::shell::{exists, say, sh, words};
use crate::{e2e, floors, setup};

const STEPS: [(&str, fn() -> anyhow::Result<()>); 9] = [
    ("fmt", || sh(&mut words("cargo fmt --all --check"))),
    ("deps", floors::check),
    ("console", console),
    ("lint", || sh(&mut words("cargo clippy --workspace --all-targets -- -D warnings"))),
    ("unit", unit),
    ("doctest", || sh(&mut words("cargo test --quiet --workspace --doc"))),
    ("doc", doc),
    ("deny", deny),
    ("e2e", e2e::run),
];

/// Steps that run only when they are named: HiGHS takes minutes to compile.
const NAMED_STEPS: [(&str, fn() -> anyhow::Result<()>); 1] = [("mip", mip)];

/// Runs all steps, or those named by `--only`.
fn run_steps(only: &[&str]) -> anyhow::Result<()> {
    let named = NAMED_STEPS.into_iter().filter(|(name, _)| only.contains(name));
    for (name, step) in STEPS.into_iter().chain(named) {
        if only.is_empty() || only.contains(&name) {
            let started = Instant::now();
            say(&format!("== {name}"));
            step()?;
            say(&format!("== {name} passed in {:.0} s", started.elapsed().as_secs_f64()));
        }
    }
    Ok(())
}

fn names() -> impl Iterator<Item = &'static str> {
    STEPS.into_iter().chain(NAMED_STEPS).map(|(name, _)| name)
}

/// `cargo xtask test`.
pub(crate) fn run(args: &[String]) -> anyhow::Result<ExitCode> {
    let mut only = Vec::new();
    let mut rest = args.iter();
    while let Some(arg) = rest.next() {
        match (arg.as_str(), rest.next()) {
            ("--only", Some(step)) if names().any(|name| name == step) => {
                only.push(step.as_str());
            }
            _ => {
                let names: Vec<_> = names().collect();
                bail!("usage: cargo xtask test [--only STEP]...\nsteps: {}", names.join(" "));
            }
        }
    }
    run_steps(&only)?;
    say("all checks passed");
    Ok(ExitCode::SUCCESS)
}

/// `cargo xtask crash-test`: the crash test of the unit tests, with more kills.
pub(crate) fn crash(args: &[String]) -> anyhow::Result<ExitCode> {
    let (mut n_kills, mut seed) = (200_u32, 1_u64);
    for pair in args.chunks(2) {
        match pair {
            [name, value] if name == "--kills" => n_kills = value.parse()?,
            [name, value] if name == "--seed" => seed = value.parse()?,
            _ => bail!("usage: cargo xtask crash-test [--kills N] [--seed S]"),
        }
    }
    let mut test = words("cargo test --quiet -p robovan --test it -- --nocapture --exact");
    sh(test
        .arg("crash::nothing_acknowledged_is_lost_or_doubled_by_kills")
        .env("ROBOVAN_KILLS", n_kills.to_string())
        .env("ROBOVAN_KILL_SEED", seed.to_string()))?;
    Ok(ExitCode::SUCCESS)
}

fn console() -> anyhow::Result<()> {
    setup::console()?;
    sh(words("npm run check --silent").current_dir("console"))?;
    sh(words("npm test --silent").current_dir("console"))
}

fn unit() -> anyhow::Result<()> {
    if exists("cargo-nextest") {
        sh(&mut words("cargo nextest run --workspace"))
    } else {
        sh(&mut words("cargo test --workspace --lib --bins --tests"))
    }
}

/// The feature `mip` of the line-haul planner, in a folder of its own so that builds without it are
/// kept.
fn mip() -> anyhow::Result<()> {
    setup::mip()?;
    let target = std::path::Path::new("target").join("mip");
    for command in [
        "cargo clippy -p rv_linehaul --features mip --all-targets -- -D warnings",
        "cargo test -p rv_linehaul --features mip --test it -- mip::",
    ] {
        sh(words(command).env("CARGO_TARGET_DIR", &target))?;
    }
    Ok(())
}

fn doc() -> anyhow::Result<()> {
    sh(words("cargo doc --workspace --no-deps --document-private-items --quiet")
        .env("RUSTDOCFLAGS", "-D warnings"))
}

fn deny() -> anyhow::Result<()> {
    setup::cargo_deny()?;
    let mut check = Command::new("cargo");
    sh(check.args(["deny", "--log-level", "error", "check", "bans", "licenses", "sources"]))
}
