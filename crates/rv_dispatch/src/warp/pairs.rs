//! Pairs of a pickup and a dropoff on one route: where they cost least, penalties included.

use super::moves::Work;
use super::tours::{Tours, Way};
use crate::instance::NONE;
use crate::near::Near;
use crate::recreate::Dice;

/// Predecessors and successors of the pickup that the local search tries.
const N_NEAR: usize = 12;

/// A place of a pair: the pickup right behind `pickup`, the dropoff right behind `dropoff`, which
/// is the pickup itself where the two are neighbours.
#[derive(Clone, Copy, Debug)]
struct Place {
    pickup: u32,
    dropoff: u32,
}

/// The search for the best place of a pair that is off its route.
struct Trial<'a, 'i, 'p> {
    tours: &'a Tours<'i, 'p>,
    first: u32,
    second: u32,
    best: i64,
    place: Option<Place>,
}

impl Trial<'_, '_, '_> {
    /// Judges the pickup right behind `p`, with all places of the dropoff; opening the route costs
    /// `fixed`.
    fn after(&mut self, p: u32, fixed: i64) {
        let tours = self.tours;
        let (inst, prices, per_mm) = (tours.inst, tours.prices, tours.per_mm);
        let (a, b) = (&tours.spots[self.first as usize], &tours.spots[self.second as usize]);
        let (to_a, from_a) = (inst.row_to(a.loc), inst.row_from(a.loc));
        let (to_b, from_b) = (inst.row_to(b.loc), inst.row_from(b.loc));
        let at = &tours.spots[p as usize];
        let next = &tours.spots[at.next as usize];
        let route = at.route;
        let capacity = inst.vehs[route as usize].capacity[0];
        let over = |peak: i32| i64::from((peak - capacity).max(0)) * prices.load;
        let fixed = fixed - tours.penalty_now(route);
        let [t_pa, d_pa] = to_a[at.loc as usize];
        let [t_an, d_an] = from_a[next.loc as usize];
        let legs = |a: i32, b: i32, old: i32| i64::from(a) + i64::from(b) - i64::from(old);
        // Nothing costs less than the pickup alone where ways past a stop are no shorter.
        let base = legs(d_pa, d_an, at.d_next) * per_mm + fixed;
        let mut way = Way::after(at).step(t_pa, a);
        let mut peak = tours.peaks[p as usize].up_to.max(at.load_up_to + a.load);
        if base + i64::from(way.warp) * prices.warp + over(peak) >= self.best {
            return;
        }
        let [t_ab, d_ab] = from_a[b.loc as usize];
        let [t_bn, d_bn] = from_b[next.loc as usize];
        let whole = i64::from(d_pa) + legs(d_ab, d_bn, at.d_next);
        let warp = way.step(t_ab, b).join(t_bn, next);
        let most = peak.max(at.load_up_to + tours.peaks[at.next as usize].from);
        let cost = whole * per_mm + fixed + i64::from(warp) * prices.warp + over(most);
        if cost < self.best {
            self.best = cost;
            self.place = Some(Place { pickup: p, dropoff: self.first });
        }
        let mut t_in = t_an;
        let mut id = at.next;
        while tours.spots[id as usize].next != NONE && (id as usize) < inst.n_tasks {
            let here = &tours.spots[id as usize];
            way = way.step(t_in, here);
            peak = peak.max(here.load_up_to + a.load);
            // However near the dropoff's place, it is no earlier than leaving here.
            let late = i64::from(way.warp) + i64::from((way.leave - b.close).max(0));
            let least = base + late * prices.warp + over(peak);
            if least >= self.best {
                return;
            }
            let next = &tours.spots[here.next as usize];
            let [t1, d1] = to_b[here.loc as usize];
            let [t2, d2] = from_b[next.loc as usize];
            let cost = base + legs(d1, d2, here.d_next) * per_mm;
            if cost + late * prices.warp < self.best {
                let warp = way.step(t1, b).join(t2, next);
                let most = peak.max(here.load_up_to + tours.peaks[here.next as usize].from);
                let cost = cost + i64::from(warp) * prices.warp + over(most);
                if cost < self.best {
                    self.best = cost;
                    self.place = Some(Place { pickup: p, dropoff: id });
                }
            }
            (t_in, id) = (here.t_next, here.next);
        }
    }
}

/// The best place of a pair that is off its route, next to its neighbours or on an empty route, if
/// it costs less than `limit`; and what it costs.
fn best_place(
    tours: &Tours<'_, '_>,
    near: &Near,
    job: u32,
    n_near: usize,
    limit: i64,
    blink: u32,
    dice: &mut Dice,
) -> Option<Place> {
    let (first, second) =
        (tours.inst.jobs[job as usize].first, tours.inst.jobs[job as usize].second);
    let mut trial = Trial { tours, first, second, best: limit, place: None };
    for &p in near.preds(first).iter().take(n_near) {
        if tours.spots[p as usize].route != NONE && !dice.blinks_at(blink) {
            trial.after(p, 0);
        }
    }
    for &s in near.succs(first).iter().take(n_near) {
        let at = &tours.spots[s as usize];
        if at.route != NONE && !dice.blinks_at(blink) {
            trial.after(at.prev, 0);
        }
    }
    for list in &tours.empties {
        if let Some(&v) = list.last() {
            let veh = &tours.inst.vehs[v as usize];
            trial.after(veh.start, tours.fixed[v as usize]);
        }
    }
    trial.place
}

/// Puts a pair where it costs least, penalties included.
pub(super) fn insert_pair(
    tours: &mut Tours<'_, '_>,
    near: &Near,
    job: u32,
    blink: u32,
    dice: &mut Dice,
    work: &mut Work,
) {
    let place = best_place(tours, near, job, usize::MAX, i64::MAX, blink, dice);
    let place = place.unwrap_or_else(|| anywhere(tours, job));
    put(tours, job, place, work);
}

/// The best of all places.
fn anywhere(tours: &Tours<'_, '_>, job: u32) -> Place {
    let (first, second) =
        (tours.inst.jobs[job as usize].first, tours.inst.jobs[job as usize].second);
    let mut trial = Trial { tours, first, second, best: i64::MAX, place: None };
    for tour in tours.tours.iter().filter(|t| t.seq.len() > 2) {
        for &p in &tour.seq[..tour.seq.len() - 1] {
            trial.after(p, 0);
        }
    }
    trial.place.expect("a plan with jobs has a route with a place, at whatever price")
}

fn put(tours: &mut Tours<'_, '_>, job: u32, place: Place, work: &mut Work) {
    let (first, second) =
        (tours.inst.jobs[job as usize].first, tours.inst.jobs[job as usize].second);
    let at = tours.spots[place.pickup as usize];
    let last = tours.spots[place.dropoff as usize];
    let from = at.pos as usize + 1;
    let to = if place.dropoff == first { from + 1 } else { last.pos as usize + 2 };
    tours.edit(at.route, |seq| {
        seq.insert(from, first);
        seq.insert(to, second);
    });
    for id in [place.pickup, first, at.next, place.dropoff, second] {
        work.push(tours, id);
    }
    let behind = tours.spots[second as usize].next;
    work.push(tours, behind);
}

/// Moves the pair of a node to a better place, if there is one among its nearest.
pub(super) fn relocate_pair(
    tours: &mut Tours<'_, '_>,
    near: &Near,
    work: &mut Work,
    node: u32,
) -> bool {
    let inst = tours.inst;
    let job = inst.nodes[node as usize].job;
    let (first, second) = (inst.jobs[job as usize].first, inst.jobs[job as usize].second);
    let route = tours.spots[first as usize].route;
    let before = tours.cost;
    let at = (tours.spots[first as usize].pos as usize, tours.spots[second as usize].pos as usize);
    let ends = [first, second].map(|id| {
        let spot = tours.spots[id as usize];
        (spot.prev, spot.next)
    });
    take_off(tours, route, first, second);
    let limit = before - tours.cost;
    let mut dice = Dice::still();
    let Some(place) = best_place(tours, near, job, N_NEAR, limit, 0, &mut dice) else {
        tours.edit(route, |seq| {
            seq.insert(at.0, first);
            seq.insert(at.1, second);
        });
        return false;
    };
    for id in ends.iter().flat_map(|end| [end.0, end.1]).filter(|&id| id != first && id != second) {
        work.push(tours, id);
    }
    put(tours, job, place, work);
    true
}

/// Takes a pair off its route.
fn take_off(tours: &mut Tours<'_, '_>, route: u32, first: u32, second: u32) {
    tours.edit(route, |seq| seq.retain(|&id| id != first && id != second));
    for id in [first, second] {
        tours.spots[id as usize].route = NONE;
    }
}
