//! `robovan linehaul replan`: a new plan while one runs.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;
use rv_base::{Rng, Seconds};
use rv_linehaul::{Budget, ReplanOutcome, check_replan, check_week, replan_week};
use rv_model::linehaul::{Disruption, LateReason, Replan, Week};
use serde::Serialize;

use super::{FILE_BYTES_MAX, PlanFile, read_plan, week, write_plan};
use crate::files::read_text;
use crate::machine::cpu_s;
use crate::output::{self, HintExt, error_with_hint};

/// Seconds of an hour.
const HOUR_S: f64 = 3600.0;

#[derive(Args)]
pub(crate) struct ReplanArgs {
    /// Week (JSON)
    file: PathBuf,
    /// The plan that runs, as `solve` or `replan` wrote it
    plan: PathBuf,
    /// When to plan anew, hours since Monday 00:00; what is being loaded or has left is kept
    #[arg(long, value_name = "H")]
    at_h: f64,
    /// What happened; may be given again. `hub:HUB:FROM_H-TO_H` and `lane:LANE:FROM_H-TO_H` are
    /// closed, `truck:TRUCK` is lost after what it has begun, `surge:FILE` names a JSON list of
    /// commodities
    #[arg(long = "event", value_name = "EVENT", required = true)]
    events: Vec<String>,
    /// CPU seconds to plan for
    #[arg(long, default_value_t = 3.0, value_name = "N")]
    budget_cpu_s: f64,
    /// Search steps to plan for, instead of CPU seconds: reproducible
    #[arg(long, value_name = "N", conflicts_with = "budget_cpu_s")]
    steps: Option<u64>,
    /// Seed of everything random
    #[arg(long, default_value_t = 1, value_name = "S")]
    seed: u64,
    /// Where to write the plan
    #[arg(long, value_name = "OUT.json")]
    solution: Option<PathBuf>,
    /// Answer as JSON
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct ReplanAnswer {
    cost: f64,
    /// Commodities whose way was broken, or that are new.
    affected: usize,
    /// Commodities still under way or waiting that could go as planned.
    unaffected: usize,
    /// Those of them that go otherwise.
    moved: usize,
    /// moved / unaffected.
    moved_share: f64,
    missing_trucks: u32,
    late: Vec<LateRow>,
    violations: Vec<String>,
    steps: u64,
    cpu_s: f64,
    seed: u64,
    version: &'static str,
}

#[derive(Serialize)]
struct LateRow {
    commodity: u32,
    key: String,
    tenant: String,
    due_s: f64,
    /// When it could arrive at the earliest; missing if not in this week.
    earliest_arrival_s: Option<f64>,
    why: String,
}

pub(super) fn run(args: &ReplanArgs) -> anyhow::Result<ExitCode> {
    let week = week::read(&args.file)?;
    let running = match read_plan(&args.plan)? {
        PlanFile::Week(plan) => Replan { at_s: 0.0, events: Vec::new(), plan },
        PlanFile::Replan(replan) => replan,
        PlanFile::Static(_) | PlanFile::Timed(_) | PlanFile::Hubs(_) => {
            return Err(error_with_hint(
                "the plan answers another kind of instance",
                "weeks are answered by plans of weeks",
            ));
        }
    };
    let end_h = f64::from(week.hours);
    let events: Vec<Disruption> =
        args.events.iter().map(|text| read_event(text, end_h)).collect::<anyhow::Result<_>>()?;
    if running.events.is_empty() {
        week.check().hint("the week is wrong", "docs/linehaul.md describes its fields")?;
        if let Some(wrong) = check_week(&week, &running.plan).violations.first() {
            return Err(error_with_hint(
                format!("the running plan is wrong: {wrong}"),
                "`robovan linehaul check` says what is wrong with a plan",
            ));
        }
    }
    let start_s = cpu_s();
    let clock = || Seconds(cpu_s() - start_s);
    let budget = match args.steps {
        Some(steps) => Budget::steps(steps),
        None => Budget::clock(Seconds(args.budget_cpu_s), &clock),
    };
    let rng = Rng::from_seed(args.seed);
    let outcome = replan_week(&week, &running, args.at_h * HOUR_S, &events, &budget, &rng).hint(
        "nothing can be planned anew",
        "docs/linehaul.md describes events and their moments",
    )?;
    let used_s = cpu_s() - start_s;
    let report = check_replan(&outcome.week, &running.plan, &outcome.new);
    let answer = ReplanAnswer {
        cost: report.cost,
        affected: outcome.affected.len(),
        unaffected: outcome.n_unaffected,
        moved: outcome.moved.len(),
        moved_share: outcome.moved.len() as f64 / outcome.n_unaffected.max(1) as f64,
        missing_trucks: outcome.n_missing_trucks,
        late: late_rows(&outcome),
        violations: report.violations.iter().map(ToString::to_string).collect(),
        steps: outcome.n_steps,
        cpu_s: used_s,
        seed: args.seed,
        version: env!("CARGO_PKG_VERSION"),
    };
    if let Some(path) = &args.solution {
        write_plan(path, &PlanFile::Replan(outcome.new))?;
    }
    say(args, &answer)?;
    Ok(if answer.violations.is_empty() { ExitCode::SUCCESS } else { ExitCode::from(1) })
}

fn say(args: &ReplanArgs, answer: &ReplanAnswer) -> anyhow::Result<()> {
    if args.json {
        return output::print_json(answer);
    }
    output::print(&format!(
        "cost {:.0}, {} affected, {} of {} others moved, {} late, {:.1} CPU-s\n",
        answer.cost,
        answer.affected,
        answer.moved,
        answer.unaffected,
        answer.late.len(),
        answer.cpu_s
    ))?;
    for row in &answer.late {
        let arrival = match row.earliest_arrival_s {
            Some(s) => format!("{:.1} h late at the earliest", (s - row.due_s) / HOUR_S),
            None => "it cannot arrive this week".to_owned(),
        };
        output::print(&format!("late: {} ({}): {arrival}\n", row.key, row.why))?;
    }
    for violation in &answer.violations {
        output::print(&format!("wrong: {violation}\n"))?;
    }
    Ok(())
}

fn late_rows(outcome: &ReplanOutcome) -> Vec<LateRow> {
    let hub_name = |hub: u32| outcome.week.hubs[hub as usize].name.clone();
    let numbered = |kind: &str, index: u32, name: String| {
        let number = format!("{kind} {index}");
        if name == number { number } else { format!("{number}, {name},") }
    };
    let why = |reason: LateReason| match reason {
        LateReason::NoWayInTime => "no way arrives in time".to_owned(),
        LateReason::HubClosed { hub } => {
            format!("{} is closed", numbered("hub", hub, hub_name(hub)))
        }
        LateReason::LaneClosed { lane } => {
            let row = &outcome.week.lanes[lane as usize];
            let ends = format!("{} to {}", hub_name(row.from), hub_name(row.to));
            format!("{} is closed", numbered("lane", lane, ends))
        }
        LateReason::Shortage => "no truck or dock is left for it".to_owned(),
    };
    let rows = outcome.new.plan.late.iter();
    rows.map(|row| {
        let com = &outcome.week.commodities[row.commodity as usize];
        LateRow {
            commodity: row.commodity,
            key: com.key.clone(),
            tenant: com.tenant.clone(),
            due_s: com.due_s,
            earliest_arrival_s: row.earliest_arrival_s,
            why: why(row.reason),
        }
    })
    .collect()
}

/// Reads `hub:12:36-60` and its like.
fn read_event(text: &str, end_h: f64) -> anyhow::Result<Disruption> {
    let wrong = || {
        error_with_hint(
            format!("`{text}` is not an event"),
            "hub:HUB:FROM_H-TO_H, lane:LANE:FROM_H-TO_H, truck:TRUCK or surge:FILE; without TO_H \
             it is closed to the end of the week",
        )
    };
    let (kind, rest) = text.split_once(':').ok_or_else(wrong)?;
    if kind == "surge" {
        let commodities = serde_json::from_str(&read_text(Path::new(rest), FILE_BYTES_MAX)?).hint(
            format!("{rest} is not a list of commodities"),
            "docs/linehaul.md describes their fields",
        )?;
        return Ok(Disruption::Surge { commodities });
    }
    if kind == "truck" {
        return Ok(Disruption::TruckLost { truck: rest.parse().map_err(|_| wrong())? });
    }
    let (number, span) = rest.split_once(':').ok_or_else(wrong)?;
    let number: u32 = number.parse().map_err(|_| wrong())?;
    let (from, to) = span.split_once('-').unwrap_or((span, ""));
    let from_h: f64 = from.parse().map_err(|_| wrong())?;
    let to_h: f64 = if to.is_empty() { end_h } else { to.parse().map_err(|_| wrong())? };
    let (from_s, to_s) = (from_h * HOUR_S, to_h * HOUR_S);
    match kind {
        "hub" => Ok(Disruption::HubClosed { hub: number, from_s, to_s }),
        "lane" => Ok(Disruption::LaneClosed { lane: number, from_s, to_s }),
        _ => Err(wrong()),
    }
}

/// The week that a new plan answers: with the freight that events brought.
pub(super) fn week_after(week: &Week, replan: &Replan) -> anyhow::Result<Week> {
    week.after(&replan.events, replan.plan.trucks.len())
        .hint("an event of the plan is wrong", "docs/linehaul.md describes events")
}
