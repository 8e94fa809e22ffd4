//! Large problems in rounds: cut into parts, solved side by side, and cut anew along other lines
//! until the budget ends (cf. Santini et al. 2023, decomposition by route barycentres).

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use rv_base::Rng;
use rv_model::dispatch::{Plan, Problem, Route, Task};

use crate::decompose::{Part, Points, parts_of_orders, parts_of_routes};
use crate::parts::shares;
use crate::search::{Effort, Span};
use crate::solve::{Params, Stats, first_routes, left_out, solve_part};
use crate::{Budget, Progress};

/// Above so many stops a problem is vast: it has time for few steps per stop, and small parts, whose
/// tables stay in the processor's caches, make the most of it.
const VAST_STOPS: usize = 15_000;
/// Stops of one part of a vast problem, in the first round, which builds routes, and later.
const FIRST_PART_STOPS: usize = 300;
pub(crate) const VAST_PART_STOPS: usize = 250;
/// Iterations per stop that one part gets in one round at most, and at least.
const ROUND_ITERATIONS: f64 = 40.0;
const ROUND_ITERATIONS_MIN: f64 = 2.0;
/// Rounds that a budget is to allow for, if each then has enough iterations.
const N_ROUNDS: f64 = 12.0;
/// Most rounds.
const ROUNDS_MAX: u64 = 10_000;
/// Share of the cooling that is over at the start of a search with so few iterations per stop, and
/// with so many: what is short begins cooler.
const COOL: [(f64, f64); 2] = [(15.0, 0.5), (1500.0, 0.1)];

/// Cuts the problem into parts, solves them, and cuts it anew until the budget ends.
pub(crate) fn solve_in_rounds(
    problem: &Problem,
    warm: Option<&Plan>,
    params: &Params,
    budget: &Budget<'_>,
    n_stops: usize,
    rng: &mut Rng,
) -> (Vec<Route>, Stats) {
    let mut plan = warm.cloned().unwrap_or_default();
    plan.routes.sort_by_key(|r| r.vehicle);
    let points = Points::new(problem);
    let mut rounds = Rounds { problem, params, budget, points, stats: Stats::default() };
    let is_vast = n_stops > VAST_STOPS;
    let most = |stops: usize| {
        if is_vast { stops.min(params.part_stops_max) } else { params.part_stops_max }
    };
    if warm.is_none() {
        let parts = parts_of_orders(problem, &rounds.points, most(FIRST_PART_STOPS));
        rounds.run(&mut plan, &parts, Work::Build, &rng.fork_idx("round", 0));
    }
    let mut pace = Pace::new(budget, n_stops, rounds.stats.iterations);
    for round in 1..=ROUNDS_MAX {
        let Some((per_stop, progress)) = pace.next(budget, rounds.stats.iterations) else { break };
        let rng = rng.fork_idx("round", round);
        let stops_max = most(VAST_PART_STOPS);
        let mut cut = rng.fork("cut");
        let parts = parts_of_routes(problem, &rounds.points, &plan, stops_max, &mut cut);
        let spent = rounds.stats.iterations;
        rounds.run(&mut plan, &parts, Work::Improve { per_stop, progress }, &rng);
        if rounds.stats.iterations == spent {
            break; // Nothing can be moved.
        }
    }
    (plan.routes, rounds.stats)
}

/// What a round does.
#[derive(Clone, Copy)]
enum Work {
    Build,
    Improve {
        /// Iterations per stop.
        per_stop: f64,
        /// Of the cooling.
        progress: f64,
    },
}

struct Rounds<'a, 'b> {
    problem: &'a Problem,
    params: &'a Params,
    budget: &'a Budget<'b>,
    points: Points,
    stats: Stats,
}

impl Rounds<'_, '_> {
    /// One round over parts. Parts whose turn comes after the budget ended keep their routes; only a
    /// first plan is built all the same, unless it is cancelled.
    fn run(&mut self, plan: &mut Plan, parts: &[Part], work: Work, rng: &Rng) {
        let Self { problem, params, budget, .. } = *self;
        let mut shares = shares(problem, &self.points, parts, plan);
        shares.iter_mut().for_each(|s| s.has_spare_depots = false);
        let told = Mutex::new(progress_of(problem, plan));
        let solved = in_parallel(params.n_threads, parts.len(), |idx| {
            let part = &parts[idx];
            let before = || {
                let is_mine = |r: &&Route| part.vehicles.binary_search(&r.vehicle).is_ok();
                plan.routes.iter().filter(is_mine)
            };
            let (share, rng) = (&shares[idx], rng.fork_idx("parts", idx as u64));
            let found = match work {
                Work::Build if !budget.is_cancelled() => {
                    (first_routes(problem, part, share, params, &rng), Effort::default())
                }
                Work::Improve { per_stop, progress } if !budget.is_over() => {
                    let iterations = (per_stop * part.n_stops(problem) as f64) as u64;
                    let span = Span { iterations, spent: 0, progress: Some(progress) };
                    solve_part(problem, part, share, Some(plan), params, budget, span, &rng)
                }
                _ => return (before().cloned().collect(), Effort::default()),
            };
            if let (Some(tell), Ok(mut told)) = (budget.progress, told.lock()) {
                let (old, new) = (sum_of(problem, before()), sum_of(problem, found.0.iter()));
                told.cost += new.cost - old.cost;
                told.n_vehicles = told.n_vehicles + new.n_vehicles - old.n_vehicles;
                told.n_unserved = told.n_unserved + old.n_served - new.n_served;
                tell(*told);
            }
            found
        });
        plan.routes.clear();
        for (routes, effort) in solved {
            plan.routes.extend(routes);
            self.stats.add(effort);
        }
        plan.routes.sort_by_key(|r| r.vehicle);
    }
}

/// How many iterations the next round gets, and how far the search is then.
struct Pace {
    n_stops: f64,
    /// Iterations and share of the clock's limit before the first round of improvement.
    start: (f64, f64),
    /// Iterations per stop of a round, where they are counted.
    counted: Option<f64>,
}

impl Pace {
    fn new(budget: &Budget<'_>, n_stops: usize, spent: u64) -> Self {
        let n_stops = n_stops as f64;
        let counted = budget.iterations.map(|total| {
            let per_stop = total as f64 / n_stops;
            let n_rounds = (per_stop / ROUND_ITERATIONS).max(N_ROUNDS).ceil();
            (per_stop / n_rounds).max(ROUND_ITERATIONS_MIN.min(per_stop))
        });
        Self { n_stops, start: (spent as f64, budget.clock_progress()), counted }
    }

    /// Iterations per stop and progress of the next round; `None` when the budget has ended.
    fn next(&mut self, budget: &Budget<'_>, spent: u64) -> Option<(f64, f64)> {
        if budget.is_over() {
            return None;
        }
        let spent = spent as f64;
        let (clock, mut progress) = (budget.clock_progress(), 0.0_f64);
        let mut total = f64::INFINITY;
        let mut per_stop = ROUND_ITERATIONS;
        if let (Some(iterations), Some(counted)) = (budget.iterations, self.counted) {
            let left = iterations as f64 - spent;
            // Steps come in checked portions: the last few are no round.
            if left < 0.5 * counted * self.n_stops || left < 1.0 {
                return None;
            }
            total = iterations as f64 / self.n_stops;
            progress = spent / iterations as f64;
            per_stop = counted.min(left / self.n_stops);
        }
        if budget.clock.is_some() {
            // What the rounds so far took says what the next may cost.
            let took = clock - self.start.1;
            let per_share = (spent - self.start.0) / self.n_stops / took.max(1e-9);
            per_stop = if took > 0.0 && spent > self.start.0 {
                let n = ((1.0 - self.start.1) * per_share / ROUND_ITERATIONS).max(N_ROUNDS);
                let round = (1.0 - self.start.1) * per_share / n;
                total = total.min((1.0 - self.start.1) * per_share);
                per_stop.min(round.max(ROUND_ITERATIONS_MIN))
            } else {
                ROUND_ITERATIONS_MIN
            };
            progress = progress.max((clock - self.start.1) / (1.0 - self.start.1).max(1e-9));
        }
        Some((per_stop, cooled(progress, total)))
    }
}

/// Progress of the cooling at a share of a search with so many iterations per stop.
fn cooled(progress: f64, per_stop: f64) -> f64 {
    let [(few, cool), (many, hot)] = COOL;
    let at = ((per_stop / few).ln() / (many / few).ln()).clamp(0.0, 1.0);
    let begun = cool + (hot - cool) * at;
    (begun + (1.0 - begun) * progress).clamp(0.0, 1.0)
}

/// Routes in figures.
struct Sum {
    cost: f64,
    n_vehicles: usize,
    n_served: usize,
}

fn sum_of<'a>(problem: &Problem, routes: impl Iterator<Item = &'a Route>) -> Sum {
    let mut sum = Sum { cost: 0.0, n_vehicles: 0, n_served: 0 };
    for route in routes {
        let vehicle = &problem.vehicles()[route.vehicle as usize];
        let hours = (route.end_ms - route.depart_ms) as f64 / 3.6e6;
        sum.cost += vehicle.cost_fixed.to_units()
            + vehicle.cost_per_km.to_units() * route.distance_mm as f64 / 1e6
            + vehicle.cost_per_hour.to_units() * hours;
        sum.n_vehicles += 1;
        sum.n_served += route.tasks().filter(|t| matches!(t, Task::Serve(_))).count();
    }
    sum
}

/// A plan in figures.
fn progress_of(problem: &Problem, plan: &Plan) -> Progress {
    let sum = sum_of(problem, plan.routes.iter());
    let n_unserved = left_out(problem, plan).len();
    Progress { cost: sum.cost, n_vehicles: sum.n_vehicles, n_unserved }
}

/// Runs `job` for every index, on so many threads, and returns the results in order.
fn in_parallel<T: Send>(n_threads: usize, n: usize, job: impl Fn(usize) -> T + Sync) -> Vec<T> {
    let next = AtomicUsize::new(0);
    let done: Vec<Mutex<Option<T>>> = (0..n).map(|_| Mutex::new(None)).collect();
    let work = || {
        loop {
            let idx = next.fetch_add(1, Ordering::Relaxed);
            if idx >= n {
                break;
            }
            let result = job(idx);
            if let Ok(mut slot) = done[idx].lock() {
                *slot = Some(result);
            }
        }
    };
    std::thread::scope(|scope| {
        for _ in 1..n_threads.clamp(1, n.max(1)) {
            scope.spawn(work);
        }
        work();
    });
    done.into_iter().filter_map(|slot| slot.into_inner().ok().flatten()).collect()
}
