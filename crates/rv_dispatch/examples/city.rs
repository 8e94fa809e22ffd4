//! Plans a random city on so many threads and says how long the first plan took, what each round
//! after it gained, and how much memory it took:
//!
//! ```sh
//! cargo run --release -p rv_dispatch --example city -- STOPS VANS CPU_SECONDS THREADS SEED [PLAN.sol]
//! ```
//!
//! With a file, the plan in it is where the search begins, and the best plan is written there.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "an example speaks to its user")]

use std::sync::Mutex;
use std::time::Instant;

use rv_base::{Rng, Seconds};
use rv_dispatch::format::{CityParams, random_city, read_solution, write_solution};
use rv_dispatch::{Budget, Params, Progress, check, solve};
use rv_model::dispatch::{Plan, Task};

fn main() {
    let mut args: Vec<String> = std::env::args().skip(1).collect();
    let file = if args.len() > 5 { args.pop() } else { None };
    let numbers: Vec<f64> = args.iter().filter_map(|a| a.parse().ok()).collect();
    let [stops, vans, budget_s, threads, seed] = numbers[..] else {
        eprintln!("usage: city STOPS VANS CPU_SECONDS THREADS SEED [PLAN.sol]");
        return;
    };
    let params = CityParams {
        n_stops: stops as u32,
        n_vehicles: vans as u32,
        n_depots: (stops / 1000.0).max(1.0) as u32,
        n_chargers: (stops / 200.0).max(1.0) as u32,
        windows_share: 0.5,
        capacity: 30,
    };
    let Some(document) = random_city(&params, &mut Rng::from_seed(seed as u64)) else {
        eprintln!("a number is out of range");
        return;
    };
    let loaded = match document.load() {
        Ok(loaded) => loaded,
        Err(error) => {
            eprintln!("{error}");
            return;
        }
    };
    drop(document);
    let (wall, cpu) = (Instant::now(), cpu_s());
    let tell = |what: &str, plan: &Plan| {
        let report = check(&loaded.problem, plan);
        println!(
            "{what}: cost {:.0}, {} vehicles, {} reloads, {} charges, {} of {} left out, {} violations; {:.1} s, {:.1} CPU s, {} MB",
            report.costs.total().to_units(),
            report.costs.n_vehicles,
            visits(plan, |t| matches!(t, Task::Reload(_))),
            visits(plan, |t| matches!(t, Task::Charge { .. })),
            plan.unassigned.len(),
            loaded.problem.orders().len(),
            report.violations.len(),
            wall.elapsed().as_secs_f64(),
            cpu_s() - cpu,
            peak_mb(),
        );
    };
    let params = Params { n_threads: threads as usize, n_explained_max: 0, ..Params::standard() };
    let mut rng = Rng::from_seed(seed as u64);
    let saved = file.as_ref().and_then(|file| std::fs::read_to_string(file).ok());
    let first = match saved.map(|text| read_solution(&loaded, &text)) {
        Some(Ok(plan)) => plan,
        Some(Err(error)) => {
            eprintln!("{error}");
            return;
        }
        None => solve(&loaded.problem, None, &params, &Budget::iterations(0), &mut rng).plan,
    };
    tell("first", &first);
    let clock = || Seconds(cpu_s() - cpu);
    // Thirty lines at most.
    let last = Mutex::new(0.0);
    let show = |p: Progress| {
        let (now, Ok(mut last)) = (cpu_s() - cpu, last.lock()) else { return };
        if now - *last < (budget_s / 30.0).max(1.0) {
            return;
        }
        *last = now;
        println!(
            "routes cost {:.0}, {} vehicles, {} left out; {:.1} s, {:.1} CPU s",
            p.cost,
            p.n_vehicles,
            p.n_unserved,
            wall.elapsed().as_secs_f64(),
            cpu_s() - cpu,
        );
    };
    let budget = Budget { progress: Some(&show), ..Budget::clock(Seconds(budget_s), &clock) };
    let outcome = solve(&loaded.problem, Some(&first), &params, &budget, &mut rng);
    tell(&format!("best, {} iterations", outcome.stats.iterations), &outcome.plan);
    if let Some(file) = file
        && let Err(error) = std::fs::write(&file, write_solution(&loaded, &outcome.plan))
    {
        eprintln!("{file}: {error}");
    }
}

fn visits(plan: &Plan, is_meant: impl Fn(&Task) -> bool) -> usize {
    plan.routes.iter().flat_map(|r| r.tasks()).filter(is_meant).count()
}

/// CPU time of the process, s.
fn cpu_s() -> f64 {
    let text = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields: Vec<&str> = text.rsplit(')').next().unwrap_or("").split_whitespace().collect();
    let ticks = |at: usize| fields.get(at).and_then(|f| f.parse::<f64>().ok()).unwrap_or(0.0);
    (ticks(11) + ticks(12)) / 100.0
}

/// Most memory held at any time, MB.
fn peak_mb() -> u64 {
    let text = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = text.lines().find(|l| l.starts_with("VmHWM"));
    line.and_then(|l| l.split_whitespace().nth(1)?.parse::<u64>().ok()).unwrap_or(0) / 1024
}
