//! Scenarios with the driver as the vehicle under test: it sees what its place allows, the monitor
//! stands between it and the vehicle, and the vehicle answers late and within its limits.

use std::time::Duration;

use rv_base::Point2;
use rv_driver::cruise::{Command, Cruise, Habits, Own, Seen, Way, Why};
use rv_driver::monitor::{
    Case, Drive, Lead, Monitor, Pose as Judged, Reason, Rules, Stage, Stops, Track, Verdict,
};
use rv_import::openscenario::{Action, Element, EntityIdx, EntityKind, Scenario};
use rv_map::lanes::LaneUse;

use super::reference::{Brakes, Reference};
use super::trace::Trace;
use super::{PlayError, Player, Pose, Roads, Spot};

/// Steps of the player in a cycle of the driver.
const STEPS_A_CYCLE: usize = 2;
/// Step of the player, s.
pub const STEP_S: f64 = 0.05;
/// Time between two cycles of the driver, s.
const CYCLE_S: f64 = STEP_S * STEPS_A_CYCLE as f64;
/// How far it sees, m.
const RANGE_M: f64 = 150.0;
/// Distance between marks of its way, and how much of it is laid at a time, m.
const MARK_M: f64 = 2.0;
const LAID_M: f64 = 800.0;
/// Hardest braking on a dry road, m/s2, and how fast it builds up, m/s3.
const BRAKES_MPS2: f64 = 8.5;
const BUILDS_UP_MPS3: f64 = 40.0;
/// How fast the wheels turn, rad/s.
const STEERS_RADPS: f64 = 0.6;
/// Further behind than this nobody is met again, m.
const LEFT_BEHIND_M: f64 = 250.0;

/// How far ahead a contact in the plan forbids, s; beyond it the stop that follows counts.
const JUDGED_S: f64 = 1.2;
/// Cosine of the widest angle at which another one counts as going the same way.
const SAME_WAY_COS: f64 = 0.7;

/// Who drives the vehicle under test.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Who {
    /// Our driver, with the monitor.
    Driver,
    /// Nobody: it goes on as the scenario started it.
    Nobody,
    /// A reference driver of UN R157.
    Reference(Reference),
}

/// Bounds of a drive.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct DriveLimits {
    /// Longest, s.
    pub until_s: f64,
    /// True if a trace is to be kept.
    pub keeps_trace: bool,
}

/// A contact of the vehicle under test.
#[derive(Clone, Debug, PartialEq)]
pub struct EgoContact {
    /// When, s.
    pub at_s: f64,
    /// With whom.
    pub with: String,
    /// Its own speed, m/s.
    pub own_mps: f64,
    /// The other one's, m/s.
    pub other_mps: f64,
    /// True if the other one drove into its rear or side while it kept its lane.
    pub from_behind: bool,
}

/// How a drive went.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Driven {
    /// When it ended, s.
    pub ended_s: f64,
    /// True if the scenario ended it, false if time ran out.
    pub is_over: bool,
    /// True if it ended early because everybody else is far behind and falls further back; some
    /// scenarios never end by themselves.
    pub has_left_all: bool,
    /// The first contact.
    pub contact: Option<EgoContact>,
    /// Cycles of the driver.
    pub n_cycles: usize,
    /// Cycles in which the monitor drove.
    pub n_refused: usize,
    /// Cycles without a verified stop.
    pub n_unverified: usize,
    /// Cycles in which it evaded.
    pub n_evading: usize,
    /// Hardest braking, m/s2.
    pub hardest_mps2: f64,
    /// Speed at the end, m/s.
    pub end_mps: f64,
    /// Processor time of each cycle, if a clock was given.
    pub took: Vec<Duration>,
    /// Everybody's motion, if it was to be kept.
    pub trace: Trace,
    /// What the driver did and why, cycle by cycle, if a trace was kept.
    pub log: Vec<(f64, Command, Stage)>,
    /// What could not be done while playing.
    pub faults: Vec<String>,
}

/// The vehicle under test: the one with a controller, or named ego; none if there is neither.
pub fn ego_of(scenario: &Scenario) -> Option<EntityIdx> {
    let named = |name: &str| name.eq_ignore_ascii_case("ego");
    let by_name = scenario.entities.iter().position(|e| named(&e.name));
    by_name.or_else(|| scenario.entities.iter().position(|e| e.has_controller))
}

/// Drives a scenario to its end. `clock` tells processor time, for timings only.
pub fn drive(
    scenario: &Scenario,
    roads: &Roads,
    who: Who,
    limits: DriveLimits,
    clock: Option<&dyn Fn() -> Duration>,
) -> Result<Driven, PlayError> {
    let mut player = Player::new(scenario, roads)?;
    player.has_stand_in = false;
    let ego = ego_of(scenario).ok_or(PlayError::NoEgo)?;
    let waits = activates(scenario, ego);
    let mut driven = Driven { trace: Trace::of(&player), ..Driven::default() };
    let mut pilot: Option<Pilot> = None;
    let mut brakes: Option<Brakes> = None;
    let mut n_steps = 0_usize;
    if limits.keeps_trace {
        driven.trace.note(&player);
    }
    while !player.is_over() && player.time_s() < limits.until_s {
        let is_active = !waits || player.activated() == Some(ego);
        let mut moved = None;
        match who {
            Who::Nobody => {}
            _ if !is_active => {}
            Who::Driver => {
                let pilot = pilot.get_or_insert_with(|| Pilot::new(&player, ego));
                if n_steps.is_multiple_of(STEPS_A_CYCLE) {
                    let before = clock.map(|clock| clock());
                    pilot.cycle(&player, &mut driven);
                    if let (Some(before), Some(clock)) = (before, clock) {
                        driven.took.push(clock().saturating_sub(before));
                    }
                    if limits.keeps_trace {
                        driven.log.push((player.time_s(), pilot.command, pilot.stage));
                    }
                }
                moved = Some(pilot.step());
            }
            Who::Reference(kind) => {
                let mover = &player.movers()[ego];
                let set_mps = mover.speed_mps;
                let brakes = brakes.get_or_insert_with(|| Brakes::new(kind, set_mps));
                let v = brakes.speed_mps(&player, ego, STEP_S);
                moved = along(&player, ego, v);
            }
        }
        player.step(STEP_S, moved.map(|(pose, v)| (ego, pose, v)))?;
        n_steps += 1;
        if limits.keeps_trace {
            driven.trace.note(&player);
        }
        let mover = &player.movers()[ego];
        driven.hardest_mps2 =
            driven.hardest_mps2.max(-mover.acceleration_mps2 * mover.speed_mps.signum());
        if driven.contact.is_none() {
            driven.contact = contact(&player, ego);
        }
        if driven.contact.is_some() {
            break;
        }
        if is_active && n_steps.is_multiple_of(100) && has_left_all(&player, ego) {
            driven.has_left_all = true;
            break;
        }
    }
    driven.ended_s = player.time_s();
    driven.is_over = player.is_over();
    driven.end_mps = player.movers()[ego].speed_mps;
    driven.faults = player.faults().to_vec();
    Ok(driven)
}

/// True if the story activates the ego's controller.
fn activates(scenario: &Scenario, ego: EntityIdx) -> bool {
    fn within(element: &Element, ego: EntityIdx) -> bool {
        let here = element.deed.as_ref().is_some_and(|deed| {
            deed.actor == Some(ego) && matches!(deed.action, Action::ActivateController(..))
        });
        here || element.children.iter().any(|child| within(child, ego))
    }
    scenario.stories.iter().any(|story| within(story, ego))
}

/// True if there are others, and all of them are far behind and slower.
fn has_left_all(player: &Player<'_>, ego: EntityIdx) -> bool {
    let own = &player.movers()[ego];
    let mut others =
        player.movers().iter().enumerate().filter(|(i, m)| *i != ego && m.is_there).peekable();
    others.peek().is_some()
        && own.speed_mps > 0.5
        && others.all(|(_, other)| {
            let (ahead_m, _) = own.pose.local(other.pose.at);
            let turn = other.pose.heading_rad - own.pose.heading_rad;
            ahead_m < -LEFT_BEHIND_M && other.speed_mps * turn.cos() < own.speed_mps
        })
}

fn contact(player: &Player<'_>, ego: EntityIdx) -> Option<EgoContact> {
    let touch = player.touches().iter().find(|t| t.a == ego || t.b == ego)?;
    let other = if touch.a == ego { touch.b } else { touch.a };
    let (own, mover) = (&player.movers()[ego], &player.movers()[other]);
    let (own_outline, _) = player.outline(ego);
    let (ahead_m, _) = own_outline.local(player.outline(other).0.at);
    let turn = mover.pose.heading_rad - own.pose.heading_rad;
    Some(EgoContact {
        at_s: touch.at_s,
        with: player.scenario().entities[other].name.clone(),
        own_mps: own.speed_mps,
        other_mps: mover.speed_mps,
        from_behind: ahead_m < 0.0 && mover.speed_mps * turn.cos() > own.speed_mps,
    })
}

/// Where one comes to along its lane in a step.
fn along(player: &Player<'_>, ego: EntityIdx, speed_mps: f64) -> Option<(Pose, f64)> {
    let mover = &player.movers()[ego];
    let Some(mut spot) = mover.spot else {
        let at = mover.pose.point(speed_mps * STEP_S, 0.0);
        return Some((Pose { at, ..mover.pose }, speed_mps));
    };
    player.roads.advance(&mut spot, speed_mps * STEP_S, &[]);
    Some((player.roads.pose(&spot), speed_mps))
}

/// Our driver in the vehicle.
struct Pilot {
    ego: EntityIdx,
    own: Own,
    is_backwards: bool,
    cruise: Cruise,
    laid_from: Option<Spot>,
    set_mps: f64,
    lane_half_m: f64,
    room_m: (f64, f64),
    edges: Vec<(Point2, Point2)>,
    monitor: Monitor,
    wheelbase_m: f64,
    curvature_1pm: f64,
    /// Commands on their way to the wheels: this one now, the other one next.
    acts: (f64, f64),
    command: Command,
    stage: Stage,
    before: Vec<Option<(Point2, f64)>>,
    seen: Vec<Seen>,
    n_cycles: usize,
    size_m: (f64, f64, f64),
}

impl Pilot {
    fn new(player: &Player<'_>, ego: EntityIdx) -> Self {
        let entity = &player.scenario().entities[ego];
        let mover = &player.movers()[ego];
        let is_backwards = mover.speed_mps < 0.0;
        let turn = if is_backwards { std::f64::consts::PI } else { 0.0 };
        let own = Own {
            at: mover.pose.at,
            heading_rad: mover.pose.heading_rad + turn,
            speed_mps: mover.speed_mps.abs(),
            acceleration_mps2: 0.0,
        };
        let centre_m = if is_backwards { -entity.centre_m.0 } else { entity.centre_m.0 };
        let habits = Habits {
            nose_m: entity.length_m / 2.0 + centre_m,
            tail_m: entity.length_m / 2.0 - centre_m,
            half_width_m: entity.width_m / 2.0,
            gap_m: 2.5,
            gap_s: 1.6,
            acceleration_mps2: 1.2,
            braking_mps2: 2.0,
            braking_max_mps2: BRAKES_MPS2,
            lag_s: CYCLE_S + 0.1,
            across_mps2: 4.0,
            cycle_s: CYCLE_S,
        };
        let points = player.path_ahead(ego, LAID_M, MARK_M);
        let way = lay(&points, &own);
        let rules = Rules {
            braking_max_mps2: BRAKES_MPS2,
            speed_max_mps: 45.0,
            // Nobody is there to release a journey that was ended.
            patience_s: f64::INFINITY,
            judged_s: JUDGED_S,
            stops: Stops::Abrupt,
            ..Rules::van(CYCLE_S)
        };
        let mut pilot = Self {
            ego,
            own,
            is_backwards,
            cruise: Cruise::new(way, habits),
            laid_from: mover.spot,
            set_mps: own.speed_mps,
            lane_half_m: 1.75,
            room_m: (1.75, 1.75),
            edges: Vec::new(),
            monitor: Monitor::new(rules),
            wheelbase_m: if entity.wheelbase_m > 0.5 { entity.wheelbase_m } else { 2.8 },
            curvature_1pm: 0.0,
            acts: (0.0, 0.0),
            command: Command {
                acceleration_mps2: 0.0,
                curvature_1pm: 0.0,
                offset_m: 0.0,
                why: Why::Free,
            },
            stage: Stage::Driving,
            before: vec![None; player.movers().len()],
            seen: Vec::new(),
            n_cycles: 0,
            size_m: (entity.length_m / 2.0, entity.width_m / 2.0, centre_m),
        };
        pilot.look_around(player);
        pilot
    }

    /// Road beside the way: how much of it, and its edges for the monitor.
    fn look_around(&mut self, player: &Player<'_>) {
        let here = self.cruise.place(&self.own);
        if let Some(spot) = player.movers()[self.ego].spot {
            let road = player.roads.road(spot.road);
            if let Some((inner, outer)) = road.lane_borders_m(spot.s_m, spot.lane) {
                self.lane_half_m = (inner - outer).abs() / 2.0;
            }
            let t_m = player.roads.t_m(&spot);
            let line = road.pose(spot.s_m).heading;
            let runs_with = (self.own.heading_rad - line).cos() >= 0.0;
            let (mut low, mut high) = (t_m - self.lane_half_m, t_m + self.lane_half_m);
            if road.junction().is_none() {
                for lane in road.lane_ids(spot.s_m) {
                    if road.lane_use(spot.s_m, lane) == Some(LaneUse::Foot) {
                        continue;
                    }
                    if let Some((a, b)) = road.lane_borders_m(spot.s_m, lane) {
                        low = low.min(a.min(b));
                        high = high.max(a.max(b));
                    }
                }
            } else {
                (low, high) = (low - 3.5, high + 3.5);
            }
            // Counted from the way's line, which the vehicle may have left.
            let (up, down) = (high - t_m, t_m - low);
            self.room_m = if runs_with {
                (up + here.d_m, down - here.d_m)
            } else {
                (down + here.d_m, up - here.d_m)
            };
        }
        let way = self.cruise.way();
        let mut edges = Vec::new();
        for (d_m, sign) in [(self.room_m.0, 1.0), (self.room_m.1, -1.0)] {
            let mut last: Option<Point2> = None;
            for i in 0..8 {
                let s_m = here.s_m - 15.0 + f64::from(i) * 20.0;
                let at = rv_driver::cruise::Place { s_m, d_m: sign * (d_m + 0.1) };
                let (point, ..) = way.at(at);
                if let Some(last) = last {
                    edges.push((last, point));
                }
                last = Some(point);
            }
        }
        self.edges = edges;
    }

    fn cycle(&mut self, player: &Player<'_>, driven: &mut Driven) {
        self.n_cycles += 1;
        driven.n_cycles += 1;
        let here = self.cruise.place(&self.own);
        if self.cruise.way().length_m() - here.s_m < 250.0 {
            self.lay_on(player, here.d_m);
        }
        if self.n_cycles.is_multiple_of(10) {
            self.look_around(player);
        }
        self.command =
            self.cruise.cycle(&self.own, &self.seen, self.set_mps, self.lane_half_m, self.room_m);
        let decision = {
            let plan = self.cruise.preview(&self.own, &self.command, self.acts.1);
            let plan: Vec<Judged> = plan
                .iter()
                .map(|(at_s, at, heading_rad, speed_mps)| Judged {
                    at_s: *at_s,
                    centre: ahead(*at, *heading_rad, self.size_m.2),
                    heading_rad: *heading_rad,
                    speed_mps: *speed_mps,
                })
                .collect();
            let poses: Vec<Vec<Judged>> =
                self.cruise.expected(|at_s, centre, heading_rad, speed_mps| Judged {
                    at_s,
                    centre,
                    heading_rad,
                    speed_mps,
                });
            let halves = self.cruise.sizes();
            let now = Judged {
                at_s: 0.0,
                centre: ahead(self.own.at, self.own.heading_rad, self.size_m.2),
                heading_rad: self.own.heading_rad,
                speed_mps: self.own.speed_mps,
            };
            let others: Vec<Track<'_>> = poses
                .iter()
                .zip(halves)
                .filter(|(poses, _)| !self.follows(&now, poses))
                .map(|(poses, half_m)| Track { half_m, poses })
                .collect();
            self.monitor.cycle(&Case {
                now,
                half_m: (self.size_m.0, self.size_m.1),
                plan: &plan,
                others: &others,
                edges: &self.edges,
                aside: &[],
                age_s: CYCLE_S,
                lead: self.cruise.lead().map(|(gap_m, speed_mps)| Lead { gap_m, speed_mps }),
                outside: None,
            })
        };
        self.stage = decision.stage;
        if self.command.why == Why::Evades {
            driven.n_evading += 1;
        }
        if let Drive::Stop { acceleration_mps2, curvature_1pm } = decision.drive {
            driven.n_refused += 1;
            // Where every stop touches someone, the driver's way is the lesser evil; and played
            // traffic does not react, so that one that comes over leaves no stop to who passes.
            let is_let = decision.verdict == Verdict::Stop(Reason::NoStop);
            if decision.has_verified_stop && !is_let {
                // Whoever brakes harder is right.
                self.command.acceleration_mps2 =
                    self.command.acceleration_mps2.min(acceleration_mps2);
                self.command.curvature_1pm = curvature_1pm;
            }
        }
        if !decision.has_verified_stop {
            driven.n_unverified += 1;
        }
        self.see(player);
    }

    /// True if another one is behind and goes the same way: it is the one that must keep its
    /// distance.
    fn follows(&self, now: &Judged, poses: &[Judged]) -> bool {
        let Some(first) = poses.first() else { return false };
        let (sin, cos) = now.heading_rad.sin_cos();
        let (dx, dy) = (first.centre.x_m - now.centre.x_m, first.centre.y_m - now.centre.y_m);
        let turned = first.heading_rad - now.heading_rad;
        dx * cos + dy * sin < -self.size_m.0 && turned.cos() > SAME_WAY_COS
    }

    /// Lays the way on before it ends.
    fn lay_on(&mut self, player: &Player<'_>, d_m: f64) {
        let Some(mut spot) = player.movers()[self.ego].spot else { return };
        let Some(from) = self.laid_from else { return };
        // Back to the line that it has driven along.
        let sign = if spot.is_forward { 1.0 } else { -1.0 };
        spot.offset_m -= sign * d_m;
        let _ = from;
        let points = player.path_from(spot, LAID_M, MARK_M);
        if points.len() > 120 {
            self.cruise.lay(lay(&points, &self.own));
        }
    }

    /// What it sees: whoever is in range and not hidden, a cycle old when it is used.
    fn see(&mut self, player: &Player<'_>) {
        self.seen.clear();
        let eye = ahead(self.own.at, self.own.heading_rad, self.size_m.2);
        for (idx, mover) in player.movers().iter().enumerate() {
            if idx == self.ego || !mover.is_there {
                self.before[idx] = None;
                continue;
            }
            let (pose, half_m) = player.outline(idx);
            let far_m = pose.at.distance_to(eye).0;
            if far_m > RANGE_M || self.is_hidden(player, idx, eye) {
                self.before[idx] = None;
                continue;
            }
            let (sin, cos) = pose.heading_rad.sin_cos();
            let v = mover.speed_mps;
            let (velocity_mps, acceleration_mps2) = match self.before[idx] {
                Some((at, speed)) => (
                    ((pose.at.x_m - at.x_m) / CYCLE_S, (pose.at.y_m - at.y_m) / CYCLE_S),
                    (v.abs() - speed) / CYCLE_S,
                ),
                None => ((v * cos, v * sin), 0.0),
            };
            self.before[idx] = Some((pose.at, v.abs()));
            // It is used one cycle later: where it will be by then.
            let centre = Point2 {
                x_m: pose.at.x_m + velocity_mps.0 * CYCLE_S,
                y_m: pose.at.y_m + velocity_mps.1 * CYCLE_S,
            };
            let entity = &player.scenario().entities[idx];
            self.seen.push(Seen {
                centre,
                heading_rad: pose.heading_rad,
                half_m,
                velocity_mps,
                acceleration_mps2,
                is_vulnerable: entity.kind == EntityKind::Pedestrian
                    || entity.category == "bicycle",
            });
        }
    }

    /// True if fewer than two of five points of another one can be seen past the rest.
    fn is_hidden(&self, player: &Player<'_>, idx: EntityIdx, eye: Point2) -> bool {
        if player.movers().len() <= 2 {
            return false;
        }
        let (pose, half_m) = player.outline(idx);
        let points = [(0.0, 0.0), (0.9, 0.9), (0.9, -0.9), (-0.9, 0.9), (-0.9, -0.9)];
        let open = points.iter().filter(|(l, w)| {
            let point = pose.point(l * half_m.0, w * half_m.1);
            (0..player.movers().len()).all(|other| {
                other == self.ego
                    || other == idx
                    || !player.movers()[other].is_there
                    || !cuts(player, other, eye, point)
            })
        });
        open.count() < 2
    }

    /// The vehicle after a step of the player.
    fn step(&mut self) -> (Pose, f64) {
        let own = &mut self.own;
        let wanted = self.acts.0.clamp(-BRAKES_MPS2, 3.0);
        let change = BUILDS_UP_MPS3 * STEP_S;
        own.acceleration_mps2 += (wanted - own.acceleration_mps2).clamp(-change, change);
        let after = (own.speed_mps + own.acceleration_mps2 * STEP_S).max(0.0);
        let by_m = (own.speed_mps + after) / 2.0 * STEP_S;
        if after == 0.0 && own.acceleration_mps2 < 0.0 {
            own.acceleration_mps2 = 0.0;
        }
        // Steering: its rate, its lock, and what tyres hold.
        let rate = STEERS_RADPS / self.wheelbase_m * STEP_S;
        let most =
            (0.5_f64.tan() / self.wheelbase_m).min(8.0 / (own.speed_mps * own.speed_mps).max(0.1));
        let turn = (self.acts.1.clamp(-most, most) - self.curvature_1pm).clamp(-rate, rate);
        let bend = self.curvature_1pm + turn / 2.0;
        self.curvature_1pm += turn;
        let middle = own.heading_rad + bend * by_m / 2.0;
        own.at.x_m += by_m * middle.cos();
        own.at.y_m += by_m * middle.sin();
        own.heading_rad += bend * by_m;
        own.speed_mps = after;
        // What was commanded reaches the wheels a step later.
        self.acts = (self.command.acceleration_mps2, self.command.curvature_1pm);
        let (turn, sign) =
            if self.is_backwards { (std::f64::consts::PI, -1.0) } else { (0.0, 1.0) };
        (Pose { at: own.at, heading_rad: own.heading_rad - turn }, sign * after)
    }
}

fn lay(points: &[Pose], own: &Own) -> Way {
    let points: Vec<Point2> = points.iter().map(|p| p.at).collect();
    Way::new(&points, MARK_M).unwrap_or_else(|| {
        let straight = [own.at, ahead(own.at, own.heading_rad, MARK_M)];
        Way::new(&straight, MARK_M).expect("two points make a way")
    })
}

fn ahead(at: Point2, heading_rad: f64, by_m: f64) -> Point2 {
    let (sin, cos) = heading_rad.sin_cos();
    Point2 { x_m: at.x_m + by_m * cos, y_m: at.y_m + by_m * sin }
}

/// True if one's box cuts the line of sight between two points.
fn cuts(player: &Player<'_>, idx: EntityIdx, from: Point2, to: Point2) -> bool {
    let (pose, half_m) = player.outline(idx);
    let ((ax, ay), (bx, by)) = (pose.local(from), pose.local(to));
    let (mut enter, mut leave) = (0.0_f64, 1.0_f64);
    for (a, d, half) in [(ax, bx - ax, half_m.0), (ay, by - ay, half_m.1)] {
        if d.abs() < 1e-12 {
            if a.abs() > half {
                return false;
            }
            continue;
        }
        let (t0, t1) = ((-half - a) / d, (half - a) / d);
        enter = enter.max(t0.min(t1));
        leave = leave.min(t0.max(t1));
    }
    enter <= leave
}
