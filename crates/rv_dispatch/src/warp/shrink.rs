//! Fewer vehicles: a route is given up, its jobs go where they breach least, and the search goes on,
//! most of it around the routes that are broken, until all are sound again (cf. Nagata and Bräysy
//! 2009, Operations Research Letters 37(5), whose squeeze lowers breaches alone; here they are
//! weighed against cost, at prices that rise and fall).

use rv_base::Rng;

use super::moves::{Work, descend};
use super::tours::{Prices, Tours};
use super::{Best, N_NEAR, Pricing, insert, ruin_around};
use crate::Budget;
use crate::fleet::{Patience, emptied_first, n_routes_min};
use crate::instance::NONE;
use crate::near::Near;
use crate::recreate::Dice;
use crate::search::{Effort, STEPS_PER_CHECK, Span, progress, sort_jobs, temperatures};
use crate::state::State;

/// Steps at one price, by which factor it then rises, and from which multiple of the first price it
/// falls back.
const STEPS_PER_RISE: u64 = 200;
const RISE: f64 = 1.15;
const HIGHEST: f64 = 200.0;
/// Share of the steps that begin at a broken route.
const AT_BREACH: f64 = 0.6;
/// Temperature against the last one of annealing.
const WARMTH: f64 = 4.0;

/// Leaves the plan with the fewest vehicles found before `share` of the budget is used or the search
/// stagnates; from then on no further route can be opened.
pub(crate) fn reduce(
    state: &mut State<'_, '_>,
    near: &Near,
    budget: &Budget<'_>,
    span: Span,
    share: f64,
    rng: &mut Rng,
) -> Effort {
    let mut effort = Effort::default();
    let inst = state.inst;
    let mut dice = Dice::new(rng);
    let first = Pricing::new(inst).now;
    let seqs = state.routes.iter().map(|r| r.seq.clone());
    let closed = vec![Vec::new(); state.empties.len()];
    let mut tours = Tours::new(inst, seqs, closed, first);
    let mut best = Best::new(&mut tours);
    let mut work = Work::new(inst.nodes.len(), N_NEAR);
    let unit = tours.per_mm as f64 / inst.cost_per_mm(0) as f64;
    let temperature = temperatures(inst).1 * unit * WARMTH;
    let n_min = n_routes_min(inst);
    let mut patience = Patience::new(inst);
    let mut jobs = Vec::new();
    let mut n_tried = vec![1_u64; inst.jobs.len()];
    let mut rise = 1.0;
    loop {
        if tours.is_sound() {
            effort.improvements += 1;
            best.keep(&mut tours);
            if tours.n_used <= n_min
                || !give_up_one(&mut tours, near, &n_tried, &mut dice, &mut work)
            {
                break;
            }
            rise = 1.0;
            tours.set_prices(first);
        }
        if effort.iterations.is_multiple_of(STEPS_PER_CHECK) {
            let n_done = span.spent + effort.iterations;
            let Some(done) = progress(budget, span.iterations, n_done) else { break };
            if done >= share || patience.is_over(done, (tours.n_used, 0)) {
                break;
            }
        }
        effort.iterations += 1;
        let before = tours.cost;
        tours.begin();
        let seed = seed(&tours, &mut dice);
        ruin_around(&mut tours, near, seed, &mut jobs, &mut dice, &mut work);
        sort_jobs(inst, &mut jobs, &mut dice);
        for &job in &jobs {
            insert(&mut tours, near, job, &mut dice, &mut work);
        }
        descend(&mut tours, near, &mut work);
        let limit = before as f64 - temperature * dice.unit().max(1e-300).ln();
        if !tours.is_sound() && tours.cost as f64 >= limit {
            tours.undo();
        }
        if effort.iterations.is_multiple_of(STEPS_PER_RISE) {
            rise = if rise > HIGHEST { 1.0 } else { rise * RISE };
            let at = |price: i64| (price as f64 * rise) as i64;
            tours.set_prices(Prices { warp: at(first.warp), load: at(first.load) });
            for v in broken(&tours) {
                for &id in &tours.tours[v].seq {
                    if let Some(n) = n_tried.get_mut(inst.nodes[id as usize].job as usize) {
                        *n += 1;
                    }
                }
            }
        }
    }
    best.restore(state);
    for v in 0..state.routes.len() as u32 {
        state.park(v);
    }
    effort
}

/// Routes that have jobs and are late or overloaded.
fn broken<'a>(tours: &'a Tours<'_, '_>) -> impl Iterator<Item = usize> + 'a {
    (0..tours.tours.len())
        .filter(|&v| tours.tours[v].seq.len() > 2 && tours.penalty_now(v as u32) > 0)
}

/// The job around which a step ruins.
fn seed(tours: &Tours<'_, '_>, dice: &mut Dice) -> u32 {
    let inst = tours.inst;
    if dice.unit() < AT_BREACH {
        let n = broken(tours).count();
        if let Some(v) = (n > 0).then(|| broken(tours).nth(dice.below(n))).flatten() {
            let seq = &tours.tours[v].seq;
            let node = seq[1 + dice.below(seq.len() - 2)];
            return inst.nodes[node as usize].job;
        }
    }
    dice.below(inst.jobs.len()) as u32
}

/// Gives up the route whose jobs were least in the way, and puts its jobs in others; false if there
/// is no route to give up.
fn give_up_one(
    tours: &mut Tours<'_, '_>,
    near: &Near,
    n_tried: &[u64],
    dice: &mut Dice,
    work: &mut Work,
) -> bool {
    let inst = tours.inst;
    if tours.n_used < 2 {
        return false;
    }
    let jobs = |seq: &[u32]| -> Vec<u32> {
        seq.iter().map(|&id| inst.nodes[id as usize].job).filter(|&job| job != NONE).collect()
    };
    let routes = tours.tours.iter().enumerate().filter(|(_, t)| t.seq.len() > 2);
    let routes = routes.map(|(v, t)| (v as u32, jobs(&t.seq)));
    let Some(v) = emptied_first(routes, n_tried, dice) else { return false };
    tours.begin();
    let mut gone = jobs(&tours.tours[v as usize].seq);
    gone.sort_unstable();
    gone.dedup();
    for &id in &tours.tours[v as usize].seq.clone() {
        tours.spots[id as usize].route = NONE;
    }
    tours.edit(v, |seq| _ = seq.drain(1..seq.len() - 1));
    // Neither this one nor any emptied before is opened again; those that steps empty on the way
    // to a sound plan may be.
    tours.empties.iter_mut().for_each(Vec::clear);
    for &job in &gone {
        insert(tours, near, job, dice, work);
    }
    descend(tours, near, work);
    true
}
