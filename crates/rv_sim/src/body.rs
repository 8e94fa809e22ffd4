//! The physical vehicle: a mass on the road with a battery.

use rv_base::{
    EdgeId, Meters, MetersPerSecond, MetersPerSecond2, RoadPosition, Seconds, Timestamp, WattHours,
    Watts,
};
use rv_driver::{Motion, RoadTable};
use rv_fleet::audit::DrivenEdge;
use rv_model::Consumption;
use serde::{Deserialize, Serialize};

/// Braking of the low-level controller while the computer is down.
const FALLBACK_BRAKING: MetersPerSecond2 = MetersPerSecond2(-3.0);

/// Speed below which a start counts as one from a stand.
const STANDING: MetersPerSecond = MetersPerSecond(0.01);

/// A van so near to the end of an edge of its path is at the start of the next.
const AT_END: Meters = Meters(0.01);

/// Energy taken from a charger for each unit that reaches the battery (AC to DC and in the cells).
const CHARGE_LOSS: f64 = 1.08;

/// State of a body.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Body {
    pub(crate) at: Timestamp,
    pub(crate) path: Vec<EdgeId>,
    pub(crate) path_idx: usize,
    pub(crate) offset: Meters,
    pub(crate) speed: MetersPerSecond,
    pub(crate) acceleration: MetersPerSecond2,
    pub(crate) odometer: Meters,
    pub(crate) drawn: WattHours,
    pub(crate) stored: WattHours,
    pub(crate) metered: WattHours,
    entered: Timestamp,
    /// What a detailed simulation made of the last second, in place of the model here: the way along
    /// the path and the speed at its end.
    #[serde(skip)]
    pub(crate) driven_so: Option<(Meters, MetersPerSecond)>,
    /// Times it reached the end of its path with speed; a fault of the driver if ever.
    pub(crate) n_overruns: u32,
}

/// What a body's surroundings do to its battery.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Power {
    pub(crate) consumption: Consumption,
    pub(crate) battery: WattHours,
    /// Share of the standby power that is drawn.
    pub(crate) standby_share: f64,
    /// More for wet and snowy roads and cold.
    pub(crate) weather_share: f64,
    /// At a charger, what it gives.
    pub(crate) charger: Option<Watts>,
}

impl Body {
    pub(crate) fn new(at: Timestamp, position: RoadPosition, stored: WattHours) -> Self {
        Self {
            at,
            path: vec![position.edge],
            path_idx: 0,
            offset: position.offset,
            speed: MetersPerSecond::ZERO,
            acceleration: MetersPerSecond2::ZERO,
            odometer: Meters::ZERO,
            drawn: WattHours::ZERO,
            stored,
            metered: WattHours::ZERO,
            entered: at,
            driven_so: None,
            n_overruns: 0,
        }
    }

    pub(crate) fn position(&self) -> RoadPosition {
        RoadPosition { edge: self.path[self.path_idx], offset: self.offset }
    }

    /// Steers along another path, which begins on the current edge.
    pub(crate) fn follow(&mut self, path: Vec<EdgeId>) {
        let here = self.position().edge;
        if let Some(idx) = path.iter().position(|edge| *edge == here) {
            self.path = path;
            self.path_idx = idx;
        }
    }

    /// Puts it somewhere else, standing and with its path empty.
    pub(crate) fn put(&mut self, now: Timestamp, position: RoadPosition) {
        *self = Self {
            odometer: self.odometer,
            drawn: self.drawn,
            metered: self.metered,
            n_overruns: self.n_overruns,
            ..Self::new(now, position, self.stored)
        };
    }

    /// Notes that it begins to move.
    pub(crate) fn set_off(&mut self, now: Timestamp) {
        self.entered = now;
    }

    /// What was driven of the current edge until now, when it stands.
    pub(crate) fn stand(&mut self, now: Timestamp) -> DrivenEdge {
        DrivenEdge { edge: self.path[self.path_idx], entered: self.entered, left: now }
    }

    /// Brakes without a computer.
    pub(crate) fn fall_back(&mut self) {
        self.acceleration = FALLBACK_BRAKING;
    }

    /// Moves on to `now` and adds the edges it left to `driven`.
    pub(crate) fn advance(
        &mut self,
        now: Timestamp,
        roads: &RoadTable,
        power: &Power,
        driven: &mut Vec<DrivenEdge>,
    ) {
        let dt = now - self.at;
        if dt.0 <= 0.0 {
            return;
        }
        let was_standing = self.speed < STANDING;
        let from = self.odometer;
        if self.speed.0 > 0.0 || self.acceleration.0 > 0.0 || self.driven_so.is_some() {
            self.roll(now, dt, roads, driven);
        }
        let uses = &power.consumption;
        let mut used = uses.standby * dt * power.standby_share
            + WattHours(uses.wh_per_m * power.weather_share * (self.odometer - from).0);
        if was_standing && self.speed >= STANDING {
            used += uses.per_stop;
        }
        self.drawn += used;
        self.stored = (self.stored - used).max(WattHours::ZERO);
        if let Some(charger) = power.charger {
            let room = (power.battery - self.stored).max(WattHours::ZERO);
            let got = (charger * dt).min(room);
            self.stored += got;
            self.metered += got * CHARGE_LOSS;
        }
        self.at = now;
    }

    fn roll(
        &mut self,
        now: Timestamp,
        dt: Seconds,
        roads: &RoadTable,
        driven: &mut Vec<DrivenEdge>,
    ) {
        let motion = Motion { speed: self.speed, travelled: Meters::ZERO };
        let motion = motion.after(self.acceleration, dt);
        let (way, speed) = self.driven_so.take().unwrap_or((motion.travelled, motion.speed));
        self.speed = speed;
        self.offset += way;
        self.odometer += way;
        loop {
            let length = roads.length(self.path[self.path_idx]);
            if self.path_idx + 1 == self.path.len() {
                if self.offset > length {
                    // A fraction of a millimetre is rounding, more is a fault.
                    self.n_overruns += u32::from(self.offset - length > Meters(1e-3));
                    self.odometer -= self.offset - length;
                    self.offset = length;
                    self.speed = MetersPerSecond::ZERO;
                }
                break;
            }
            if self.offset < length - AT_END {
                break;
            }
            self.offset = (self.offset - length).max(Meters::ZERO);
            let back = if way > Meters::ZERO { (self.offset / way).clamp(0.0, 1.0) } else { 0.0 };
            let left = now - dt * back;
            driven.push(DrivenEdge { edge: self.path[self.path_idx], entered: self.entered, left });
            self.entered = left;
            self.path_idx += 1;
        }
    }
}
