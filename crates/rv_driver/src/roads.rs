//! What a driver must know of each edge, drawn from the road graph once.

use rv_base::{EdgeId, LatLon, Meters, MetersPerSecond, Radians};
use rv_map::{RoadGraph, RoadKind, Surface};

/// Sideways acceleration in a bend, m/s2: below what makes parcels slide on a shelf.
const LATERAL_MPS2: f64 = 1.8;

/// Radius of a quarter turn at a junction, m.
const QUARTER_TURN_RADIUS_M: f64 = 9.0;

/// Below this change of heading a junction is passed as a straight road, rad.
const STRAIGHT_RAD: f64 = 0.25;

/// Speed at which a more important road is joined or crossed without a signal, m/s.
const GIVE_WAY_MPS: f64 = 3.0;

/// Facts about every edge of a graph. Shared by all vehicles of a city.
#[derive(Clone, Debug, Default)]
pub struct RoadTable {
    edges: Vec<EdgeFacts>,
}

#[derive(Clone, Copy, Debug)]
struct EdgeFacts {
    length_m: f64,
    free_mps: f32,
    start_rad: f32,
    end_rad: f32,
    ends_at_signal: bool,
    /// True if the vehicle must let others pass at its end.
    gives_way: bool,
}

impl RoadTable {
    /// Draws the table from a graph; linear in its size.
    pub fn build(graph: &RoadGraph) -> Self {
        let important = most_important(graph);
        let edges = (0..graph.n_edges())
            .map(|idx| {
                let id = EdgeId::from_idx(idx);
                let (edge, road) = (graph.edge(id), graph.road_of(id));
                let line = graph.polyline(id);
                let (start, end) = headings(&line);
                let head = edge.head.idx();
                let ends_at_signal = graph.is_signal[head];
                let share = match road.surface {
                    Surface::Paved => 1.0,
                    Surface::Cobbled => 0.7,
                    Surface::Unpaved => 0.5,
                };
                EdgeFacts {
                    length_m: edge.length.0,
                    free_mps: (road.speed_limit.0 * share).max(0.5) as f32,
                    start_rad: start.0 as f32,
                    end_rad: end.0 as f32,
                    ends_at_signal,
                    gives_way: !ends_at_signal && rank(road.kind) > important[head],
                }
            })
            .collect();
        Self { edges }
    }

    /// Length of an edge; zero if there is no such edge.
    pub fn length(&self, edge: EdgeId) -> Meters {
        Meters(self.edges.get(edge.idx()).map_or(0.0, |e| e.length_m))
    }

    /// Speed that limit and surface allow; walking pace if there is no such edge.
    pub fn free_speed(&self, edge: EdgeId) -> MetersPerSecond {
        MetersPerSecond(self.edges.get(edge.idx()).map_or(1.0, |e| f64::from(e.free_mps)))
    }

    /// True if a traffic signal controls the end of the edge.
    pub fn ends_at_signal(&self, edge: EdgeId) -> bool {
        self.edges.get(edge.idx()).is_some_and(|e| e.ends_at_signal)
    }

    /// Heading at the start of an edge, clockwise from north.
    pub fn start_heading(&self, edge: EdgeId) -> Radians {
        Radians(self.edges.get(edge.idx()).map_or(0.0, |e| f64::from(e.start_rad)))
    }

    /// Speed at which the junction between two edges may be passed: slower the sharper the turn,
    /// and slow where others have the right of way.
    pub fn turn_speed(&self, from: EdgeId, to: EdgeId) -> MetersPerSecond {
        let (Some(a), Some(b)) = (self.edges.get(from.idx()), self.edges.get(to.idx())) else {
            return MetersPerSecond(1.0);
        };
        let pi = std::f64::consts::PI;
        let turn =
            (f64::from(b.start_rad) - f64::from(a.end_rad) + 3.0 * pi).rem_euclid(2.0 * pi) - pi;
        let mut speed = f64::from(b.free_mps);
        if turn.abs() > STRAIGHT_RAD {
            let radius_m = QUARTER_TURN_RADIUS_M * (pi / 2.0) / turn.abs();
            speed = speed.min((LATERAL_MPS2 * radius_m).sqrt());
        }
        if a.gives_way {
            speed = speed.min(GIVE_WAY_MPS);
        }
        MetersPerSecond(speed)
    }
}

/// Headings at the start and end of a line.
fn headings(line: &[LatLon]) -> (Radians, Radians) {
    let (first, last) = (line[0], line[line.len() - 1]);
    let after = line.iter().find(|p| **p != first).copied().unwrap_or(first);
    let before = line.iter().rev().find(|p| **p != last).copied().unwrap_or(last);
    (first.bearing_to(after), before.bearing_to(last))
}

/// The rank of the most important road that meets at each junction with more than two ways.
fn most_important(graph: &RoadGraph) -> Vec<u8> {
    let mut best = vec![u8::MAX; graph.n_junctions()];
    let mut neighbours: Vec<Vec<u32>> = vec![Vec::new(); graph.n_junctions()];
    for (idx, edge) in graph.edges.iter().enumerate() {
        let rank = rank(graph.road_of(EdgeId::from_idx(idx)).kind);
        for (here, there) in [(edge.tail, edge.head), (edge.head, edge.tail)] {
            best[here.idx()] = best[here.idx()].min(rank);
            if !neighbours[here.idx()].contains(&there.0) {
                neighbours[here.idx()].push(there.0);
            }
        }
    }
    for (rank, ways) in best.iter_mut().zip(&neighbours) {
        if ways.len() <= 2 {
            *rank = u8::MAX;
        }
    }
    best
}

/// Importance in the eyes of a driver at a junction.
fn rank(kind: RoadKind) -> u8 {
    match kind {
        RoadKind::Motorway | RoadKind::Trunk => 0,
        RoadKind::Primary => 1,
        RoadKind::Secondary => 2,
        RoadKind::Tertiary => 3,
        RoadKind::Unclassified | RoadKind::Residential => 4,
        RoadKind::LivingStreet | RoadKind::Service | RoadKind::Track => 5,
        RoadKind::Pedestrian | RoadKind::Cycleway | RoadKind::Footway => 6,
    }
}
