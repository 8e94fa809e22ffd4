//! Which roads are near a point: an index over the segments of a graph.

use rstar::{AABB, PointDistance, RTree, RTreeObject};
use rv_base::{EdgeId, LatLon, LocalFrame, Meters, Point2, Radians, RoadPosition};

use crate::city::DriveSide;
use crate::graph::{Edge, Mode, RoadGraph, RoadKind};

/// Finds the directed edges near a point. Built once a graph; about 60 bytes a segment.
///
/// It works in a flat frame around the middle of the graph, so distances are right to about 0.4 %
/// within 50 km of it. A graph across the date line is not supported.
#[derive(Clone, Debug)]
pub struct SnapIndex {
    frame: LocalFrame,
    tree: RTree<Segment>,
}

/// What to look for.
#[derive(Clone, Copy, Debug)]
pub struct SnapQuery {
    /// The edge must be open to this mode.
    pub mode: Mode,
    /// No edge beyond this distance.
    pub radius: Meters,
    /// If set, only edges whose direction is within the second angle of the first (clockwise from
    /// north).
    pub heading: Option<(Radians, Radians)>,
    /// At most so many edges.
    pub n_max: usize,
}

/// One edge near the point.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Snap {
    /// The nearest spot of the edge.
    pub position: RoadPosition,
    /// That spot on the Earth.
    pub point: LatLon,
    /// How far it is from the point asked for.
    pub distance: Meters,
    /// Direction of the edge there, clockwise from north, 0..2*pi.
    pub bearing: Radians,
    /// The side of the edge, in driving direction, on which the point lies; `None` on the line.
    pub side: Option<DriveSide>,
}

/// A straight part of a piece of road, stored once for both directions.
#[derive(Clone, Copy, Debug)]
struct Segment {
    a: [f64; 2],
    b: [f64; 2],
    /// The piece's edge with the lower id.
    edge: EdgeId,
    /// Distance from that edge's tail to `a`.
    from_tail_m: f64,
    length_m: f64,
}

impl Segment {
    /// Share of the way from `a` to `b` of the spot nearest to `p`, and the square of its distance.
    fn project(&self, p: [f64; 2]) -> (f64, f64) {
        let (dx, dy) = (self.b[0] - self.a[0], self.b[1] - self.a[1]);
        let (px, py) = (p[0] - self.a[0], p[1] - self.a[1]);
        let square = dx * dx + dy * dy;
        let share = if square > 0.0 { ((px * dx + py * dy) / square).clamp(0.0, 1.0) } else { 0.0 };
        let (ex, ey) = (px - share * dx, py - share * dy);
        (share, ex * ex + ey * ey)
    }

    /// More than zero if `p` is to the left of the direction from `a` to `b`.
    fn left_of(&self, p: [f64; 2]) -> f64 {
        (self.b[0] - self.a[0]) * (p[1] - self.a[1]) - (self.b[1] - self.a[1]) * (p[0] - self.a[0])
    }
}

impl RTreeObject for Segment {
    type Envelope = AABB<[f64; 2]>;
    fn envelope(&self) -> Self::Envelope {
        AABB::from_corners(self.a, self.b)
    }
}

impl PointDistance for Segment {
    fn distance_2(&self, p: &[f64; 2]) -> f64 {
        self.project(*p).1
    }
}

impl SnapIndex {
    /// Indexes every edge of `graph`.
    pub fn new(graph: &RoadGraph) -> Self {
        let frame = LocalFrame::at(middle(&graph.junctions));
        let mut segments = Vec::with_capacity(graph.shape_points.len() + graph.n_edges());
        for (i, edge) in graph.edges.iter().enumerate() {
            let id = EdgeId::from_idx(i);
            if edge.reverse.is_some_and(|reverse| reverse < id) {
                continue;
            }
            let points = graph.polyline(id);
            let mut from_tail_m = 0.0;
            for pair in points.windows(2) {
                let length_m = pair[0].distance_to(pair[1]).0;
                let [a, b] = [pair[0], pair[1]].map(|p| xy(frame.to_local(p)));
                segments.push(Segment { a, b, edge: id, from_tail_m, length_m });
                from_tail_m += length_m;
            }
        }
        Self { frame, tree: RTree::bulk_load(segments) }
    }

    /// The nearest edges that fit the query, the nearest first; of the two directions of a street
    /// both, the one with the lower id first. Each edge appears once.
    pub fn nearest(&self, graph: &RoadGraph, at: LatLon, query: &SnapQuery) -> Vec<Snap> {
        let p = xy(self.frame.to_local(at));
        let radius_2 = query.radius.0 * query.radius.0;
        let mut found: Vec<Snap> = Vec::new();
        for (segment, distance_2) in self.tree.nearest_neighbor_iter_with_distance_2(&p) {
            if found.len() >= query.n_max || distance_2 > radius_2 {
                break;
            }
            let edge = graph.edge(segment.edge);
            let is_open = |edge: &Edge| edge.modes.contains(query.mode);
            if is_open(edge) && !found.iter().any(|s| s.position.edge == segment.edge) {
                let snap = self.snap(edge, segment.edge, segment, p);
                found.extend(snap.filter(|s| fits(s, query)));
            }
            let Some(reverse) = edge.reverse else { continue };
            if found.len() < query.n_max
                && is_open(graph.edge(reverse))
                && !found.iter().any(|s| s.position.edge == reverse)
            {
                let snap =
                    self.snap(edge, segment.edge, segment, p).map(|s| reversed(s, edge, reverse));
                found.extend(snap.filter(|s| fits(s, query)));
            }
        }
        found
    }

    /// Where a vehicle of `mode` stops for a place at `at`: on the nearest street, on the place's
    /// side of it where that direction is open, else on the other side.
    ///
    /// Never where stopping is out of the question ([`RoadGraph::allows_stopping`]); a trunk road
    /// only if there is nothing else within the radius.
    pub fn stop_for(
        &self,
        graph: &RoadGraph,
        at: LatLon,
        mode: Mode,
        side: DriveSide,
        radius: Meters,
    ) -> Option<Snap> {
        let query = SnapQuery { mode, radius, heading: None, n_max: 64 };
        let mut snaps = self.nearest(graph, at, &query);
        snaps.retain(|snap| graph.allows_stopping(snap.position.edge));
        self.best_stop(graph, &snaps, side, |_| Meters::ZERO)
    }

    /// As [`SnapIndex::stop_for`], among edges already found, with a handicap for each.
    pub fn best_stop(
        &self,
        graph: &RoadGraph,
        snaps: &[Snap],
        side: DriveSide,
        handicap: impl Fn(EdgeId) -> Meters,
    ) -> Option<Snap> {
        let cost = |snap: &Snap| {
            let road = graph.road_of(snap.position.edge);
            let kind = match road.kind {
                RoadKind::Motorway => 10_000.0,
                RoadKind::Trunk => 200.0,
                _ if road.is_tunnel => 2_000.0,
                _ => 0.0,
            };
            // A street's two directions lie at the same distance: its wrong side loses, but not
            // to another street.
            let wrong_side = if snap.side.is_some_and(|s| s != side) { 0.01 } else { 0.0 };
            snap.distance.0 + handicap(snap.position.edge).0 + kind + wrong_side
        };
        snaps.iter().min_by(|a, b| cost(a).total_cmp(&cost(b))).copied()
    }

    fn snap(&self, edge: &Edge, id: EdgeId, segment: &Segment, p: [f64; 2]) -> Option<Snap> {
        let (share, distance_2) = segment.project(p);
        let spot = Point2 {
            x_m: segment.a[0] + share * (segment.b[0] - segment.a[0]),
            y_m: segment.a[1] + share * (segment.b[1] - segment.a[1]),
        };
        let offset_m = (segment.from_tail_m + share * segment.length_m).clamp(0.0, edge.length.0);
        let (dx, dy) = (segment.b[0] - segment.a[0], segment.b[1] - segment.a[1]);
        let left = segment.left_of(p);
        Some(Snap {
            position: RoadPosition { edge: id, offset: Meters(offset_m) },
            point: self.frame.to_world(spot).ok()?,
            distance: Meters(distance_2.sqrt()),
            bearing: Radians(dx.atan2(dy).rem_euclid(std::f64::consts::TAU)),
            side: match left.partial_cmp(&0.0) {
                Some(std::cmp::Ordering::Greater) => Some(DriveSide::Left),
                Some(std::cmp::Ordering::Less) => Some(DriveSide::Right),
                _ => None,
            },
        })
    }
}

/// The same spot in the other direction.
fn reversed(snap: Snap, edge: &Edge, reverse: EdgeId) -> Snap {
    Snap {
        position: RoadPosition {
            edge: reverse,
            offset: (edge.length - snap.position.offset).max(Meters::ZERO),
        },
        bearing: Radians((snap.bearing.0 + std::f64::consts::PI).rem_euclid(std::f64::consts::TAU)),
        side: snap.side.map(|side| match side {
            DriveSide::Left => DriveSide::Right,
            DriveSide::Right => DriveSide::Left,
        }),
        ..snap
    }
}

fn fits(snap: &Snap, query: &SnapQuery) -> bool {
    query.heading.is_none_or(|(heading, tolerance)| {
        let turn = (snap.bearing.0 - heading.0 + std::f64::consts::PI)
            .rem_euclid(std::f64::consts::TAU)
            - std::f64::consts::PI;
        turn.abs() <= tolerance.0
    })
}

/// The middle of the box around the points.
fn middle(points: &[LatLon]) -> LatLon {
    let range = |of: fn(&LatLon) -> i32| {
        let (low, high) = (points.iter().map(of).min(), points.iter().map(of).max());
        low.zip(high).map_or(0, |(low, high)| low.midpoint(high))
    };
    LatLon::from_e7(range(|p| p.lat_e7()), range(|p| p.lon_e7()))
        .expect("a mean of positions is a position")
}

fn xy(p: Point2) -> [f64; 2] {
    [p.x_m, p.y_m]
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::testing;

    const ANYWHERE: Meters = Meters(10_000.0);

    fn at(lat_e7: i32, lon_e7: i32) -> LatLon {
        LatLon::from_e7(437_300_000 + lat_e7, 74_200_000 + lon_e7).unwrap()
    }

    /// Every open edge with its distance, by looking at a thousand spots of each.
    fn oracle(graph: &RoadGraph, p: LatLon, mode: Mode) -> Vec<(f64, EdgeId)> {
        let ids = (0..graph.n_edges()).map(EdgeId::from_idx);
        let open = ids.filter(|id| graph.edge(*id).modes.contains(mode));
        let distance = |id: EdgeId| {
            let mut least = f64::INFINITY;
            for pair in graph.polyline(id).windows(2) {
                for i in 0..=1_000 {
                    let mix = |a: i32, b: i32| a + ((b - a) as f64 * f64::from(i) / 1e3) as i32;
                    let lat = mix(pair[0].lat_e7(), pair[1].lat_e7());
                    let lon = mix(pair[0].lon_e7(), pair[1].lon_e7());
                    least = least.min(LatLon::from_e7(lat, lon).unwrap().distance_to(p).0);
                }
            }
            least
        };
        let mut all: Vec<_> = open.map(|id| (distance(id), id)).collect();
        all.sort_by(|a, b| a.0.total_cmp(&b.0));
        all
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn finds_what_looking_everywhere_finds(
            lat in -5_000_i32..15_000, lon in -5_000_i32..17_000, mode in 0_usize..6,
        ) {
            let graph = testing::square_city().graph;
            let mode = Mode::ALL[mode];
            let query = SnapQuery { mode, radius: ANYWHERE, heading: None, n_max: 100 };
            let found = SnapIndex::new(&graph).nearest(&graph, at(lat, lon), &query);
            let expected = oracle(&graph, at(lat, lon), mode);
            prop_assert_eq!(found.len(), expected.len());
            for (snap, (distance_m, _)) in found.iter().zip(&expected) {
                prop_assert!((snap.distance.0 - distance_m).abs() < 0.5);
                prop_assert!((snap.point.distance_to(at(lat, lon)).0 - distance_m).abs() < 0.5);
                let edge = graph.edge(snap.position.edge);
                prop_assert!(edge.modes.contains(mode));
                prop_assert!(snap.position.offset <= edge.length);
            }
        }
    }

    #[test]
    fn a_stop_is_on_the_side_that_traffic_keeps_to() {
        let graph = testing::square_city().graph;
        let index = SnapIndex::new(&graph);
        let south_of_south_street = at(-300, 6_000);
        let stop = |side| {
            let snap = index.stop_for(&graph, south_of_south_street, Mode::Van, side, ANYWHERE);
            let edge = *graph.edge(snap.unwrap().position.edge);
            (edge.tail.0, edge.head.0)
        };
        assert_eq!(stop(DriveSide::Right), (0, 1));
        assert_eq!(stop(DriveSide::Left), (1, 0));
        // East Street is open northward alone, whatever side the place lies on.
        let west_of_it = at(4_000, 11_800);
        let snap = index.stop_for(&graph, west_of_it, Mode::Van, DriveSide::Right, ANYWHERE);
        let snap = snap.unwrap();
        assert_eq!(graph.edge(snap.position.edge).tail.0, 1);
        assert_eq!(snap.side, Some(DriveSide::Left));
    }

    #[test]
    fn nobody_stops_on_a_motorway() {
        let mut graph = testing::square_city().graph;
        let index = SnapIndex::new(&graph);
        let by_south_street = at(-300, 6_000);
        let stop = |graph: &RoadGraph, radius| {
            let side = DriveSide::Right;
            let snap = index.stop_for(graph, by_south_street, Mode::Van, side, radius);
            snap.map(|snap| graph.road_of(snap.position.edge).source_id)
        };
        let south = stop(&graph, ANYWHERE).unwrap();
        let road = graph.roads.iter_mut().find(|road| road.source_id == south).unwrap();
        road.kind = RoadKind::Motorway;
        assert!(stop(&graph, ANYWHERE).is_some_and(|other| other != south));
        assert_eq!(stop(&graph, Meters(30.0)), None);
    }

    #[test]
    fn heading_and_radius_narrow_the_search() {
        let graph = testing::square_city().graph;
        let index = SnapIndex::new(&graph);
        let query = |heading_deg: f64, radius| SnapQuery {
            mode: Mode::Foot,
            radius,
            heading: Some((Radians(heading_deg.to_radians()), Radians(0.5))),
            n_max: 1,
        };
        let tail = |heading_deg| {
            let found = index.nearest(&graph, at(100, 6_000), &query(heading_deg, ANYWHERE));
            graph.edge(found[0].position.edge).tail.0
        };
        assert_eq!(tail(90.0), 0);
        assert_eq!(tail(-90.0), 1);
        assert!(index.nearest(&graph, at(4_000, 6_000), &query(90.0, Meters(5.0))).is_empty());
        assert!(
            SnapIndex::new(&RoadGraph::default())
                .nearest(&RoadGraph::default(), at(0, 0), &query(0.0, ANYWHERE))
                .is_empty()
        );
    }
}
