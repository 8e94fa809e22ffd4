//! A small city of square blocks, made by hand.

use rv_base::RoadPosition;
use rv_base::{EdgeId, JunctionId, LatLon, LocalFrame, Meters, MetersPerSecond, Point2, RoadId};
use rv_map::{
    City, Edge, Facility, FacilityKind, ModeSet, Place, Road, RoadGraph, RoadKind, Surface,
};

const SIDE: usize = 6;
const BLOCK_M: f64 = 150.0;

/// `SIDE * SIDE` junctions, streets both ways, a hub, a station, a locker and a place on each
/// street.
pub fn grid() -> City {
    let frame = LocalFrame::at(LatLon::from_degrees(43.7, 7.4).unwrap());
    let at = |x: usize, y: usize| {
        let (x_m, y_m) = (x as f64 * BLOCK_M, y as f64 * BLOCK_M);
        frame.to_world(Point2 { x_m, y_m }).unwrap()
    };
    let mut pairs = Vec::new();
    for y in 0..SIDE {
        for x in 0..SIDE {
            let here = y * SIDE + x;
            if x + 1 < SIDE {
                pairs.extend([(here, here + 1), (here + 1, here)]);
            }
            if y + 1 < SIDE {
                pairs.extend([(here, here + SIDE), (here + SIDE, here)]);
            }
        }
    }
    pairs.sort_unstable();
    let id_of = |pair: (usize, usize)| EdgeId::from_idx(pairs.binary_search(&pair).unwrap());
    let edges: Vec<Edge> = pairs
        .iter()
        .map(|(tail, head)| Edge {
            tail: JunctionId::from_idx(*tail),
            head: JunctionId::from_idx(*head),
            length: Meters(BLOCK_M),
            road: RoadId(0),
            first_shape: 0,
            n_shape: 0,
            is_forward: tail < head,
            modes: ModeSet::ALL,
            reverse: Some(id_of((*head, *tail))),
        })
        .collect();
    let n = SIDE * SIDE;
    let first_out = (0..=n).map(|j| pairs.partition_point(|(tail, _)| *tail < j) as u32).collect();
    let road = Road {
        source_id: 1,
        name: "Block Street".into(),
        kind: RoadKind::Residential,
        speed_limit: MetersPerSecond(10.0),
        n_lanes: (1, 1),
        surface: Surface::Paved,
        is_roundabout: false,
        is_destination_only: false,
        is_tunnel: false,
        is_bridge: false,
        width_max: None,
        height_max: None,
        mass_max: None,
    };
    let junctions: Vec<LatLon> = (0..n).map(|j| at(j % SIDE, j / SIDE)).collect();
    let stop = |edge: usize| RoadPosition { edge: EdgeId::from_idx(edge), offset: Meters(70.0) };
    let places = (0..edges.len())
        .map(|idx| Place {
            address: format!("{idx} Block Street"),
            position: junctions[edges[idx].tail.idx()],
            stop: stop(idx),
            weight: 1,
        })
        .collect();
    let facility = |kind, edge: usize, name: &str| Facility {
        kind,
        name: name.into(),
        position: junctions[edges[edge].tail.idx()],
        stop: stop(edge),
        n_slots: 4,
        is_mapped: true,
    };
    let facilities = vec![
        facility(FacilityKind::Hub, 0, "Hub"),
        facility(FacilityKind::Station, 40, "Station"),
        facility(FacilityKind::Locker, 80, "Locker"),
    ];
    City {
        name: "grid".into(),
        bounds: (junctions[0], junctions[n - 1]),
        graph: RoadGraph {
            rises_permille: Vec::new(),
            is_signal: vec![false; n],
            junctions,
            first_out,
            edges,
            shape_points: Vec::new(),
            roads: vec![road],
            forbidden: Vec::new(),
        },
        places,
        facilities,
        ..City::default()
    }
}
