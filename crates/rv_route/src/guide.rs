//! A route told to people: its line on the map and its turns.

use rv_base::{EdgeId, LatLon, Meters, RoadPosition, Seconds};
use rv_map::RoadGraph;

use crate::cost::{angle_between_deg, arrival_heading_deg, departure_heading_deg};
use crate::route::{Reached, Route};

/// A stretch of a route along one road, and how it is entered.
#[derive(Clone, Debug, PartialEq)]
pub struct Step {
    /// How the stretch begins.
    pub turn: StepTurn,
    /// Name of the road, empty if unnamed.
    pub name: String,
    /// Its first edge.
    pub edge: EdgeId,
    /// Where it begins.
    pub at: LatLon,
    /// Its length.
    pub distance: Meters,
    /// Time on it, up to the turn at its end included.
    pub time: Seconds,
}

/// How a stretch begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum StepTurn {
    /// The route starts.
    Depart,
    /// The road changes its name or bends.
    Straight,
    /// A bend of about an eighth of a circle to the left.
    SlightLeft,
    /// A turn to the left.
    Left,
    /// A turn of more than about 120 degrees to the left.
    SharpLeft,
    /// A bend of about an eighth of a circle to the right.
    SlightRight,
    /// A turn to the right.
    Right,
    /// A turn of more than about 120 degrees to the right.
    SharpRight,
    /// Back along the same road.
    Around,
    /// Into a roundabout.
    Roundabout,
}

impl StepTurn {
    /// The turn in words.
    pub fn words(self) -> &'static str {
        match self {
            Self::Depart => "depart",
            Self::Straight => "continue",
            Self::SlightLeft => "bear left",
            Self::Left => "turn left",
            Self::SharpLeft => "turn sharp left",
            Self::SlightRight => "bear right",
            Self::Right => "turn right",
            Self::SharpRight => "turn sharp right",
            Self::Around => "turn round",
            Self::Roundabout => "enter the roundabout",
        }
    }

    fn of_angle(angle_deg: i16) -> Self {
        match angle_deg {
            ..=-120 => Self::SharpLeft,
            -119..=-55 => Self::Left,
            -54..=-23 => Self::SlightLeft,
            -22..=22 => Self::Straight,
            23..=54 => Self::SlightRight,
            55..=119 => Self::Right,
            120.. => Self::SharpRight,
        }
    }
}

impl Route {
    /// The line that the route draws, from its start to its end; at least two points.
    pub fn line(&self, graph: &RoadGraph) -> Vec<LatLon> {
        let mut line = Vec::new();
        let last = self.edges.len() - 1;
        for (idx, driven) in self.edges.iter().enumerate() {
            let length = graph.edge(driven.edge).length;
            let from = if idx == 0 { self.from.offset } else { Meters::ZERO };
            let to = if idx == last { self.to.offset } else { length };
            let part = part_of_line(&graph.polyline(driven.edge), length, from, to);
            // An edge starts where the one before ended.
            let skip = usize::from(line.last() == part.first());
            line.extend_from_slice(&part[skip..]);
        }
        if line.len() == 1 {
            line.push(line[0]);
        }
        line
    }

    /// The stretches of the route, each along one road name.
    pub fn steps(&self, graph: &RoadGraph) -> Vec<Step> {
        let mut steps: Vec<Step> = Vec::new();
        let last = self.edges.len() - 1;
        for (idx, driven) in self.edges.iter().enumerate() {
            let road = graph.road_of(driven.edge);
            let before = idx.checked_sub(1).map(|before| self.edges[before].edge);
            let turn = before.map_or(StepTurn::Depart, |before| turn(graph, before, driven.edge));
            let until = self.edges.get(idx + 1).map_or(self.time(), |next| next.enter);
            let from = if idx == 0 { self.from.offset } else { Meters::ZERO };
            let to = if idx == last { self.to.offset } else { graph.edge(driven.edge).length };
            let (distance, time) = (to - from, until - driven.enter);
            match steps.last_mut() {
                Some(step) if step.name == road.name && turn == StepTurn::Straight => {
                    step.distance += distance;
                    step.time += time;
                }
                _ => {
                    let line = graph.polyline(driven.edge);
                    let length = graph.edge(driven.edge).length;
                    let at = part_of_line(&line, length, from, from)[0];
                    let (name, edge) = (road.name.clone(), driven.edge);
                    steps.push(Step { turn, name, edge, at, distance, time });
                }
            }
        }
        steps
    }
}

impl Reached {
    /// The line of the part of the edge that is within reach.
    pub fn line(&self, graph: &RoadGraph) -> Vec<LatLon> {
        let mut line = part_of_line(
            &graph.polyline(self.edge),
            graph.edge(self.edge).length,
            self.from,
            self.until,
        );
        if line.len() == 1 {
            line.push(line[0]);
        }
        line
    }
}

/// The point on the Earth of a position on the road.
pub fn point_on(graph: &RoadGraph, at: RoadPosition) -> LatLon {
    let line = graph.polyline(at.edge);
    part_of_line(&line, graph.edge(at.edge).length, at.offset, at.offset)[0]
}

fn turn(graph: &RoadGraph, from: EdgeId, to: EdgeId) -> StepTurn {
    if graph.edge(from).reverse == Some(to) {
        return StepTurn::Around;
    }
    let is_round = |edge| graph.road_of(edge).is_roundabout;
    if is_round(to) {
        return if is_round(from) { StepTurn::Straight } else { StepTurn::Roundabout };
    }
    let is_only_way = graph.out_edges(graph.edge(from).head).take(3).count() <= 2;
    if is_only_way && graph.road_of(from).name == graph.road_of(to).name {
        return StepTurn::Straight;
    }
    StepTurn::of_angle(angle_between_deg(
        arrival_heading_deg(graph, from),
        departure_heading_deg(graph, to),
    ))
}

/// The part of an edge's line between two distances from its tail. The line's own length may
/// differ from the edge's a little; shares of it count.
fn part_of_line(line: &[LatLon], length: Meters, from: Meters, to: Meters) -> Vec<LatLon> {
    let pieces: Vec<f64> = line.windows(2).map(|p| p[0].distance_to(p[1]).0).collect();
    let total: f64 = pieces.iter().sum();
    let [from_m, to_m] = [from, to].map(|at| (at.0 / length.0).clamp(0.0, 1.0) * total);
    let mut part = vec![point_at(line, &pieces, from_m)];
    let mut at_m = 0.0;
    for (piece_m, point) in pieces.iter().zip(&line[1..]) {
        at_m += piece_m;
        if at_m > from_m && at_m < to_m {
            part.push(*point);
        }
    }
    part.push(point_at(line, &pieces, to_m));
    part.dedup();
    part
}

fn point_at(line: &[LatLon], pieces: &[f64], mut at_m: f64) -> LatLon {
    for (idx, piece_m) in pieces.iter().enumerate() {
        if at_m < *piece_m {
            let share = at_m / piece_m;
            let between = |a: i32, b: i32| a + ((f64::from(b) - f64::from(a)) * share) as i32;
            let (a, b) = (line[idx], line[idx + 1]);
            let point =
                LatLon::from_e7(between(a.lat_e7(), b.lat_e7()), between(a.lon_e7(), b.lon_e7()));
            return point.expect("between two positions lies a position");
        }
        at_m -= piece_m;
    }
    line[line.len() - 1]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Scratch;
    use crate::oracle::Case;

    #[test]
    fn line_and_steps_add_up() {
        let mut case = Case::of_size(3, 12, 12);
        let points = case.positions(20);
        let metric = case.metric();
        let mut scratch = Scratch::default();
        let mut n_routes = 0;
        for pair in points.windows(2) {
            let Ok(route) = metric.route(&mut scratch, pair[0], pair[1]) else { continue };
            n_routes += 1;
            let steps = route.steps(&case.graph);
            let distance: Meters = steps.iter().map(|s| s.distance).sum();
            let time: Seconds = steps.iter().map(|s| s.time).sum();
            assert!((distance - route.distance()).abs() < Meters(0.01 * route.edges.len() as f64));
            assert!((time - route.time()).abs() < Seconds(1e-6));
            assert_eq!(steps[0].turn, StepTurn::Depart);
            let line = route.line(&case.graph);
            assert_eq!(line[0], steps[0].at);
            assert!(line.len() >= 2);
        }
        assert!(n_routes > 3);
    }
}
