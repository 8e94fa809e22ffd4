//! The yards of a city's hubs, where vans that are driven in detail stand in bays.

use std::collections::BTreeSet;

use rv_base::RoadPosition;
use rv_driver::RoadTable;
use rv_driver::trajectory::Vehicle;
use rv_map::city_lanes::{CityLaneId, CityLanes};
use rv_map::{City, FacilityKind};

use crate::urban::yards::{self, BAYS, IN_M, OUT_M, Yard};
use crate::urban::{FIRST_ID, Thing};

/// A van stands at its hub if it is so near to where vans stop for it, m.
const AT_HUB_M: f64 = 1.5;
/// Places of the gate that are tried, beyond where a van stands before it at its stop, m.
const SHIFTS_M: [f64; 9] = [0.0, 5.0, 10.0, -5.0, 15.0, -10.0, 20.0, -15.0, -20.0];
/// So much of the edge behind a hub's stop there must be, m: a van on its way in is told as before it.
const BEFORE_STOP_M: f64 = 12.0;

/// The yards.
#[derive(Debug, Default)]
pub(super) struct Bays {
    sites: Vec<Site>,
}

/// A hub's yard.
#[derive(Debug)]
pub(super) struct Site {
    stop: RoadPosition,
    lane: CityLaneId,
    /// Where on the lane its gate is, m.
    gate_m: f64,
    yard: Yard,
    /// Which van has which bay.
    has: [Option<usize>; BAYS],
    /// Vans for which no way was found in or out.
    strangers: BTreeSet<usize>,
}

impl Bays {
    /// Yards beside the lanes of hubs, where there is room.
    pub(super) fn of(city: &City, lanes: &CityLanes, roads: &RoadTable, vehicle: &Vehicle) -> Self {
        let hubs = city.facilities.iter().filter(|f| f.kind == FacilityKind::Hub);
        let found = hubs.filter_map(|hub| Site::at(hub.stop, lanes, roads, vehicle));
        let mut sites: Vec<Site> = found.collect();
        for (k, site) in sites.iter_mut().enumerate() {
            // Vans that are not driven in detail have the bays at the sides.
            for bay in [0, BAYS - 1] {
                let id = FIRST_ID + (k * BAYS + bay) as u32;
                site.yard.put_van(bay, 0.0, id);
            }
        }
        Self { sites }
    }

    pub(super) fn sites(&self) -> &[Site] {
        &self.sites
    }

    /// The yard of the hub at a place.
    pub(super) fn at(&self, stop: RoadPosition) -> Option<usize> {
        self.sites.iter().position(|s| {
            s.stop.edge == stop.edge && (s.stop.offset.0 - stop.offset.0).abs() < AT_HUB_M
        })
    }

    pub(super) fn site(&self, idx: usize) -> &Site {
        &self.sites[idx]
    }

    pub(super) fn site_mut(&mut self, idx: usize) -> &mut Site {
        &mut self.sites[idx]
    }
}

impl Site {
    fn at(
        stop: RoadPosition,
        lanes: &CityLanes,
        roads: &RoadTable,
        vehicle: &Vehicle,
    ) -> Option<Self> {
        let lane = lanes.of_edge(stop.edge).next()?;
        let stop_m = lanes.along_lane(lane, stop.offset.0, roads.length(stop.edge).0);
        if stop_m < BEFORE_STOP_M {
            return None;
        }
        SHIFTS_M.iter().find_map(|shift_m| {
            let gate_m = stop_m - IN_M + shift_m;
            let yard = yards::beside(lanes, lane, gate_m, vehicle)?;
            let (has, strangers) = ([None; BAYS], BTreeSet::new());
            Some(Self { stop, lane, gate_m, yard, has, strangers })
        })
    }

    /// Its yard, as known from its plan.
    pub(super) fn yard(&self) -> &Yard {
        &self.yard
    }

    /// Its yard as a van has to plan in it: with those that stand in the other bays.
    pub(super) fn yard_for(&self, van: usize, is_resting: impl Fn(usize) -> bool) -> Yard {
        let mut yard = self.yard.clone();
        let others = self.has.iter().enumerate();
        for (bay, other) in others.filter_map(|(bay, o)| Some((bay, (*o)?))) {
            if other != van && is_resting(other) {
                yard.put_van(bay, 0.0, self.resting_id(bay));
            }
        }
        yard
    }

    /// The bay of a van, which is given a free one if it has none; `None` if none is free or the van
    /// cannot get there.
    pub(super) fn bay_of(&mut self, van: usize) -> Option<usize> {
        if self.strangers.contains(&van) {
            return None;
        }
        if let Some(bay) = self.has.iter().position(|v| *v == Some(van)) {
            return Some(bay);
        }
        let bay = (1..BAYS - 1).find(|bay| self.has[*bay].is_none())?;
        self.has[bay] = Some(van);
        Some(bay)
    }

    /// Its bay is free again.
    pub(super) fn leave(&mut self, van: usize) {
        self.has.iter_mut().filter(|v| **v == Some(van)).for_each(|v| *v = None);
    }

    /// From now on the van stops on the lane.
    pub(super) fn turn_away(&mut self, van: usize) {
        self.leave(van);
        self.strangers.insert(van);
    }

    pub(super) fn takes(&self, van: usize) -> bool {
        !self.strangers.contains(&van)
    }

    pub(super) fn lane(&self) -> CityLaneId {
        self.lane
    }

    /// Where on its lane a van stands before it turns in, and where it has come out, m.
    pub(super) fn before_and_after_m(&self) -> (f64, f64) {
        (self.gate_m + IN_M, self.gate_m + OUT_M)
    }

    /// The vans that rest in its bays.
    pub(super) fn resting(&self, is_resting: impl Fn(usize) -> bool, yard: &mut Vec<Thing>) {
        yard.extend(self.yard_for(usize::MAX, is_resting).vans().copied());
    }

    fn resting_id(&self, bay: usize) -> u32 {
        // Between those of the two vans that are always there.
        self.yard.vans().next().map_or(FIRST_ID, |v| v.id) + bay as u32
    }
}
