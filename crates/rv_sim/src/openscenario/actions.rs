//! Actions: how each begins, and what it does in a step.

use rv_import::openscenario::{
    Action, Displacement, Dynamics, DynamicsDimension, DynamicsShape, EntityIdx, Gap, LaneTarget,
    SpeedTarget, Timing,
};

use super::change::Change;
use super::line::Line;
use super::places::{Place, lane_beside};
use super::roads::{Pose, Spot};
use super::stand_in::StandIn;
use super::synchronize::Sync;
use super::{PlayError, Player};

/// Smallest difference that counts.
pub(super) const SMALL: f64 = 1e-6;
/// Gap error within which a distance counts as reached, m.
const GAP_REACHED_M: f64 = 0.1;

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
                Some(Run::Synchronize(Box::new(Sync::new(master_target, target))))
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
}
