//! Random road graphs for tests: grids with gaps, one-ways, bends, signals, narrow and forbidden
//! roads, and forbidden paths of two to four edges.

use rv_base::{
    EdgeId, JunctionId, Kilograms, LatLon, Meters, MetersPerSecond, Rng, RoadId, RoadPosition,
};
use rv_map::{Edge, ForbiddenPath, Mode, ModeSet, Road, RoadGraph, RoadKind, Surface};

const KINDS: [RoadKind; 7] = [
    RoadKind::Motorway,
    RoadKind::Primary,
    RoadKind::Secondary,
    RoadKind::Residential,
    RoadKind::Residential,
    RoadKind::Service,
    RoadKind::Footway,
];

/// A graph of `width * height` junctions at most.
pub(crate) fn random_graph(rng: &mut Rng, width: usize, height: usize) -> RoadGraph {
    let mut graph = RoadGraph::default();
    for y in 0..height {
        for x in 0..width {
            let jitter = |rng: &mut Rng| rng.range(-2000.0, 2000.0) as i32;
            let lat_e7 = 437_000_000 + y as i32 * 9_000 + jitter(rng);
            let lon_e7 = 74_000_000 + x as i32 * 12_000 + jitter(rng);
            graph.junctions.push(LatLon::from_e7(lat_e7, lon_e7).unwrap());
            graph.is_signal.push(rng.chance(0.2));
        }
    }
    let mut edges: Vec<(Edge, usize)> = Vec::new();
    for from in 0..width * height {
        let (x, y) = (from % width, from / width);
        let right = (x + 1 < width).then_some(from + 1);
        let up = (y + 1 < height).then_some(from + width);
        let diagonal =
            (right.is_some() && up.is_some() && rng.chance(0.1)).then_some(from + width + 1);
        for to in [right, up, diagonal].into_iter().flatten() {
            if rng.chance(0.1) {
                continue;
            }
            add_road(rng, &mut graph, &mut edges, from, to);
        }
    }
    sort_edges(&mut graph, edges);
    add_forbidden_paths(rng, &mut graph);
    let mut hills = rng.fork("hills");
    graph.rises_permille = graph.roads.iter().map(|_| hills.range(-150.0, 150.0) as i16).collect();
    graph
}

fn add_road(
    rng: &mut Rng,
    graph: &mut RoadGraph,
    edges: &mut Vec<(Edge, usize)>,
    from: usize,
    to: usize,
) {
    let kind = *rng.choose(&KINDS).unwrap();
    let road = RoadId::from_idx(graph.roads.len());
    graph.roads.push(Road {
        source_id: graph.roads.len() as i64,
        name: String::new(),
        kind,
        speed_limit: MetersPerSecond::from_kmh([20.0, 30.0, 50.0, 90.0][rng.below(4)]),
        n_lanes: (1, 1),
        surface: [Surface::Paved, Surface::Paved, Surface::Cobbled, Surface::Unpaved][rng.below(4)],
        is_roundabout: false,
        is_destination_only: rng.chance(0.1),
        is_tunnel: false,
        is_bridge: false,
        width_max: rng.chance(0.05).then_some(Meters(2.0)),
        height_max: rng.chance(0.05).then_some(Meters(3.0)),
        mass_max: rng.chance(0.05).then_some(Kilograms(3500.0)),
    });
    let first_shape = graph.shape_points.len() as u32;
    let n_shape = rng.below(3) as u16;
    let (a, b) = (graph.junctions[from], graph.junctions[to]);
    for i in 0..i32::from(n_shape) {
        let between = |a: i32, b: i32| a + (b - a) / (i32::from(n_shape) + 1) * (i + 1);
        let bend = rng.range(-1500.0, 1500.0) as i32;
        let point = LatLon::from_e7(
            between(a.lat_e7(), b.lat_e7()) + bend,
            between(a.lon_e7(), b.lon_e7()),
        );
        graph.shape_points.push(point.unwrap());
    }
    // Round lengths make ties, which is what the order of costs must settle.
    let length = if rng.chance(0.5) { Meters(100.0) } else { a.distance_to(b) };
    let is_one_way = rng.chance(0.2);
    let modes = match kind {
        RoadKind::Footway => ModeSet::of(&[Mode::Robot, Mode::Foot]),
        RoadKind::Motorway => ModeSet::MOTOR,
        _ if rng.chance(0.1) => ModeSet::of(&[Mode::Car, Mode::Robot]),
        _ => ModeSet::ALL,
    };
    let pair = graph.roads.len();
    for is_forward in [true, false] {
        if !is_forward && is_one_way {
            continue;
        }
        let (tail, head) = if is_forward { (from, to) } else { (to, from) };
        let edge = Edge {
            tail: JunctionId::from_idx(tail),
            head: JunctionId::from_idx(head),
            length,
            road,
            first_shape,
            n_shape,
            is_forward,
            modes,
            reverse: None,
        };
        edges.push((edge, pair));
    }
}

fn sort_edges(graph: &mut RoadGraph, mut edges: Vec<(Edge, usize)>) {
    edges.sort_by_key(|(edge, _)| edge.tail);
    graph.first_out = vec![0; graph.n_junctions() + 1];
    for (edge, _) in &edges {
        graph.first_out[edge.tail.idx() + 1] += 1;
    }
    for junction in 0..graph.n_junctions() {
        graph.first_out[junction + 1] += graph.first_out[junction];
    }
    let mut first_of_pair = vec![None; edges.len() + graph.roads.len() + 1];
    for (idx, (_, pair)) in edges.iter().enumerate() {
        match first_of_pair[*pair] {
            None => first_of_pair[*pair] = Some(idx),
            Some(other) => {
                graph.edges.push(edges[idx].0);
                graph.edges[idx].reverse = Some(EdgeId::from_idx(other));
                let back: &mut Edge = &mut graph.edges[other];
                back.reverse = Some(EdgeId::from_idx(idx));
                continue;
            }
        }
        graph.edges.push(edges[idx].0);
    }
}

fn add_forbidden_paths(rng: &mut Rng, graph: &mut RoadGraph) {
    if graph.n_edges() == 0 {
        return;
    }
    for idx in 0..graph.n_edges() / 4 {
        let mut path = vec![EdgeId::from_idx(rng.below(graph.n_edges()))];
        let n_edges = 2 + rng.below(3);
        while path.len() < n_edges {
            let out: Vec<EdgeId> = graph.out_edges(graph.edge(path[path.len() - 1]).head).collect();
            match rng.choose(&out) {
                Some(next) => path.push(*next),
                None => break,
            }
        }
        let modes = [ModeSet::ALL, ModeSet::MOTOR, ModeSet::of(&[Mode::Truck])][rng.below(3)];
        // A path of one edge is malformed and must be taken for nothing.
        graph.forbidden.push(ForbiddenPath { edges: path, modes, source_id: idx as i64 });
    }
}

/// A position drawn evenly over the edges; quarters of an edge, so that some coincide.
pub(crate) fn random_position(rng: &mut Rng, graph: &RoadGraph) -> RoadPosition {
    let edge = EdgeId::from_idx(rng.below(graph.n_edges()));
    RoadPosition { edge, offset: graph.edge(edge).length * (rng.below(5) as f64 / 4.0) }
}
