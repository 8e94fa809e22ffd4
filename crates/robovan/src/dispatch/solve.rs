//! `robovan dispatch solve`.

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use clap::{Args, ValueEnum};
use rv_base::{Money, Rng, Seconds};
use rv_dispatch::format::{
    Loaded, cost_in_units, describe_all, length_in_units, plan_to_json, plot_svg, read_solution,
    write_csv, write_solution,
};
use rv_dispatch::{
    Budget, Criterion, Objective, Outcome, Params, Progress, Report, Weights, check, solve,
};
use rv_model::dispatch::Plan;
use serde::Serialize;

use super::{ConventionArg, load, read};
use crate::files::write_text;
use crate::machine::cpu_s;
use crate::output::{self, HintExt, error_with_hint};

/// What a plan is judged by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ObjectiveArg {
    /// As few vehicles as can be found, then the least cost
    Vehicles,
    /// The least cost, which is the distance where the file sets no other costs
    Distance,
}

impl From<ObjectiveArg> for Objective {
    fn from(arg: ObjectiveArg) -> Self {
        match arg {
            ObjectiveArg::Vehicles => Self::VehiclesFirst,
            ObjectiveArg::Distance => Self::Cost,
        }
    }
}

#[derive(Args)]
pub(crate) struct SolveArgs {
    /// Problem
    file: PathBuf,
    #[command(flatten)]
    how: How,
    /// Best known cost: the progress shows the gap to it
    #[arg(long, value_name = "COST")]
    best_known: Option<f64>,
    /// Solution to start from
    #[arg(long, value_name = "FILE")]
    warm: Option<PathBuf>,
    /// Where to write the solution: CVRPLIB's form; as JSON or CSV if the name ends so
    #[arg(long, value_name = "OUT")]
    solution: Option<PathBuf>,
    /// Where to draw the routes
    #[arg(long, value_name = "OUT.svg")]
    plot: Option<PathBuf>,
    /// Answer as JSON
    #[arg(long)]
    json: bool,
}

/// How to plan; the same for `solve` and `bench`.
#[derive(Args, Clone)]
pub(crate) struct How {
    /// What a plan is judged by
    #[arg(long, value_enum, default_value_t = ObjectiveArg::Distance)]
    pub objective: ObjectiveArg,
    /// What kinds of cost count for, beside what the problem sets: unserved, cost, lateness and
    /// stability as factors, vehicle as the cost of each one used
    #[arg(long, value_name = "KIND=FACTOR,...", value_delimiter = ',', conflicts_with = "rank")]
    pub weights: Vec<String>,
    /// Kinds of cost in order of importance (unserved, vehicles, cost, lateness, stability): each
    /// counts a thousand times as much as the next
    #[arg(long, value_name = "KIND,...", value_delimiter = ',')]
    pub rank: Vec<String>,
    /// How distances are rounded
    #[arg(long, value_enum, default_value_t = ConventionArg::File)]
    pub convention: ConventionArg,
    /// CPU seconds to plan for, over all threads
    #[arg(long, default_value_t = 20.0, value_name = "N")]
    pub budget_cpu_s: f64,
    /// Search steps to plan for, instead of CPU seconds: reproducible
    #[arg(long, value_name = "N", conflicts_with = "budget_cpu_s")]
    pub iterations: Option<u64>,
    /// Threads
    #[arg(long, default_value_t = 1, value_name = "K")]
    pub threads: usize,
    /// Seed of everything random
    #[arg(long, default_value_t = 1, value_name = "S")]
    pub seed: u64,
}

impl How {
    pub fn is_sound(&self) -> anyhow::Result<()> {
        if !self.budget_cpu_s.is_finite() || self.budget_cpu_s < 0.0 {
            return Err(error_with_hint("--budget-cpu-s is not a time", "give seconds, 0 or more"));
        }
        if !(1..=1024).contains(&self.threads) {
            return Err(error_with_hint("--threads is out of range", "give 1 to 1024"));
        }
        self.weighed().map(|_| ())
    }

    /// The weights that `--weights` or `--rank` ask for.
    pub fn weighed(&self) -> anyhow::Result<Weights> {
        let mut named = Vec::new();
        let mut once = |name: &str| {
            let criterion = criterion(name)?;
            if named.contains(&criterion) {
                return Err(error_with_hint(
                    format!("{name} is named twice"),
                    "name each kind of cost once",
                ));
            }
            named.push(criterion);
            Ok(criterion)
        };
        if !self.rank.is_empty() {
            let order = self.rank.iter().map(|name| once(name));
            return Ok(Weights::lexicographic(&order.collect::<anyhow::Result<Vec<_>>>()?));
        }
        let mut weights = Weights::equal();
        for item in &self.weights {
            let parts = item.split_once('=');
            let value = parts.and_then(|(_, value)| value.parse::<f64>().ok());
            let Some((name, value)) =
                parts.map(|p| p.0).zip(value.filter(|v| (0.0..=1e6).contains(v)))
            else {
                return Err(error_with_hint(
                    format!("--weights {item}: not a kind of cost with a factor"),
                    "for example --weights lateness=10,stability=0; factors are 0 to 1000000",
                ));
            };
            match once(name)? {
                Criterion::Unserved => weights.unserved = value,
                Criterion::Vehicles => weights.vehicle = Money::from_units(value),
                Criterion::Cost => weights.cost = value,
                Criterion::Lateness => weights.lateness = value,
                Criterion::Stability => weights.stability = value,
            }
        }
        Ok(weights)
    }
}

fn criterion(name: &str) -> anyhow::Result<Criterion> {
    Ok(match name {
        "unserved" => Criterion::Unserved,
        "vehicle" | "vehicles" => Criterion::Vehicles,
        "cost" => Criterion::Cost,
        "lateness" => Criterion::Lateness,
        "stability" => Criterion::Stability,
        _ => {
            return Err(error_with_hint(
                format!("{name} is not a kind of cost"),
                "there are unserved, vehicles, cost, lateness and stability",
            ));
        }
    })
}

/// Set by Ctrl-C: the search ends, and the best plan so far is the answer.
static IS_CANCELLED: AtomicBool = AtomicBool::new(false);

/// Lets the first Ctrl-C end the search; where no handler can be set, it ends the process.
pub(crate) fn cancel_on_ctrl_c() {
    let _ = ctrlc::set_handler(|| {
        if IS_CANCELLED.swap(true, Ordering::Relaxed) {
            std::process::exit(130);
        }
    });
}

pub(crate) fn is_cancelled() -> bool {
    IS_CANCELLED.load(Ordering::Relaxed)
}

/// The answer in figures; costs and distances are in units of the file.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Answer {
    pub name: String,
    pub cost: f64,
    pub vehicles: usize,
    pub distance: f64,
    pub unserved: usize,
    pub violations: usize,
    pub iterations: u64,
    pub cpu_s: f64,
    pub wall_s: f64,
    pub objective: &'static str,
    pub threads: usize,
    pub seed: u64,
    pub version: &'static str,
}

pub(crate) fn run(args: &SolveArgs) -> anyhow::Result<ExitCode> {
    args.how.is_sound()?;
    let cpu_start_s = cpu_s();
    let loaded = load(&args.file, args.how.convention)?;
    let warm = match &args.warm {
        Some(path) => Some(read_solution(&loaded, &read(path)?).hint(
            format!("{} is not a solution of this problem", path.display()),
            "solutions have lines like `Route #1: 4 7 2`",
        )?),
        None => None,
    };
    cancel_on_ctrl_c();
    let bar = indicatif::ProgressBar::new_spinner();
    bar.enable_steady_tick(std::time::Duration::from_millis(200));
    let show = |p: Progress| {
        let gap = args.best_known.map_or_else(String::new, |best| {
            format!(", gap {:.2} %", (p.cost / best - 1.0) * 100.0)
        });
        bar.set_message(format!(
            "cost {:.1}{gap}, {} vehicles, {} unserved",
            p.cost, p.n_vehicles, p.n_unserved
        ));
    };
    let (answer, outcome, report) = plan(&loaded, warm.as_ref(), &args.how, cpu_start_s, &show);
    bar.finish_and_clear();
    if let Some(path) = &args.solution {
        let text = match path.extension().and_then(|e| e.to_str()) {
            Some("json") => {
                let value = plan_to_json(&loaded, &outcome.plan, &report);
                serde_json::to_string_pretty(&value)? + "\n"
            }
            Some("csv") => write_csv(&loaded, &outcome.plan),
            _ => write_solution(&loaded, &outcome.plan),
        };
        write_text(path, &text)?;
    }
    if let Some(path) = &args.plot {
        match plot_svg(&loaded, &outcome.plan) {
            Some(svg) => write_text(path, &svg)?,
            None => output::note("no picture: the problem has no coordinates"),
        }
    }
    if args.json {
        output::print_json(&answer)?;
    } else {
        output::print(&tell(&answer))?;
        tell_unserved(&loaded, &outcome.plan)?;
        for violation in &report.violations {
            output::print(&format!("wrong: {violation}\n"))?;
        }
    }
    Ok(if report.violations.is_empty() { ExitCode::SUCCESS } else { ExitCode::from(1) })
}

/// Plans and judges one problem.
pub(crate) fn plan(
    loaded: &Loaded,
    warm: Option<&Plan>,
    how: &How,
    cpu_start_s: f64,
    progress: &(dyn Fn(Progress) + Sync),
) -> (Answer, Outcome, Report) {
    let wall_start = Instant::now();
    let clock = || Seconds(cpu_s() - cpu_start_s);
    let budget = match how.iterations {
        Some(iterations) => Budget::iterations(iterations),
        None => Budget::clock(Seconds(how.budget_cpu_s), &clock),
    };
    let budget = Budget { progress: Some(progress), cancel: Some(&IS_CANCELLED), ..budget };
    let params = Params {
        n_threads: how.threads,
        objective: how.objective.into(),
        weights: how.weighed().unwrap_or_else(|_| Weights::equal()),
        ..Params::standard()
    };
    let outcome = solve(&loaded.problem, warm, &params, &budget, &mut Rng::from_seed(how.seed));
    let report = check(&loaded.problem, &outcome.plan);
    let answer = Answer {
        name: loaded.name.clone(),
        cost: cost_in_units(loaded, &outcome.plan),
        vehicles: report.costs.n_vehicles,
        distance: length_in_units(loaded, &outcome.plan),
        unserved: outcome.plan.unassigned.len(),
        violations: report.violations.len(),
        iterations: outcome.stats.iterations,
        cpu_s: clock().0,
        wall_s: wall_start.elapsed().as_secs_f64(),
        objective: match how.objective {
            ObjectiveArg::Vehicles => "vehicles",
            ObjectiveArg::Distance => "distance",
        },
        threads: how.threads,
        seed: how.seed,
        version: env!("CARGO_PKG_VERSION"),
    };
    (answer, outcome, report)
}

fn tell(a: &Answer) -> String {
    format!(
        "cost {:.3}, {} vehicles, distance {:.3}, {} unserved, {} iterations, {:.2} CPU-s, seed {}\n",
        a.cost, a.vehicles, a.distance, a.unserved, a.iterations, a.cpu_s, a.seed
    )
}

/// Most unserved orders told one by one; all are in the solution file.
const TOLD_MAX: usize = 20;

fn tell_unserved(loaded: &Loaded, plan: &Plan) -> anyhow::Result<()> {
    for out in plan.unassigned.iter().take(TOLD_MAX) {
        let id = loaded.problem.orders()[out.order as usize].id;
        let needs = describe_all(loaded, out);
        let needs = if needs.is_empty() { "nothing that helps".into() } else { needs.join(", ") };
        output::print(&format!("order {id} is left out; it would need: {needs}\n"))?;
    }
    if plan.unassigned.len() > TOLD_MAX {
        output::print(&format!("and {} more\n", plan.unassigned.len() - TOLD_MAX))?;
    }
    Ok(())
}
