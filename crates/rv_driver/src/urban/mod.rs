//! The driver in town: follows a route over a city's lanes amid traffic, by the law of the place.
//!
//! One cycle: see others along the way; decide where beside the lane to drive, where to stand and
//! when to go; take the largest acceleration after which every bound ahead can still be kept within
//! comfort; roll that out, let the monitor judge it, and keep a
//! stop at hand that the monitor has let through. Path and speed one after the other follow Kant
//! and Zucker 1986; car following is the intelligent driver model (Treiber, Hennecke and Helbing
//! 2000); bounds kept by closed-form braking under limited jerk are our own.

mod aside;
mod comes_in;
mod follow;
mod junction;
mod kerb;
mod narrow;
pub(crate) mod pace;
mod parking;
mod predict;
mod reverse;
mod roll;
mod sight;
mod turning;
mod way;

use rv_base::Point2;
use rv_map::DriveSide;
use rv_map::city_lanes::{CityLaneId, CityLanes, Spot};

use crate::law::TrafficLaw;
use crate::manoeuvre::{Failure, Plan};
use crate::monitor::{self, Drive, Lead, Monitor, Rules, Verdict};
use crate::tracking::Track;
pub use crate::trajectory::Gear;
use crate::trajectory::{Input, State, Vehicle, bounded, step};

use aside::{Aside, Held};
use pace::{Bound, next_acceleration};
pub use parking::Task;
use parking::{Parking, Progress};
use predict::Branch;
pub use predict::{WayAhead, ways_of};
use sight::{Beside, Scene};
pub use sight::{Sight, VIEW_RAYS, View};
pub use turning::place as turning_place;
pub use way::{EDGES_MAX, Way, WayError};

/// Why the van drives as it does.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Reason {
    /// Nothing in the way.
    Free,
    /// The limit, a bend, the weather or the road.
    Bend,
    /// Follows a vehicle.
    Follows(u32),
    /// A red or yellow light.
    Signal,
    /// A stop sign.
    StopSign,
    /// A green light that may end.
    GreenMayEnd,
    /// The junction ahead cannot be left.
    JunctionFull,
    /// Lets somebody go first.
    GivesWay(u32),
    /// Cannot see who may come.
    CannotSee,
    /// Somebody crosses on foot.
    Crosswalk(u32),
    /// Somebody may come into its way.
    Crossed(u32),
    /// Waits before going around something.
    WaitsToPass(u32),
    /// Lets somebody pass before changing lanes.
    WaitsToMerge(u32),
    /// Falls back behind one that comes over into its way.
    LetsIn(u32),
    /// Lets an emergency vehicle pass.
    LetsPass(u32),
    /// Its sensors tell nothing new.
    Blind,
    /// The end of its way.
    Goal,
    /// Somebody could step out from behind something.
    Hidden,
    /// Brakes hard: somebody is about to be hit.
    Emergency(u32),
    /// Backs off to make room.
    BacksOff,
    /// Drives a manoeuvre.
    Manoeuvres,
    /// Waits for somebody in a manoeuvre.
    WaitsToManoeuvre(u32),
    /// The monitor has stopped it.
    Monitor(monitor::Reason),
}

impl Reason {
    /// In a few words.
    pub fn in_words(&self) -> &'static str {
        match self {
            Self::Free => "the road is free",
            Self::Bend => "slows down for a bend or a limit",
            Self::Follows(_) => "follows the one in front",
            Self::Signal => "stops for a light",
            Self::StopSign => "stops at a stop sign",
            Self::GreenMayEnd => "the green ahead may end",
            Self::JunctionFull => "the junction ahead cannot be left",
            Self::GivesWay(_) => "lets another go first",
            Self::CannotSee => "cannot see who may come",
            Self::Crosswalk(_) => "somebody is on the crosswalk",
            Self::Crossed(_) => "somebody may come into its way",
            Self::WaitsToPass(_) => "waits to drive around something",
            Self::WaitsToMerge(_) => "waits for a gap to change lanes",
            Self::LetsIn(_) => "lets another come over",
            Self::Blind => "its sensors tell nothing new",
            Self::LetsPass(_) => "lets an emergency vehicle pass",
            Self::Goal => "its stop is ahead",
            Self::Hidden => "somebody could step out",
            Self::Emergency(_) => "brakes hard",
            Self::BacksOff => "backs off to make room",
            Self::Manoeuvres => "manoeuvres",
            Self::WaitsToManoeuvre(_) => "waits for somebody before it manoeuvres on",
            Self::Monitor(_) => "the monitor has refused the plan",
        }
    }
}

/// A state to come.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Planned {
    /// From now, s.
    pub at_s: f64,
    /// Centre, m.
    pub centre: Point2,
    /// Heading, rad.
    pub heading_rad: f64,
    /// Speed, m/s.
    pub speed_mps: f64,
}

/// What a cycle decided.
#[derive(Clone, Debug, PartialEq)]
pub struct Decision {
    /// What to do now.
    pub input: Input,
    /// Which way.
    pub gear: Gear,
    /// Acceleration aimed at along the nose, m/s2.
    pub acceleration_mps2: f64,
    /// Why.
    pub reason: Reason,
    /// True if comfort is given up.
    pub is_emergency: bool,
    /// Distance from its front to where it shall stand at last, m.
    pub to_goal_m: f64,
    /// True if the monitor let the plan through.
    pub is_let_through: bool,
    /// True if a stop that touches nothing follows this cycle, by what is known.
    pub has_verified_stop: bool,
    /// Others near enough to matter.
    pub n_beside: usize,
}

impl Decision {
    /// The state after a step of what was decided, by the vehicle's model within its limits, and no
    /// faster than a cap.
    pub fn driven(&self, vehicle: &Vehicle, state: &State, cap_mps: f64, dt_s: f64) -> State {
        let next = match self.gear {
            Gear::Forward => {
                let state = State { speed_mps: state.speed_mps.max(0.0), ..*state };
                let mut input = bounded(vehicle, &state, self.input, dt_s);
                let most = ((cap_mps - state.speed_mps) / dt_s).max(-2.5);
                input.acceleration_mps2 = input.acceleration_mps2.min(most);
                step(vehicle, &state, input, dt_s)
            }
            Gear::Reverse => reverse::step_back(vehicle, state, self.input, cap_mps, dt_s),
        };
        // What rounding leaves of a speed is none.
        let stands = next.speed_mps.abs() < STANDS_MPS;
        State { speed_mps: if stands { 0.0 } else { next.speed_mps }, ..next }
    }
}

/// What is at the end of a way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Stop {
    /// A door: it parks in a gap at the kerb where there is one, else it stops beside.
    #[default]
    Kerb,
    /// A gate, before which it stands.
    Gate,
    /// Nothing: the way will go on.
    OnTheWay,
}

/// Where it is between a lane and a gap at the kerb.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
enum AtKerb {
    #[default]
    OnLane,
    /// A gap was seen; it drives on to where its front stands before backing in.
    Comes(kerb::Gap),
    /// Backs in.
    Enters,
    /// No way was found into a gap: it stops beside.
    GivenUp,
    Parked,
    /// Out again.
    Leaves,
}

/// A turn under way in place of what the map draws.
#[derive(Clone, Copy, Debug)]
struct Turning {
    /// Where its front stood before, m along the way.
    stop_m: f64,
    /// Where it is after it, m along the way.
    on_m: f64,
}

/// What is kept from cycle to cycle.
#[derive(Clone, Debug, Default)]
pub(crate) struct Memory {
    /// Since when it waits before shared ground, s.
    pub(crate) waiting_since_s: Option<f64>,
    /// The lane at whose stop sign it has stood.
    pub(crate) stopped_on: Option<CityLaneId>,
    /// Yellows ahead, and what was decided when they were first seen.
    pub(crate) yellows: Vec<Yellow>,
    /// Braking that a light asks for beyond comfort, in this cycle, m/s2.
    pub(crate) firm_mps2: Option<f64>,
    /// Whom it is going around.
    passing: Vec<u32>,
    /// Whom it was about to hit in the last cycle: what is further off is looked at twice.
    alarmed: Option<u32>,
    /// It does not set out again before, after the monitor has stopped it, and why that was.
    hold: Option<(f64, monitor::Reason)>,
    /// Emergency braking goes on a moment after its cause has gone.
    brake_until_s: f64,
}

/// A light seen at yellow.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Yellow {
    /// The lane that it ends.
    pub(crate) lane: CityLaneId,
    /// When red comes, s.
    pub(crate) until_s: f64,
    /// True if the line is crossed before.
    pub(crate) goes_on: bool,
}

/// Drives one van along one way.
#[derive(Clone, Debug)]
pub struct VanDriver {
    vehicle: Vehicle,
    monitor: Monitor,
    way: Way,
    cursor: usize,
    memory: Memory,
    aside: Aside,
    plan: Vec<Planned>,
    beside: Vec<Beside>,
    bounds: Vec<(Bound, Reason)>,
    scratch: Vec<Bound>,
    judged: roll::Scratch,
    spots: Vec<Spot>,
    branches: Vec<Branch>,
    /// Since when it has stood without knowing when it will go on.
    stuck_since_s: Option<f64>,
    /// Where that was, m along its way.
    stuck_at_m: f64,
    backing: Option<reverse::Backing>,
    backed: reverse::Backed,
    parking: Option<Box<Parking>>,
    is_settled: bool,
    /// Why the last manoeuvre could not be planned.
    failure: Option<Failure>,
    /// The turn that it manoeuvres around, if that is what it does.
    turning: Option<Turning>,
    stop: Stop,
    at_kerb: AtKerb,
    /// Ground behind it that it signals to need, m.
    behind_m: f64,
    /// Times it has turned around between kerbs.
    n_turned: u32,
    /// The end of a street, m along its way, where no plan was found: there it takes the loop.
    no_turn_m: Option<f64>,
}

/// Ground behind it that it signals to need where it is about to back, m; how that grows, m/s, and from how
/// far on before the place where it stands first, m.
const BEHIND_M: f64 = 9.0;
const BEHIND_MPS: f64 = 2.5;
const SIGNALS_FROM_M: f64 = 25.0;

/// Acceleration along and across together that comfort allows, with some reserve, m/s2.
const TOGETHER_MPS2: f64 = 1.7;

/// Jerk with which it brakes for a light that comfort is not enough for, m/s3.
const FIRM_JERK_MPS3: f64 = 6.0;

/// Stopped by the monitor while it creeps, it stands so long before it tries again, s.
const HOLD_S: f64 = 1.0;
const CREEPS_MPS: f64 = 0.3;

/// So slow and within such a way it has not got on, m/s and m.
const ON_THE_SPOT_MPS: f64 = 0.7;
const ON_THE_SPOT_M: f64 = 0.8;

/// Jerk with which it falls back behind one that has come too near, m/s3.
const NEAR_JERK_MPS3: f64 = 1.9;

/// Jerk with which braking beyond comfort is let go, m/s3.
const RELEASE_JERK_MPS3: f64 = 15.0;

/// Slower than this it stands, m/s.
const STANDS_MPS: f64 = 1e-6;

/// Time between two cycles, s.
pub const CYCLE_S: f64 = 0.1;

impl VanDriver {
    /// A driver at the start of a way.
    pub fn new(vehicle: Vehicle, way: Way) -> Self {
        let rules = Rules {
            // From `follow::BLIND_S` on it brakes gently by itself.
            age_max_s: 1.5,
            grip_mps2: 8.0,
            speed_max_mps: 25.0,
            patience_s: 3.0,
            ..Rules::van(CYCLE_S)
        };
        Self {
            vehicle,
            monitor: Monitor::new(rules),
            way,
            cursor: 0,
            memory: Memory::default(),
            aside: Aside::straight(0.0),
            plan: Vec::new(),
            beside: Vec::new(),
            bounds: Vec::new(),
            scratch: Vec::new(),
            judged: roll::Scratch::default(),
            spots: Vec::new(),
            branches: Vec::new(),
            stuck_since_s: None,
            stuck_at_m: 0.0,
            backing: None,
            backed: reverse::Backed::default(),
            parking: None,
            is_settled: true,
            failure: None,
            turning: None,
            stop: Stop::default(),
            at_kerb: AtKerb::default(),
            behind_m: 0.0,
            n_turned: 0,
            no_turn_m: None,
        }
    }

    /// The way it drives.
    pub fn way(&self) -> &Way {
        &self.way
    }

    /// The vehicle it drives.
    pub fn vehicle(&self) -> &Vehicle {
        &self.vehicle
    }

    /// Gives it another way, which begins near where it is.
    pub fn set_way(&mut self, way: Way) {
        self.way = way;
        self.cursor = 0;
        self.memory = Memory::default();
        self.backing = None;
        (self.turning, self.no_turn_m) = (None, None);
        self.at_kerb = match self.at_kerb {
            AtKerb::Parked | AtKerb::Leaves => AtKerb::Leaves,
            _ => AtKerb::OnLane,
        };
    }

    /// Tells what is at the end of its way; a door unless told otherwise.
    pub fn set_stop(&mut self, stop: Stop) {
        self.stop = stop;
    }

    /// Ground behind its tail, m, that it signals by its hazard lights to need for backing, or for finding
    /// out whether it has to.
    pub fn signals_behind_m(&self) -> f64 {
        self.behind_m
    }

    /// True while it stands in a gap at the kerb; it comes out when it is given another way.
    pub fn is_parked(&self) -> bool {
        self.at_kerb == AtKerb::Parked
    }

    /// True while it is about to park in a gap at the kerb.
    pub fn is_to_park(&self) -> bool {
        matches!(self.at_kerb, AtKerb::Comes(_) | AtKerb::Enters)
    }

    /// Plans a manoeuvre, a bounded part of the plan in each cycle while it stands, and drives it before
    /// it goes on along its way. It begins at a stand.
    pub fn begin_manoeuvre(&mut self, task: Task) {
        self.parking = Some(Box::new(Parking::new(task)));
        self.backing = None;
        self.stuck_since_s = None;
        self.failure = None;
    }

    /// True while it plans or drives a manoeuvre.
    pub fn manoeuvres(&self) -> bool {
        self.parking.is_some()
    }

    /// The plan of the manoeuvre under way, once there is one.
    pub fn manoeuvre_plan(&self) -> Option<&Plan> {
        self.parking.as_ref().and_then(|p| p.plan())
    }

    /// True if it stands where its way turns back in the street, and cannot turn there: it needs another
    /// way.
    pub fn cannot_turn(&self) -> bool {
        self.no_turn_m.is_some_and(|stop_m| {
            self.way.crossings.iter().any(|c| c.is_in_street && (c.from_m - stop_m).abs() < 1.0)
        })
    }

    /// Times it has turned around between the kerbs of a street, at its end or back in it.
    pub fn n_turned(&self) -> u32 {
        self.n_turned
    }

    /// Why the last manoeuvre ended without a plan, if it did.
    pub fn manoeuvre_failure(&self) -> Option<Failure> {
        self.failure
    }

    /// The way of the rear axle in the manoeuvre under way, for a picture.
    pub fn manoeuvre_line(&self) -> impl Iterator<Item = Point2> + '_ {
        self.parking.iter().flat_map(|p| p.line())
    }

    /// Tells whether the vehicle has come to where it was last decided to stand; true unless told
    /// otherwise. A manoeuvre goes on only then.
    pub fn set_settled(&mut self, is_settled: bool) {
        self.is_settled = is_settled;
    }

    /// The plan of the last cycle.
    pub fn plan(&self) -> &[Planned] {
        &self.plan
    }

    /// How far along its way its centre is, m, and how far to the left of it.
    pub fn place(&self, state: &State) -> (f64, f64) {
        let mut cursor = self.cursor;
        self.way.foot(&mut cursor, state.centre(&self.vehicle))
    }

    /// How long it has stood without a light, a queue or a goal to wait for, s.
    pub fn stuck_s(&self, now_s: f64) -> f64 {
        self.stuck_since_s.map_or(0.0, |s| now_s - s)
    }

    /// One cycle. Bounded work: the number of tracks times the junctions within sight.
    pub fn cycle(&mut self, lanes: &CityLanes, law: &TrafficLaw, sight: &Sight<'_>) -> Decision {
        if let Some(decision) = self.manoeuvre(sight) {
            self.signal_behind(self.parking.as_ref().is_some_and(|p| p.has_to_back()));
            return decision;
        }
        let beside = std::mem::take(&mut self.beside);
        let mut scene = Scene::look(
            *sight,
            &self.vehicle,
            &self.way,
            &mut self.cursor,
            (lanes, &mut self.spots),
            beside,
        );
        scene.waited_s = self.stuck_s(sight.at.0);
        scene.kerb = if lanes.drive_side == DriveSide::Right { -1.0 } else { 1.0 };
        if let Some(task) = next_at_kerb(&scene, lanes, self.stop, &mut self.at_kerb) {
            self.parking = Some(Box::new(Parking::new(task)));
            self.backing = None;
            self.beside = scene.beside;
            return self.manoeuvre(sight).expect("a manoeuvre has just begun");
        }
        let gap = if let AtKerb::Comes(gap) = self.at_kerb { Some(gap) } else { None };
        let end_m = gap.map_or(self.way.goal_m, |gap| gap.stop_m);
        if self.backing.is_none() {
            self.backing = reverse::begin(&scene, &mut self.backed);
        }
        if let Some(backing) = self.backing {
            if let Some(input) = reverse::next(&scene, &backing) {
                let judged = roll::judge_back(
                    &scene,
                    lanes,
                    &mut self.monitor,
                    input,
                    (&mut self.plan, &mut self.judged),
                );
                let decision = back_off(&scene, input, &judged, self.way.goal_m - scene.front_m());
                self.beside = scene.beside;
                return decision;
            }
            self.backing = None;
            self.stuck_since_s = None;
        }
        // Where a map draws no loop it stands before a turn that it cannot do.
        let is_refused = |stop_m: f64| self.no_turn_m == Some(stop_m);
        let end = turning::end_ahead(&scene).filter(|e| e.0.is_in_street || !is_refused(e.1));
        if let Some((crossing, stop_m)) = end
            && !is_refused(stop_m)
            && let Some((task, on_m)) = turning::around(&scene, lanes, (crossing, stop_m))
        {
            self.parking = Some(Box::new(Parking::new(task)));
            self.turning = Some(Turning { stop_m, on_m });
        }
        let mut bounds = std::mem::take(&mut self.bounds);
        bounds.clear();
        if let Some((_, stop_m)) = end {
            let at_m = stop_m - scene.front_m();
            bounds.push((Bound { at_m, mps: 0.0 }, Reason::Manoeuvres));
        }
        let mut held: Option<Held> = None;
        self.aside = aside::plan(&scene, lanes, law, &mut self.memory.passing, &mut held);
        if let Some(held) = held {
            let at_m = held.at_m - scene.front_m();
            bounds.push((Bound { at_m, mps: held.mps }, Reason::WaitsToPass(held.id)));
        }
        let to_goal_m = end_m - scene.front_m();
        let manoeuvres_at_m = match end {
            Some((_, stop_m)) => stop_m - scene.front_m(),
            None if gap.is_some() || self.stop == Stop::Gate => to_goal_m,
            None => f64::INFINITY,
        };
        bounds.push((Bound { at_m: to_goal_m, mps: 0.0 }, Reason::Goal));
        bend_bounds(&scene, &self.aside, &mut bounds);
        self.memory.firm_mps2 = None;
        junction::bounds(&scene, lanes, law, &mut self.memory, &mut bounds);
        follow::changes(&scene, lanes, &mut bounds);
        let lead = follow::lead(&scene, &self.aside, &mut bounds);
        follow::crossed(&scene, &self.aside, &mut bounds);
        let let_in = comes_in::bounds(&scene, lanes, &self.aside, &mut self.branches, &mut bounds);
        narrow::bounds(&scene, &self.aside, &mut bounds);
        follow::blind(&scene, &mut bounds);
        follow::beside_turn(&scene, &mut bounds);
        follow::hidden(&scene, lanes, &self.aside, &mut bounds);
        follow::sees_way(&scene, &self.aside, &mut bounds);
        follow::emergency_vehicles(&scene, &mut bounds);
        let lead_id = lead.as_ref().map(|l| l.0);
        let here = self.way.at(scene.s_m);
        let cap_mps = (here.cap_mps * sight.weather_share).max(1.0);
        let wanted = follow::wanted_mps2(&scene, cap_mps, lead.as_ref());
        let wanted = wanted.min(along_max_mps2(&scene, &self.aside));
        let wanted = let_in.map_or(wanted, |room| wanted.min(room.most_mps2));
        self.scratch.clear();
        self.scratch.extend(bounds.iter().map(|b| b.0));
        let across = across_mps2(&scene);
        let now = (scene.v_mps, sight.acceleration_mps2, across);
        let mut a =
            next_acceleration(now, wanted, cap_mps.max(scene.v_mps - 0.3), &self.scratch, CYCLE_S);
        let mut reason = reason_of((scene.v_mps, now.1, cap_mps), a, wanted, lead_id, &bounds);
        let mut is_emergency = false;
        if let Some(most) = lead.as_ref().and_then(|l| follow::too_near_mps2(&scene, l))
            && most < a
        {
            let most = most.max(sight.acceleration_mps2 - NEAR_JERK_MPS3 * CYCLE_S);
            (a, reason) = (a.min(most), Reason::Follows(lead_id.unwrap_or_default()));
        }
        if let Some(firm_mps2) = self.memory.firm_mps2 {
            let by_jerk = sight.acceleration_mps2 - FIRM_JERK_MPS3 * CYCLE_S;
            let firm = (-firm_mps2).max(by_jerk);
            if firm < a {
                (a, reason) = (firm, Reason::Signal);
            }
        }
        if let Some(room) = let_in
            && a < -0.1
            && room.most_mps2 < a + 0.2
        {
            reason = Reason::LetsIn(room.id);
        }
        let alarm = follow::emergency(&scene, &self.aside, let_in.as_ref());
        let alarmed = std::mem::replace(&mut self.memory.alarmed, alarm.map(|a| a.id));
        let a0 = sight.acceleration_mps2;
        if let Some(alarm) = alarm.filter(|a| a.is_pressing() || alarmed == Some(a.id)) {
            self.memory.brake_until_s = sight.at.0 + 0.3;
            let brake = alarm.next_mps2(a0, CYCLE_S);
            if brake < a {
                (a, reason, is_emergency) = (brake, Reason::Emergency(alarm.id), true);
            }
        } else if sight.at.0 < self.memory.brake_until_s && a0 < -2.0 {
            is_emergency = true;
        }
        // Hard braking is let go gradually: its cause may come back.
        if a0 < -pace::Comfort::ALLOWED.braking_mps2 {
            a = a.min(a0 + RELEASE_JERK_MPS3 * CYCLE_S);
        }
        if let Some((until_s, why)) = self.memory.hold
            && sight.at.0 < until_s
            && scene.v_mps < CREEPS_MPS
        {
            (a, reason) = (a.min(0.0), Reason::Monitor(why));
        }
        self.plan.clear();
        roll::out(&scene, &self.aside, a, &bounds, &mut self.plan);
        let lead = follow::on_strip(&scene, &self.aside);
        let lead = lead.map(|(gap_m, speed_mps)| Lead { gap_m, speed_mps });
        let judged =
            roll::judge(&scene, lanes, &mut self.monitor, &self.plan, lead, &mut self.judged);
        let is_let_through = judged.verdict == Verdict::Pass;
        let mut input = roll::steer(&scene, &self.aside, &sight.state, scene.s_m, a, CYCLE_S);
        if let (Drive::Stop { acceleration_mps2, curvature_1pm }, Verdict::Stop(why)) =
            (judged.drive, judged.verdict)
        {
            // A plan that brakes as hard already is driven on.
            if acceleration_mps2 < a - 0.05 {
                self.memory.hold = Some((sight.at.0 + HOLD_S, why));
                is_emergency = acceleration_mps2 < -2.0;
                (a, reason) = (acceleration_mps2, Reason::Monitor(why));
                input = roll::steer_by(&scene, curvature_1pm, a);
            }
        }
        let (s_m, v_mps, n_beside) = (scene.s_m, scene.v_mps, scene.beside.len());
        self.beside = scene.beside;
        self.bounds = bounds;
        self.note_stuck(sight.at.0, (s_m, v_mps), reason, to_goal_m);
        self.signal_behind(manoeuvres_at_m < SIGNALS_FROM_M);
        Decision {
            input,
            gear: Gear::Forward,
            acceleration_mps2: a,
            reason,
            is_emergency,
            // Where it backs in it has not arrived.
            to_goal_m: if gap.is_some() { f64::INFINITY } else { to_goal_m },
            is_let_through,
            has_verified_stop: judged.has_verified_stop,
            n_beside,
        }
    }

    /// Signals to need room behind it, a little more each cycle, or no longer.
    fn signal_behind(&mut self, is_to_back: bool) {
        let most_m = if is_to_back { BEHIND_M } else { 0.0 };
        self.behind_m = (self.behind_m + BEHIND_MPS * CYCLE_S).min(most_m);
    }

    /// A cycle of a manoeuvre, if one is under way.
    fn manoeuvre(&mut self, sight: &Sight<'_>) -> Option<Decision> {
        if self.at_kerb == AtKerb::Parked {
            self.stuck_since_s = None;
            self.plan.clear();
            return Some(parked(&sight.state));
        }
        let mut parking = self.parking.take()?;
        let (decision, progress) =
            parking.cycle(sight, &self.vehicle, &mut self.monitor, self.is_settled);
        parking.ahead(&self.vehicle, &mut self.plan);
        self.beside.clear();
        let since_s = self.stuck_since_s.unwrap_or(sight.at.0);
        let is_shut_in = self.at_kerb == AtKerb::Leaves && self.failure.is_some();
        self.stuck_since_s = (parking.waits() || is_shut_in).then_some(since_s);
        match progress {
            Progress::GoesOn => {
                self.parking = Some(parking);
                return Some(decision);
            }
            Progress::Done => {
                self.failure = None;
                self.at_kerb = match self.at_kerb {
                    AtKerb::Enters => AtKerb::Parked,
                    _ => AtKerb::OnLane,
                };
                if let Some(turning) = self.turning {
                    self.n_turned += 1;
                    self.cursor = (turning.on_m / way::STEP_M) as usize;
                    self.memory = Memory::default();
                }
            }
            // What stands around it may go: it tries again, and is stuck meanwhile.
            Progress::Failed(why) if self.at_kerb == AtKerb::Leaves => {
                self.failure = Some(why);
                self.stuck_since_s = Some(since_s);
                return Some(decision);
            }
            Progress::Failed(why) => {
                self.failure = Some(why);
                if self.at_kerb == AtKerb::Enters {
                    self.at_kerb = AtKerb::GivenUp;
                }
                self.no_turn_m = self.turning.map(|t| t.stop_m);
            }
        }
        self.stuck_since_s = None;
        self.turning = None;
        Some(decision)
    }

    /// Notes since when it stands; creeping on the spot, from one stop of the monitor's to the next, is
    /// no driving.
    fn note_stuck(&mut self, now_s: f64, (s_m, v_mps): (f64, f64), reason: Reason, to_goal_m: f64) {
        let waits_for_time = matches!(reason, Reason::Signal | Reason::StopSign) || to_goal_m < 3.0;
        let is_on_the_spot = self.stuck_since_s.is_some()
            && v_mps < ON_THE_SPOT_MPS
            && (s_m - self.stuck_at_m).abs() < ON_THE_SPOT_M;
        if waits_for_time || v_mps >= 0.2 && !is_on_the_spot {
            self.stuck_since_s = None;
        } else if self.stuck_since_s.is_none() {
            (self.stuck_since_s, self.stuck_at_m) = (Some(now_s), s_m);
        }
    }

    /// Lets it drive again after the monitor has ended the journey, or it could not get on; somebody
    /// answers for that. How long it stands and how often it has backed off counts anew, and one that has
    /// found no plan out of a gap at the kerb drives off without.
    pub fn release(&mut self) {
        self.monitor.release();
        self.stuck_since_s = None;
        if self.at_kerb == AtKerb::Leaves && self.failure.take().is_some() {
            // Out of the gap as it would drive around something.
            (self.parking, self.at_kerb) = (None, AtKerb::OnLane);
        }
        self.backed = reverse::Backed::default();
    }

    /// The stop that is held ready: centres of its states.
    pub fn held_stop(&self) -> impl Iterator<Item = Point2> + '_ {
        self.monitor.held_stop().iter().map(|p| p.centre)
    }

    /// Everything it knows of the others, for a picture: those of the last cycle near its way.
    pub fn others(&self) -> impl Iterator<Item = &Track> {
        self.beside.iter().map(|b| &b.track)
    }
}

/// Into a gap at the kerb or out of one: the manoeuvre that begins now, if one does.
fn next_at_kerb(
    scene: &Scene<'_>,
    lanes: &CityLanes,
    stop: Stop,
    at_kerb: &mut AtKerb,
) -> Option<Task> {
    match *at_kerb {
        AtKerb::Leaves => return Some(kerb::way_out(scene, lanes)),
        AtKerb::OnLane | AtKerb::Comes(_) if stop == Stop::Kerb => {}
        _ => return None,
    }
    // As it is now seen; one that it has driven up to and that is none is given up.
    let seen = kerb::gap(scene, lanes);
    let known = if let AtKerb::Comes(gap) = *at_kerb { Some(gap) } else { None };
    let is_there = known.is_some_and(|gap| {
        scene.sight.state.speed_mps == 0.0 && (gap.stop_m - scene.front_m()).abs() < 1.0
    });
    if is_there {
        *at_kerb = seen.map_or(AtKerb::GivenUp, |_| AtKerb::Enters);
        return seen.map(|gap| kerb::way_in(scene, lanes, &gap));
    }
    // One that it has stopped beyond is none any more.
    let is_beyond =
        |gap: kerb::Gap| scene.sight.state.speed_mps == 0.0 && scene.front_m() > gap.stop_m + 0.5;
    if known.is_some_and(is_beyond) {
        *at_kerb = AtKerb::GivenUp;
    } else if let (Some(gap), None) = (seen, known) {
        *at_kerb = AtKerb::Comes(gap);
    }
    None
}

/// Stands at the kerb.
fn parked(state: &State) -> Decision {
    Decision {
        input: Input {
            steering_rate_radps: 0.0,
            acceleration_mps2: (-state.speed_mps / CYCLE_S).clamp(-1.0, 1.0),
        },
        gear: Gear::Forward,
        acceleration_mps2: 0.0,
        reason: Reason::Goal,
        is_emergency: false,
        to_goal_m: 0.0,
        is_let_through: true,
        has_verified_stop: true,
        n_beside: 0,
    }
}

/// What is done in a cycle of backing off: as planned, or braked if the monitor says so.
fn back_off(
    scene: &Scene<'_>,
    input: Input,
    judged: &monitor::Decision,
    to_goal_m: f64,
) -> Decision {
    let mut input = input;
    let mut reason = Reason::BacksOff;
    if let (Drive::Stop { acceleration_mps2, .. }, Verdict::Stop(why)) =
        (judged.drive, judged.verdict)
    {
        input.acceleration_mps2 = (-acceleration_mps2).max(input.acceleration_mps2);
        reason = Reason::Monitor(why);
    }
    Decision {
        input,
        gear: Gear::Reverse,
        acceleration_mps2: input.acceleration_mps2,
        reason,
        is_emergency: false,
        to_goal_m,
        is_let_through: judged.verdict == Verdict::Pass,
        has_verified_stop: judged.has_verified_stop,
        n_beside: scene.beside.len(),
    }
}

/// Speeds at which the way ahead may be passed.
fn bend_bounds(scene: &Scene<'_>, aside: &Aside, bounds: &mut Vec<(Bound, Reason)>) {
    let reach_m = scene.v_mps * scene.v_mps / (2.0 * 1.5) + 2.0 * scene.v_mps + 6.0;
    let mut low_mps = f64::INFINITY;
    let mut s_m = scene.s_m + 1.0;
    while s_m < scene.s_m + reach_m {
        let p = scene.way.at(s_m);
        let mut cap = p.cap_mps * scene.sight.weather_share.max(0.3);
        let bend = aside.bend(s_m).abs();
        if bend > 0.01 {
            cap = cap.min((1.3 / (bend + p.curvature_1pm.abs())).sqrt().max(1.5));
        }
        if cap < low_mps - 0.05 && cap < scene.v_mps + 3.0 {
            low_mps = cap;
            bounds.push((Bound { at_m: s_m - scene.s_m, mps: cap }, Reason::Bend));
        }
        s_m += 2.0;
    }
}

/// Acceleration across the way by how the wheels stand, m/s2.
fn across_mps2(scene: &Scene<'_>) -> f64 {
    let bend = scene.sight.state.steering_rad.tan() / scene.vehicle.wheelbase_m();
    scene.v_mps * scene.v_mps * bend.abs()
}

/// What comfort leaves for speeding up in a bend, m/s2.
fn along_max_mps2(scene: &Scene<'_>, aside: &Aside) -> f64 {
    let bend = |ahead_m: f64| {
        let s_m = scene.s_m + ahead_m;
        (scene.way.at(s_m).curvature_1pm + aside.bend(s_m)).abs()
    };
    let across = scene.v_mps * scene.v_mps * bend(0.0).max(bend(0.5 * scene.v_mps));
    let across = across.max(across_mps2(scene));
    (TOGETHER_MPS2 * TOGETHER_MPS2 - across * across).max(0.04).sqrt()
}

/// Which bound explains the acceleration taken.
fn reason_of(
    (v, a0, cap_mps): (f64, f64, f64),
    a: f64,
    wanted: f64,
    lead: Option<u32>,
    bounds: &[(Bound, Reason)],
) -> Reason {
    let top = wanted.min(a0 + pace::Comfort::PLANNED.jerk_mps3 * CYCLE_S);
    if (a >= top - 0.02 || a > -0.05 && v > cap_mps - 0.5) && v > 0.3 {
        return match lead {
            Some(id) if wanted < 0.5 => Reason::Follows(id),
            _ => Reason::Free,
        };
    }
    // The one with the least room left.
    let room = |b: &Bound| b.at_m - pace::braking_way_m(&pace::Comfort::PLANNED, v, a, b.mps);
    bounds
        .iter()
        .filter(|b| b.0.mps < v.max(0.3))
        .min_by(|x, y| room(&x.0).total_cmp(&room(&y.0)))
        .map_or(Reason::Free, |b| b.1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_rounding_leaves_of_a_speed_is_a_stand() {
        let decision = Decision {
            input: Input { steering_rate_radps: 0.0, acceleration_mps2: 0.0 },
            gear: Gear::Forward,
            acceleration_mps2: 0.0,
            reason: Reason::Goal,
            is_emergency: false,
            to_goal_m: 1.0,
            is_let_through: true,
            has_verified_stop: true,
            n_beside: 0,
        };
        let after = |speed_mps| {
            let state = State { speed_mps, ..State::default() };
            decision.driven(&Vehicle::VAN, &state, 10.0, CYCLE_S).speed_mps
        };
        assert_eq!(after(2.7e-20), 0.0);
        assert!((after(0.01) - 0.01).abs() < 1e-9, "what creeps goes on");
    }
}
