//! Actions: how each begins, and what it does in a step.

use rv_import::openscenario::{
    Action, Displacement, Dynamics, DynamicsDimension, DynamicsShape, EntityIdx, FinalSpeed, Gap,
    LaneTarget, SpeedTarget, SteadyState, Timing,
};

use super::line::Line;
use super::places::{Place, lane_beside};
use super::roads::{Pose, Spot};
use super::stand_in::StandIn;
use super::{PlayError, Player};

/// Smallest difference that counts.
const SMALL: f64 = 1e-6;
/// Gap error within which a distance counts as reached, m.
const GAP_REACHED_M: f64 = 0.1;
/// Time that is never reached, s.
const NEVER_S: f64 = 1e10;
/// Hardest braking of one that must stop at once, m/s2.
const BRAKES_MPS2: f64 = 8.0;

/// Which motions an action commands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Domain {
    along: bool,
    across: bool,
}

impl Domain {
    pub(super) fn of(action: &Action) -> Self {
        let (along, across) = match action {
            Action::Speed(..)
            | Action::SpeedProfile(_)
            | Action::LongitudinalDistance { .. }
            | Action::Synchronize { .. } => (true, false),
            Action::LaneChange { .. } | Action::LaneOffset { .. } => (false, true),
            Action::FollowTrajectory { timing, .. } => (timing.is_some(), true),
            Action::Teleport(_) => (true, true),
            _ => (false, false),
        };
        Self { along, across }
    }

    pub(super) fn meets(self, other: Self) -> bool {
        self.along && other.along || self.across && other.across
    }
}

/// An action that goes on.
#[derive(Clone, Debug)]
pub(super) enum Run {
    Speed { change: Change, base_mps: Option<f64>, is_reached: bool },
    Profile { since_s: f64, from_mps: f64 },
    Distance { acceleration_mps2: f64 },
    LaneChange(Change),
    LaneOffset(Change),
    Synchronize(Box<Sync>),
    Follow(Box<Follow>),
}

/// A line that is followed.
#[derive(Clone, Debug)]
pub(super) struct Follow {
    pub(super) line: Line,
    pub(super) s_m: f64,
    at_s: f64,
    /// True if it drives backwards along the line.
    is_backwards: bool,
}

/// A change of a value over time or distance.
#[derive(Clone, Copy, Debug)]
pub(super) struct Change {
    shape: DynamicsShape,
    dimension: DynamicsDimension,
    from: f64,
    to: f64,
    rate: f64,
    at: f64,
    end: f64,
}

impl Change {
    fn new(dynamics: &Dynamics, from: f64, to: f64) -> Self {
        let Dynamics { shape, dimension, value } = *dynamics;
        let mut change =
            Self { shape, dimension, from, to, rate: value.abs(), at: 0.0, end: value };
        change.aim(to);
        change
    }

    /// Sets where it leads; at a given rate it takes the longer the farther.
    fn aim(&mut self, to: f64) {
        self.to = to;
        if self.dimension == DynamicsDimension::Rate {
            let peak = match self.shape {
                DynamicsShape::Step => 0.0,
                DynamicsShape::Linear => 1.0,
                DynamicsShape::Sinusoidal => std::f64::consts::FRAC_PI_2,
                DynamicsShape::Cubic => 1.5,
            };
            self.end = peak * (self.to - self.from).abs() / self.rate.max(1e-10);
        }
        self.end = self.end.max(1e-10);
    }

    fn value(&self) -> f64 {
        let x = (self.at / self.end).min(1.0);
        let share = match self.shape {
            DynamicsShape::Step => 1.0,
            DynamicsShape::Linear => x,
            DynamicsShape::Sinusoidal => (1.0 - (std::f64::consts::PI * x).cos()) / 2.0,
            DynamicsShape::Cubic => x * x * (3.0 - 2.0 * x),
        };
        self.from + (self.to - self.from) * share
    }

    /// Steepness now, per unit of time or distance.
    fn slope(&self) -> f64 {
        let x = (self.at / self.end).min(1.0);
        let steep = match self.shape {
            DynamicsShape::Step => 0.0,
            DynamicsShape::Linear => 1.0,
            DynamicsShape::Sinusoidal => {
                std::f64::consts::FRAC_PI_2 * (std::f64::consts::PI * x).sin()
            }
            DynamicsShape::Cubic => 6.0 * x * (1.0 - x),
        };
        (self.to - self.from) * steep / self.end
    }

    /// Steepest that it gets.
    fn slope_max(&self) -> f64 {
        let steep = match self.shape {
            DynamicsShape::Step => 0.0,
            DynamicsShape::Linear => 1.0,
            DynamicsShape::Sinusoidal => std::f64::consts::FRAC_PI_2,
            DynamicsShape::Cubic => 1.5,
        };
        ((self.to - self.from) * steep / self.end).abs()
    }

    fn is_done(&self) -> bool {
        let value = self.value();
        self.at > self.end - SMALL || (value - self.to).abs() < SMALL
    }
}

/// A synchronisation that goes on.
#[derive(Clone, Debug)]
pub(super) struct Sync {
    master_target: Place,
    target: Place,
    last_m: (f64, f64),
    mode: Mode,
    is_convex: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mode {
    None,
    NonLinear,
    Linear,
    Steady,
    Stopping,
    Stopped,
    Waiting,
}

impl Player<'_> {
    /// Begins an action; none if there is nothing left to do.
    pub(super) fn begin(
        &mut self,
        actor: Option<EntityIdx>,
        action: &Action,
    ) -> Result<Option<Run>, PlayError> {
        let Some(who) = actor else {
            self.global(action);
            return Ok(None);
        };
        let domain = Domain::of(action);
        if self.driven == Some(who) && (domain.along || domain.across) {
            // It is driven from outside: what would move it is over at once.
            return Ok(None);
        }
        Ok(match action {
            Action::Teleport(position) => {
                let place = self.place(position)?;
                self.teleport(who, &place);
                None
            }
            Action::Speed(target, dynamics) => Some(self.begin_speed(who, target, dynamics)),
            Action::SpeedProfile(_) => {
                let from_mps = self.movers[who].speed_mps;
                Some(Run::Profile { since_s: self.time_s, from_mps })
            }
            Action::LongitudinalDistance { .. } => Some(Run::Distance { acceleration_mps2: 0.0 }),
            Action::LaneChange { target, offset_m, dynamics } => {
                self.begin_lane_change(who, *target, *offset_m, dynamics)
            }
            Action::LaneOffset { offset_m, from, shape, lateral_max_mps2 } => {
                self.begin_lane_offset(who, *offset_m, *from, *shape, *lateral_max_mps2)
            }
            Action::Synchronize { master_target, target, .. } => {
                let master_target = self.place(master_target)?;
                let target = self.place(target)?;
                Some(Run::Synchronize(Box::new(Sync {
                    master_target,
                    target,
                    last_m: (f64::INFINITY, f64::INFINITY),
                    mode: Mode::None,
                    is_convex: false,
                })))
            }
            Action::FollowTrajectory { trajectory, offset_m, timing } => {
                let line = self.line(trajectory, self.movers[who].pose)?;
                Some(self.begin_follow(who, line, *offset_m, *timing))
            }
            Action::AssignRoute(waypoints) => {
                let (roads, _) = self.route(waypoints)?;
                self.movers[who].route = roads.into_iter().map(|(road, _)| road).collect();
                None
            }
            Action::AcquirePosition(position) => {
                let to = self.place(position)?.spot;
                if let Some((from, to)) = self.movers[who].spot.zip(to) {
                    let way = self.roads.way(from.road, from.is_forward, to.road);
                    self.movers[who].route = way.into_iter().map(|(road, _)| road).collect();
                }
                None
            }
            Action::ActivateController(along, across) => {
                if *along != Some(false) || *across != Some(false) {
                    self.activated = Some(who);
                    self.stand_in = Some(StandIn::new(who, self.movers[who].speed_mps));
                }
                None
            }
            _ => {
                self.global(action);
                None
            }
        })
    }

    fn global(&mut self, action: &Action) {
        match action {
            Action::Set(name, value) => {
                let known = [&mut self.variables, &mut self.parameters];
                for values in known {
                    if let Some(slot) = values.get_mut(name) {
                        *slot = value.clone();
                    }
                }
            }
            Action::Add(name, by) => self.reckon(name, |x| x + by),
            Action::Multiply(name, by) => self.reckon(name, |x| x * by),
            Action::Delete(who) => self.movers[*who].is_there = false,
            _ => {}
        }
    }

    fn reckon(&mut self, name: &str, by: impl Fn(f64) -> f64) {
        for values in [&mut self.variables, &mut self.parameters] {
            if let Some(slot) = values.get_mut(name)
                && let Ok(value) = slot.trim().parse::<f64>()
            {
                *slot = format!("{}", by(value));
            }
        }
    }

    fn teleport(&mut self, who: EntityIdx, place: &Place) {
        let lane_heading =
            place.spot.map_or(place.pose.heading_rad, |spot| self.roads.pose(&spot).heading_rad);
        let mover = &mut self.movers[who];
        mover.pose = place.pose;
        mover.spot = place.spot;
        let turn = place.pose.heading_rad - lane_heading;
        mover.turn_rad = turn.sin().atan2(turn.cos());
        mover.on_line = None;
    }

    /// Goes on with an action; false if it is over.
    pub(super) fn go(
        &mut self,
        actor: Option<EntityIdx>,
        action: &Action,
        run: &mut Run,
        dt_s: f64,
    ) -> bool {
        let Some(who) = actor else { return false };
        if self.driven == Some(who) {
            return false;
        }
        match (run, action) {
            (Run::Speed { change, base_mps, is_reached }, Action::Speed(target, _)) => {
                self.go_speed(who, target, change, base_mps, is_reached, dt_s)
            }
            (Run::Profile { since_s, from_mps }, Action::SpeedProfile(points)) => {
                self.go_profile(who, points, *since_s, *from_mps, dt_s)
            }
            (Run::Distance { acceleration_mps2 }, Action::LongitudinalDistance { .. }) => {
                self.go_distance(who, action, acceleration_mps2, dt_s)
            }
            (Run::LaneChange(change), _) => self.go_lane_change(who, change, dt_s),
            (Run::LaneOffset(change), _) => self.go_lane_offset(who, change, dt_s),
            (Run::Synchronize(sync), Action::Synchronize { .. }) => {
                self.go_synchronize(who, action, sync, dt_s)
            }
            (Run::Follow(follow), Action::FollowTrajectory { timing, .. }) => {
                self.go_follow(who, follow, *timing, dt_s)
            }
            _ => false,
        }
    }

    fn begin_speed(&mut self, who: EntityIdx, target: &SpeedTarget, dynamics: &Dynamics) -> Run {
        let mut base_mps = None;
        let to = self.wanted_mps(target, &mut base_mps);
        let from = self.movers[who].speed_mps;
        let mut dynamics = *dynamics;
        if dynamics.dimension == DynamicsDimension::Distance {
            // The same way at the mean speed.
            let mean = ((from + to) / 2.0).abs();
            dynamics.dimension = DynamicsDimension::Time;
            dynamics.value = if mean > SMALL { dynamics.value / mean } else { 0.0 };
        }
        let change = Change::new(&dynamics, from, to);
        self.movers[who].speed_mps = change.value();
        Run::Speed { change, base_mps, is_reached: false }
    }

    fn wanted_mps(&self, target: &SpeedTarget, base_mps: &mut Option<f64>) -> f64 {
        let mut base = |entity: EntityIdx, is_continuous: bool| {
            // Of one that its controller slows down, the speed is meant that it is set to.
            let set = self.stand_in.filter(|s| s.who == entity).map(|s| s.set_mps);
            let now = set.unwrap_or(self.movers[entity].speed_mps);
            if is_continuous { now } else { *base_mps.get_or_insert(now) }
        };
        match target {
            SpeedTarget::Absolute(v) => *v,
            SpeedTarget::Delta { entity, value_mps, is_continuous } => {
                base(*entity, *is_continuous) + value_mps
            }
            SpeedTarget::Factor { entity, factor, is_continuous } => {
                base(*entity, *is_continuous) * factor
            }
        }
    }

    fn go_speed(
        &mut self,
        who: EntityIdx,
        target: &SpeedTarget,
        change: &mut Change,
        base_mps: &mut Option<f64>,
        is_reached: &mut bool,
        dt_s: f64,
    ) -> bool {
        let entity = &self.scenario.entities[who];
        let top = entity.speed_max_mps;
        let wanted = self.wanted_mps(target, base_mps);
        change.aim(wanted.clamp(-top, top));
        let mut speed = wanted;
        if !*is_reached {
            let limit = if change.to > change.from {
                entity.acceleration_max_mps2
            } else {
                entity.braking_max_mps2
            };
            let slower = (change.slope_max() / limit.max(1e-10)).max(1.0);
            change.at += dt_s / slower;
            speed = change.value();
            let passed = (wanted - change.from).signum()
                != (wanted - self.movers[who].speed_mps).signum()
                && (wanted - self.movers[who].speed_mps).abs() > SMALL;
            if change.is_done() || passed {
                *is_reached = true;
                speed = wanted;
            }
        }
        self.movers[who].speed_mps = speed.clamp(-top, top);
        let keeps = matches!(
            target,
            SpeedTarget::Delta { is_continuous: true, .. }
                | SpeedTarget::Factor { is_continuous: true, .. }
        );
        !*is_reached || keeps
    }

    fn go_profile(
        &mut self,
        who: EntityIdx,
        points: &[(Option<f64>, f64)],
        since_s: f64,
        from_mps: f64,
        dt_s: f64,
    ) -> bool {
        let entity = &self.scenario.entities[who];
        let at_s = self.time_s + dt_s - since_s;
        let (mut before_s, mut before_mps) = (0.0, from_mps);
        for (time, speed) in points {
            let dv = speed - before_mps;
            let limit =
                if dv > 0.0 { entity.acceleration_max_mps2 } else { entity.braking_max_mps2 };
            let takes_s = time.unwrap_or_else(|| dv.abs() / limit.max(1e-10)).max(0.0);
            if at_s < before_s + takes_s {
                self.movers[who].speed_mps =
                    before_mps + dv * (at_s - before_s) / takes_s.max(1e-10);
                return true;
            }
            before_s += takes_s;
            before_mps = *speed;
        }
        self.movers[who].speed_mps = before_mps;
        false
    }

    fn go_distance(
        &mut self,
        who: EntityIdx,
        action: &Action,
        acceleration_mps2: &mut f64,
        dt_s: f64,
    ) -> bool {
        let Action::LongitudinalDistance {
            entity,
            gap,
            is_free,
            is_continuous,
            displacement,
            limits,
        } = action
        else {
            return false;
        };
        let distance_m = if *is_free {
            self.free_m(who, *entity).0
        } else {
            self.movers[who].pose.local(self.movers[*entity].pose.at).0
        };
        let other_mps = self.movers[*entity].speed_mps;
        let gap_m = match gap {
            Gap::Distance(m) => m.abs(),
            Gap::Time(s) => s.abs() * other_mps.abs(),
        };
        // In front of the other one means that it is behind.
        let is_leading = match displacement {
            Displacement::Leading => true,
            Displacement::Trailing => false,
            Displacement::Any => distance_m < 0.0,
        };
        let off_m = distance_m - if is_leading { -gap_m } else { gap_m };
        let is_over = !is_continuous && off_m.abs() < GAP_REACHED_M;
        match limits {
            None => {
                self.shift(who, off_m);
                self.movers[who].speed_mps = other_mps;
            }
            Some((up, down, top)) => {
                // A damped spring, critically damped, as stiff as the limits allow.
                let stiff = 0.4 * if off_m < 0.0 { up } else { down }.min(20.0);
                let closing = self.movers[who].speed_mps - other_mps;
                let wanted = off_m * stiff - closing * 2.0 * stiff.sqrt();
                *acceleration_mps2 = wanted.clamp(-down, *up);
                let speed = self.movers[who].speed_mps + *acceleration_mps2 * dt_s;
                self.movers[who].speed_mps = speed.clamp(-top, *top);
            }
        }
        !is_over
    }

    /// Moves one along its lane at once.
    fn shift(&mut self, who: EntityIdx, by_m: f64) {
        let mover = &mut self.movers[who];
        match &mut mover.spot {
            Some(spot) => {
                self.roads.advance(spot, by_m, &mover.route);
                let pose = self.roads.pose(spot);
                mover.pose = Pose { heading_rad: pose.heading_rad + mover.turn_rad, ..pose };
            }
            None => mover.pose.at = mover.pose.point(by_m, 0.0),
        }
    }

    fn begin_lane_change(
        &mut self,
        who: EntityIdx,
        target: LaneTarget,
        offset_m: f64,
        dynamics: &Dynamics,
    ) -> Option<Run> {
        let spot = self.movers[who].spot?;
        let lane = match target {
            LaneTarget::Absolute(lane) => lane,
            LaneTarget::Relative(entity, lanes) => lane_beside(&self.movers[entity].spot?, lanes),
        };
        let middle = self.roads.road(spot.road).lane_middle_m(spot.s_m, lane)?;
        let from = self.roads.t_m(&spot) - middle;
        let mover = &mut self.movers[who];
        mover.spot = Some(Spot { lane, offset_m: from, ..spot });
        mover.turn_rad = 0.0;
        Some(Run::LaneChange(Change::new(dynamics, from, offset_m)))
    }

    fn go_lane_change(&mut self, who: EntityIdx, change: &mut Change, dt_s: f64) -> bool {
        let mover = &mut self.movers[who];
        mover.moved = true;
        let Some(mut spot) = mover.spot else { return false };
        let speed = mover.speed_mps;
        if speed.abs() < SMALL {
            return true;
        }
        let step_m = speed.abs() * dt_s;
        let slope = change.slope();
        let (along_m, turn_rad) = match change.dimension {
            DynamicsDimension::Distance => {
                let along_m = step_m / (1.0 + slope * slope).sqrt();
                change.at += along_m;
                (along_m, slope.atan())
            }
            _ => {
                let across_m = (dt_s * slope).abs();
                let along_m = (step_m * step_m - across_m.min(step_m).powi(2)).max(0.0).sqrt();
                if across_m < step_m + SMALL {
                    change.at += dt_s;
                } else {
                    // Faster across than it drives: only as far as it gets.
                    change.at += step_m * change.end / (change.to - change.from).abs().max(1e-10);
                    change.shape = DynamicsShape::Linear;
                }
                (along_m, (slope.signum() * across_m).atan2(along_m.max(1e-10)))
            }
        };
        let along_m = if change.shape == DynamicsShape::Step { step_m } else { along_m };
        spot.offset_m = change.value();
        let route = std::mem::take(&mut mover.route);
        let goes_on = self.roads.advance(&mut spot, along_m * speed.signum(), &route);
        let pose = self.roads.pose(&spot);
        let is_done = change.is_done();
        let side = if spot.is_forward { 1.0 } else { -1.0 };
        mover.route = route;
        mover.spot = Some(spot);
        mover.turn_rad = if is_done { 0.0 } else { side * turn_rad };
        mover.pose = Pose { heading_rad: pose.heading_rad + mover.turn_rad, ..pose };
        if !goes_on {
            mover.speed_mps = 0.0;
        }
        !is_done
    }

    fn begin_lane_offset(
        &mut self,
        who: EntityIdx,
        offset_m: f64,
        from: Option<EntityIdx>,
        shape: DynamicsShape,
        lateral_max_mps2: Option<f64>,
    ) -> Option<Run> {
        let spot = self.movers[who].spot?;
        let to = match from {
            None => offset_m,
            Some(other) => {
                let base = self.movers[other].spot?;
                let sign = if base.is_forward { 1.0 } else { -1.0 };
                let t_m = self.roads.t_m(&base) + sign * offset_m;
                t_m - (self.roads.t_m(&spot) - spot.offset_m)
            }
        };
        let by_m = (to - spot.offset_m).abs();
        // The time in which the steepest acceleration across is just not exceeded.
        let takes_s = match (lateral_max_mps2, shape) {
            (None | Some(0.0), _) | (_, DynamicsShape::Step | DynamicsShape::Linear) => 0.0,
            (Some(a), DynamicsShape::Sinusoidal) => {
                std::f64::consts::PI * (by_m / (2.0 * a.abs())).sqrt()
            }
            (Some(a), DynamicsShape::Cubic) => (6.0 * by_m / a.abs()).sqrt(),
        };
        let dimension = DynamicsDimension::Time;
        let dynamics = Dynamics { shape, dimension, value: takes_s };
        Some(Run::LaneOffset(Change::new(&dynamics, spot.offset_m, to)))
    }

    fn go_lane_offset(&mut self, who: EntityIdx, change: &mut Change, dt_s: f64) -> bool {
        let mover = &mut self.movers[who];
        let Some(spot) = &mut mover.spot else { return false };
        let is_done = change.is_done();
        spot.offset_m = if is_done { change.to } else { change.value() };
        let side = if spot.is_forward { 1.0 } else { -1.0 };
        let pose = self.roads.pose(spot);
        mover.turn_rad = if is_done || mover.speed_mps.abs() < SMALL {
            0.0
        } else {
            side * (change.slope() / mover.speed_mps).atan()
        };
        mover.pose = Pose { heading_rad: pose.heading_rad + mover.turn_rad, ..pose };
        change.at += dt_s;
        !is_done
    }

    fn begin_follow(
        &mut self,
        who: EntityIdx,
        line: Line,
        offset_m: f64,
        timing: Option<Timing>,
    ) -> Run {
        let mover = &mut self.movers[who];
        mover.pose = line.at(offset_m);
        mover.on_line = Some(offset_m);
        let at_s = line.time_at(offset_m);
        if timing.is_some() {
            mover.speed_mps = line.at_time(at_s).1;
        }
        let is_backwards = mover.speed_mps < 0.0;
        Run::Follow(Box::new(Follow { line, s_m: offset_m, at_s, is_backwards }))
    }

    fn go_follow(
        &mut self,
        who: EntityIdx,
        follow: &mut Follow,
        timing: Option<Timing>,
        dt_s: f64,
    ) -> bool {
        let now_s = self.time_s;
        let mover = &mut self.movers[who];
        mover.moved = true;
        let before_m = follow.s_m;
        let (_, end_s) = follow.line.span_s();
        let over_m = match timing {
            None => {
                follow.is_backwards |= mover.speed_mps < 0.0 && follow.s_m <= 0.0;
                let sign = if follow.is_backwards { -1.0 } else { 1.0 };
                follow.s_m += sign * mover.speed_mps * dt_s;
                let length_m = follow.line.length_m();
                if follow.line.is_closed() || follow.s_m <= length_m - SMALL || dt_s <= 0.0 {
                    None
                } else {
                    Some(follow.s_m - length_m)
                }
            }
            Some(timing) => {
                follow.at_s = if timing.is_relative {
                    follow.at_s + timing.scale * dt_s
                } else {
                    (now_s + dt_s) * timing.scale
                };
                let at_s = follow.at_s + timing.offset_s;
                follow.s_m = follow.line.at_time(at_s).0;
                if dt_s > SMALL && at_s < end_s + SMALL {
                    mover.speed_mps = (follow.s_m - before_m) / dt_s;
                }
                (follow.at_s >= end_s - SMALL)
                    .then(|| (follow.at_s - end_s).max(0.0) * mover.speed_mps)
            }
        };
        mover.pose = follow.line.at(follow.s_m);
        mover.on_line = Some(follow.s_m);
        if follow.is_backwards {
            mover.pose.heading_rad += std::f64::consts::PI;
        }
        let Some(over_m) = over_m else {
            if let Some(spot) = &mut mover.spot {
                *spot = self.roads.near(spot, mover.pose.at);
                spot.s_m = spot.s_m.clamp(0.0, self.roads.road(spot.road).length_m());
            }
            return true;
        };
        mover.pose.at = mover.pose.point(over_m, 0.0);
        let place = self.free(self.movers[who].pose);
        self.teleport(who, &place);
        false
    }

    fn go_synchronize(
        &mut self,
        who: EntityIdx,
        action: &Action,
        sync: &mut Sync,
        dt_s: f64,
    ) -> bool {
        let Action::Synchronize { master, final_speed, tolerance_m, .. } = action else {
            return false;
        };
        let master_m = self.to_place_m(*master, &sync.master_target);
        let own_m = self.to_place_m(who, &sync.target);
        let master_mps = self.movers[*master].came_mps;
        let master_left_m = (master_m - tolerance_m.0).max(SMALL);
        let left_m = (own_m - tolerance_m.1).max(SMALL);
        let left_s = if master_mps > SMALL { master_left_m / master_mps } else { NEVER_S };
        let final_mps = final_speed.map(|(speed, _)| match speed {
            FinalSpeed::Absolute(v) => v,
            FinalSpeed::Relative(v) => self.movers[*master].speed_mps + v,
        });
        let is_over = own_m < tolerance_m.1 + SMALL
            || master_m < tolerance_m.0 + SMALL
            || own_m > sync.last_m.0
            || master_m > sync.last_m.1
            || left_s < dt_s;
        sync.last_m = (own_m, master_m);
        if is_over {
            if let Some(v) = final_mps {
                self.movers[who].speed_mps = v;
            }
            return false;
        }
        let own_mps = self.movers[who].speed_mps;
        let Some(final_mps) = final_mps else {
            let last_mps = 2.0 * left_m / left_s - own_mps;
            self.movers[who].speed_mps = own_mps + (last_mps - own_mps) / left_s * dt_s;
            return true;
        };
        let steady_m = match final_speed.map(|(_, steady)| steady) {
            Some(SteadyState::Time(s)) => Some(s * final_mps),
            Some(SteadyState::Distance(m)) => Some(m),
            _ => None,
        };
        let came_mps = self.movers[who].came_mps;
        let next = sync.speed_mps((own_mps, came_mps), final_mps, steady_m, (left_m, left_s), dt_s);
        self.movers[who].speed_mps = next;
        true
    }

    /// How far one still has to go to a place: along roads, or straight.
    fn to_place_m(&self, who: EntityIdx, place: &Place) -> f64 {
        let mover = &self.movers[who];
        let straight = place.pose.at.distance_to(mover.pose.at).0;
        if let Some(gone_m) = mover.on_line {
            // On a trajectory the rest of it counts.
            return place.along_m.map_or(straight, |along_m| (along_m - gone_m).abs());
        }
        let spots = mover.spot.zip(place.spot);
        spots.and_then(|(a, b)| self.roads.way_m(&a, &b)).map_or(straight, f64::abs)
    }
}

impl Sync {
    /// The speed of the next step: with constant acceleration to the final speed, or first to
    /// another speed (faster or slower) and from there to the final one, or with a stop between.
    fn speed_mps(
        &mut self,
        (own_mps, came_mps): (f64, f64),
        v1: f64,
        steady_m: Option<f64>,
        (mut left_m, mut left_s): (f64, f64),
        dt_s: f64,
    ) -> f64 {
        // Laws of motion are asked with the speed at which it really came.
        let v0 = came_mps;
        if let Some(steady_m) = steady_m
            && self.mode != Mode::Steady
        {
            let steady_s = steady_m / v1.max(1e-10);
            if left_m - steady_m < SMALL || left_s - steady_s < SMALL {
                self.mode = Mode::Steady;
            } else {
                left_m -= steady_m;
                left_s -= steady_s;
            }
        }
        let moves = left_s < NEVER_S / 2.0;
        match self.mode {
            Mode::Steady => return v1,
            Mode::Waiting if !moves => return own_mps,
            Mode::Waiting => self.mode = Mode::None,
            Mode::Stopping => {
                let next = own_mps - BRAKES_MPS2 * dt_s;
                if next < 0.0 {
                    self.mode = Mode::Waiting;
                }
                return next.max(0.0);
            }
            Mode::Stopped if left_s < 2.0 * left_m / v1.max(1e-10) => self.mode = Mode::Linear,
            Mode::Stopped => return 0.0,
            _ => {}
        }
        // The speed from which constant acceleration reaches the final speed in time.
        let on_line = 2.0 * left_m / left_s - v1;
        if self.mode == Mode::Linear {
            return if moves { on_line.max(0.0) } else { 0.0 };
        }
        if self.mode == Mode::NonLinear && moves && (own_mps - on_line).abs() < 0.1 {
            self.mode = Mode::Linear;
            return own_mps;
        }
        if self.mode == Mode::None && !moves {
            // The master stands: it stands, too, and then takes the straight way.
            self.mode = Mode::Linear;
            return 0.0;
        }
        if self.mode == Mode::None {
            self.mode = Mode::NonLinear;
            self.is_convex = (v1 + own_mps) / 2.0 < left_m / left_s;
        }
        let (turn_mps, mut acceleration) = turning_point(v0, v1, left_m, left_s);
        if self.is_convex == (acceleration < 0.0) && acceleration != 0.0 {
            self.mode = Mode::Linear;
            acceleration = 0.0;
        }
        if self.mode == Mode::NonLinear && turn_mps < 0.0 {
            // Not even standing still between is slow enough for one bend: stop, wait, go.
            let stop_s = 2.0 * v0 * left_m / (v0 * v0 + v1 * v1).max(1e-10);
            acceleration = if stop_s.abs() > SMALL { -v0 / stop_s } else { 0.0 };
            if stop_s * v0 / 2.0 > left_m / 2.0 {
                acceleration = -BRAKES_MPS2;
                self.mode = Mode::Stopping;
            }
            if v0 + acceleration * dt_s < 0.0 {
                self.mode = Mode::Stopped;
                return 0.0;
            }
        }
        own_mps + acceleration * dt_s
    }
}

/// Two phases of equal and opposite acceleration from v0 to v1 over a way in a time: the speed
/// between them, and the acceleration of the first.
fn turning_point(v0: f64, v1: f64, s: f64, t: f64) -> (f64, f64) {
    if (v1 - v0).abs() < SMALL {
        let turn = 2.0 * s / t - v0;
        return (turn, (turn - v0) / (t / 2.0));
    }
    let root = (2.0 * (2.0 * s * s - 2.0 * (v1 + v0) * t * s + (v1 * v1 + v0 * v0) * t * t))
        .max(0.0)
        .sqrt();
    for sign in [-1.0, 1.0] {
        let turn = (2.0 * s + sign * root) / (2.0 * t);
        let at_s = (sign * root - 2.0 * s + 2.0 * v1 * t) / (2.0 * (v1 - v0));
        if at_s > 0.0 && at_s < t {
            return (turn, (turn - v0) / at_s);
        }
    }
    (0.0, 0.0)
}
