//! Weeks of a hub network: `solve`, `check`, `generate` and `bench` of their JSON.

use std::process::ExitCode;

use rv_base::{Rng, Seconds};
use rv_linehaul::{
    Budget, Effort, WeekOutcome, WeekReport, WeekShape, check_replan, check_week, generate_week,
    solve_week,
};
use rv_model::linehaul::{MAX_HUBS, Week};
use serde::Serialize;

use super::{
    BenchArgs, CheckArgs, FILE_BYTES_MAX, GenerateArgs, PlanFile, SolveArgs, progress_bar, show,
    write_plan,
};
use crate::files::{read_text, write_text};
use crate::machine::cpu_s;
use crate::output::{self, HintExt, error_with_hint};

#[derive(Serialize)]
struct WeekAnswer {
    cost: f64,
    bound: f64,
    /// (cost - bound) / cost.
    gap: f64,
    violations: Vec<String>,
    late: usize,
    /// Commodities that could arrive in time if there were more trucks or docks.
    left_for_shortage: usize,
    departures: usize,
    trucks: usize,
    missing_trucks: u32,
    /// Distance without freight, of all.
    empty_share: f64,
    /// Most freight in an hour at the busiest hub, kg.
    peak_kg: f64,
    /// The same if everything left as early as it could.
    peak_unsmoothed_kg: f64,
    /// Every hub's busiest hour, summed, kg.
    peaks_sum_kg: f64,
    /// The same if everything left as early as it could.
    peaks_sum_unsmoothed_kg: f64,
    steps: u64,
    cpu_s: f64,
    seed: u64,
    version: &'static str,
}

pub(super) fn solve(args: &SolveArgs) -> anyhow::Result<ExitCode> {
    let week = read(&args.file)?;
    let start_s = cpu_s();
    let clock = || Seconds(cpu_s() - start_s);
    let budget = match args.steps {
        Some(steps) => Budget::steps(steps),
        None => Budget::clock(Seconds(args.budget_cpu_s), &clock),
    };
    let budget = Budget { stop: Some(super::stop_flag()), ..budget };
    let (answer, outcome) = plan(&week, Effort::Search, &budget, args.seed, start_s)?;
    let plan = PlanFile::Week(outcome.plan);
    if let Some(path) = &args.solution {
        write_plan(path, &plan)?;
    }
    args.pictures.of_week(&week, &plan, None)?;
    let is_right = answer.violations.is_empty();
    if args.json {
        output::print_json(&answer)?;
    } else {
        output::print(&format!(
            "cost {:.0}, proven bound {:.0}, gap {:.2} %, {} departures, {} trucks, {:.1} % empty\n",
            answer.cost,
            answer.bound,
            answer.gap * 100.0,
            answer.departures,
            answer.trucks,
            answer.empty_share * 100.0
        ))?;
        for violation in &answer.violations {
            output::print(&format!("wrong: {violation}\n"))?;
        }
    }
    Ok(if is_right { ExitCode::SUCCESS } else { ExitCode::from(1) })
}

pub(super) fn check(args: &CheckArgs, plan: PlanFile) -> anyhow::Result<ExitCode> {
    let week = read(&args.file)?;
    week.check().hint("the week is wrong", "docs/linehaul.md describes its fields")?;
    let before = args.before.as_deref().map(super::read_plan).transpose()?;
    let report = match (plan, before) {
        (PlanFile::Week(plan), None) => check_week(&week, &plan),
        (PlanFile::Replan(new), Some(PlanFile::Week(old))) => {
            check_replan(&super::replan::week_after(&week, &new)?, &old, &new)
        }
        (PlanFile::Replan(new), Some(PlanFile::Replan(old))) => {
            check_replan(&super::replan::week_after(&week, &new)?, &old.plan, &new)
        }
        (PlanFile::Replan(_), None) => {
            return Err(error_with_hint(
                "the plan was made while another ran, which is missing",
                "give the other with --before",
            ));
        }
        _ => {
            return Err(error_with_hint(
                "the plan answers another kind of instance",
                "weeks are answered by plans of weeks; --before goes with plans of `replan`",
            ));
        }
    };
    let violations = said(&report);
    if args.json {
        output::print_json(&super::CheckAnswer { cost: report.cost, violations })?;
    } else {
        output::print(&format!("cost {:.3}\n", report.cost))?;
        for violation in violations {
            output::print(&format!("wrong: {violation}\n"))?;
        }
    }
    Ok(if report.violations.is_empty() { ExitCode::SUCCESS } else { ExitCode::from(1) })
}

pub(super) fn generate(args: &GenerateArgs) -> anyhow::Result<ExitCode> {
    let out_of_range = |n: usize, max: usize| n < 2 || n > max;
    if out_of_range(args.hubs, MAX_HUBS)
        || out_of_range(args.lanes, rv_model::linehaul::MAX_ARCS)
        || out_of_range(args.commodities, rv_model::linehaul::MAX_COMMODITIES)
        || args.lanes < 2 * args.hubs
    {
        return Err(error_with_hint(
            "a week of this size cannot be made",
            "2 to 2,000 hubs, at least twice as many lanes, up to 100,000 commodities",
        ));
    }
    let mut places = Vec::new();
    if let Some(path) = &args.places {
        let text = read_text(path, FILE_BYTES_MAX)?;
        let numbers: Vec<f64> = text
            .split_whitespace()
            .skip(1)
            .take(2 * args.hubs)
            .map_while(|word| word.parse().ok())
            .collect();
        places.extend(
            numbers.chunks_exact(2).map(|p| (p[0] * args.place_unit_m, p[1] * args.place_unit_m)),
        );
        if places.len() < args.hubs {
            return Err(error_with_hint(
                format!("{} holds {} places", path.display(), places.len()),
                "after the count, x and y of every hub are expected",
            ));
        }
    }
    let shape = WeekShape {
        n_hubs: args.hubs,
        n_lanes: args.lanes,
        n_commodities: args.commodities,
        hours: 168,
        places,
    };
    let week = generate_week(&shape, &Rng::from_seed(args.seed));
    let text = serde_json::to_string(&week)? + "\n";
    write_text(&args.out, &text)?;
    Ok(ExitCode::SUCCESS)
}

pub(super) fn bench(args: &BenchArgs) -> anyhow::Result<ExitCode> {
    let week = read(&args.file)?;
    let mut answers = Vec::new();
    for effort in [Effort::Greedy, Effort::Search] {
        let start_s = cpu_s();
        let clock = || Seconds(cpu_s() - start_s);
        let budget = Budget::clock(Seconds(args.budget_cpu_s), &clock);
        let budget = Budget { stop: Some(super::stop_flag()), ..budget };
        answers.push(plan(&week, effort, &budget, args.seed, start_s)?.0);
    }
    let is_right = answers.iter().all(|answer| answer.violations.is_empty());
    output::print_json(&answers)?;
    Ok(if is_right { ExitCode::SUCCESS } else { ExitCode::from(1) })
}

fn plan(
    week: &Week,
    effort: Effort,
    budget: &Budget<'_>,
    seed: u64,
    start_s: f64,
) -> anyhow::Result<(WeekAnswer, WeekOutcome)> {
    let bar = progress_bar();
    let mut progress = |cost, bound| show(&bar, cost, bound);
    let outcome = solve_week(week, effort, budget, &Rng::from_seed(seed), &mut progress)
        .hint("the week is wrong", "docs/linehaul.md describes its fields")?;
    bar.finish_and_clear();
    let report = check_week(week, &outcome.plan);
    let most = |peaks: &[f64]| peaks.iter().copied().fold(0.0, f64::max);
    let driven_m = report.empty_m + report.loaded_m;
    let answer = WeekAnswer {
        cost: report.cost,
        bound: outcome.bound,
        gap: if report.cost > 0.0 { (report.cost - outcome.bound) / report.cost } else { 0.0 },
        violations: said(&report),
        late: report.n_late,
        left_for_shortage: report.n_short,
        departures: outcome.plan.departures.len(),
        trucks: outcome.plan.trucks.len(),
        missing_trucks: outcome.n_missing_trucks,
        empty_share: if driven_m > 0.0 { report.empty_m / driven_m } else { 0.0 },
        peak_kg: most(&outcome.peak_kg),
        peak_unsmoothed_kg: most(&outcome.peak_unsmoothed_kg),
        peaks_sum_kg: outcome.peak_kg.iter().sum(),
        peaks_sum_unsmoothed_kg: outcome.peak_unsmoothed_kg.iter().sum(),
        steps: outcome.n_steps,
        cpu_s: cpu_s() - start_s,
        seed,
        version: env!("CARGO_PKG_VERSION"),
    };
    Ok((answer, outcome))
}

fn said(report: &WeekReport) -> Vec<String> {
    report.violations.iter().map(ToString::to_string).collect()
}

pub(crate) fn read(path: &std::path::Path) -> anyhow::Result<Week> {
    let hint = "docs/linehaul.md describes its fields; `robovan linehaul generate` makes one";
    let week: Week = serde_json::from_str(&read_text(path, FILE_BYTES_MAX)?)
        .hint(format!("{} is not a week", path.display()), hint)?;
    week.check().hint(format!("{} is wrong", path.display()), hint)?;
    Ok(week)
}
