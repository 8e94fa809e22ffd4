//! Makes a week and plans it: greedily, then by search, as `robovan linehaul bench` does, with the checker
//! over both plans.
//!
//! `cargo run --release -p rv_linehaul --example week -- 200,12000,10000 120 1 APdata200`: hubs, lanes and
//! commodities; CPU seconds; seed; where hubs are (the OR-Library's list, 15 m a unit).
#![allow(clippy::print_stdout, clippy::unwrap_used, reason = "a benchmark prints, and fails aloud")]

use rv_base::{Rng, Seconds};
use rv_linehaul::{Budget, Effort, WeekShape, check_week, generate_week, solve_week};

/// CPU seconds of this process, from Linux's /proc.
fn cpu_s() -> f64 {
    let text = std::fs::read_to_string("/proc/self/stat").unwrap();
    let fields: Vec<&str> = text.rsplit(')').next().unwrap().split_whitespace().collect();
    let ticks = |i: usize| fields[i].parse::<f64>().unwrap();
    (ticks(11) + ticks(12)) / 100.0
}

fn main() {
    let args: Vec<String> = std::env::args().collect();
    let size: Vec<usize> = args[1].split(',').map(|n| n.parse().unwrap()).collect();
    let (limit_s, seed): (f64, u64) = (args[2].parse().unwrap(), args[3].parse().unwrap());
    let places = args.get(4).map_or(Vec::new(), |path| {
        let text = std::fs::read_to_string(path).unwrap();
        let words = text.split_whitespace().skip(1).take(2 * size[0]);
        let numbers: Vec<f64> = words.map(|n| n.parse().unwrap()).collect();
        numbers.chunks_exact(2).map(|p| (p[0] * 15.0, p[1] * 15.0)).collect()
    });
    let (n_hubs, n_lanes, n_commodities) = (size[0], size[1], size[2]);
    let shape = WeekShape { n_hubs, n_lanes, n_commodities, hours: 168, places };
    let week = generate_week(&shape, &Rng::from_seed(seed));
    for effort in [Effort::Greedy, Effort::Search] {
        let start_s = cpu_s();
        let clock = || Seconds(cpu_s() - start_s);
        let budget = Budget::clock(Seconds(limit_s), &clock);
        let rng = Rng::from_seed(seed);
        let found = solve_week(&week, effort, &budget, &rng, &mut |_, _| {}).unwrap();
        let report = check_week(&week, &found.plan);
        assert_eq!(report.violations, []);
        let (busy, early) = (&found.peak_kg, &found.peak_unsmoothed_kg);
        let most = |peaks: &[f64]| peaks.iter().copied().fold(0.0, f64::max);
        let below = |now: f64, before: f64| 100.0 * (1.0 - now / before);
        println!(
            "{effort:?}: cost {:.0}, bound {:.0}, gap {:.2} %, {} steps, {:.1} CPU s; empty {:.1} %; peaks below \
             early departure: busiest hub {:.0} %, summed {:.0} %; late {}, left {}, trucks missing {}",
            report.cost,
            found.bound,
            100.0 * (1.0 - found.bound / report.cost),
            found.n_steps,
            clock().0,
            100.0 * report.empty_m / (report.empty_m + report.loaded_m),
            below(most(busy), most(early)),
            below(busy.iter().sum(), early.iter().sum()),
            report.n_late,
            report.n_short,
            found.n_missing_trucks
        );
    }
}
