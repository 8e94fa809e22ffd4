//! Lane-level map: strips of road with a left and a right border, and how they hang together.
//!
//! Positions are metres in a local frame, x east, y north (or whatever frame the source used).
//! The model is that of lanelets (Bender, Ziegler and Stiller 2014, "Lanelets: efficient map
//! representation for autonomous driving").

mod conflicts;
mod frame;
mod roads;
mod tiles;

use std::collections::BTreeMap;

use rv_base::{Meters, MetersPerSecond, Point2, Seconds};
use serde::{Deserialize, Serialize};

pub use frame::GeoFrame;
pub use roads::RoadLinks;
pub use tiles::{LaneTile, LaneTileError, LaneWindow, TileChange, TileId};

/// Index of a lane in its [`LaneMap`].
pub type LaneIdx = usize;

/// Lanes of an area.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct LaneMap {
    /// The lanes; links between them are indices into this list.
    pub lanes: Vec<Lane>,
}

/// A strip of road driven in one direction, from the first to the last point of its borders.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Lane {
    /// Id in the source.
    pub source_id: i64,
    /// Left border in driving direction; at least two points.
    pub left: Vec<Point2>,
    /// Right border in driving direction; at least two points.
    pub right: Vec<Point2>,
    /// Lanes that go on where this one ends.
    pub successors: Vec<LaneIdx>,
    /// Lanes that end where this one begins.
    pub predecessors: Vec<LaneIdx>,
    /// The lane to the left.
    pub left_neighbour: Option<Neighbour>,
    /// The lane to the right.
    pub right_neighbour: Option<Neighbour>,
    /// Fastest that may be driven, where known.
    pub speed_limit: Option<MetersPerSecond>,
    /// Who may use it.
    pub use_by: LaneUse,
    /// Line at which a red light or a stop sign holds traffic.
    pub stop_line: Option<(Point2, Point2)>,
    /// Signals that control its end.
    pub signals: Vec<Signal>,
    /// The sign that rules at its end.
    pub sign: Option<Sign>,
    /// Lanes whose traffic goes first where both meet.
    pub yields_to: Vec<LaneIdx>,
    /// Lanes with which it shares ground, in order of their index; neighbours, and lanes before
    /// and behind, do not count.
    pub conflicts: Vec<Conflict>,
    /// True if it may be driven against its direction, too.
    pub is_two_way: bool,
}

/// A sign that rules who goes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Sign {
    /// Stop, then give way.
    Stop,
    /// Give way.
    Yield,
    /// The others give way.
    Priority,
}

/// Ground shared with another lane.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Conflict {
    /// The other lane.
    pub lane: LaneIdx,
    /// How they meet.
    pub kind: ConflictKind,
}

/// How two lanes share ground.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum ConflictKind {
    /// One crosses the other.
    Cross,
    /// Both lead into one lane.
    Merge,
    /// Both come out of one lane.
    Diverge,
}

/// A lane beside another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Neighbour {
    /// Which.
    pub lane: LaneIdx,
    /// Its driving direction, seen from the other.
    pub direction: Direction,
    /// True if its border may be crossed.
    pub is_open: bool,
}

/// Driving direction relative to another lane.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Direction {
    /// The same.
    Same,
    /// Against it.
    Opposite,
}

/// Who may use a lane.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum LaneUse {
    /// Motor traffic.
    #[default]
    Motor,
    /// Bicycles.
    Bicycle,
    /// People on foot.
    Foot,
    /// Buses.
    Bus,
    /// People on foot who cross a road: its conflicts are the lanes that they cross.
    Crossing,
    /// Rails.
    Rail,
}

/// What a signal shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Aspect {
    /// Stop.
    Red,
    /// Stop if possible.
    Yellow,
    /// About to turn green.
    RedYellow,
    /// Go.
    Green,
    /// Out of order or blinking: give way.
    Off,
}

/// A traffic signal with a fixed cycle.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Signal {
    /// Id in the source.
    pub source_id: i64,
    /// Aspects and how long each lasts, repeated for ever; none if the cycle is not known.
    pub cycle: Vec<(Aspect, Seconds)>,
    /// When the cycle began.
    pub offset: Seconds,
}

impl Signal {
    /// What it shows at a time; [`Aspect::Off`] if its cycle is not known.
    pub fn aspect_at(&self, at: Seconds) -> Aspect {
        let whole: f64 = self.cycle.iter().map(|c| c.1.0).sum();
        if !(whole > 0.0 && whole.is_finite()) {
            return Aspect::Off;
        }
        let mut left_s = (at.0 - self.offset.0).rem_euclid(whole);
        for (aspect, length) in &self.cycle {
            if left_s < length.0 {
                return *aspect;
            }
            left_s -= length.0;
        }
        self.cycle[self.cycle.len() - 1].0
    }
}

impl Lane {
    /// Middle between the borders, sampled at `n` parts of their lengths; `n` at least 2.
    pub fn centre(&self, n: usize) -> Vec<Point2> {
        let (left, right) = (resample(&self.left, n), resample(&self.right, n));
        left.iter()
            .zip(&right)
            .map(|(l, r)| Point2 { x_m: (l.x_m + r.x_m) / 2.0, y_m: (l.y_m + r.y_m) / 2.0 })
            .collect()
    }

    /// Mean length of the borders.
    pub fn length(&self) -> Meters {
        Meters((length_m(&self.left) + length_m(&self.right)) / 2.0)
    }

    /// The strip as a closed ring: left border forth, right border back.
    pub fn ring(&self) -> Vec<Point2> {
        self.left.iter().chain(self.right.iter().rev()).copied().collect()
    }

    /// True if the point lies on the lane (even-odd rule).
    pub fn contains(&self, point: Point2) -> bool {
        contains(&self.ring(), point)
    }
}

impl LaneMap {
    /// Lanes by their id in the source; the last one where an id stands twice.
    pub fn by_source_id(&self) -> BTreeMap<i64, LaneIdx> {
        self.lanes.iter().enumerate().map(|(idx, lane)| (lane.source_id, idx)).collect()
    }
}

/// True if a point lies in a ring (even-odd rule).
pub fn contains(ring: &[Point2], point: Point2) -> bool {
    let mut inside = false;
    let Some(mut before) = ring.last().copied() else { return false };
    for p in ring {
        if (p.y_m > point.y_m) != (before.y_m > point.y_m) {
            let x_m =
                before.x_m + (point.y_m - before.y_m) / (p.y_m - before.y_m) * (p.x_m - before.x_m);
            inside ^= point.x_m < x_m;
        }
        before = *p;
    }
    inside
}

fn length_m(line: &[Point2]) -> f64 {
    line.windows(2).map(|w| w[0].distance_to(w[1]).0).sum()
}

/// `n` points at even parts of the length of a line.
fn resample(line: &[Point2], n: usize) -> Vec<Point2> {
    let whole_m = length_m(line);
    let Some(first) = line.first().copied() else { return Vec::new() };
    let mut out = Vec::with_capacity(n);
    let (mut idx, mut start_m) = (0, 0.0);
    for i in 0..n.max(2) {
        let at_m = whole_m * i as f64 / (n.max(2) - 1) as f64;
        while idx + 2 < line.len() {
            let step_m = line[idx].distance_to(line[idx + 1]).0;
            if start_m + step_m >= at_m {
                break;
            }
            start_m += step_m;
            idx += 1;
        }
        let Some(next) = line.get(idx + 1) else {
            out.push(first);
            continue;
        };
        let step_m = line[idx].distance_to(*next).0;
        let share = if step_m > 0.0 { ((at_m - start_m) / step_m).clamp(0.0, 1.0) } else { 0.0 };
        out.push(Point2 {
            x_m: line[idx].x_m + share * (next.x_m - line[idx].x_m),
            y_m: line[idx].y_m + share * (next.y_m - line[idx].y_m),
        });
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn p(x_m: f64, y_m: f64) -> Point2 {
        Point2 { x_m, y_m }
    }

    #[test]
    fn the_centre_lies_between_borders_of_unlike_sampling() {
        let lane = Lane {
            left: vec![p(0.0, 2.0), p(10.0, 2.0)],
            right: vec![p(0.0, 0.0), p(1.0, 0.0), p(2.0, 0.0), p(10.0, 0.0)],
            ..Lane::default()
        };
        let centre = lane.centre(5);
        assert_eq!(centre, [0.0, 2.5, 5.0, 7.5, 10.0].map(|x| p(x, 1.0)));
        assert_eq!(lane.length(), Meters(10.0));
        assert!(lane.contains(p(3.0, 0.5)) && !lane.contains(p(3.0, 2.5)));
    }

    #[test]
    fn a_signal_repeats_its_cycle() {
        let cycle = vec![(Aspect::Red, Seconds(10.0)), (Aspect::Green, Seconds(5.0))];
        let signal = Signal { source_id: 1, cycle, offset: Seconds(2.0) };
        assert_eq!(signal.aspect_at(Seconds(2.0)), Aspect::Red);
        assert_eq!(signal.aspect_at(Seconds(12.5)), Aspect::Green);
        assert_eq!(signal.aspect_at(Seconds(1.0)), Aspect::Green);
        assert_eq!(signal.aspect_at(Seconds(17.0)), Aspect::Red);
        let unknown = Signal { source_id: 1, cycle: vec![], offset: Seconds(0.0) };
        assert_eq!(unknown.aspect_at(Seconds(3.0)), Aspect::Off);
    }
}
