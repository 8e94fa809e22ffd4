//! Fewer vehicles by breaching on the way: a route is given up, its jobs go where they breach least,
//! and the search goes on, most of it around the routes that are broken, until all are sound again
//! (cf. Nagata and Bräysy 2009, Operations Research Letters 37(5), whose squeeze lowers breaches
//! alone; here they are weighed against cost, at prices that rise and fall).

use rv_base::Rng;

use crate::Budget;
use crate::fleet::{Patience, n_routes_min};
use crate::instance::Instance;
use crate::recreate::Dice;
use crate::search::{Effort, STEPS_PER_CHECK, Span, progress, temperatures};

/// Steps at one price, as many as there are jobs within these bounds, by which factor it then rises,
/// and from which multiple of the first price it falls back.
const STEPS_PER_RISE: (u64, u64) = (50, 200);
const RISE: f64 = 1.15;
const HIGHEST: f64 = 200.0;
/// Share of the steps that begin at a broken route.
const AT_BREACH: f64 = 0.6;
/// Temperature against the last one of annealing.
const WARMTH: f64 = 4.0;

/// A plan under search whose routes may be broken at a price.
pub(crate) trait Squeeze {
    /// Routes with work.
    fn n_used(&self) -> usize;
    /// Whether no route is broken.
    fn is_sound(&self) -> bool;
    /// The cost, breaches at their prices.
    fn cost(&self) -> i64;
    /// Units of the instance in a unit of the cost.
    fn unit(&self) -> f64;
    /// Sets what breaches cost, as a multiple of the first price.
    fn set_prices(&mut self, rise: f64);
    /// Starts a step that can be undone.
    fn begin(&mut self);
    fn undo(&mut self);
    /// Ruins around a job, recreates and improves.
    fn step(&mut self, seed: u32, dice: &mut Dice);
    /// Keeps the plan as the best one.
    fn keep(&mut self);
    /// Some job on some broken route.
    fn broken_job(&self, dice: &mut Dice) -> Option<u32>;
    /// Counts each job on a broken route.
    fn count_broken(&self, n_tried: &mut [u64]);
    /// Gives up the route whose jobs were least in the way, and puts its jobs in others; false if
    /// there is no route to give up.
    fn give_up_one(&mut self, n_tried: &[u64], dice: &mut Dice) -> bool;
}

/// Keeps the plan with the fewest vehicles found before `share` of the budget is used or the search
/// stagnates. The plan it begins with is sound.
pub(crate) fn squeeze(
    plan: &mut impl Squeeze,
    budget: &Budget<'_>,
    span: Span,
    share: f64,
    inst: &Instance<'_>,
    rng: &mut Rng,
) -> Effort {
    let mut effort = Effort::default();
    let mut dice = Dice::new(rng);
    let temperature = temperatures(inst).1 / plan.unit() * WARMTH;
    let n_min = n_routes_min(inst);
    let mut patience = Patience::new(inst);
    let mut n_tried = vec![1_u64; inst.jobs.len()];
    let steps_per_rise = (inst.jobs.len() as u64).clamp(STEPS_PER_RISE.0, STEPS_PER_RISE.1);
    let mut rise = 1.0;
    plan.set_prices(rise);
    loop {
        if plan.is_sound() {
            effort.improvements += 1;
            plan.keep();
            if plan.n_used() <= n_min || !plan.give_up_one(&n_tried, &mut dice) {
                break;
            }
            rise = 1.0;
            plan.set_prices(rise);
        }
        if effort.iterations.is_multiple_of(STEPS_PER_CHECK) {
            let n_done = span.spent + effort.iterations;
            let Some(done) = progress(budget, span.iterations, n_done) else { break };
            if done >= share || patience.is_over(done, (plan.n_used(), 0)) {
                break;
            }
        }
        effort.iterations += 1;
        let before = plan.cost();
        plan.begin();
        let at_breach = if dice.unit() < AT_BREACH { plan.broken_job(&mut dice) } else { None };
        let seed = at_breach.unwrap_or_else(|| dice.below(inst.jobs.len()) as u32);
        plan.step(seed, &mut dice);
        let limit = before as f64 - temperature * dice.unit().max(1e-300).ln();
        if !plan.is_sound() && plan.cost() as f64 >= limit {
            plan.undo();
        }
        if effort.iterations.is_multiple_of(steps_per_rise) {
            rise = if rise > HIGHEST { 1.0 } else { rise * RISE };
            plan.set_prices(rise);
            plan.count_broken(&mut n_tried);
        }
    }
    effort
}
