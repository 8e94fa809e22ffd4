//! Ways to a safe stop: along the plan's own path, aside to the shoulder, or as the wheels stand.

use rv_base::Point2;

use super::{Case, Pose, Reason, Rules, Stops, contact_at};

/// Longest that a stop is rolled out, s.
const HORIZON_S: f64 = 30.0;
/// Distance between marks of a path, m.
const MARK_M: f64 = 0.5;
/// Most marks of a path.
const MARKS_MAX: usize = 600;

/// A line that is driven while braking, with marks where it bends.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Line {
    /// Distance along, centre, heading, curvature.
    marks: Vec<(f64, Point2, f64, f64)>,
}

impl Line {
    /// The line through the centres of some poses, led on as it ends.
    pub(super) fn through(now: &Pose, poses: &[Pose], on_m: f64) -> Self {
        let mut line = Self { marks: vec![(0.0, now.centre, now.heading_rad, 0.0)] };
        for pose in poses {
            let (s, at, heading, _) = line.marks[line.marks.len() - 1];
            let gap_m = (pose.centre.x_m - at.x_m).hypot(pose.centre.y_m - at.y_m);
            if gap_m < 0.05 {
                continue;
            }
            let bend = wrapped(pose.heading_rad - heading) / gap_m;
            let last = line.marks.len() - 1;
            line.marks[last].3 = bend;
            line.marks.push((s + gap_m, pose.centre, pose.heading_rad, bend));
        }
        line.lead_on(on_m);
        line
    }

    /// Straight on from a pose.
    pub(super) fn straight(now: &Pose, on_m: f64) -> Self {
        let mut line = Self { marks: vec![(0.0, now.centre, now.heading_rad, 0.0)] };
        line.lead_on(on_m);
        line
    }

    /// From a pose over to another line beside it, within some metres, and along it.
    pub(super) fn over_to(now: &Pose, aside: &[Point2], within_m: f64) -> Option<Self> {
        let beside = aside.windows(2).enumerate().min_by(|a, b| {
            let key = |w: &[Point2]| distance_m(w[0], now.centre);
            key(a.1).total_cmp(&key(b.1))
        })?;
        let (sin, cos) = now.heading_rad.sin_cos();
        let local = |p: Point2| {
            let (dx, dy) = (p.x_m - now.centre.x_m, p.y_m - now.centre.y_m);
            (dx * cos + dy * sin, dy * cos - dx * sin)
        };
        let target = |u: f64| -> Option<f64> {
            aside[beside.0..].windows(2).take(400).find_map(|w| {
                let ((ua, va), (ub, vb)) = (local(w[0]), local(w[1]));
                (ua <= u && u <= ub && ub > ua).then(|| va + (vb - va) * (u - ua) / (ub - ua))
            })
        };
        let mut line = Self { marks: vec![(0.0, now.centre, now.heading_rad, 0.0)] };
        let n = ((within_m * 1.5 / MARK_M) as usize).min(MARKS_MAX);
        for i in 1..n {
            let u = i as f64 * MARK_M;
            let x = (u / within_m).min(1.0);
            // The quintic that starts and ends without slope and bend.
            let share = x * x * x * (10.0 - 15.0 * x + 6.0 * x * x);
            let Some(v) = target(u) else { break };
            let v = v * share;
            let centre = Point2 {
                x_m: now.centre.x_m + u * cos - v * sin,
                y_m: now.centre.y_m + u * sin + v * cos,
            };
            let (s, at, heading, _) = line.marks[line.marks.len() - 1];
            let towards = (centre.y_m - at.y_m).atan2(centre.x_m - at.x_m);
            let gap_m = distance_m(centre, at);
            let last = line.marks.len() - 1;
            line.marks[last].3 = wrapped(towards - heading) / gap_m.max(0.05);
            line.marks.push((s + gap_m, centre, towards, 0.0));
        }
        (line.marks.len() > n / 2).then_some(line)
    }

    fn lead_on(&mut self, on_m: f64) {
        let (s, at, heading, _) = self.marks[self.marks.len() - 1];
        // Straight on, one mark far away says it all.
        let last = self.marks.len() - 1;
        self.marks[last].3 = 0.0;
        let (sin, cos) = heading.sin_cos();
        let centre = Point2 { x_m: at.x_m + on_m * cos, y_m: at.y_m + on_m * sin };
        self.marks.push((s + on_m, centre, heading, 0.0));
    }

    /// The bend so far along, 1/m.
    fn bend_after(&self, s_m: f64) -> f64 {
        let n = self.marks.partition_point(|m| m.0 <= s_m);
        self.marks[n.saturating_sub(1)].3
    }

    /// The pose so far along; the last beyond its end.
    pub(super) fn at(&self, s_m: f64, at_s: f64, speed_mps: f64) -> Pose {
        let n = self.marks.partition_point(|m| m.0 <= s_m);
        let (a, b) = (&self.marks[n.saturating_sub(1)], self.marks.get(n));
        let (centre, heading_rad) = match b {
            Some(b) => {
                let x = (s_m - a.0) / (b.0 - a.0);
                let mix = |p: f64, q: f64| p + (q - p) * x;
                let centre = Point2 { x_m: mix(a.1.x_m, b.1.x_m), y_m: mix(a.1.y_m, b.1.y_m) };
                (centre, a.2 + wrapped(b.2 - a.2) * x)
            }
            None => (a.1, a.2),
        };
        Pose { at_s, centre, heading_rad, speed_mps }
    }

    /// Distance along of the mark nearest to a point, and how far left of it the point lies.
    pub(super) fn project(&self, p: Point2) -> (f64, f64, f64) {
        let nearest = self.marks.iter().min_by(|a, b| {
            let key = |m: &(f64, Point2, f64, f64)| distance_m(m.1, p);
            key(a).total_cmp(&key(b))
        });
        let Some((s, at, heading, _)) = nearest else { return (0.0, 0.0, 0.0) };
        let (dx, dy) = (p.x_m - at.x_m, p.y_m - at.y_m);
        let (sin, cos) = heading.sin_cos();
        (s + dx * cos + dy * sin, dy * cos - dx * sin, *heading)
    }

    /// The part of the line from the place beside a pose on. A mark that it is about to pass counts as
    /// passed, so that the bend from here on is that of what is left.
    pub(super) fn rest_from(&self, now: &Pose) -> Self {
        let (s, ..) = self.project(now.centre);
        let n = self.marks.partition_point(|m| m.0 <= s + 0.05);
        let here = (0.0, now.centre, now.heading_rad, self.marks[n.saturating_sub(1)].3);
        let rest = self.marks[n..].iter().map(|m| (m.0 - s, m.1, m.2, m.3));
        Self { marks: std::iter::once(here).chain(rest).collect() }
    }

    /// The bend beside a pose, 1/m.
    pub(super) fn bend_at(&self, pose: &Pose) -> f64 {
        let (s, ..) = self.project(pose.centre);
        let n = self.marks.partition_point(|m| m.0 <= s);
        self.marks[n.saturating_sub(1)].3
    }

    /// The curvature to steer for so that the vehicle comes back to the line, 1/m.
    pub(super) fn steer(&self, now: &Pose) -> f64 {
        let (s, left_m, _) = self.project(now.centre);
        let reach_m = (0.5 * now.speed_mps).max(2.5);
        let here = self.at(s, 0.0, 0.0);
        let n = self.marks.partition_point(|m| m.0 <= s + 0.1 * now.speed_mps);
        let bend = self.marks[n.saturating_sub(1)].3;
        let turn = wrapped(now.heading_rad - here.heading_rad);
        bend - left_m / (reach_m * reach_m) - 1.8 * turn.sin() / reach_m
    }
}

/// How hard a stop is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Grade {
    /// Braking, m/s2, more than zero.
    pub(super) braking_mps2: f64,
    /// How fast it builds up and fades, m/s3.
    pub(super) jerk_mps3: f64,
    /// For how long it drives on first, out of others' way, s.
    pub(super) waits_s: f64,
    /// Air that it leaves all around, m: what keeps harder ones at hand.
    pub(super) air_m: f64,
}

/// Grades of a stop that builds up; then stops of the firm grade that wait for longer and longer, s,
/// for where to brake at once would only end in somebody's way.
const GRADES: u32 = 6;
const FIRM: u32 = 3;
const WAITS: u32 = 3;
const WAIT_S: f64 = 0.6;

/// Air that the gentlest stop leaves, m; the hardest leaves none.
const AIR_M: f64 = 0.25;

impl Grade {
    /// From the gentlest to the hardest.
    pub(super) fn all(rules: &Rules) -> impl Iterator<Item = Self> + use<> {
        let r = *rules;
        let n = match r.stops {
            Stops::Abrupt => 3,
            Stops::Graded { .. } => GRADES + WAITS,
        };
        (0..n).map(move |k| match r.stops {
            Stops::Abrupt => Self {
                braking_mps2: [r.braking_gentle_mps2, r.braking_min_mps2, r.braking_max_mps2]
                    [k as usize],
                jerk_mps3: f64::INFINITY,
                waits_s: 0.0,
                air_m: 0.0,
            },
            Stops::Graded { gentle_mps3, hardest_mps3 } => {
                let grade = if k < GRADES { k } else { FIRM };
                let x = f64::from(grade) / f64::from(GRADES - 1);
                let more_mps2 = (r.braking_max_mps2 - r.braking_gentle_mps2) * x;
                Self {
                    braking_mps2: r.braking_gentle_mps2 + more_mps2,
                    jerk_mps3: gentle_mps3 * (hardest_mps3 / gentle_mps3).powf(x),
                    waits_s: f64::from((k + 1).saturating_sub(GRADES)) * WAIT_S,
                    air_m: AIR_M * (1.0 - x),
                }
            }
        })
    }

    pub(super) fn gentlest(rules: &Rules) -> Self {
        let jerk_mps3 = match rules.stops {
            Stops::Abrupt => f64::INFINITY,
            Stops::Graded { gentle_mps3, .. } => gentle_mps3,
        };
        Self { braking_mps2: rules.braking_gentle_mps2, jerk_mps3, waits_s: 0.0, air_m: 0.0 }
    }

    pub(super) fn hardest(rules: &Rules) -> Self {
        let jerk_mps3 = match rules.stops {
            Stops::Abrupt => f64::INFINITY,
            Stops::Graded { hardest_mps3, .. } => hardest_mps3,
        };
        Self { braking_mps2: rules.braking_max_mps2, jerk_mps3, waits_s: 0.0, air_m: 0.0 }
    }

    /// Acceleration in the next step at a speed, after one in which it was `a_mps2`. What brakes
    /// harder already is let go no faster than it would build up.
    pub(super) fn next_mps2(&self, v_mps: f64, a_mps2: f64, dt_s: f64) -> f64 {
        let j = self.jerk_mps3;
        if !j.is_finite() {
            return -self.braking_mps2;
        }
        let brakes_mps2 = match self.waits_s > 0.0 {
            true => 0.0,
            false => self.braking_mps2.min(self.fading_mps2(v_mps, dt_s)),
        };
        let wish = -brakes_mps2;
        wish.clamp(a_mps2 - j * dt_s, (a_mps2 + j * dt_s).max(-self.braking_mps2))
    }

    /// Strongest braking at a speed that can fade to a stand by its jerk, m/s2: after `n` steps of
    /// which each takes one part less than the one before, `n (n + 1) / 2` parts of speed are gone.
    fn fading_mps2(&self, v_mps: f64, dt_s: f64) -> f64 {
        let part_mps = self.jerk_mps3 * dt_s * dt_s;
        let n = (0.25 + 2.0 * v_mps.max(0.0) / part_mps).sqrt() - 0.5;
        n * self.jerk_mps3 * dt_s
    }
}

/// A stop that was found to touch nothing.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Stop {
    pub(super) line: Line,
    pub(super) grade: Grade,
    /// States of the stop, from now until it stands.
    pub(super) poses: Vec<Pose>,
}

/// Rolls a stop out along a line: on for some time and until brakes answer, with the acceleration
/// that it has then, m/s2; then braking that builds up. Its states, or why it is none: it touches
/// something, or leaves the road.
pub(super) fn roll_out(
    rules: &Rules,
    case: &Case<'_>,
    line: &Line,
    (before_s, before_mps2): (f64, f64),
    grade: Grade,
) -> Result<Vec<Pose>, Reason> {
    let mut poses = Vec::new();
    let (mut s_m, mut v, mut at_s) = (0.0, case.now.speed_mps.max(0.0), 0.0);
    let mut a = if grade.jerk_mps3.is_finite() { before_mps2 } else { 0.0 };
    loop {
        let pose = line.at(s_m, at_s, v);
        // What counts is the speed at which a bend is reached, not that of now.
        if line.bend_after(s_m).abs() * v * v > rules.grip_mps2 {
            return Err(Reason::Infeasible);
        }
        if let Some(reason) = contact_at(case, &pose, grade.air_m) {
            return Err(reason);
        }
        poses.push(pose);
        // The one in front may brake as hard as it can: behind where it then stands is room enough.
        if let Some(lead) = case.lead
            && v <= 0.0
        {
            let lead_mps = lead.speed_mps.max(0.0);
            let room_m = lead.gap_m + lead_mps * lead_mps / (2.0 * rules.braking_max_mps2);
            if s_m + 2.0 * grade.air_m > room_m {
                return Err(Reason::TooNear);
            }
        }
        // One that stands and is to stay stands.
        if v <= 0.0 && (at_s > 0.0 || a <= 0.0) {
            return Ok(poses);
        }
        if at_s > HORIZON_S {
            return Err(Reason::NoStop);
        }
        let dt_s = rules.step_s;
        let begins_s = before_s + rules.brake_lag_s;
        if at_s + 1e-9 >= begins_s + grade.waits_s {
            a = Grade { waits_s: 0.0, ..grade }.next_mps2(v, a, dt_s);
        } else if at_s + 1e-9 >= begins_s {
            a = grade.next_mps2(v, a, dt_s);
        }
        let after = (v + a * dt_s).max(0.0);
        s_m += (v + after) / 2.0 * dt_s;
        v = after;
        at_s += dt_s;
    }
}

pub(super) fn wrapped(angle_rad: f64) -> f64 {
    let pi = std::f64::consts::PI;
    if (-pi..pi).contains(&angle_rad) {
        return angle_rad;
    }
    (angle_rad + pi).rem_euclid(2.0 * pi) - pi
}

fn distance_m(a: Point2, b: Point2) -> f64 {
    (a.x_m - b.x_m).hypot(a.y_m - b.y_m)
}
