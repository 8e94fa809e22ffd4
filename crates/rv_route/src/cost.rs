//! What edges and turns cost, in integers, so that every search adds up to the same sum.

use rv_base::{EdgeId, LatLon, Meters, Seconds, WattHours};
use rv_map::{DriveSide, RoadGraph, RoadKind};

use crate::class::VehicleClass;

/// Time, then distance, then energy: the order in which routes are compared.
///
/// Because the order is total and sums keep it, every exact algorithm finds the same cost, and a
/// route's distance and energy belong to the very path whose time it states.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Cost {
    /// Driving time, ms.
    pub time_ms: u32,
    /// Distance, mm.
    pub dist_mm: u32,
    /// Energy, mWh.
    pub energy_mwh: u32,
}

impl Cost {
    /// No cost.
    pub const ZERO: Self = Self { time_ms: 0, dist_mm: 0, energy_mwh: 0 };
    /// More than any route: 24 days.
    pub const UNREACHABLE: Self =
        Self { time_ms: UNREACHABLE_MS, dist_mm: u32::MAX / 2, energy_mwh: u32::MAX / 2 };

    /// True if there is a way at all.
    pub fn is_reachable(self) -> bool {
        self.time_ms < UNREACHABLE_MS
    }

    /// Sum of both; unreachable stays so.
    pub fn plus(self, other: Self) -> Self {
        if !self.is_reachable() || !other.is_reachable() {
            return Self::UNREACHABLE;
        }
        let sum = Self {
            time_ms: self.time_ms + other.time_ms,
            dist_mm: self.dist_mm.saturating_add(other.dist_mm),
            energy_mwh: self.energy_mwh.saturating_add(other.energy_mwh),
        };
        if sum.is_reachable() { sum } else { Self::UNREACHABLE }
    }

    /// Difference; `other` must be part of this cost.
    pub(crate) fn minus(self, other: Self) -> Self {
        Self {
            time_ms: self.time_ms.saturating_sub(other.time_ms),
            dist_mm: self.dist_mm.saturating_sub(other.dist_mm),
            energy_mwh: self.energy_mwh.saturating_sub(other.energy_mwh),
        }
    }

    /// The part of an edge's cost that falls on its first `offset` of `length`.
    pub(crate) fn share(self, offset: Meters, length: Meters) -> Self {
        let share = (offset.0 / length.0).clamp(0.0, 1.0);
        let part = |whole: u32| (f64::from(whole) * share).round() as u32;
        Self {
            time_ms: part(self.time_ms),
            dist_mm: part(self.dist_mm),
            energy_mwh: part(self.energy_mwh),
        }
    }

    /// Driving time.
    pub fn time(self) -> Seconds {
        Seconds(f64::from(self.time_ms) / 1000.0)
    }

    /// Distance.
    pub fn distance(self) -> Meters {
        Meters(f64::from(self.dist_mm) / 1000.0)
    }

    /// Energy.
    pub fn energy(self) -> WattHours {
        WattHours(f64::from(self.energy_mwh) / 1000.0)
    }
}

/// Times at or above this mean that there is no way. Twice it still fits a `u32`.
pub(crate) const UNREACHABLE_MS: u32 = u32::MAX / 2;

/// What passing from one edge to the next is like, for every class alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Turn {
    /// Change of heading in degrees, left negative, -180..=180.
    pub angle_deg: i16,
    /// True if it leads back along the same piece of road.
    pub is_around: bool,
    /// True if there is anything to choose or to meet at the junction.
    pub is_junction: bool,
    /// True if a signal controls it.
    pub is_signal: bool,
    /// True if it comes from a less important road than the most important one there.
    pub gives_way: bool,
    /// True if it enters a road that only those with business there may use.
    pub enters_destination: bool,
}

/// Describes the turn from edge `from` to edge `to`, which starts where `from` ends.
/// `most_important` is the widest kind of road that meets there, `n_ways` the number of
/// neighbouring junctions.
pub(crate) fn turn_between(
    graph: &RoadGraph,
    from: EdgeId,
    to: EdgeId,
    most_important: RoadKind,
    n_ways: usize,
) -> Turn {
    let junction = graph.edge(from).head;
    let (road_from, road_to) = (graph.road_of(from), graph.road_of(to));
    let is_signal = graph.is_signal[junction.idx()];
    Turn {
        angle_deg: angle_between_deg(
            arrival_heading_deg(graph, from),
            departure_heading_deg(graph, to),
        ),
        is_around: graph.edge(from).reverse == Some(to),
        is_junction: n_ways > 2,
        is_signal,
        gives_way: !is_signal && rank(road_from.kind) > rank(most_important) && n_ways > 2,
        enters_destination: road_to.is_destination_only && !road_from.is_destination_only,
    }
}

/// Importance in the eyes of a driver at a junction: residential and smaller roads are one.
fn rank(kind: RoadKind) -> u8 {
    match kind {
        RoadKind::Motorway | RoadKind::Trunk => 0,
        RoadKind::Primary => 1,
        RoadKind::Secondary => 2,
        RoadKind::Tertiary => 3,
        RoadKind::Unclassified | RoadKind::Residential => 4,
        RoadKind::LivingStreet | RoadKind::Service | RoadKind::Track => 5,
        RoadKind::Pedestrian | RoadKind::Cycleway | RoadKind::Footway => 6,
    }
}

/// Heading on arrival at the head of an edge, degrees clockwise from north.
pub(crate) fn arrival_heading_deg(graph: &RoadGraph, edge: EdgeId) -> f64 {
    let line = graph.polyline(edge);
    let head = line[line.len() - 1];
    let before = line.iter().rev().find(|p| **p != head).copied().unwrap_or(head);
    heading_deg(before, head)
}

/// Heading on leaving the tail of an edge, degrees clockwise from north.
pub(crate) fn departure_heading_deg(graph: &RoadGraph, edge: EdgeId) -> f64 {
    let line = graph.polyline(edge);
    let after = line.iter().find(|p| **p != line[0]).copied().unwrap_or(line[0]);
    heading_deg(line[0], after)
}

fn heading_deg(from: LatLon, to: LatLon) -> f64 {
    let x = (to.lon_deg() - from.lon_deg()) * from.lat_deg().to_radians().cos();
    x.atan2(to.lat_deg() - from.lat_deg()).to_degrees()
}

pub(crate) fn angle_between_deg(arrival_deg: f64, departure_deg: f64) -> i16 {
    let diff = (departure_deg - arrival_deg).rem_euclid(360.0);
    (if diff > 180.0 { diff - 360.0 } else { diff }).round() as i16
}

/// Cost of driving the whole of a road piece of this length, `factor` times as long as when it is
/// free.
pub(crate) fn edge_cost(
    class: &VehicleClass,
    road: &rv_map::Road,
    length: Meters,
    rise: f64,
    factor: f32,
) -> Cost {
    let speed = class.free_speed(road);
    let time_s = (length / speed).0 * f64::from(factor);
    let driven = length.0 / time_s;
    let use_ = &class.energy;
    let energy_wh = length.0 * (use_.rolling_wh_per_m + use_.drag_wh_per_m_mps2 * driven * driven)
        + use_.auxiliary.0 * time_s / 3600.0;
    let height_m = length.0 * rise;
    let share = if height_m < 0.0 { use_.recovered_share } else { 1.0 };
    let energy_wh = (energy_wh + height_m * use_.climb_wh_per_m * share).max(0.0);
    Cost {
        time_ms: whole(time_s * 1000.0).max(1),
        dist_mm: whole(length.0 * 1000.0).max(1),
        energy_mwh: whole(energy_wh * 1000.0),
    }
}

/// Cost of a turn. Whether a vehicle may turn round there is not asked.
pub(crate) fn turn_cost(class: &VehicleClass, turn: Turn) -> Cost {
    let costs = &class.turns;
    let mut n_stops = 0.0;
    let mut wait_s = 0.0;
    if turn.is_around {
        wait_s += costs.around.0;
        n_stops = 1.0;
    } else if turn.is_junction {
        let towards_right = turn.angle_deg > 0;
        let quarter = match (costs.side, towards_right) {
            (DriveSide::Right, true) | (DriveSide::Left, false) => costs.near,
            _ => costs.far,
        };
        // Below an eighth of a half turn the road merely bends.
        let angle_deg = turn.angle_deg.unsigned_abs();
        if angle_deg > 22 {
            wait_s += quarter.0 * f64::from(angle_deg) / 90.0;
        }
        if turn.gives_way {
            wait_s += costs.give_way.0;
            n_stops = 0.5;
        }
    }
    if turn.is_signal {
        wait_s += costs.signal.0;
        n_stops = 0.5;
    }
    if turn.enters_destination {
        wait_s += costs.destination_entry.0;
    }
    let energy_wh = class.energy.stop.0 * n_stops + class.energy.auxiliary.0 * wait_s / 3600.0;
    Cost { time_ms: whole(wait_s * 1000.0), dist_mm: 0, energy_mwh: whole(energy_wh * 1000.0) }
}

/// Rounds to a whole number that a route can still add up.
fn whole(value: f64) -> u32 {
    // A float-to-integer cast saturates and turns NaN into zero.
    (value.round() as u32).min(UNREACHABLE_MS - 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testnet::random_graph;

    #[test]
    fn uphill_costs_what_lifting_takes_and_downhill_gives_a_part_of_it_back() {
        let graph = random_graph(&mut rv_base::Rng::from_seed(1), 4, 4);
        let van = VehicleClass::by_name("robovan-35").unwrap();
        let cost = |rise| edge_cost(&van, &graph.roads[0], Meters(1000.0), rise, 1.0);
        let (flat, up, down) = (cost(0.0), cost(0.05), cost(-0.01));
        assert_eq!((up.time_ms, up.dist_mm), (flat.time_ms, flat.dist_mm));
        let wh = |a: Cost, b: Cost| a.energy().0 - b.energy().0;
        // 1,500 kg by 50 m are 204 Wh at the wheels, 255 from the battery.
        assert!((wh(up, flat) - 255.0).abs() < 1.0, "{}", wh(up, flat));
        assert!((wh(flat, down) - 0.6 * 51.0).abs() < 0.5, "{}", wh(flat, down));
        assert_eq!(cost(-0.3).energy_mwh, 0);
    }
}
