//! Vehicle classes as data: where a vehicle may drive, how fast, what turns cost, what it uses.

use rv_base::{Kilograms, Meters, MetersPerSecond, Seconds, WattHours, Watts};
use rv_map::{DriveSide, Mode, Road, RoadKind, Surface};
use serde::{Deserialize, Serialize};

/// What routing must know of a kind of vehicle.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct VehicleClass {
    /// Short name, such as `robovan-35`.
    pub name: String,
    /// Which access rules bind it.
    pub mode: Mode,
    /// It never drives faster than this; more than zero.
    pub speed_max: MetersPerSecond,
    /// Widest point, mirrors included.
    pub width: Meters,
    /// Highest point.
    pub height: Meters,
    /// Mass when fully loaded.
    pub mass: Kilograms,
    /// Kinds of road it may use at all.
    pub kinds: RoadKindSet,
    /// Share of the allowed speed it keeps on cobblestones, 0..=1.
    pub cobbled_speed_share: f64,
    /// Share of the allowed speed it keeps on unpaved ground, 0..=1.
    pub unpaved_speed_share: f64,
    /// What turning costs it.
    pub turns: TurnCosts,
    /// What driving uses.
    pub energy: EnergyUse,
}

/// Time that turns add. A quarter turn costs what is said here, an eighth turn half of it.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct TurnCosts {
    /// On which side the traffic keeps.
    pub side: DriveSide,
    /// A quarter turn towards the own side (right where traffic keeps right).
    pub near: Seconds,
    /// A quarter turn across the oncoming traffic.
    pub far: Seconds,
    /// Turning round at a dead end; elsewhere a vehicle does not turn round.
    pub around: Seconds,
    /// Mean wait at a traffic signal.
    pub signal: Seconds,
    /// Mean wait before joining or crossing a more important road without a signal.
    pub give_way: Seconds,
    /// Entering a road that is open only to those with business there.
    pub destination_entry: Seconds,
}

/// Energy as a sum of rolling, drag, auxiliaries and stops.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct EnergyUse {
    /// Rolling resistance and drive losses, Wh for each metre.
    pub rolling_wh_per_m: f64,
    /// Air drag, Wh for each metre and (m/s)^2.
    pub drag_wh_per_m_mps2: f64,
    /// Computers, sensors, heating: drawn all the time.
    pub auxiliary: Watts,
    /// Lost by one stop and start at a signal, a yield or a turn-round.
    pub stop: WattHours,
    /// What each metre of height costs.
    pub climb_wh_per_m: f64,
    /// Share of that which each metre down gives back, 0..=1. Rolling down never charges more than
    /// what driving uses else: the energy of a road is not below zero.
    pub recovered_share: f64,
}

/// A set of road kinds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RoadKindSet(pub u16);

impl RoadKindSet {
    /// Every kind.
    pub const ALL: Self = Self(0x1fff);

    /// The set of these kinds.
    pub const fn of(kinds: &[RoadKind]) -> Self {
        let mut bits = 0;
        let mut i = 0;
        while i < kinds.len() {
            bits |= 1 << kinds[i] as u16;
            i += 1;
        }
        Self(bits)
    }

    /// This set less these kinds.
    pub const fn without(self, kinds: &[RoadKind]) -> Self {
        Self(self.0 & !Self::of(kinds).0)
    }

    /// True if `kind` is in the set.
    pub const fn contains(self, kind: RoadKind) -> bool {
        self.0 & (1 << kind as u16) != 0
    }
}

impl VehicleClass {
    /// A driverless delivery van capped at `speed_max`, about 1.2 m wide and 1.5 t laden, as such
    /// vans are sold in 2025; it keeps off motorways.
    pub fn robovan(speed_max: MetersPerSecond) -> Self {
        Self {
            name: format!("robovan-{:.0}", speed_max.to_kmh()),
            mode: Mode::Van,
            speed_max,
            width: Meters(1.3),
            height: Meters(2.0),
            mass: Kilograms(1500.0),
            kinds: RoadKindSet::ALL.without(&[RoadKind::Motorway]),
            cobbled_speed_share: 0.7,
            unpaved_speed_share: 0.5,
            turns: TurnCosts {
                side: DriveSide::Right,
                near: Seconds(1.5),
                far: Seconds(4.0),
                around: Seconds(15.0),
                signal: Seconds(10.0),
                give_way: Seconds(3.0),
                destination_entry: Seconds(5.0),
            },
            energy: EnergyUse {
                // 1,500 kg at a rolling coefficient of 0.012 and 80 % from battery to wheel.
                rolling_wh_per_m: 0.061,
                // Half of 1.2 kg/m3 times 1.6 m2 of drag area, by the same efficiency.
                drag_wh_per_m_mps2: 0.000_33,
                auxiliary: Watts(350.0),
                stop: WattHours(9.0),
                // 1,500 kg by 9.81 m/s2, with the same efficiency.
                climb_wh_per_m: 5.1,
                recovered_share: 0.6,
            },
        }
    }

    /// A driverless truck between hubs: 2.55 m wide, 4 m high, 40 t, 90 km/h.
    pub fn truck() -> Self {
        let van = Self::robovan(MetersPerSecond::from_kmh(90.0));
        Self {
            name: "truck".to_owned(),
            mode: Mode::Truck,
            width: Meters(2.55),
            height: Meters(4.0),
            mass: Kilograms(40_000.0),
            kinds: RoadKindSet::ALL.without(&[
                RoadKind::LivingStreet,
                RoadKind::Track,
                RoadKind::Pedestrian,
                RoadKind::Cycleway,
                RoadKind::Footway,
            ]),
            turns: TurnCosts {
                near: Seconds(5.0),
                far: Seconds(8.0),
                around: Seconds(90.0),
                signal: Seconds(14.0),
                give_way: Seconds(6.0),
                ..van.turns
            },
            energy: EnergyUse {
                rolling_wh_per_m: 0.75,
                drag_wh_per_m_mps2: 0.001_1,
                auxiliary: Watts(2000.0),
                stop: WattHours(700.0),
                climb_wh_per_m: 136.0,
                recovered_share: 0.6,
            },
            ..van
        }
    }

    /// A delivery robot at walking pace, on foot and cycle ways as well as on small roads.
    pub fn robot() -> Self {
        Self {
            name: "robot".to_owned(),
            mode: Mode::Robot,
            width: Meters(0.7),
            height: Meters(1.2),
            mass: Kilograms(120.0),
            kinds: RoadKindSet::ALL.without(&[RoadKind::Motorway, RoadKind::Trunk]),
            turns: TurnCosts {
                near: Seconds(1.0),
                far: Seconds(1.0),
                around: Seconds(3.0),
                ..Self::robovan(MetersPerSecond(1.0)).turns
            },
            energy: EnergyUse {
                rolling_wh_per_m: 0.01,
                drag_wh_per_m_mps2: 0.0,
                auxiliary: Watts(60.0),
                stop: WattHours(0.05),
                climb_wh_per_m: 0.41,
                recovered_share: 0.0,
            },
            ..Self::robovan(MetersPerSecond::from_kmh(5.0))
        }
    }

    /// A passenger car, as background traffic and for comparison with other engines.
    pub fn car() -> Self {
        Self {
            name: "car".to_owned(),
            mode: Mode::Car,
            width: Meters(1.9),
            height: Meters(1.8),
            mass: Kilograms(1900.0),
            kinds: RoadKindSet::ALL,
            ..Self::robovan(MetersPerSecond::from_kmh(140.0))
        }
    }

    /// The class with this name: `robovan-25`, `robovan-35`, `robovan-45` (any whole cap from 1 to
    /// 140 km/h), `truck`, `robot` or `car`.
    pub fn by_name(name: &str) -> Option<Self> {
        match name {
            "truck" => Some(Self::truck()),
            "robot" => Some(Self::robot()),
            "car" => Some(Self::car()),
            _ => {
                let kmh: u8 = name.strip_prefix("robovan-")?.parse().ok()?;
                (1..=140)
                    .contains(&kmh)
                    .then(|| Self::robovan(MetersPerSecond::from_kmh(f64::from(kmh))))
            }
        }
    }

    /// The same class in a city where traffic keeps to this side.
    pub fn on_side(mut self, side: DriveSide) -> Self {
        self.turns.side = side;
        self
    }

    /// True if a vehicle of this class fits a road and may use its kind, access modes aside.
    pub fn fits(&self, road: &Road) -> bool {
        self.kinds.contains(road.kind)
            && road.width_max.is_none_or(|limit| self.width <= limit)
            && road.height_max.is_none_or(|limit| self.height <= limit)
            && road.mass_max.is_none_or(|limit| self.mass <= limit)
    }

    /// Speed on a road when nothing is in the way; at least 0.1 m/s.
    pub fn free_speed(&self, road: &Road) -> MetersPerSecond {
        let share = match road.surface {
            Surface::Paved => 1.0,
            Surface::Cobbled => self.cobbled_speed_share,
            Surface::Unpaved => self.unpaved_speed_share,
        };
        (road.speed_limit.min(self.speed_max) * share).max(MetersPerSecond(0.1))
    }
}
