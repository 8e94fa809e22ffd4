//! Roads as scenarios use them: places in lanes, ways on past the end of a road, distances.

use std::collections::BTreeMap;

use rv_base::Point2;
use rv_import::lanes::opendrive::{Road, RoadNetwork};

/// Most roads that a walk or a search goes through.
const ROADS_DEEP_MAX: usize = 12;

/// A point and a heading.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Pose {
    /// The point.
    pub at: Point2,
    /// From east, rad.
    pub heading_rad: f64,
}

impl Pose {
    /// The point so far ahead and to the left.
    pub fn point(&self, ahead_m: f64, left_m: f64) -> Point2 {
        let (sin, cos) = self.heading_rad.sin_cos();
        Point2 {
            x_m: self.at.x_m + ahead_m * cos - left_m * sin,
            y_m: self.at.y_m + ahead_m * sin + left_m * cos,
        }
    }

    /// A point as seen from here: ahead and to the left.
    pub fn local(&self, p: Point2) -> (f64, f64) {
        let (sin, cos) = self.heading_rad.sin_cos();
        let (dx, dy) = (p.x_m - self.at.x_m, p.y_m - self.at.y_m);
        (dx * cos + dy * sin, dy * cos - dx * sin)
    }
}

/// A place in a lane of a road.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Spot {
    /// Number of the road.
    pub road: usize,
    /// Along its reference line, m.
    pub s_m: f64,
    /// Lane.
    pub lane: i64,
    /// Left of the lane's middle, in the direction of the reference line, m.
    pub offset_m: f64,
    /// True if it looks along the reference line, false if against it.
    pub is_forward: bool,
}

/// The roads of a map, by number.
#[derive(Clone, Debug, Default)]
pub struct Roads {
    list: Vec<Road>,
    by_id: BTreeMap<String, usize>,
}

impl Roads {
    /// The roads of a network, in the order of their ids.
    pub fn new(network: &RoadNetwork) -> Self {
        let list: Vec<Road> = network.roads().cloned().collect();
        let by_id = list.iter().enumerate().map(|(i, road)| (road.id().to_owned(), i)).collect();
        Self { list, by_id }
    }

    /// Number of a road.
    pub fn find(&self, id: &str) -> Option<usize> {
        self.by_id.get(id).copied()
    }

    /// A road.
    pub fn road(&self, idx: usize) -> &Road {
        &self.list[idx]
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.list.len()
    }

    /// True if there is none.
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// Left of the reference line, m.
    pub fn t_m(&self, spot: &Spot) -> f64 {
        let middle = self.road(spot.road).lane_middle_m(spot.s_m, spot.lane).unwrap_or(0.0);
        middle + spot.offset_m
    }

    /// Where a spot is, and where it looks.
    pub fn pose(&self, spot: &Spot) -> Pose {
        let line = self.road(spot.road).pose(spot.s_m);
        let turn = if spot.is_forward { 0.0 } else { std::f64::consts::PI };
        Pose { at: line.left(self.t_m(spot)), heading_rad: line.heading + turn }
    }

    /// A spot from a place beside a road's reference line.
    pub fn spot(&self, road: usize, s_m: f64, t_m: f64) -> Spot {
        let lane = self.road(road).lane_at(s_m, t_m).unwrap_or(-1);
        let middle = self.road(road).lane_middle_m(s_m, lane).unwrap_or(0.0);
        Spot { road, s_m, lane, offset_m: t_m - middle, is_forward: true }
    }

    /// Moves a spot along its lane, in the direction in which it looks; false if the road ends
    /// there, and it stays at the end. `route` are roads to be preferred at junctions.
    pub fn advance(&self, spot: &mut Spot, by_m: f64, route: &[usize]) -> bool {
        let road = self.road(spot.road);
        let bend = 1.0 - road.curvature(spot.s_m) * self.t_m(spot);
        let along = by_m / bend.clamp(0.2, 5.0);
        spot.s_m += if spot.is_forward { along } else { -along };
        for _ in 0..ROADS_DEEP_MAX {
            let length = self.road(spot.road).length_m();
            let (at_start, over_m) = match spot.s_m {
                s if s < 0.0 => (true, -s),
                s if s > length => (false, s - length),
                _ => return true,
            };
            let Some((road, lane, enters_at_start)) = self.way_on(spot, at_start, route) else {
                spot.s_m = if at_start { 0.0 } else { length };
                return false;
            };
            // Past its own start it looks on as it did: along if it went with the line before and
            // enters at the next one's start, and so on.
            let turned = at_start == enters_at_start;
            spot.offset_m = if turned { -spot.offset_m } else { spot.offset_m };
            spot.is_forward = spot.is_forward != turned;
            spot.road = road;
            spot.lane = lane;
            let next = self.road(road).length_m();
            spot.s_m = if enters_at_start { over_m } else { next - over_m };
        }
        false
    }

    /// The road, its lane, and whether it is entered at its start, past an end of a spot's road.
    fn way_on(&self, spot: &Spot, at_start: bool, route: &[usize]) -> Option<(usize, i64, bool)> {
        let exits = self.exits(spot.road, at_start);
        let line = self.road(spot.road).pose(if at_start {
            0.0
        } else {
            f64::MAX.min(self.road(spot.road).length_m())
        });
        let out = if at_start { line.heading + std::f64::consts::PI } else { line.heading };
        let key = |&(road, enters_at_start): &(usize, bool)| {
            let leads = route.contains(&road)
                || self.exits(road, !enters_at_start).iter().any(|(r, _)| route.contains(r));
            let length = self.road(road).length_m();
            let end = self.road(road).pose(if enters_at_start { length } else { 0.0 });
            let goes =
                if enters_at_start { end.heading } else { end.heading + std::f64::consts::PI };
            (!leads, (goes - out).sin().atan2((goes - out).cos()).abs())
        };
        let best = exits.into_iter().min_by(|a, b| {
            let (a, b) = (key(a), key(b));
            a.0.cmp(&b.0).then(a.1.total_cmp(&b.1))
        })?;
        let (road, enters_at_start) = best;
        let lane = self.lane_on(spot.road, spot.lane, at_start, road, enters_at_start);
        Some((road, lane, enters_at_start))
    }

    fn lane_on(&self, from: usize, lane: i64, at_start: bool, to: usize, at: bool) -> i64 {
        let road = self.road(to);
        let links_back = |l: &i64| road.linked_lane(*l, at) == Some(lane);
        let s_m = if at { 0.0 } else { road.length_m() };
        let straight = if at_start == at { -lane } else { lane };
        let in_junction = self.road(from).neighbour(at_start).is_some_and(|n| n.is_junction);
        let linked = if in_junction { None } else { self.road(from).linked_lane(lane, at_start) };
        linked.or_else(|| road.lane_ids(s_m).into_iter().find(links_back)).unwrap_or(straight)
    }

    /// Roads past an end of a road, and whether they are entered at their start.
    fn exits(&self, road: usize, at_start: bool) -> Vec<(usize, bool)> {
        let here = self.road(road);
        let Some(next) = here.neighbour(at_start) else { return Vec::new() };
        if !next.is_junction {
            return self.find(next.id).map(|idx| (idx, next.is_at_start)).into_iter().collect();
        }
        let mut exits = Vec::new();
        for (idx, other) in self.list.iter().enumerate() {
            if other.junction() != Some(next.id) || idx == road {
                continue;
            }
            for end in [true, false] {
                let touches = other.neighbour(end).is_some_and(|n| {
                    !n.is_junction && n.id == here.id() && n.is_at_start == at_start
                });
                if touches {
                    exits.push((idx, end));
                }
            }
        }
        exits
    }

    /// Distance along roads from a spot to a road's place, m, more than zero ahead of it; none if
    /// no way leads there.
    pub fn way_m(&self, from: &Spot, to: &Spot) -> Option<f64> {
        if from.road == to.road {
            let ahead = to.s_m - from.s_m;
            return Some(if from.is_forward { ahead } else { -ahead });
        }
        let ahead = self.search(from, to, !from.is_forward);
        let behind = self.search(from, to, from.is_forward).map(|m| -m);
        match (ahead, behind) {
            (Some(a), Some(b)) => Some(if a <= -b { a } else { b }),
            (a, b) => a.or(b),
        }
    }

    fn search(&self, from: &Spot, to: &Spot, at_start: bool) -> Option<f64> {
        let length = self.road(from.road).length_m();
        let first = if at_start { from.s_m } else { length - from.s_m };
        let mut open = vec![(first, from.road, at_start, 0)];
        let mut best: Option<f64> = None;
        while let Some((so_far, road, at_start, depth)) = open.pop() {
            if depth > ROADS_DEEP_MAX || open.len() > 1000 || best.is_some_and(|b| b <= so_far) {
                continue;
            }
            for (next, enters_at_start) in self.exits(road, at_start) {
                let length = self.road(next).length_m();
                if next == to.road {
                    let within = if enters_at_start { to.s_m } else { length - to.s_m };
                    let total = so_far + within;
                    best = Some(best.map_or(total, |b: f64| b.min(total)));
                } else {
                    open.push((so_far + length, next, !enters_at_start, depth + 1));
                }
            }
        }
        best
    }

    /// Roads on the way from one road to another, both included, with whether each is driven
    /// forward.
    pub fn way(&self, from: usize, is_forward: bool, to: usize) -> Vec<(usize, bool)> {
        let mut queue = std::collections::VecDeque::from([vec![(from, is_forward)]]);
        let mut n = 0;
        while let Some(path) = queue.pop_front() {
            let (road, is_forward) = path[path.len() - 1];
            if road == to {
                return path;
            }
            n += 1;
            if path.len() > ROADS_DEEP_MAX || n > 2000 {
                continue;
            }
            for (next, enters_at_start) in self.exits(road, !is_forward) {
                let mut longer = path.clone();
                longer.push((next, enters_at_start));
                queue.push_back(longer);
            }
        }
        Vec::new()
    }

    /// The spot nearest to a point, anywhere.
    pub fn nearest(&self, p: Point2) -> Option<Spot> {
        let mut best: Option<(f64, usize, f64)> = None;
        for (idx, road) in self.list.iter().enumerate() {
            let n = (road.length_m() / 5.0).ceil().clamp(1.0, 20_000.0) as usize;
            for i in 0..=n {
                let s = road.length_m() * i as f64 / n as f64;
                let d = road.pose(s).at.distance_to(p).0;
                if best.is_none_or(|b| d < b.0) {
                    best = Some((d, idx, s));
                }
            }
        }
        let (_, road, s_m) = best?;
        Some(self.near(&Spot { road, s_m, is_forward: true, ..Spot::default() }, p))
    }

    /// The spot nearest to a point, sought from another one nearby on the same road.
    pub fn near(&self, from: &Spot, p: Point2) -> Spot {
        let road = self.road(from.road);
        let mut s = from.s_m;
        let mut t = 0.0;
        for _ in 0..6 {
            let line = road.pose(s);
            let (sin, cos) = line.heading.sin_cos();
            let (dx, dy) = (p.x_m - line.at.x_m, p.y_m - line.at.y_m);
            let along = dx * cos + dy * sin;
            t = dy * cos - dx * sin;
            let bend = (1.0 - road.curvature(s) * t).clamp(0.2, 5.0);
            s += along / bend;
            if along.abs() < 1e-6 {
                break;
            }
        }
        // Mostly it is in the lane in which it was.
        let same = road.lane_borders_m(s, from.lane).filter(|(inner, outer)| {
            let (low, high) = (inner.min(*outer), inner.max(*outer));
            low < t && t < high
        });
        match same {
            Some((inner, outer)) => Spot { s_m: s, offset_m: t - (inner + outer) / 2.0, ..*from },
            None => Spot { is_forward: from.is_forward, ..self.spot(from.road, s, t) },
        }
    }
}
