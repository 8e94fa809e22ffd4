//! The road as the planner needs it: where its edges are, which lanes hold a point, and the paths
//! that lead to a goal.

use std::collections::BTreeSet;

use rv_base::Point2;
use rv_map::lanes::{Direction, LaneIdx, LaneMap, LaneUse, contains};

use super::geometry::{Body, distance_m, square_m2, wrapped_rad};
use super::path::Path;

/// Side of a cell of the index, m.
const CELL_M: f64 = 8.0;
/// Longest piece of a border that is judged as a whole, m.
const PIECE_M: f64 = 0.25;
/// How far beyond a border other road is looked for, m.
const BEYOND_M: f64 = 0.01;
/// Most cells of the index along one axis.
const CELLS_MAX: usize = 1024;

/// Drivable area and lanes, indexed. Built once for a map.
#[derive(Clone, Debug)]
pub struct Road {
    map: LaneMap,
    centres: Vec<Vec<Point2>>,
    lengths_m: Vec<f64>,
    areas: Vec<Area>,
    area_cells: Grid,
    edges: Vec<(Point2, Point2)>,
    edge_cells: Grid,
}

#[derive(Clone, Debug)]
struct Area {
    ring: Vec<Point2>,
    lo: Point2,
    hi: Point2,
    /// `None` for the hull of several lanes side by side.
    lane: Option<LaneIdx>,
}

impl Area {
    fn new(ring: Vec<Point2>, lane: Option<LaneIdx>) -> Self {
        let (lo, hi) = bounds(&ring);
        Self { ring, lo, hi, lane }
    }

    fn holds(&self, p: Point2) -> bool {
        p.x_m >= self.lo.x_m
            && p.x_m <= self.hi.x_m
            && p.y_m >= self.lo.y_m
            && p.y_m <= self.hi.y_m
            && contains(&self.ring, p)
    }
}

impl Road {
    /// Indexes a map: finds the outer edges of the union of its lanes.
    pub fn build(map: &LaneMap) -> Self {
        let map = map.clone();
        let mut areas: Vec<Area> =
            map.lanes.iter().enumerate().map(|(i, l)| Area::new(l.ring(), Some(i))).collect();
        areas.extend(sections(&map).into_iter().map(|ring| Area::new(ring, None)));
        let all: Vec<Point2> = areas.iter().flat_map(|a| [a.lo, a.hi]).collect();
        let mut area_cells = Grid::over(&all);
        for (i, a) in areas.iter().enumerate() {
            area_cells.add(i as u32, a.lo, a.hi);
        }
        let lengths_m: Vec<f64> = map.lanes.iter().map(|l| l.length().0).collect();
        let rows = map.lanes.iter().zip(&lengths_m);
        let centres = rows.map(|(l, length_m)| l.centre(centre_points(*length_m))).collect();
        let mut road = Self {
            map,
            centres,
            lengths_m,
            edge_cells: Grid::over(&all),
            areas,
            area_cells,
            edges: Vec::new(),
        };
        for i in 0..road.areas.len() {
            road.find_edges(i);
        }
        road
    }

    /// Adds those pieces of an area's ring beyond which there is no road.
    fn find_edges(&mut self, area: usize) {
        let ring = self.areas[area].ring.clone();
        let turn = if signed_area(&ring) > 0.0 { 1.0 } else { -1.0 };
        let mut found = Vec::new();
        for i in 0..ring.len() {
            let (a, b) = (ring[i], ring[(i + 1) % ring.len()]);
            let length_m = distance_m(a, b);
            if length_m < 1e-9 {
                continue;
            }
            let (nx, ny) = (turn * (b.y_m - a.y_m) / length_m, -turn * (b.x_m - a.x_m) / length_m);
            let n = ((length_m / PIECE_M).ceil() as usize).clamp(1, 4000);
            let point = |t: f64| Point2 {
                x_m: a.x_m + t * (b.x_m - a.x_m),
                y_m: a.y_m + t * (b.y_m - a.y_m),
            };
            let mut open_from: Option<usize> = None;
            for k in 0..=n {
                let is_edge = k < n && {
                    let m = point((k as f64 + 0.5) / n as f64);
                    let out = Point2 { x_m: m.x_m + BEYOND_M * nx, y_m: m.y_m + BEYOND_M * ny };
                    !self.is_road(out)
                };
                match (is_edge, open_from) {
                    (true, None) => open_from = Some(k),
                    (false, Some(from)) => {
                        found.push((point(from as f64 / n as f64), point(k as f64 / n as f64)));
                        open_from = None;
                    }
                    _ => {}
                }
            }
        }
        for (a, b) in found {
            let (lo, hi) = bounds(&[a, b]);
            self.edge_cells.add(self.edges.len() as u32, lo, hi);
            self.edges.push((a, b));
        }
    }

    /// The map it was built from.
    pub fn map(&self) -> &LaneMap {
        &self.map
    }

    /// The outer edges of the road, as segments.
    pub fn edges(&self) -> &[(Point2, Point2)] {
        &self.edges
    }

    /// Edges near a box, in the order of the index.
    pub fn edges_within(&self, lo: Point2, hi: Point2) -> Vec<(Point2, Point2)> {
        let mut found: Vec<u32> = Vec::new();
        self.edge_cells.any(lo, hi, |i| {
            found.push(i);
            false
        });
        found.sort_unstable();
        found.dedup();
        found.iter().map(|i| self.edges[*i as usize]).collect()
    }

    /// True if a point lies on the road.
    pub fn is_road(&self, p: Point2) -> bool {
        self.area_cells.at(p).iter().any(|i| self.areas[*i as usize].holds(p))
    }

    /// True if a body crosses no edge of the road.
    pub fn is_clear(&self, body: &Body) -> bool {
        let (r, along) = (body.radius_m(), body.heading_rad.sin_cos());
        let lo = Point2 { x_m: body.centre.x_m - r, y_m: body.centre.y_m - r };
        let hi = Point2 { x_m: body.centre.x_m + r, y_m: body.centre.y_m + r };
        !self.edge_cells.any(lo, hi, |i| {
            let (a, b) = self.edges[i as usize];
            a.x_m.min(b.x_m) <= hi.x_m
                && a.x_m.max(b.x_m) >= lo.x_m
                && a.y_m.min(b.y_m) <= hi.y_m
                && a.y_m.max(b.y_m) >= lo.y_m
                && body.touches_along(along, a, b)
        })
    }

    /// Lanes that hold a point, in the order of the map.
    pub fn lanes_at(&self, p: Point2) -> Vec<LaneIdx> {
        let mut out: Vec<LaneIdx> = self
            .area_cells
            .at(p)
            .iter()
            .filter(|i| self.areas[**i as usize].holds(p))
            .filter_map(|i| self.areas[*i as usize].lane)
            .collect();
        out.sort_unstable();
        out.dedup();
        out
    }

    /// Length of a lane, m.
    pub(crate) fn length_m(&self, lane: LaneIdx) -> f64 {
        self.lengths_m[lane]
    }

    /// Middle line of a lane.
    pub fn centre(&self, lane: LaneIdx) -> &[Point2] {
        &self.centres[lane]
    }

    /// Heading of a lane beside a point, rad.
    pub fn heading_at(&self, lane: LaneIdx, p: Point2) -> f64 {
        let line = &self.centres[lane];
        let (mut nearest, mut least) = (0, f64::INFINITY);
        for (i, w) in line.windows(2).enumerate() {
            let (x_m, y_m) = ((w[0].x_m + w[1].x_m) / 2.0, (w[0].y_m + w[1].y_m) / 2.0);
            let square = square_m2(Point2 { x_m, y_m }, p);
            if square < least {
                (nearest, least) = (i, square);
            }
        }
        let (a, b) = (line[nearest], line[nearest + 1]);
        (b.y_m - a.y_m).atan2(b.x_m - a.x_m)
    }

    /// Lanes a vehicle at a place may be in, the best first: those that hold it and point its way,
    /// else the nearest one.
    pub fn lanes_for(&self, p: Point2, heading_rad: f64) -> Vec<LaneIdx> {
        let mut scored: Vec<(f64, LaneIdx)> = self
            .lanes_at(p)
            .into_iter()
            .filter(|l| matches!(self.map.lanes[*l].use_by, LaneUse::Motor | LaneUse::Bus))
            .map(|l| (wrapped_rad(self.heading_at(l, p) - heading_rad).abs(), l))
            .filter(|(off, _)| *off < 1.3)
            .collect();
        if scored.is_empty() {
            scored.extend(self.nearest_lane(p, heading_rad).map(|l| (0.0, l)));
        }
        scored.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        scored.into_iter().map(|s| s.1).collect()
    }

    /// The lane of which a metre of distance and a fifth of a radian of heading count the least.
    fn nearest_lane(&self, p: Point2, heading_rad: f64) -> Option<LaneIdx> {
        let mut best = (f64::INFINITY, None);
        for (lane, line) in self.centres.iter().enumerate() {
            let area = &self.areas[lane];
            // The lane lies within the box around its ring.
            let away_m = (area.lo.x_m - p.x_m)
                .max(p.x_m - area.hi.x_m)
                .max(area.lo.y_m - p.y_m)
                .max(p.y_m - area.hi.y_m);
            if away_m >= best.0 {
                continue;
            }
            let square = line.iter().map(|q| square_m2(*q, p)).fold(f64::INFINITY, f64::min);
            if square.sqrt() >= best.0 {
                continue;
            }
            let turn_rad = wrapped_rad(self.heading_at(lane, p) - heading_rad).abs();
            let score = square.sqrt() + 5.0 * turn_rad;
            if score < best.0 {
                best = (score, Some(lane));
            }
        }
        best.1
    }

    /// Neighbours of a lane in its own driving direction, left first.
    pub(crate) fn beside(&self, lane: LaneIdx) -> impl Iterator<Item = LaneIdx> {
        let l = &self.map.lanes[lane];
        [l.left_neighbour, l.right_neighbour]
            .into_iter()
            .flatten()
            .filter(|n| n.direction == Direction::Same)
            .map(|n| n.lane)
    }

    /// The shortest ways over successors and lane changes from a lane to each of `goals` that can
    /// be reached; the cost of a lane change is that of `change_m` of road.
    pub fn routes(&self, from: LaneIdx, goals: &[LaneIdx], change_m: f64) -> Vec<Vec<LaneIdx>> {
        let n = self.map.lanes.len();
        let (mut cost, mut before) = (vec![f64::INFINITY; n], vec![usize::MAX; n]);
        let mut open = BTreeSet::new();
        if from < n && !goals.is_empty() {
            cost[from] = 0.0;
            open.insert((0, from));
        }
        // Costs of at least zero order like their bits.
        while let Some((_, next)) = open.pop_first() {
            let length_m = self.lengths_m[next];
            let steps = self.map.lanes[next].successors.iter().map(|s| (*s, length_m));
            for (to, step) in steps.chain(self.beside(next).map(|b| (b, change_m))) {
                if cost[next] + step < cost[to] {
                    open.remove(&(cost[to].to_bits(), to));
                    (cost[to], before[to]) = (cost[next] + step, next);
                    open.insert((cost[to].to_bits(), to));
                }
            }
        }
        let reached = goals.iter().filter(|g| cost.get(**g).is_some_and(|c| c.is_finite()));
        reached
            .map(|goal| {
                let mut way = vec![*goal];
                while way[way.len() - 1] != from {
                    way.push(before[way[way.len() - 1]]);
                }
                way.reverse();
                way
            })
            .collect()
    }

    /// Ways straight on from a lane, each at least `length_m` long if the road is; the straightest
    /// first, at most `n_max`.
    pub fn ways_on(&self, from: LaneIdx, length_m: f64, n_max: usize) -> Vec<Vec<LaneIdx>> {
        let mut open = vec![vec![from]];
        let mut out: Vec<Vec<LaneIdx>> = Vec::new();
        while let Some(way) = open.pop() {
            let last = way[way.len() - 1];
            let whole: f64 = way.iter().map(|l| self.lengths_m[*l]).sum();
            let mut next: Vec<LaneIdx> = self.map.lanes[last]
                .successors
                .iter()
                .copied()
                .filter(|s| !way.contains(s))
                .collect();
            if whole >= length_m || next.is_empty() || way.len() >= 40 {
                out.push(way);
                if out.len() >= n_max {
                    break;
                }
                continue;
            }
            next.sort_by(|a, b| self.bend(*b).total_cmp(&self.bend(*a)));
            for lane in next {
                let mut longer = way.clone();
                longer.push(lane);
                open.push(longer);
            }
        }
        out
    }

    /// How far a lane turns, rad, without sign.
    fn bend(&self, lane: LaneIdx) -> f64 {
        let line = &self.centres[lane];
        let n = line.len();
        let heading = |a: Point2, b: Point2| (b.y_m - a.y_m).atan2(b.x_m - a.x_m);
        wrapped_rad(heading(line[n - 2], line[n - 1]) - heading(line[0], line[1])).abs()
    }

    /// A smooth path along a way of lanes, some metres longer than it at both ends.
    pub fn path(&self, way: &[LaneIdx], back_m: f64, on_m: f64) -> Option<Path> {
        let mut chain: Vec<LaneIdx> = Vec::new();
        // Where the way changes lanes, the path keeps to the lane changed to.
        for (i, lane) in way.iter().enumerate() {
            let changes = way.get(i + 1).is_some_and(|next| self.beside(*lane).any(|b| b == *next));
            if !changes {
                chain.push(*lane);
            }
        }
        let mut before_m = 0.0;
        while before_m < back_m && chain.len() < 60 {
            let first = &self.map.lanes[chain[0]];
            let Some(p) = first.predecessors.iter().copied().find(|p| !chain.contains(p)) else {
                break;
            };
            before_m += self.lengths_m[p];
            chain.insert(0, p);
        }
        let mut after_m = 0.0;
        while after_m < on_m && chain.len() < 120 {
            let last = &self.map.lanes[chain[chain.len() - 1]];
            let next = last
                .successors
                .iter()
                .copied()
                .filter(|s| !chain.contains(s))
                .min_by(|a, b| self.bend(*a).total_cmp(&self.bend(*b)));
            let Some(next) = next else { break };
            after_m += self.lengths_m[next];
            chain.push(next);
        }
        let mut line: Vec<Point2> = Vec::new();
        for lane in chain {
            let centre = &self.centres[lane];
            let jump_m = line.last().map_or(0.0, |p| distance_m(*p, centre[0]));
            // A sideways jump is drawn out over the lane.
            let skip = if jump_m > 1.5 { centre.len() * 2 / 3 } else { 0 };
            line.extend(centre.iter().skip(skip));
        }
        Path::smooth(&line, 6)
    }
}

/// Rings around groups of lanes that lie side by side.
fn sections(map: &LaneMap) -> Vec<Vec<Point2>> {
    let mut out = Vec::new();
    for start in 0..map.lanes.len() {
        let lane = &map.lanes[start];
        if lane.right_neighbour.is_some() || lane.left_neighbour.is_none() {
            continue;
        }
        // From the rightmost lane to the left; `forth` is false in lanes of the other direction.
        let (mut at, mut forth, mut seen) = (start, true, vec![start]);
        loop {
            let l = &map.lanes[at];
            let next = if forth { l.left_neighbour } else { l.right_neighbour };
            let Some(next) = next.filter(|n| !seen.contains(&n.lane)) else { break };
            if next.direction == Direction::Opposite {
                forth = !forth;
            }
            at = next.lane;
            seen.push(at);
        }
        let l = &map.lanes[at];
        let left: Vec<Point2> =
            if forth { l.left.clone() } else { l.right.iter().rev().copied().collect() };
        out.push(left.iter().chain(lane.right.iter().rev()).copied().collect());
    }
    out
}

fn centre_points(length_m: f64) -> usize {
    ((length_m / 2.0).ceil() as usize).clamp(3, 1000)
}

fn bounds(points: &[Point2]) -> (Point2, Point2) {
    let mut lo = Point2 { x_m: f64::INFINITY, y_m: f64::INFINITY };
    let mut hi = Point2 { x_m: f64::NEG_INFINITY, y_m: f64::NEG_INFINITY };
    for p in points {
        lo = Point2 { x_m: lo.x_m.min(p.x_m), y_m: lo.y_m.min(p.y_m) };
        hi = Point2 { x_m: hi.x_m.max(p.x_m), y_m: hi.y_m.max(p.y_m) };
    }
    (lo, hi)
}

fn signed_area(ring: &[Point2]) -> f64 {
    (0..ring.len())
        .map(|i| {
            let (a, b) = (ring[i], ring[(i + 1) % ring.len()]);
            a.x_m * b.y_m - b.x_m * a.y_m
        })
        .sum()
}

/// Square cells with the things that touch them.
#[derive(Clone, Debug, Default)]
struct Grid {
    origin: Point2,
    cell_m: f64,
    n_x: usize,
    n_y: usize,
    cells: Vec<Vec<u32>>,
}

impl Grid {
    fn over(points: &[Point2]) -> Self {
        if points.is_empty() {
            return Self { cell_m: CELL_M, ..Self::default() };
        }
        let (lo, hi) = bounds(points);
        let span_m = (hi.x_m - lo.x_m).max(hi.y_m - lo.y_m);
        let cell_m = CELL_M.max(span_m / CELLS_MAX as f64);
        let n_x = ((hi.x_m - lo.x_m) / cell_m) as usize + 1;
        let n_y = ((hi.y_m - lo.y_m) / cell_m) as usize + 1;
        Self { origin: lo, cell_m, n_x, n_y, cells: vec![Vec::new(); n_x * n_y] }
    }

    /// The cells that a box spans: columns and rows, ends excluded; none outside.
    fn span(&self, lo: Point2, hi: Point2) -> (std::ops::Range<usize>, std::ops::Range<usize>) {
        let axis = |lo: f64, hi: f64, n: usize| {
            let from = (lo / self.cell_m).floor().max(0.0) as usize;
            let to = (hi / self.cell_m).floor() + 1.0;
            from.min(n)..(to.max(0.0) as usize).min(n)
        };
        (
            axis(lo.x_m - self.origin.x_m, hi.x_m - self.origin.x_m, self.n_x),
            axis(lo.y_m - self.origin.y_m, hi.y_m - self.origin.y_m, self.n_y),
        )
    }

    fn add(&mut self, what: u32, lo: Point2, hi: Point2) {
        let (xs, ys) = self.span(lo, hi);
        for y in ys {
            for x in xs.clone() {
                self.cells[y * self.n_x + x].push(what);
            }
        }
    }

    fn at(&self, p: Point2) -> &[u32] {
        let (xs, ys) = self.span(p, p);
        if xs.is_empty() || ys.is_empty() {
            &[]
        } else {
            &self.cells[ys.start * self.n_x + xs.start]
        }
    }

    fn any(&self, lo: Point2, hi: Point2, mut test: impl FnMut(u32) -> bool) -> bool {
        let (xs, ys) = self.span(lo, hi);
        for y in ys {
            for x in xs.clone() {
                if self.cells[y * self.n_x + x].iter().any(|i| test(*i)) {
                    return true;
                }
            }
        }
        false
    }
}
