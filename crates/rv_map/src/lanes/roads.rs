//! Which lanes run along which road: links between a lane map and a city's road graph.

use std::collections::BTreeMap;

use rv_base::{EdgeId, LatLon, Meters, Point2, Radians};

use super::{GeoFrame, Lane, LaneIdx, LaneMap, LaneUse};
use crate::graph::{Mode, RoadGraph};
use crate::snap::{SnapIndex, SnapQuery};

/// A lane is looked at this often along its middle, m,
const STEP_M: f64 = 5.0;
/// and so often at most.
const SAMPLES_MAX: usize = 400;
/// A road's line is no farther than this from its lanes: half of a road of ten lanes.
const REACH: Meters = Meters(20.0);
/// A lane and its road point the same way to within this, about 34 degrees.
const TURN_MAX: Radians = Radians(0.6);
/// A lane belongs to a road that is nearest for so large a share of it,
const SHARE_MIN: f64 = 0.25;
/// or for so many metres.
const ALONG_MIN_M: f64 = 20.0;

/// Links between lanes and directed edges of the road graph, both ways.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RoadLinks {
    /// For each lane of the map the edges that it runs along, in driving direction; none for lanes
    /// off the graph's roads, such as those across a junction.
    pub edges_of: Vec<Vec<EdgeId>>,
    /// The lane group of each edge that has one: its lanes from left to right, and among those one
    /// behind the other in driving direction.
    pub lanes_of: BTreeMap<EdgeId, Vec<LaneIdx>>,
}

impl RoadLinks {
    /// Links the lanes that wheels use to the edges they lie along.
    ///
    /// The two maps may come from different surveys: a lane is matched by nearness and direction
    /// at points 5 m apart, and an edge that is nearest for only a small part of it is left out.
    pub fn between(map: &LaneMap, frame: &GeoFrame, graph: &RoadGraph, index: &SnapIndex) -> Self {
        let mut links = Self { edges_of: vec![Vec::new(); map.lanes.len()], ..Self::default() };
        let mut groups: BTreeMap<EdgeId, Vec<(i64, f64, LaneIdx)>> = BTreeMap::new();
        for (idx, lane) in map.lanes.iter().enumerate() {
            for found in along(lane, frame, graph, index) {
                links.edges_of[idx].push(found.edge);
                // Lanes within a metre across count as one behind the other.
                let across = found.right_m.round() as i64;
                groups.entry(found.edge).or_default().push((across, found.from_m, idx));
            }
        }
        for (edge, mut group) in groups {
            group.sort_by(|a, b| a.0.cmp(&b.0).then(a.1.total_cmp(&b.1)).then(a.2.cmp(&b.2)));
            links.lanes_of.insert(edge, group.into_iter().map(|(_, _, lane)| lane).collect());
        }
        links
    }
}

/// An edge along a lane.
struct Along {
    edge: EdgeId,
    n: usize,
    /// Least offset on the edge.
    from_m: f64,
    /// How far the lane lies to the right of the edge's line; the mean.
    right_m: f64,
}

fn along(lane: &Lane, frame: &GeoFrame, graph: &RoadGraph, index: &SnapIndex) -> Vec<Along> {
    let mode = match lane.use_by {
        LaneUse::Motor | LaneUse::Bus => Mode::Car,
        LaneUse::Bicycle => Mode::Bicycle,
        LaneUse::Foot | LaneUse::Crossing | LaneUse::Rail => return Vec::new(),
    };
    let length_m = lane.length().0;
    if !(length_m > 0.0 && length_m.is_finite()) {
        return Vec::new();
    }
    let n = ((length_m / STEP_M) as usize).min(SAMPLES_MAX) + 2;
    let middle = lane.centre(n);
    let mut found: Vec<Along> = Vec::new();
    for pair in middle.windows(2) {
        let Some(snap) = nearest(pair[0], pair[1], mode, frame, graph, index) else { continue };
        let right_m = match snap.side {
            Some(crate::DriveSide::Right) => snap.distance.0,
            Some(crate::DriveSide::Left) => -snap.distance.0,
            None => 0.0,
        };
        let offset_m = snap.position.offset.0;
        match found.iter_mut().find(|f| f.edge == snap.position.edge) {
            Some(f) => {
                f.n += 1;
                f.right_m += right_m;
                f.from_m = f.from_m.min(offset_m);
            }
            None => found.push(Along { edge: snap.position.edge, n: 1, from_m: offset_m, right_m }),
        }
    }
    let step_m = length_m / (n - 1) as f64;
    found.retain(|f| {
        let share = f.n as f64 / (n - 1) as f64;
        share >= SHARE_MIN || f.n as f64 * step_m >= ALONG_MIN_M
    });
    for f in &mut found {
        f.right_m /= f.n as f64;
    }
    found
}

/// The nearest edge that points the way of a step of a lane.
fn nearest(
    from: Point2,
    to: Point2,
    mode: Mode,
    frame: &GeoFrame,
    graph: &RoadGraph,
    index: &SnapIndex,
) -> Option<crate::Snap> {
    let position = |p: Point2| {
        let (lat_deg, lon_deg) = frame.to_earth(p)?;
        LatLon::from_degrees(lat_deg, lon_deg).ok()
    };
    let middle = Point2 { x_m: (from.x_m + to.x_m) / 2.0, y_m: (from.y_m + to.y_m) / 2.0 };
    let (start, end) = (position(from)?, position(to)?);
    if start == end {
        return None;
    }
    let heading = Some((start.bearing_to(end), TURN_MAX));
    let query = SnapQuery { mode, radius: REACH, heading, n_max: 1 };
    index.nearest(graph, position(middle)?, &query).into_iter().next()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing;

    /// Lanes of 3 m beside a line, at distances to its right.
    fn lanes_along(line: &[LatLon], frame: &GeoFrame, rights_m: &[f64]) -> Vec<Lane> {
        let plane: Vec<Point2> =
            line.iter().map(|p| frame.to_plane(p.lat_deg(), p.lon_deg())).collect();
        let (first, last) = (plane[0], plane[plane.len() - 1]);
        let length_m = first.distance_to(last).0;
        let (ux, uy) = ((last.x_m - first.x_m) / length_m, (last.y_m - first.y_m) / length_m);
        let beside = |right_m: f64| {
            [first, last]
                .map(|p| Point2 { x_m: p.x_m + uy * right_m, y_m: p.y_m - ux * right_m })
                .to_vec()
        };
        rights_m
            .iter()
            .map(|m| Lane { left: beside(m - 1.5), right: beside(m + 1.5), ..Lane::default() })
            .collect()
    }

    #[test]
    fn every_lane_finds_its_edge_and_every_edge_its_lanes_from_left_to_right() {
        let city = testing::square_city();
        let graph = &city.graph;
        let index = SnapIndex::new(graph);
        let at = graph.junctions[0];
        let frame = GeoFrame::utm_at(at.lat_deg(), at.lon_deg());
        let mut map = LaneMap::default();
        let mut expected = Vec::new();
        for (id, edge) in graph.edges.iter().enumerate() {
            let line = graph.polyline(EdgeId::from_idx(id));
            let is_straight = line.len() == 2 && edge.length.0 > 50.0;
            if !is_straight || !edge.modes.contains(Mode::Car) {
                continue;
            }
            // The right one first: the group's order is not that of the map.
            map.lanes.extend(lanes_along(&line, &frame, &[4.5, 1.5]));
            expected.push(EdgeId::from_idx(id));
        }
        assert!(!expected.is_empty());
        let links = RoadLinks::between(&map, &frame, graph, &index);
        for (i, edge) in expected.iter().enumerate() {
            assert_eq!(links.edges_of[2 * i], [*edge]);
            assert_eq!(links.lanes_of[edge], [2 * i + 1, 2 * i]);
        }
        // Walkers' lanes, and lanes far away, are on no road.
        let mut away = map.lanes[0].clone();
        away.left.iter_mut().chain(&mut away.right).for_each(|p| p.x_m += 5000.0);
        let foot = Lane { use_by: LaneUse::Foot, ..map.lanes[0].clone() };
        let odd = Lane { left: vec![Point2 { x_m: f64::NAN, y_m: 0.0 }; 2], ..away.clone() };
        let map = LaneMap { lanes: vec![away, foot, odd] };
        let links = RoadLinks::between(&map, &frame, graph, &index);
        assert!(links.lanes_of.is_empty() && links.edges_of.iter().all(Vec::is_empty));
    }
}
