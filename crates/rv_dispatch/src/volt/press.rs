//! Fewer vehicles for routes that may run late, overloaded or out of charge on the way.

use rv_base::Rng;

use super::{Search, Where, descend};
use crate::Budget;
use crate::fleet::emptied_first;
use crate::recreate::Dice;
use crate::search::{Effort, Span};
use crate::squeeze::{Squeeze, squeeze};

/// Leaves the plan with the fewest vehicles found before `share` of the budget is used or the search
/// stagnates; from then on no further route can be opened.
pub(super) fn reduce(
    search: &mut Search<'_, '_>,
    budget: &Budget<'_>,
    span: Span,
    share: f64,
    rng: &mut Rng,
) -> Effort {
    let inst = search.inst;
    let mut press = Press { search };
    let effort = squeeze(&mut press, budget, span, share, inst, rng);
    search.restore();
    search.fleet.prices.per_ms = None;
    search.fleet.n_used_max = search.fleet.n_used;
    effort
}

struct Press<'s, 'a, 'p> {
    search: &'s mut Search<'a, 'p>,
}

impl Squeeze for Press<'_, '_, '_> {
    fn n_used(&self) -> usize {
        self.search.fleet.n_used
    }

    fn is_sound(&self) -> bool {
        self.search.fleet.broken == 0 && self.search.fleet.absent.is_empty()
    }

    fn cost(&self) -> i64 {
        self.search.judged()
    }

    fn unit(&self) -> f64 {
        self.search.unit as f64
    }

    fn set_prices(&mut self, rise: f64) {
        let prices = &mut self.search.fleet.prices;
        prices.per_ms = Some((prices.per_mm.max(1) as f64 * rise) as i64);
    }

    fn begin(&mut self) {
        self.search.fleet.begin();
    }

    fn undo(&mut self) {
        self.search.fleet.undo();
    }

    fn step(&mut self, seed: u32, dice: &mut Dice) {
        self.search.ruin_and_recreate(seed, dice);
    }

    fn keep(&mut self) {
        self.search.keep();
    }

    fn broken_job(&self, dice: &mut Dice) -> Option<u32> {
        let fleet = &self.search.fleet;
        let broken = || fleet.tours.iter().filter(|tour| tour.broken > 0);
        let n = broken().count();
        let tour = if n > 0 { broken().nth(dice.below(n))? } else { return None };
        let stops = || tour.seq.iter().copied().filter(|&id| fleet.sites.is_stop(id));
        stops().nth(dice.below(stops().count()))
    }

    fn count_broken(&self, n_tried: &mut [u64]) {
        let fleet = &self.search.fleet;
        for tour in fleet.tours.iter().filter(|tour| tour.broken > 0) {
            for &stop in tour.seq.iter().filter(|&&id| fleet.sites.is_stop(id)) {
                n_tried[stop as usize] += 1;
            }
        }
    }

    fn give_up_one(&mut self, n_tried: &[u64], dice: &mut Dice) -> bool {
        let search = &mut *self.search;
        if search.fleet.n_used < 2 {
            return false;
        }
        let v = emptied_first(search.fleet.jobs_by_route(), n_tried, dice);
        let Some(v) = v else { return false };
        search.fleet.begin();
        let mut gone = Vec::new();
        search.fleet.empty(v, &mut gone);
        for &job in &gone {
            if !search.insert(job, Where::Everywhere, dice) {
                search.fleet.absent.push(job);
            }
        }
        search.note_work(&gone);
        descend(&mut search.fleet, search.near, &mut search.work);
        search.fleet.place_chargers();
        true
    }
}
