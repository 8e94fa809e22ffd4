//! Following the path: where to slow down, where to stand, what may not be entered.

use rv_base::{LatLon, Meters, MetersPerSecond, Radians, Seconds, Timestamp};
use rv_driver::{Ahead, SpeedPlan};
use rv_wire::{FaultKind, HelpChoice, HelpKind};

use crate::brain::{Barred, Onboard, Phase};
use crate::grounds::Moment;
use crate::io::{Output, Sensed};

/// Within this distance, standing, the vehicle is at its stop, m.
pub(crate) const AT_STOP_M: f64 = 0.5;

/// Speed with a degraded sensor.
const DEGRADED: MetersPerSecond = MetersPerSecond(4.0);

/// An area that closes within this time is not entered any more: enough to serve a stop in it and
/// to drive out again.
const ENTER_BEFORE: Seconds = Seconds(1500.0);

/// A stop in an area that closes within this time is left.
pub(crate) const LEAVE_BEFORE: Seconds = Seconds(720.0);

/// So long before an area closes a vehicle that is still inside stands: enough to brake.
const STAND_BEFORE: Seconds = Seconds(40.0);

/// Length of a driving step.
const STEP: Seconds = Seconds(1.0);

impl Onboard {
    pub(crate) fn take_sensed(&mut self, now: Timestamp, sensed: Sensed, out: &mut Vec<Output>) {
        let has_block_changed = sensed.blocked != self.m.sensed.blocked;
        self.m.sensed = sensed;
        self.advance_on_path();
        self.watch_battery(now);
        if self.m.phase == Phase::Driving {
            if has_block_changed {
                self.m.cleared.retain(|edge| Some(*edge) == sensed.blocked);
                self.find_barred(now);
            } else if self.moments(now) != self.leg.moments {
                self.find_barred(now);
            }
            self.see_to_standing(now);
            self.watch_barred(now);
        }
        if self.is_moving() {
            self.drive(out);
        }
    }

    /// Says how to accelerate until the next step.
    pub(crate) fn drive(&mut self, out: &mut Vec<Output>) {
        let acceleration = if self.m.faults.contains(&FaultKind::Dead) {
            -self.config.driver.braking_max
        } else if self.m.is_halted || self.m.phase != Phase::Driving || self.leg.must_stand {
            -self.config.driver.braking_comfortable
        } else {
            self.follow_path()
        };
        out.push(Output::Drive { acceleration });
    }

    fn follow_path(&mut self) -> rv_base::MetersPerSecond2 {
        let m = &self.m;
        let roads = &self.atlas.roads;
        let mut desired = roads.free_speed(m.sensed.position.edge).min(self.config.class.speed_max);
        if m.faults.contains(&FaultKind::SensorDegraded) {
            desired = desired.min(DEGRADED);
        }
        desired = (desired * m.sensed.flow.clamp(0.05, 1.0)).max(MetersPerSecond(0.5));
        let mut stand = self.distance_to_stop();
        if let Some((idx, _)) = self.leg.barred {
            stand = stand.min(self.distance_to_edge(idx) - self.config.block_gap);
        }
        let driver = &self.config.driver;
        if let Some(red_at) = m.sensed.red_at
            && red_at >= driver.stopping_distance(m.sensed.speed) * 0.7
        {
            stand = stand.min(red_at);
        }
        let reach = m.sensed.speed + MetersPerSecond(driver.acceleration_max.0);
        let mut points = std::mem::take(&mut self.leg.points);
        let offset = m.sensed.position.offset;
        self.leg.speeds.points(roads, &m.path, m.path_idx, offset, reach * STEP, &mut points);
        let stop = (stand <= driver.stopping_distance(m.sensed.speed) + Meters(20.0))
            .then_some(stand.max(Meters::ZERO));
        let ahead = Ahead { desired, stop, points: &points, lead: m.sensed.lead };
        let acceleration = driver.acceleration(m.sensed.speed, &ahead, STEP);
        self.leg.points = points;
        acceleration
    }

    /// Finds the sensed edge on the path and notes what was driven.
    fn advance_on_path(&mut self) {
        let m = &mut self.m;
        let edge = m.sensed.position.edge;
        let Some(n_passed) = m.path[m.path_idx..].iter().position(|e| *e == edge) else {
            return;
        };
        let from = m.path_idx;
        m.path_idx += n_passed;
        m.trip.edges.extend_from_slice(&m.path[from + 1..=m.path_idx]);
    }

    /// Distance along the path to the first stop; infinite without one.
    pub(crate) fn distance_to_stop(&self) -> Meters {
        let m = &self.m;
        match self.leg.to_go_m.get(m.path_idx) {
            Some(beyond_m) if !m.stops.is_empty() => {
                let here = self.atlas.roads.length(m.sensed.position.edge);
                here - m.sensed.position.offset + Meters(*beyond_m)
            }
            _ => Meters(f64::INFINITY),
        }
    }

    /// Distance along the path to the start of its edge `idx`, which lies ahead.
    fn distance_to_edge(&self, idx: usize) -> Meters {
        let m = &self.m;
        let whole: Meters =
            m.path[m.path_idx..idx].iter().map(|e| self.atlas.roads.length(*e)).sum();
        whole - m.sensed.position.offset
    }

    /// Works out everything that follows from a new path.
    pub(crate) fn plan_leg(&mut self, now: Timestamp) {
        let m = &self.m;
        let roads = &self.atlas.roads;
        self.leg.speeds = SpeedPlan::build(roads, &self.config.driver, &m.path);
        self.leg.to_go_m.clear();
        self.leg.to_go_m.resize(m.path.len(), f64::INFINITY);
        if let Some(stop) = m.stops.front()
            && m.path.last() == Some(&stop.at.edge)
        {
            let mut beyond = stop.at.offset - roads.length(stop.at.edge);
            for (slot, edge) in self.leg.to_go_m.iter_mut().zip(&m.path).rev() {
                *slot = beyond.0;
                beyond += roads.length(*edge);
            }
        }
        self.find_barred(now);
    }

    /// Finds the first edge ahead that is closed, blocked or not permitted at this hour, or that
    /// leads into an area which closes soon.
    pub(crate) fn find_barred(&mut self, now: Timestamp) {
        let m = &self.m;
        let moments = self.moments(now);
        let barred = |idx: usize| {
            let edge = m.path[idx];
            if m.closures.contains(&edge) {
                Some(Barred::Closed)
            } else if m.sensed.blocked == Some(edge) && !m.cleared.contains(&edge) {
                Some(Barred::Blocked)
            } else if !self.grounds.covers(edge, moments[0])
                || (!self.grounds.covers(edge, moments[2])
                    && self.grounds.covers(m.path[idx - 1], moments[2]))
            {
                Some(Barred::NotPermitted)
            } else {
                None
            }
        };
        let barred = (m.path_idx + 1..m.path.len()).find_map(|idx| Some((idx, barred(idx)?)));
        self.leg.barred = barred;
        self.leg.moments = moments;
        self.see_to_standing(now);
    }

    /// Now, when it would have to stand, and when it would have to be out of an area that it is
    /// about to enter.
    fn moments(&self, now: Timestamp) -> [Moment; 3] {
        [now, now + STAND_BEFORE, now + ENTER_BEFORE].map(|at| self.grounds.moment(at))
    }

    /// Stands in good time where it may not be any more, rather than drive on without a permit.
    fn see_to_standing(&mut self, now: Timestamp) {
        let edge = self.m.sensed.position.edge;
        let moments = self.moments(now);
        if self.leg.stood_for != Some((edge, moments)) {
            self.leg.stood_for = Some((edge, moments));
            self.leg.must_stand =
                !self.grounds.covers(edge, moments[0]) || !self.grounds.covers(edge, moments[1]);
        }
    }

    /// True if the road it stands on will soon be closed to it.
    pub(crate) fn must_leave(&self, now: Timestamp) -> bool {
        let edge = self.m.sensed.position.edge;
        !self.grounds.covers(edge, self.grounds.moment(now + LEAVE_BEFORE))
    }

    /// Calls for help while it stands before an edge that it may not enter. A closure the fleet
    /// knows of: it has sent another way, or there is none until the road opens.
    fn watch_barred(&mut self, now: Timestamp) {
        let m = &self.m;
        let is_before = self.leg.barred.is_some_and(|(idx, why)| {
            why != Barred::Closed
                && self.distance_to_edge(idx) < self.config.block_gap + Meters(AT_STOP_M)
        });
        let cannot_go_on = self.trouble == Some(HelpKind::RoadBlocked);
        let is_held = m.sensed.speed.0 == 0.0 && (is_before || self.leg.must_stand || cannot_go_on);
        let is_called = m.call.as_ref().is_some_and(|call| call.kind == HelpKind::RoadBlocked);
        if is_held && m.call.is_none() && now >= m.quiet_until {
            let choices: &[HelpChoice] = match self.leg.barred {
                Some((_, Barred::Blocked)) => {
                    &[HelpChoice::Reroute, HelpChoice::Wait, HelpChoice::Proceed]
                }
                _ => &[HelpChoice::Reroute, HelpChoice::Wait],
            };
            self.call_for_help(now, HelpKind::RoadBlocked, choices);
        } else if !is_held && is_called {
            self.end_call(now);
        }
    }

    /// Notes what the driver cannot solve. A road that it cannot get along is called for as one that
    /// is barred; for anything else somebody has to look and let it go on.
    pub(crate) fn take_trouble(&mut self, now: Timestamp, trouble: Option<HelpKind>) {
        self.trouble = trouble;
        let m = &self.m;
        let is_unclear = trouble.is_some_and(|kind| kind != HelpKind::RoadBlocked);
        let is_called = m.call.as_ref().is_some_and(|call| call.kind == HelpKind::Unclear);
        let stands = m.phase == Phase::Driving && m.sensed.speed.0 == 0.0;
        if is_unclear && stands && m.call.is_none() && now >= m.quiet_until {
            let choices = [HelpChoice::Proceed, HelpChoice::Wait];
            self.call_for_help(now, HelpKind::Unclear, &choices);
        } else if !is_unclear && is_called {
            self.end_call(now);
        }
    }

    /// Where on the Earth, and the direction of travel.
    pub(crate) fn world_position(&self) -> (LatLon, Radians) {
        let position = self.m.sensed.position;
        let graph = &self.atlas.city.graph;
        if position.edge.idx() >= graph.n_edges() {
            return (LatLon::default(), Radians::ZERO);
        }
        let line = graph.polyline(position.edge);
        let whole_m: f64 = line.windows(2).map(|w| w[0].distance_to(w[1]).0).sum();
        // The stored length and the sum of the pieces may differ by rounding.
        let share = position.offset / graph.edge(position.edge).length;
        let mut left_m = whole_m * share.clamp(0.0, 1.0);
        for pair in line.windows(2) {
            let piece_m = pair[0].distance_to(pair[1]).0;
            if left_m <= piece_m && piece_m > 0.0 {
                let t = left_m / piece_m;
                let lat = pair[0].lat_deg() + t * (pair[1].lat_deg() - pair[0].lat_deg());
                let lon = pair[0].lon_deg() + t * (pair[1].lon_deg() - pair[0].lon_deg());
                let world = LatLon::from_degrees(lat, lon).unwrap_or(pair[0]);
                return (world, pair[0].bearing_to(pair[1]));
            }
            left_m -= piece_m;
        }
        let (before, last) = (line[line.len() - 2], line[line.len() - 1]);
        (last, before.bearing_to(last))
    }
}
