//! What several tests share.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use rv_base::{
    EdgeId, JunctionId, LatLon, Meters, MetersPerSecond, RoadId, RoadPosition, Seconds, Timestamp,
};
use rv_fleet::FleetConfig;
use rv_map::{
    City, Edge, Facility, FacilityKind, ModeSet, Place, Road, RoadGraph, RoadKind, Surface,
};
use rv_server::EmptyWorld;
use rv_server::host::Setup;
use rv_server::store::Store;

/// A directory that is deleted when the test ends.
pub struct TempDir(PathBuf);

impl TempDir {
    pub fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let n = NEXT.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("rv-server-{}-{n}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for TempDir {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// A town of two-way streets, `n` by `n` crossings 100 m apart, with a hub in one corner, a locker
/// in the opposite one and a place at every crossing.
pub fn town(n: usize) -> City {
    let at = |row: usize, column: usize| {
        LatLon::from_degrees(43.70 + row as f64 * 0.0009, 7.40 + column as f64 * 0.00125).unwrap()
    };
    let junctions: Vec<LatLon> = (0..n * n).map(|idx| at(idx / n, idx % n)).collect();
    let mut graph = RoadGraph {
        is_signal: vec![false; junctions.len()],
        roads: vec![road()],
        ..RoadGraph::default()
    };
    for (tail, from) in junctions.iter().enumerate() {
        graph.first_out.push(graph.edges.len() as u32);
        let (row, column) = (tail / n, tail % n);
        let mut heads = Vec::new();
        if row > 0 {
            heads.push(tail - n)
        }
        if column > 0 {
            heads.push(tail - 1)
        }
        if column + 1 < n {
            heads.push(tail + 1)
        }
        if row + 1 < n {
            heads.push(tail + n)
        }
        for head in heads {
            graph.edges.push(Edge {
                tail: JunctionId(tail as u32),
                head: JunctionId(head as u32),
                length: from.distance_to(junctions[head]),
                road: RoadId(0),
                first_shape: 0,
                n_shape: 0,
                is_forward: tail < head,
                modes: ModeSet::ALL,
                reverse: None,
            });
        }
    }
    graph.first_out.push(graph.edges.len() as u32);
    for idx in 0..graph.edges.len() {
        let Edge { tail, head, .. } = graph.edges[idx];
        let back = graph.edges.iter().position(|e| e.tail == head && e.head == tail);
        graph.edges[idx].reverse = back.map(EdgeId::from_idx);
    }
    graph.junctions = junctions;
    let stop = |junction: usize| RoadPosition {
        edge: EdgeId(graph.first_out[junction]),
        offset: Meters(20.0),
    };
    let place = |idx: usize| Place {
        address: format!("{idx} Long Street"),
        position: graph.junctions[idx],
        stop: stop(idx),
        weight: 1,
    };
    let facility = |kind, name: &str, junction: usize| Facility {
        kind,
        name: name.into(),
        position: graph.junctions[junction],
        stop: stop(junction),
        n_slots: 20,
        is_mapped: false,
    };
    City {
        name: "town".into(),
        attribution: "drawn by hand".into(),
        bounds: (at(0, 0), at(n - 1, n - 1)),
        places: (0..n * n).map(place).collect(),
        facilities: vec![
            facility(FacilityKind::Hub, "Hub", 0),
            facility(FacilityKind::Locker, "Locker", n * n - 1),
        ],
        graph: graph.clone(),
        ..City::default()
    }
}

fn road() -> Road {
    Road {
        source_id: 1,
        name: "Long Street".into(),
        kind: RoadKind::Residential,
        speed_limit: MetersPerSecond(8.0),
        n_lanes: (1, 1),
        surface: Surface::Paved,
        is_roundabout: false,
        is_destination_only: false,
        is_tunnel: false,
        is_bridge: false,
        width_max: None,
        height_max: None,
        mass_max: None,
    }
}

/// A host over a store, with a fleet of `n_vans` and nobody else in its world; paused.
pub fn setup(store: Box<dyn Store>, n_vans: u32) -> Setup {
    let city = Arc::new(town(6));
    Setup {
        fleet: FleetConfig::for_city(&city, n_vans, 1),
        city,
        world: Box::new(EmptyWorld),
        store,
        start: Timestamp::from_secs(1_772_433_000),
        begin: Timestamp::from_secs(1_772_433_000),
        speed: Some(0.0),
        speed_at_start: 1.0,
        n_workers: 1,
        slice: Seconds(1.0),
    }
}
