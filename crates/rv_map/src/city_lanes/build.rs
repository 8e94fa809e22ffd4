//! Lays lanes beside the lines of the roads, and cuts them back where roads meet.

use rv_base::{EdgeId, JunctionId, LocalFrame, Point2};

use super::line::LaneGrid;
use super::signals::Signals;
use super::{
    CityLane, CityLaneId, CityLaneKind, CityLanes, Crosswalk, KeptFor, LaneConflict, LaneCrosswalk,
    Sign, Span,
};
use super::{marks, turns};
use crate::city::{City, DriveSide};
use crate::graph::{ModeSet, RoadGraph, RoadKind};

/// Most lanes of an edge that are laid.
const LANES_MAX: u8 = 5;

/// Where two roads lead on in nearly the same direction, rad.
const STRAIGHT_RAD: f64 = 0.35;

/// What the building works on.
pub(super) struct Site<'a> {
    pub(super) graph: &'a RoadGraph,
    pub(super) side: DriveSide,
    /// Base lines of edges in driving direction; empty for edges that motor vehicles do not drive.
    pub(super) lines: Vec<Vec<Point2>>,
    /// Heading with which each edge leaves its tail and reaches its head, rad.
    pub(super) heading_out: Vec<f64>,
    pub(super) heading_in: Vec<f64>,
    /// How far lanes are cut back at tail and head, m.
    pub(super) cut_m: Vec<(f64, f64)>,
    pub(super) edges_in: Vec<Vec<EdgeId>>,
}

/// Importance of a kind of road, 0 the most.
pub(super) fn rank(kind: RoadKind) -> u8 {
    match kind {
        RoadKind::Motorway | RoadKind::Trunk => 0,
        RoadKind::Primary => 1,
        RoadKind::Secondary => 2,
        RoadKind::Tertiary => 3,
        RoadKind::Unclassified | RoadKind::Residential => 4,
        _ => 5,
    }
}

fn lane_width_m(kind: RoadKind) -> f64 {
    match rank(kind) {
        0 => 3.5,
        1 | 2 => 3.25,
        3 => 3.1,
        4 => 3.0,
        _ => 2.75,
    }
}

impl Site<'_> {
    pub(super) fn is_driven(&self, edge: EdgeId) -> bool {
        !self.graph.edge(edge).modes.intersection(ModeSet::MOTOR).is_empty()
    }

    pub(super) fn n_lanes(&self, edge: EdgeId) -> u8 {
        if self.is_driven(edge) { self.graph.n_lanes(edge).clamp(1, LANES_MAX) } else { 0 }
    }

    pub(super) fn rank(&self, edge: EdgeId) -> u8 {
        rank(self.graph.road_of(edge).kind)
    }

    /// The other direction of the same road, if it is driven, too.
    pub(super) fn back(&self, edge: EdgeId) -> Option<EdgeId> {
        self.graph.edge(edge).reverse.filter(|r| self.is_driven(*r))
    }

    /// From the line of the road to its edges: on the side of this direction, and on the other.
    pub(super) fn half_widths_m(&self, edge: EdgeId) -> (f64, f64) {
        let width = lane_width_m(self.graph.road_of(edge).kind);
        let own = f64::from(self.n_lanes(edge)) * width;
        match self.back(edge) {
            Some(back) => (own, f64::from(self.n_lanes(back)) * width),
            None => (own / 2.0, own / 2.0),
        }
    }

    /// Pieces of road at a junction: heading away from it, half width, an edge of it.
    pub(super) fn arms(&self, junction: JunctionId) -> Vec<(f64, f64, EdgeId)> {
        let mut arms = Vec::new();
        for edge in self.graph.out_edges(junction).filter(|e| self.is_driven(*e)) {
            let (a, b) = self.half_widths_m(edge);
            arms.push((self.heading_out[edge.idx()], a.max(b), edge));
        }
        for edge in &self.edges_in[junction.idx()] {
            if self.back(*edge).is_none() {
                let (a, b) = self.half_widths_m(*edge);
                let away = self.heading_in[edge.idx()] + std::f64::consts::PI;
                arms.push((away, a.max(b), *edge));
            }
        }
        arms
    }

    fn cut_at(&self, junction: JunctionId, edge: EdgeId) -> f64 {
        let arms = self.arms(junction);
        let is_own = |e: EdgeId| e == edge || self.graph.edge(e).reverse == Some(edge);
        let Some(own) = arms.iter().find(|a| is_own(a.2)) else { return 0.5 };
        if arms.len() == 1 {
            // Room to turn.
            return 7.0;
        }
        let mut cut_m: f64 = 0.5;
        for other in arms.iter().filter(|a| !is_own(a.2)) {
            let between = (other.0 - own.0).sin().abs().max(0.25);
            let cos = (other.0 - own.0).cos();
            let bend = if cos < 0.0 { between.asin() } else { std::f64::consts::FRAC_PI_2 };
            let need_m = if arms.len() == 2 {
                // The road goes on: room for the bend.
                if bend < STRAIGHT_RAD { 0.5 } else { (own.1 + 5.0) * (bend / 2.0).tan() }
            } else if cos < 0.0 && bend < STRAIGHT_RAD {
                0.5
            } else {
                (other.1 + own.1 * cos.max(0.0)) / between + 2.0
            };
            cut_m = cut_m.max(need_m);
        }
        cut_m.min(20.0)
    }
}

pub(super) fn build(city: &City) -> CityLanes {
    let graph = &city.graph;
    let frame = LocalFrame::at(middle(graph));
    let site = survey(city, &frame);
    let signals = Signals::build(graph, &site.heading_in, &|e| site.rank(e));
    let mut out = Builder::new(frame, city.drive_side);
    let mut heads: Vec<(u32, u8)> = Vec::with_capacity(graph.n_edges());
    for i in 0..graph.n_edges() {
        heads.push(lay_edge(&site, EdgeId::from_idx(i), &signals, &mut out));
    }
    for i in 0..graph.n_edges() {
        join_neighbours(&site, EdgeId::from_idx(i), &heads, &mut out.lanes);
    }
    out.lanes_of_edge = heads;
    marks::lay(&site, &city.marks, &mut out);
    turns::lay(&site, &mut out);
    out.cut_m = site.cut_m.iter().map(|c| (c.0 as f32, c.1 as f32)).collect();
    out.finish(signals, super::apart::find(&site))
}

fn middle(graph: &RoadGraph) -> rv_base::LatLon {
    let (mut lo, mut hi) = ((i32::MAX, i32::MAX), (i32::MIN, i32::MIN));
    for p in &graph.junctions {
        lo = (lo.0.min(p.lat_e7()), lo.1.min(p.lon_e7()));
        hi = (hi.0.max(p.lat_e7()), hi.1.max(p.lon_e7()));
    }
    let mid = |a: i32, b: i32| ((i64::from(a) + i64::from(b)) / 2) as i32;
    if graph.junctions.is_empty() {
        return rv_base::LatLon::default();
    }
    rv_base::LatLon::from_e7(mid(lo.0, hi.0), mid(lo.1, hi.1)).unwrap_or_default()
}

fn survey<'a>(city: &'a City, frame: &LocalFrame) -> Site<'a> {
    let graph = &city.graph;
    let n = graph.n_edges();
    let mut site = Site {
        graph,
        side: city.drive_side,
        lines: vec![Vec::new(); n],
        heading_out: vec![0.0; n],
        heading_in: vec![0.0; n],
        cut_m: vec![(0.0, 0.0); n],
        edges_in: vec![Vec::new(); graph.n_junctions()],
    };
    for i in 0..n {
        let id = EdgeId::from_idx(i);
        if !site.is_driven(id) {
            continue;
        }
        let mut line: Vec<Point2> = graph.polyline(id).iter().map(|p| frame.to_local(*p)).collect();
        line.dedup_by(|a, b| a.distance_to(*b).0 < 0.05);
        if line.len() < 2 {
            line = graph.polyline(id).iter().map(|p| frame.to_local(*p)).collect();
            line.truncate(2);
            line[1].x_m += 0.1;
        }
        // Headings over the first and last metres, not over a short first piece.
        site.heading_out[i] = heading(line[0], walk(&line, 6.0));
        let reversed: Vec<Point2> = line.iter().rev().copied().collect();
        site.heading_in[i] = heading(walk(&reversed, 6.0), reversed[0]);
        site.lines[i] = line;
        site.edges_in[graph.edge(id).head.idx()].push(id);
    }
    for i in 0..n {
        let id = EdgeId::from_idx(i);
        if site.lines[i].is_empty() {
            continue;
        }
        let edge = graph.edge(id);
        let most_m = 0.4 * length_m(&site.lines[i]);
        let tail_m = site.cut_at(edge.tail, id).min(most_m);
        let head_m = site.cut_at(edge.head, id).min(most_m);
        site.cut_m[i] = (tail_m, head_m);
    }
    site
}

/// Lays the lanes of an edge; the first and how many.
fn lay_edge(site: &Site<'_>, id: EdgeId, signals: &Signals, out: &mut Builder) -> (u32, u8) {
    let first = out.lanes.len() as u32;
    let n = site.n_lanes(id);
    if n == 0 {
        return (first, 0);
    }
    let road = site.graph.road_of(id);
    let width = lane_width_m(road.kind);
    let (tail_m, head_m) = site.cut_m[id.idx()];
    let base = cut(&site.lines[id.idx()], tail_m, head_m);
    let has_back = site.back(id).is_some();
    let signal = signals.of_edge(site.graph, id, site.heading_in[id.idx()]);
    for number in 0..n {
        // From the road's line towards the kerb.
        let from_far = f64::from(n - 1 - number) + 0.5;
        let to_kerb =
            if has_back { from_far * width } else { (from_far - f64::from(n) / 2.0) * width };
        let left_m = match site.side {
            DriveSide::Right => -to_kerb,
            DriveSide::Left => to_kerb,
        };
        let line = beside(&base, left_m);
        let lane = CityLane {
            kind: CityLaneKind::Road { edge: id, number },
            length_m: 0.0,
            width_m: width as f32,
            limit_mps: road.speed_limit.0.clamp(1.0, 40.0) as f32,
            rank: rank(road.kind),
            is_roundabout: road.is_roundabout,
            kerb_side: None,
            far_side: None,
            oncoming: None,
            signal,
            stop_m: 0.0,
            sign: Sign::None,
            kept_for: KeptFor::All,
            has_cycle_lane: false,
            points: (0, 0),
            next: (0, 0),
            before: (0, 0),
            conflicts: (0, 0),
            crosswalks: (0, 0),
        };
        out.push(lane, &line);
    }
    (first, n)
}

fn join_neighbours(site: &Site<'_>, id: EdgeId, heads: &[(u32, u8)], lanes: &mut [CityLane]) {
    let (first, n) = heads[id.idx()];
    for number in 0..n {
        let lane = &mut lanes[first as usize + usize::from(number)];
        let at = |number: u8| CityLaneId(first + u32::from(number));
        lane.kerb_side = number.checked_sub(1).map(at);
        lane.far_side = (number + 1 < n).then(|| at(number + 1));
        if number + 1 == n
            && let Some(back) = site.back(id)
        {
            let (first, n) = heads[back.idx()];
            lane.oncoming = Some(CityLaneId(first + u32::from(n) - 1));
        }
    }
}

/// Lanes and tables while they grow.
pub(super) struct Builder {
    frame: LocalFrame,
    side: DriveSide,
    pub(super) lanes: Vec<CityLane>,
    points: Vec<[f32; 3]>,
    pub(super) lanes_of_edge: Vec<(u32, u8)>,
    cut_m: Vec<(f32, f32)>,
    pub(super) crosswalks: Vec<Crosswalk>,
    pub(super) crosswalk_marks: Vec<(u32, LaneCrosswalk)>,
    pub(super) links: Vec<(u32, CityLaneId)>,
    pub(super) conflicts: Vec<(u32, LaneConflict)>,
}

impl Builder {
    fn new(frame: LocalFrame, side: DriveSide) -> Self {
        Self {
            frame,
            side,
            lanes: Vec::new(),
            points: Vec::new(),
            lanes_of_edge: Vec::new(),
            cut_m: Vec::new(),
            crosswalks: Vec::new(),
            crosswalk_marks: Vec::new(),
            links: Vec::new(),
            conflicts: Vec::new(),
        }
    }

    pub(super) fn line(&self, id: CityLaneId) -> &[[f32; 3]] {
        super::part(&self.points, self.lanes[id.idx()].points)
    }

    pub(super) fn push(&mut self, mut lane: CityLane, line: &[Point2]) -> CityLaneId {
        let first = self.points.len();
        let mut s_m = 0.0;
        for (i, p) in line.iter().enumerate() {
            if i > 0 {
                s_m += p.distance_to(line[i - 1]).0.max(1e-3);
            }
            self.points.push([p.x_m as f32, p.y_m as f32, s_m as f32]);
        }
        lane.points = (first as u32, line.len() as u16);
        lane.length_m = s_m as f32;
        lane.stop_m = lane.length_m;
        self.lanes.push(lane);
        CityLaneId(self.lanes.len() as u32 - 1)
    }

    fn finish(mut self, signals: Signals, apart: Vec<(EdgeId, EdgeId, Point2)>) -> CityLanes {
        let n = self.lanes.len();
        let mut before: Vec<(u32, CityLaneId)> =
            self.links.iter().map(|(from, to)| (to.0, CityLaneId(*from))).collect();
        let (next, spans) = table(n, &mut self.links, |a, b| a.cmp(b));
        self.lanes.iter_mut().zip(&spans).for_each(|(l, s)| l.next = *s);
        let (before, spans) = table(n, &mut before, |a, b| a.cmp(b));
        self.lanes.iter_mut().zip(&spans).for_each(|(l, s)| l.before = *s);
        let (conflicts, spans) = table(n, &mut self.conflicts, |a, b| {
            a.here_m.0.total_cmp(&b.here_m.0).then(a.other.cmp(&b.other))
        });
        self.lanes.iter_mut().zip(&spans).for_each(|(l, s)| l.conflicts = *s);
        let (marks, spans) = table(n, &mut self.crosswalk_marks, |a, b| a.at_m.total_cmp(&b.at_m));
        self.lanes.iter_mut().zip(&spans).for_each(|(l, s)| l.crosswalks = *s);
        let lines = self.lanes.iter().map(|l| super::part(&self.points, l.points));
        let grid = LaneGrid::build(lines);
        CityLanes {
            frame: self.frame,
            drive_side: self.side,
            lanes: self.lanes,
            points: self.points,
            next,
            before,
            conflicts,
            crosswalks: self.crosswalks,
            crosswalks_of_lane: marks,
            signals: signals.plans,
            lanes_of_edge: self.lanes_of_edge,
            cut_m: self.cut_m,
            apart,
            grid,
        }
    }
}

/// Sorts entries by lane and then by `order`, and gives each lane its range.
fn table<T: Copy>(
    n: usize,
    entries: &mut [(u32, T)],
    order: impl Fn(&T, &T) -> std::cmp::Ordering,
) -> (Vec<T>, Vec<Span>) {
    entries.sort_by(|a, b| a.0.cmp(&b.0).then_with(|| order(&a.1, &b.1)));
    let mut spans = vec![(0, 0); n];
    for (i, (lane, _)) in entries.iter().enumerate() {
        let span: &mut Span = &mut spans[*lane as usize];
        if span.1 == 0 {
            span.0 = i as u32;
        }
        span.1 = span.1.saturating_add(1);
    }
    (entries.iter().map(|e| e.1).collect(), spans)
}

pub(super) fn heading(a: Point2, b: Point2) -> f64 {
    (b.y_m - a.y_m).atan2(b.x_m - a.x_m)
}

fn length_m(line: &[Point2]) -> f64 {
    line.windows(2).map(|w| w[0].distance_to(w[1]).0).sum()
}

/// The point at a distance along a line, or its end.
fn walk(line: &[Point2], mut by_m: f64) -> Point2 {
    for w in line.windows(2) {
        let step_m = w[0].distance_to(w[1]).0;
        if step_m >= by_m {
            let t = by_m / step_m.max(1e-9);
            return Point2 {
                x_m: w[0].x_m + t * (w[1].x_m - w[0].x_m),
                y_m: w[0].y_m + t * (w[1].y_m - w[0].y_m),
            };
        }
        by_m -= step_m;
    }
    line[line.len() - 1]
}

/// A line without some metres at its start and end.
fn cut(line: &[Point2], from_m: f64, to_m: f64) -> Vec<Point2> {
    let whole_m = length_m(line);
    let end_m = whole_m - to_m;
    let mut out = vec![walk(line, from_m)];
    let mut s_m = 0.0;
    for w in line.windows(2) {
        s_m += w[0].distance_to(w[1]).0;
        if s_m > from_m + 0.2 && s_m < end_m - 0.2 {
            out.push(w[1]);
        }
    }
    out.push(walk(line, end_m));
    out
}

/// A line beside another, `left_m` to its left.
fn beside(line: &[Point2], left_m: f64) -> Vec<Point2> {
    let n = line.len();
    (0..n)
        .map(|i| {
            let into = heading(line[i.saturating_sub(1)], line[i.max(1)]);
            let out = heading(line[i.min(n - 2)], line[(i + 1).min(n - 1)]);
            let half = (out - into).sin().atan2((out - into).cos()) / 2.0;
            let (sin, cos) = (into + half).sin_cos();
            let reach_m = left_m / half.cos().max(0.6);
            Point2 { x_m: line[i].x_m - reach_m * sin, y_m: line[i].y_m + reach_m * cos }
        })
        .collect()
}
