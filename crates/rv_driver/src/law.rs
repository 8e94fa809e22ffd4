//! Traffic law as data: what differs from country to country and city to city, and who goes first.

use rv_map::DriveSide;
use rv_map::city_lanes::{CityLaneId, CityLaneKind, CityLanes, Sign, Turn};
use serde::{Deserialize, Serialize};

/// What the law of a place says. Speeds in m/s, lengths in m.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TrafficLaw {
    /// Short name.
    pub name: String,
    /// Who goes first where roads of one rank meet without signals.
    pub equal_roads: EqualRoads,
    /// True if those on a roundabout go before those who enter.
    pub circulating_first: bool,
    /// True if a near-side turn is allowed at red after a stop.
    pub near_turn_on_red: bool,
    /// True if people who wait at a crosswalk without signals are let over; false if only those
    /// on it are.
    pub yields_to_waiting: bool,
    /// Whether a delivery van may drive in bus lanes.
    pub bus_lane: BusLane,
    /// Where a delivery van drives.
    pub van_lane: VanLane,
    /// Fastest a delivery van may drive anywhere, m/s.
    pub van_speed_max_mps: f64,
    /// Gap to the side of a bicycle when passing it, m.
    pub bicycle_gap_m: f64,
    /// Where a vehicle may turn back in a street; nowhere if there is nothing.
    pub u_turn: Option<UTurn>,
    /// True if one safety officer watches each vehicle.
    pub officer_per_vehicle: bool,
    /// Where this is written.
    pub source: String,
}

/// Where a vehicle may turn back in a street, besides not on bridges and not below or above another road.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UTurn {
    /// The street is seen so far both ways, or to its next junction, m.
    pub sight_m: f64,
    /// No crosswalk is nearer, m.
    pub from_crosswalk_m: f64,
    /// No junction is nearer, m.
    pub from_junction_m: f64,
}

/// Who goes first where roads of one rank meet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EqualRoads {
    /// Whoever comes from the near side (the right in right-hand traffic).
    NearSideFirst,
    /// Whoever came first.
    FirstCome,
}

/// Whether bus lanes are open to delivery vans.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BusLane {
    /// Only where it must cross them, to turn off.
    Closed,
    /// Like any other.
    Open,
}

/// The part of the road that a delivery van uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum VanLane {
    /// Among cars.
    Motor,
    /// Among bicycles, at the kerb.
    NonMotor,
}

/// Who goes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Precedence {
    /// The one asked about.
    First,
    /// The other.
    Second,
    /// Neither by rule: whoever is there first.
    Equal,
}

impl TrafficLaw {
    /// The laws that come with the product; the first is the one used if none is named.
    pub fn shipped() -> Vec<Self> {
        let eu = Self {
            name: "vienna".into(),
            equal_roads: EqualRoads::NearSideFirst,
            circulating_first: true,
            near_turn_on_red: false,
            yields_to_waiting: true,
            bus_lane: BusLane::Closed,
            van_lane: VanLane::Motor,
            van_speed_max_mps: 50.0 / 3.6,
            bicycle_gap_m: 1.5,
            u_turn: Some(UTurn { sight_m: 80.0, from_crosswalk_m: 5.0, from_junction_m: 12.0 }),
            officer_per_vehicle: false,
            source: "Vienna Convention on Road Traffic 1968, articles 14, 18, 21, 23".into(),
        };
        let us = Self {
            name: "us".into(),
            equal_roads: EqualRoads::FirstCome,
            near_turn_on_red: true,
            bicycle_gap_m: 0.9,
            // Approaching vehicles within 500 feet must be able to see it.
            u_turn: eu.u_turn.map(|u| UTurn { sight_m: 152.4, ..u }),
            source: "Uniform Vehicle Code 2000, sections 11-202, 11-401, 11-502, 11-602".into(),
            ..eu.clone()
        };
        let gb = Self {
            name: "gb".into(),
            equal_roads: EqualRoads::FirstCome,
            source: "The Highway Code, rules 146, 163, 170, 185, 188, 195".into(),
            ..eu.clone()
        };
        let cn = Self {
            name: "cn".into(),
            near_turn_on_red: true,
            bicycle_gap_m: 1.0,
            source:
                "Road Traffic Safety Law of China, implementation rules, articles 38, 49, 51, 52"
                    .into(),
            ..eu.clone()
        };
        let chengdu = Self {
            name: "cn-chengdu".into(),
            van_lane: VanLane::NonMotor,
            van_speed_max_mps: 30.0 / 3.6,
            source: "Chengdu, draft rules for functional driverless vehicles: non-motor lane, at most 30 km/h".into(),
            ..cn.clone()
        };
        let beijing = Self {
            name: "cn-beijing".into(),
            van_lane: VanLane::NonMotor,
            van_speed_max_mps: 15.0 / 3.6,
            source:
                "Beijing, rules for driverless delivery vehicles: managed as non-motor vehicles"
                    .into(),
            ..cn.clone()
        };
        let nanshan = Self {
            name: "cn-shenzhen-nanshan".into(),
            officer_per_vehicle: true,
            source: "Shenzhen Nanshan, rules for functional driverless vehicles: one safety officer for each".into(),
            ..cn.clone()
        };
        vec![eu, us, gb, cn, chengdu, beijing, nanshan]
    }

    /// The law of a name.
    pub fn named(name: &str) -> Option<Self> {
        Self::shipped().into_iter().find(|law| law.name == name)
    }

    /// Who goes first of two turns that share ground: what the first of them is to the second.
    pub fn precedence(&self, lanes: &CityLanes, a: CityLaneId, b: CityLaneId) -> Precedence {
        let (Some(x), Some(y)) = (Approach::of(lanes, a), Approach::of(lanes, b)) else {
            return Precedence::Equal;
        };
        let change = wrapped(y.heading_rad - x.heading_rad);
        let is_opposite = change.abs() > 2.4;
        let crosses = |t: Turn| matches!(t, Turn::Far | Turn::Back);
        let by_turn = match (crosses(x.turn), crosses(y.turn)) {
            (true, false) => Precedence::Second,
            (false, true) => Precedence::First,
            _ => Precedence::Equal,
        };
        match (x.signal, y.signal) {
            (Some(s), Some(t)) if s.0 == t.0 => {
                return if s.1 == t.1 { by_turn } else { Precedence::Equal };
            }
            (Some(_), None) => return Precedence::First,
            (None, Some(_)) => return Precedence::Second,
            _ => {}
        }
        if self.circulating_first && x.is_roundabout != y.is_roundabout {
            return if x.is_roundabout { Precedence::First } else { Precedence::Second };
        }
        match (x.sign, y.sign) {
            (Sign::None, Sign::None) => {}
            (Sign::AllWayStop, Sign::AllWayStop) => return Precedence::Equal,
            (Sign::None, _) => return Precedence::First,
            (_, Sign::None) => return Precedence::Second,
            // Who must stop lets those go who need not.
            (Sign::GiveWay, Sign::Stop | Sign::AllWayStop) => return Precedence::First,
            (Sign::Stop | Sign::AllWayStop, Sign::GiveWay) => return Precedence::Second,
            // The same sign on both: as if there were none.
            _ => {}
        }
        if x.rank != y.rank {
            return if x.rank < y.rank { Precedence::First } else { Precedence::Second };
        }
        if is_opposite {
            return by_turn;
        }
        match self.equal_roads {
            EqualRoads::FirstCome => Precedence::Equal,
            EqualRoads::NearSideFirst => {
                // One that comes from the right heads a quarter turn to the left.
                let sign = if lanes.drive_side == DriveSide::Right { 1.0 } else { -1.0 };
                let from_near = sign * change;
                if (0.7..2.4).contains(&from_near) {
                    Precedence::Second
                } else if (-2.4..-0.7).contains(&from_near) {
                    Precedence::First
                } else {
                    Precedence::Equal
                }
            }
        }
    }
}

/// What counts of a way onto a junction.
struct Approach {
    rank: u8,
    is_roundabout: bool,
    turn: Turn,
    sign: Sign,
    signal: Option<(u32, u8)>,
    heading_rad: f64,
}

impl Approach {
    fn of(lanes: &CityLanes, id: CityLaneId) -> Option<Self> {
        let lane = lanes.lane(id);
        let CityLaneKind::Turn { turn, .. } = lane.kind else { return None };
        let before = lanes.before(id).first().map(|b| lanes.lane(*b));
        Some(Self {
            rank: lane.rank,
            is_roundabout: lane.is_roundabout,
            turn,
            sign: before.map_or(Sign::None, |b| b.sign),
            signal: before.and_then(|b| b.signal),
            heading_rad: lanes.at(id, 0.0).1,
        })
    }
}

fn wrapped(angle: f64) -> f64 {
    let pi = std::f64::consts::PI;
    (angle + pi).rem_euclid(2.0 * pi) - pi
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shipped_laws_have_names_of_their_own_and_sources() {
        let laws = TrafficLaw::shipped();
        for (i, law) in laws.iter().enumerate() {
            assert!(!law.source.is_empty() && law.van_speed_max_mps > 1.0, "{}", law.name);
            assert!(laws[..i].iter().all(|l| l.name != law.name));
            assert_eq!(TrafficLaw::named(&law.name).as_ref(), Some(law));
        }
        let chengdu = TrafficLaw::named("cn-chengdu").unwrap();
        assert_eq!(chengdu.van_lane, VanLane::NonMotor);
        assert!(chengdu.van_speed_max_mps <= 30.0 / 3.6);
    }
}
