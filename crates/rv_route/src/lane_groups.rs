//! Lane groups: lanes side by side that lead to the same roads, and whether a vehicle is in one of
//! those that it needs.
//!
//! A vehicle that turns right from the lanes for going straight on follows its route edge by edge,
//! and is in the wrong place all the same. This needs positions good to a fraction of a lane, as a
//! driverless vehicle has them; with coarser ones nothing is said.

use std::collections::{BTreeMap, BTreeSet};

use rv_base::{EdgeId, LatLon, Meters, Point2};
use rv_map::lanes::{GeoFrame, Lane, LaneIdx, LaneMap, LaneUse, RoadLinks};
use rv_map::{Mode, RoadGraph};

/// The lane groups of each edge that lanes are known of.
#[derive(Clone, Debug)]
pub struct LaneGroups {
    frame: GeoFrame,
    groups: BTreeMap<EdgeId, Vec<LaneGroup>>,
}

/// Lanes side by side that lead to the same roads and are for the same users.
#[derive(Clone, Debug, PartialEq)]
pub struct LaneGroup {
    /// Its lanes, from left to right.
    pub lanes: Vec<LaneIdx>,
    /// Who may use them.
    pub use_by: LaneUse,
    /// The edges to which they lead behind their own, ascending; empty if that is not known.
    pub leads_to: Vec<EdgeId>,
    rings: Vec<Vec<Point2>>,
}

/// Lanes to match positions with, and where the vehicle wants to go.
#[derive(Clone, Copy, Debug)]
pub struct LaneSight<'a> {
    /// The lanes.
    pub groups: &'a LaneGroups,
    /// The edges of the vehicle's route, in order; empty if it has none.
    pub plan: &'a [EdgeId],
}

/// Successors are followed so many lanes deep to find the road that they lead to.
const DEPTH_MAX: usize = 8;
/// A position must be so many standard deviations off its lanes before that counts.
const SIGMAS: f64 = 2.0;

impl LaneGroups {
    /// The groups of a lane map that is linked to a road graph.
    pub fn new(map: &LaneMap, frame: &GeoFrame, links: &RoadLinks, graph: &RoadGraph) -> Self {
        let mut groups: BTreeMap<EdgeId, Vec<LaneGroup>> = BTreeMap::new();
        for (edge, lanes) in &links.lanes_of {
            let onward: BTreeSet<EdgeId> = graph.out_edges(graph.edge(*edge).head).collect();
            let of_edge = groups.entry(*edge).or_default();
            for idx in lanes {
                let Some(lane) = map.lanes.get(*idx) else { continue };
                let leads_to = leads_to(map, links, *idx, &onward);
                let ring = lane.ring();
                match of_edge.last_mut() {
                    Some(last) if last.use_by == lane.use_by && last.leads_to == leads_to => {
                        last.lanes.push(*idx);
                        last.rings.push(ring);
                    }
                    _ => of_edge.push(LaneGroup {
                        lanes: vec![*idx],
                        use_by: lane.use_by,
                        leads_to,
                        rings: vec![ring],
                    }),
                }
            }
        }
        Self { frame: *frame, groups }
    }

    /// The groups of an edge, from left to right; none if its lanes are not known.
    pub fn of(&self, edge: EdgeId) -> &[LaneGroup] {
        self.groups.get(&edge).map_or(&[], Vec::as_slice)
    }

    /// True if a vehicle at a position on an edge is surely in lanes that are not for its mode, or
    /// that do not lead to the edge that it takes `next`. `noise` is the standard deviation of
    /// its position.
    pub fn is_wrong(
        &self,
        edge: EdgeId,
        at: LatLon,
        next: Option<EdgeId>,
        mode: Mode,
        noise: Meters,
    ) -> bool {
        let groups = self.of(edge);
        let at = self.frame.to_plane(at.lat_deg(), at.lon_deg());
        let is_right = |group: &LaneGroup| {
            let leads = |next| group.leads_to.is_empty() || group.leads_to.contains(&next);
            is_for(group.use_by, mode) && next.is_none_or(leads)
        };
        let off = |group: &LaneGroup| {
            let rings = group.rings.iter().map(|ring| distance_m(ring, at));
            rings.fold(f64::INFINITY, f64::min)
        };
        let least = |is_wanted: bool| {
            let sought = groups.iter().filter(|group| is_right(group) == is_wanted);
            sought.map(off).fold(f64::INFINITY, f64::min)
        };
        let (right_m, wrong_m) = (least(true), least(false));
        // Beside all lanes it is off the lanes, which the distance from the road tells.
        right_m.is_finite() && wrong_m == 0.0 && right_m > SIGMAS * noise.0
    }
}

impl LaneSight<'_> {
    /// The edge that the vehicle takes after an edge of its route.
    pub(crate) fn next(&self, edge: EdgeId) -> Option<EdgeId> {
        let at = self.plan.iter().position(|planned| *planned == edge)?;
        self.plan.get(at + 1).copied()
    }
}

/// The edges of `onward` to which a lane leads.
fn leads_to(
    map: &LaneMap,
    links: &RoadLinks,
    lane: LaneIdx,
    onward: &BTreeSet<EdgeId>,
) -> Vec<EdgeId> {
    let mut found = BTreeSet::new();
    let mut seen = BTreeSet::from([lane]);
    let mut layer = vec![lane];
    for _ in 0..DEPTH_MAX {
        let mut next = Vec::new();
        for idx in layer {
            let here = links.edges_of.get(idx).into_iter().flatten();
            let here: Vec<EdgeId> = here.copied().filter(|edge| onward.contains(edge)).collect();
            if !here.is_empty() {
                found.extend(here);
                continue;
            }
            let successors = map.lanes.get(idx).map_or(&[][..], |lane: &Lane| &lane.successors);
            next.extend(successors.iter().copied().filter(|idx| seen.insert(*idx)));
        }
        layer = next;
    }
    found.into_iter().collect()
}

fn is_for(lane: LaneUse, mode: Mode) -> bool {
    match lane {
        LaneUse::Motor => mode != Mode::Foot,
        LaneUse::Bicycle => matches!(mode, Mode::Bicycle | Mode::Robot),
        LaneUse::Foot | LaneUse::Crossing => matches!(mode, Mode::Foot | Mode::Robot),
        LaneUse::Bus | LaneUse::Rail => false,
    }
}

/// Distance from a ring's ground, m; zero within.
fn distance_m(ring: &[Point2], at: Point2) -> f64 {
    if rv_map::lanes::contains(ring, at) {
        return 0.0;
    }
    let mut least = f64::INFINITY;
    let Some(mut before) = ring.last().copied() else { return least };
    for p in ring {
        let (dx, dy) = (p.x_m - before.x_m, p.y_m - before.y_m);
        let (px, py) = (at.x_m - before.x_m, at.y_m - before.y_m);
        let square = dx * dx + dy * dy;
        let share = if square > 0.0 { ((px * dx + py * dy) / square).clamp(0.0, 1.0) } else { 0.0 };
        least = least.min((px - share * dx).hypot(py - share * dy));
        before = *p;
    }
    least
}

#[cfg(test)]
pub(crate) mod tests {
    use rv_map::SnapIndex;

    use super::*;
    use crate::oracle::Case;

    /// Two lanes of 3 m along each straight one-way stretch with two ways on: the left one leads
    /// to the first way on, the right one to the second, and a bus lane right of them to both.
    pub(crate) fn lanes_of(case: &Case) -> (LaneGroups, Vec<(EdgeId, [EdgeId; 2])>) {
        let graph = &case.graph;
        let middle = graph.junctions[graph.junctions.len() / 2];
        let frame = GeoFrame::utm_at(middle.lat_deg(), middle.lon_deg());
        let strip = |edge: EdgeId, from_m: f64, to_m: f64| {
            let line = graph.polyline(edge);
            let plane: Vec<Point2> =
                line.iter().map(|p| frame.to_plane(p.lat_deg(), p.lon_deg())).collect();
            let (first, last) = (plane[0], plane[plane.len() - 1]);
            let length_m = first.distance_to(last).0;
            let (ux, uy) = ((last.x_m - first.x_m) / length_m, (last.y_m - first.y_m) / length_m);
            let beside = |m: f64| {
                [first, last].map(|p| Point2 { x_m: p.x_m + uy * m, y_m: p.y_m - ux * m }).to_vec()
            };
            Lane { left: beside(from_m), right: beside(to_m), ..Lane::default() }
        };
        let mut map = LaneMap::default();
        let mut links = RoadLinks::default();
        let mut forks = Vec::new();
        let mut add = |links: &mut RoadLinks, lane: Lane, edge: EdgeId| {
            map.lanes.push(lane);
            links.edges_of.push(vec![edge]);
            map.lanes.len() - 1
        };
        let mut pending: Vec<(LaneIdx, LaneIdx)> = Vec::new();
        for idx in 0..graph.n_edges() {
            let edge = EdgeId::from_idx(idx);
            let facts = graph.edge(edge);
            let onward: Vec<EdgeId> = graph.out_edges(facts.head).collect();
            if facts.reverse.is_some() || facts.n_shape > 0 || onward.len() < 2 {
                continue;
            }
            let to = [onward[0], onward[1]];
            let own = [(-3.0, 0.0), (0.0, 3.0), (3.0, 6.0)].map(|(from, to)| strip(edge, from, to));
            let own = own.map(|lane| add(&mut links, lane, edge));
            let beyond = to.map(|edge| add(&mut links, strip(edge, -1.5, 1.5), edge));
            pending.extend([(own[0], beyond[0]), (own[1], beyond[1])]);
            pending.extend(beyond.map(|lane| (own[2], lane)));
            links.lanes_of.insert(edge, own.to_vec());
            forks.push((edge, to));
        }
        for (lane, successor) in pending {
            map.lanes[lane].successors.push(successor);
        }
        for (edge, _) in &forks {
            map.lanes[links.lanes_of[edge][2]].use_by = LaneUse::Bus;
        }
        (LaneGroups::new(&map, &frame, &links, graph), forks)
    }

    #[test]
    fn the_group_of_lanes_that_leads_on_is_told_from_the_others() {
        let case = Case::of_size(5, 12, 12);
        let (groups, forks) = lanes_of(&case);
        assert!(!forks.is_empty());
        let index = SnapIndex::new(&case.graph);
        for (edge, [left, right]) in forks {
            let of_edge = groups.of(edge);
            let facts: Vec<_> = of_edge.iter().map(|g| (g.use_by, g.leads_to.clone())).collect();
            let mut both = vec![left, right];
            both.sort_unstable();
            let motor = LaneUse::Motor;
            assert_eq!(facts, [(motor, vec![left]), (motor, vec![right]), (LaneUse::Bus, both)]);
            let middle = |group: usize| {
                let ring = &of_edge[group].rings[0];
                let n = ring.len() as f64;
                let (x_m, y_m) = ring.iter().fold((0.0, 0.0), |(x, y), p| (x + p.x_m, y + p.y_m));
                let (lat, lon) =
                    groups.frame.to_earth(Point2 { x_m: x_m / n, y_m: y_m / n }).unwrap();
                LatLon::from_degrees(lat, lon).unwrap()
            };
            let is_wrong = |group: usize, next, noise_m| {
                groups.is_wrong(edge, middle(group), next, Mode::Van, Meters(noise_m))
            };
            assert!(!is_wrong(0, Some(left), 0.1) && !is_wrong(1, Some(right), 0.1));
            assert!(is_wrong(1, Some(left), 0.1) && is_wrong(0, Some(right), 0.1));
            assert!(!is_wrong(1, None, 0.1) && is_wrong(2, None, 0.1));
            // A coarse position tells nothing, and beside all lanes there is no group.
            assert!(!is_wrong(1, Some(left), 3.0));
            let away = case.graph.junctions[0];
            if !index
                .nearest(
                    &case.graph,
                    away,
                    &rv_map::SnapQuery {
                        mode: Mode::Car,
                        radius: Meters(20.0),
                        heading: None,
                        n_max: 9,
                    },
                )
                .iter()
                .any(|snap| snap.position.edge == edge)
            {
                assert!(!groups.is_wrong(edge, away, Some(left), Mode::Van, Meters(0.1)));
            }
        }
    }
}
