//! A manoeuvre within a drive: out of a hub's bay, into one, around where the street ends.

use rv_base::Point2;

use super::sight::Sight;
use super::{CYCLE_S, Decision, Planned, Reason};
use crate::manoeuvre::{
    AHEAD, AHEAD_S, Aims, Failure, Ground, Options, Other, Parker, Plan, RearPose, Search, Step,
    Wait, obeyed, watched,
};
use crate::monitor::{Monitor, Verdict};
use crate::trajectory::{Body, Gear, Input, State, Vehicle, ahead};

/// Others are minded within this distance, m.
const NEAR_M: f64 = 40.0;
/// What stands so near to something of the ground is that, m; what has moved further since is another.
const KNOWN_M: f64 = 0.35;
/// Slower than this one stands, m/s.
const STANDS_MPS: f64 = 0.3;
/// Who reaches the street before the gate within this time goes first, s, and so far beside counts, m.
const GAP_S: f64 = 6.5;
const GAP_BESIDE_M: f64 = 5.0;
/// After waiting so long for something that stands, another way is looked for, s; so often.
const PATIENCE_S: f64 = 12.0;
const PLANS_MAX: u32 = 4;
/// Poses that another plan on the way may take up.
const EXPANSIONS_MAX: u32 = 4_000;
/// Work on a plan in one cycle, units: about seven tenths of a millisecond.
const SLICE: u32 = 60_000;

/// A manoeuvre to be planned from where the van stands, and driven.
#[derive(Clone, Debug, PartialEq)]
pub struct Task {
    /// Where it ends.
    pub goal: RearPose,
    /// Where it may end instead if somebody is in the way to the goal.
    pub spare_goals: Vec<RearPose>,
    /// What it is planned among.
    pub ground: Ground,
    /// Where the street is entered, if it is: whoever comes there goes first.
    pub gate: Option<Body>,
    /// Poses that the plan may take up.
    pub expansions_max: u32,
}

impl Task {
    fn search(&self, vehicle: &Vehicle, from: &State) -> Search {
        let from = RearPose { rear: from.rear, heading_rad: from.heading_rad };
        let options = Options { expansions_max: self.expansions_max, ..Options::VAN };
        Search::new(vehicle, &self.ground, &from, &self.goal, &options)
    }
}

/// How a cycle of a manoeuvre has left it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Progress {
    /// It goes on.
    GoesOn,
    /// The vehicle stands at its goal.
    Done,
    /// There is no plan, and nothing was driven.
    Failed(Failure),
}

/// A manoeuvre under way.
#[derive(Clone, Debug)]
pub(super) struct Parking {
    task: Task,
    parker: Option<Parker>,
    /// A plan in the making, and what it is among if it shall take another's place.
    search: Option<(Search, Task)>,
    n_plans: u32,
    others: Vec<Other>,
    ahead: [(RearPose, f64); AHEAD],
}

impl Parking {
    pub(super) fn new(task: Task) -> Self {
        let ahead = [(RearPose::default(), 0.0); AHEAD];
        Self { task, parker: None, search: None, n_plans: 0, others: Vec::new(), ahead }
    }

    /// The plan, once there is one.
    pub(super) fn plan(&self) -> Option<&Plan> {
        self.parker.as_ref().map(Parker::plan)
    }

    /// The way of the rear axle.
    pub(super) fn line(&self) -> impl Iterator<Item = Point2> + '_ {
        let runs = self.plan().into_iter().flat_map(|plan| &plan.runs);
        runs.flat_map(|r| &r.points).step_by(4).map(|p| p.pose.rear)
    }

    /// Poses to come.
    pub(super) fn ahead(&self, vehicle: &Vehicle, plan: &mut Vec<Planned>) {
        plan.clear();
        plan.extend(self.ahead.iter().enumerate().map(|(k, (pose, speed_mps))| Planned {
            at_s: k as f64 * AHEAD_S,
            centre: ahead(pose.rear, pose.heading_rad, vehicle.rear_axle_m),
            heading_rad: pose.heading_rad,
            speed_mps: *speed_mps,
        }));
    }

    /// One cycle: what to do, and how that leaves the manoeuvre.
    pub(super) fn cycle(
        &mut self,
        sight: &Sight<'_>,
        vehicle: &Vehicle,
        monitor: &mut Monitor,
        is_settled: bool,
    ) -> (Decision, Progress) {
        let state = sight.state;
        let stands = state.speed_mps == 0.0 && is_settled;
        self.see(sight, vehicle);
        let failed = if stands { self.go_on_planning(vehicle, &state) } else { None };
        let aims = Aims {
            state,
            acceleration_mps2: sight.acceleration_mps2,
            others: &self.others,
            cap_mps: 2.0 * sight.weather_share.clamp(0.25, 1.0),
            is_settled,
        };
        let step = match &mut self.parker {
            Some(parker) => {
                let step = parker.cycle(&aims);
                self.ahead.copy_from_slice(parker.ahead());
                step
            }
            None => {
                let here = RearPose { rear: state.rear, heading_rad: state.heading_rad };
                self.ahead = [(here, 0.0); AHEAD];
                stays(&state)
            }
        };
        // What bars the gate is no body.
        self.others.retain(|o| o.id != BAR);
        let ground = &self.task.ground;
        let judged =
            watched(monitor, vehicle, (step.gear, &state), &self.ahead, ground, &self.others);
        let driven = obeyed(step, &judged, &state, CYCLE_S);
        if stands {
            self.mind_obstacles(&step, vehicle, &state);
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
        let progress = match failed {
            Some(why) => Progress::Failed(why),
            None if step.is_done => Progress::Done,
            None => Progress::GoesOn,
        };
        (decision, progress)
    }

    /// True if it may have to back: some of its way leads backwards, or that is not known yet.
    pub(super) fn has_to_back(&self) -> bool {
        self.parker.as_ref().is_none_or(Parker::has_to_back)
    }

    /// True while it waits for somebody.
    pub(super) fn waits(&self) -> bool {
        self.waited_s() > 0.0
    }

    fn waited_s(&self) -> f64 {
        self.parker.as_ref().map_or(0.0, Parker::waited_s)
    }

    /// Some more of the plan in the making, while the vehicle stands. Why there is none, if that was
    /// the first.
    fn go_on_planning(&mut self, vehicle: &Vehicle, state: &State) -> Option<Failure> {
        if self.parker.is_none() && self.search.is_none() {
            self.n_plans += 1;
            self.search = Some((self.task.search(vehicle, state), self.task.clone()));
        }
        let (search, _) = self.search.as_mut()?;
        let answer = search.work(SLICE)?.clone();
        let (_, task) = self.search.take()?;
        match answer {
            Ok(plan) => {
                self.task = task;
                self.parker = Some(Parker::new(*vehicle, plan, CYCLE_S));
                None
            }
            Err(why) => self.parker.is_none().then_some(why),
        }
    }

    /// Plans another way around something that has stood in the way for a while, or from where the
    /// vehicle has come to stand beside its way; gives that up when the way becomes free.
    fn mind_obstacles(&mut self, step: &Step, vehicle: &Vehicle, state: &State) {
        if self.parker.is_none() {
            return;
        }
        let is_barred = self.is_anything_standing(step);
        if self.search.is_some() {
            if !is_barred && !step.is_lost {
                self.search = None;
            }
            return;
        }
        let is_blocked = is_barred && self.waited_s() > PATIENCE_S;
        if (step.is_lost || is_blocked) && self.n_plans < PLANS_MAX {
            self.n_plans += 1;
            let mut task = Task { expansions_max: EXPANSIONS_MAX, ..self.task.clone() };
            if !task.spare_goals.is_empty() {
                task.goal = task.spare_goals.remove(0);
                self.task.spare_goals.remove(0);
            }
            let standing = self.others.iter().filter(|o| o.velocity_mps == (0.0, 0.0));
            task.ground.solids.extend(standing.map(|o| o.body));
            self.search = Some((task.search(vehicle, state), task));
        }
    }

    /// Everybody near who is not part of the ground, and what bars the gate.
    fn see(&mut self, sight: &Sight<'_>, vehicle: &Vehicle) {
        let own = sight.state.centre(vehicle);
        self.others.clear();
        for t in sight.tracks {
            let known = |b: &Body| t.centre.distance_to(b.centre).0 < KNOWN_M;
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
}

/// Comes to a stand, or stays there.
fn stays(state: &State) -> Step {
    Step {
        gear: if state.speed_mps < 0.0 { Gear::Reverse } else { Gear::Forward },
        input: Input {
            steering_rate_radps: 0.0,
            acceleration_mps2: (-state.speed_mps / CYCLE_S).clamp(-0.9, 0.9),
        },
        wait: Wait::Nothing,
        is_done: false,
        is_lost: false,
    }
}

/// Number of what bars a gate.
const BAR: u32 = u32::MAX;
