//! Hub-location problems: `solve` and `check` of the OR-Library's Australian Post data.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, ValueEnum};
use rv_base::{Rng, Seconds};
use rv_linehaul::{Budget, check_hubs, read_ap, read_ap_table, solve_hubs};
use rv_model::linehaul::{Allocation, HubPlan, HubProblem};
use serde::Serialize;

use super::{FILE_BYTES_MAX, PlanFile, SolveArgs, progress_bar, show, write_plan};
use crate::files::read_text;
use crate::machine::cpu_s;
use crate::output::{self, HintExt, error_with_hint};

/// What a hub-location problem asks for beside its file.
#[derive(Args)]
pub(crate) struct HubArgs {
    /// Hub location: how nodes use hubs
    #[arg(long, value_enum, default_value_t = By::Single)]
    allocation: By,
    /// Hub location: number of hubs, in place of the file's
    #[arg(long = "n-hubs", value_name = "P")]
    n_hubs: Option<usize>,
    /// Hub location: what each node costs as a hub (FcostL.10 and its like); then there may be any
    /// number of hubs
    #[arg(long, value_name = "FILE")]
    fixed_costs: Option<PathBuf>,
    /// Hub location: what each hub takes (CapL.10 and its like)
    #[arg(long, value_name = "FILE")]
    capacities: Option<PathBuf>,
    /// Hub location: published objective, to report the gap to it
    #[arg(long, value_name = "COST")]
    reference: Option<f64>,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum By {
    /// Each node by one hub
    Single,
    /// Each pair of nodes by the hubs that suit it
    Multiple,
}

#[derive(Serialize)]
struct HubAnswer {
    cost: f64,
    bound: f64,
    /// (cost - bound) / cost.
    gap: f64,
    reference: Option<f64>,
    /// (cost - reference) / reference.
    gap_to_reference: Option<f64>,
    /// 1-based, as published solutions count.
    hubs: Vec<u32>,
    violations: Vec<String>,
    steps: u64,
    cpu_s: f64,
    seed: u64,
    version: &'static str,
}

pub(super) fn solve(args: &SolveArgs, text: &str) -> anyhow::Result<ExitCode> {
    let problem = read(&args.hubs, &args.file, text)?;
    let start_s = cpu_s();
    let clock = || Seconds(cpu_s() - start_s);
    let stop = super::stop_flag();
    let budget = match args.steps {
        Some(steps) => Budget::steps(steps),
        None => Budget::clock(Seconds(args.budget_cpu_s), &clock),
    };
    let budget = Budget { stop: Some(stop), ..budget };
    let bar = progress_bar();
    let rng = Rng::from_seed(args.seed);
    let outcome = solve_hubs(&problem, &budget, &rng, &mut |cost, bound| show(&bar, cost, bound));
    bar.finish_and_clear();
    let (cost, violations) = check_hubs(&problem, &outcome.plan);
    let reference = args.hubs.reference;
    let answer = HubAnswer {
        cost,
        bound: outcome.bound,
        gap: if cost > 0.0 { (cost - outcome.bound) / cost } else { 0.0 },
        reference,
        gap_to_reference: reference.map(|r| (cost - r) / r),
        hubs: outcome.plan.hubs.iter().map(|h| h + 1).collect(),
        violations,
        steps: outcome.n_steps,
        cpu_s: cpu_s() - start_s,
        seed: args.seed,
        version: env!("CARGO_PKG_VERSION"),
    };
    if let Some(path) = &args.solution {
        write_plan(path, &PlanFile::Hubs(outcome.plan))?;
    }
    if args.json {
        output::print_json(&answer)?;
    } else {
        let hubs: Vec<String> = answer.hubs.iter().map(ToString::to_string).collect();
        let gap = answer
            .gap_to_reference
            .map_or(String::new(), |gap| format!(", {:+.3} % to the reference", gap * 100.0));
        output::print(&format!(
            "cost {:.2}{gap}, proven bound {:.2}, hubs {}, {:.1} CPU-s, seed {}\n",
            answer.cost,
            answer.bound,
            hubs.join(" "),
            answer.cpu_s,
            answer.seed
        ))?;
        say(&answer.violations)?;
    }
    Ok(if answer.violations.is_empty() { ExitCode::SUCCESS } else { ExitCode::from(1) })
}

pub(super) fn check(
    args: &HubArgs,
    (file, text): (&Path, &str),
    plan: &PlanFile,
    as_json: bool,
) -> anyhow::Result<ExitCode> {
    let PlanFile::Hubs(plan) = plan else {
        return Err(error_with_hint(
            "the plan answers another kind of instance",
            "hub-location problems are answered by hubs",
        ));
    };
    let plan: &HubPlan = plan;
    let (cost, violations) = check_hubs(&read(args, file, text)?, plan);
    let is_right = violations.is_empty();
    if as_json {
        output::print_json(&super::CheckAnswer { cost, violations })?;
    } else {
        output::print(&format!("cost {cost:.2}\n"))?;
        say(&violations)?;
    }
    Ok(if is_right { ExitCode::SUCCESS } else { ExitCode::from(1) })
}

fn say(violations: &[String]) -> anyhow::Result<()> {
    for violation in violations {
        output::print(&format!("wrong: {violation}\n"))?;
    }
    Ok(())
}

fn read(args: &HubArgs, file: &Path, text: &str) -> anyhow::Result<HubProblem> {
    let hint = "docs/linehaul.md describes the formats";
    let table = |path: &Option<PathBuf>| -> anyhow::Result<Option<Vec<f64>>> {
        let Some(path) = path else { return Ok(None) };
        let text = read_text(path, FILE_BYTES_MAX)?;
        let problem = format!("{} is no table of numbers", path.display());
        Ok(Some(read_ap_table(&text).hint(problem, hint)?))
    };
    let allocation = match args.allocation {
        By::Single => Allocation::Single,
        By::Multiple => Allocation::Multiple,
    };
    let (fixed, capacity) = (table(&args.fixed_costs)?, table(&args.capacities)?);
    read_ap(text, allocation, args.n_hubs, fixed, capacity)
        .hint(format!("{} is no hub-location problem", file.display()), hint)
}
