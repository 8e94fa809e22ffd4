//! `robovan linehaul`: plans and checks hub-to-hub networks.

mod bench;
mod draw;
mod hubs;
mod picture;
mod replan;
mod week;

pub(crate) use draw::draw_time_of;
pub(crate) use week::read as read_week;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::atomic::AtomicBool;
use std::time::Instant;

use clap::{Args, Subcommand};
use rv_base::{Rng, Seconds};
use rv_linehaul::{
    Budget, DesignReport, check_static, check_timed, is_ap, read_dow, solve_static, solve_timed,
};
use rv_model::linehaul::{
    HubPlan, LateAnswer, NetworkDesign, Replan, StaticPlan, TimedPlan, Timing, WeekPlan,
};
use serde::{Deserialize, Serialize};

use crate::files::{read_text, write_text};
use crate::machine::cpu_s;
use crate::output::{self, HintExt, error_with_hint};

/// Largest instance or plan that is read.
const FILE_BYTES_MAX: u64 = 256 << 20;

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Plan an instance (.dow, static or timed, or a week as JSON) and prove a bound
    Solve(SolveArgs),
    /// Check a plan with code that shares nothing with the planner; exit code 1 if it is wrong
    Check(CheckArgs),
    /// Plan a week anew while its plan runs: a hub or lane closed, a truck lost, more freight
    Replan(replan::ReplanArgs),
    /// Draw a plan: a space-time diagram, a map
    Draw(draw::DrawArgs),
    /// Make a week (JSON) of any size from a seed
    Generate(GenerateArgs),
    /// Plan a folder of .dow instances, one row each with gaps; or a week greedily and by search
    Bench(BenchArgs),
}

#[derive(Args)]
pub(crate) struct GenerateArgs {
    /// Hubs
    #[arg(long, default_value_t = 200, value_name = "N")]
    hubs: usize,
    /// Directed lanes
    #[arg(long, default_value_t = 12_000, value_name = "N")]
    lanes: usize,
    /// Commodities
    #[arg(long, default_value_t = 10_000, value_name = "N")]
    commodities: usize,
    /// Where hubs are: a text with the count and then x and y of each, as the OR-Library's
    /// APdata200 begins
    #[arg(long, value_name = "FILE")]
    places: Option<PathBuf>,
    /// Metres of one unit of the places
    #[arg(long, default_value_t = 15.0, value_name = "M")]
    place_unit_m: f64,
    /// Seed of everything random
    #[arg(long, default_value_t = 1, value_name = "S")]
    seed: u64,
    /// Where to write the week
    #[arg(long, value_name = "WEEK.json")]
    out: PathBuf,
}

#[derive(Args)]
pub(crate) struct BenchArgs {
    /// Folder of .dow instances, or a week (JSON)
    file: PathBuf,
    /// CPU seconds to plan each for
    #[arg(long, default_value_t = 120.0, value_name = "N")]
    budget_cpu_s: f64,
    /// Seed of everything random
    #[arg(long, default_value_t = 1, value_name = "S")]
    seed: u64,
    /// Best-known costs of the folder's instances: a CSV of names and costs
    #[arg(long, value_name = "FILE.csv")]
    best_known: Option<PathBuf>,
    /// Answer as JSON (of a week always)
    #[arg(long)]
    json: bool,
}

#[derive(Args)]
pub(crate) struct SolveArgs {
    /// Instance
    file: PathBuf,
    /// CPU seconds to plan for
    #[arg(long, default_value_t = 20.0, value_name = "N")]
    budget_cpu_s: f64,
    /// Search steps to plan for, instead of CPU seconds: reproducible
    #[arg(long, value_name = "N", conflicts_with = "budget_cpu_s")]
    steps: Option<u64>,
    /// Threads; with two or more the bound is sought beside the plan
    #[arg(long, default_value_t = 1, value_name = "K")]
    threads: usize,
    /// Seed of everything random
    #[arg(long, default_value_t = 1, value_name = "S")]
    seed: u64,
    /// Where to write the plan
    #[arg(long, value_name = "OUT.json")]
    solution: Option<PathBuf>,
    #[command(flatten)]
    pictures: draw::Pictures,
    #[command(flatten)]
    hubs: hubs::HubArgs,
    /// Answer as JSON
    #[arg(long)]
    json: bool,
}

#[derive(Args)]
pub(crate) struct CheckArgs {
    /// Instance
    file: PathBuf,
    /// Plan, as `solve --solution` writes it
    plan: PathBuf,
    /// The plan that ran before, for a plan that `replan` made: what had begun must be kept
    #[arg(long, value_name = "PLAN.json")]
    before: Option<PathBuf>,
    #[command(flatten)]
    hubs: hubs::HubArgs,
    /// Answer as JSON
    #[arg(long)]
    json: bool,
}

/// A plan as it stands in a file.
#[derive(Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub(crate) enum PlanFile {
    Static(StaticPlan),
    Timed(TimedPlan),
    Week(WeekPlan),
    Replan(Replan),
    Hubs(HubPlan),
}

impl PlanFile {
    fn late(&self) -> Vec<LateAnswer> {
        match self {
            Self::Timed(plan) => plan.late.clone(),
            Self::Static(_) | Self::Week(_) | Self::Replan(_) | Self::Hubs(_) => Vec::new(),
        }
    }
}

/// What either planner gives.
struct Solved {
    plan: PlanFile,
    bound: f64,
    steps: u64,
    unrouted: f64,
}

#[derive(Serialize)]
struct Answer {
    cost: f64,
    bound: f64,
    /// (cost - bound) / cost.
    gap: f64,
    unrouted: f64,
    /// Commodities that no plan can deliver in time.
    late: Vec<LateAnswer>,
    violations: usize,
    steps: u64,
    cpu_s: f64,
    wall_s: f64,
    threads: usize,
    seed: u64,
    version: &'static str,
}

#[derive(Serialize)]
struct CheckAnswer {
    cost: f64,
    violations: Vec<String>,
}

pub(crate) fn run(command: Command) -> anyhow::Result<ExitCode> {
    match command {
        Command::Solve(args) => solve(&args),
        Command::Check(args) => check(&args),
        Command::Replan(args) => replan::run(&args),
        Command::Draw(args) => draw::run(&args),
        Command::Generate(args) => week::generate(&args),
        Command::Bench(args) if args.file.is_dir() => bench::run(&args),
        Command::Bench(args) => week::bench(&args),
    }
}

fn solve(args: &SolveArgs) -> anyhow::Result<ExitCode> {
    if args.budget_cpu_s.is_nan() || args.budget_cpu_s < 0.0 {
        return Err(error_with_hint("--budget-cpu-s is not a time", "give seconds, 0 or more"));
    }
    if is_week(&args.file) {
        return week::solve(args);
    }
    let text = read_text(&args.file, FILE_BYTES_MAX)?;
    if is_ap(&text) {
        return hubs::solve(args, &text);
    }
    let design = read_design(&args.file, &text)?;
    let (cpu_start_s, wall_start) = (cpu_s(), Instant::now());
    let clock = || Seconds(cpu_s() - cpu_start_s);
    let budget = match args.steps {
        Some(steps) => Budget::steps(steps),
        None => Budget::clock(Seconds(args.budget_cpu_s), &clock),
    };
    let budget = Budget { stop: Some(stop_flag()), ..budget };
    let bar = progress_bar();
    let rng = Rng::from_seed(args.seed);
    let mut progress = |cost, bound| show(&bar, cost, bound);
    let solved = match design.timing() {
        Timing::Static => {
            let first = part_of_search(&budget);
            let outcome = solve_static(&design, &first, args.threads, &rng, &mut progress);
            let plan = improved(&design, outcome.plan, &budget, &rng, outcome.bound, &mut progress);
            Solved {
                plan: PlanFile::Static(plan),
                bound: outcome.bound,
                steps: outcome.n_steps,
                unrouted: outcome.unrouted.max(0.0),
            }
        }
        Timing::Timed => {
            let outcome = solve_timed(&design, &budget, args.threads, &rng, &mut progress);
            Solved {
                plan: PlanFile::Timed(outcome.plan),
                bound: outcome.bound,
                steps: outcome.n_steps,
                unrouted: 0.0,
            }
        }
    };
    bar.finish_and_clear();
    let report = check_plan(&design, &solved.plan)?;
    if let Some(path) = &args.solution {
        write_plan(path, &solved.plan)?;
    }
    args.pictures.of_design(&design, &solved.plan)?;
    let answer = Answer {
        cost: report.cost,
        bound: solved.bound,
        gap: if report.cost > 0.0 { (report.cost - solved.bound) / report.cost } else { 0.0 },
        unrouted: solved.unrouted,
        late: solved.plan.late(),
        violations: report.violations.len(),
        steps: solved.steps,
        cpu_s: clock().0,
        wall_s: wall_start.elapsed().as_secs_f64(),
        threads: args.threads,
        seed: args.seed,
        version: env!("CARGO_PKG_VERSION"),
    };
    if args.json {
        output::print_json(&answer)?;
    } else {
        output::print(&format!(
            "cost {:.3}, proven bound {:.3}, gap {:.2} %, {:.1} CPU-s, seed {}\n",
            answer.cost,
            answer.bound,
            answer.gap * 100.0,
            answer.cpu_s,
            answer.seed
        ))?;
        for late in &answer.late {
            output::print(&format!(
                "commodity {} cannot arrive in time: {} at the earliest\n",
                late.commodity + 1,
                late.earliest_arrival
            ))?;
        }
        say_violations(&report)?;
    }
    Ok(if report.violations.is_empty() { ExitCode::SUCCESS } else { ExitCode::from(1) })
}

/// What the search gets of a budget: with HiGHS, corridors get the rest.
fn part_of_search<'a>(budget: &Budget<'a>) -> Budget<'a> {
    if cfg!(feature = "mip") { budget.share(0.75) } else { *budget }
}

/// Betters a static plan corridor by corridor, if HiGHS is built in.
#[cfg(feature = "mip")]
fn improved(
    design: &NetworkDesign,
    plan: StaticPlan,
    budget: &Budget<'_>,
    rng: &Rng,
    bound: f64,
    progress: &mut dyn FnMut(f64, Option<f64>),
) -> StaticPlan {
    let mut told = |cost| progress(cost, Some(bound));
    rv_linehaul::improve_static(design, plan, budget, rng, &mut told)
}

#[cfg(not(feature = "mip"))]
fn improved(
    _: &NetworkDesign,
    plan: StaticPlan,
    _: &Budget<'_>,
    _: &Rng,
    _: f64,
    _: &mut dyn FnMut(f64, Option<f64>),
) -> StaticPlan {
    plan
}

fn check(args: &CheckArgs) -> anyhow::Result<ExitCode> {
    let plan = read_plan(&args.plan)?;
    if is_week(&args.file) {
        return week::check(args, plan);
    }
    let text = read_text(&args.file, FILE_BYTES_MAX)?;
    if is_ap(&text) {
        return hubs::check(&args.hubs, (&args.file, &text), &plan, args.json);
    }
    let design = read_design(&args.file, &text)?;
    let report = check_plan(&design, &plan)?;
    if args.json {
        let violations = report.violations.iter().map(ToString::to_string).collect();
        output::print_json(&CheckAnswer { cost: report.cost, violations })?;
    } else {
        output::print(&format!("cost {:.3}\n", report.cost))?;
        say_violations(&report)?;
    }
    Ok(if report.violations.is_empty() { ExitCode::SUCCESS } else { ExitCode::from(1) })
}

fn check_plan(design: &NetworkDesign, plan: &PlanFile) -> anyhow::Result<DesignReport> {
    match (design.timing(), plan) {
        (Timing::Static, PlanFile::Static(plan)) => Ok(check_static(design, plan)),
        (Timing::Timed, PlanFile::Timed(plan)) => Ok(check_timed(design, plan)),
        _ => Err(error_with_hint(
            "the plan answers another kind of instance",
            "static plans answer static instances, timed plans timed ones",
        )),
    }
}

fn say_violations(report: &DesignReport) -> anyhow::Result<()> {
    for violation in &report.violations {
        output::print(&format!("wrong: {violation}\n"))?;
    }
    Ok(())
}

/// Weeks are JSON, network-design instances are not.
fn is_week(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("json"))
}

fn read_instance(path: &Path) -> anyhow::Result<NetworkDesign> {
    read_design(path, &read_text(path, FILE_BYTES_MAX)?)
}

fn read_design(path: &Path, text: &str) -> anyhow::Result<NetworkDesign> {
    read_dow(text).hint(
        format!("{} is not a .dow instance", path.display()),
        "docs/linehaul.md describes the formats",
    )
}

fn read_plan(path: &Path) -> anyhow::Result<PlanFile> {
    serde_json::from_str(&read_text(path, FILE_BYTES_MAX)?).hint(
        format!("{} is not a plan", path.display()),
        "plans are what `robovan linehaul solve --solution` writes",
    )
}

pub(crate) fn write_plan(path: &Path, plan: &PlanFile) -> anyhow::Result<()> {
    let text = serde_json::to_string(plan)? + "\n";
    write_text(path, &text)
}

/// Set by the first Ctrl-C, which ends a search with the best plan so far; the second ends the
/// process.
fn stop_flag() -> &'static AtomicBool {
    crate::day::interrupt_flag()
}

/// Shown on a terminal only.
fn progress_bar() -> indicatif::ProgressBar {
    let bar = indicatif::ProgressBar::new_spinner();
    bar.enable_steady_tick(std::time::Duration::from_millis(200));
    bar
}

fn show(bar: &indicatif::ProgressBar, cost: f64, bound: Option<f64>) {
    bar.set_message(match bound {
        Some(bound) => {
            let gap = (cost - bound) / cost * 100.0;
            format!("cost {cost:.1}, bound {bound:.1}, gap {gap:.2} %")
        }
        None => format!("cost {cost:.1}, bound still sought"),
    });
}
