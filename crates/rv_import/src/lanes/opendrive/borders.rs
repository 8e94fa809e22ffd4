//! The borders of an OpenDRIVE road's lanes as polylines.

use std::collections::BTreeMap;

use rv_base::{MetersPerSecond, Point2};
use rv_map::lanes::{Lane, LaneMap, LaneUse};

use super::super::{LaneImportError, LaneWarning, LaneWarningKind, is_on_map};
use super::Place;
use super::reference_line::{Cubic, Pose};
use super::road::{LaneInfo, Road, Section};

/// A border strays no farther than this from its polyline.
const CHORD_ERROR_M: f64 = 0.003;
/// Points of a border are no farther apart.
const STEP_MAX_M: f64 = 2.0;
/// A step is halved so often at most.
const HALVINGS_MAX: u32 = 6;
/// Most points of all borders.
const POINTS_MAX: usize = 20_000_000;
/// Borders that jump by more than this where one polynomial follows another are drawn so.
const JUMP_M: f64 = 1e-3;

/// A place along the road, and the middle of the stretch whose polynomials hold there.
#[derive(Clone, Copy)]
struct Sample {
    at_m: f64,
    within_m: f64,
}

impl Road {
    /// Makes the lanes of every section.
    pub(super) fn make_lanes(
        &self,
        map: &mut LaneMap,
        places: &mut BTreeMap<Place, usize>,
        n_points: &mut usize,
        warnings: &mut Vec<LaneWarning>,
    ) -> Result<(), LaneImportError> {
        for (number, section) in self.sections.iter().enumerate() {
            let sides = [section.side(true), section.side(false)];
            let samples = self.samples(number, &sides, *n_points)?;
            if samples.len() < 2 {
                continue;
            }
            *n_points += samples.len() * 2 * section.lanes.len();
            let poses: Vec<Pose> = samples.iter().map(|s| self.pose_within(*s)).collect();
            for side in &sides {
                let across: Vec<Vec<f64>> =
                    samples.iter().map(|s| self.across_m(section, side, *s)).collect();
                for (i, info) in side.iter().enumerate() {
                    let Some(use_by) = info.use_by else { continue };
                    let line = |border: usize| -> Vec<Point2> {
                        poses.iter().zip(&across).map(|(p, by)| p.left(by[border])).collect()
                    };
                    let lane = self.make_lane(section, info, use_by, line(i), line(i + 1));
                    if !lane.left.iter().chain(&lane.right).all(is_on_map) {
                        let what = "a lane that leads off the Earth";
                        let kind = LaneWarningKind::LeftOut;
                        warnings.push(LaneWarning::new(kind, lane.source_id, what));
                        continue;
                    }
                    places.insert((self.id.clone(), number, info.id), map.lanes.len());
                    map.lanes.push(lane);
                }
            }
        }
        Ok(())
    }

    fn make_lane(
        &self,
        section: &Section,
        info: &LaneInfo,
        use_by: LaneUse,
        mut near: Vec<Point2>,
        mut far: Vec<Point2>,
    ) -> Lane {
        // On the left, where traffic keeps right, lanes run against the reference line.
        let is_forward = self.runs_forward(info.id);
        if !is_forward {
            near.reverse();
            far.reverse();
        }
        let is_left = info.id > 0;
        let (left, right) = if is_left == is_forward { (far, near) } else { (near, far) };
        Lane {
            source_id: self.source_id.saturating_mul(1000).saturating_add(info.id),
            left,
            right,
            use_by,
            speed_limit: self.speed_limit(section, info),
            ..Lane::default()
        }
    }

    /// The limit at the section's start; the lowest, if it changes inside the section.
    fn speed_limit(&self, section: &Section, info: &LaneInfo) -> Option<MetersPerSecond> {
        let end_m = self.sections.iter().map(|s| s.from_m).find(|m| *m > section.from_m);
        let end_m = end_m.unwrap_or(self.length_m);
        let first = self.speeds.iter().rposition(|(s, _)| *s <= section.from_m + 1e-9);
        let road = self.speeds.iter().enumerate().filter_map(|(i, (s, speed))| {
            let holds = Some(i) == first || (*s > section.from_m + 1e-9 && *s < end_m - 1e-9);
            if holds { *speed } else { None }
        });
        let lowest = |a: MetersPerSecond, b: MetersPerSecond| if b.0 < a.0 { b } else { a };
        info.speeds.iter().map(|(_, speed)| *speed).reduce(lowest).or(road.reduce(lowest))
    }

    /// The borders of one side, m to the left of the reference line: the middle line first.
    fn across_m(&self, section: &Section, side: &[&LaneInfo], at: Sample) -> Vec<f64> {
        let middle_m =
            Cubic::last_begun(&self.offset, at.within_m).map_or(0.0, |cubic| cubic.at(at.at_m));
        let mut out = vec![middle_m];
        let mut inner_m = middle_m;
        for info in side {
            let within_m = at.within_m - section.from_m;
            inner_m = info.outer_m(
                (middle_m, inner_m),
                Cubic::last_begun(&info.widths, within_m),
                Cubic::last_begun(&info.borders, within_m),
                at.at_m - section.from_m,
            );
            out.push(inner_m);
        }
        out
    }

    fn pose_within(&self, at: Sample) -> Pose {
        let n = self.pieces.partition_point(|piece| piece.from_m <= at.within_m);
        let piece = &self.pieces[n.saturating_sub(1)];
        piece.pose(at.at_m - piece.from_m)
    }

    /// Places at which the borders of a section are sampled: close enough that no border strays
    /// from its polyline, and at both sides of every place where a polynomial follows another.
    fn samples(
        &self,
        number: usize,
        sides: &[Vec<&LaneInfo>; 2],
        n_before: usize,
    ) -> Result<Vec<Sample>, LaneImportError> {
        let section = &self.sections[number];
        let (from_m, to_m) = (section.from_m.max(0.0), self.section_end_m(number));
        let mut out: Vec<Sample> = Vec::new();
        let mut cuts = vec![from_m, to_m];
        cuts.extend(self.pieces.iter().map(|piece| piece.from_m));
        cuts.extend(self.offset.iter().map(|cubic| cubic.from_m));
        for info in &section.lanes {
            let both = info.widths.iter().chain(&info.borders);
            cuts.extend(both.map(|cubic| section.from_m + cubic.from_m));
        }
        cuts.retain(|cut| (from_m..=to_m).contains(cut));
        cuts.sort_by(f64::total_cmp);
        cuts.dedup_by(|b, a| *b - *a < 1e-6);
        let borders = |at: Sample| -> Vec<Point2> {
            let pose = self.pose_within(at);
            let both = sides.iter().flat_map(|side| self.across_m(section, side, at));
            both.map(|by_m| pose.left(by_m)).collect()
        };
        let mut last: Option<Vec<Point2>> = None;
        for pair in cuts.windows(2) {
            let within_m = (pair[0] + pair[1]) / 2.0;
            let sample = |at_m: f64| Sample { at_m, within_m };
            let n = ((pair[1] - pair[0]) / STEP_MAX_M).ceil().max(1.0) as usize;
            let at = |i: usize| pair[0] + (pair[1] - pair[0]) * i as f64 / n as f64;
            let mut before = (pair[0], borders(sample(pair[0])));
            if last.as_ref().is_none_or(|last| farthest_m(last, &before.1) > JUMP_M) {
                out.push(sample(pair[0]));
            }
            for i in 1..=n {
                let next = (at(i), borders(sample(at(i))));
                refine(&before, &next, HALVINGS_MAX, &|m| borders(sample(m)), &mut |m| {
                    out.push(sample(m));
                });
                let n_points = out.len().saturating_mul(2 * section.lanes.len());
                if n_before.saturating_add(n_points) > POINTS_MAX {
                    return Err(LaneImportError::TooLarge { what: "points", limit: POINTS_MAX });
                }
                before = next;
            }
            last = Some(before.1);
        }
        Ok(out)
    }
}

/// Tells the places after `a` up to `b` between which every line is nearly straight.
fn refine(
    a: &(f64, Vec<Point2>),
    b: &(f64, Vec<Point2>),
    n_left: u32,
    lines_at: &dyn Fn(f64) -> Vec<Point2>,
    tell: &mut dyn FnMut(f64),
) {
    let middle_m = (a.0 + b.0) / 2.0;
    let middle = (middle_m, lines_at(middle_m));
    let chords: Vec<Point2> =
        a.1.iter()
            .zip(&b.1)
            .map(|(a, b)| Point2 { x_m: (a.x_m + b.x_m) / 2.0, y_m: (a.y_m + b.y_m) / 2.0 })
            .collect();
    if n_left > 0 && farthest_m(&chords, &middle.1) > CHORD_ERROR_M {
        refine(a, &middle, n_left - 1, lines_at, tell);
        refine(&middle, b, n_left - 1, lines_at, tell);
    } else {
        tell(b.0);
    }
}

fn farthest_m(a: &[Point2], b: &[Point2]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a.distance_to(*b).0).fold(0.0, f64::max)
}
