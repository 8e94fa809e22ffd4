//! The monitor in the loop: each cycle's plan is judged before it is driven.

use rv_driver::monitor::{
    Case, Decision, Drive, Lead, Monitor, Pose, Reason, Rules, Stage, Stops, Track, Verdict,
    rss_gap_m,
};
use rv_driver::trajectory::{Body, Gear, Input, Road, Seen, State, Vehicle, View, wrapped_rad};

/// Longest stretch of a plan that is judged, s; forecasts forbid no longer, either.
const AHEAD_S: f64 = 3.0;
/// How far ahead a contact in the plan forbids, s: the planner, too, drives on with a plan that
/// would touch someone later than that, and looks for a better one.
const JUDGED_S: f64 = 1.2;
/// Widest angle at which another one counts as going the same way, rad.
const SAME_WAY_RAD: f64 = 0.8;
/// Room to edges and others in which they are handed to the monitor, m.
const AROUND_M: f64 = 8.0;

/// What the monitor's word counts for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Watch {
    /// It is not asked.
    Off,
    /// It is asked and counted, but the plan is driven.
    Counted,
    /// A plan that it refuses is not driven, unless all that is missing is a safe stop after it:
    /// recorded traffic does not react, and often leaves none.
    Obeyed,
    /// A plan that it refuses is not driven.
    Strict,
}

/// What the monitor found in a cycle.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Watched {
    /// Its decision.
    pub decision: Decision,
    /// The one in front is nearer than responsibility-sensitive safety asks for.
    pub is_too_near: bool,
}

/// The monitor of one drive.
pub(super) struct Watcher {
    monitor: Monitor,
    poses: Vec<Pose>,
    spans: Vec<(usize, usize, (f64, f64))>,
    plan: Vec<Pose>,
}

/// What is there in a cycle.
pub(super) struct Sight<'a> {
    pub(super) road: &'a Road,
    pub(super) vehicle: &'a Vehicle,
    pub(super) state: &'a State,
    pub(super) gear: Gear,
    /// The plan's states from now on, and those of the stop after it.
    pub(super) plan: (&'a [State], &'a [State]),
    pub(super) view: View<'a>,
    pub(super) seen: &'a [Seen],
    pub(super) dt_s: f64,
}

/// What an experienced driver's car can do on a dry road, and what is taken for granted of others:
/// the limits of the vehicle models of the scenarios, else those of a van.
pub(super) fn rules(vehicle: &Vehicle, dt_s: f64) -> Rules {
    Rules {
        grip_mps2: vehicle.acceleration_max_mps2,
        braking_max_mps2: vehicle.acceleration_max_mps2 * 0.8,
        speed_max_mps: vehicle.speed_max_mps,
        // Nobody is there to release a journey that was ended.
        patience_s: f64::INFINITY,
        judged_s: JUDGED_S,
        stops: Stops::Abrupt,
        ..Rules::van(dt_s)
    }
}

impl Watcher {
    pub(super) fn new(rules: Rules) -> Self {
        Self {
            monitor: Monitor::new(rules),
            poses: Vec::new(),
            spans: Vec::new(),
            plan: Vec::new(),
        }
    }

    /// Judges what is planned now.
    pub(super) fn cycle(&mut self, sight: &Sight<'_>) -> Watched {
        let n = (AHEAD_S / sight.dt_s).round() as usize;
        self.plan.clear();
        // Up to where it turns back: what comes after begins from a stand.
        let states = sight.plan.0.iter().chain(sight.plan.1.iter().skip(1));
        let states = states.take_while(|s| s.speed_mps * sight.gear.sign() >= 0.0);
        let rows = states.take(n + 1).enumerate();
        self.plan.extend(rows.map(|(k, s)| pose_of(sight, s, k)));
        let half_m = (sight.vehicle.length_m / 2.0, sight.vehicle.width_m / 2.0);
        let now = pose_of(sight, sight.state, 0);
        // What can be touched: from the plan, or from where a stop may lead.
        let v = now.speed_mps.max(0.0);
        let stop_m = v * v / 4.0 + v + 2.0;
        let around = self.plan.last().map_or(now, |p| *p);
        let reach_m = half_m.0 + AROUND_M;
        let (lo, hi) = boxed(&[now.centre, around.centre], reach_m + stop_m.min(60.0) * 0.5);
        self.gather(sight, n, &now, stop_m);
        let tracks: Vec<Track<'_>> = self
            .spans
            .iter()
            .map(|(from, to, half_m)| Track { half_m: *half_m, poses: &self.poses[*from..*to] })
            .collect();
        let edges = sight.road.edges_within(lo, hi);
        let decision = self.monitor.cycle(&Case {
            now,
            half_m,
            plan: &self.plan,
            others: &tracks,
            edges: &edges,
            aside: &[],
            age_s: 0.0,
            // Recorded traffic keeps shorter gaps than the rule asks for and does not open them:
            // the rule is counted, not obeyed.
            lead: None,
            outside: None,
        });
        let is_too_near = lead(sight).is_some_and(|lead| {
            let needed_m = rss_gap_m(self.monitor.rules(), v, lead.speed_mps);
            v > 0.1 && lead.gap_m < needed_m
        });
        Watched { decision, is_too_near }
    }

    /// Tracks of those who can come near.
    fn gather(&mut self, sight: &Sight<'_>, n: usize, now: &Pose, stop_m: f64) {
        self.poses.clear();
        self.spans.clear();
        for future in sight.view.futures {
            let bodies = future.bodies.get(sight.view.now..).unwrap_or(&[]);
            let Some(Some(first)) = bodies.first() else { continue };
            if follows(now, sight.vehicle, first) {
                continue;
            }
            let from = self.poses.len();
            let mut nearest_m = f64::INFINITY;
            let present = bodies.iter().take(n + 1).map_while(|b| *b);
            for (k, body) in present.enumerate() {
                let (x, y) = (body.centre.x_m - now.centre.x_m, body.centre.y_m - now.centre.y_m);
                nearest_m = nearest_m.min(x.hypot(y));
                self.poses.push(Pose {
                    at_s: k as f64 * sight.dt_s,
                    centre: body.centre,
                    heading_rad: body.heading_rad,
                    speed_mps: 0.0,
                });
            }
            if nearest_m > stop_m.max(now.speed_mps * AHEAD_S) + 15.0 {
                self.poses.truncate(from);
                continue;
            }
            fill_speeds(&mut self.poses[from..], sight.dt_s);
            let half_m = (first.half_length_m, first.half_width_m);
            self.spans.push((from, self.poses.len(), half_m));
        }
    }
}

/// True if a body is behind and goes the same way: it is the one that must keep its distance.
fn follows(now: &Pose, vehicle: &Vehicle, body: &Body) -> bool {
    let (sin, cos) = now.heading_rad.sin_cos();
    let (x, y) = (body.centre.x_m - now.centre.x_m, body.centre.y_m - now.centre.y_m);
    let (along_m, beside_m) = (x * cos + y * sin, (y * cos - x * sin).abs());
    along_m < -vehicle.length_m / 2.0
        && beside_m < (body.half_width_m + vehicle.width_m / 2.0).max(-0.3 * along_m)
        && wrapped_rad(body.heading_rad - now.heading_rad).abs() < SAME_WAY_RAD
}

/// What is driven for a step: the plan's input, or what the monitor does instead.
pub(super) fn input(
    vehicle: &Vehicle,
    (state, gear): (&State, Gear),
    planned: Input,
    (decision, watch): (&Decision, Watch),
    dt_s: f64,
) -> Input {
    let Drive::Stop { acceleration_mps2, curvature_1pm } = decision.drive else { return planned };
    let Verdict::Stop(reason) = decision.verdict else { return planned };
    // Where every stop touches someone, the planner's choice (the latest and slowest contact) is the
    // lesser evil.
    let is_forced = !decision.has_verified_stop && reason == Reason::Contact;
    let is_let =
        reason == Reason::NoStop && (watch != Watch::Strict || !decision.has_verified_stop);
    if is_forced || is_let || !matches!(watch, Watch::Obeyed | Watch::Strict) {
        return planned;
    }
    if gear == Gear::Reverse {
        return Input { steering_rate_radps: 0.0, acceleration_mps2: -acceleration_mps2 };
    }
    // The curvature of the centre's way; the rear axle's is that of a circle with the same middle.
    let (k, b) = (curvature_1pm.clamp(-0.6, 0.6), vehicle.rear_axle_m);
    let rear_1pm = k / (1.0 - (k * b).powi(2)).max(0.05).sqrt();
    let wanted_rad = (rear_1pm * vehicle.wheelbase_m()).atan();
    let steering_rate_radps = (wanted_rad - state.steering_rad) / dt_s;
    Input { steering_rate_radps, acceleration_mps2 }
}

/// A pose for the monitor, which judges the way back as one driven forwards, the other way around.
fn pose_of(sight: &Sight<'_>, state: &State, k: usize) -> Pose {
    let turned = sight.gear.turned(state);
    Pose {
        at_s: k as f64 * sight.dt_s,
        centre: state.centre(sight.vehicle),
        heading_rad: turned.heading_rad,
        speed_mps: turned.speed_mps,
    }
}

/// Speeds along the headings, from place to place.
fn fill_speeds(poses: &mut [Pose], dt_s: f64) {
    for k in 1..poses.len() {
        let (a, b) = (poses[k - 1], poses[k]);
        let (sin, cos) = b.heading_rad.sin_cos();
        let (x, y) = (b.centre.x_m - a.centre.x_m, b.centre.y_m - a.centre.y_m);
        poses[k].speed_mps = (x * cos + y * sin) / dt_s;
    }
    if poses.len() > 1 {
        poses[0].speed_mps = poses[1].speed_mps;
    }
}

/// The nearest one that stands or goes in the way of the plan, in its direction.
fn lead(sight: &Sight<'_>) -> Option<Lead> {
    let own = sight.state.body(sight.vehicle);
    let mut best: Option<Lead> = None;
    for seen in sight.seen {
        let turn = wrapped_rad(seen.body.heading_rad - own.heading_rad);
        if turn.abs() > SAME_WAY_RAD {
            continue;
        }
        let Some(gap_m) = gap_along(sight, &own, &seen.body) else { continue };
        if best.is_none_or(|b| gap_m < b.gap_m) {
            best = Some(Lead { gap_m, speed_mps: (seen.speed_mps * turn.cos()).max(0.0) });
        }
    }
    best
}

/// Free way of the plan until it would touch a body that stays where it is.
fn gap_along(sight: &Sight<'_>, own: &Body, other: &Body) -> Option<f64> {
    let mut way_m = 0.0;
    let mut before = own.centre;
    for state in sight.plan.0.iter().chain(sight.plan.1.iter().skip(1)).skip(1) {
        let body = state.body(sight.vehicle);
        way_m += (body.centre.x_m - before.x_m).hypot(body.centre.y_m - before.y_m);
        before = body.centre;
        if body.overlaps(other) {
            return Some(way_m);
        }
    }
    None
}

fn boxed(points: &[rv_base::Point2], by_m: f64) -> (rv_base::Point2, rv_base::Point2) {
    let (mut lo, mut hi) = (points[0], points[0]);
    for p in points {
        (lo.x_m, lo.y_m) = (lo.x_m.min(p.x_m), lo.y_m.min(p.y_m));
        (hi.x_m, hi.y_m) = (hi.x_m.max(p.x_m), hi.y_m.max(p.y_m));
    }
    (lo.x_m, lo.y_m) = (lo.x_m - by_m, lo.y_m - by_m);
    (hi.x_m, hi.y_m) = (hi.x_m + by_m, hi.y_m + by_m);
    (lo, hi)
}

/// The verdict in one word.
pub fn verdict_word(verdict: &Verdict) -> &'static str {
    match verdict {
        Verdict::Pass => "pass",
        Verdict::Stop(reason) => reason_word(reason),
    }
}

/// Why a plan was refused, in a few words.
pub fn reason_word(reason: &Reason) -> &'static str {
    match reason {
        Reason::Empty => "no plan",
        Reason::NotFinite => "not a number",
        Reason::Stale => "stale",
        Reason::Jump => "does not begin here",
        Reason::Infeasible => "cannot be followed",
        Reason::TooFast => "too fast",
        Reason::Contact => "touches another one",
        Reason::Edge => "crosses an edge",
        Reason::TooNear => "too near to the one in front",
        Reason::NoStop => "no safe stop after it",
        Reason::Outside(_) => "outside of the operating domain",
    }
}

/// How far the journey has come, in a word.
pub fn stage_word(stage: &Stage) -> &'static str {
    match stage {
        Stage::Driving => "driving",
        Stage::Bridging => "bridging",
        Stage::MinimalRisk(_) => "minimal risk",
        Stage::Standing(_) => "standing",
    }
}
