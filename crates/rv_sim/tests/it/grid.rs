//! A made-up city: a grid of streets with signals, places along them and a few facilities.

use rv_base::{EdgeId, JunctionId, LatLon, Meters, MetersPerSecond, RoadId, RoadPosition};
use rv_map::{
    City, Edge, Facility, FacilityKind, ModeSet, Place, Road, RoadGraph, RoadKind, Surface,
};

/// Spacing of the streets, 1e-7 degrees: about 120 m by 100 m.
const STEP_LAT: i32 = 10_800;
const STEP_LON: i32 = 12_440;

/// A city of `n` by `n` junctions with two-way streets.
pub fn grid_city(n: usize) -> City {
    let at = |row: usize, col: usize| {
        let (row, col) = (row as i32, col as i32);
        LatLon::from_e7(437_300_000 + row * STEP_LAT, 74_200_000 + col * STEP_LON).unwrap()
    };
    let junctions: Vec<LatLon> = (0..n * n).map(|j| at(j / n, j % n)).collect();
    let mut ends = Vec::new();
    for j in 0..n * n {
        let (row, col) = (j / n, j % n);
        let mut push = |there: usize| ends.push((j, there));
        if row > 0 {
            push(j - n);
        }
        if col > 0 {
            push(j - 1);
        }
        if col + 1 < n {
            push(j + 1);
        }
        if row + 1 < n {
            push(j + n);
        }
    }
    let find = |tail, head| ends.iter().position(|e| *e == (head, tail)).map(EdgeId::from_idx);
    let edges: Vec<Edge> = ends
        .iter()
        .map(|(tail, head)| Edge {
            tail: JunctionId::from_idx(*tail),
            head: JunctionId::from_idx(*head),
            length: junctions[*tail].distance_to(junctions[*head]),
            road: RoadId::from_idx(usize::from(tail / n == head / n)),
            first_shape: 0,
            n_shape: 0,
            is_forward: tail < head,
            modes: ModeSet::ALL,
            reverse: find(*tail, *head),
        })
        .collect();
    let mut first_out = vec![0; n * n + 1];
    for (tail, _) in &ends {
        first_out[tail + 1] += 1;
    }
    for j in 0..n * n {
        first_out[j + 1] += first_out[j];
    }
    let graph = RoadGraph {
        rises_permille: Vec::new(),
        is_signal: (0..n * n).map(|j| j % 3 == 0).collect(),
        junctions,
        first_out,
        edges,
        shape_points: vec![],
        roads: vec![road(RoadKind::Residential, 8.3), road(RoadKind::Tertiary, 13.9)],
        forbidden: vec![],
    };
    let bounds = (at(0, 0), at(n - 1, n - 1));
    let places = places(&graph);
    let facilities = facilities(&graph, n);
    City { name: "grid".into(), bounds, graph, places, facilities, ..City::default() }
}

fn road(kind: RoadKind, speed_mps: f64) -> Road {
    Road {
        source_id: 1,
        name: format!("{kind:?} Street"),
        kind,
        speed_limit: MetersPerSecond(speed_mps),
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

fn stop_on(graph: &RoadGraph, edge: usize, share: f64) -> (RoadPosition, LatLon) {
    let id = EdgeId::from_idx(edge);
    let length = graph.edge(id).length;
    let line = graph.polyline(id);
    let between = |a: i32, b: i32| a + (f64::from(b - a) * share) as i32;
    let position = LatLon::from_e7(
        between(line[0].lat_e7(), line[1].lat_e7()),
        between(line[0].lon_e7(), line[1].lon_e7()),
    );
    (RoadPosition { edge: id, offset: Meters(length.0 * share) }, position.unwrap())
}

fn places(graph: &RoadGraph) -> Vec<Place> {
    (0..graph.n_edges())
        .map(|edge| {
            let (stop, position) = stop_on(graph, edge, 0.6);
            Place { address: format!("No. {edge}"), position, stop, weight: 1 + edge as u16 % 4 }
        })
        .collect()
}

fn facilities(graph: &RoadGraph, n: usize) -> Vec<Facility> {
    let middle = graph.first_out[n * n / 2 + n / 2] as usize;
    let last = graph.n_edges() - 1;
    [
        (FacilityKind::Hub, middle, 0.3),
        (FacilityKind::Station, last / 3, 0.4),
        (FacilityKind::Locker, last / 5, 0.4),
        (FacilityKind::Locker, last, 0.4),
        (FacilityKind::Charger, last / 2, 0.4),
    ]
    .into_iter()
    .enumerate()
    .map(|(idx, (kind, edge, share))| {
        let (stop, position) = stop_on(graph, edge, share);
        let name = format!("{kind:?} {idx}");
        Facility { kind, name, position, stop, n_slots: 60, is_mapped: false }
    })
    .collect()
}
