//! Drives through a city made by lot: where from, where to, and the fastest way between.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};

use rv_base::{EdgeId, Rng};
use rv_driver::law::TrafficLaw;
use rv_driver::urban::turning_place;
use rv_map::city_lanes::{CityLaneId, CityLaneKind, CityLanes, Turn};
use rv_map::{City, Mode, RoadKind};
use serde::Serialize;

/// Edges looked at before a search gives up.
const EDGES_MAX: usize = 60_000;

/// True if a van drives there in town.
pub(super) fn is_urban(city: &City, edge: EdgeId) -> bool {
    let road = city.graph.road_of(edge);
    city.graph.edge(edge).modes.contains(Mode::Van)
        && !matches!(road.kind, RoadKind::Motorway | RoadKind::Track)
        && road.speed_limit.0 < 23.0
}

/// How a way made by lot goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Route {
    /// On to its goal.
    Onwards,
    /// At about half its length it turns back in a street, if it comes along one where that is allowed and
    /// there is room.
    TurnsBack,
}

/// A start, and a way of about `length_m` from there; `None` if the lot fell badly.
pub(super) fn by_lot(
    city: &City,
    (lanes, law): (&CityLanes, &TrafficLaw),
    rng: &mut Rng,
    length_m: f64,
    route: Route,
) -> Option<Vec<EdgeId>> {
    let half_m = if route == Route::TurnsBack { length_m / 2.0 } else { length_m };
    let mut path = by_lot_onwards(city, lanes, rng, half_m)?;
    if route == Route::TurnsBack {
        let back = |k: &usize| {
            let lane = lanes.of_edge(path[*k]).next()?;
            let back = city.graph.edge(path[*k]).reverse?;
            turning_place(lanes, law, lane, 0.0, back).map(|_| back)
        };
        // The last one on which it may.
        if let Some((k, back)) = (1..path.len()).rev().find_map(|k| Some((k, back(&k)?))) {
            let on = spread(city, lanes, back, half_m, rng);
            path.truncate(k + 1);
            path.extend(if on.is_empty() { vec![back] } else { on });
            path.truncate(rv_driver::urban::EDGES_MAX);
        }
    }
    Some(path)
}

fn by_lot_onwards(
    city: &City,
    lanes: &CityLanes,
    rng: &mut Rng,
    length_m: f64,
) -> Option<Vec<EdgeId>> {
    let n = city.graph.n_edges();
    if n == 0 {
        return None;
    }
    for _ in 0..60 {
        let start = EdgeId::from_idx(rng.below(n));
        let road_m = lanes.of_edge(start).next().map_or(0.0, |l| lanes.lane(l).length_m);
        let rank = lanes.of_edge(start).next().map_or(9, |l| lanes.lane(l).rank);
        if !is_urban(city, start) || road_m < 25.0 || rank > 4 {
            continue;
        }
        let path = spread(city, lanes, start, length_m, rng);
        if path.len() >= 3 {
            return Some(path);
        }
    }
    None
}

/// The fastest way from the end of one edge to another that does not begin with a third.
pub fn way_around(
    city: &City,
    lanes: &CityLanes,
    from: EdgeId,
    avoid: EdgeId,
    goal: EdgeId,
) -> Option<Vec<EdgeId>> {
    let mut best: BTreeMap<EdgeId, (u64, EdgeId)> = BTreeMap::new();
    let mut open = BinaryHeap::new();
    open.push(Reverse((0_u64, from)));
    best.insert(from, (0, from));
    let mut done = 0;
    while let Some(Reverse((cost, edge))) = open.pop() {
        if edge == goal && edge != from {
            break;
        }
        done += 1;
        if cost > best[&edge].0 || done > EDGES_MAX {
            continue;
        }
        for (to, next_ms) in steps(city, lanes, edge) {
            let next = cost + next_ms;
            let is_closed = edge == from && to == avoid;
            if !is_closed && best.get(&to).is_none_or(|b| next < b.0) {
                best.insert(to, (next, edge));
                open.push(Reverse((next, to)));
            }
        }
    }
    let mut path = vec![goal];
    while path[path.len() - 1] != from {
        if path.len() >= rv_driver::urban::EDGES_MAX {
            return None;
        }
        path.push(best.get(&path[path.len() - 1])?.1);
    }
    path.reverse();
    (path.len() > 1).then_some(path)
}

/// Edges to which one leads, and the time that the turn and the edge take, ms.
fn steps(city: &City, lanes: &CityLanes, edge: EdgeId) -> Vec<(EdgeId, u64)> {
    let mut found = Vec::new();
    for lane in lanes.of_edge(edge) {
        for turn in lanes.next(lane) {
            let CityLaneKind::Turn { to, turn: how, .. } = lanes.lane(*turn).kind else {
                continue;
            };
            if !is_urban(city, to) {
                continue;
            }
            let extra_ms = match how {
                Turn::Straight => 0,
                Turn::Near => 3_000,
                Turn::Far => 6_000,
                Turn::Back => 40_000,
            };
            let speed = city.graph.road_of(to).speed_limit.0.max(2.0);
            let length_m = city.graph.edge(to).length.0;
            found.push((to, (length_m / speed * 1000.0) as u64 + extra_ms));
        }
    }
    found
}

/// The fastest way to one of the edges about as far as asked for.
fn spread(
    city: &City,
    lanes: &CityLanes,
    start: EdgeId,
    length_m: f64,
    rng: &mut Rng,
) -> Vec<EdgeId> {
    // Cost in ms and driven m of each reached edge, and the edge before it.
    let mut best: BTreeMap<EdgeId, (u64, f64, EdgeId)> = BTreeMap::new();
    let mut open = BinaryHeap::new();
    open.push(Reverse((0_u64, start)));
    best.insert(start, (0, 0.0, start));
    let mut done = 0;
    let mut goals: Vec<EdgeId> = Vec::new();
    while let Some(Reverse((cost, edge))) = open.pop() {
        let (known, driven_m, _) = best[&edge];
        if cost > known {
            continue;
        }
        done += 1;
        let own = lanes.of_edge(edge).next();
        let is_goal = own.is_some_and(|l| lanes.lane(l).length_m > 25.0 && lanes.lane(l).rank >= 2);
        if driven_m > length_m && is_goal {
            goals.push(edge);
        }
        if goals.len() >= 20 || done > EDGES_MAX {
            break;
        }
        for (to, next_ms) in steps(city, lanes, edge) {
            let next = cost + next_ms;
            if best.get(&to).is_none_or(|b| next < b.0) {
                let length_m = city.graph.edge(to).length.0;
                best.insert(to, (next, driven_m + length_m, edge));
                open.push(Reverse((next, to)));
            }
        }
    }
    let Some(goal) = rng.choose(&goals).copied() else { return Vec::new() };
    let mut path = vec![goal];
    while path[path.len() - 1] != start && path.len() < rv_driver::urban::EDGES_MAX {
        path.push(best[&path[path.len() - 1]].2);
    }
    path.reverse();
    path
}

/// The lanes along a way, for the human-like driver.
pub(super) fn lanes_along(way: &rv_driver::urban::Way, lanes: &CityLanes) -> Vec<CityLaneId> {
    let mut out: Vec<CityLaneId> = Vec::new();
    let mut s_m = 0.0;
    while s_m < way.length_m() {
        if let Some(lane) = way.lane_at(s_m)
            && out.last() != Some(&lane)
        {
            // A change of lane is a jump to the neighbour; the human-like driver keeps the first.
            let is_beside = out.last().is_some_and(|l| {
                let l = lanes.lane(*l);
                l.kerb_side == Some(lane) || l.far_side == Some(lane)
            });
            if is_beside {
                out.pop();
            }
            out.push(lane);
        }
        s_m += 0.5;
    }
    out
}
