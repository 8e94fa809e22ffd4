//! Proposals: paths from where the vehicle is to where it may go.

use std::sync::Arc;

use rv_base::Point2;
use rv_map::lanes::LaneIdx;

use super::geometry::{ahead, distance_m, wrapped_rad};
use super::goal::Goals;
use super::path::{Path, STEP_M};
use super::road::Road;
use super::vehicle::{State, Vehicle};

/// Most base paths.
const BASES_MAX: usize = 8;

/// A smooth line along lanes.
#[derive(Clone, Debug)]
pub(crate) struct Base {
    pub(crate) path: Arc<Path>,
    /// Where the vehicle is along and beside it, m.
    pub(crate) s_m: f64,
    pub(crate) d_m: f64,
    /// Heading against it, rad.
    pub(crate) turn_rad: f64,
    /// Lane changes on the way.
    pub(crate) n_changes: usize,
    /// True if the way leads to the goal.
    pub(crate) is_to_goal: bool,
}

impl Base {
    /// False if the goal surely lies too far on, or too near, for its window.
    pub(crate) fn can_meet(&self, goals: &Goals, state: &State, now: i64, dt_s: f64) -> bool {
        let v = state.speed_mps.max(0.0);
        goals.any_of.is_empty()
            || goals.any_of.iter().any(|goal| {
                let late_s = (goal.steps.1 - now) as f64 * dt_s;
                if goal.rings.is_empty() || late_s < 0.0 {
                    return late_s >= 0.0;
                }
                let (lo, hi) = goal.bounds();
                let middle = Point2 { x_m: (lo.x_m + hi.x_m) / 2.0, y_m: (lo.y_m + hi.y_m) / 2.0 };
                let half_m = distance_m(lo, hi) / 2.0 + 10.0;
                let start = self.path.at(self.s_m).at;
                // No path is shorter than the straight line.
                distance_m(start, middle) - half_m <= v * late_s + 2.5 * late_s * late_s
            })
    }
}

/// A way to bend from where the vehicle is to beside a base path.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Shift {
    pub(crate) base: usize,
    /// Offset to end at, left of the base, m.
    pub(crate) to_m: f64,
    /// Way driven beside the base before it begins, m.
    pub(crate) after_m: f64,
    /// Way in which it happens, m.
    pub(crate) over_m: f64,
    /// Preference among proposals: lower first.
    pub(crate) rank: f64,
}

/// Ways and their paths, kept from cycle to cycle while the vehicle is in the same lanes.
#[derive(Clone, Debug, Default)]
pub(crate) struct Ways {
    /// Lanes they begin in.
    from: Vec<LaneIdx>,
    /// How far they lead at least, if the road does.
    reach_m: f64,
    lines: Vec<Line>,
}

/// A way of lanes.
#[derive(Clone, Debug)]
struct Line {
    way: Vec<LaneIdx>,
    is_to_goal: bool,
    n_changes: usize,
    /// Made when first asked for; `None` in it if there is none.
    path: Option<Option<Arc<Path>>>,
}

impl Ways {
    /// Base paths from a state: ways to the goals, and ways on. What is made anew is added to
    /// `work`.
    pub(crate) fn bases(
        &mut self,
        road: &Road,
        vehicle: &Vehicle,
        state: &State,
        goals: &Goals,
        reach_m: f64,
        work: &mut u64,
    ) -> Vec<Base> {
        let mut from = road.lanes_for(state.centre(vehicle), state.heading_rad);
        from.truncate(4);
        if from != self.from || reach_m > self.reach_m {
            *self = Self::find(road, from, goals, reach_m, std::mem::take(&mut self.lines));
            *work += road.map().lanes.len() as u64 / 4;
        }
        let mut out: Vec<Base> = shots(vehicle, state, goals);
        for line in &mut self.lines {
            if out.len() >= BASES_MAX {
                break;
            }
            let path = line.path.get_or_insert_with(|| {
                let path = road.path(&line.way, 25.0, 80.0);
                *work += path.as_ref().map_or(0, |p| p.points().len() as u64 / 2);
                path.map(Arc::new)
            });
            let Some(path) = path else { continue };
            let (s_m, d_m) = path.project(state.rear);
            let turn_rad = wrapped_rad(state.heading_rad - path.at(s_m).heading_rad);
            if d_m.abs() > 12.0 || turn_rad.abs() > 1.4 || s_m < -5.0 {
                continue;
            }
            let (path, n_changes) = (path.clone(), line.n_changes);
            out.push(Base { path, s_m, d_m, turn_rad, n_changes, is_to_goal: line.is_to_goal });
        }
        out
    }

    fn find(road: &Road, from: Vec<LaneIdx>, goals: &Goals, reach_m: f64, old: Vec<Line>) -> Self {
        let mut ways: Vec<(bool, Vec<LaneIdx>)> = Vec::new();
        let targets = goal_lanes(road, goals);
        for lane in &from {
            ways.extend(road.routes(*lane, &targets, 8.0).into_iter().map(|w| (true, w)));
        }
        ways.sort_by_key(|(_, w)| (changes(road, w), w.len()));
        ways.truncate(5);
        let is_free = goals.any_of.iter().all(|g| g.rings.is_empty());
        for lane in &from {
            ways.extend(road.ways_on(*lane, reach_m, 3).into_iter().map(|w| (is_free, w)));
        }
        for lane in from.first().into_iter().flat_map(|l| road.beside(*l)) {
            ways.extend(road.ways_on(lane, reach_m, 1).into_iter().map(|w| (is_free, w)));
        }
        let mut lines: Vec<Line> = Vec::new();
        for (is_to_goal, way) in ways {
            if lines.iter().any(|l| l.way == way) {
                continue;
            }
            let path = old.iter().find(|l| l.way == way).and_then(|l| l.path.clone());
            lines.push(Line { n_changes: changes(road, &way), way, is_to_goal, path });
        }
        Self { from, reach_m, lines }
    }
}

/// Curves straight to goals that state a heading, whatever the lanes: for short ways and for goals
/// that do not lie along a lane.
fn shots(vehicle: &Vehicle, state: &State, goals: &Goals) -> Vec<Base> {
    let mut out = Vec::new();
    for goal in goals.any_of.iter().filter(|g| g.lanes.is_empty()).take(2) {
        let (Some(middle), Some((from, to))) = (goal.middle(), goal.heading_rad) else { continue };
        let heading_rad = (from + to) / 2.0;
        let end = ahead(middle, heading_rad, -vehicle.rear_axle_m);
        let way_m = distance_m(state.rear, end);
        let (sin, cos) = state.heading_rad.sin_cos();
        let along_m = (end.x_m - state.rear.x_m) * cos + (end.y_m - state.rear.y_m) * sin;
        if !(4.0..90.0).contains(&way_m) || along_m < 2.0 {
            continue;
        }
        // A cubic Hermite curve with ends as long as the way, drawn on past the goal.
        let n = (way_m / STEP_M).ceil() as usize + 1;
        let tangent = |h: f64| (way_m * h.cos(), way_m * h.sin());
        let ((ax, ay), (bx, by)) = (tangent(state.heading_rad), tangent(heading_rad));
        let mut points: Vec<Point2> = (0..n)
            .map(|i| {
                let t = i as f64 / n as f64;
                let (t2, t3) = (t * t, t * t * t);
                let (h0, h1) = (2.0 * t3 - 3.0 * t2 + 1.0, t3 - 2.0 * t2 + t);
                let (h2, h3) = (3.0 * t2 - 2.0 * t3, t3 - t2);
                Point2 {
                    x_m: h0 * state.rear.x_m + h1 * ax + h2 * end.x_m + h3 * bx,
                    y_m: h0 * state.rear.y_m + h1 * ay + h2 * end.y_m + h3 * by,
                }
            })
            .collect();
        points.extend((0..40).map(|i| ahead(end, heading_rad, f64::from(i) * STEP_M)));
        let Some(path) = Path::exact(&points).map(Arc::new) else { continue };
        out.push(Base { path, s_m: 0.0, d_m: 0.0, turn_rad: 0.0, n_changes: 1, is_to_goal: true });
    }
    out
}

fn changes(road: &Road, way: &[LaneIdx]) -> usize {
    way.windows(2).filter(|w| road.beside(w[0]).any(|b| b == w[1])).count()
}

fn goal_lanes(road: &Road, goals: &Goals) -> Vec<LaneIdx> {
    let mut out = Vec::new();
    for goal in &goals.any_of {
        out.extend(&goal.lanes);
        if goal.lanes.is_empty() {
            let points: Vec<Point2> =
                goal.middle().into_iter().chain(goal.rings.iter().flatten().copied()).collect();
            for p in points {
                out.extend(road.lanes_at(p).into_iter().filter(|l| {
                    let heading = road.heading_at(*l, p);
                    goal.heading_rad.is_none() || goal.holds_heading(heading, -0.5)
                }));
            }
        }
    }
    let mut seen = Vec::new();
    out.retain(|l| {
        !seen.contains(l) && {
            seen.push(*l);
            true
        }
    });
    out.truncate(12);
    out
}

/// Ways to bend onto or beside the base paths, the likeliest first.
pub(crate) fn shifts(bases: &[Base], goals: &Goals, state: &State) -> Vec<Shift> {
    let v = state.speed_mps.max(0.0);
    let mut out = Vec::new();
    for (idx, base) in bases.iter().enumerate() {
        let mut offsets = vec![(0.0, 0.0)];
        for goal in &goals.any_of {
            for p in goal.middle().into_iter().filter(|_| goal.lanes.is_empty()) {
                let (_, d) = base.path.project(p);
                if d.abs() < 3.0 {
                    let rank = if d.abs() > 0.7 { -0.2 } else { 0.3 };
                    offsets.extend([(d, rank), (d * 0.5, 1.0)]);
                }
            }
        }
        offsets.extend([(0.4, 1.5), (-0.4, 1.5), (0.8, 2.2), (-0.8, 2.2)]);
        // Around what stands in the lane.
        offsets.extend([(1.6, 4.0), (-1.6, 4.0), (3.2, 5.0), (-3.2, 5.0)]);
        if base.d_m.abs() < 1.8 {
            offsets.push((base.d_m, 0.6));
        }
        for (to_m, rank) in offsets {
            let by_m = (to_m - base.d_m).abs();
            // Lateral acceleration of about 3 m/s2 and a steering rate within reach.
            let least_m =
                (v * (1.9 * by_m).sqrt()).max((500.0 * by_m * v.max(2.0)).cbrt()).max(6.0);
            let is_change = by_m > 2.0;
            let lengths: &[f64] = if is_change { &[1.1, 0.8, 1.7, 0.5] } else { &[1.5, 1.0, 0.55] };
            let waits: &[f64] = if is_change { &[0.0, 1.2, 2.6, 4.5] } else { &[0.0] };
            for (i, stretch) in lengths.iter().enumerate() {
                for (j, wait) in waits.iter().enumerate() {
                    let spread = if is_change { i + j } else { i };
                    out.push(Shift {
                        base: idx,
                        to_m,
                        after_m: wait * v,
                        over_m: least_m * stretch + 4.0 * base.turn_rad.abs() * v.min(10.0),
                        rank: rank
                            + 0.8 * spread as f64
                            + 0.7 * base.n_changes as f64
                            + 0.25 * idx as f64
                            + if base.is_to_goal { 0.0 } else { 50.0 },
                    });
                }
            }
        }
    }
    out.sort_by(|a, b| a.rank.total_cmp(&b.rank));
    out
}

/// The path of a shift: it begins at the vehicle, with its heading and steering, and is drawn on
/// for `reach_m`.
pub(crate) fn bend(
    vehicle: &Vehicle,
    base: &Base,
    shift: &Shift,
    state: &State,
    reach_m: f64,
) -> Option<Path> {
    let start = base.path.at(base.s_m);
    let stretch = (1.0 - start.curvature_1pm * base.d_m).clamp(0.2, 5.0);
    let slope = base.turn_rad.clamp(-1.2, 1.2).tan() * stretch;
    let own = state.steering_rad.tan() / vehicle.wheelbase_m();
    let bend = (own - start.curvature_1pm) * (1.0 + slope * slope).powf(1.5);
    let hold = if shift.after_m > 0.0 { Some(base.d_m) } else { None };
    // First from the state to a line beside the base, then over to the offset wanted.
    let first_m = if hold.is_some() { shift.after_m.max(6.0) } else { shift.over_m };
    let first = Quintic::new([base.d_m, slope, bend], hold.unwrap_or(shift.to_m), first_m);
    let second = hold.map(|d| Quintic::new([d, 0.0, 0.0], shift.to_m, shift.over_m));
    let n = (reach_m.min(base.path.length_m() - base.s_m + 1.0) / STEP_M).max(0.0) as usize;
    let points: Vec<Point2> = (0..n)
        .map(|i| {
            let way = i as f64 * STEP_M;
            let d = match &second {
                Some(q) if way > first_m => q.at(way - first_m),
                _ => first.at(way),
            };
            base.path.beside(base.s_m + way, d)
        })
        .collect();
    Path::exact(&points)
}

/// A polynomial of fifth degree that ends level.
struct Quintic {
    c: [f64; 6],
    length: f64,
}

impl Quintic {
    fn new([x, dx, ddx]: [f64; 3], to: f64, length: f64) -> Self {
        let l = length;
        let (a, b, c) = (to - x - dx * l - ddx * l * l / 2.0, -dx * l - ddx * l * l, -ddx * l * l);
        let (l3, l4, l5) = (l.powi(3), l.powi(4), l.powi(5));
        let c3 = (10.0 * a - 4.0 * b + 0.5 * c) / l3;
        let c4 = (-15.0 * a + 7.0 * b - c) / l4;
        let c5 = (6.0 * a - 3.0 * b + 0.5 * c) / l5;
        Self { c: [x, dx, ddx / 2.0, c3, c4, c5], length }
    }

    fn at(&self, x: f64) -> f64 {
        let x = x.clamp(0.0, self.length);
        self.c.iter().rev().fold(0.0, |sum, c| sum * x + c)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quintic_meets_both_ends() {
        let q = Quintic::new([3.0, -0.2, 0.01], 1.0, 20.0);
        assert!((q.at(0.0) - 3.0).abs() < 1e-12 && (q.at(20.0) - 1.0).abs() < 1e-9);
        let slope = |x: f64| (q.at(x + 1e-5) - q.at(x)) / 1e-5;
        assert!((slope(0.0) + 0.2).abs() < 1e-4 && slope(20.0 - 2e-5).abs() < 1e-4);
    }
}
