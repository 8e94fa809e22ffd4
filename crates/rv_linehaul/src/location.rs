//! Hub location: an annealed search that moves hubs and lets nodes choose among them.
//!
//! Problems are those of Ernst and Krishnamoorthy (1996, 1999): p-hub median with single or
//! multiple allocation, and hubs with fixed costs and capacities. A step closes a hub, opens another
//! or both, and nodes then move to the hub that is best for them until none does; or it gives a few
//! nodes other hubs. The bound charges each
//! pair the cheapest way over any hubs, and hubs what the cheapest of them cost.

use rv_base::Rng;
use rv_model::linehaul::{Allocation, HubPlan, HubProblem};

use crate::Budget;

/// Passes of nodes over hubs after a step.
const PASSES_MAX: usize = 4;
/// Start and end temperature as shares of the first cost.
const TEMPERATURES: (f64, f64) = (0.06, 2e-5);
/// Steps between two looks at the clock.
const STEPS_PER_LOOK: u64 = 16;
/// Cost of a unit over capacity, in mean pair costs.
const OVER: f64 = 20.0;

/// A plan of hubs, its cost and a bound.
#[derive(Clone, Debug, PartialEq)]
pub struct HubOutcome {
    /// The plan.
    pub plan: HubPlan,
    /// Its cost.
    pub cost: f64,
    /// No plan costs less.
    pub bound: f64,
    /// Search steps made.
    pub n_steps: u64,
}

/// Chooses hubs. `progress` is called with every better cost and the bound.
pub fn solve_hubs(
    problem: &HubProblem,
    budget: &Budget<'_>,
    rng: &Rng,
    progress: &mut dyn FnMut(f64, Option<f64>),
) -> HubOutcome {
    let bound = bound(problem);
    let mut search = Search::new(problem, rng.fork("hubs"));
    let mut now = search.first();
    let mut best = now.clone();
    let first = now.cost;
    let (mut n_steps, mut temperature) = (0_u64, 0.0);
    loop {
        if n_steps % STEPS_PER_LOOK == 0 {
            let done = budget.progress(n_steps);
            if done >= 1.0 {
                break;
            }
            let (hot, cold) = TEMPERATURES;
            temperature = first * hot * (cold / hot).powf(done);
        }
        n_steps += 1;
        let Some(next) = search.step(&now) else { continue };
        let delta = next.cost - now.cost;
        if delta <= 0.0 || search.rng.unit() < (-delta / temperature.max(1e-12)).exp() {
            now = next;
        }
        if now.cost < best.cost - 1e-9 {
            best.clone_from(&now);
            progress(best.cost, Some(bound));
        }
    }
    progress(best.cost, Some(bound));
    let hub_of = match problem.rule().allocation {
        Allocation::Single => best.hub_of.clone(),
        Allocation::Multiple => Vec::new(),
    };
    let plan = HubPlan { hubs: best.hubs, hub_of };
    HubOutcome { plan, cost: best.cost, bound: bound.min(best.cost), n_steps }
}

/// Hubs, ascending, and the hub of each node.
#[derive(Clone)]
struct Choice {
    hubs: Vec<u32>,
    hub_of: Vec<u32>,
    cost: f64,
}

struct Search<'a> {
    problem: &'a HubProblem,
    rng: Rng,
    /// Distances, and flow both ways between two nodes, row-major.
    distance: Vec<f64>,
    both: Vec<f64>,
    /// Flow out of and into each node.
    out: Vec<f64>,
    into: Vec<f64>,
    over_cost: f64,
}

impl<'a> Search<'a> {
    fn new(problem: &'a HubProblem, rng: Rng) -> Self {
        let n = problem.n();
        let pairs = || (0..n).flat_map(|i| (0..n).map(move |j| (i, j)));
        let distance: Vec<f64> = pairs().map(|(i, j)| problem.distance(i, j)).collect();
        let both = pairs().map(|(i, j)| problem.flow(i, j) + problem.flow(j, i)).collect();
        let sum = |of: &dyn Fn(usize, usize) -> f64, i: usize| (0..n).map(|j| of(i, j)).sum();
        let out: Vec<f64> = (0..n).map(|i| sum(&|i, j| problem.flow(i, j), i)).collect();
        let into = (0..n).map(|i| sum(&|i, j| problem.flow(j, i), i)).collect();
        let mean = distance.iter().sum::<f64>() / (n * n) as f64;
        let over_cost = OVER * mean * problem.rule().costs.iter().sum::<f64>();
        Self { problem, rng, distance, both, out, into, over_cost }
    }

    fn d(&self, a: u32, b: u32) -> f64 {
        self.distance[a as usize * self.problem.n() + b as usize]
    }

    /// Hubs at random, with everybody at the best for it.
    fn first(&mut self) -> Choice {
        let n = self.problem.n();
        let mut all: Vec<u32> = (0..n as u32).collect();
        self.rng.shuffle(&mut all);
        let n_hubs = self.problem.rule().n_hubs.unwrap_or((n / 5).max(2).min(n));
        let hubs = all[..n_hubs].to_vec();
        self.settle(hubs, &[])
    }

    /// Another set of hubs; nothing if there is none.
    fn step(&mut self, now: &Choice) -> Option<Choice> {
        let n = self.problem.n();
        let mut hubs = now.hubs.clone();
        if self.problem.rule().allocation == Allocation::Single && self.rng.chance(0.5) {
            return self.reassign(now);
        }
        let kind = if self.problem.rule().n_hubs.is_some() { 2 } else { self.rng.below(3) };
        if kind != 0 && hubs.len() < n {
            // Rather a node near a hub than one far off.
            let near = hubs[self.rng.below(hubs.len())];
            let node = if self.rng.chance(0.6) {
                let mine: Vec<u32> =
                    (0..n as u32).filter(|&i| now.hub_of[i as usize] == near).collect();
                mine[self.rng.below(mine.len())]
            } else {
                self.rng.below(n) as u32
            };
            if hubs.contains(&node) {
                return None;
            }
            if kind == 2 {
                let old = if self.rng.chance(0.6) {
                    now.hub_of[node as usize]
                } else {
                    hubs[self.rng.below(hubs.len())]
                };
                hubs.retain(|&h| h != old);
            }
            hubs.push(node);
        } else if kind == 0 && hubs.len() > 1 {
            let old = hubs[self.rng.below(hubs.len())];
            hubs.retain(|&h| h != old);
        } else {
            return None;
        }
        let before: &[u32] = if self.rng.chance(0.7) { &now.hub_of } else { &[] };
        Some(self.settle(hubs, before))
    }

    /// Gives a few nodes other hubs, whether that is better for them alone or not.
    fn reassign(&mut self, now: &Choice) -> Option<Choice> {
        let n = self.problem.n();
        if now.hubs.len() < 2 || now.hubs.len() == n {
            return None;
        }
        let mut next = now.clone();
        for _ in 0..1 + self.rng.below(3) {
            let node = self.rng.below(n);
            if !now.hubs.contains(&(node as u32)) {
                next.hub_of[node] = now.hubs[self.rng.below(now.hubs.len())];
            }
        }
        if self.rng.chance(0.2) {
            self.descend(&mut next);
        }
        next.cost = self.cost_single(&next);
        Some(next)
    }

    /// Lets nodes choose among hubs, as they were before where they may.
    fn settle(&self, mut hubs: Vec<u32>, before: &[u32]) -> Choice {
        hubs.sort_unstable();
        let n = self.problem.n() as u32;
        let nearest = |i: u32| {
            let by = |a: &&u32, b: &&u32| self.d(i, **a).total_cmp(&self.d(i, **b)).then(a.cmp(b));
            hubs.iter().min_by(by).copied().unwrap_or(i)
        };
        let hub_of: Vec<u32> = (0..n)
            .map(|i| match before.get(i as usize) {
                _ if hubs.contains(&i) => i,
                Some(h) if hubs.contains(h) => *h,
                _ => nearest(i),
            })
            .collect();
        let mut choice = Choice { hubs: hubs.clone(), hub_of, cost: 0.0 };
        choice.cost = match self.problem.rule().allocation {
            Allocation::Multiple => {
                choice.hub_of = (0..n).map(nearest).collect();
                self.cost_multiple(&choice.hubs)
            }
            Allocation::Single => {
                self.descend(&mut choice);
                self.cost_single(&choice)
            }
        };
        choice
    }

    /// Moves nodes to better hubs until none is better off.
    fn descend(&self, choice: &mut Choice) {
        let n = self.problem.n();
        let [collect, transfer, distribute] = self.problem.rule().costs;
        let mut taken = vec![0.0; n];
        for i in 0..n {
            taken[choice.hub_of[i] as usize] += self.out[i];
        }
        let capacity =
            |h: u32| self.problem.rule().capacity.as_ref().map_or(f64::INFINITY, |c| c[h as usize]);
        for _ in 0..PASSES_MAX {
            let mut has_moved = false;
            for i in 0..n {
                let old = choice.hub_of[i];
                if choice.hubs.contains(&(i as u32)) {
                    continue;
                }
                // Flow with the nodes of every hub.
                let mut with = vec![0.0; n];
                for j in (0..n).filter(|&j| j != i) {
                    with[choice.hub_of[j] as usize] += self.both[i * n + j];
                }
                let cost = |h: u32| {
                    let access = collect * self.out[i] + distribute * self.into[i];
                    let between: f64 = choice
                        .hubs
                        .iter()
                        .map(|&g| transfer * with[g as usize] * self.d(h, g))
                        .sum();
                    let others = taken[h as usize] - if h == old { self.out[i] } else { 0.0 };
                    let over = |load: f64| (load - capacity(h)).max(0.0);
                    let more = over(others + self.out[i]) - over(others);
                    access * self.d(i as u32, h) + between + self.over_cost * more
                };
                let mut best = (cost(old) - 1e-9, old);
                for &h in &choice.hubs {
                    let here = cost(h);
                    if here < best.0 {
                        best = (here, h);
                    }
                }
                if best.1 != old {
                    taken[old as usize] -= self.out[i];
                    taken[best.1 as usize] += self.out[i];
                    choice.hub_of[i] = best.1;
                    has_moved = true;
                }
            }
            if !has_moved {
                break;
            }
        }
    }

    fn cost_single(&self, choice: &Choice) -> f64 {
        let n = self.problem.n();
        let [collect, transfer, distribute] = self.problem.rule().costs;
        let mut cost = self.fixed(&choice.hubs);
        let mut taken = vec![0.0; n];
        for i in 0..n {
            let h = choice.hub_of[i];
            taken[h as usize] += self.out[i];
            cost += (collect * self.out[i] + distribute * self.into[i]) * self.d(i as u32, h);
            // Each pair once, both ways.
            for j in 0..i {
                cost += transfer * self.both[i * n + j] * self.d(h, choice.hub_of[j]);
            }
        }
        for (h, capacity) in self.problem.rule().capacity.iter().flatten().enumerate() {
            cost += self.over_cost * (taken[h] - capacity).max(0.0);
        }
        cost
    }

    fn cost_multiple(&self, hubs: &[u32]) -> f64 {
        let n = self.problem.n();
        let [collect, transfer, distribute] = self.problem.rule().costs;
        let mut cost = self.fixed(hubs);
        for i in 0..n {
            // Cheapest way from node i into each last hub.
            let last: Vec<f64> = hubs
                .iter()
                .map(|&m| {
                    let way = |&k: &u32| collect * self.d(i as u32, k) + transfer * self.d(k, m);
                    hubs.iter().map(way).fold(f64::INFINITY, f64::min)
                })
                .collect();
            for j in 0..n {
                let ways = hubs.iter().zip(&last);
                let best = ways.map(|(&m, to)| to + distribute * self.d(m, j as u32));
                cost += self.problem.flow(i, j) * best.fold(f64::INFINITY, f64::min);
            }
        }
        cost
    }

    fn fixed(&self, hubs: &[u32]) -> f64 {
        let fixed = self.problem.rule().fixed.as_ref();
        fixed.map_or(0.0, |fixed| hubs.iter().map(|&h| fixed[h as usize]).sum())
    }
}

/// Every pair takes the cheapest way over any hubs, and the cheapest hubs are paid for.
fn bound(problem: &HubProblem) -> f64 {
    let n = problem.n();
    let [collect, transfer, distribute] = problem.rule().costs;
    // A way of three legs is at least as long as the straight one, and none costs less than this.
    let least = collect.min(transfer).min(distribute);
    let pairs = (0..n).flat_map(|i| (0..n).map(move |j| (i, j)));
    let flow: f64 = pairs.map(|(i, j)| problem.flow(i, j) * least * problem.distance(i, j)).sum();
    let mut fixed = problem.rule().fixed.clone().unwrap_or_default();
    fixed.sort_by(f64::total_cmp);
    flow + fixed.iter().take(problem.rule().n_hubs.unwrap_or(1)).sum::<f64>()
}
