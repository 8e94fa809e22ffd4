//! The way of a van: one line over the lanes of a route, with everything met along it.

use rv_base::{EdgeId, Point2};
use rv_map::city_lanes::{CityLaneId, CityLaneKind, CityLanes, KeptFor, Sign, Turn};

use super::turning;
use crate::law::{BusLane, Precedence, TrafficLaw};
use crate::trajectory::walk_down;

/// Distance between two points of a way, m.
pub(crate) const STEP_M: f64 = 1.0;

/// Length over which a lane is changed, m.
const CHANGE_M: f64 = 35.0;

/// Most edges of one way; a longer route is driven in parts.
pub const EDGES_MAX: usize = 400;

/// Lateral acceleration and jerk in bends that a way's speeds allow, m/s2 and m/s3.
const LATERAL_MPS2: f64 = 1.4;
const LATERAL_JERK_MPS3: f64 = 1.7;

/// Corners of lanes are rounded within this distance of their line, m, in so many passes.
const ROUND_WITHIN_M: f64 = 0.35;
const ROUNDINGS: usize = 24;

/// Lateral acceleration beyond which nobody turns, m/s2.
const ACROSS_MAX_MPS2: f64 = 5.0;

/// Why a way cannot be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WayError {
    /// No edges.
    #[error("a way needs an edge")]
    Empty,
    /// An edge is not driven by motor vehicles, or does not exist.
    #[error("edge {0:?} has no lane for motor vehicles")]
    NoLane(EdgeId),
    /// Two edges do not follow each other.
    #[error("no lane leads from edge {0:?} to edge {1:?}")]
    NoTurn(EdgeId, EdgeId),
    /// Too many edges.
    #[error("a way has at most {EDGES_MAX} edges")]
    TooLong,
}

/// A point of a way.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct WayPoint {
    pub(crate) at: Point2,
    pub(crate) heading_rad: f64,
    pub(crate) curvature_1pm: f64,
    /// Fastest it may be passed by limit and bend.
    pub(crate) cap_mps: f64,
}

/// A part of a way on one lane.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Part {
    pub(crate) lane: CityLaneId,
    /// From where to where on the way, m.
    pub(crate) from_m: f64,
    pub(crate) to_m: f64,
    /// Place on the lane at `from_m`, m.
    pub(crate) lane_from_m: f64,
}

/// Ground on the way that is shared with a turn of others.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Shared {
    pub(crate) other: CityLaneId,
    pub(crate) from_m: f64,
    pub(crate) to_m: f64,
    pub(crate) there_m: (f64, f64),
    pub(crate) is_merge: bool,
    pub(crate) precedence: Precedence,
    /// Fastest that the other turn can be driven at all, m/s.
    pub(crate) other_mps: f64,
}

/// A junction on the way.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Crossing {
    /// Where to stand before it, m along the way.
    pub(crate) stop_m: f64,
    /// From where to where it lies.
    pub(crate) from_m: f64,
    pub(crate) to_m: f64,
    /// The lane that leads to it, and its signal.
    pub(crate) lane: CityLaneId,
    pub(crate) signal: Option<(u32, u8)>,
    pub(crate) sign: Sign,
    pub(crate) turn: Turn,
    pub(crate) shared: Vec<Shared>,
    /// True if it is no junction but a place in a street where the way turns back.
    pub(crate) is_in_street: bool,
}

/// A crosswalk on the way.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Walk {
    pub(crate) crosswalk: u32,
    pub(crate) at_m: f64,
    pub(crate) has_signal: bool,
}

/// A change of lane on the way.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Change {
    pub(crate) from_m: f64,
    pub(crate) to_m: f64,
    /// The lane changed to.
    pub(crate) lane: CityLaneId,
}

/// One line over the lanes of a route.
#[derive(Clone, Debug, Default)]
pub struct Way {
    pub(crate) points: Vec<WayPoint>,
    pub(crate) parts: Vec<Part>,
    pub(crate) crossings: Vec<Crossing>,
    pub(crate) walks: Vec<Walk>,
    pub(crate) changes: Vec<Change>,
    /// Where the vehicle's front shall come to stand, m.
    pub(crate) goal_m: f64,
}

impl Way {
    /// Lays a way along edges, from `start_m` on the first to `end_m` on the last.
    pub fn lay(
        lanes: &CityLanes,
        law: &TrafficLaw,
        edges: &[EdgeId],
        (start_m, end_m): (f64, f64),
        speed_max_mps: f64,
    ) -> Result<Self, WayError> {
        if edges.len() > EDGES_MAX {
            return Err(WayError::TooLong);
        }
        let chain = choose_lanes(lanes, law, edges, start_m)?;
        let mut laying = Laying { lanes, law, way: Self::default(), line: Vec::new(), at_m: 0.0 };
        let mut from_m = start_m;
        for (i, step) in chain.iter().enumerate() {
            let is_last = i + 1 == chain.len();
            match step.next {
                Next::Around(back, at_m) => {
                    laying.road(step.into, step.out, from_m, Some(at_m));
                    from_m = laying.around(step.out, back, at_m);
                }
                Next::Turn(turn) => {
                    laying.road(step.into, step.out, from_m, None);
                    laying.turn(step.out, turn);
                    from_m = 0.0;
                }
                Next::End => {
                    laying.road(step.into, step.out, from_m, is_last.then_some(end_m));
                }
            }
        }
        Ok(laying.finish(speed_max_mps.min(law.van_speed_max_mps)))
    }

    /// Its length, m.
    pub fn length_m(&self) -> f64 {
        self.points.len().saturating_sub(1) as f64 * STEP_M
    }

    /// Where the vehicle's front shall come to stand, m along it.
    pub fn goal_m(&self) -> f64 {
        self.goal_m
    }

    /// The point at a distance along it; beyond its ends it goes on straight.
    pub(crate) fn at(&self, s_m: f64) -> WayPoint {
        let last = self.points.len() - 1;
        let idx = ((s_m / STEP_M).max(0.0) as usize).min(last.saturating_sub(1));
        let t = s_m / STEP_M - idx as f64;
        let (a, b) = (self.points[idx], self.points[(idx + 1).min(last)]);
        let mix = |x: f64, y: f64| x + t * (y - x);
        let at = Point2 { x_m: mix(a.at.x_m, b.at.x_m), y_m: mix(a.at.y_m, b.at.y_m) };
        if !(0.0..=1.0).contains(&t) {
            return WayPoint { at, curvature_1pm: 0.0, ..if t < 0.0 { a } else { b } };
        }
        WayPoint {
            at,
            heading_rad: mix(a.heading_rad, b.heading_rad),
            curvature_1pm: mix(a.curvature_1pm, b.curvature_1pm),
            cap_mps: a.cap_mps.min(b.cap_mps),
        }
    }

    /// Fastest it may be passed at a distance along it by limit, bends and the law, m/s.
    pub fn cap_mps(&self, s_m: f64) -> f64 {
        self.at(s_m).cap_mps
    }

    /// Place and heading on it, as drawn.
    pub fn pose(&self, s_m: f64) -> (Point2, f64) {
        let p = self.at(s_m);
        (p.at, p.heading_rad)
    }

    /// Distance along and to the left of a point, looked for from an index on, which is moved.
    pub(crate) fn foot(&self, cursor: &mut usize, p: Point2) -> (f64, f64) {
        let square = |i: usize| {
            let q = self.points[i].at;
            (q.x_m - p.x_m) * (q.x_m - p.x_m) + (q.y_m - p.y_m) * (q.y_m - p.y_m)
        };
        *cursor = walk_down(*cursor, self.points.len() - 1, square);
        self.foot_at(*cursor, p)
    }

    fn foot_at(&self, idx: usize, p: Point2) -> (f64, f64) {
        let q = self.points[idx];
        let (sin, cos) = q.heading_rad.sin_cos();
        let (dx, dy) = (p.x_m - q.at.x_m, p.y_m - q.at.y_m);
        (idx as f64 * STEP_M + dx * cos + dy * sin, dy * cos - dx * sin)
    }

    /// The foot of a point within a range of the way; `None` if it is further than `within_m`.
    pub(crate) fn foot_within(
        &self,
        (from_m, to_m): (f64, f64),
        p: Point2,
        within_m: f64,
    ) -> Option<(f64, f64)> {
        let last = self.points.len() - 1;
        let from = ((from_m / STEP_M).max(0.0) as usize).min(last);
        let to = ((to_m / STEP_M).max(0.0) as usize).min(last);
        let (mut best, mut best_idx) = (f64::INFINITY, from);
        let mut idx = from;
        while idx <= to {
            let q = self.points[idx].at;
            let d = (q.x_m - p.x_m).hypot(q.y_m - p.y_m);
            if d < best {
                (best, best_idx) = (d, idx);
            }
            // A point far away cannot be nearest soon.
            idx += (((d - best.min(within_m)) / STEP_M) as usize).max(1);
        }
        (best <= within_m + STEP_M).then(|| self.foot_at(best_idx, p))
    }

    /// The part at a distance along it.
    pub(crate) fn part_at(&self, s_m: f64) -> Option<&Part> {
        let idx = self.parts.partition_point(|p| p.to_m <= s_m);
        self.parts.get(idx).or(self.parts.last())
    }

    /// The lane at a distance along it, and the place on that lane, m.
    pub fn on_lane(&self, s_m: f64) -> Option<(CityLaneId, f64)> {
        self.part_at(s_m).map(|p| (p.lane, p.lane_from_m + (s_m - p.from_m).max(0.0)))
    }

    /// The lane at a distance along it.
    pub fn lane_at(&self, s_m: f64) -> Option<CityLaneId> {
        self.part_at(s_m).map(|p| p.lane)
    }
}

/// The lanes of one edge of a route.
struct Step {
    /// Lane on which it is entered, and on which it is left.
    into: CityLaneId,
    out: CityLaneId,
    next: Next,
}

/// How a way goes on after an edge.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Next {
    /// By a turn.
    Turn(CityLaneId),
    /// Back in the street, onto the oncoming lane, from a place on its lane, m.
    Around(CityLaneId, f64),
    End,
}

/// What turning back in a street costs, in metres' worth of changes.
const AROUND_COST: f64 = 30.0;

/// Chooses lanes with the fewest changes, near the kerb.
fn choose_lanes(
    lanes: &CityLanes,
    law: &TrafficLaw,
    edges: &[EdgeId],
    start_m: f64,
) -> Result<Vec<Step>, WayError> {
    let last = *edges.last().ok_or(WayError::Empty)?;
    for edge in edges {
        if lanes.of_edge(*edge).len() == 0 {
            return Err(WayError::NoLane(*edge));
        }
    }
    // Cost to the end from the start of each lane, and the lane to leave it on, from the back.
    let n_last = lanes.of_edge(last).len();
    let mut plans: Vec<Vec<(f64, usize, Next)>> = vec![Vec::new(); edges.len()];
    plans[edges.len() - 1] = (0..n_last).map(|k| (k as f64 * 3.0, 0, Next::End)).collect();
    for i in (0..edges.len() - 1).rev() {
        let (here, there) = (edges[i], edges[i + 1]);
        let ids: Vec<CityLaneId> = lanes.of_edge(here).collect();
        let length_m = f64::from(lanes.lane(ids[0]).length_m);
        // The best way out of each lane.
        let from_m = if i == 0 { start_m } else { 0.0 };
        let outs: Vec<Option<(f64, Next)>> = ids
            .iter()
            .map(|id| {
                let around = turning::place(lanes, law, *id, from_m, there).map(|(back, at_m)| {
                    (plans[i + 1][0].0 + AROUND_COST, Next::Around(back, at_m))
                });
                lanes
                    .next(*id)
                    .iter()
                    .filter_map(|turn| {
                        let target = *lanes.next(*turn).first()?;
                        let k = lanes.of_edge(there).position(|l| l == target)?;
                        Some((plans[i + 1][k].0, Next::Turn(*turn)))
                    })
                    .min_by(|a, b| a.0.total_cmp(&b.0))
                    .or(around)
            })
            .collect();
        let row: Vec<_> = (0..ids.len())
            .map(|k| {
                (0..ids.len())
                    .filter_map(|m| {
                        let (cost, next) = outs[m]?;
                        let n = k.abs_diff(m) as f64;
                        let is_short = length_m < CHANGE_M + 15.0;
                        let change = n * if is_short { 60.0 } else { 10.0 };
                        let kept = kept_cost(lanes, law, ids[k]) + kept_cost(lanes, law, ids[m]);
                        Some((cost + change + kept + m as f64 * 0.5, m, next))
                    })
                    .min_by(|a, b| a.0.total_cmp(&b.0))
                    .unwrap_or((f64::INFINITY, k, Next::End))
            })
            .collect();
        if row.iter().all(|r| r.2 == Next::End) {
            return Err(WayError::NoTurn(here, there));
        }
        plans[i] = row;
    }
    let first = (0..plans[0].len())
        .min_by(|a, b| (plans[0][*a].0 + *a as f64).total_cmp(&(plans[0][*b].0 + *b as f64)))
        .ok_or(WayError::Empty)?;
    let mut at = first;
    let mut steps = Vec::with_capacity(edges.len());
    for (i, edge) in edges.iter().enumerate() {
        let ids: Vec<CityLaneId> = lanes.of_edge(*edge).collect();
        let (_, out, next) = plans[i][at];
        steps.push(Step { into: ids[at], out: ids[out], next });
        let target = match next {
            Next::Turn(turn) => Some(lanes.next(turn).first().copied()),
            Next::Around(back, _) => Some(Some(back)),
            Next::End => None,
        };
        if let Some(target) = target {
            let next = edges[i + 1];
            at = target
                .and_then(|t| lanes.of_edge(next).position(|l| l == t))
                .ok_or(WayError::NoTurn(*edge, next))?;
        }
    }
    Ok(steps)
}

struct Laying<'a> {
    lanes: &'a CityLanes,
    law: &'a TrafficLaw,
    way: Way,
    /// Points with the speed limit there.
    line: Vec<(Point2, f64)>,
    at_m: f64,
}

impl Laying<'_> {
    fn push(&mut self, p: Point2, limit_mps: f64) {
        if let Some((q, _)) = self.line.last() {
            let step_m = p.distance_to(*q).0;
            if step_m < 0.02 {
                return;
            }
            self.at_m += step_m;
        }
        self.line.push((p, limit_mps));
    }

    /// Along one lane, its shape points included.
    fn follow(&mut self, id: CityLaneId, from_m: f64, to_m: f64) {
        let limit = f64::from(self.lanes.lane(id).limit_mps);
        self.push(self.lanes.at(id, from_m).0, limit);
        let start_m = self.at_m;
        for p in self.lanes.line(id) {
            let s = f64::from(p[2]);
            if s > from_m + 0.1 && s < to_m - 0.1 {
                self.push(Point2 { x_m: f64::from(p[0]), y_m: f64::from(p[1]) }, limit);
            }
        }
        self.push(self.lanes.at(id, to_m).0, limit);
        let part = Part { lane: id, from_m: start_m, to_m: self.at_m, lane_from_m: from_m };
        self.way.parts.push(part);
    }

    fn road(&mut self, into: CityLaneId, out: CityLaneId, from_m: f64, end_m: Option<f64>) {
        let length_m = f64::from(self.lanes.lane(into).length_m);
        let out_m = f64::from(self.lanes.lane(out).length_m);
        let from_m = from_m.clamp(0.0, (length_m - 0.3).max(0.0));
        let to_m = end_m.map_or(out_m, |e| e.clamp((from_m + 0.2).min(out_m), out_m));
        let base_m = self.at_m;
        if into == out {
            self.follow(into, from_m, to_m);
        } else {
            // As late as there is room for, but not near the stop line.
            let room_m = (out_m - 12.0 - from_m).max(4.0);
            let long_m = CHANGE_M.min(room_m);
            let begin_m = from_m + ((room_m - long_m) * 0.2).min(30.0);
            let done_m = (begin_m + long_m).min(to_m);
            if begin_m > from_m + 0.5 {
                self.follow(into, from_m, begin_m);
            }
            let limit = f64::from(self.lanes.lane(out).limit_mps);
            let change_from_m = self.at_m;
            for i in 0..=12 {
                let t = f64::from(i) / 12.0;
                let blend = t * t * (3.0 - 2.0 * t);
                let s_m = begin_m + t * (done_m - begin_m);
                let a = self.lanes.at(into, s_m * length_m / out_m).0;
                let b = self.lanes.at(out, s_m).0;
                let mix = |x: f64, y: f64| x + blend * (y - x);
                self.push(Point2 { x_m: mix(a.x_m, b.x_m), y_m: mix(a.y_m, b.y_m) }, limit);
            }
            let (from_m, to) = (change_from_m, self.at_m);
            self.way.changes.push(Change { from_m, to_m: to, lane: out });
            self.way.parts.push(Part { lane: out, from_m, to_m: to, lane_from_m: begin_m });
            if to_m > done_m + 0.2 {
                self.follow(out, done_m, to_m);
            }
        }
        for (lane, from) in
            [(into, from_m)].into_iter().chain((into != out).then_some((out, from_m)))
        {
            for walk in self.lanes.crosswalks_of(lane) {
                let at = f64::from(walk.at_m);
                let is_known = self
                    .way
                    .walks
                    .iter()
                    .any(|w| w.crosswalk == walk.crosswalk && w.at_m >= base_m - 1.0);
                if at >= from && at <= to_m && !is_known {
                    let has_signal =
                        self.lanes.crosswalks()[walk.crosswalk as usize].signal.is_some();
                    let at_m = base_m + at - from;
                    self.way.walks.push(Walk { crosswalk: walk.crosswalk, at_m, has_signal });
                }
            }
        }
        if let Some(end_m) = end_m {
            let _ = end_m;
            self.way.goal_m = self.at_m;
        }
    }

    fn turn(&mut self, out: CityLaneId, id: CityLaneId) {
        let before = self.lanes.lane(out);
        let stop_m = self.at_m - f64::from(before.length_m - before.stop_m);
        let from_m = self.at_m;
        let length_m = f64::from(self.lanes.lane(id).length_m);
        self.follow(id, 0.0, length_m);
        let turn = match self.lanes.lane(id).kind {
            CityLaneKind::Turn { turn, .. } => turn,
            CityLaneKind::Road { .. } => Turn::Straight,
        };
        let shared = self
            .lanes
            .conflicts(id)
            .iter()
            .map(|c| Shared {
                other: c.other,
                from_m: from_m + f64::from(c.here_m.0),
                to_m: from_m + f64::from(c.here_m.1),
                there_m: (f64::from(c.there_m.0), f64::from(c.there_m.1)),
                is_merge: c.is_merge,
                precedence: self.law.precedence(self.lanes, id, c.other),
                other_mps: turn_max_mps(self.lanes, c.other),
            })
            .collect();
        self.way.crossings.push(Crossing {
            stop_m,
            from_m,
            to_m: self.at_m,
            lane: out,
            signal: before.signal,
            sign: before.sign,
            turn,
            shared,
            is_in_street: false,
        });
    }

    /// Back in a street, straight over to the oncoming lane; where on that it then is, m.
    fn around(&mut self, out: CityLaneId, back: CityLaneId, at_m: f64) -> f64 {
        let from_m = self.at_m;
        let on_m = self.lanes.foot(back, self.lanes.at(out, at_m).0).s_m;
        self.push(self.lanes.at(back, on_m).0, f64::from(self.lanes.lane(back).limit_mps));
        self.way.crossings.push(Crossing {
            stop_m: from_m,
            from_m,
            to_m: self.at_m,
            lane: out,
            signal: None,
            sign: Sign::None,
            turn: Turn::Back,
            shared: Vec::new(),
            is_in_street: true,
        });
        on_m
    }

    /// Even points, smoothed, with headings, curvatures and speeds.
    fn finish(mut self, speed_max_mps: f64) -> Way {
        // Some metres beyond the goal, so that there is always a line ahead.
        let n = self.line.len();
        let (a, b) = (self.line[n - 2].0, self.line[n - 1].0);
        let long_m = a.distance_to(b).0.max(1e-6);
        let on = |by_m: f64| Point2 {
            x_m: b.x_m + (b.x_m - a.x_m) / long_m * by_m,
            y_m: b.y_m + (b.y_m - a.y_m) / long_m * by_m,
        };
        let limit = self.line[n - 1].1;
        self.line.push((on(15.0), limit));
        let (line, limits) = even(&self.line);
        let line = smoothed(relaxed(line), 4);
        let n = line.len();
        let mut points: Vec<WayPoint> = Vec::with_capacity(n);
        for i in 0..n {
            let (a, b) = (line[i.saturating_sub(1)], line[(i + 1).min(n - 1)]);
            let heading = (b.y_m - a.y_m).atan2(b.x_m - a.x_m);
            let last = points.last().map_or(heading, |p| p.heading_rad);
            let pi = std::f64::consts::PI;
            let step = (heading - last + pi).rem_euclid(2.0 * pi) - pi;
            let cap_mps = limits[i].min(speed_max_mps);
            points.push(WayPoint {
                at: line[i],
                heading_rad: last + step,
                curvature_1pm: 0.0,
                cap_mps,
            });
        }
        let raw: Vec<f64> = (0..n)
            .map(|i| {
                let (a, b) = (i.saturating_sub(1), (i + 1).min(n - 1));
                (points[b].heading_rad - points[a].heading_rad) / ((b - a).max(1) as f64 * STEP_M)
            })
            .collect();
        for i in 0..n {
            let window = &raw[i.saturating_sub(1)..(i + 2).min(n)];
            points[i].curvature_1pm = window.iter().sum::<f64>() / window.len() as f64;
        }
        for i in 0..n {
            let sharpest = raw[i.saturating_sub(1)..(i + 2).min(n)].iter();
            let k = sharpest.fold(points[i].curvature_1pm.abs(), |m, r| m.max(r.abs() * 0.9));
            let change = (points[(i + 1).min(n - 1)].curvature_1pm
                - points[i.saturating_sub(1)].curvature_1pm)
                .abs()
                / (2.0 * STEP_M);
            let bend = (LATERAL_MPS2 / k.abs().max(1e-4)).sqrt();
            let entry = (LATERAL_JERK_MPS3 / change.max(1e-5)).cbrt();
            points[i].cap_mps = points[i].cap_mps.min(bend.max(1.5)).min(entry.max(2.0));
        }
        self.way.points = points;
        self.way
    }
}

/// Fastest that anybody drives a turn, m/s; beyond it, they go another way.
pub(crate) fn turn_max_mps(lanes: &CityLanes, turn: CityLaneId) -> f64 {
    let length_m = f64::from(lanes.lane(turn).length_m);
    let (from, to) = (lanes.at(turn, 0.0).1, lanes.at(turn, length_m).1);
    let change = (to - from).sin().atan2((to - from).cos()).abs();
    if change < 0.35 {
        return f64::INFINITY;
    }
    (ACROSS_MAX_MPS2 * length_m / change).sqrt().max(4.0)
}

/// What driving a lane kept for others costs, in metres' worth of changes.
fn kept_cost(lanes: &CityLanes, law: &TrafficLaw, id: CityLaneId) -> f64 {
    let is_closed = law.bus_lane == BusLane::Closed && lanes.lane(id).kept_for == KeptFor::Buses;
    if is_closed { 25.0 } else { 0.0 }
}

/// Points [`STEP_M`] apart with their limits.
fn even(line: &[(Point2, f64)]) -> (Vec<Point2>, Vec<f64>) {
    let (mut points, mut limits) = (vec![line[0].0], vec![line[0].1]);
    let mut need_m = STEP_M;
    for w in line.windows(2) {
        let length_m = w[0].0.distance_to(w[1].0).0;
        let mut done_m = 0.0;
        while length_m - done_m >= need_m {
            done_m += need_m;
            let t = done_m / length_m;
            points.push(Point2 {
                x_m: w[0].0.x_m + t * (w[1].0.x_m - w[0].0.x_m),
                y_m: w[0].0.y_m + t * (w[1].0.y_m - w[0].0.y_m),
            });
            limits.push(w[1].1);
            need_m = STEP_M;
        }
        need_m -= length_m - done_m;
    }
    (points, limits)
}

/// Rounds the corners of a line as far as it may leave it.
fn relaxed(line: Vec<Point2>) -> Vec<Point2> {
    let mut round = line.clone();
    for _ in 0..ROUNDINGS {
        round = smoothed(round, 1);
        for (p, q) in round.iter_mut().zip(&line) {
            let off_m = p.distance_to(*q).0;
            let keep = if off_m > ROUND_WITHIN_M { ROUND_WITHIN_M / off_m } else { 1.0 };
            p.x_m = q.x_m + (p.x_m - q.x_m) * keep;
            p.y_m = q.y_m + (p.y_m - q.y_m) * keep;
        }
    }
    round
}

fn smoothed(mut line: Vec<Point2>, passes: usize) -> Vec<Point2> {
    for _ in 0..passes {
        let before = line.clone();
        for i in 1..line.len() - 1 {
            let reach = 2.min(i).min(line.len() - 1 - i);
            let part = 1.0 / (2 * reach + 1) as f64;
            let window = &before[i - reach..=i + reach];
            line[i].x_m = window.iter().map(|p| p.x_m).sum::<f64>() * part;
            line[i].y_m = window.iter().map(|p| p.y_m).sum::<f64>() * part;
        }
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A street with a bend of some angle in its middle, a point a metre.
    fn bent(angle_rad: f64) -> Vec<Point2> {
        let (sin, cos) = angle_rad.sin_cos();
        let along = |s: f64| match s < 0.0 {
            true => Point2 { x_m: s, y_m: 0.0 },
            false => Point2 { x_m: s * cos, y_m: s * sin },
        };
        (-60..=60).map(|i| along(f64::from(i))).collect()
    }

    fn sharpest_1pm(line: &[Point2]) -> f64 {
        let heading = |w: &[Point2]| (w[1].y_m - w[0].y_m).atan2(w[1].x_m - w[0].x_m);
        line.windows(3).map(|w| (heading(&w[1..]) - heading(&w[..2])).abs()).fold(0.0, f64::max)
    }

    #[test]
    fn slight_bends_are_rounded_within_the_lane() {
        for angle_rad in [0.1, 0.2, 0.5, 1.5] {
            let line = bent(angle_rad);
            let (plain, round) = (smoothed(line.clone(), 4), smoothed(relaxed(line.clone()), 4));
            let off = |round: &[Point2]| {
                let each = round.iter().zip(&line).map(|(p, q)| p.distance_to(*q).0);
                each.fold(0.0, f64::max)
            };
            assert!(off(&round) < off(&plain) + ROUND_WITHIN_M, "{angle_rad}");
            assert!(sharpest_1pm(&round) < sharpest_1pm(&plain), "{angle_rad}");
        }
        let (plain, round) = (smoothed(bent(0.15), 4), smoothed(relaxed(bent(0.15)), 4));
        assert!(sharpest_1pm(&round) < 0.55 * sharpest_1pm(&plain));
    }
}
