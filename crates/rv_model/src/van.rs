//! Vehicles of the fleet. "Van" stands for every driverless vehicle; its class says which kind.

use rv_base::{
    FacilityId, Kilograms, Meters, MetersPerSecond, Money, PermitId, Seconds, VanId, WattHours,
    Watts,
};
use serde::{Deserialize, Serialize};

/// What kind of vehicle.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum VehicleKind {
    /// Driverless delivery van.
    Van,
    /// Walking-pace delivery robot.
    Robot,
    /// Driverless truck.
    Truck,
}

/// A model of vehicle.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct VanClass {
    /// Name, such as `robovan-35`.
    pub name: String,
    /// Kind.
    pub kind: VehicleKind,
    /// Top speed.
    pub speed_max: MetersPerSecond,
    /// Width.
    pub width: Meters,
    /// Height.
    pub height: Meters,
    /// Mass without load.
    pub mass: Kilograms,
    /// Heaviest load.
    pub payload_max: Kilograms,
    /// Compartments, each of which takes the parcels of one order at a time.
    pub n_compartments: u16,
    /// Most parcels on board.
    pub parcels_max: u16,
    /// Usable battery.
    pub battery: WattHours,
    /// Charge kept for the unforeseen.
    pub reserve: WattHours,
    /// Power at which it charges.
    pub charge_power: Watts,
    /// What it draws.
    pub consumption: Consumption,
    /// What it costs.
    pub costs: VanCosts,
}

/// Energy model: `stored` falls by `wh_per_m * distance + wh_per_stop * stops + standby * time`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Consumption {
    /// Energy a metre, Wh/m.
    pub wh_per_m: f64,
    /// Energy for one stop and start.
    pub per_stop: WattHours,
    /// Computers, sensors, climate.
    pub standby: Watts,
}

/// Costs of a vehicle.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct VanCosts {
    /// A day of it: depreciation, insurance, permits, cleaning, data.
    pub per_day: Money,
    /// A kilometre: tyres, wear.
    pub per_km: Money,
    /// A kilowatt-hour from the charger.
    pub per_kwh: Money,
}

/// A vehicle.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Van {
    /// Identity.
    pub id: VanId,
    /// Name for people, such as `V007`.
    pub name: String,
    /// Index into the fleet's classes.
    pub class_idx: u16,
    /// Where it starts, loads, charges and returns.
    pub hub: FacilityId,
    /// Permits it holds. Without any it may drive wherever its class may.
    pub permits: Vec<PermitId>,
}

impl VanClass {
    /// The classes robovan ships with, by name: `robovan-25`, `robovan-35`, `robovan-45` (vans
    /// with that top speed, km/h), `robot` and `truck`.
    ///
    /// Figures after the low-speed vans sold today: payload 1,000 kg, 6 m3, 35 kWh usable, about
    /// 0.12 kWh/km; charging 7 to 20 kW AC/DC.
    pub fn shipped() -> Vec<Self> {
        let van = |kmh: f64| Self {
            name: format!("robovan-{kmh:.0}"),
            kind: VehicleKind::Van,
            speed_max: MetersPerSecond::from_kmh(kmh),
            width: Meters(1.5),
            height: Meters(2.1),
            mass: Kilograms(900.0),
            payload_max: Kilograms(1000.0),
            n_compartments: 120,
            parcels_max: 400,
            battery: WattHours(32_000.0),
            reserve: WattHours(3_200.0),
            charge_power: Watts(20_000.0),
            consumption: Consumption {
                wh_per_m: 0.12,
                per_stop: WattHours(4.0),
                standby: Watts(350.0),
            },
            costs: VanCosts {
                per_day: Money::from_units(22.0),
                per_km: Money::from_units(0.05),
                per_kwh: Money::from_units(0.20),
            },
        };
        let robot = Self {
            name: "robot".into(),
            kind: VehicleKind::Robot,
            speed_max: MetersPerSecond::from_kmh(6.0),
            width: Meters(0.7),
            height: Meters(1.2),
            mass: Kilograms(60.0),
            payload_max: Kilograms(40.0),
            n_compartments: 4,
            parcels_max: 12,
            battery: WattHours(1_500.0),
            reserve: WattHours(150.0),
            charge_power: Watts(500.0),
            consumption: Consumption {
                wh_per_m: 0.025,
                per_stop: WattHours(0.2),
                standby: Watts(60.0),
            },
            costs: VanCosts {
                per_day: Money::from_units(6.0),
                per_km: Money::from_units(0.02),
                per_kwh: Money::from_units(0.20),
            },
        };
        let truck = Self {
            name: "truck".into(),
            kind: VehicleKind::Truck,
            speed_max: MetersPerSecond::from_kmh(80.0),
            width: Meters(2.55),
            height: Meters(4.0),
            mass: Kilograms(14_000.0),
            payload_max: Kilograms(24_000.0),
            n_compartments: 1,
            parcels_max: 6_000,
            battery: WattHours(500_000.0),
            reserve: WattHours(50_000.0),
            charge_power: Watts(350_000.0),
            consumption: Consumption {
                wh_per_m: 1.2,
                per_stop: WattHours(120.0),
                standby: Watts(2_000.0),
            },
            costs: VanCosts {
                per_day: Money::from_units(180.0),
                per_km: Money::from_units(0.30),
                per_kwh: Money::from_units(0.20),
            },
        };
        vec![van(25.0), van(35.0), van(45.0), robot, truck]
    }

    /// Time to charge from one stored energy to another at full power; zero if nothing is missing.
    pub fn charge_time(&self, from: WattHours, to: WattHours) -> Seconds {
        Seconds(((to - from).0.max(0.0) / self.charge_power.0) * 3600.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shipped_classes_are_consistent() {
        let classes = VanClass::shipped();
        assert_eq!(classes.len(), 5);
        for class in classes {
            assert!(class.reserve < class.battery, "{}", class.name);
            let range_km = (class.battery.0 - class.reserve.0) / class.consumption.wh_per_m / 1e3;
            assert!((40.0..500.0).contains(&range_km), "{}: {range_km} km", class.name);
        }
    }

    #[test]
    fn charging_takes_energy_over_power() {
        let van = &VanClass::shipped()[1];
        assert_eq!(van.charge_time(WattHours(0.0), WattHours(20_000.0)), Seconds(3600.0));
        assert_eq!(van.charge_time(WattHours(9.0), WattHours(5.0)), Seconds::ZERO);
    }
}
