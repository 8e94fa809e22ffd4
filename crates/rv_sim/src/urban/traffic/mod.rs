//! Vehicles of others: they follow lanes, keep their distance (intelligent driver model), obey
//! signals and let others go first by the law of the place.

mod junction;
mod meet;

use std::collections::BTreeMap;

use rv_base::{EdgeId, Point2, Rng, Seconds};
use rv_driver::law::TrafficLaw;
use rv_driver::tracking::Class;
use rv_map::city_lanes::{CityLaneId, CityLaneKind, CityLanes};

use super::world::{corners, touch};

/// Lanes of a mover's way that are chosen ahead.
pub(super) const AHEAD: usize = 5;

/// Lanes of its way behind it that are kept: a long one stands on several.
const PAST: usize = 4;

/// Air to a van at the side, m.
const VAN_AIR_M: f64 = 0.15;

/// How far ahead turns are slowed down for, m.
const TURNS_AHEAD_M: f64 = 80.0;

/// Acceleration across with which others drive bends, m/s2 (usual in town: Bosetti, Da Lio and
/// Saroldi 2014), the way over which a bend is felt, how far ahead it is seen, m, and braking for it.
const BEND_MPS2: f64 = 2.5;
const BEND_M: f64 = 8.0;
const BEND_LOOK_M: f64 = 48.0;
const BEND_BRAKING_MPS2: f64 = 1.5;

/// Gap kept to a standing vehicle, m.
const GAP_M: f64 = 2.0;

/// One of the others on wheels.
#[derive(Clone, Debug)]
pub(super) struct Mover {
    pub(super) id: u32,
    pub(super) class: Class,
    pub(super) half_m: (f64, f64),
    /// Lanes to come, the one it is on first.
    pub(super) route: Vec<CityLaneId>,
    /// Lanes that it came by, the last one last.
    past: Vec<CityLaneId>,
    /// Place of its centre along its lane, and to the left of it, m.
    pub(super) s_m: f64,
    pub(super) d_m: f64,
    pub(super) v_mps: f64,
    pub(super) a_mps2: f64,
    pub(super) at: Point2,
    pub(super) heading_rad: f64,
    /// Share of the limit that it drives.
    pub(super) haste: f64,
    headway_s: f64,
    /// How long it has stood.
    pub(super) stood_s: f64,
    /// Patience used up by standing and creeping, s.
    held_s: f64,
    /// What bends ahead let it drive now, m/s; looked at now and then.
    bend_mps: f64,
    /// Where it must stand before shared ground, m from its front; looked at now and then.
    hold_m: f64,
    /// Brakes hard for no reason until then.
    pub(super) brakes_until_s: f64,
    pub(super) is_emergency: bool,
    /// The lane at whose stop sign it has stood.
    stopped_on: Option<CityLaneId>,
    /// Turning, rad/s.
    pub(super) yaw_rate_radps: f64,
    /// True if it is the yardstick: the vehicle of a human-like driver whose way is given.
    pub(super) is_guided: bool,
    /// What it minds now.
    pub(super) minds: Minds,
    /// Backing off for somebody, if it does, and whether it asks those behind it to.
    backing: Option<meet::Backing>,
    pub(super) wants_room: bool,
}

/// What a vehicle goes slower for than it likes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Minds {
    /// Nothing but limits and bends.
    Nothing,
    /// Somebody in front.
    InFront(u32),
    /// A van in its way.
    Van(u32),
    /// A stop sign.
    StopSign,
    /// A light.
    Light,
    /// Others at a junction.
    Junction,
    /// Nothing that others see.
    Whim,
    /// Those who come towards it where something narrows its lane.
    Oncoming,
    /// Somebody whom it makes room for: backs off, or stands where it has backed to.
    MakesRoom,
}

/// A body that others brake for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Block {
    pub(super) id: u32,
    pub(super) at: Point2,
    pub(super) heading_rad: f64,
    pub(super) v_mps: f64,
    pub(super) half_m: (f64, f64),
    pub(super) walks: bool,
    /// True for the vans, which are never driven through.
    pub(super) is_van: bool,
    /// The edge it is on, for telling who is on a bridge; of someone on foot none.
    pub(super) edge: Option<EdgeId>,
}

/// A place at which a lane is narrowed by something that stands.
#[derive(Clone, Copy, Debug)]
pub(super) struct Narrow {
    pub(super) from_m: f64,
    pub(super) to_m: f64,
    /// How far to the left of the lane's line its free part begins.
    pub(super) free_from_m: f64,
}

/// Someone on a lane, for finding who is in front.
#[derive(Clone, Copy, Debug)]
pub(super) struct OnLane {
    pub(super) lane: CityLaneId,
    pub(super) s_m: f64,
    pub(super) v_mps: f64,
    pub(super) half_m: f64,
    pub(super) d_m: f64,
    /// The lane it drives next; `u32::MAX` if not known.
    pub(super) next: CityLaneId,
    pub(super) id: u32,
    pub(super) stood_s: f64,
    /// True if it would back off but for those behind it.
    pub(super) wants_room: bool,
}

/// What movers see.
pub(super) struct Around<'a> {
    pub(super) lanes: &'a CityLanes,
    pub(super) law: &'a TrafficLaw,
    pub(super) at: Seconds,
    /// Sorted by lane and place.
    pub(super) on_lane: &'a [OnLane],
    pub(super) blocks: &'a [Block],
    pub(super) narrow: &'a BTreeMap<CityLaneId, Vec<Narrow>>,
    pub(super) step: u64,
}

impl Around<'_> {
    pub(super) fn on(&self, lane: CityLaneId) -> &[OnLane] {
        let from = self.on_lane.partition_point(|o| o.lane < lane);
        let n = self.on_lane[from..].iter().take_while(|o| o.lane == lane).count();
        &self.on_lane[from..from + n]
    }
}

impl Mover {
    /// The lane that it came by.
    pub(super) fn came_by(&self) -> Option<CityLaneId> {
        self.past.last().copied()
    }

    /// A vehicle of some class on a lane.
    pub(super) fn new(
        id: u32,
        class: Class,
        lanes: &CityLanes,
        lane: CityLaneId,
        s_m: f64,
        rng: &mut Rng,
    ) -> Self {
        let half_m = match class {
            Class::Truck => (rng.range(3.2, 4.5), 1.2),
            Class::Bus => (6.0, 1.25),
            Class::Bicycle => (0.9, 0.35),
            Class::Scooter => (0.95, 0.4),
            _ => (rng.range(2.0, 2.45), rng.range(0.85, 0.95)),
        };
        let kerb_m = f64::from(lanes.lane(lane).width_m) / 2.0 - 0.6;
        let sign = if lanes.drive_side == rv_map::DriveSide::Right { -1.0 } else { 1.0 };
        let d_m = match class {
            Class::Bicycle | Class::Scooter => sign * kerb_m,
            _ => 0.0,
        };
        let mut mover = Self {
            id,
            class,
            half_m,
            route: vec![lane],
            s_m,
            d_m,
            v_mps: 0.0,
            a_mps2: 0.0,
            at: Point2::default(),
            heading_rad: 0.0,
            haste: rng.range(0.85, 1.05),
            headway_s: rng.range(0.9, 1.5),
            stood_s: 0.0,
            held_s: 0.0,
            bend_mps: f64::INFINITY,
            hold_m: f64::INFINITY,
            brakes_until_s: 0.0,
            is_emergency: false,
            stopped_on: None,
            yaw_rate_radps: 0.0,
            is_guided: false,
            minds: Minds::Nothing,
            past: Vec::new(),
            backing: None,
            wants_room: false,
        };
        mover.choose_way(lanes, rng);
        mover.v_mps = 0.7 * mover.desired_mps(lanes);
        mover.place(lanes);
        mover
    }

    /// A human-like driver on a given way.
    pub(super) fn guided(
        id: u32,
        half_m: (f64, f64),
        lanes: &CityLanes,
        route: Vec<CityLaneId>,
        s_m: f64,
        rng: &mut Rng,
    ) -> Self {
        let mut mover = Self::new(id, Class::Truck, lanes, route[0], s_m, rng);
        (mover.route, mover.half_m, mover.is_guided) = (route, half_m, true);
        (mover.haste, mover.headway_s, mover.v_mps) = (1.0, 1.2, 0.0);
        mover
    }

    fn choose_way(&mut self, lanes: &CityLanes, rng: &mut Rng) {
        while !self.is_guided && self.route.len() < AHEAD {
            let last = self.route[self.route.len() - 1];
            let next = lanes.next(last);
            let Some(lane) = rng.choose(next) else { break };
            self.route.push(*lane);
        }
    }

    fn place(&mut self, lanes: &CityLanes) {
        let (p, h) = lanes.at(self.route[0], self.s_m);
        // The heading of the chord from tail to nose bends with the lane.
        let (tail, _) = self.point_at(lanes, -self.half_m.0 * 0.6);
        let (nose, _) = self.point_at(lanes, self.half_m.0 * 0.6);
        let chord = (nose.y_m - tail.y_m).atan2(nose.x_m - tail.x_m);
        self.heading_rad = if (chord - h).cos() > 0.0 { chord } else { h };
        let (sin, cos) = h.sin_cos();
        // Both ends of the chord are on the lane, so that no tail swings out.
        let mid = Point2 { x_m: (tail.x_m + nose.x_m) / 2.0, y_m: (tail.y_m + nose.y_m) / 2.0 };
        let mid = if mid.distance_to(p).0 < self.half_m.0 { mid } else { p };
        self.at = Point2 { x_m: mid.x_m - self.d_m * sin, y_m: mid.y_m + self.d_m * cos };
    }

    /// Way ahead along its lanes at which its body would touch a van, and how fast that goes on, m/s.
    fn to_van_m(&self, around: &Around<'_>) -> Option<(f64, f64, u32)> {
        let reach_m = 6.0 + 1.5 * self.v_mps + self.v_mps * self.v_mps / 8.0;
        let vans = around.blocks.iter().filter(|b| b.is_van);
        let ways =
            vans.filter_map(|van| self.way_to_m(around.lanes, van, reach_m).map(|m| (m, van)));
        let (way_m, van) = ways.min_by(|a, b| a.0.total_cmp(&b.0))?;
        let turn = (van.heading_rad - self.heading_rad).cos();
        // Room to get by is left to one that comes.
        let room_m = if turn < meet::FACES { meet::ROOM_M } else { 0.0 };
        Some(((way_m - room_m).max(0.05), van.v_mps * turn, van.id))
    }

    /// Way ahead along its lanes at which its body would touch another, m.
    fn way_to_m(&self, lanes: &CityLanes, other: &Block, reach_m: f64) -> Option<f64> {
        let near_m = reach_m + self.half_m.0 + other.half_m.0 + self.half_m.1 + other.half_m.1;
        if other.at.distance_to(self.at).0 > near_m {
            return None;
        }
        let theirs = corners(other.at, other.heading_rad, other.half_m);
        let own = (self.half_m.0, self.half_m.1 + VAN_AIR_M);
        let mut way_m = 0.5;
        while way_m < reach_m {
            let (at, heading) = self.pose_at(lanes, way_m);
            if touch(&corners(at, heading, own), &theirs) {
                return Some(way_m);
            }
            way_m += 0.7;
        }
        None
    }

    /// Where its body is after some way along its lanes.
    fn pose_at(&self, lanes: &CityLanes, way_m: f64) -> (Point2, f64) {
        let (tail, _) = self.point_at(lanes, way_m - self.half_m.0 * 0.6);
        let (nose, h) = self.point_at(lanes, way_m + self.half_m.0 * 0.6);
        let (sin, cos) = h.sin_cos();
        let at = Point2 {
            x_m: (tail.x_m + nose.x_m) / 2.0 - self.d_m * sin,
            y_m: (tail.y_m + nose.y_m) / 2.0 + self.d_m * cos,
        };
        (at, (nose.y_m - tail.y_m).atan2(nose.x_m - tail.x_m))
    }

    /// A place along the lanes it came by and those to come.
    fn point_at(&self, lanes: &CityLanes, ahead_m: f64) -> (Point2, f64) {
        let mut s_m = self.s_m + ahead_m;
        let mut lane = self.route[0];
        for past in self.past.iter().rev() {
            if s_m >= 0.0 {
                break;
            }
            (lane, s_m) = (*past, s_m + f64::from(lanes.lane(*past).length_m));
        }
        for next in self.route.iter().skip(1) {
            let length_m = f64::from(lanes.lane(lane).length_m);
            if s_m <= length_m || lane != self.route[0] && ahead_m < 0.0 {
                break;
            }
            (lane, s_m) = (*next, s_m - length_m);
        }
        lanes.at(lane, s_m)
    }

    fn desired_mps(&self, lanes: &CityLanes) -> f64 {
        let lane = lanes.lane(self.route[0]);
        let limit = f64::from(lane.limit_mps) * self.haste;
        let own = match self.class {
            Class::Bicycle => 4.5,
            Class::Scooter => 8.3,
            Class::Truck | Class::Bus => 13.0,
            _ => 30.0,
        };
        let mut v = limit.min(own);
        if let CityLaneKind::Turn { .. } = lane.kind {
            v = v.min(turn_mps(lanes, self.route[0]));
        }
        v = v.min(self.bend_mps);
        // Slows down for the turns to come, however short the lanes before them are.
        let mut to_m = (f64::from(lane.length_m) - self.s_m).max(0.0);
        for next in self.route.iter().skip(1) {
            if to_m > TURNS_AHEAD_M {
                break;
            }
            let there = turn_mps(lanes, *next);
            v = v.min((there * there + 2.0 * 1.5 * to_m).sqrt());
            to_m += f64::from(lanes.lane(*next).length_m);
        }
        v.max(1.0)
    }

    /// The speed that bends of the road ahead allow now. A bend counts as it is driven, over some metres:
    /// kinks of the map's lines are cut within the lane.
    fn bends_mps(&self, lanes: &CityLanes) -> f64 {
        let reach_m = (self.v_mps * self.v_mps / (2.0 * BEND_BRAKING_MPS2)).min(BEND_LOOK_M);
        let mut most = f64::INFINITY;
        let mut to_m = 0.0;
        let mut before = self.point_at(lanes, -BEND_M).1;
        let mut here = self.point_at(lanes, 0.0).1;
        while to_m <= reach_m {
            let next = self.point_at(lanes, to_m + BEND_M).1;
            let turn = next - before;
            let bend = turn.sin().atan2(turn.cos()).abs() / (2.0 * BEND_M);
            let there = (BEND_MPS2 / bend.max(1e-4)).sqrt();
            most = most.min((there * there + 2.0 * BEND_BRAKING_MPS2 * to_m).sqrt());
            (before, here, to_m) = (here, next, to_m + BEND_M);
        }
        most.max(2.2)
    }

    /// One step; false when it has come to the end of its way.
    pub(super) fn step(&mut self, around: &Around<'_>, rng: &mut Rng, dt_s: f64) -> bool {
        let lanes = around.lanes;
        if self.makes_room(around, dt_s) {
            self.turn_to_place(lanes, dt_s);
            return true;
        }
        let v = self.v_mps;
        let mut a = 1.5 * (1.0 - (v / self.desired_mps(lanes)).powi(4));
        self.minds = Minds::Nothing;
        let mut least = |most: f64, why: Minds, minds: &mut Minds| {
            if most < a {
                (a, *minds) = (most, why);
            }
        };
        if let Some((gap_m, lead_mps, id)) = self.lead(around) {
            least(self.follow(gap_m, lead_mps), Minds::InFront(id), &mut self.minds);
        }
        if let Some((to_m, van_mps, id)) = self.to_van_m(around) {
            let most = self.follow(to_m + GAP_M - 0.8, van_mps.max(0.0));
            least(most, Minds::Van(id), &mut self.minds);
        }
        if let Some(to_m) = self.stop_sign(around) {
            least(self.follow(to_m + GAP_M - 0.5, 0.0), Minds::StopSign, &mut self.minds);
        }
        if let Some(to_m) = self.signal(around) {
            least(self.follow(to_m + GAP_M - 0.5, 0.0), Minds::Light, &mut self.minds);
        }
        if (around.step + u64::from(self.id)).is_multiple_of(3)
            || self.hold_m.is_finite() && v > 0.3
        {
            self.hold_m = self.shared_ground(around);
        }
        if (around.step + u64::from(self.id)).is_multiple_of(4) {
            self.bend_mps = self.bends_mps(lanes);
        }
        if self.hold_m.is_finite() {
            least(self.follow(self.hold_m + GAP_M - 0.5, 0.0), Minds::Junction, &mut self.minds);
        }
        if around.at.0 < self.brakes_until_s {
            least(-3.5, Minds::Whim, &mut self.minds);
        }
        if let Some(to_m) = self.go_around(around, dt_s) {
            least(self.follow(to_m + GAP_M - 0.5, 0.0), Minds::Oncoming, &mut self.minds);
        }
        a = a.clamp(-7.0, 1.8);
        let next = (v + a * dt_s).max(0.0);
        self.a_mps2 = (next - v) / dt_s;
        self.s_m += (v + next) / 2.0 * dt_s;
        self.v_mps = next;
        self.stood_s = if next < 0.2 { self.stood_s + dt_s } else { 0.0 };
        let used_s = if next < 0.5 { dt_s } else { -4.0 * dt_s };
        self.held_s = (self.held_s + used_s).clamp(0.0, 60.0);
        loop {
            let length_m = f64::from(lanes.lane(self.route[0]).length_m);
            if self.s_m <= length_m {
                break;
            }
            if self.route.len() < 2 {
                return false;
            }
            self.s_m -= length_m;
            self.past.push(self.route.remove(0));
            if self.past.len() > PAST {
                self.past.remove(0);
            }
            self.hold_m = f64::INFINITY;
            self.choose_way(lanes, rng);
        }
        self.turn_to_place(lanes, dt_s);
        true
    }

    /// Puts its body where its lane says; how fast it turns.
    fn turn_to_place(&mut self, lanes: &CityLanes, dt_s: f64) {
        let heading = self.heading_rad;
        self.place(lanes);
        let turn = self.heading_rad - heading;
        self.yaw_rate_radps = turn.sin().atan2(turn.cos()) / dt_s;
    }

    /// Acceleration of the intelligent driver model behind something.
    fn follow(&self, gap_m: f64, lead_mps: f64) -> f64 {
        let (a, b, v) = (1.5_f64, 2.0_f64, self.v_mps);
        let wish =
            GAP_M + (v * self.headway_s + v * (v - lead_mps) / (2.0 * (a * b).sqrt())).max(0.0);
        let free = (v / 14.0).powi(4);
        a * (1.0 - free - (wish / gap_m.max(0.05)).powi(2))
    }

    /// Gap, speed and number of the one in front.
    fn lead(&self, around: &Around<'_>) -> Option<(f64, f64, u32)> {
        let look_m = 15.0 + 3.0 * self.v_mps;
        let mut best: Option<(f64, f64, u32)> = None;
        let mut start_m = -self.s_m;
        for (i, lane) in self.route.iter().enumerate() {
            for o in around.on(*lane) {
                let gap_m = start_m + o.s_m - o.half_m - self.half_m.0;
                let is_self = o.id == self.id || i == 0 && o.s_m <= self.s_m;
                let beside = (o.d_m - self.d_m).abs() > 1.6;
                if !is_self && !beside && best.is_none_or(|b| gap_m < b.0) {
                    best = Some((gap_m, o.v_mps, o.id));
                }
            }
            start_m += f64::from(around.lanes.lane(*lane).length_m);
            if best.is_some() || start_m > look_m {
                break;
            }
        }
        // Whatever else is straight ahead; two that hold each other up part in the end.
        let lanes = around.lanes;
        let is_patient = self.held_s <= 12.0 + f64::from(self.id % 16);
        let (sin, cos) = self.heading_rad.sin_cos();
        for block in around.blocks.iter().filter(|b| !b.is_van && (is_patient || b.walks)) {
            let (dx, dy) = (block.at.x_m - self.at.x_m, block.at.y_m - self.at.y_m);
            let along = dx * cos + dy * sin;
            let reach_m = if block.walks { 25.0 } else { 8.0 + 1.5 * self.v_mps };
            if along <= 0.3 || along > reach_m {
                continue;
            }
            let turn = block.heading_rad - self.heading_rad;
            let (s, c) = turn.sin_cos();
            let half_along = c.abs() * block.half_m.0 + s.abs() * block.half_m.1;
            let half_across = s.abs() * block.half_m.0 + c.abs() * block.half_m.1;
            let beside = (dy * cos - dx * sin).abs();
            // Those that drive the other way beside pass by.
            let margin = if block.walks {
                0.7
            } else if c < -0.7 {
                0.12
            } else {
                0.15
            };
            if beside > self.half_m.1 + half_across + margin {
                continue;
            }
            if block.edge.is_some_and(|e| self.is_apart(lanes, e)) {
                continue;
            }
            // In a turn what is straight ahead may be beside the way.
            if !block.walks && self.v_mps < 3.0 && self.way_to_m(lanes, block, reach_m).is_none() {
                continue;
            }
            let gap_m = along - half_along - self.half_m.0;
            let v = (block.v_mps * c).max(0.0);
            if best.is_none_or(|b| gap_m < b.0) {
                best = Some((gap_m, v, block.id));
            }
        }
        best
    }

    /// True if an edge crosses those it drives on a bridge or below.
    pub(super) fn is_apart(&self, lanes: &CityLanes, edge: EdgeId) -> bool {
        self.route.iter().take(3).any(|l| lanes.are_apart(lanes.edge_of(*l), edge))
    }
}

/// Speed at which a turn is taken.
fn turn_mps(lanes: &CityLanes, id: CityLaneId) -> f64 {
    let line = lanes.line(id);
    let n = line.len();
    let heading = |a: [f32; 3], b: [f32; 3]| f64::from(b[1] - a[1]).atan2(f64::from(b[0] - a[0]));
    let change = heading(line[n - 2], line[n - 1]) - heading(line[0], line[1]);
    let pi = std::f64::consts::PI;
    let change = ((change + pi).rem_euclid(2.0 * pi) - pi).abs();
    let limit = f64::from(lanes.lane(id).limit_mps);
    if change < 0.15 || !matches!(lanes.lane(id).kind, CityLaneKind::Turn { .. }) {
        return limit;
    }
    let radius_m = f64::from(lanes.lane(id).length_m) / change;
    (1.8 * radius_m).sqrt().clamp(2.2, limit.max(2.2))
}
