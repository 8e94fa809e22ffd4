//! Fewer vehicles by ejection: a route is given up and its jobs wait; one after the other goes where
//! it fits, or is pressed in by local search, or takes the place of one or two jobs that were seldom
//! hard to place, which then wait in turn; in between the plan is shaken (Nagata and Kobayashi 2010,
//! PPSN XI, guided ejection search; Nagata and Bräysy 2009, Operations Research Letters 37(5)).
//! Routes are sound all the time. Here the shaking is by strings that are taken out and put back.

use rv_base::Rng;

use super::moves::{Work, descend};
use super::tours::{Prices, Tours};
use super::{Best, N_NEAR, Pricing, insert, ruin, ruin_around};
use crate::Budget;
use crate::fleet::{Patience, emptied_first, n_routes_min};
use crate::instance::{Kind, NONE};
use crate::near::Near;
use crate::recreate::Dice;
use crate::search::{Effort, Span, progress, sort_jobs, temperatures};
use crate::state::State;

/// Breaches cost this much against the first price where routes are to stay sound, and where a job is
/// pressed in.
const DEAR: f64 = 1000.0;
const PRESSED: [f64; 2] = [2.0, 20.0];
/// Routes near a job from which others are ejected.
const ROUTES_MAX: usize = 30;
/// Jobs of a route up to which two of them are ejected at once.
const JOBS_FOR_TWO: usize = 40;
/// Steps that shake the plan after an ejection.
const SHAKES: usize = 4;
/// Temperature of shaking against the last one of annealing.
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
    let pricing = Pricing::new(inst);
    let seqs = state.routes.iter().map(|r| r.seq.clone());
    let closed = vec![Vec::new(); state.empties.len()];
    let mut tours = Tours::new(inst, seqs, closed, at_rate(&pricing, DEAR));
    let mut best = Best::new(&mut tours);
    let work = Work::new(inst.nodes.len(), N_NEAR);
    let unit = tours.per_mm as f64 / inst.cost_per_mm(0) as f64;
    let temperature = temperatures(inst).1 * unit * WARMTH;
    let n_missed = vec![1_u64; inst.jobs.len()];
    let alone = Alone::default();
    let mut yard =
        Yard { tours, near, work, pricing, out: Vec::new(), n_missed, jobs: Vec::new(), alone };
    let n_min = n_routes_min(inst);
    let mut patience = Patience::new(inst);
    loop {
        let n_done = span.spent + effort.iterations;
        let Some(done) = progress(budget, span.iterations, n_done) else { break };
        if done >= share || patience.is_over(done, (yard.tours.n_used, yard.out.len())) {
            break;
        }
        let Some(job) = yard.out.pop() else {
            effort.improvements += 1;
            best.keep(&mut yard.tours);
            if yard.tours.n_used <= n_min || !yard.give_up_one(&mut dice) {
                break;
            }
            continue;
        };
        effort.iterations += 1;
        if yard.place(job, &mut dice) {
            continue;
        }
        yard.n_missed[job as usize] += 1;
        if !yard.eject_for(job, &mut dice) {
            let at = dice.below(yard.out.len() + 1);
            yard.out.insert(at, job);
        }
        for _ in 0..SHAKES {
            effort.iterations += 1;
            yard.shake(temperature, &mut dice);
        }
    }
    best.restore(state);
    for v in 0..state.routes.len() as u32 {
        state.park(v);
    }
    effort
}

fn at_rate(pricing: &Pricing, rate: f64) -> Prices {
    let at = |price: i64, most: i64| ((price as f64 * rate) as i64).min(most);
    let Pricing { now, most, .. } = pricing;
    Prices { warp: at(now.warp, most.warp), load: at(now.load, most.load) }
}

/// A plan, all of whose routes are sound, with jobs that wait for a place.
struct Yard<'a, 'i, 'p> {
    tours: Tours<'i, 'p>,
    near: &'a Near,
    work: Work,
    pricing: Pricing,
    /// Jobs without a place, the next one last.
    out: Vec<u32>,
    /// How often each could not be placed.
    n_missed: Vec<u64>,
    jobs: Vec<u32>,
    alone: Alone,
}

impl Yard<'_, '_, '_> {
    fn jobs_of(&self, v: u32) -> Vec<u32> {
        let nodes = &self.tours.inst.nodes;
        let seq = &self.tours.tours[v as usize].seq;
        let is_first = |id: &&u32| !matches!(nodes[**id as usize].kind, Kind::Drop);
        let jobs = seq.iter().filter(is_first).map(|&id| nodes[id as usize].job);
        jobs.filter(|&job| job != NONE).collect()
    }

    /// Takes jobs off a route; they wait.
    fn take_off(&mut self, v: u32, gone: &[u32]) {
        let inst = self.tours.inst;
        self.tours.edit(v, |seq| {
            seq.retain(|&id| {
                let job = inst.nodes[id as usize].job;
                job == NONE || !gone.contains(&job)
            });
        });
        self.unseat(gone);
        self.out.extend(gone);
    }

    fn unseat(&mut self, jobs: &[u32]) {
        for &job in jobs {
            let entry = &self.tours.inst.jobs[job as usize];
            for id in [entry.first, entry.second].into_iter().filter(|&id| id != NONE) {
                self.tours.spots[id as usize].route = NONE;
            }
        }
    }

    fn give_up_one(&mut self, dice: &mut Dice) -> bool {
        if self.tours.n_used < 2 {
            return false;
        }
        let used = (0..self.tours.tours.len() as u32).filter(|&v| !self.tours.is_empty(v));
        let routes = used.map(|v| (v, self.jobs_of(v)));
        let Some(v) = emptied_first(routes, &self.n_missed, dice) else { return false };
        let gone = self.jobs_of(v);
        self.tours.begin();
        self.take_off(v, &gone);
        self.tours.empties.iter_mut().for_each(Vec::clear);
        true
    }

    /// Puts a job where it costs least, or presses it in; false, with nothing changed, if no sound
    /// plan comes of it.
    fn place(&mut self, job: u32, dice: &mut Dice) -> bool {
        for rate in [DEAR].into_iter().chain(PRESSED) {
            self.tours.begin();
            self.tours.set_prices(at_rate(&self.pricing, rate));
            insert(&mut self.tours, self.near, job, dice, &mut self.work);
            descend(&mut self.tours, self.near, &mut self.work);
            self.tours.empties.iter_mut().for_each(Vec::clear);
            let is_sound = self.tours.is_sound();
            if !is_sound {
                self.tours.undo();
                self.unseat(&[job]);
            }
            self.tours.set_prices(at_rate(&self.pricing, DEAR));
            if is_sound {
                return true;
            }
        }
        false
    }

    /// Puts a job in the place of others on a route near it: those that were least often hard to
    /// place, and at most two of them.
    fn eject_for(&mut self, job: u32, dice: &mut Dice) -> bool {
        let inst = self.tours.inst;
        let mut routes: Vec<u32> = Vec::with_capacity(ROUTES_MAX);
        for &other in self.near.jobs(job) {
            let v = self.tours.spots[inst.jobs[other as usize].first as usize].route;
            if v != NONE && !routes.contains(&v) {
                routes.push(v);
                if routes.len() == ROUTES_MAX {
                    break;
                }
            }
        }
        let mut least = u64::MAX;
        let mut found: Option<(u32, [u32; 2], Vec<u32>)> = None;
        for v in routes {
            let jobs = self.jobs_of(v);
            let n_pairs = if jobs.len() <= JOBS_FOR_TWO { jobs.len() } else { 0 };
            let singles = jobs.iter().map(|&a| [a, a]);
            let twos = (0..n_pairs).flat_map(|i| (0..i).map(move |j| (i, j)));
            let twos = twos.map(|(i, j)| [jobs[i], jobs[j]]);
            for gone in singles.chain(twos) {
                let missed = |job: u32| self.n_missed[job as usize];
                let sum = missed(gone[0]) + if gone[0] == gone[1] { 0 } else { missed(gone[1]) };
                // A little chance among what is equal.
                if sum > least || (sum == least && dice.below(4) > 0) {
                    continue;
                }
                if self.alone.fits(&self.tours, v, gone, job) {
                    least = sum;
                    found = Some((v, gone, self.alone.made.clone()));
                }
            }
        }
        let Some((v, gone, seq)) = found else { return false };
        self.tours.begin();
        let gone = if gone[0] == gone[1] { &gone[..1] } else { &gone[..] };
        self.take_off(v, gone);
        self.tours.edit(v, |now| now.clone_from(&seq));
        debug_assert!(self.tours.is_sound(), "what fits breaches nothing");
        true
    }

    /// Takes strings out and puts them back, if the plan stays sound and costs little more.
    fn shake(&mut self, temperature: f64, dice: &mut Dice) {
        let before = self.tours.cost;
        self.tours.begin();
        let mut jobs = std::mem::take(&mut self.jobs);
        match self.out.last() {
            Some(&job) if dice.below(2) == 0 => {
                ruin_around(&mut self.tours, self.near, job, &mut jobs, dice, &mut self.work);
            }
            _ => ruin(&mut self.tours, self.near, &mut jobs, dice, &mut self.work),
        }
        sort_jobs(self.tours.inst, &mut jobs, dice);
        for &job in &jobs {
            insert(&mut self.tours, self.near, job, dice, &mut self.work);
        }
        self.jobs = jobs;
        descend(&mut self.tours, self.near, &mut self.work);
        let limit = before as f64 - temperature * dice.unit().max(1e-300).ln();
        if !self.tours.is_sound() || self.tours.cost as f64 >= limit {
            self.tours.undo();
        }
    }
}

/// A route on its own, with room for what is known at each of its nodes.
#[derive(Default)]
struct Alone {
    seq: Vec<u32>,
    /// Departure from each node, the latest arrival there, the load behind it.
    leaves: Vec<i32>,
    lates: Vec<i32>,
    loads: Vec<i32>,
    /// The sequence found.
    made: Vec<u32>,
}

impl Alone {
    /// Whether a job fits on a route once others have gone; the sequence is then in `made`.
    fn fits(&mut self, tours: &Tours<'_, '_>, v: u32, gone: [u32; 2], job: u32) -> bool {
        let inst = tours.inst;
        let is_left = |id: &u32| {
            let other = inst.nodes[*id as usize].job;
            other == NONE || !gone.contains(&other)
        };
        self.seq.clear();
        self.seq.extend(tours.tours[v as usize].seq.iter().copied().filter(is_left));
        if !self.run(tours, v) {
            return false;
        }
        let entry = &inst.jobs[job as usize];
        let capacity = inst.vehs[v as usize].capacity[0];
        let found = if entry.second == NONE {
            let load = self.loads[self.loads.len() - 1] + tours.spots[entry.first as usize].load;
            if load > capacity { None } else { self.place_one(tours, entry.first) }
        } else {
            self.place_pair(tours, entry.first, entry.second, capacity)
        };
        let Some((first, second)) = found else { return false };
        self.made.clear();
        self.made.extend_from_slice(&self.seq);
        if entry.second != NONE {
            self.made.insert(second + 1, entry.second);
        }
        self.made.insert(first + 1, entry.first);
        true
    }

    /// Works out times and loads; false if the route is late by itself.
    fn run(&mut self, tours: &Tours<'_, '_>, v: u32) -> bool {
        let spot = |id: u32| &tours.spots[id as usize];
        let n = self.seq.len();
        self.leaves.clear();
        self.loads.clear();
        let (mut leave, mut load) = (tours.inst.vehs[v as usize].shift_start, 0);
        self.leaves.push(leave);
        self.loads.push(load);
        for leg in self.seq.windows(2) {
            let here = spot(leg[1]);
            let arrive = leave + tours.leg(leg[0], leg[1])[0];
            if arrive > here.close {
                return false;
            }
            leave = arrive.max(here.open) + here.service;
            load += here.load;
            self.leaves.push(leave);
            self.loads.push(load);
        }
        self.lates.clear();
        self.lates.resize(n, spot(self.seq[n - 1]).close);
        for k in (0..n - 1).rev() {
            let here = spot(self.seq[k]);
            let slack = self.lates[k + 1] - tours.leg(self.seq[k], self.seq[k + 1])[0];
            self.lates[k] = (slack - here.service).min(here.close);
        }
        true
    }

    /// A place for a stop: behind which position.
    fn place_one(&self, tours: &Tours<'_, '_>, stop: u32) -> Option<(usize, usize)> {
        (0..self.seq.len() - 1).find_map(|k| {
            let leave = self.serve(tours, self.leaves[k], self.seq[k], stop)?;
            self.goes_on(tours, leave, stop, k + 1).then_some((k, k))
        })
    }

    /// Places for a pickup and its dropoff: behind which positions.
    fn place_pair(
        &self,
        tours: &Tours<'_, '_>,
        pickup: u32,
        dropoff: u32,
        capacity: i32,
    ) -> Option<(usize, usize)> {
        let load = tours.spots[pickup as usize].load;
        (0..self.seq.len() - 1).find_map(|k| {
            let mut leave = self.serve(tours, self.leaves[k], self.seq[k], pickup)?;
            let mut at = pickup;
            for l in k..self.seq.len() - 1 {
                if self.loads[l] + load > capacity {
                    return None;
                }
                if let Some(leave) = self.serve(tours, leave, at, dropoff)
                    && self.goes_on(tours, leave, dropoff, l + 1)
                {
                    return Some((k, l));
                }
                leave = self.serve(tours, leave, at, self.seq[l + 1])?;
                at = self.seq[l + 1];
            }
            None
        })
    }

    /// When a node is left that is reached from another one, unless it is too late.
    fn serve(&self, tours: &Tours<'_, '_>, leave: i32, from: u32, to: u32) -> Option<i32> {
        let spot = &tours.spots[to as usize];
        let arrive = leave + tours.leg(from, to)[0];
        (arrive <= spot.close).then(|| arrive.max(spot.open) + spot.service)
    }

    /// Whether the rest of the route, from position `k` on, is reached in time.
    fn goes_on(&self, tours: &Tours<'_, '_>, leave: i32, from: u32, k: usize) -> bool {
        leave + tours.leg(from, self.seq[k])[0] <= self.lates[k]
    }
}
