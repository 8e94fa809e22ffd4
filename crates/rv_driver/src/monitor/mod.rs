//! The monitor: lets a plan through only if it is safe by rules of its own and leaves a way to a
//! safe stop; otherwise it drives the stop that it verified before.
//!
//! It shares no code with the planner: own geometry (outlines against half-planes), own kinematic
//! check, own roll-out of stops, road and others handed in as plain numbers. Its distances are
//! those of responsibility-sensitive safety ([`rss`]); its stops are fail-safe manoeuvres in the
//! sense of Pek and Althoff 2018, "Computationally efficient fail-safe trajectory planning for
//! self-driving vehicles using convex optimization": a plan is driven for one cycle only if a
//! verified stop follows that cycle.
//!
//! What it guarantees, and under which assumptions, stands in docs/driver.md.

mod odd;
mod outline;
pub mod rss;
mod stop;

use rv_base::Point2;

pub use odd::{Domain, Outside, Readings};
use outline::Outline;
use stop::{Grade, Line, Stop, roll_out, wrapped};

/// What the monitor assumes of the vehicle and of others.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rules {
    /// Time between an observation and the start of braking, s.
    pub response_s: f64,
    /// Strongest acceleration of the follower during the response, m/s2.
    pub acceleration_max_mps2: f64,
    /// Braking that the follower surely reaches, m/s2.
    pub braking_min_mps2: f64,
    /// Strongest braking of the one in front, and of the vehicle itself, m/s2.
    pub braking_max_mps2: f64,
    /// Braking of a stop that nobody notices, m/s2.
    pub braking_gentle_mps2: f64,
    /// Time until the brakes answer, s.
    pub brake_lag_s: f64,
    /// Oldest observation that is trusted, s.
    pub age_max_s: f64,
    /// Strongest acceleration, along and across together, that the vehicle can follow, m/s2.
    pub grip_mps2: f64,
    /// Fastest it may drive, m/s.
    pub speed_max_mps: f64,
    /// Time between two cycles, s.
    pub cycle_s: f64,
    /// Step of stops as they are rolled out, s.
    pub step_s: f64,
    /// How long plans may be refused in a row before the journey ends, s.
    pub patience_s: f64,
    /// How far ahead a contact of the plan forbids, s; beyond it the stop that follows the cycle is
    /// what counts.
    pub judged_s: f64,
    /// How its stops build up.
    pub stops: Stops,
}

/// How braking of the monitor's stops builds up; it takes the gentlest stop that touches nothing.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Stops {
    /// Gentle, surely reached, or as hard as can be, each at once.
    Abrupt,
    /// In grades from gentle to as hard as can be, with a jerk that grows alike, m/s3; braking
    /// fades as it comes to a stand.
    Graded {
        /// Jerk of the gentlest.
        gentle_mps3: f64,
        /// Jerk of the hardest: how fast brakes build up.
        hardest_mps3: f64,
    },
}

impl Rules {
    /// A van in a city; braking of others as in Shalev-Shwartz et al. 2017 and its parameters in
    /// IEEE 2846-2022, examples.
    pub fn van(cycle_s: f64) -> Self {
        Self {
            response_s: 0.3,
            acceleration_max_mps2: 2.0,
            braking_min_mps2: 4.0,
            braking_max_mps2: 8.0,
            braking_gentle_mps2: 2.0,
            brake_lag_s: 0.1,
            stops: Stops::Graded { gentle_mps3: 1.9, hardest_mps3: 40.0 },
            age_max_s: 0.3,
            grip_mps2: 9.0,
            speed_max_mps: 33.4,
            cycle_s,
            step_s: 0.1,
            patience_s: 0.5,
            judged_s: f64::INFINITY,
        }
    }

    /// A loaded truck: 80,000 lb at 65 mph stand after 525 ft, of which air brakes take 0.75 s to
    /// answer: 29.06 m/s, 160.0 m, so 3.06 m/s2.
    pub fn truck(cycle_s: f64) -> Self {
        Self {
            braking_min_mps2: 3.06,
            braking_max_mps2: 6.0,
            braking_gentle_mps2: 1.5,
            brake_lag_s: 0.75,
            response_s: 0.3 + 0.75,
            acceleration_max_mps2: 1.0,
            grip_mps2: 7.0,
            speed_max_mps: 29.1,
            ..Self::van(cycle_s)
        }
    }
}

/// A state; the position is the centre of the outline.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Pose {
    /// Seconds from now.
    pub at_s: f64,
    /// Centre, m.
    pub centre: Point2,
    /// Heading, rad.
    pub heading_rad: f64,
    /// Speed, m/s.
    pub speed_mps: f64,
}

/// Where another one is and will be, as far as is known.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Track<'a> {
    /// Half its length and half its width, m.
    pub half_m: (f64, f64),
    /// Its states in order of time; between them it goes straight, after the last it goes on as
    /// it went.
    pub poses: &'a [Pose],
}

/// One in the same lane.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Lead {
    /// Free distance, m.
    pub gap_m: f64,
    /// Its speed in the direction of the vehicle, m/s.
    pub speed_mps: f64,
}

/// All that the monitor looks at in a cycle.
#[derive(Clone, Copy, Debug)]
pub struct Case<'a> {
    /// Where the vehicle is now.
    pub now: Pose,
    /// Half its length and half its width, m.
    pub half_m: (f64, f64),
    /// The plan, in order of time, from now on.
    pub plan: &'a [Pose],
    /// The others.
    pub others: &'a [Track<'a>],
    /// Edges of the road.
    pub edges: &'a [(Point2, Point2)],
    /// Where it may pull over: a line for its centre, in driving direction; empty if nowhere.
    pub aside: &'a [Point2],
    /// Age of the observation that all this rests on, s.
    pub age_s: f64,
    /// The vehicle in front.
    pub lead: Option<Lead>,
    /// What is outside of the operating domain, if anything.
    pub outside: Option<Outside>,
}

/// What the monitor found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The plan may be driven.
    Pass,
    /// It must not.
    Stop(Reason),
}

/// Why a plan is not let through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// No plan, or one that ends at once.
    Empty,
    /// A number is not finite.
    NotFinite,
    /// The observation is too old.
    Stale,
    /// It does not begin where the vehicle is.
    Jump,
    /// The vehicle cannot follow it.
    Infeasible,
    /// Too fast.
    TooFast,
    /// It touches one of the others.
    Contact,
    /// It crosses an edge of the road.
    Edge,
    /// Too near to the vehicle in front, and not braking enough.
    TooNear,
    /// After its first cycle there is no safe stop.
    NoStop,
    /// The operating domain has been left.
    Outside(Outside),
}

/// What is to be done in this cycle.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Decision {
    /// What was found of the plan.
    pub verdict: Verdict,
    /// The plan, or the monitor's own stop.
    pub drive: Drive,
    /// How far the journey has come.
    pub stage: Stage,
    /// True if a stop that touches nothing follows this cycle, by what is known now.
    pub has_verified_stop: bool,
}

impl Decision {
    /// True if the hazard lights are to be on.
    pub fn hazard_lights(&self) -> bool {
        matches!(self.stage, Stage::MinimalRisk(_) | Stage::Standing(_))
    }
}

/// Who drives in this cycle.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Drive {
    /// The plan.
    Plan,
    /// The monitor: this acceleration, m/s2, and this curvature of the way of the centre, 1/m.
    Stop {
        /// Acceleration, m/s2: braking, or what is left of an acceleration that is let go.
        acceleration_mps2: f64,
        /// Curvature, 1/m, more than zero to the left.
        curvature_1pm: f64,
    },
}

/// How far the journey has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Plans are driven.
    Driving,
    /// A plan was refused; the verified stop is driven until one passes again.
    Bridging,
    /// The journey ends: it brings itself to a stand.
    MinimalRisk(Reason),
    /// It stands, until somebody releases it.
    Standing(Reason),
}

/// The monitor of one vehicle.
#[derive(Clone, Debug)]
pub struct Monitor {
    rules: Rules,
    held: Option<Stop>,
    /// Seconds since the held stop was verified.
    held_s: f64,
    /// Seconds for which plans have been refused.
    refused_s: f64,
    ending: Option<Reason>,
    is_pulling_over: bool,
    last_mps: f64,
    /// Its acceleration, by its speeds of two cycles, m/s2.
    speeds_up_mps2: f64,
    has_begun: bool,
    /// For how long it has been nearer to the one in front than it should, s.
    near_s: f64,
}

impl Monitor {
    /// A monitor at the start of a journey.
    pub fn new(rules: Rules) -> Self {
        Self {
            rules,
            held: None,
            held_s: 0.0,
            refused_s: 0.0,
            ending: None,
            is_pulling_over: false,
            last_mps: 0.0,
            speeds_up_mps2: 0.0,
            has_begun: false,
            near_s: 0.0,
        }
    }

    /// What it assumes.
    pub fn rules(&self) -> &Rules {
        &self.rules
    }

    /// Lets the vehicle drive again after it has stood; somebody answers for that.
    pub fn release(&mut self) {
        *self = Self { last_mps: self.last_mps, ..Self::new(self.rules) };
    }

    /// The states of the stop that is held ready, from the cycle in which it was verified.
    pub fn held_stop(&self) -> &[Pose] {
        self.held.as_ref().map_or(&[], |stop| &stop.poses)
    }

    /// Judges the plan of a cycle, and says what to drive. To be called once a cycle.
    pub fn cycle(&mut self, case: &Case<'_>) -> Decision {
        self.held_s += self.rules.cycle_s;
        self.note_speed(case.now.speed_mps);
        let found = match judge(&self.rules, case) {
            Verdict::Stop(Reason::TooNear) if self.answers(case) => {
                self.stop_after(case).map_err(|_| Reason::NoStop)
            }
            Verdict::Pass => self.stop_after(case).map_err(|_| Reason::NoStop),
            Verdict::Stop(reason) => Err(reason),
        };
        if !is_too_near(&self.rules, case) {
            self.near_s = 0.0;
        }
        if self.ending.is_none()
            && let Ok(stop) = found
        {
            self.held = Some(stop);
            self.held_s = 0.0;
            self.refused_s = 0.0;
            self.last_mps = case.now.speed_mps;
            let (verdict, stage) = (Verdict::Pass, Stage::Driving);
            return Decision { verdict, drive: Drive::Plan, stage, has_verified_stop: true };
        }
        let reason = found.err().or(self.ending).unwrap_or(Reason::NoStop);
        // One that others make brake or stand waits; that ends no journey.
        let waits = matches!(reason, Reason::Contact | Reason::TooNear | Reason::NoStop);
        self.refused_s = match waits {
            true if case.now.speed_mps.abs() < STANDS_MPS => 0.0,
            true => self.refused_s,
            false => self.refused_s + self.rules.cycle_s,
        };
        if self.ending.is_none()
            && (self.refused_s > self.rules.patience_s || matches!(reason, Reason::Outside(_)))
        {
            self.ending = Some(reason);
        }
        self.stop(case, reason)
    }

    /// True if it has come too near only now, and the plan lets go of what acceleration there is: the
    /// braking that is needed is due when the response time is over.
    fn answers(&mut self, case: &Case<'_>) -> bool {
        let Stops::Graded { gentle_mps3, .. } = self.rules.stops else { return false };
        self.near_s += self.rules.cycle_s;
        let [a, b, ..] = case.plan else { return false };
        let plan_mps2 = (b.speed_mps - a.speed_mps) / (b.at_s - a.at_s);
        let less_mps2 = self.speeds_up_mps2 - gentle_mps3 * self.rules.cycle_s;
        self.near_s < self.rules.response_s + 1e-9 && plan_mps2 < less_mps2 + 0.01
    }

    /// Notes how fast it is now, and by how much faster than a cycle ago.
    fn note_speed(&mut self, now_mps: f64) {
        let most_mps2 = self.rules.grip_mps2;
        let change = (now_mps - self.last_mps) / self.rules.cycle_s;
        self.speeds_up_mps2 = match self.has_begun && change.is_finite() {
            true => change.clamp(-most_mps2, most_mps2),
            false => 0.0,
        };
        self.has_begun = true;
    }

    /// A stop along the plan that begins after one cycle, the gentlest that touches nothing.
    fn stop_after(&self, case: &Case<'_>) -> Result<Stop, Reason> {
        let r = &self.rules;
        let v = case.now.speed_mps.max(0.0);
        let reach_m = v * v / (2.0 * r.braking_gentle_mps2) + 2.0 * v + 2.0;
        let line = Line::through(&case.now, case.plan, reach_m);
        let speeds_up_mps2 = match case.plan {
            [a, b, ..] => (b.speed_mps - a.speed_mps) / (b.at_s - a.at_s),
            _ => self.speeds_up_mps2,
        };
        self.gentlest(case, &line, (r.cycle_s, speeds_up_mps2))
    }

    /// The gentlest stop along a line; before it, the vehicle drives on for a time with an
    /// acceleration.
    fn gentlest(&self, case: &Case<'_>, line: &Line, before: (f64, f64)) -> Result<Stop, Reason> {
        let mut last = Reason::NoStop;
        for grade in Grade::all(&self.rules) {
            match roll_out(&self.rules, case, line, before, grade) {
                Ok(poses) => return Ok(Stop { line: line.clone(), grade, poses }),
                Err(reason) => last = reason,
            }
        }
        Err(last)
    }

    /// Drives a stop: the one held, or a better one, or as hard as it can.
    fn stop(&mut self, case: &Case<'_>, reason: Reason) -> Decision {
        let verdict = Verdict::Stop(reason);
        if !sees(&self.rules, case) {
            return self.stop_blind(verdict, reason);
        }
        self.last_mps = case.now.speed_mps;
        let stage = match self.ending {
            Some(why) if case.now.speed_mps < 0.05 => Stage::Standing(why),
            Some(why) => Stage::MinimalRisk(why),
            None => Stage::Bridging,
        };
        let (stop, has_verified_stop) = match self.find_stop(case) {
            Some(stop) => (stop, true),
            None => {
                let line = self
                    .held
                    .take()
                    .map_or_else(|| Line::straight(&case.now, 50.0), |held| held.line);
                (Stop { line, grade: Grade::hardest(&self.rules), poses: Vec::new() }, false)
            }
        };
        let curvature_1pm = stop.line.steer(&case.now);
        let (v, dt_s) = (case.now.speed_mps.max(0.0), self.rules.cycle_s);
        let next_mps2 = stop.grade.next_mps2(v, self.speeds_up_mps2, dt_s);
        let acceleration_mps2 = next_mps2.min(self.rules.acceleration_max_mps2);
        self.held = Some(stop);
        self.held_s = 0.0;
        let drive = Drive::Stop { acceleration_mps2, curvature_1pm };
        Decision { verdict, drive, stage, has_verified_stop }
    }

    /// A verified stop from where the vehicle is: over to the side if the journey ends, along the
    /// line held, straight on.
    fn find_stop(&mut self, case: &Case<'_>) -> Option<Stop> {
        let r = self.rules;
        let v = case.now.speed_mps.max(0.0);
        let now = (0.0, self.speeds_up_mps2);
        if self.ending.is_some() && case.aside.len() >= 2 && !self.is_pulling_over {
            let within_m = (4.0 * v).max(12.0);
            let line = Line::over_to(&case.now, case.aside, within_m);
            // So gentle that it stands just after it has come over.
            let braking_mps2 = (v * v / (2.0 * (within_m + 8.0))).clamp(0.3, r.braking_min_mps2);
            let grade = Grade { braking_mps2, ..Grade::gentlest(&r) };
            let stop = line.and_then(|line| {
                let poses = roll_out(&r, case, &line, now, grade).ok()?;
                Some(Stop { line, grade, poses })
            });
            if let Some(stop) = stop {
                self.is_pulling_over = true;
                return Some(stop);
            }
        }
        if let Some(held) = &self.held {
            let line = held.line.rest_from(&case.now);
            if self.is_pulling_over
                && let Ok(poses) = roll_out(&r, case, &line, now, held.grade)
            {
                return Some(Stop { line, grade: held.grade, poses });
            }
            if let Ok(stop) = self.gentlest(case, &line, now) {
                return Some(stop);
            }
        }
        let reach_m = v * v / (2.0 * r.braking_gentle_mps2) + 2.0 * v + 2.0;
        self.gentlest(case, &Line::straight(&case.now, reach_m), now).ok()
    }

    /// Nothing is known of now: the held stop is driven by dead reckoning.
    fn stop_blind(&mut self, verdict: Verdict, reason: Reason) -> Decision {
        let elapsed_s = self.held_s;
        // What it does until the next look is not seen.
        self.has_begun = false;
        self.last_mps = (self.last_mps - self.rules.braking_min_mps2 * self.rules.cycle_s).max(0.0);
        let stage = match self.ending {
            Some(why) if self.last_mps <= 0.0 => Stage::Standing(why),
            Some(why) => Stage::MinimalRisk(why),
            None => Stage::Bridging,
        };
        let _ = reason;
        let (acceleration_mps2, curvature_1pm, is_known) = match &self.held {
            Some(stop) if !stop.poses.is_empty() => {
                let n = stop.poses.partition_point(|p| p.at_s <= elapsed_s);
                let pose = stop.poses[n.saturating_sub(1)];
                let bend = stop.line.bend_at(&pose);
                let braking_mps2 = stop.grade.braking_mps2.max(self.rules.braking_min_mps2);
                let brakes = elapsed_s >= stop.grade.waits_s;
                (if brakes { -braking_mps2 } else { 0.0 }, bend, true)
            }
            _ => (-self.rules.braking_min_mps2, 0.0, false),
        };
        let drive = Drive::Stop { acceleration_mps2, curvature_1pm };
        Decision { verdict, drive, stage, has_verified_stop: is_known }
    }
}

/// Judges a plan, without regard to the stop after it. Linear in states times others and edges.
pub fn judge(rules: &Rules, case: &Case<'_>) -> Verdict {
    match fault(rules, case) {
        Some(reason) => Verdict::Stop(reason),
        None => Verdict::Pass,
    }
}

/// The gap that a follower needs, m: whatever the one in front does, the follower can stop behind
/// it if it brakes after its response time.
pub fn rss_gap_m(rules: &Rules, follower_mps: f64, lead_mps: f64) -> f64 {
    let along = |speed_mps: f64| rss::Along {
        speed_mps,
        speed_max_mps: rules.speed_max_mps,
        response_s: rules.response_s,
        acceleration_max_mps2: rules.acceleration_max_mps2,
        braking_min_mps2: rules.braking_min_mps2,
        braking_max_mps2: rules.braking_max_mps2,
        braking_min_correct_mps2: rules.braking_min_mps2,
    };
    rss::same_way_m(&along(follower_mps), &along(lead_mps))
}

/// True if what is told of now can be used at all.
fn sees(rules: &Rules, case: &Case<'_>) -> bool {
    pose_is_finite(&case.now)
        && (0.0..=rules.age_max_s).contains(&case.age_s)
        && case.others.iter().all(track_is_finite)
}

fn fault(rules: &Rules, case: &Case<'_>) -> Option<Reason> {
    if !case.age_s.is_finite()
        || !pose_is_finite(&case.now)
        || !case.plan.iter().all(pose_is_finite)
        || !case.others.iter().all(track_is_finite)
    {
        return Some(Reason::NotFinite);
    }
    if case.age_s > rules.age_max_s || case.age_s < 0.0 {
        return Some(Reason::Stale);
    }
    if let Some(outside) = case.outside {
        return Some(Reason::Outside(outside));
    }
    let [first, second, ..] = case.plan else { return Some(Reason::Empty) };
    let off_m =
        (first.centre.x_m - case.now.centre.x_m).hypot(first.centre.y_m - case.now.centre.y_m);
    let turned = wrapped(first.heading_rad - case.now.heading_rad).abs();
    if off_m > 0.5
        || turned > 0.2
        || (first.speed_mps - case.now.speed_mps).abs() > 1.0
        || first.at_s.abs() > 0.05
    {
        return Some(Reason::Jump);
    }
    for pair in case.plan.windows(2) {
        if let Some(reason) = unfollowable(rules, &pair[0], &pair[1]) {
            return Some(reason);
        }
    }
    let mut judged = case.plan.iter().take_while(|pose| pose.at_s <= rules.judged_s);
    if let Some(reason) = judged.find_map(|pose| contact_at(case, pose, 0.0)) {
        return Some(reason);
    }
    let slowing_mps2 = (first.speed_mps - second.speed_mps) / (second.at_s - first.at_s);
    too_near(rules, case, slowing_mps2).then_some(Reason::TooNear)
}

/// True if the gap in front is smaller than it must be and the plan does not brake as it should:
/// as hard as closing in asks for, at most as hard as the vehicle surely can.
fn too_near(rules: &Rules, case: &Case<'_>, slowing_mps2: f64) -> bool {
    let Some(Lead { gap_m, speed_mps }) = case.lead else { return false };
    if !(gap_m.is_finite() && speed_mps.is_finite()) {
        return true;
    }
    let v = case.now.speed_mps;
    if !is_too_near(rules, case) {
        return false;
    }
    let closing = (v - speed_mps.max(0.0)).max(0.0);
    let needed = (closing * closing / (2.0 * gap_m.max(0.1)) + 0.2).min(rules.braking_min_mps2);
    slowing_mps2 < needed - 0.05
}

/// True if the gap in front is smaller than it must be.
fn is_too_near(rules: &Rules, case: &Case<'_>) -> bool {
    case.lead.is_some_and(|lead| {
        let v = case.now.speed_mps;
        v >= 0.1 && lead.gap_m < rss_gap_m(rules, v, lead.speed_mps)
    })
}

/// Slower than this, the vehicle stands, m/s.
const STANDS_MPS: f64 = 0.05;

/// What a pose touches. To stay where one stands is nobody's danger: whoever comes, comes to it.
fn contact_at(case: &Case<'_>, pose: &Pose, air_m: f64) -> Option<Reason> {
    let (dx, dy) = (pose.centre.x_m - case.now.centre.x_m, pose.centre.y_m - case.now.centre.y_m);
    let is_still = case.now.speed_mps.abs() < STANDS_MPS && pose.speed_mps.abs() < STANDS_MPS;
    if is_still && dx.hypot(dy) < 0.02 {
        return None;
    }
    let own = Outline::of(pose, (case.half_m.0 + air_m, case.half_m.1 + air_m));
    if case.others.iter().any(|track| touches(&own, track, pose.at_s)) {
        return Some(Reason::Contact);
    }
    // An edge that is touched already cannot be avoided any more, only left behind.
    let crosses = |edge: &&(Point2, Point2)| {
        own.meets(**edge) && !Outline::of(&case.now, case.half_m).meets(**edge)
    };
    case.edges.iter().find(crosses).map(|_| Reason::Edge)
}

/// True if another one, where it is at a time, touches an outline.
fn touches(own: &Outline, track: &Track<'_>, at_s: f64) -> bool {
    let reach_m = track.half_m.0 + track.half_m.1;
    let n = track.poses.partition_point(|p| p.at_s <= at_s);
    let before = n.checked_sub(1).and_then(|i| track.poses.get(i));
    let there = match (before, track.poses.get(n)) {
        (None, None) => return false,
        (None, Some(first)) => *first,
        (Some(before), Some(after)) => {
            let x = (at_s - before.at_s) / (after.at_s - before.at_s).max(1e-9);
            let mix = |p: f64, q: f64| p + (q - p) * x;
            let centre = Point2 {
                x_m: mix(before.centre.x_m, after.centre.x_m),
                y_m: mix(before.centre.y_m, after.centre.y_m),
            };
            if !own.is_near(centre, reach_m) {
                return false;
            }
            let turned = wrapped(after.heading_rad - before.heading_rad);
            Pose { centre, heading_rad: before.heading_rad + turned * x, ..*before }
        }
        // Beyond what is told it goes straight on.
        (Some(before), None) => {
            let by_m = before.speed_mps * (at_s - before.at_s);
            if !own.is_near(before.centre, reach_m + by_m.abs()) {
                return false;
            }
            let (sin, cos) = before.heading_rad.sin_cos();
            let centre =
                Point2 { x_m: before.centre.x_m + by_m * cos, y_m: before.centre.y_m + by_m * sin };
            Pose { centre, ..*before }
        }
    };
    own.is_near(there.centre, reach_m) && own.touches(&Outline::of(&there, track.half_m))
}

fn pose_is_finite(p: &Pose) -> bool {
    [p.at_s, p.centre.x_m, p.centre.y_m, p.heading_rad, p.speed_mps].iter().all(|x| x.is_finite())
}

fn track_is_finite(t: &Track<'_>) -> bool {
    t.half_m.0.is_finite() && t.half_m.1.is_finite() && t.poses.iter().all(pose_is_finite)
}

/// What forbids going from one state to the next.
fn unfollowable(rules: &Rules, a: &Pose, b: &Pose) -> Option<Reason> {
    let dt_s = b.at_s - a.at_s;
    if !(1e-3..=1.0).contains(&dt_s) {
        return Some(Reason::Infeasible);
    }
    if b.speed_mps > rules.speed_max_mps || b.speed_mps < -0.1 {
        return Some(Reason::TooFast);
    }
    let (dx, dy) = (b.centre.x_m - a.centre.x_m, b.centre.y_m - a.centre.y_m);
    let moved_m = dx.hypot(dy);
    let expected_m = (a.speed_mps + b.speed_mps) / 2.0 * dt_s;
    let turned = wrapped(b.heading_rad - a.heading_rad);
    let along = (b.speed_mps - a.speed_mps) / dt_s;
    let across = a.speed_mps.max(b.speed_mps) * turned / dt_s;
    // The centre of a turning vehicle moves a little further than its rear axle.
    let slack_m = 0.05 + 0.02 * expected_m.abs() + 2.0 * turned.abs();
    let is_off = (moved_m - expected_m).abs() > slack_m;
    // It goes where its nose points, but for the swing of its centre about the rear axle.
    let middle = a.heading_rad + turned / 2.0;
    let beside_m = (dy * middle.cos() - dx * middle.sin()).abs();
    let slides = beside_m > 0.05 + 0.25 * moved_m + 2.0 * turned.abs();
    let is_wild = along.hypot(across) > rules.grip_mps2 * 1.01;
    (is_off || slides || is_wild).then_some(Reason::Infeasible)
}

#[cfg(test)]
mod tests;
