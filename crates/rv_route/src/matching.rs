//! Map matching: on which road a vehicle was, from noisy positions, and whether it belonged there.
//!
//! The hidden Markov model of Newson and Krumm (Hidden Markov Map Matching Through Noise and
//! Sparseness, 2009): each position could be on any road nearby, the less likely the farther; from
//! one position to the next, the way by road is likely to be as long as the straight line. The
//! best sequence is found as positions come in, and told as soon as no later position can change
//! it. Different from the paper, the ways from one candidate to all of the next are one bounded
//! search over the turn-expanded network, a measured heading counts, and a vehicle may seem to
//! roll back a little on its road, as noise makes it do when it stands.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};
use std::f64::consts::{PI, TAU};

use rv_base::{LatLon, Meters, Radians, RoadPosition};
use rv_map::{RoadGraph, Snap, SnapIndex, SnapQuery};

use crate::lane_groups::LaneSight;
use crate::metric::{Metric, RouteError};

/// How positions are matched.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MatchOptions {
    /// Standard deviation of positions, more than zero.
    pub noise: Meters,
    /// How much the way by road and the straight line differ, on average, more than zero.
    pub detour: Meters,
    /// Standard deviation of headings.
    pub heading_noise: Radians,
    /// Roads farther away than this are not thought of: the vehicle is off the road.
    pub radius: Meters,
    /// Most roads thought of for one position, 1..=32.
    pub n_candidates: usize,
    /// Most positions that wait for later ones before they are told.
    pub n_waiting: usize,
}

impl MatchOptions {
    /// For satellite positions of a vehicle on a street, once a second or so.
    pub const STREET: Self = Self {
        noise: Meters(6.0),
        detour: Meters(4.0),
        heading_noise: Radians(0.5),
        radius: Meters(35.0),
        n_candidates: 8,
        n_waiting: 60,
    };
}

/// One measured position.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Observation {
    /// Where the vehicle seems to be.
    pub at: LatLon,
    /// Where it seems to be heading, clockwise from north, if it moves and that is known.
    pub heading: Option<Radians>,
}

/// What became of one position.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Matched {
    /// Its number in the order of coming, from 0.
    pub idx: usize,
    /// Where on the road it was; `None` off the road.
    pub position: Option<RoadPosition>,
    /// How far the road is from what was measured; zero off the road.
    pub distance: Meters,
    /// Whether the vehicle belonged there.
    pub integrity: Integrity,
}

/// Whether a vehicle was where a vehicle belongs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Integrity {
    /// On a road of its class, in its direction.
    OnRoad,
    /// On a road, but no allowed way leads there from the position before in so short a distance.
    Jumped,
    /// On a one-way road, against its direction.
    WrongWay,
    /// On its road, in lanes that are not for it or do not lead where its route goes.
    WrongLaneGroup,
    /// On no road of its class.
    OffRoad,
}

/// Working memory, for one thread; any number of matchers may use it in turn.
#[derive(Clone, Debug, Default)]
pub struct MatchScratch {
    /// Shortest distance known to each state, mm, valid if the stamp is the present one.
    dist_mm: Vec<u32>,
    stamp: Vec<u32>,
    now: u32,
    heap: BinaryHeap<Reverse<(u32, u32)>>,
}

/// Matches the positions of one vehicle as they come.
#[derive(Clone, Debug)]
pub struct Matcher {
    options: MatchOptions,
    n_seen: usize,
    last: Option<Observation>,
    /// Columns of the model that are not told yet; all are linked to the one before.
    columns: VecDeque<Column>,
}

#[derive(Clone, Debug)]
struct Column {
    idx: usize,
    is_jump: bool,
    candidates: Vec<Candidate>,
}

#[derive(Clone, Copy, Debug)]
struct Candidate {
    snap: Snap,
    /// Minus logarithm of the likelihood of the best sequence that ends here.
    cost: f64,
    /// Its predecessor in the column before.
    before: u32,
    /// True if it is driven against its direction.
    is_against: bool,
    /// True if the vehicle is in lanes that are not for it.
    is_wrong_group: bool,
}

/// What positions are matched to.
#[derive(Clone, Copy, Debug)]
pub struct MatchMap<'a> {
    /// The roads.
    pub graph: &'a RoadGraph,
    /// Where they are.
    pub snap: &'a SnapIndex,
    /// Which of them are open to the class and how they connect.
    pub metric: &'a Metric,
    /// Their lanes and the vehicle's route, if positions are good enough to tell lanes apart.
    pub lanes: Option<LaneSight<'a>>,
}

impl Matcher {
    /// A matcher that has seen nothing.
    pub fn new(options: MatchOptions) -> Self {
        Self { options, n_seen: 0, last: None, columns: VecDeque::new() }
    }

    /// Takes the next position in; returns those that no later one can change, in order.
    pub fn push(
        &mut self,
        map: &MatchMap<'_>,
        scratch: &mut MatchScratch,
        observation: Observation,
    ) -> Vec<Matched> {
        let idx = self.n_seen;
        self.n_seen += 1;
        let mut candidates = self.candidates(map, &observation);
        let mut told = Vec::new();
        if candidates.is_empty() {
            told.append(&mut self.flush());
            told.push(Matched {
                idx,
                position: None,
                distance: Meters::ZERO,
                integrity: Integrity::OffRoad,
            });
            self.last = None;
            return told;
        }
        let mut is_jump = false;
        if let (Some(before), Some(last)) = (self.columns.back(), &self.last) {
            let straight = last.at.distance_to(observation.at);
            let is_linked = [1.0, 8.0].into_iter().any(|patience| {
                self.link(map, scratch, before, &mut candidates, straight, patience)
            });
            if !is_linked {
                told.append(&mut self.flush());
                is_jump = true;
            }
        }
        candidates.retain(|candidate| candidate.cost.is_finite());
        self.columns.push_back(Column { idx, is_jump, candidates });
        self.last = Some(observation);
        told.append(&mut self.tell_settled());
        told
    }

    /// The positions that were still waiting.
    pub fn finish(mut self) -> Vec<Matched> {
        self.flush()
    }

    /// Roads near a position, each as likely as it is by itself.
    fn candidates(&self, map: &MatchMap<'_>, observation: &Observation) -> Vec<Candidate> {
        let options = &self.options;
        let query = SnapQuery {
            mode: map.metric.class().mode,
            radius: options.radius,
            heading: None,
            n_max: options.n_candidates.clamp(1, 32),
        };
        let snaps = map.snap.nearest(map.graph, observation.at, &query);
        let usable = |snap: &Snap| {
            !matches!(map.metric.check_edge(snap.position.edge), Err(RouteError::NotAllowed(_)))
        };
        let candidate = |snap: Snap| {
            let off = snap.distance / options.noise;
            let mut cost = 0.5 * off * off;
            let mut is_against = false;
            if let Some(heading) = observation.heading {
                let mut turn = difference(heading, snap.bearing);
                // Against the direction of a one-way road is unlikely, but it happens.
                if turn > 0.75 * PI && is_one_way(map, &snap) {
                    is_against = true;
                    turn = PI - turn + 3.0 * options.heading_noise.0;
                }
                let off = turn / options.heading_noise.0.max(1e-3);
                cost += (0.5 * off * off).min(12.0);
            }
            let is_wrong_group = map.lanes.is_some_and(|lanes| {
                let edge = snap.position.edge;
                let (next, at) = (lanes.next(edge), observation.at);
                lanes.groups.is_wrong(edge, at, next, query.mode, options.noise)
            });
            Candidate { snap, cost, before: u32::MAX, is_against, is_wrong_group }
        };
        snaps.into_iter().filter(usable).map(candidate).collect()
    }

    /// Links each candidate to its most likely predecessor; false if there is none for any.
    fn link(
        &self,
        map: &MatchMap<'_>,
        scratch: &mut MatchScratch,
        before: &Column,
        candidates: &mut [Candidate],
        straight: Meters,
        patience: f64,
    ) -> bool {
        let limit = Meters((2.0 * straight.0 + 6.0 * self.options.noise.0) * patience);
        let mut best: Vec<(f64, u32)> = vec![(f64::INFINITY, u32::MAX); candidates.len()];
        for (number, from) in before.candidates.iter().enumerate() {
            scratch.spread(map, from.snap.position, limit, candidates);
            for (to, best) in candidates.iter().zip(&mut best) {
                let Some(way) = self.way(map, scratch, from, to, limit) else { continue };
                let cost = from.cost + (way.0 - straight.0).abs() / self.options.detour.0;
                if cost < best.0 {
                    *best = (cost, number as u32);
                }
            }
        }
        let is_linked = best.iter().any(|(cost, _)| cost.is_finite());
        if is_linked {
            for (candidate, (cost, number)) in candidates.iter_mut().zip(best) {
                candidate.cost += cost;
                candidate.before = number;
            }
        }
        is_linked
    }

    /// Length of the way from one candidate to the next, after [`MatchScratch::spread`] from the
    /// first; below zero if the vehicle seems to roll back.
    fn way(
        &self,
        map: &MatchMap<'_>,
        scratch: &MatchScratch,
        from: &Candidate,
        to: &Candidate,
        limit: Meters,
    ) -> Option<Meters> {
        let (start, end) = (from.snap.position, to.snap.position);
        if start.edge == end.edge {
            let ahead = end.offset - start.offset;
            if from.is_against && to.is_against {
                return Some(-ahead);
            }
            let is_noise = ahead.0 >= -3.0 * self.options.noise.0;
            if is_noise || from.is_against || to.is_against {
                return Some(ahead);
            }
        }
        let states = map.metric.network.states_of(end.edge);
        let dist_mm = states.filter_map(|state| scratch.known(state)).min()?;
        let way = Meters(f64::from(dist_mm) / 1000.0) + end.offset;
        (way <= limit).then_some(way)
    }

    /// Tells what all sequences that may still win have in common.
    fn tell_settled(&mut self) -> Vec<Matched> {
        let n = self.columns.len();
        let n_last = self.columns[n - 1].candidates.len() as u32;
        let mut alive: Vec<u32> = (0..n_last).collect();
        let mut settled = None;
        for at in (1..n).rev() {
            let column = &self.columns[at];
            alive.iter_mut().for_each(|c| *c = column.candidates[*c as usize].before);
            if alive.iter().all(|c| *c == alive[0]) {
                settled = Some((at - 1, alive[0]));
                break;
            }
        }
        if settled.is_none() && n > self.options.n_waiting.max(1) {
            // Too long undecided: what is likeliest now counts, and other beginnings are out.
            let last = &mut self.columns[n - 1];
            let best = alive[least(last) as usize];
            for (candidate, beginning) in last.candidates.iter_mut().zip(&alive) {
                if *beginning != best {
                    candidate.cost = f64::INFINITY;
                }
            }
            settled = Some((0, best));
        }
        let Some((at, candidate)) = settled else { return Vec::new() };
        let told = self.trace(at, candidate);
        self.columns.drain(..=at);
        told
    }

    /// Tells all columns by the best sequence and forgets them.
    fn flush(&mut self) -> Vec<Matched> {
        let Some(last) = self.columns.back() else { return Vec::new() };
        let told = self.trace(self.columns.len() - 1, least(last));
        self.columns.clear();
        told
    }

    /// The sequence that ends with a candidate of a column.
    fn trace(&self, at: usize, mut candidate: u32) -> Vec<Matched> {
        let mut told = Vec::with_capacity(at + 1);
        for column in self.columns.iter().take(at + 1).rev() {
            let found = &column.candidates[candidate as usize];
            let integrity = match (found.is_against, column.is_jump) {
                (true, _) => Integrity::WrongWay,
                (false, true) => Integrity::Jumped,
                (false, false) if found.is_wrong_group => Integrity::WrongLaneGroup,
                (false, false) => Integrity::OnRoad,
            };
            told.push(Matched {
                idx: column.idx,
                position: Some(found.snap.position),
                distance: found.snap.distance,
                integrity,
            });
            candidate = found.before;
        }
        told.reverse();
        told
    }
}

impl MatchScratch {
    /// Finds the distances from a position to the tails of edges, up to a limit or until all of
    /// `targets` are known.
    fn spread(
        &mut self,
        map: &MatchMap<'_>,
        from: RoadPosition,
        limit: Meters,
        targets: &[Candidate],
    ) {
        let network = &*map.metric.network;
        if self.stamp.len() != network.n_states() || self.now == u32::MAX {
            self.stamp = vec![0; network.n_states()];
            self.dist_mm = vec![0; network.n_states()];
            self.now = 0;
        }
        self.now += 1;
        self.heap.clear();
        let limit_mm = (limit.0 * 1000.0) as u32;
        let mm = |length: Meters| (length.0 * 1000.0) as u32;
        let is_wanted = |state: u32| {
            let edge = network.edge_of_state[state as usize];
            targets.iter().any(|target| target.snap.position.edge == edge)
        };
        let mut n_wanted = targets.iter().filter(|t| t.snap.position.edge != from.edge).count();
        let own = network.state_of_edge[from.edge.idx()];
        let left = mm((network.edges[from.edge.idx()].length - from.offset).max(Meters::ZERO));
        for arc in network.arcs(own).filter(|arc| map.metric.arc_cost(*arc).is_reachable()) {
            self.improve(network.arc_head[arc], left, limit_mm);
        }
        while let Some(Reverse((dist_mm, state))) = self.heap.pop() {
            if self.dist_mm[state as usize] < dist_mm {
                continue;
            }
            if n_wanted == 0 {
                return;
            }
            if is_wanted(state) {
                n_wanted -= 1;
            }
            let edge = network.edge_of_state[state as usize];
            let next_mm = dist_mm.saturating_add(mm(network.edges[edge.idx()].length));
            if next_mm > limit_mm {
                continue;
            }
            for arc in network.arcs(state).filter(|arc| map.metric.arc_cost(*arc).is_reachable()) {
                self.improve(network.arc_head[arc], next_mm, limit_mm);
            }
        }
    }

    fn improve(&mut self, state: u32, dist_mm: u32, limit_mm: u32) {
        let at = state as usize;
        let is_new = self.stamp[at] != self.now;
        if dist_mm <= limit_mm && (is_new || dist_mm < self.dist_mm[at]) {
            self.stamp[at] = self.now;
            self.dist_mm[at] = dist_mm;
            self.heap.push(Reverse((dist_mm, state)));
        }
    }

    fn known(&self, state: u32) -> Option<u32> {
        let at = state as usize;
        (self.stamp.get(at) == Some(&self.now)).then(|| self.dist_mm[at])
    }
}

fn least(column: &Column) -> u32 {
    let by_cost = |a: &(usize, &Candidate), b: &(usize, &Candidate)| a.1.cost.total_cmp(&b.1.cost);
    let found = column.candidates.iter().enumerate().min_by(by_cost);
    found.map_or(0, |(number, _)| number as u32)
}

/// True if the other direction of a road is not open to the class.
fn is_one_way(map: &MatchMap<'_>, snap: &Snap) -> bool {
    let reverse = map.graph.edge(snap.position.edge).reverse;
    reverse.is_none_or(|back| matches!(map.metric.check_edge(back), Err(RouteError::NotAllowed(_))))
}

/// The angle between two directions, 0..=pi.
fn difference(a: Radians, b: Radians) -> f64 {
    ((a.0 - b.0 + PI).rem_euclid(TAU) - PI).abs()
}

#[cfg(test)]
mod tests {
    use rv_base::Rng;

    use super::*;
    use crate::Scratch;
    use crate::oracle::Case;

    /// A position each second along a route, with noise; and the true positions.
    fn drive(case: &Case, route: &crate::Route, rng: &mut Rng) -> Vec<(RoadPosition, LatLon)> {
        let mut trace = Vec::new();
        let mut next_s = 0.0;
        for (idx, driven) in route.edges.iter().enumerate() {
            let length = case.graph.edge(driven.edge).length;
            let from = if idx == 0 { route.from.offset } else { Meters::ZERO };
            let to = if idx + 1 == route.edges.len() { route.to.offset } else { length };
            while next_s < driven.leave.0 {
                let span_s = (driven.leave - driven.enter).0.max(1e-9);
                let share = ((next_s - driven.enter.0) / span_s).clamp(0.0, 1.0);
                let at = RoadPosition { edge: driven.edge, offset: from + (to - from) * share };
                let mut noise = || rng.normal(0.0, 4.0) / 111_000.0 * 1e7;
                let point = crate::guide::point_on(&case.graph, at);
                let (lat_e7, lon_e7) = (noise() as i32, noise() as i32);
                let measured =
                    LatLon::from_e7(point.lat_e7() + lat_e7, point.lon_e7() + lon_e7).unwrap();
                trace.push((at, measured));
                next_s += 1.0;
            }
        }
        trace
    }

    #[test]
    fn finds_the_roads_that_were_driven() {
        let (mut n, mut n_right, mut n_near, mut n_told) = (0, 0, 0, 0);
        for seed in 0..12 {
            let mut case = Case::of_size(seed, 12, 12);
            (case.forbidden, case.closed) = Default::default();
            case.class = crate::VehicleClass::by_name("robovan-35").unwrap();
            for idx in 0..case.graph.n_edges() {
                // Real roads are as long as they are drawn.
                let line = case.graph.polyline(rv_base::EdgeId::from_idx(idx));
                let pieces = line.windows(2).map(|pair| pair[0].distance_to(pair[1]));
                case.graph.edges[idx].length = pieces.sum();
            }
            let points = case.positions(16);
            let metric = case.metric();
            let snap = SnapIndex::new(&case.graph);
            let map = MatchMap { graph: &case.graph, snap: &snap, metric: &metric, lanes: None };
            let mut scratch = MatchScratch::default();
            let mut rng = Rng::from_seed(seed);
            for pair in points.windows(2) {
                let way = metric.route(&mut Scratch::default(), pair[0], pair[1]);
                let Ok(route) = way else { continue };
                let trace = drive(&case, &route, &mut rng);
                let mut matcher = Matcher::new(MatchOptions::STREET);
                let mut told = Vec::new();
                for (_, at) in &trace {
                    let observation = Observation { at: *at, heading: None };
                    told.extend(matcher.push(&map, &mut scratch, observation));
                }
                told.extend(matcher.finish());
                n_told += told.len();
                assert!(told.iter().enumerate().all(|(idx, matched)| matched.idx == idx));
                for (matched, (truth, _)) in told.iter().zip(&trace) {
                    n += 1;
                    let Some(found) = matched.position else { continue };
                    n_right += usize::from(found.edge == truth.edge);
                    let [found, truth] =
                        [found, *truth].map(|at| crate::guide::point_on(&case.graph, at));
                    n_near += usize::from(found.distance_to(truth) < Meters(12.0));
                }
            }
        }
        assert_eq!(n, n_told);
        assert!(n > 1000, "{n}");
        // Noise at junctions takes its share of the edges, but not of the places.
        assert!(n_right * 100 > n * 88, "{n_right} of {n} on the right edge");
        assert!(n_near * 100 > n * 97, "{n_near} of {n} near the truth");
    }

    #[test]
    fn says_when_a_vehicle_is_off_the_road_or_against_it() {
        let mut case = Case::of_size(5, 12, 12);
        (case.forbidden, case.closed) = Default::default();
        let metric = case.metric();
        let snap = SnapIndex::new(&case.graph);
        let map = MatchMap { graph: &case.graph, snap: &snap, metric: &metric, lanes: None };
        let mut scratch = MatchScratch::default();
        let mut matcher = Matcher::new(MatchOptions::STREET);
        let sea = Observation { at: LatLon::from_degrees(43.0, 7.0).unwrap(), heading: None };
        let told = matcher.push(&map, &mut scratch, sea);
        assert_eq!((told[0].integrity, told[0].position), (Integrity::OffRoad, None));

        let ids = (0..case.graph.n_edges()).map(rv_base::EdgeId::from_idx);
        let one_way = ids
            .filter(|e| metric.check_edge(*e).is_ok() && case.graph.edge(*e).reverse.is_none())
            .max_by(|a, b| case.graph.edge(*a).length.0.total_cmp(&case.graph.edge(*b).length.0))
            .unwrap();
        let length = case.graph.edge(one_way).length;
        let mut told = Vec::new();
        for share in [0.8, 0.65, 0.5, 0.35, 0.2] {
            let at = RoadPosition { edge: one_way, offset: length * share };
            let point = crate::guide::point_on(&case.graph, at);
            let found = map.snap.nearest(
                &case.graph,
                point,
                &SnapQuery {
                    mode: metric.class().mode,
                    radius: Meters(5.0),
                    heading: None,
                    n_max: 1,
                },
            );
            let back = Radians(found[0].bearing.0 + PI);
            let observation = Observation { at: point, heading: Some(back) };
            told.extend(matcher.push(&map, &mut scratch, observation));
        }
        told.extend(matcher.finish());
        assert!(told.iter().all(|m| m.integrity == Integrity::WrongWay), "{told:?}");
    }
    #[test]
    fn says_when_a_vehicle_is_in_lanes_that_lead_elsewhere() {
        let mut case = Case::of_size(5, 12, 12);
        (case.forbidden, case.closed) = Default::default();
        case.class = crate::VehicleClass::by_name("car").unwrap();
        let metric = case.metric();
        let snap = SnapIndex::new(&case.graph);
        let (groups, forks) = crate::lane_groups::tests::lanes_of(&case);
        let options = MatchOptions { noise: Meters(0.3), ..MatchOptions::STREET };
        let mut scratch = MatchScratch::default();
        let mut n = 0;
        for (edge, [left, right]) in forks {
            let length = case.graph.edge(edge).length;
            if metric.check_edge(edge).is_err() || length.0 < 40.0 {
                continue;
            }
            // A metre and a half to the left of the line lies the middle of the left lane.
            let at = |share: f64| {
                let on = crate::guide::point_on(
                    &case.graph,
                    RoadPosition { edge, offset: length * share },
                );
                let ahead =
                    crate::guide::point_on(&case.graph, RoadPosition { edge, offset: length });
                let bearing = on.bearing_to(ahead).0 - PI / 2.0;
                let (north_m, east_m) = (1.5 * bearing.cos(), 1.5 * bearing.sin());
                let lat = on.lat_deg() + north_m / 111_195.0;
                let lon = on.lon_deg() + east_m / 111_195.0 / on.lat_deg().to_radians().cos();
                LatLon::from_degrees(lat, lon).unwrap()
            };
            for (next, expected) in [(left, Integrity::OnRoad), (right, Integrity::WrongLaneGroup)]
            {
                let plan = [edge, next];
                let lanes = Some(LaneSight { groups: &groups, plan: &plan });
                let map = MatchMap { graph: &case.graph, snap: &snap, metric: &metric, lanes };
                let mut matcher = Matcher::new(options);
                let mut told = Vec::new();
                for share in [0.4, 0.45, 0.5] {
                    let seen = Observation { at: at(share), heading: None };
                    told.extend(matcher.push(&map, &mut scratch, seen));
                }
                told.extend(matcher.finish());
                let here = told.iter().filter(|m| m.position.is_some_and(|p| p.edge == edge));
                let here: Vec<Integrity> = here.map(|m| m.integrity).collect();
                n += here.len();
                assert!(here.iter().all(|integrity| *integrity == expected), "{here:?}");
            }
        }
        assert!(n >= 12, "{n}");
    }
}
