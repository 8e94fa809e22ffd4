//! Taking and refusing missions.

use std::collections::VecDeque;

use rv_base::{EdgeId, Meters, RoadPosition, Timestamp, WattHours};
use rv_wire::{FaultKind, HelpKind, Mission, MissionRefusal, Stop, StopKind, Up};

use crate::brain::{Onboard, Phase};
use crate::drive::AT_STOP_M;
use crate::io::Output;

/// Mean speed by which the standby energy of a mission is guessed, m/s.
const MEAN_MPS: f64 = 5.0;

impl Onboard {
    pub(crate) fn take_mission(&mut self, now: Timestamp, mission: Mission, out: &mut Vec<Output>) {
        let (id, version) = (mission.id, mission.version);
        if (id, version) == (self.m.mission, self.m.version) {
            self.say(Up::MissionAccepted { id, version });
            return;
        }
        match self.check_mission(mission) {
            Ok(stops) => {
                // What it ends by following this version belongs to the one before.
                self.adopt(now, stops, out);
                self.say(Up::MissionAccepted { id, version });
                self.m.mission = id;
                self.m.version = version;
            }
            Err(reason) => self.say(Up::MissionRefused { id, version, reason }),
        }
    }

    /// The stops that remain of a mission, or why it is not followed.
    fn check_mission(&self, mission: Mission) -> Result<VecDeque<Stop>, MissionRefusal> {
        let m = &self.m;
        if mission.version <= m.version {
            return Err(MissionRefusal::Stale);
        }
        if m.faults.contains(&FaultKind::Dead) && !mission.stops.is_empty() {
            return Err(MissionRefusal::Faulted);
        }
        let mut stops: VecDeque<Stop> = mission.stops.into();
        stops.retain(|stop| !m.done.contains(&stop.id));
        let (mut from, mut first) = (m.sensed.position, 0);
        if let (Phase::AtStop(visit), Some(current)) = (&m.phase, m.stops.front()) {
            if let Some(stop) = stops.front().filter(|stop| stop.id == current.id) {
                // What was done or begun of its tasks must still be there.
                if visit.has_begun() && !visit.fits(current, stop) {
                    return Err(MissionRefusal::StopUnderWay);
                }
                (from, first) = (current.at, 1);
            } else if visit.has_begun() && current.kind != StopKind::Charge {
                return Err(MissionRefusal::StopUnderWay);
            }
        }
        for (idx, stop) in stops.iter().enumerate().skip(first) {
            let is_first_leg = idx == 0;
            self.check_leg(from, stop, is_first_leg)?;
            from = stop.at;
        }
        self.check_battery(stops.iter().skip(first))?;
        Ok(stops)
    }

    /// One leg: connected, from where it starts to where it ends, open to this vehicle's mode.
    fn check_leg(
        &self,
        from: RoadPosition,
        stop: &Stop,
        is_first_leg: bool,
    ) -> Result<(), MissionRefusal> {
        let graph = &self.atlas.city.graph;
        let route = &stop.route;
        let is_on_map = |edge: &EdgeId| edge.idx() < graph.n_edges();
        if route.is_empty() || !route.iter().all(is_on_map) || route.last() != Some(&stop.at.edge) {
            return Err(MissionRefusal::RouteBroken);
        }
        // The vehicle may have gone on since the mission was made: the first leg may start behind.
        let start = if is_first_leg {
            self.place_on(route).ok_or(MissionRefusal::RouteBroken)?
        } else if route[0] == from.edge {
            0
        } else {
            return Err(MissionRefusal::RouteBroken);
        };
        let rest = &route[start..];
        let way_needed = if is_first_leg && self.m.sensed.speed.0 > 0.0 {
            self.config.driver.stopping_distance(self.m.sensed.speed)
        } else {
            Meters(-AT_STOP_M)
        };
        if rest.len() == 1 && stop.at.offset - from.offset < way_needed {
            return Err(MissionRefusal::RouteBroken);
        }
        let is_connected = rest.windows(2).all(|w| graph.edge(w[0]).head == graph.edge(w[1]).tail);
        if !is_connected
            || !(Meters::ZERO..=graph.edge(stop.at.edge).length).contains(&stop.at.offset)
        {
            return Err(MissionRefusal::RouteBroken);
        }
        let mode = self.config.mode();
        if !rest.iter().skip(1).all(|e| graph.edge(*e).modes.contains(mode)) {
            return Err(MissionRefusal::NotPermitted);
        }
        Ok(())
    }

    /// Index of the vehicle's edge on a route that may start behind it, if what it has driven
    /// since is that route.
    pub(crate) fn place_on(&self, route: &[EdgeId]) -> Option<usize> {
        let driven = &self.m.trip.edges;
        let here = self.m.sensed.position.edge;
        route
            .iter()
            .enumerate()
            .filter(|(_, edge)| **edge == here)
            .map(|(idx, _)| idx)
            .find(|idx| *idx == 0 || driven.ends_with(&route[..=*idx]))
    }

    fn check_battery<'a>(
        &self,
        stops: impl Iterator<Item = &'a Stop>,
    ) -> Result<(), MissionRefusal> {
        let use_of = &self.config.class.consumption;
        let mut need = WattHours::ZERO;
        for (idx, stop) in stops.enumerate() {
            let way: Meters = stop.route.iter().map(|e| self.atlas.roads.length(*e)).sum();
            let standby = use_of.standby * (way / rv_base::MetersPerSecond(MEAN_MPS));
            need += WattHours(use_of.wh_per_m * way.0) + use_of.per_stop + standby;
            if stop.kind == StopKind::Charge {
                // On the way to the charger the reserve may be used.
                let floor = if idx == 0 { WattHours::ZERO } else { self.battery_floor() };
                return self.enough(need, floor);
            }
        }
        self.enough(need, self.battery_floor())
    }

    /// Half the reserve: the fleet plans with all of it, and its estimate differs from this one.
    fn battery_floor(&self) -> WattHours {
        (self.config.class.reserve * 0.5).min(self.m.sensed.stored * 0.5)
    }

    fn enough(&self, need: WattHours, floor: WattHours) -> Result<(), MissionRefusal> {
        if need > self.m.sensed.stored - floor { Err(MissionRefusal::BatteryShort) } else { Ok(()) }
    }

    /// Follows a checked mission from now on.
    fn adopt(&mut self, now: Timestamp, stops: VecDeque<Stop>, out: &mut Vec<Output>) {
        if self.m.call.as_ref().is_some_and(|call| call.kind == HelpKind::RoadBlocked) {
            self.end_call(now);
        }
        self.m.quiet_until = now;
        if let (Phase::AtStop(visit), Some(current)) = (&self.m.phase, self.m.stops.front()) {
            if stops.front().is_some_and(|stop| stop.id == current.id) {
                let current_tasks = current.tasks.clone();
                self.m.stops = stops;
                self.renew_visit(current_tasks, out);
                return;
            }
            if visit.has_begun() {
                self.end_charge(now);
                self.leave(now, out);
            }
            self.m.phase = Phase::Idle;
            self.m.stops = stops;
            return;
        }
        // One that has nothing to do but still rolls goes on as well: by the time it stood, it
        // might have passed where the new route turns off.
        let was_driving = self.m.phase == Phase::Driving || self.m.sensed.speed.0 > 0.0;
        let target = self.m.stops.front().map(|stop| stop.id);
        self.m.stops = stops;
        let Some(stop) = self.m.stops.front() else {
            self.m.phase = Phase::Idle;
            return;
        };
        if !was_driving {
            return;
        }
        // Go on without standing: the checked route leads on from here.
        let stop_id = stop.id;
        let start = self.place_on(&stop.route).unwrap_or(0);
        self.m.path = stop.route[start..].to_vec();
        self.m.path_idx = 0;
        self.m.phase = Phase::Driving;
        if target != Some(stop_id) {
            self.say(Up::Departed { stop: stop_id, at: now });
        }
        out.push(Output::Follow { path: self.m.path.clone() });
        self.plan_leg(now);
    }
}
