//! A small hand-made city for this crate's tests.

use rv_base::{
    EdgeId, JunctionId, Kilograms, LatLon, Meters, MetersPerSecond, RoadId, RoadPosition,
};

use crate::city::{
    Area, AreaKind, City, DriveSide, Facility, FacilityKind, Label, LabelKind, Line, LineKind,
    Place, RoadMark, RoadMarkKind,
};
use crate::graph::{Edge, ForbiddenPath, Mode, ModeSet, Road, RoadGraph, RoadKind, Surface};
use crate::{SnapIndex, SnapQuery, TileIndex};

fn at(lat_e7: i32, lon_e7: i32) -> LatLon {
    LatLon::from_e7(437_300_000 + lat_e7, 74_200_000 + lon_e7).unwrap()
}

fn road(source_id: i64, name: &str) -> Road {
    Road {
        source_id,
        name: name.to_owned(),
        kind: RoadKind::Residential,
        speed_limit: MetersPerSecond(10.0),
        n_lanes: (1, 1),
        surface: Surface::Paved,
        is_roundabout: false,
        is_destination_only: false,
        is_tunnel: false,
        is_bridge: false,
        width_max: Some(Meters(2.5)),
        height_max: None,
        mass_max: Some(Kilograms(3_500.0)),
    }
}

/// Four junctions in a square of about 100 m, two-way streets around it, the northern one bent;
/// the eastern side is one-way northward for all but walkers.
///
/// Junctions: 0 south-west, 1 south-east, 2 north-east, 3 north-west.
pub(crate) fn square_city() -> City {
    let corners = [at(0, 0), at(0, 12_000), at(9_000, 12_000), at(9_000, 0)];
    let bend = at(10_000, 6_000);
    let walkers = ModeSet::of(&[Mode::Robot, Mode::Foot]);
    // (tail, head, road, shape, modes forward, modes backward)
    let pieces = [
        (0, 1, 0, (0, 0), ModeSet::ALL, ModeSet::ALL),
        (1, 2, 1, (0, 0), ModeSet::ALL, walkers),
        (2, 3, 2, (0, 1), ModeSet::ALL, ModeSet::ALL),
        (3, 0, 3, (1, 0), ModeSet::ALL, ModeSet::ALL),
    ];
    let mut directed = Vec::new();
    for (i, (tail, head, road, (first_shape, n_shape), forward, backward)) in
        pieces.into_iter().enumerate()
    {
        let mut points = vec![corners[tail]];
        points.extend((n_shape > 0).then_some(bend));
        points.push(corners[head]);
        let length = points.windows(2).map(|p| p[0].distance_to(p[1])).sum();
        let edge = Edge {
            tail: JunctionId::from_idx(tail),
            head: JunctionId::from_idx(head),
            length,
            road: RoadId(road),
            first_shape,
            n_shape,
            is_forward: true,
            modes: forward,
            reverse: None,
        };
        let back =
            Edge { tail: edge.head, head: edge.tail, is_forward: false, modes: backward, ..edge };
        directed.push((edge, i));
        directed.push((back, i));
    }
    directed.sort_by_key(|(e, i)| (e.tail, e.head, *i));
    let mut edges: Vec<Edge> = directed.iter().map(|(e, _)| *e).collect();
    for (i, (_, piece)) in directed.iter().enumerate() {
        let other =
            directed.iter().position(|(e, p)| p == piece && e.is_forward != edges[i].is_forward);
        edges[i].reverse = other.map(EdgeId::from_idx);
    }
    let first_out = (0..=4).map(|j| edges.iter().filter(|e| e.tail.idx() < j).count() as u32);
    let first_out = first_out.collect();
    let forbidden = vec![ForbiddenPath {
        edges: vec![EdgeId(0), EdgeId(3)],
        modes: ModeSet::MOTOR,
        source_id: 9,
    }];
    let graph = RoadGraph {
        rises_permille: Vec::new(),
        junctions: corners.to_vec(),
        is_signal: vec![false, true, false, false],
        first_out,
        edges,
        shape_points: vec![bend],
        roads: vec![road(1, "South Street"), road(2, ""), road(3, "North Street"), road(4, "West")],
        forbidden,
    };
    let stop = RoadPosition { edge: EdgeId(0), offset: Meters(20.0) };
    City {
        name: "square".to_owned(),
        attribution: "hand-made".to_owned(),
        bounds: (at(-2_000, -2_000), at(12_000, 14_000)),
        drive_side: DriveSide::Right,
        graph,
        places: vec![Place {
            address: "1 South Street".to_owned(),
            position: at(-500, 2_500),
            stop,
            weight: 3,
        }],
        facilities: vec![Facility {
            kind: FacilityKind::Hub,
            name: "Hub 1".to_owned(),
            position: at(500, 500),
            stop,
            n_slots: 4,
            is_mapped: false,
        }],
        areas: vec![Area {
            kind: AreaKind::Green,
            rings: vec![vec![at(1_000, 1_000), at(1_000, 9_000), at(8_000, 9_000)]],
        }],
        lines: vec![Line { kind: LineKind::Path, points: vec![at(0, 0), at(9_000, 12_000)] }],
        labels: vec![Label {
            kind: LabelKind::City,
            text: "Square".to_owned(),
            position: at(4_500, 6_000),
        }],
        marks: vec![RoadMark { at: stop, kind: RoadMarkKind::Crosswalk }],
    }
}

/// Touches everything that a city offers; panics if an index is wrong.
pub(crate) fn use_everything(city: &City) {
    let graph = &city.graph;
    for i in 0..graph.n_edges() {
        let id = EdgeId::from_idx(i);
        assert!(graph.polyline(id).len() >= 2);
        assert!(graph.n_lanes(id) >= 1);
        assert!(graph.road_of(id).speed_limit.0 > 0.0);
        assert!(graph.out_edges(graph.edge(id).tail).any(|e| e == id));
    }
    let index = SnapIndex::new(graph);
    for place in &city.places {
        let query = SnapQuery { mode: Mode::Van, radius: Meters(500.0), heading: None, n_max: 4 };
        assert!(index.nearest(graph, place.position, &query).len() <= 4);
        assert!(place.stop.offset <= graph.edge(place.stop.edge).length);
    }
    let tiles = TileIndex::new(city);
    for z in [8, 14, 18] {
        let (x, y) = TileIndex::tile_at(z, city.bounds.0);
        assert!(tiles.tile(z, x, y).len() < 1 << 20);
    }
}
