//! What goes wrong: on demand, or seeded by a rate.

use rv_base::{EdgeId, FacilityId, OrderId, Rng, Seconds, Timestamp, VanId};
use rv_map::{City, FacilityKind, Mode};
use serde::{Deserialize, Serialize};

use crate::streets::Weather;

/// Something that goes wrong.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Fault {
    /// Roads are blocked; nobody but a van before them knows.
    RoadBlocked {
        /// Which edges.
        edges: Vec<EdgeId>,
        /// Until when.
        until: Timestamp,
    },
    /// A van stands still for good, until people fetch it.
    VanDead {
        /// Which.
        van: VanId,
    },
    /// A van's computer restarts.
    VanReboot {
        /// Which.
        van: VanId,
        /// How long that takes.
        downtime: Seconds,
    },
    /// A van's sensor is degraded.
    SensorDegraded {
        /// Which.
        van: VanId,
        /// Until when.
        until: Timestamp,
    },
    /// A van's doors are stuck.
    DoorStuck {
        /// Which.
        van: VanId,
        /// Until when.
        until: Timestamp,
    },
    /// A van is out of reach.
    LinkLost {
        /// Which.
        van: VanId,
        /// Until when.
        until: Timestamp,
    },
    /// A locker does not open.
    LockerJammed {
        /// Which.
        facility: FacilityId,
        /// Until when.
        until: Timestamp,
    },
    /// Nobody will come to this order's address.
    AddressWrong {
        /// Which.
        order: OrderId,
    },
    /// The weather changes.
    Weather(Weather),
}

impl Fault {
    /// A word for its kind.
    pub fn name(&self) -> &'static str {
        match self {
            Self::RoadBlocked { .. } => "road_blocked",
            Self::VanDead { .. } => "van_dead",
            Self::VanReboot { .. } => "van_reboot",
            Self::SensorDegraded { .. } => "sensor_degraded",
            Self::DoorStuck { .. } => "door_stuck",
            Self::LinkLost { .. } => "link_lost",
            Self::LockerJammed { .. } => "locker_jammed",
            Self::AddressWrong { .. } => "address_wrong",
            Self::Weather(_) => "weather",
        }
    }
}

/// How often things go wrong.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FaultRates {
    /// A van dies, by van and hour.
    pub dead_per_van_h: f64,
    /// A van's computer restarts.
    pub reboot_per_van_h: f64,
    /// A sensor is degraded for a while.
    pub sensor_per_van_h: f64,
    /// Doors are stuck for a while.
    pub door_per_van_h: f64,
    /// A van is out of reach for a while.
    pub link_per_van_h: f64,
    /// A locker is jammed for a while, by locker and hour.
    pub jam_per_locker_h: f64,
    /// A street is blocked for a while, by 1,000 edges and hour.
    pub block_per_1000_edges_h: f64,
    /// Share of addresses that are wrong, 0..1.
    pub wrong_addresses: f64,
    /// Share of parcels that are not found when they are to be loaded, 0..1.
    pub missing_parcels: f64,
}

impl FaultRates {
    /// Nothing goes wrong but what people do.
    pub const NONE: Self = Self {
        dead_per_van_h: 0.0,
        reboot_per_van_h: 0.0,
        sensor_per_van_h: 0.0,
        door_per_van_h: 0.0,
        link_per_van_h: 0.0,
        jam_per_locker_h: 0.0,
        block_per_1000_edges_h: 0.0,
        wrong_addresses: 0.0,
        missing_parcels: 0.0,
    };

    /// An ordinary day of a grown fleet.
    pub const LIGHT: Self = Self {
        dead_per_van_h: 0.001,
        reboot_per_van_h: 0.01,
        sensor_per_van_h: 0.005,
        door_per_van_h: 0.003,
        link_per_van_h: 0.05,
        jam_per_locker_h: 0.01,
        block_per_1000_edges_h: 0.05,
        wrong_addresses: 0.002,
        missing_parcels: 0.0005,
    };

    /// A day on which everything happens to everybody; for tests.
    pub const HEAVY: Self = Self {
        dead_per_van_h: 0.1,
        reboot_per_van_h: 0.3,
        sensor_per_van_h: 0.2,
        door_per_van_h: 0.1,
        link_per_van_h: 0.5,
        jam_per_locker_h: 0.3,
        block_per_1000_edges_h: 0.5,
        wrong_addresses: 0.02,
        missing_parcels: 0.01,
    };

    /// The rates called `none`, `light` or `heavy`.
    pub fn by_name(name: &str) -> Option<Self> {
        match name {
            "none" => Some(Self::NONE),
            "light" => Some(Self::LIGHT),
            "heavy" => Some(Self::HEAVY),
            _ => None,
        }
    }

    /// All faults between two moments, by time. The same seed gives the same faults.
    pub fn schedule(
        &self,
        city: &City,
        n_vans: usize,
        from: Timestamp,
        to: Timestamp,
        seed: u64,
    ) -> Vec<(Timestamp, Fault)> {
        let mut faults = Vec::new();
        let root = Rng::from_seed(seed).fork("faults");
        for idx in 0..n_vans {
            let van = VanId::from_idx(idx);
            let rng = |what| root.fork_idx(what, idx as u64);
            let (a, b) = (from, to);
            poisson(rng("dead"), self.dead_per_van_h, a, b, |at, _| {
                faults.push((at, Fault::VanDead { van }));
            });
            poisson(rng("reboot"), self.reboot_per_van_h, a, b, |at, rng| {
                let downtime = Seconds(rng.range(5.0, 90.0));
                faults.push((at, Fault::VanReboot { van, downtime }));
            });
            poisson(rng("sensor"), self.sensor_per_van_h, a, b, |at, rng| {
                let until = at + Seconds(rng.range(300.0, 2400.0));
                faults.push((at, Fault::SensorDegraded { van, until }));
            });
            poisson(rng("door"), self.door_per_van_h, a, b, |at, rng| {
                let until = at + Seconds(rng.range(300.0, 1800.0));
                faults.push((at, Fault::DoorStuck { van, until }));
            });
            poisson(rng("link"), self.link_per_van_h, a, b, |at, rng| {
                let until = at + Seconds(20.0 + rng.exponential(90.0));
                faults.push((at, Fault::LinkLost { van, until }));
            });
        }
        self.schedule_places(city, from, to, &root, &mut faults);
        faults.sort_by_key(|(at, _)| *at);
        faults
    }

    fn schedule_places(
        &self,
        city: &City,
        from: Timestamp,
        to: Timestamp,
        root: &Rng,
        faults: &mut Vec<(Timestamp, Fault)>,
    ) {
        for (idx, facility) in city.facilities.iter().enumerate() {
            if facility.kind != FacilityKind::Locker {
                continue;
            }
            let rng = root.fork_idx("jam", idx as u64);
            poisson(rng, self.jam_per_locker_h, from, to, |at, rng| {
                let until = at + Seconds(rng.range(900.0, 7200.0));
                let facility = FacilityId::from_idx(idx);
                faults.push((at, Fault::LockerJammed { facility, until }));
            });
        }
        let graph = &city.graph;
        let open: Vec<_> = (0..graph.n_edges())
            .map(EdgeId::from_idx)
            .filter(|edge| graph.edge(*edge).modes.contains(Mode::Van))
            .collect();
        let rate = self.block_per_1000_edges_h * open.len() as f64 / 1000.0;
        poisson(root.fork("block"), rate, from, to, |at, rng| {
            let Some(edge) = rng.choose(&open).copied() else { return };
            let edges = std::iter::once(edge).chain(graph.edge(edge).reverse).collect();
            let until = at + Seconds(rng.range(600.0, 5400.0));
            faults.push((at, Fault::RoadBlocked { edges, until }));
        });
    }
}

/// Calls `happen` at the moments of a Poisson process.
fn poisson(
    mut rng: Rng,
    per_hour: f64,
    from: Timestamp,
    to: Timestamp,
    mut happen: impl FnMut(Timestamp, &mut Rng),
) {
    if per_hour <= 0.0 {
        return;
    }
    let mut at = from;
    loop {
        at = at + Seconds(rng.exponential(3600.0 / per_hour).max(0.001));
        if at >= to {
            return;
        }
        happen(at, &mut rng);
    }
}
