//! Fewer vehicles for routes that may run late or overloaded on the way.

use rv_base::Rng;

use super::moves::{Work, descend};
use super::tours::{Prices, Tours};
use super::{Best, N_NEAR, Pricing, insert, per_mm, ruin_around};
use crate::Budget;
use crate::fleet::emptied_first;
use crate::instance::NONE;
use crate::near::Near;
use crate::recreate::Dice;
use crate::search::{Effort, Span, sort_jobs};
use crate::squeeze::{Squeeze, squeeze};
use crate::state::State;

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
    let inst = state.inst;
    let first = Pricing::new(inst).now;
    let seqs = state.routes.iter().map(|r| r.seq.clone());
    let closed = vec![Vec::new(); state.empties.len()];
    let mut tours = Tours::new(inst, seqs, closed, first);
    let best = Best::new(&mut tours);
    let work = Work::new(inst.nodes.len(), N_NEAR);
    let mut press = Press { tours, best, work, near, first, jobs: Vec::new() };
    let effort = squeeze(&mut press, budget, span, share, inst, rng);
    press.best.restore(state);
    for v in 0..state.routes.len() as u32 {
        state.park(v);
    }
    effort
}

struct Press<'a, 'i, 'p> {
    tours: Tours<'i, 'p>,
    best: Best,
    work: Work,
    near: &'a Near,
    first: Prices,
    jobs: Vec<u32>,
}

impl Press<'_, '_, '_> {
    /// Routes that have jobs and are late or overloaded.
    fn broken(&self) -> impl Iterator<Item = usize> + '_ {
        let tours = &self.tours;
        (0..tours.tours.len())
            .filter(|&v| tours.tours[v].seq.len() > 2 && tours.penalty_now(v as u32) > 0)
    }

    fn jobs_of(&self, seq: &[u32]) -> Vec<u32> {
        let nodes = &self.tours.inst.nodes;
        seq.iter().map(|&id| nodes[id as usize].job).filter(|&job| job != NONE).collect()
    }
}

impl Squeeze for Press<'_, '_, '_> {
    fn n_used(&self) -> usize {
        self.tours.n_used
    }

    fn is_sound(&self) -> bool {
        self.tours.is_sound()
    }

    fn cost(&self) -> i64 {
        self.tours.cost
    }

    fn unit(&self) -> f64 {
        let inst = self.tours.inst;
        inst.cost_per_mm(0) as f64 / per_mm(inst) as f64
    }

    fn set_prices(&mut self, rise: f64) {
        let at = |price: i64| (price as f64 * rise) as i64;
        self.tours.set_prices(Prices { warp: at(self.first.warp), load: at(self.first.load) });
    }

    fn begin(&mut self) {
        self.tours.begin();
    }

    fn undo(&mut self) {
        self.tours.undo();
    }

    fn step(&mut self, seed: u32, dice: &mut Dice) {
        let Self { tours, work, near, jobs, .. } = self;
        ruin_around(tours, near, seed, jobs, dice, work);
        sort_jobs(tours.inst, jobs, dice);
        for &job in &*jobs {
            insert(tours, near, job, dice, work);
        }
        descend(tours, near, work);
    }

    fn keep(&mut self) {
        self.best.keep(&mut self.tours);
    }

    fn broken_job(&self, dice: &mut Dice) -> Option<u32> {
        let n = self.broken().count();
        let v = if n > 0 { self.broken().nth(dice.below(n))? } else { return None };
        let seq = &self.tours.tours[v].seq;
        let node = seq[1 + dice.below(seq.len() - 2)];
        Some(self.tours.inst.nodes[node as usize].job)
    }

    fn count_broken(&self, n_tried: &mut [u64]) {
        for v in self.broken() {
            for job in self.jobs_of(&self.tours.tours[v].seq) {
                n_tried[job as usize] += 1;
            }
        }
    }

    fn give_up_one(&mut self, n_tried: &[u64], dice: &mut Dice) -> bool {
        if self.tours.n_used < 2 {
            return false;
        }
        let routes = self.tours.tours.iter().enumerate().filter(|(_, t)| t.seq.len() > 2);
        let routes = routes.map(|(v, t)| (v as u32, self.jobs_of(&t.seq)));
        let Some(v) = emptied_first(routes, n_tried, dice) else { return false };
        let mut gone = self.jobs_of(&self.tours.tours[v as usize].seq);
        gone.sort_unstable();
        gone.dedup();
        let Self { tours, work, near, .. } = self;
        tours.begin();
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
}
