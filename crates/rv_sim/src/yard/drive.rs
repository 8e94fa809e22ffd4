//! Plans a scene's manoeuvre and drives it: cycle by cycle, amid people, under the monitor, on a
//! vehicle as it is thought to be or on one that answers late and whose tyres slip.

use rv_base::Point2;
use rv_driver::manoeuvre::{
    self, Aims, Failure, Ground, Options, Other, Parker, Plan, RearPose, Wait, obeyed, watched,
};
use rv_driver::monitor::{Monitor, Rules, Verdict as Judgement};
use rv_driver::trajectory::{Body, State, Vehicle, step_in};
use rv_driver::urban::CYCLE_S;
use serde::Serialize;

use super::check::{Verdict, check};
use super::scene::{Scene, Walk};
use crate::plant::{Driven, PlantKind, Tracking};

/// Longest that a scene is driven, s.
const DRIVE_MAX_S: f64 = 600.0;
/// After waiting so long for somebody who stands, another way is looked for, s; so many times.
const PATIENCE_S: f64 = 12.0;
const REPLANS_MAX: u32 = 4;
/// Half the size of a person, m.
const PERSON_M: f64 = 0.3;

/// What came of a scene.
#[derive(Clone, Debug, Serialize)]
pub struct Outcome {
    /// Its name.
    pub name: String,
    /// Why there is no plan, if there is none.
    pub failure: Option<String>,
    /// Length of the plan, m, its changes of direction, its time, s, and the air that it keeps, m.
    pub planned: Option<Planned>,
    /// What the judge found of what was driven; `None` if nothing was.
    pub verdict: Option<Verdict>,
    /// Time it took, s.
    pub time_s: f64,
    /// Time that it waited for others, s.
    pub waited_s: f64,
    /// People touched while it moved.
    pub n_people_touched: u32,
    /// Least distance to people while it moved, m.
    pub people_least_m: Option<f64>,
    /// Cycles whose plan the monitor refused.
    pub n_refused: u32,
    /// Cycles.
    pub n_cycles: u32,
    /// Other plans made on the way.
    pub n_replans: u32,
    /// How well the vehicle followed.
    pub tracking: Tracking,
    /// States driven, a tenth of a second apart.
    #[serde(skip)]
    pub states: Vec<State>,
    /// The first plan.
    #[serde(skip)]
    pub plan: Option<Plan>,
}

/// A plan in figures.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Planned {
    /// Length, m.
    pub length_m: f64,
    /// Changes of direction.
    pub n_changes: u32,
    /// Stands to turn the wheels without a change of direction.
    pub n_stands: u32,
    /// Time, s.
    pub time_s: f64,
    /// Air, m.
    pub air_m: f64,
    /// Poses taken up.
    pub n_expansions: u32,
}

impl Planned {
    /// The figures of a plan.
    pub fn of(plan: &Plan) -> Self {
        Self {
            length_m: plan.length_m,
            n_changes: plan.n_changes,
            n_stands: (plan.runs.len() as u32).saturating_sub(1 + plan.n_changes),
            time_s: plan.time_s,
            air_m: plan.air_m,
            n_expansions: plan.n_expansions,
        }
    }
}

impl Outcome {
    fn new(name: String) -> Self {
        Self {
            name,
            failure: None,
            planned: None,
            verdict: None,
            time_s: 0.0,
            waited_s: 0.0,
            n_people_touched: 0,
            people_least_m: None,
            n_refused: 0,
            n_cycles: 0,
            n_replans: 0,
            tracking: Tracking::default(),
            states: Vec::new(),
            plan: None,
        }
    }

    /// True if it was driven to its goal and nothing was touched.
    pub fn is_fine(&self) -> bool {
        self.verdict.as_ref().is_some_and(Verdict::is_fine) && self.n_people_touched == 0
    }
}

/// Plans a scene.
pub fn plan(scene: &Scene, vehicle: &Vehicle, options: &Options) -> Result<Plan, Failure> {
    let (start, goal) = scene.ends(vehicle);
    manoeuvre::plan(vehicle, &scene.ground(), &start, &goal, options)
}

/// Plans and drives a scene.
pub fn drive(scene: &Scene, vehicle: &Vehicle, options: &Options, body: PlantKind) -> Outcome {
    let planned = plan(scene, vehicle, options);
    drive_planned(scene, vehicle, options, body, planned, Until::Goal)
}

/// How far a scene is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Until {
    /// The plan alone.
    Plan,
    /// Driven to its goal.
    Goal,
}

/// Drives a scene for which a plan is known.
pub fn drive_planned(
    scene: &Scene,
    vehicle: &Vehicle,
    options: &Options,
    body: PlantKind,
    planned: Result<Plan, Failure>,
    until: Until,
) -> Outcome {
    let mut outcome = Outcome::new(scene.name.clone());
    match planned {
        Ok(plan) => {
            outcome.planned = Some(Planned::of(&plan));
            outcome.plan = Some(plan.clone());
            if until == Until::Goal {
                Run::new(scene, vehicle, options, body, plan).finish(&mut outcome);
                outcome.verdict = Some(check(scene, vehicle, &outcome.states, CYCLE_S));
            }
        }
        Err(failure) => outcome.failure = Some(failure.to_string()),
    }
    outcome
}

struct Run<'a> {
    scene: &'a Scene,
    vehicle: &'a Vehicle,
    options: &'a Options,
    ground: Ground,
    parker: Parker,
    monitor: Monitor,
    driven: Driven,
    last_mps: f64,
    others: Vec<Other>,
}

impl<'a> Run<'a> {
    fn new(
        scene: &'a Scene,
        vehicle: &'a Vehicle,
        options: &'a Options,
        body: PlantKind,
        plan: Plan,
    ) -> Self {
        let (start, _) = scene.ends(vehicle);
        let state = State { rear: start.rear, heading_rad: start.heading_rad, ..State::default() };
        let rules = Rules { speed_max_mps: 3.0, patience_s: 3.0, ..Rules::van(CYCLE_S) };
        Self {
            scene,
            vehicle,
            options,
            ground: scene.ground(),
            parker: Parker::new(*vehicle, plan, CYCLE_S),
            monitor: Monitor::new(rules),
            driven: Driven::new(*vehicle, body, &state),
            last_mps: 0.0,
            others: Vec::new(),
        }
    }

    fn finish(&mut self, outcome: &mut Outcome) {
        outcome.states.push(self.driven.now());
        let mut at_s = 0.0;
        while at_s < DRIVE_MAX_S && !self.cycle(at_s, outcome) {
            at_s += CYCLE_S;
            outcome.states.push(self.driven.now());
            self.watch_people(at_s, outcome);
        }
        outcome.time_s = at_s;
        outcome.tracking = self.driven.tracking;
    }

    /// One cycle; true once it stands at the goal.
    fn cycle(&mut self, at_s: f64, outcome: &mut Outcome) -> bool {
        let state = self.driven.decided_from();
        // What will be when the decision acts, as far as motion of now goes on.
        let ahead_s = self.driven.ahead_s();
        self.others.clear();
        self.others.extend(self.scene.walks.iter().enumerate().filter_map(|(i, walk)| {
            let mut other = walker(i as u32, walk, at_s)?;
            other.body.centre.x_m += other.velocity_mps.0 * ahead_s;
            other.body.centre.y_m += other.velocity_mps.1 * ahead_s;
            Some(other)
        }));
        let acceleration_mps2 = (state.speed_mps - self.last_mps) / CYCLE_S;
        let aims = Aims {
            state,
            acceleration_mps2,
            others: &self.others,
            cap_mps: 2.0,
            is_settled: self.driven.is_settled(),
        };
        let step = self.parker.cycle(&aims);
        let decision = watched(
            &mut self.monitor,
            self.vehicle,
            (step.gear, &state),
            self.parker.ahead(),
            &self.ground,
            &self.others,
        );
        let step_driven = obeyed(step, &decision, &state, CYCLE_S);
        outcome.n_cycles += 1;
        outcome.n_refused += u32::from(decision.verdict != Judgement::Pass);
        outcome.waited_s += if matches!(step.wait, Wait::Other(_)) { CYCLE_S } else { 0.0 };
        let next = step_in(self.vehicle, step_driven.gear, &state, step_driven.input, CYCLE_S);
        self.last_mps = state.speed_mps;
        self.driven.cycle(step_driven.gear, next);
        if state.speed_mps == 0.0 && !matches!(step.wait, Wait::Wheels) {
            // Standing, somebody from afar would let it go on.
            if outcome.n_cycles.is_multiple_of(100) {
                self.monitor.release();
            }
            let is_blocked = self.parker.waited_s() > PATIENCE_S;
            if (is_blocked || step.is_lost) && outcome.n_replans < REPLANS_MAX {
                self.plan_anew(&state, outcome);
            }
        }
        step.is_done
    }

    /// Another way, around those who stand.
    fn plan_anew(&mut self, state: &State, outcome: &mut Outcome) {
        outcome.n_replans += 1;
        let mut ground = self.ground.clone();
        let stands = |o: &&Other| o.velocity_mps.0.hypot(o.velocity_mps.1) < 0.1;
        ground.solids.extend(self.others.iter().filter(stands).map(|o| o.body.grown(0.5)));
        let from = RearPose { rear: state.rear, heading_rad: state.heading_rad };
        let (_, goal) = self.scene.ends(self.vehicle);
        if let Ok(plan) = manoeuvre::plan(self.vehicle, &ground, &from, &goal, self.options) {
            self.parker = Parker::new(*self.vehicle, plan, CYCLE_S);
        }
    }

    /// People, by distance from the outline.
    fn watch_people(&mut self, at_s: f64, outcome: &mut Outcome) {
        let state = self.driven.now();
        if state.speed_mps.abs() < 0.05 {
            return;
        }
        for walk in &self.scene.walks {
            let Some(other) = walker(0, walk, at_s) else { continue };
            let (sin, cos) = state.heading_rad.sin_cos();
            let c = state.centre(self.vehicle);
            let (dx, dy) = (other.body.centre.x_m - c.x_m, other.body.centre.y_m - c.y_m);
            let along = (dx * cos + dy * sin).abs() - self.vehicle.length_m / 2.0;
            let across = (dy * cos - dx * sin).abs() - self.vehicle.width_m / 2.0;
            let apart_m = along.max(0.0).hypot(across.max(0.0)) - PERSON_M;
            let least = outcome.people_least_m.get_or_insert(f64::INFINITY);
            if apart_m <= 0.0 && *least > 0.0 {
                outcome.n_people_touched += 1;
            }
            *least = least.min(apart_m);
        }
    }
}

/// Somebody on a walk at a time.
fn walker(id: u32, walk: &Walk, at_s: f64) -> Option<Other> {
    let [ax, ay, bx, by] = walk.ends_m;
    let (dx, dy) = (bx - ax, by - ay);
    let length_m = dx.hypot(dy).max(1e-6);
    let half_s = length_m / 2.0 / walk.speed_mps;
    let since_s = at_s - walk.from_s;
    let (way_s, moves) = match since_s {
        t if t < 0.0 || t > 2.0 * half_s + walk.pause_s => return None,
        t if t < half_s => (t, true),
        t if t < half_s + walk.pause_s => (half_s, false),
        t => (t - walk.pause_s, true),
    };
    let way_m = way_s * walk.speed_mps;
    let speed = if moves { walk.speed_mps } else { 0.0 };
    let (ux, uy) = (dx / length_m, dy / length_m);
    let body = Body {
        centre: Point2 { x_m: ax + ux * way_m, y_m: ay + uy * way_m },
        heading_rad: uy.atan2(ux),
        half_length_m: PERSON_M,
        half_width_m: PERSON_M,
    };
    Some(Other { id, body, velocity_mps: (ux * speed, uy * speed), walks: true })
}
