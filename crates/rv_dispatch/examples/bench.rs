//! Speed and gap experiments: `bench CONVENTION OBJECTIVE CPU_S SEED FILE...` prints one line each.
#![allow(clippy::print_stdout, clippy::unwrap_used)]

use rv_base::{Rng, Seconds};
use rv_dispatch::format::{Convention, cost_in_units, read_problem};
use rv_dispatch::{Budget, Objective, Params, check, solve};

fn cpu_s() -> f64 {
    let text = std::fs::read_to_string("/proc/self/stat").unwrap();
    let fields: Vec<&str> = text.rsplit(')').next().unwrap().split_whitespace().collect();
    (fields[11].parse::<f64>().unwrap() + fields[12].parse::<f64>().unwrap()) / 100.0
}

fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let convention = match args[0].as_str() {
        "dimacs" => Convention::Dimacs,
        "exact" => Convention::Exact,
        _ => Convention::OfFile,
    };
    let objective = if args[1] == "vehicles" { Objective::VehiclesFirst } else { Objective::Cost };
    let (budget_s, seed): (f64, u64) = (args[2].parse().unwrap(), args[3].parse().unwrap());
    for path in &args[4..] {
        let start = cpu_s();
        let loaded = read_problem(&std::fs::read_to_string(path).unwrap(), convention).unwrap();
        let clock = || Seconds(cpu_s() - start);
        let budget = Budget::clock(Seconds(budget_s), &clock);
        let params = Params { objective, ..Params::standard() };
        let out = solve(&loaded.problem, None, &params, &budget, &mut Rng::from_seed(seed));
        let report = check(&loaded.problem, &out.plan);
        println!(
            "{} cost {:.2} vehicles {} unserved {} violations {} its {} cpu {:.1}",
            path.rsplit('/').next().unwrap(),
            cost_in_units(&loaded, &out.plan),
            report.costs.n_vehicles,
            out.plan.unassigned.len(),
            report.violations.len(),
            out.stats.iterations,
            clock().0
        );
    }
}
