//! Nested dissection of the turn-expanded network.
//!
//! The separators are not looked for among turn-expanded nodes but as edge cuts between
//! junctions: a cut through few roads is a separator of as few states (Buchhold, Wagner, Zeitz,
//! Zündorf: Customizable Contraction Hierarchies with Turn Costs, 2020). The cuts come from
//! [`crate::cut`], cell by cell.

use rv_base::{LatLon, LocalFrame};
use rv_map::RoadGraph;

use crate::cut::{CutGraph, best_cut};
use crate::network::Network;

/// Cells of fewer junctions are handled by one thread.
const PARALLEL_JUNCTIONS: usize = 2_000;

/// The states of a network in the order of their contraction, least important first.
pub(crate) fn dissection_order(graph: &RoadGraph, network: &Network) -> Vec<u32> {
    let frame = LocalFrame::at(middle(&graph.junctions));
    let points: Vec<(f32, f32)> = graph
        .junctions
        .iter()
        .map(|p| {
            let local = frame.to_local(*p);
            (local.x_m as f32, local.y_m as f32)
        })
        .collect();
    let roads: Vec<Crossing> = (0..network.n_states() as u32)
        .map(|state| {
            let edge = graph.edge(network.edge_of_state[state as usize]);
            Crossing { state, tail: edge.tail.0, head: edge.head.0 }
        })
        .collect();
    dissect(&points, roads)
}

/// A state as a road between two nodes that are being divided.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Crossing {
    pub(crate) state: u32,
    pub(crate) tail: u32,
    pub(crate) head: u32,
}

/// Order of the states by recursive division of the nodes at `points`.
pub(crate) fn dissect(points: &[(f32, f32)], roads: Vec<Crossing>) -> Vec<u32> {
    let cell = Cell { nodes: (0..points.len() as u32).collect(), roads };
    let mut order = Vec::with_capacity(cell.roads.len());
    divide(points, cell, &mut order);
    order
}

fn middle(points: &[LatLon]) -> LatLon {
    let (mut lat_e7, mut lon_e7) = (0_i64, 0_i64);
    for p in points {
        lat_e7 += i64::from(p.lat_e7());
        lon_e7 += i64::from(p.lon_e7());
    }
    let n = points.len().max(1) as i64;
    LatLon::from_e7((lat_e7 / n) as i32, (lon_e7 / n) as i32)
        .expect("the mean of valid positions is valid")
}

/// Some nodes and the roads that have both ends among them.
struct Cell {
    nodes: Vec<u32>,
    roads: Vec<Crossing>,
}

fn divide(points: &[(f32, f32)], cell: Cell, order: &mut Vec<u32>) {
    if cell.roads.is_empty() {
        return;
    }
    // Between two nodes all roads are the cut.
    if cell.nodes.len() <= 2 {
        order.extend(cell.roads.iter().map(|road| road.state));
        return;
    }
    let graph = CutGraph::new(points, &cell.nodes, cell.roads.iter().map(|r| (r.tail, r.head)));
    let parts = graph.components();
    if parts.len() > 1 {
        for part in split(&cell, &parts).0 {
            divide(points, part, order);
        }
        return;
    }
    let (first, second) = best_cut(&graph);
    let n_nodes = cell.nodes.len();
    let (halves, between) = split(&cell, &[first, second]);
    drop(cell);
    let [first, second] = <[Cell; 2]>::try_from(halves).ok().expect("two parts in, two cells out");
    if n_nodes >= PARALLEL_JUNCTIONS {
        let (mut left, mut right) = (Vec::new(), Vec::new());
        rayon::join(|| divide(points, first, &mut left), || divide(points, second, &mut right));
        order.append(&mut left);
        order.append(&mut right);
    } else {
        divide(points, first, order);
        divide(points, second, order);
    }
    order.extend(between.iter().map(|road| road.state));
}

/// Splits a cell into parts, given as local node indices; also returns the roads in between.
fn split(cell: &Cell, parts: &[Vec<u32>]) -> (Vec<Cell>, Vec<Crossing>) {
    let mut part_of = vec![0_u32; cell.nodes.len()];
    let mut cells = Vec::with_capacity(parts.len());
    for (number, part) in parts.iter().enumerate() {
        for local in part {
            part_of[*local as usize] = number as u32;
        }
        let mut nodes: Vec<u32> = part.iter().map(|local| cell.nodes[*local as usize]).collect();
        nodes.sort_unstable();
        cells.push(Cell { nodes, roads: Vec::new() });
    }
    let part_of_node =
        |node: u32| part_of[cell.nodes.binary_search(&node).expect("a cell has its roads' ends")];
    let mut between = Vec::new();
    for road in &cell.roads {
        let (tail, head) = (part_of_node(road.tail), part_of_node(road.head));
        if tail == head {
            cells[tail as usize].roads.push(*road);
        } else {
            between.push(*road);
        }
    }
    (cells, between)
}
