//! Which lanes share ground.

use rstar::{AABB, RTree, RTreeObject};
use rv_base::Point2;

use super::{Conflict, ConflictKind, Lane, LaneIdx, LaneMap, Sign, contains, resample};

/// Lanes are sampled at steps of about this length,
const STEP_M: f64 = 2.0;
/// in at most so many points.
const SAMPLES_MAX: usize = 64;
/// A strip is narrowed by this share of its width on either side, so that lanes side by side do
/// not meet.
const MARGIN: f64 = 0.15;

/// A lane, narrowed.
struct Strip {
    lane: LaneIdx,
    left: Vec<Point2>,
    right: Vec<Point2>,
    ring: Vec<Point2>,
    low: [f64; 2],
    high: [f64; 2],
}

impl RTreeObject for Strip {
    type Envelope = AABB<[f64; 2]>;
    fn envelope(&self) -> Self::Envelope {
        AABB::from_corners(self.low, self.high)
    }
}

impl LaneMap {
    /// Finds which lanes share ground: sets every lane's conflicts.
    ///
    /// Neighbours, and a lane with those before and behind it, do not count. About a microsecond a
    /// metre of lane.
    pub fn find_conflicts(&mut self) {
        let strips = self.lanes.iter().enumerate().filter_map(|(idx, lane)| Strip::of(idx, lane));
        let tree = RTree::bulk_load(strips.collect());
        let mut pairs = Vec::new();
        for a in &tree {
            for b in tree.locate_in_envelope_intersecting(&a.envelope()) {
                if a.lane < b.lane && self.may_conflict(a.lane, b.lane) && a.meets(b) {
                    pairs.push((a.lane, b.lane));
                }
            }
        }
        pairs.sort_unstable();
        for lane in &mut self.lanes {
            lane.conflicts.clear();
        }
        for (a, b) in pairs {
            let kind = self.kind(a, b);
            self.lanes[a].conflicts.push(Conflict { lane: b, kind });
            self.lanes[b].conflicts.push(Conflict { lane: a, kind });
        }
        for lane in &mut self.lanes {
            lane.conflicts.sort_unstable();
        }
    }

    /// Lanes behind a sign that says to give way yield to those that they meet there and that have
    /// no such sign before them. Needs the conflicts.
    pub fn yield_by_signs(&mut self) {
        let gives_way = |lane: &Lane| matches!(lane.sign, Some(Sign::Stop | Sign::Yield));
        let mut found = Vec::new();
        for lane in self.lanes.iter().filter(|lane| gives_way(lane)) {
            for &next in &lane.successors {
                for conflict in &self.lanes[next].conflicts {
                    let other = &self.lanes[conflict.lane];
                    let is_foot = matches!(other.use_by, super::LaneUse::Foot);
                    let yields_too = other.predecessors.iter().any(|p| gives_way(&self.lanes[*p]));
                    if conflict.kind != ConflictKind::Diverge && !is_foot && !yields_too {
                        found.push((next, conflict.lane));
                    }
                }
            }
        }
        for (lane, other) in found {
            self.lanes[lane].yields_to.push(other);
        }
        for lane in &mut self.lanes {
            lane.yields_to.sort_unstable();
            lane.yields_to.dedup();
        }
    }

    fn may_conflict(&self, a: LaneIdx, b: LaneIdx) -> bool {
        let (first, second) = (&self.lanes[a], &self.lanes[b]);
        let is_beside = [first.left_neighbour, first.right_neighbour]
            .iter()
            .flatten()
            .chain([second.left_neighbour, second.right_neighbour].iter().flatten())
            .any(|n| n.lane == a || n.lane == b);
        !is_beside && !first.successors.contains(&b) && !second.successors.contains(&a)
    }

    fn kind(&self, a: LaneIdx, b: LaneIdx) -> ConflictKind {
        let share = |a: &[LaneIdx], b: &[LaneIdx]| a.iter().any(|lane| b.contains(lane));
        let (first, second) = (&self.lanes[a], &self.lanes[b]);
        if share(&first.successors, &second.successors) {
            ConflictKind::Merge
        } else if share(&first.predecessors, &second.predecessors) {
            ConflictKind::Diverge
        } else {
            ConflictKind::Cross
        }
    }
}

impl Strip {
    fn of(idx: LaneIdx, lane: &Lane) -> Option<Self> {
        let length_m = lane.length().0;
        if !(length_m > 0.0 && length_m.is_finite()) {
            return None;
        }
        let n = (length_m / STEP_M) as usize;
        let n = n.min(SAMPLES_MAX) + 2;
        let (outer_left, outer_right) = (resample(&lane.left, n), resample(&lane.right, n));
        let between = |l: &Point2, r: &Point2, share: f64| Point2 {
            x_m: l.x_m + share * (r.x_m - l.x_m),
            y_m: l.y_m + share * (r.y_m - l.y_m),
        };
        let line = |share: f64| -> Vec<Point2> {
            outer_left.iter().zip(&outer_right).map(|(l, r)| between(l, r, share)).collect()
        };
        let (left, right) = (line(MARGIN), line(1.0 - MARGIN));
        let ring: Vec<Point2> = left.iter().chain(right.iter().rev()).copied().collect();
        let (mut low, mut high) = ([f64::INFINITY; 2], [f64::NEG_INFINITY; 2]);
        for p in &ring {
            for (axis, value) in [p.x_m, p.y_m].into_iter().enumerate() {
                low[axis] = low[axis].min(value);
                high[axis] = high[axis].max(value);
            }
        }
        let is_sound = low.iter().chain(&high).all(|value| value.is_finite());
        is_sound.then_some(Self { lane: idx, left, right, ring, low, high })
    }

    /// True if the strips share ground: a border of one crosses one of the other, or one lies in
    /// the other.
    fn meets(&self, other: &Self) -> bool {
        let crosses = |a: &[Point2], b: &[Point2]| {
            a.windows(2).any(|a| b.windows(2).any(|b| segments_cross(a[0], a[1], b[0], b[1])))
        };
        let rings = [&self.left, &self.right].into_iter();
        rings.clone().any(|a| crosses(a, &other.left) || crosses(a, &other.right))
            || contains(&other.ring, self.left[0])
            || contains(&self.ring, other.left[0])
    }
}

/// True if two segments cross, each ending on both sides of the other.
fn segments_cross(a: Point2, b: Point2, c: Point2, d: Point2) -> bool {
    let side = |from: Point2, to: Point2, p: Point2| {
        (to.x_m - from.x_m) * (p.y_m - from.y_m) - (to.y_m - from.y_m) * (p.x_m - from.x_m)
    };
    side(a, b, c) * side(a, b, d) < 0.0 && side(c, d, a) * side(c, d, b) < 0.0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lanes::LaneUse;

    fn strip(from: (f64, f64), to: (f64, f64), width_m: f64) -> Lane {
        let (dx, dy) = (to.0 - from.0, to.1 - from.1);
        let length_m = dx.hypot(dy);
        let (nx, ny) = (-dy / length_m * width_m / 2.0, dx / length_m * width_m / 2.0);
        let p = |x_m, y_m| Point2 { x_m, y_m };
        Lane {
            left: vec![p(from.0 + nx, from.1 + ny), p(to.0 + nx, to.1 + ny)],
            right: vec![p(from.0 - nx, from.1 - ny), p(to.0 - nx, to.1 - ny)],
            ..Lane::default()
        }
    }

    #[test]
    fn lanes_that_cross_merge_and_diverge_are_told_apart_from_those_side_by_side() {
        let mut map = LaneMap {
            lanes: vec![
                strip((-20.0, 0.0), (20.0, 0.0), 3.5),
                strip((0.0, -20.0), (0.0, 20.0), 3.5),
                strip((-20.0, 3.5), (20.0, 3.5), 3.5),
                strip((20.0, 0.0), (60.0, 0.0), 3.5),
                strip((-10.0, -10.0), (20.0, 0.0), 3.5),
            ],
        };
        map.lanes[0].successors = vec![3];
        map.lanes[4].successors = vec![3];
        map.lanes[3].predecessors = vec![0, 4];
        map.lanes[1].use_by = LaneUse::Crossing;
        map.find_conflicts();
        let of = |idx: usize| -> Vec<(usize, ConflictKind)> {
            map.lanes[idx].conflicts.iter().map(|c| (c.lane, c.kind)).collect()
        };
        assert_eq!(of(0), [(1, ConflictKind::Cross), (4, ConflictKind::Merge)]);
        assert_eq!(of(2), [(1, ConflictKind::Cross)]);
        assert_eq!(of(3), []);
        assert_eq!(of(1).len(), 3);
    }

    #[test]
    fn who_comes_from_a_yield_sign_lets_the_others_go_first() {
        let mut map = LaneMap {
            lanes: vec![
                strip((-20.0, 0.0), (20.0, 0.0), 3.5),
                strip((0.0, -20.0), (0.0, 20.0), 3.5),
                strip((0.0, -40.0), (0.0, -20.0), 3.5),
            ],
        };
        map.lanes[2].successors = vec![1];
        map.lanes[1].predecessors = vec![2];
        map.lanes[2].sign = Some(Sign::Yield);
        map.find_conflicts();
        map.yield_by_signs();
        assert_eq!(map.lanes[1].yields_to, [0]);
        assert!(map.lanes[0].yields_to.is_empty());
    }

    #[test]
    fn lanes_without_length_or_with_odd_numbers_meet_none() {
        let mut odd = strip((-20.0, 0.0), (20.0, 0.0), 3.5);
        odd.left[0].x_m = f64::NAN;
        let mut map =
            LaneMap { lanes: vec![odd, Lane::default(), strip((0.0, -9.0), (0.0, 9.0), 3.0)] };
        map.find_conflicts();
        assert!(map.lanes.iter().all(|lane| lane.conflicts.is_empty()));
    }
}
