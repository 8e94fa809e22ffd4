//! The referee of a drive: watches where the van is and what it touches, with geometry of its own,
//! and knows nothing of how it is driven.

use rv_base::{Point2, Seconds};
use rv_driver::law::{Precedence, TrafficLaw};
use rv_driver::tracking::Class;
use rv_map::city_lanes::{CityLaneId, CityLaneKind, CityLanes, Sign, Spot};
use rv_map::lanes::Aspect;
use serde::Serialize;

use super::world::{Thing, VanBody};

/// What the referee counts.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Findings {
    /// Distance driven, m.
    pub driven_m: f64,
    /// Time, s.
    pub time_s: f64,
    /// Contacts in which the van is at fault.
    pub contacts_at_fault: u32,
    /// All contacts.
    pub contacts: u32,
    /// Stop lines crossed at red.
    pub red_lights: u32,
    /// Lines of stop signs crossed without having stood.
    pub stop_signs: u32,
    /// Distance driven where the permit does not hold, m.
    pub outside_permit_m: f64,
    /// Distance driven with a corner outside every lane, m.
    pub off_lane_m: f64,
    /// Time faster than the limit by more than 0.5 m/s, s.
    pub over_limit_s: f64,
    /// Soft hazards driven over.
    pub soft_hazards: u32,
    /// Strongest acceleration outside emergencies, along, across and together, m/s2.
    pub along_max_mps2: f64,
    /// See `along_max_mps2`.
    pub across_max_mps2: f64,
    /// See `along_max_mps2`.
    pub both_max_mps2: f64,
    /// Strongest jerk along the way outside emergencies, m/s3.
    pub jerk_max_mps3: f64,
    /// Share of time outside emergencies with more than 2 m/s2 (together) or 2 m/s3 (along).
    pub rough_s: f64,
    /// Emergencies: times at which somebody left no room for comfort.
    pub emergencies: u32,
    /// Time in emergencies, s.
    pub emergency_s: f64,
    /// Calls for remote assistance.
    pub calls: u32,
}

/// A contact, for looking into it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ContactSeen {
    /// When, s since the start of the drive.
    pub at_s: f64,
    /// With what.
    pub class: Class,
    /// Number of the other.
    pub id: u32,
    /// True if the van is at fault.
    pub is_at_fault: bool,
    /// Speeds of the van and the other, m/s.
    pub speeds_mps: (f64, f64),
    /// The other's centre as the van has it: ahead and to the left, m, and its heading, rad.
    pub relative: (f64, f64, f64),
}

/// Who has come over into another's way less than this ago answers for being hit from behind, s.
const SETTLED_S: f64 = 2.0;

/// A stop at a sign is made no further before its line than this, m.
const STOP_WITHIN_M: f64 = 4.0;

/// A stop line of a light or a stop sign.
struct Line {
    a: Point2,
    b: Point2,
    heading_rad: f64,
    rule: Rule,
}

/// What a line asks for.
#[derive(Clone, Copy)]
enum Rule {
    Light((u32, u8)),
    Stop,
}

/// Watches one van.
pub struct Referee {
    lines: Vec<Line>,
    law: TrafficLaw,
    permitted: Box<dyn Fn(CityLaneId) -> bool + Send>,
    found: Findings,
    contacts: Vec<ContactSeen>,
    touching: Vec<u32>,
    before: Option<VanBody>,
    /// Speed, acceleration and heading of the last steps.
    last_a_mps2: f64,
    emergency_until_s: f64,
    /// Distance driven since it last stood, m.
    since_stand_m: f64,
    spots: Vec<Spot>,
    steps: u64,
    is_off: (bool, bool),
    /// How long it has been within one lane, s.
    settled_s: f64,
    /// Walls of yards, and the ground of each, where it may be beside the lanes.
    walls: Vec<(Point2, Point2)>,
    yards: Vec<[Point2; 4]>,
    is_at_wall: bool,
}

impl Referee {
    /// A referee for a drive along some edges' lanes; `permitted` says where it may drive.
    pub fn new(
        lanes: &CityLanes,
        law: &TrafficLaw,
        along: &[CityLaneId],
        permitted: impl Fn(CityLaneId) -> bool + Send + 'static,
    ) -> Self {
        let mut referee = Self::watching(law.clone(), permitted);
        referee.goes_along(lanes, along);
        referee
    }

    /// Watches the lines at the ends of further lanes.
    pub fn goes_along(&mut self, lanes: &CityLanes, along: &[CityLaneId]) {
        let lines = &mut self.lines;
        for id in along {
            let lane = lanes.lane(*id);
            let is_stop = matches!(lane.sign, Sign::Stop | Sign::AllWayStop);
            let rule = match lane.signal {
                Some(signal) => Rule::Light(signal),
                None if is_stop => Rule::Stop,
                None => continue,
            };
            let (p, heading_rad) = lanes.at(*id, f64::from(lane.stop_m));
            let half = f64::from(lane.width_m) / 2.0 + 0.2;
            let (sin, cos) = heading_rad.sin_cos();
            let side = |by: f64| Point2 { x_m: p.x_m - by * sin, y_m: p.y_m + by * cos };
            lines.push(Line { a: side(half), b: side(-half), heading_rad, rule });
        }
    }

    /// Watches the walls of a yard, within whose corners the van may be.
    pub fn watches_yard(&mut self, walls: &[(Point2, Point2)], corners: [Point2; 4]) {
        self.walls.extend_from_slice(walls);
        self.yards.push(corners);
    }

    /// A wall is never to blame.
    fn watch_walls(&mut self, van: &VanBody) {
        let own = corners(van.at, van.heading_rad, van.half_m);
        let touches = self.walls.iter().any(|(a, b)| touch(&own, &[*a, *b, *b, *a]));
        if touches && !self.is_at_wall {
            self.found.contacts += 1;
            self.found.contacts_at_fault += 1;
        }
        self.is_at_wall = touches;
    }

    fn watching(law: TrafficLaw, permitted: impl Fn(CityLaneId) -> bool + Send + 'static) -> Self {
        Self {
            lines: Vec::new(),
            law,
            permitted: Box::new(permitted),
            found: Findings::default(),
            contacts: Vec::new(),
            touching: Vec::new(),
            before: None,
            last_a_mps2: 0.0,
            emergency_until_s: -1.0,
            since_stand_m: 0.0,
            spots: Vec::new(),
            steps: 0,
            is_off: (false, false),
            settled_s: SETTLED_S,
            walls: Vec::new(),
            yards: Vec::new(),
            is_at_wall: false,
        }
    }

    /// Looks at the moment after a step.
    pub fn watch(
        &mut self,
        lanes: &CityLanes,
        at: Seconds,
        van: &VanBody,
        things: &[Thing],
        dt_s: f64,
    ) {
        self.found.time_s += dt_s;
        self.steps += 1;
        self.watch_contacts(lanes, van, things);
        self.watch_walls(van);
        let Some(before) = self.before.replace(*van) else { return };
        let moved_m = before.at.distance_to(van.at).0;
        self.found.driven_m += moved_m;
        let stands = van.speed_mps.abs() < 0.15;
        self.since_stand_m = if stands { 0.0 } else { self.since_stand_m + moved_m };
        self.watch_lights(lanes, at, &before, van);
        self.watch_comfort(&before, van, things, dt_s);
        if self.steps.is_multiple_of(5) {
            self.watch_place(lanes, van);
        }
        if van.speed_mps != 0.0 {
            self.found.outside_permit_m += if self.is_off.0 { moved_m } else { 0.0 };
            self.found.off_lane_m += if self.is_off.1 { moved_m } else { 0.0 };
        }
    }

    /// True in an emergency, and shortly after.
    pub fn is_emergency(&self) -> bool {
        self.found.time_s <= self.emergency_until_s
    }

    /// A call for help.
    pub fn note_call(&mut self) {
        self.found.calls += 1;
    }

    /// What was found.
    pub fn findings(&self) -> (&Findings, &[ContactSeen]) {
        (&self.found, &self.contacts)
    }

    fn watch_contacts(&mut self, lanes: &CityLanes, van: &VanBody, things: &[Thing]) {
        let own = corners(van.at, van.heading_rad, van.half_m);
        let mut now = Vec::new();
        for t in things {
            let reach_m = van.half_m.0 + t.half_m.0 + 2.0;
            if (t.at.x_m - van.at.x_m).abs() > reach_m || (t.at.y_m - van.at.y_m).abs() > reach_m {
                continue;
            }
            if !touch(&own, &corners(t.at, t.heading_rad, t.half_m)) {
                continue;
            }
            now.push(t.id);
            if self.touching.contains(&t.id) {
                continue;
            }
            if t.class.is_soft() {
                self.found.soft_hazards += 1;
                continue;
            }
            let (sin, cos) = van.heading_rad.sin_cos();
            let (dx, dy) = (t.at.x_m - van.at.x_m, t.at.y_m - van.at.y_m);
            let (ahead, left) = (dx * cos + dy * sin, dy * cos - dx * sin);
            let turn = t.heading_rad - van.heading_rad;
            let is_at_fault = self.is_at_fault(lanes, van, t);
            self.found.contacts += 1;
            self.found.contacts_at_fault += u32::from(is_at_fault);
            self.contacts.push(ContactSeen {
                at_s: self.found.time_s,
                class: t.class,
                id: t.id,
                is_at_fault,
                speeds_mps: (van.speed_mps, t.speed_mps),
                relative: (ahead, left, turn.sin().atan2(turn.cos())),
            });
        }
        self.touching = now;
    }

    /// Whether a contact is the van's fault. After the at-fault rules of nuPlan's closed-loop metrics
    /// (Karnchanachari et al. 2024): never when it stands; always when its front or its tail going
    /// backwards touches, or what it touches stands; at its side only if it was not within its lane.
    /// Right of way comes before: who had to let the other go first is at fault; who went first is
    /// only if its front touches and it did not even brake. Being hit from behind is no excuse just
    /// after coming over.
    fn is_at_fault(&self, lanes: &CityLanes, van: &VanBody, t: &Thing) -> bool {
        if van.speed_mps.abs() < 0.15 {
            return false;
        }
        if van.speed_mps < 0.0 || t.speed_mps.abs() < 0.15 {
            return true;
        }
        let precedence = if t.class.keeps_lane() { self.precedence(lanes, van, t) } else { None };
        if precedence == Some(Precedence::Second) {
            return true;
        }
        let (sin, cos) = van.heading_rad.sin_cos();
        let ahead = (t.at.x_m - van.at.x_m) * cos + (t.at.y_m - van.at.y_m) * sin;
        let goes_along = (t.heading_rad - van.heading_rad).cos() > 0.7;
        if ahead < -0.3 * van.half_m.0 && goes_along && t.speed_mps > van.speed_mps {
            return self.settled_s < SETTLED_S;
        }
        let bumper =
            Point2 { x_m: van.at.x_m + van.half_m.0 * cos, y_m: van.at.y_m + van.half_m.0 * sin };
        let front = corners(bumper, van.heading_rad, (0.05, van.half_m.1));
        let is_front = touch(&front, &corners(t.at, t.heading_rad, t.half_m));
        if precedence == Some(Precedence::First) {
            return is_front && van.acceleration_mps2 > -BRAKING_MPS2;
        }
        is_front || self.settled_s == 0.0
    }

    /// Who of the two goes first by the law, if they meet on ground that their turns share; several
    /// ways of the other leave the worst for the van.
    fn precedence(&self, lanes: &CityLanes, van: &VanBody, t: &Thing) -> Option<Precedence> {
        let is_turn = |l: CityLaneId| matches!(lanes.lane(l).kind, CityLaneKind::Turn { .. });
        let (lane, _, next) = van.lane?;
        let turn = [lane, next].into_iter().find(|l| is_turn(*l))?;
        let is_on = |l: CityLaneId| {
            let spot = lanes.foot(l, t.at);
            (-1.0..f64::from(lanes.lane(l).length_m) + 1.0).contains(&spot.s_m)
                && spot.beside_m.abs() < 1.6
                && (spot.heading_rad - t.heading_rad).cos() > 0.7
        };
        let found = lanes
            .conflicts(turn)
            .iter()
            .filter(|c| is_on(c.other) || lanes.before(c.other).iter().any(|l| is_on(*l)))
            .map(|c| self.law.precedence(lanes, turn, c.other));
        found.fold(None, |worst, p| match (worst, p) {
            (Some(Precedence::Second), _) | (_, Precedence::Second) => Some(Precedence::Second),
            (None | Some(Precedence::First), Precedence::First) => Some(Precedence::First),
            _ => Some(Precedence::Equal),
        })
    }

    fn watch_lights(&mut self, lanes: &CityLanes, at: Seconds, before: &VanBody, van: &VanBody) {
        let nose = |v: &VanBody| Point2 {
            x_m: v.at.x_m + v.half_m.0 * v.heading_rad.cos(),
            y_m: v.at.y_m + v.half_m.0 * v.heading_rad.sin(),
        };
        let (p, q) = (nose(before), nose(van));
        for line in &self.lines {
            if (line.a.x_m - q.x_m).abs() > 12.0 || (line.a.y_m - q.y_m).abs() > 12.0 {
                continue;
            }
            let goes_along = (van.heading_rad - line.heading_rad).cos() > 0.5;
            let side = |o: Point2, d: Point2, r: Point2| {
                (d.x_m - o.x_m) * (r.y_m - o.y_m) - (d.y_m - o.y_m) * (r.x_m - o.x_m)
            };
            let crosses = side(line.a, line.b, p) * side(line.a, line.b, q) < 0.0
                && side(p, q, line.a) * side(p, q, line.b) <= 0.0;
            if !(crosses && goes_along) {
                continue;
            }
            match line.rule {
                Rule::Light(signal) if lanes.aspect(signal, at) == Aspect::Red => {
                    self.found.red_lights += 1;
                }
                Rule::Stop if self.since_stand_m > STOP_WITHIN_M => self.found.stop_signs += 1,
                _ => {}
            }
        }
    }

    fn watch_comfort(&mut self, before: &VanBody, van: &VanBody, things: &[Thing], dt_s: f64) {
        let along = (van.speed_mps - before.speed_mps) / dt_s;
        let turn = van.heading_rad - before.heading_rad;
        let across = turn.sin().atan2(turn.cos()) / dt_s * van.speed_mps;
        let jerk = (along - self.last_a_mps2) / dt_s;
        self.last_a_mps2 = along;
        // An emergency: at the last step somebody was so near in front that comfort was not enough.
        if leaves_no_room(before, things) {
            if self.found.time_s > self.emergency_until_s {
                self.found.emergencies += 1;
            }
            self.emergency_until_s = self.found.time_s + 2.5;
        }
        if self.is_emergency() {
            self.found.emergency_s += dt_s;
            return;
        }
        let f = &mut self.found;
        f.along_max_mps2 = f.along_max_mps2.max(along.abs());
        f.across_max_mps2 = f.across_max_mps2.max(across.abs());
        f.both_max_mps2 = f.both_max_mps2.max(along.hypot(across));
        f.jerk_max_mps3 = f.jerk_max_mps3.max(jerk.abs());
        if along.hypot(across) > 2.0 || jerk.abs() > 2.0 {
            f.rough_s += dt_s;
        }
    }

    fn watch_place(&mut self, lanes: &CityLanes, van: &VanBody) {
        let mut spots = std::mem::take(&mut self.spots);
        lanes.near(van.at, 9.0, &mut spots);
        let is_permitted = spots.iter().any(|s| s.beside_m.abs() < 5.0 && (self.permitted)(s.lane));
        let is_on = corners(van.at, van.heading_rad, van.half_m).iter().all(|c| {
            self.yards.iter().any(|yard| within(yard, *c))
                || spots.iter().any(|s| {
                    let half = f64::from(lanes.lane(s.lane).width_m) / 2.0 + 0.35;
                    lanes.foot(s.lane, *c).beside_m.abs() < half
                })
        });
        let is_permitted = is_permitted || self.yards.iter().any(|yard| within(yard, van.at));
        self.is_off = (!is_permitted, !is_on);
        let is_within = spots.iter().any(|s| {
            let half = f64::from(lanes.lane(s.lane).width_m) / 2.0 + 0.1;
            corners(van.at, van.heading_rad, van.half_m)
                .iter()
                .all(|c| lanes.foot(s.lane, *c).beside_m.abs() < half)
        });
        self.settled_s = if is_within { self.settled_s + 0.5 } else { 0.0 };
        let limit = spots
            .iter()
            .filter(|s| s.beside_m.abs() < 2.5 && (s.heading_rad - van.heading_rad).cos() > 0.5)
            .map(|s| f64::from(lanes.lane(s.lane).limit_mps))
            .fold(0.0, f64::max);
        if limit > 0.0 && van.speed_mps > limit + 0.5 {
            self.found.over_limit_s += 0.5;
        }
        self.spots = spots;
    }
}

/// Comfort's braking and jerk, m/s2 and m/s3, and the time in which a driver answers, s.
const BRAKING_MPS2: f64 = 2.0;
const JERK_MPS3: f64 = 2.0;
const ANSWER_S: f64 = 0.3;

/// Air that a stop leaves, m.
const AIR_M: f64 = 0.3;

/// True if somebody who moves, or has just come to a stand, is so near in the van's way that it would
/// be touched if the van, after its time to answer, braked as comfort allows while the other went on as
/// it does now: along its heading, slowing down to a stand if it brakes.
fn leaves_no_room(van: &VanBody, things: &[Thing]) -> bool {
    let v = van.speed_mps;
    if v < 0.3 {
        return false;
    }
    things.iter().any(|t| {
        // What stands was seen.
        let is_idle = t.stood_s > 3.0 && t.speed_mps < 0.2;
        !t.class.is_soft() && !is_idle && t.at.distance_to(van.at).0 < 60.0 && meets(van, t)
    })
}

/// Both driven on in the frame of the van, which brakes straight on.
fn meets(van: &VanBody, t: &Thing) -> bool {
    const STEP_S: f64 = 0.1;
    let (sin, cos) = van.heading_rad.sin_cos();
    let (dx, dy) = (t.at.x_m - van.at.x_m, t.at.y_m - van.at.y_m);
    let (mut x, mut y) = (dx * cos + dy * sin, dy * cos - dx * sin);
    let (ts, tc) = (t.heading_rad - van.heading_rad).sin_cos();
    let half_x = tc.abs() * t.half_m.0 + ts.abs() * t.half_m.1 + van.half_m.0 + AIR_M;
    let half_y = ts.abs() * t.half_m.0 + tc.abs() * t.half_m.1 + van.half_m.1 + AIR_M / 2.0;
    // Beside or behind: braking would change nothing.
    if x < half_x - AIR_M {
        return false;
    }
    let (mut v, mut a) = (van.speed_mps, van.acceleration_mps2.clamp(-BRAKING_MPS2, 0.0));
    let (mut vo, ao) = (t.speed_mps, t.acceleration_mps2.min(0.0));
    let mut at_s = 0.0;
    while v > 0.0 {
        at_s += STEP_S;
        if at_s > ANSWER_S {
            a = (a - JERK_MPS3 * STEP_S).max(-BRAKING_MPS2);
        }
        let after = (v + a * STEP_S).max(0.0);
        let slower = if ao < -0.5 { (vo + ao * STEP_S).max(0.0) } else { vo };
        x += (vo + slower) / 2.0 * STEP_S * tc - (v + after) / 2.0 * STEP_S;
        y += (vo + slower) / 2.0 * STEP_S * ts;
        (v, vo) = (after, slower);
        if x.abs() < half_x && y.abs() < half_y {
            return true;
        }
        if x < -half_x {
            return false;
        }
    }
    false
}

fn corners(at: Point2, heading_rad: f64, (l, w): (f64, f64)) -> [Point2; 4] {
    let (s, c) = heading_rad.sin_cos();
    [(l, w), (-l, w), (-l, -w), (l, -w)]
        .map(|(x, y)| Point2 { x_m: at.x_m + x * c - y * s, y_m: at.y_m + x * s + y * c })
}

/// True if a point lies within a convex quadrilateral, whichever way its corners run.
fn within(corners: &[Point2; 4], p: Point2) -> bool {
    let sides: Vec<f64> = (0..4)
        .map(|i| {
            let (a, b) = (corners[i], corners[(i + 1) % 4]);
            (b.x_m - a.x_m) * (p.y_m - a.y_m) - (b.y_m - a.y_m) * (p.x_m - a.x_m)
        })
        .collect();
    sides.iter().all(|s| *s >= 0.0) || sides.iter().all(|s| *s <= 0.0)
}

/// Two convex quadrilaterals touch unless a side of one has the other wholly outside.
fn touch(a: &[Point2; 4], b: &[Point2; 4]) -> bool {
    let parted = |a: &[Point2; 4], b: &[Point2; 4]| {
        (0..4).any(|i| {
            let (p, q) = (a[i], a[(i + 1) % 4]);
            b.iter().all(|r| {
                (q.x_m - p.x_m) * (r.y_m - p.y_m) - (q.y_m - p.y_m) * (r.x_m - p.x_m) < 0.0
            })
        })
    };
    !parted(a, b) && !parted(b, a)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn p(x_m: f64, y_m: f64) -> Point2 {
        Point2 { x_m, y_m }
    }

    #[test]
    fn bodies_touch_or_do_not() {
        let a = corners(p(0.0, 0.0), 0.0, (2.0, 1.0));
        assert!(touch(&a, &corners(p(3.9, 0.0), 0.0, (2.0, 1.0))));
        assert!(!touch(&a, &corners(p(4.1, 0.0), 0.0, (2.0, 1.0))));
        // Turned, its corner comes nearest: at (3.4, 2.4) it is 3 cm inside the other.
        assert!(touch(&a, &corners(p(3.4, 2.4), 0.8, (2.0, 1.0))));
        assert!(!touch(&a, &corners(p(3.5, 2.5), 0.8, (2.0, 1.0))));
    }

    #[test]
    fn driving_into_something_is_a_fault_and_being_hit_from_behind_is_none() {
        let van = VanBody {
            at: p(0.0, 0.0),
            heading_rad: 0.0,
            speed_mps: 5.0,
            acceleration_mps2: 0.0,
            half_m: (1.6, 0.6),
            lane: None,
            stood_s: 0.0,
            behind_m: 0.0,
        };
        let thing = |x_m: f64, speed_mps: f64| Thing {
            id: 1,
            class: Class::Car,
            at: p(x_m, 0.0),
            heading_rad: 0.0,
            speed_mps,
            acceleration_mps2: 0.0,
            yaw_rate_radps: 0.0,
            half_m: (2.2, 0.9),
            stood_s: 0.0,
            edge: None,
            is_emergency: false,
        };
        let law = TrafficLaw::shipped().remove(0);
        for (other, fault) in [(thing(3.0, 0.0), 1), (thing(-3.0, 9.0), 0)] {
            let city = rv_map::City::default();
            let lanes = CityLanes::build(&city);
            let mut referee = Referee::new(&lanes, &law, &[], |_| true);
            referee.watch(&lanes, Seconds(0.0), &van, &[other], 0.1);
            let found = referee.findings().0;
            assert_eq!((found.contacts, found.contacts_at_fault), (1, fault));
        }
    }
}
