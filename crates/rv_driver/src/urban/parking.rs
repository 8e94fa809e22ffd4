//! A manoeuvre within a drive: out of a hub's bay, into one, around where the street ends.

use rv_base::Point2;

use super::sight::Sight;
use super::{CYCLE_S, Decision, Planned, Reason};
use crate::manoeuvre::{
    self, Aims, Ground, Options, Other, Parker, Plan, RearPose, Step, Wait, obeyed, watched,
};
use crate::monitor::{Monitor, Verdict};
use crate::trajectory::{Body, State, Vehicle, ahead};

/// Others are minded within this distance, m.
const NEAR_M: f64 = 40.0;
/// Slower than this one stands, m/s.
const STANDS_MPS: f64 = 0.3;
/// Who reaches the street before the gate within this time goes first, s, and so far beside counts, m.
const GAP_S: f64 = 6.5;
const GAP_BESIDE_M: f64 = 5.0;
/// After waiting so long for something that stands, another way is looked for, s; so often.
const PATIENCE_S: f64 = 12.0;
const PLANS_MAX: u32 = 4;
/// Poses that another plan on the way may take up: about a tenth of a second.
const EXPANSIONS_MAX: u32 = 4_000;

/// A manoeuvre to be driven.
#[derive(Clone, Debug, PartialEq)]
pub struct Task {
    /// How.
    pub plan: Plan,
    /// What it was planned among.
    pub ground: Ground,
    /// Where the street is entered, if it is: whoever comes there goes first.
    pub gate: Option<Body>,
}

/// A manoeuvre under way.
#[derive(Clone, Debug)]
pub(super) struct Parking {
    task: Task,
    parker: Parker,
    n_plans: u32,
    others: Vec<Other>,
}

impl Parking {
    pub(super) fn new(vehicle: &Vehicle, task: Task) -> Self {
        let parker = Parker::new(*vehicle, task.plan.clone(), CYCLE_S);
        Self { task, parker, n_plans: 1, others: Vec::new() }
    }

    /// The way of the rear axle.
    pub(super) fn line(&self) -> impl Iterator<Item = Point2> + '_ {
        let runs = self.parker.plan().runs.iter();
        runs.flat_map(|r| &r.points).step_by(4).map(|p| p.pose.rear)
    }

    /// Poses to come.
    pub(super) fn ahead(&self, vehicle: &Vehicle, plan: &mut Vec<Planned>) {
        plan.clear();
        plan.extend(self.parker.ahead().iter().enumerate().map(|(k, (pose, speed_mps))| Planned {
            at_s: k as f64 * 0.25,
            centre: ahead(pose.rear, pose.heading_rad, vehicle.rear_axle_m),
            heading_rad: pose.heading_rad,
            speed_mps: *speed_mps,
        }));
    }

    /// One cycle: what to do, and whether the manoeuvre has ended.
    pub(super) fn cycle(
        &mut self,
        sight: &Sight<'_>,
        vehicle: &Vehicle,
        monitor: &mut Monitor,
        is_settled: bool,
    ) -> (Decision, bool) {
        let state = sight.state;
        self.see(sight, vehicle);
        let aims = Aims {
            state,
            acceleration_mps2: sight.acceleration_mps2,
            others: &self.others,
            cap_mps: 2.0 * sight.weather_share.clamp(0.25, 1.0),
            is_settled,
        };
        let step = self.parker.cycle(&aims);
        // What bars the gate is no body.
        self.others.retain(|o| o.id != BAR);
        let poses = self.parker.ahead();
        let ground = &self.task.ground;
        let judged = watched(monitor, vehicle, (step.gear, &state), poses, ground, &self.others);
        let driven = obeyed(step, &judged, &state, CYCLE_S);
        let blocked = self.parker.waited_s() > PATIENCE_S && self.is_anything_standing(&step);
        if state.speed_mps == 0.0 && (step.is_lost || blocked) && self.n_plans < PLANS_MAX {
            self.plan_anew(&state, vehicle);
        }
        let reason = match (judged.verdict, step.wait) {
            (Verdict::Stop(why), _) => Reason::Monitor(why),
            (_, Wait::Other(id)) => Reason::WaitsToManoeuvre(id),
            _ => Reason::Manoeuvres,
        };
        let decision = Decision {
            input: driven.input,
            gear: driven.gear,
            acceleration_mps2: driven.input.acceleration_mps2,
            reason,
            is_emergency: false,
            to_goal_m: f64::INFINITY,
            is_let_through: judged.verdict == Verdict::Pass,
            has_verified_stop: judged.has_verified_stop,
            n_beside: self.others.len(),
        };
        (decision, step.is_done)
    }

    /// True while it waits for somebody.
    pub(super) fn waits(&self) -> bool {
        self.parker.waited_s() > 0.0
    }

    /// Everybody near who is not part of the ground, and what bars the gate.
    fn see(&mut self, sight: &Sight<'_>, vehicle: &Vehicle) {
        let own = sight.state.centre(vehicle);
        self.others.clear();
        for t in sight.tracks {
            let known = |b: &Body| {
                let grown = b.grown(0.3);
                let (dx, dy) = (t.centre.x_m - b.centre.x_m, t.centre.y_m - b.centre.y_m);
                let (sin, cos) = b.heading_rad.sin_cos();
                (dx * cos + dy * sin).abs() < grown.half_length_m
                    && (dy * cos - dx * sin).abs() < grown.half_width_m
            };
            let stands = t.speed_mps.abs() < STANDS_MPS;
            let is_far = t.centre.distance_to(own).0 > NEAR_M;
            if t.class.is_soft() || is_far || stands && self.task.ground.solids.iter().any(known) {
                continue;
            }
            let speed = if stands { 0.0 } else { t.speed_mps };
            let (sin, cos) = t.heading_rad.sin_cos();
            self.others.push(Other {
                id: t.id,
                body: Body {
                    centre: t.centre,
                    heading_rad: t.heading_rad,
                    half_length_m: t.half_m.0,
                    half_width_m: t.half_m.1,
                },
                velocity_mps: (speed * cos, speed * sin),
                walks: t.class.walks(),
            });
        }
        let Some(gate) = self.task.gate else { return };
        if sight.state.body(vehicle).overlaps(&gate) {
            // It is through: from here on it goes, or waits for who comes, as anywhere.
            self.task.gate = None;
            return;
        }
        let comes = |o: &Other| {
            let speed = o.velocity_mps.0.hypot(o.velocity_mps.1);
            let (dx, dy) =
                (gate.centre.x_m - o.body.centre.x_m, gate.centre.y_m - o.body.centre.y_m);
            let (ux, uy) = (o.velocity_mps.0 / speed.max(0.1), o.velocity_mps.1 / speed.max(0.1));
            let along = dx * ux + dy * uy;
            let beside = (dy * ux - dx * uy).abs();
            !o.walks
                && speed > 0.7
                && (-6.0..speed * GAP_S + 6.0).contains(&along)
                && beside < GAP_BESIDE_M
        };
        if self.others.iter().any(comes) {
            self.others.push(Other { id: BAR, body: gate, velocity_mps: (0.0, 0.0), walks: false });
        }
    }

    /// True if what it waits for stands.
    fn is_anything_standing(&self, step: &Step) -> bool {
        let Wait::Other(id) = step.wait else { return false };
        self.others.iter().any(|o| o.id == id && o.velocity_mps == (0.0, 0.0))
    }

    /// Another way from where it is, around whatever stands.
    fn plan_anew(&mut self, state: &State, vehicle: &Vehicle) {
        self.n_plans += 1;
        let mut ground = self.task.ground.clone();
        let stands = |o: &&Other| o.velocity_mps == (0.0, 0.0);
        ground.solids.extend(self.others.iter().filter(stands).map(|o| o.body));
        let from = RearPose { rear: state.rear, heading_rad: state.heading_rad };
        let goal = self.task.plan.goal;
        let options = Options { expansions_max: EXPANSIONS_MAX, ..Options::VAN };
        if let Ok(plan) = manoeuvre::plan(vehicle, &ground, &from, &goal, &options) {
            self.task.ground = ground;
            self.parker = Parker::new(*vehicle, plan, CYCLE_S);
        }
    }
}

/// Number of what bars a gate.
const BAR: u32 = u32::MAX;
