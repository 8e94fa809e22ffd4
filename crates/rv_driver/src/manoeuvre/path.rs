//! Ways as arcs, and as points with the wheels turned in time.

use super::{Piece, RearPose, Run, RunPoint};
use crate::trajectory::{Gear, Vehicle};
use rv_base::Point2;

/// Distance between points of a run, m.
const POINT_M: f64 = 0.05;

/// The pose after so far along an arc; signed: less than zero is backwards.
pub(super) fn advanced(pose: &RearPose, curvature_1pm: f64, signed_m: f64) -> RearPose {
    let h = pose.heading_rad;
    let turn = curvature_1pm * signed_m;
    let (x, y) = if turn.abs() < 1e-6 {
        let middle = h + turn / 2.0;
        (signed_m * middle.cos(), signed_m * middle.sin())
    } else {
        let r = 1.0 / curvature_1pm;
        (r * ((h + turn).sin() - h.sin()), r * (h.cos() - (h + turn).cos()))
    };
    RearPose {
        rear: Point2 { x_m: pose.rear.x_m + x, y_m: pose.rear.y_m + y },
        heading_rad: h + turn,
    }
}

impl Piece {
    pub(super) fn signed_m(&self) -> f64 {
        self.gear.sign() * self.length_m
    }

    pub(super) fn curvature_1pm(&self, vehicle: &Vehicle) -> f64 {
        self.steering_rad.tan() / vehicle.wheelbase_m()
    }

    pub(super) fn after(&self, vehicle: &Vehicle, pose: &RearPose) -> RearPose {
        advanced(pose, self.curvature_1pm(vehicle), self.signed_m())
    }
}

/// Pieces that are one become one; those of no length fall out.
pub(super) fn merged(pieces: &[Piece]) -> Vec<Piece> {
    let mut out: Vec<Piece> = Vec::new();
    for piece in pieces.iter().filter(|p| p.length_m > 1e-6) {
        match out.last_mut() {
            Some(last)
                if last.gear == piece.gear
                    && (last.steering_rad - piece.steering_rad).abs() < 1e-9 =>
            {
                last.length_m += piece.length_m;
            }
            _ => out.push(*piece),
        }
    }
    out
}

/// How the wheels get from one piece to the next of the same direction.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Joint {
    /// At a stand.
    Stand,
    /// On the move, so many radians each metre.
    Turn(f64),
}

/// Steering along a run: corners of a line over the way, (m, rad).
type Corners = Vec<(f64, f64)>;

/// Runs of pieces: at a change of direction and at a stand a new one begins. `joints[i]` lies
/// between pieces i and i + 1; `None` if there is no room to turn the wheels.
fn corners(pieces: &[Piece], joints: &[Joint]) -> Option<Vec<(Gear, Corners)>> {
    let mut runs: Vec<(Gear, Corners)> = Vec::new();
    // Way of the present piece already taken by turning into it.
    let mut taken_m = 0.0;
    for (i, piece) in pieces.iter().enumerate() {
        if taken_m == 0.0 {
            runs.push((piece.gear, vec![(0.0, piece.steering_rad)]));
        }
        let turning = match joints.get(i) {
            Some(Joint::Turn(rad_per_m)) if pieces[i + 1].gear == piece.gear => {
                let by = (pieces[i + 1].steering_rad - piece.steering_rad).abs();
                Some((by / rad_per_m).max(1e-3))
            }
            _ => None,
        };
        let (_, line) = runs.last_mut()?;
        let (s_m, _) = *line.last()?;
        let rest_m = piece.length_m - taken_m - turning.unwrap_or(0.0) / 2.0;
        if rest_m < 0.0 {
            return None;
        }
        line.push((s_m + rest_m, piece.steering_rad));
        taken_m = 0.0;
        if let Some(way_m) = turning {
            line.push((s_m + rest_m + way_m, pieces[i + 1].steering_rad));
            taken_m = way_m / 2.0;
        }
    }
    Some(runs)
}

/// The points of a way from a pose on, run by run.
pub(super) fn runs(
    vehicle: &Vehicle,
    start: &RearPose,
    pieces: &[Piece],
    joints: &[Joint],
) -> Option<Vec<Run>> {
    let mut pose = *start;
    let mut out = Vec::new();
    for (gear, line) in corners(pieces, joints)? {
        let mut points = vec![RunPoint { s_m: 0.0, pose, steering_rad: line[0].1, speed_mps: 0.0 }];
        for pair in line.windows(2) {
            let ((s0, d0), (s1, d1)) = (pair[0], pair[1]);
            let n = ((s1 - s0) / POINT_M).ceil() as usize;
            for k in 1..=n {
                let share = |k: f64| k / n as f64;
                let (from, to) = (share((k - 1) as f64), share(k as f64));
                let steer = |x: f64| d0 + (d1 - d0) * x;
                pose =
                    stepped(vehicle, &pose, gear, (s1 - s0) / n as f64, (steer(from), steer(to)));
                let s_m = s0 + (s1 - s0) * to;
                points.push(RunPoint { s_m, pose, steering_rad: steer(to), speed_mps: 0.0 });
            }
        }
        out.push(Run { gear, points });
    }
    Some(out)
}

/// A short step while the wheels turn from one angle to another (Simpson's rule twice).
fn stepped(
    vehicle: &Vehicle,
    pose: &RearPose,
    gear: Gear,
    length_m: f64,
    (from, to): (f64, f64),
) -> RearPose {
    let base_m = vehicle.wheelbase_m();
    let way_m = gear.sign() * length_m;
    let bend = |x: f64| (from + (to - from) * x).tan() / base_m;
    // Turned after x of the step.
    let turned = |x: f64| (bend(0.0) + 4.0 * bend(x / 2.0) + bend(x)) / 6.0 * x * way_m;
    let h = pose.heading_rad;
    let (half, whole) = (h + turned(0.5), h + turned(1.0));
    let rear = Point2 {
        x_m: pose.rear.x_m + (h.cos() + 4.0 * half.cos() + whole.cos()) / 6.0 * way_m,
        y_m: pose.rear.y_m + (h.sin() + 4.0 * half.sin() + whole.sin()) / 6.0 * way_m,
    };
    RearPose { rear, heading_rad: whole }
}

/// Where a way of arcs with turning wheels ends; coarser than [`runs`], for finding corrections.
pub(super) fn end(
    vehicle: &Vehicle,
    start: &RearPose,
    pieces: &[Piece],
    joints: &[Joint],
) -> Option<RearPose> {
    let mut pose = *start;
    for (gear, line) in corners(pieces, joints)? {
        for pair in line.windows(2) {
            let ((s0, d0), (s1, d1)) = (pair[0], pair[1]);
            if (d1 - d0).abs() < 1e-12 {
                pose = advanced(&pose, d0.tan() / vehicle.wheelbase_m(), gear.sign() * (s1 - s0));
                continue;
            }
            let n = ((s1 - s0) / 0.1).ceil().max(1.0) as usize;
            for k in 0..n {
                let steer = |k: usize| d0 + (d1 - d0) * k as f64 / n as f64;
                let step_m = (s1 - s0) / n as f64;
                pose = stepped(vehicle, &pose, gear, step_m, (steer(k), steer(k + 1)));
            }
        }
    }
    Some(pose)
}
