//! Corridors of a static plan, solved by HiGHS: a local search whose moves are mixed-integer
//! programmes (subset-MIP, as in large neighbourhood search).
//!
//! A round frees the commodities that meet at a node, and leaves the others where they are. The
//! programme has a share of every freed commodity on every arc that lies on a way not much longer
//! than its shortest one, and a binary for every arc that nobody else keeps open, with the strong
//! forcing rows; it begins with the plan as it is. What comes back is taken apart into paths,
//! checked, and taken if it is cheaper.

use std::num::NonZeroU32;

use highs::{Col, HighsSolutionStatus, RowProblem, Sense};
use rv_base::Rng;
use rv_model::linehaul::{NetworkDesign, PathFlow, StaticPlan};

use crate::Budget;

/// Most shares in one programme.
const SHARES_MAX: usize = 6_000;
/// Most commodities that are freed at once.
const COMMODITIES_MAX: usize = 200;
/// Ways up to so many times as long as the shortest are offered.
const DETOUR: f64 = 1.35;
/// Rounds of a budget that counts steps; each may take so many nodes.
const ROUNDS: u64 = 8;
const NODES_MAX: i32 = 5_000;
/// Seconds of one round at most where a clock counts.
const ROUND_S: f64 = 6.0;
/// Shares below this are rounding.
const LEAST_SHARE: f64 = 1e-6;
/// Relative slack of capacities, below the checker's.
const SLACK: f64 = 5e-7;

/// Betters a plan until the budget is over; gives it back as it was if nothing is better. A plan
/// that leaves something where it is, or overloads an arc, is given back too.
pub fn improve_static(
    design: &NetworkDesign,
    plan: StaticPlan,
    budget: &Budget<'_>,
    rng: &Rng,
    progress: &mut dyn FnMut(f64),
) -> StaticPlan {
    let mut rng = rng.fork("mip");
    let mut best = plan;
    let Some(mut cost) = cost(design, &best) else { return best };
    let n_rounds = if budget.steps.is_some() { ROUNDS } else { u64::MAX };
    for _ in 0..n_rounds {
        let left_s = budget.clock.map_or(f64::INFINITY, |(limit, clock)| (limit - clock()).0);
        if budget.clock.is_some() && (left_s <= 0.1 || budget.progress(0) >= 1.0) {
            break;
        }
        let freed = free(design, &best, &mut rng);
        let Some(flows) = Corridor::new(design, &best, &freed).solve(left_s.min(ROUND_S)) else {
            continue;
        };
        let kept = best.flows.iter().filter(|flow| !freed.contains(&flow.commodity)).cloned();
        let other = StaticPlan { flows: kept.chain(flows).collect() };
        if let Some(new) = self::cost(design, &other)
            && new < cost - 1e-9 * cost
        {
            (best, cost) = (other, new);
            progress(cost);
        }
    }
    best
}

/// What a plan costs; nothing if it is not whole.
fn cost(design: &NetworkDesign, plan: &StaticPlan) -> Option<f64> {
    let mut load = vec![0.0; design.arcs().len()];
    let mut moved = vec![0.0; design.commodities().len()];
    for flow in &plan.flows {
        moved[flow.commodity as usize] += flow.amount;
        flow.arcs.iter().for_each(|&a| load[a as usize] += flow.amount);
    }
    let is_whole = (design.commodities().iter().zip(&moved))
        .all(|(com, moved)| (moved - com.size).abs() <= SLACK * com.size);
    let fits =
        design.arcs().iter().zip(&load).all(|(arc, load)| *load <= arc.capacity * (1.0 + SLACK));
    let used = design.arcs().iter().zip(&load).filter(|(_, load)| **load > 0.0);
    let cost = used.map(|(arc, load)| arc.cost_fixed + arc.cost_per_unit * load).sum();
    (is_whole && fits).then_some(cost)
}

/// Commodities that go through a random node, or between those that do and it, ascending.
fn free(design: &NetworkDesign, plan: &StaticPlan, rng: &mut Rng) -> Vec<u32> {
    let node = rng.below(design.n_nodes()) as u32;
    let arcs = design.arcs();
    let meets = |flow: &&PathFlow| {
        flow.arcs.iter().any(|&a| arcs[a as usize].tail == node || arcs[a as usize].head == node)
    };
    let mut freed: Vec<u32> = plan.flows.iter().filter(meets).map(|flow| flow.commodity).collect();
    freed.sort_unstable();
    freed.dedup();
    // Others at random, so that small instances are freed whole.
    let room = (SHARES_MAX / (arcs.len() / 3).max(1)).clamp(2, COMMODITIES_MAX);
    let mut others: Vec<u32> = (0..design.commodities().len() as u32)
        .filter(|k| freed.binary_search(k).is_err())
        .collect();
    rng.shuffle(&mut freed);
    freed.truncate(room);
    rng.shuffle(&mut others);
    freed.extend(others.into_iter().take(room.saturating_sub(freed.len())));
    freed.sort_unstable();
    freed
}

/// A programme over some commodities.
struct Corridor<'a> {
    design: &'a NetworkDesign,
    freed: &'a [u32],
    /// Room that others leave on each arc, and whether they keep it open.
    room: Vec<f64>,
    is_open: Vec<bool>,
    /// Share of every freed commodity on every arc as the plan has it, by freed, then arc.
    now: Vec<f64>,
    /// Arcs that each freed commodity is offered.
    offered: Vec<Vec<u32>>,
}

impl<'a> Corridor<'a> {
    fn new(design: &'a NetworkDesign, plan: &StaticPlan, freed: &'a [u32]) -> Self {
        let arcs = design.arcs();
        let mut room: Vec<f64> = arcs.iter().map(|arc| arc.capacity).collect();
        let mut is_open = vec![false; arcs.len()];
        let mut now = vec![0.0; freed.len() * arcs.len()];
        for flow in &plan.flows {
            match freed.binary_search(&flow.commodity) {
                Ok(f) => {
                    let size = design.commodities()[flow.commodity as usize].size;
                    for &a in &flow.arcs {
                        now[f * arcs.len() + a as usize] += flow.amount / size;
                    }
                }
                Err(_) => {
                    for &a in &flow.arcs {
                        room[a as usize] = (room[a as usize] - flow.amount).max(0.0);
                        is_open[a as usize] = true;
                    }
                }
            }
        }
        let length: Vec<f64> = (arcs.iter().enumerate())
            .map(|(a, arc)| {
                let fixed = if is_open[a] { 0.0 } else { arc.cost_fixed / arc.capacity };
                arc.cost_per_unit + fixed + 1e-9
            })
            .collect();
        // Where everything fits, every arc is offered.
        let detour = if freed.len() * arcs.len() <= SHARES_MAX { f64::INFINITY } else { DETOUR };
        let offered = (freed.iter().enumerate())
            .map(|(f, &k)| {
                let com = &design.commodities()[k as usize];
                let (from, to) = (
                    reach(design, &length, com.origin, false),
                    reach(design, &length, com.destination, true),
                );
                let most = from[com.destination as usize] * detour;
                (0..arcs.len() as u32)
                    .filter(|&a| {
                        let arc = &arcs[a as usize];
                        let way =
                            from[arc.tail as usize] + length[a as usize] + to[arc.head as usize];
                        now[f * arcs.len() + a as usize] > 0.0
                            || (way <= most && room[a as usize] > LEAST_SHARE * com.size)
                    })
                    .collect()
            })
            .collect();
        Self { design, freed, room, is_open, now, offered }
    }

    /// Solves it within a time; gives the flows of the freed commodities.
    fn solve(&self, limit_s: f64) -> Option<Vec<PathFlow>> {
        let (arcs, coms) = (self.design.arcs(), self.design.commodities());
        let mut problem = RowProblem::default();
        let (mut start, mut start_cost) = (Vec::new(), 0.0);
        let mut opens: Vec<Option<Col>> = vec![None; arcs.len()];
        let mut riders: Vec<Vec<(Col, usize)>> = vec![Vec::new(); arcs.len()];
        let mut shares: Vec<Vec<(u32, Col)>> = Vec::new();
        for (f, &k) in self.freed.iter().enumerate() {
            let mut mine = Vec::new();
            for &a in &self.offered[f] {
                let cost = arcs[a as usize].cost_per_unit * coms[k as usize].size;
                let col = problem.add_column(cost, 0..=1);
                let share = self.now[f * arcs.len() + a as usize].min(1.0);
                start_cost += cost * share;
                start.push(share);
                riders[a as usize].push((col, f));
                mine.push((a, col));
            }
            shares.push(mine);
        }
        for a in (0..arcs.len()).filter(|&a| !riders[a].is_empty() && !self.is_open[a]) {
            opens[a] = Some(problem.add_integer_column(arcs[a].cost_fixed, 0..=1));
            let is_used = (0..self.freed.len()).any(|f| self.now[f * arcs.len() + a] > 0.0);
            start_cost += if is_used { arcs[a].cost_fixed } else { 0.0 };
            start.push(f64::from(u8::from(is_used)));
        }
        for (f, &k) in self.freed.iter().enumerate() {
            let com = &coms[k as usize];
            for node in 0..self.design.n_nodes() as u32 {
                let row: Vec<(Col, f64)> = (shares[f].iter())
                    .filter_map(|&(a, col)| match &arcs[a as usize] {
                        arc if arc.tail == node => Some((col, 1.0)),
                        arc if arc.head == node => Some((col, -1.0)),
                        _ => None,
                    })
                    .collect();
                if !row.is_empty() {
                    let net = f64::from(u8::from(node == com.origin))
                        - f64::from(u8::from(node == com.destination));
                    problem.add_row(net..=net, &row);
                }
            }
        }
        for a in 0..arcs.len() {
            let size = |f: usize| coms[self.freed[f] as usize].size;
            let mut row: Vec<(Col, f64)> = riders[a].iter().map(|&(c, f)| (c, size(f))).collect();
            match opens[a] {
                None if !row.is_empty() => problem.add_row(..=self.room[a], &row),
                Some(open) => {
                    for &(col, f) in &riders[a] {
                        let most = (self.room[a] / size(f)).min(1.0);
                        problem.add_row(..=0.0, [(col, 1.0), (open, -most)]);
                    }
                    row.push((open, -self.room[a]));
                    problem.add_row(..=0.0, &row);
                }
                None => {}
            }
        }
        let columns = match solved(problem.clone(), Some((&start, start_cost)), limit_s)? {
            Answer::Columns(columns) => columns,
            // HiGHS sometimes gives the start back beside the objective of a better plan.
            Answer::Stale => match solved(problem, None, limit_s)? {
                Answer::Columns(columns) => columns,
                Answer::Stale => return None,
            },
        };
        let value = |col: Col| columns.get(col.index()).copied().unwrap_or(0.0);
        let flows = self.freed.iter().enumerate().map(|(f, &k)| {
            let shares = shares[f].iter().map(|&(a, col)| (a, value(col))).collect();
            self.paths(k, shares)
        });
        Some(flows.collect::<Option<Vec<_>>>()?.into_iter().flatten().collect())
    }

    /// Takes shares on arcs apart into paths that carry everything.
    fn paths(&self, k: u32, mut left: Vec<(u32, f64)>) -> Option<Vec<PathFlow>> {
        let (arcs, com) = (self.design.arcs(), &self.design.commodities()[k as usize]);
        let mut found: Vec<(Vec<u32>, f64)> = Vec::new();
        let mut sum = 0.0;
        while sum < 1.0 - LEAST_SHARE {
            let (mut at, mut path, mut amount) = (com.origin, Vec::new(), 1.0_f64);
            while at != com.destination {
                // The widest arc that goes on; ways have no circles, for they would cost.
                let next = (left.iter().enumerate())
                    .filter(|(_, (a, share))| arcs[*a as usize].tail == at && *share > LEAST_SHARE)
                    .max_by(|x, y| x.1.1.total_cmp(&y.1.1).then(y.0.cmp(&x.0)));
                let (i, &(a, share)) = next?;
                if path.len() > arcs.len() {
                    return None;
                }
                path.push(i);
                amount = amount.min(share);
                at = arcs[a as usize].head;
            }
            path.iter().for_each(|&i| left[i].1 -= amount);
            sum += amount;
            found.push((path.iter().map(|&i| left[i].0).collect(), amount));
        }
        let flows = found.into_iter().map(|(arcs, share)| PathFlow {
            commodity: k,
            arcs,
            amount: share / sum * com.size,
        });
        Some(flows.collect())
    }
}

/// What HiGHS gives.
enum Answer {
    Columns(Vec<f64>),
    /// It found something better than the start and does not say what.
    Stale,
}

/// Solves a programme, from a start with its cost if there is one; nothing if that is as good.
fn solved(problem: RowProblem, start: Option<(&[f64], f64)>, limit_s: f64) -> Option<Answer> {
    let mut model = problem.try_optimise(Sense::Minimise).ok()?;
    model.make_quiet();
    model.set_threads(NonZeroU32::MIN);
    model.try_set_option("time_limit", limit_s.min(1e6)).ok()?;
    model.try_set_option("mip_max_nodes", NODES_MAX).ok()?;
    model.try_set_option("mip_rel_gap", 1e-4).ok()?;
    model.try_set_option("primal_feasibility_tolerance", 1e-8).ok()?;
    model.try_set_option("mip_feasibility_tolerance", 1e-8).ok()?;
    if let Some((start, _)) = start {
        model.try_set_solution(Some(start), None, None, None).ok()?;
    }
    let solved = model.try_solve().ok()?;
    if solved.primal_solution_status() != HighsSolutionStatus::Feasible {
        return None;
    }
    let columns = solved.get_solution().columns().to_vec();
    let Some((start, cost)) = start else { return Some(Answer::Columns(columns)) };
    if solved.objective_value() >= cost - 1e-9 * cost.abs() {
        return None;
    }
    Some(if start == columns { Answer::Stale } else { Answer::Columns(columns) })
}

/// Length of the shortest way from a node to all, or from all to it.
fn reach(design: &NetworkDesign, length: &[f64], from: u32, is_backward: bool) -> Vec<f64> {
    let mut at = vec![f64::INFINITY; design.n_nodes()];
    at[from as usize] = 0.0;
    for _ in 0..design.n_nodes() {
        let mut has_changed = false;
        for (arc, length) in design.arcs().iter().zip(length) {
            let (tail, head) =
                if is_backward { (arc.head, arc.tail) } else { (arc.tail, arc.head) };
            let there = at[tail as usize] + length;
            if there < at[head as usize] - 1e-12 {
                at[head as usize] = there;
                has_changed = true;
            }
        }
        if !has_changed {
            break;
        }
    }
    at
}
