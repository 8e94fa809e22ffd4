//! The priced search on planted problems: tours are drawn first, and windows laid around them, so
//! that a plan with so many vehicles is known to exist.

use rv_base::Rng;
use rv_model::dispatch::Problem;

use super::moves::{Work, descend};
use super::tours::{Prices, Tours};
use super::{N_NEAR, Pricing, fits, insert, ruin};
use crate::construct::construct;
use crate::format::{Convention, read_problem};
use crate::instance::{Instance, NONE, Scope, compile};
use crate::near::Near;
use crate::recreate::Dice;
use crate::rich::Share;
use crate::search::{Effort, Span};
use crate::state::State;
use crate::{Budget, Objective, Params, Weights, check, decompose::Part, solve};

/// What the stops of a planted problem are.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Make {
    Deliveries,
    Pairs,
}

const MAKES: [Make; 2] = [Make::Deliveries, Make::Pairs];

/// A problem of `n_tours` tours of `length` stops that fill their vehicles.
fn planted(seed: u64, make: Make, n_tours: usize, length: usize) -> Problem {
    planted_within(seed, make, n_tours, length, 30)
}

/// The same with windows up to so much to either side of when the stop is reached.
fn planted_within(seed: u64, make: Make, n_tours: usize, length: usize, width: usize) -> Problem {
    let mut rng = Rng::from_seed(seed);
    let capacity = 100;
    let mut rows = vec![String::from("0 50 50 0 0 1000 0 0 0")];
    for _ in 0..n_tours {
        let (mut at, mut now) = ((50.0, 50.0), 0.0);
        let mut left = capacity;
        let first = rows.len();
        for k in 0..length {
            let next = (rng.below(100) as f64, rng.below(100) as f64);
            now += f64::hypot(next.0 - at.0, next.1 - at.1) + 1.0;
            at = next;
            let open = (now - 5.0 - rng.below(width) as f64).max(0.0) as i64;
            let close = now as i64 + 5 + rng.below(width) as i64;
            now += 5.0;
            let demand =
                if k + 1 == length { left } else { rng.below((2 * left / (length - k)).max(1)) };
            left -= demand;
            let id = rows.len();
            // The first half of a tour is picked up and then dropped off in the same order.
            let half = length / 2;
            let pair = match make {
                Make::Deliveries => String::new(),
                Make::Pairs if k < half => format!(" 0 {}", id + half),
                Make::Pairs => format!(" {} 0", id - half),
            };
            let amount = match make {
                Make::Deliveries => demand as i64,
                Make::Pairs if k < half => (capacity / half) as i64,
                Make::Pairs => -((capacity / half) as i64),
            };
            rows.push(format!("{id} {} {} {amount} {open} {close} 5{pair}", at.0, at.1));
        }
        assert_eq!(rows.len(), first + length);
    }
    let n_vehicles = n_tours * 3;
    let text = match make {
        Make::Pairs => format!("{n_vehicles} {capacity} 1\n{}\n", rows.join("\n")),
        Make::Deliveries => {
            rows[0] = String::from("0 50 50 0 0 1000 0");
            format!(
                "planted\n\nVEHICLE\nNUMBER CAPACITY\n{n_vehicles} {capacity}\n\nCUSTOMER\n\
                 CUST NO. XCOORD. YCOORD. DEMAND READY DUE SERVICE\n\n{}\n",
                rows.join("\n")
            )
        }
    };
    read_problem(&text, Convention::Exact).expect("planted problems are valid").problem
}

fn compiled(problem: &Problem) -> Instance<'_> {
    let part = Part::all(problem);
    let share = Share::all(problem);
    let scope = Scope { weights: &Weights::equal(), share: &share };
    compile(problem, &part.orders, &part.vehicles, &scope)
}

/// A built plan of an instance, to be searched.
fn built<'i, 'p>(inst: &'i Instance<'p>, near: &Near) -> State<'i, 'p> {
    let mut state = State::new(inst);
    construct(&mut state, near, &mut Dice::new(&mut Rng::from_seed(1)));
    assert!(fits(&state), "planted problems are what this search is made for");
    state
}

/// The same tours, added up from nothing.
fn recomputed<'i, 'p>(tours: &Tours<'i, 'p>) -> Tours<'i, 'p> {
    let seqs = tours.tours.iter().map(|t| t.seq.clone());
    Tours::new(tours.inst, seqs, tours.empties.clone(), tours.prices)
}

#[test]
fn books_are_kept_through_every_step_and_undo() {
    for make in MAKES {
        for seed in 0..4 {
            let problem = planted(seed, make, 5, 8);
            let inst = compiled(&problem);
            let near = Near::new(&inst, 20, 40);
            let state = built(&inst, &near);
            let seqs = state.routes.iter().map(|r| r.seq.clone());
            let prices = Pricing::new(&inst).now;
            let mut tours = Tours::new(&inst, seqs, state.empties.clone(), prices);
            let mut dice = Dice::new(&mut Rng::from_seed(seed));
            let mut work = Work::new(inst.nodes.len(), N_NEAR);
            let mut jobs = Vec::new();
            for step in 0..200_i64 {
                let (cost, seqs) = (tours.cost, all(&tours));
                tours.begin();
                ruin(&mut tours, &near, &mut jobs, &mut dice, &mut work);
                for &job in &jobs {
                    insert(&mut tours, &near, job, &mut dice, &mut work);
                }
                let inserted = tours.cost;
                descend(&mut tours, &near, &mut work);
                assert!(tours.cost <= inserted, "the local search makes nothing worse");
                if step % 3 == 0 {
                    tours.undo();
                    assert_eq!((tours.cost, all(&tours)), (cost, seqs), "{make:?} {seed} {step}");
                }
                let anew = recomputed(&tours);
                let sums = |t: &Tours<'_, '_>| (t.cost, t.warp, t.overload, t.n_used);
                assert_eq!(sums(&tours), sums(&anew), "{make:?} {seed} {step}");
                for (a, b) in tours.peaks.iter().zip(&anew.peaks) {
                    assert_eq!((a.up_to, a.from, a.n_open), (b.up_to, b.from, b.n_open));
                }
                holds_all_jobs(&tours);
                let price = 1 + step % 7;
                tours.set_prices(Prices { warp: price * 300, load: price * 5_000 });
            }
        }
    }
}

fn all(tours: &Tours<'_, '_>) -> Vec<Vec<u32>> {
    tours.tours.iter().map(|t| t.seq.clone()).collect()
}

/// Each job once, pickups before their dropoffs on the same route.
fn holds_all_jobs(tours: &Tours<'_, '_>) {
    let mut n = 0;
    for tour in &tours.tours {
        for (pos, &id) in
            tour.seq.iter().enumerate().filter(|(_, id)| **id < tours.inst.n_tasks as u32)
        {
            n += 1;
            assert_eq!(tours.spots[id as usize].pos as usize, pos);
            let job = &tours.inst.jobs[tours.inst.nodes[id as usize].job as usize];
            if job.second != NONE && id == job.first {
                assert!(tour.seq[pos..].contains(&job.second));
            }
        }
    }
    assert_eq!(n, tours.inst.n_tasks);
}

/// The gain criterion passes moves over that no leg promises; what is lost by it is little.
#[test]
fn the_gain_criterion_passes_over_few_relocations() {
    let (mut n_stops, mut n_missed) = (0, 0);
    for seed in 0..10 {
        let problem = planted(seed, Make::Deliveries, 5, 8);
        let inst = compiled(&problem);
        let near = Near::new(&inst, inst.n_tasks, 40);
        let state = built(&inst, &near);
        let seqs = state.routes.iter().map(|r| r.seq.clone());
        let prices = Pricing::new(&inst).now;
        let mut tours = Tours::new(&inst, seqs, state.empties.clone(), prices);
        let mut work = Work::new(inst.nodes.len(), inst.n_tasks);
        for id in 0..inst.n_tasks as u32 {
            work.push(&tours, id);
        }
        descend(&mut tours, &near, &mut work);
        let seqs = all(&tours);
        let used = |v: &usize| seqs[*v].len() > 2;
        for id in 0..inst.n_tasks as u32 {
            let from = tours.spots[id as usize].route as usize;
            let mut places = (0..seqs.len())
                .filter(|&to| to != from)
                .filter(used)
                .flat_map(|to| (1..seqs[to].len()).map(move |pos| (to, pos)));
            n_stops += 1;
            n_missed += i32::from(places.any(|(to, pos)| {
                let mut moved = seqs.clone();
                moved[from].retain(|&at| at != id);
                moved[to].insert(pos, id);
                let empties = tours.empties.clone();
                Tours::new(&inst, moved.into_iter(), empties, prices).cost < tours.cost
            }));
        }
    }
    assert!(n_missed * 20 <= n_stops, "{n_missed} of {n_stops} stops have a better place");
}

#[test]
fn breaches_can_always_be_priced_a_thousandfold() {
    let costs = [1e-6, 1.0, 1e6];
    for per_km in costs {
        let mut data = planted(1, Make::Pairs, 4, 8).into_data();
        for vehicle in &mut data.vehicles {
            vehicle.cost_per_km = rv_base::Money::from_units(per_km);
        }
        let problem = Problem::new(data).expect("it was valid before");
        let inst = compiled(&problem);
        let prices = Pricing::new(&inst);
        assert!(prices.most.warp >= 1000 * prices.now.warp, "at {per_km} per km");
        assert!(prices.most.load >= 1000 * prices.now.load, "at {per_km} per km");
    }
}

#[test]
fn plans_hold_and_depend_on_nothing_but_their_seed() {
    for make in MAKES {
        for objective in [Objective::Cost, Objective::VehiclesFirst] {
            for seed in 0..3 {
                let problem = planted(seed, make, 6, 10);
                let params = Params { objective, ..Params::standard() };
                let run = || {
                    let budget = Budget::iterations(3_000);
                    solve(&problem, None, &params, &budget, &mut Rng::from_seed(seed))
                };
                let (one, two) = (run(), run());
                assert_eq!(one.plan, two.plan, "{make:?} {objective:?} {seed}");
                let report = check(&problem, &one.plan);
                assert_eq!(report.violations, [], "{make:?} {objective:?} {seed}");
                assert_eq!(one.plan.unassigned.len(), 0, "{make:?} {objective:?} {seed}");
            }
        }
    }
}

#[test]
fn fewer_vehicles_are_found_by_breaching_and_by_ejection() {
    for (make, reduce) in [
        (Make::Deliveries, super::reduce as Reduce),
        (Make::Deliveries, super::eject),
        (Make::Pairs, super::eject),
    ] {
        let (mut n_built, mut n_left) = (0, 0);
        for seed in 0..4 {
            let problem = planted_within(seed, make, 15, 10, 60);
            let inst = compiled(&problem);
            let near = Near::new(&inst, 40, 80);
            let mut state = built(&inst, &near);
            n_built += state.n_used;
            let n_steps = 10_000;
            let budget = Budget::iterations(n_steps);
            let span = Span { iterations: n_steps, spent: 0, progress: None };
            reduce(&mut state, &near, &budget, span, 1.0, &mut Rng::from_seed(seed));
            assert_eq!(state.absent.len(), 0);
            let n_seen: usize = state.routes.iter().map(|r| r.seq.len() - 2).sum();
            assert_eq!(n_seen, inst.n_tasks, "each stop once");
            n_left += state.n_used;
        }
        assert!(n_left < n_built, "{make:?}: {n_built} stay {n_left}");
    }
}

type Reduce = fn(&mut State<'_, '_>, &Near, &Budget<'_>, Span, f64, &mut Rng) -> Effort;
