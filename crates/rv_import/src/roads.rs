//! From ways to the road graph: split at junctions, close barriers, keep what is connected.

use std::collections::BTreeMap;

use rv_base::{EdgeId, JunctionId, LatLon, Meters, RoadId};
use rv_map::{Edge, Mode, ModeSet, Road, RoadGraph, RoadKind, RoadMark};

use crate::access;
use crate::attrs::{self, WayRoad};
use crate::error::ImportError;
use crate::marks;
use crate::raw::{NO_NODE, RawMap};
use crate::report::{DroppedCounts, Warnings};
use crate::scc;

/// A signal this close to a junction controls it.
const SIGNAL_REACH: Meters = Meters(40.0);
/// How much road a barrier closes beyond its node.
const BARRIER_M: f64 = 2.0;
/// No road of a city is this long without a junction: its nodes are misplaced.
const PIECE_LENGTH_MAX: Meters = Meters(200_000.0);
/// Edges count their shape points in 16 bits.
const PIECE_POINTS_MAX: usize = 60_000;

/// The graph, and how to find in it what the file speaks of.
pub(crate) struct Roads {
    pub graph: RoadGraph,
    /// Junction of a node of the file.
    pub junction_of_node: BTreeMap<u32, JunctionId>,
    /// Edges of each way, sorted by way index.
    pub edges_of_way: Vec<(u32, EdgeId)>,
    /// Streets and paths that are not in the graph.
    pub left_out: Vec<LeftOut>,
    /// What is painted on roads and put up beside them.
    pub marks: Vec<RoadMark>,
}

/// A street or path that is not in the graph.
pub(crate) struct LeftOut {
    pub points: Vec<LatLon>,
    /// True if no motor vehicle was ever meant to use it.
    pub is_path: bool,
}

impl Roads {
    /// The edges of a way, in the order of the graph.
    pub(crate) fn edges_of_way(&self, way_idx: usize) -> impl Iterator<Item = EdgeId> {
        let way = way_idx as u32;
        let start = self.edges_of_way.partition_point(|(w, _)| *w < way);
        self.edges_of_way[start..].iter().take_while(move |(w, _)| *w == way).map(|(_, e)| *e)
    }
}

/// A piece of one way between two vertices, with the modes of each direction.
struct Piece {
    way: u32,
    road: u32,
    /// Vertices, from tail to head as mapped.
    vertices: Vec<u32>,
    forward: ModeSet,
    backward: ModeSet,
    length: Meters,
}

/// Builds the graph of everything that has a `highway` tag.
pub(crate) fn build(
    raw: &RawMap,
    dropped: &mut DroppedCounts,
    warnings: &mut Warnings,
) -> Result<Roads, ImportError> {
    let mut network = Network::read(raw, dropped, warnings);
    if network.roads.is_empty() {
        return Err(ImportError::NoRoads);
    }
    network.keep_connected(dropped)?;
    network.join_pieces();
    Ok(network.into_graph(raw))
}

/// Pieces of road before they become edges. Vertices are nodes of the file, then made-up ones.
struct Network {
    positions: Vec<LatLon>,
    roads: Vec<Road>,
    rises_permille: Vec<i16>,
    pieces: Vec<Piece>,
    left_out: Vec<LeftOut>,
}

impl Network {
    fn read(raw: &RawMap, dropped: &mut DroppedCounts, warnings: &mut Warnings) -> Self {
        let mut ways = Vec::new();
        let mut left_out = Vec::new();
        for (i, way) in raw.ways.iter().enumerate() {
            let Some(way_road) = attrs::way_road(way, warnings) else { continue };
            if way_road.forward.union(way_road.backward).is_empty() {
                let points = raw.points_of(way);
                dropped.n_closed_pieces += 1;
                dropped.closed_m += length_of(&points).0;
                left_out.push(LeftOut { points, is_path: is_path(&way_road.road) });
            } else {
                ways.push((i as u32, way_road));
            }
        }
        let same = SamePlace::find(raw, &ways);
        let mut n_uses = vec![0_u8; raw.positions.len()];
        let mut runs = Vec::new();
        for (i, (way, _)) in ways.iter().enumerate() {
            for run in raw.ways[*way as usize].nodes.split(|&n| n == NO_NODE) {
                let mut run: Vec<u32> = run.iter().map(|&n| same.canonical(n)).collect();
                let n_before = run.len();
                run.dedup();
                dropped.n_zero_length += n_before - run.len();
                let (Some(&first), Some(&last)) = (run.first(), run.last()) else { continue };
                if run.len() < 2 {
                    continue;
                }
                for &node in run.iter().chain([&first, &last]) {
                    n_uses[node as usize] = n_uses[node as usize].saturating_add(1);
                }
                runs.push((i, run));
            }
        }
        let mut network = Self {
            positions: raw.positions.clone(),
            roads: Vec::with_capacity(ways.len()),
            rises_permille: ways.iter().map(|(_, way_road)| way_road.rise_permille).collect(),
            pieces: Vec::new(),
            left_out,
        };
        for (i, run) in runs {
            let (way, way_road) = &ways[i];
            network.split_run(raw, *way, i as u32, way_road, &run, &n_uses);
        }
        network.roads = ways.into_iter().map(|(_, way_road)| way_road.road).collect();
        network
    }

    /// Cuts one run of nodes into pieces at junctions and barriers.
    fn split_run(
        &mut self,
        raw: &RawMap,
        way: u32,
        road: u32,
        way_road: &WayRoad,
        run: &[u32],
        n_uses: &[u8],
    ) {
        let mut vertices = vec![run[0]];
        let mut stopped = ModeSet::NONE;
        let stops = |node| raw.tags_of_node(node).map_or(ModeSet::NONE, access::stopped_by_barrier);
        let push = |network: &mut Self, vertices: &mut Vec<u32>, stopped: ModeSet| {
            let last = *vertices.last().expect("a piece has a first vertex");
            let done = std::mem::replace(vertices, vec![last]);
            network.push_piece(way, road, way_road, done, stopped);
        };
        for (i, pair) in run.windows(2).enumerate() {
            let (from, to) = (pair[0], pair[1]);
            let is_last = i + 2 == run.len();
            let stopped_here = stops(from);
            if !stopped_here.is_empty() {
                // The barrier closes the first metres behind its node, so that both sides stay
                // reachable from their own end.
                if vertices.len() > 1 {
                    push(self, &mut vertices, stopped);
                }
                let beyond = self.vertex_between(from, to);
                vertices.push(beyond);
                push(self, &mut vertices, stopped_here);
            }
            stopped = if is_last { stops(to) } else { ModeSet::NONE };
            if !stopped.is_empty() {
                let before = self.vertex_between(to, *vertices.last().unwrap_or(&from));
                vertices.push(before);
                push(self, &mut vertices, ModeSet::NONE);
            }
            vertices.push(to);
            let is_junction = n_uses[to as usize] > 1;
            if is_last || is_junction || vertices.len() >= PIECE_POINTS_MAX {
                push(self, &mut vertices, stopped);
                stopped = ModeSet::NONE;
            }
        }
    }

    /// A new vertex a little way from `from` towards `to`.
    fn vertex_between(&mut self, from: u32, to: u32) -> u32 {
        let (a, b) = (self.positions[from as usize], self.positions[to as usize]);
        let share = (BARRIER_M / a.distance_to(b).0.max(1e-3)).min(0.5);
        let mix = |a: i32, b: i32| a + (f64::from(b - a) * share).round() as i32;
        let between = LatLon::from_e7(mix(a.lat_e7(), b.lat_e7()), mix(a.lon_e7(), b.lon_e7()));
        self.positions.push(between.expect("a mean of two positions is a position"));
        (self.positions.len() - 1) as u32
    }

    fn push_piece(
        &mut self,
        way: u32,
        road: u32,
        way_road: &WayRoad,
        vertices: Vec<u32>,
        stopped: ModeSet,
    ) {
        // A loop becomes two pieces, so that no edge ends where it starts.
        if vertices.len() > 2 && vertices.first() == vertices.last() {
            let middle = vertices.len() / 2;
            let second = vertices[middle..].to_vec();
            let mut first = vertices;
            first.truncate(middle + 1);
            self.push_piece(way, road, way_road, first, stopped);
            self.push_piece(way, road, way_road, second, stopped);
            return;
        }
        let points: Vec<_> = vertices.iter().map(|&v| self.positions[v as usize]).collect();
        let length = length_of(&points);
        let is_loop = vertices.first() == vertices.last();
        if length <= Meters::ZERO || length > PIECE_LENGTH_MAX || is_loop {
            return;
        }
        self.pieces.push(Piece {
            way,
            road,
            vertices,
            forward: way_road.forward.without(stopped),
            backward: way_road.backward.without(stopped),
            length,
        });
    }

    /// Takes from each mode what is not in its largest strongly connected part (for modes other
    /// than the van's: the part that shares most with the van's), then drops closed pieces.
    fn keep_connected(&mut self, dropped: &mut DroppedCounts) -> Result<(), ImportError> {
        let mut ends: Vec<u32> = self
            .pieces
            .iter()
            .flat_map(|p| [p.vertices[0], p.vertices[p.vertices.len() - 1]])
            .collect();
        ends.sort_unstable();
        ends.dedup();
        let index_of = |v: u32| ends.binary_search(&v).expect("every end was listed") as u32;
        let arcs: Vec<(u32, u32)> = self
            .pieces
            .iter()
            .map(|p| (index_of(p.vertices[0]), index_of(p.vertices[p.vertices.len() - 1])))
            .collect();
        let in_van_part = self.keep_mode(Mode::Van, &arcs, &vec![true; ends.len()], dropped);
        if !in_van_part.contains(&true) {
            return Err(ImportError::NoVanNetwork { n_roads: self.roads.len() });
        }
        for mode in Mode::ALL.into_iter().filter(|m| *m != Mode::Van) {
            self.keep_mode(mode, &arcs, &in_van_part, &mut DroppedCounts::default());
        }
        let (kept, closed): (Vec<_>, Vec<_>) = std::mem::take(&mut self.pieces)
            .into_iter()
            .partition(|p| !p.forward.union(p.backward).is_empty());
        self.pieces = kept;
        for piece in closed {
            dropped.n_closed_pieces += 1;
            dropped.closed_m += piece.length.0;
            let points = piece.vertices.iter().map(|&v| self.positions[v as usize]).collect();
            let is_path = is_path(&self.roads[piece.road as usize]);
            self.left_out.push(LeftOut { points, is_path });
        }
        Ok(())
    }

    /// Restricts one mode to one strongly connected part: the one with most metres between ends
    /// in `near`. Returns which ends are in it.
    fn keep_mode(
        &mut self,
        mode: Mode,
        arcs: &[(u32, u32)],
        near: &[bool],
        dropped: &mut DroppedCounts,
    ) -> Vec<bool> {
        let mut directed = Vec::new();
        for (piece, &(tail, head)) in self.pieces.iter().zip(arcs) {
            if piece.forward.contains(mode) {
                directed.push((tail, head));
            }
            if piece.backward.contains(mode) {
                directed.push((head, tail));
            }
        }
        directed.sort_unstable();
        let mut first_out = vec![0_u32; near.len() + 1];
        for &(tail, _) in &directed {
            first_out[tail as usize + 1] += 1;
        }
        for i in 1..first_out.len() {
            first_out[i] += first_out[i - 1];
        }
        let heads: Vec<u32> = directed.iter().map(|&(_, head)| head).collect();
        let component = scc::components(&first_out, &heads);
        let mut metres: BTreeMap<u32, f64> = BTreeMap::new();
        for (piece, &(tail, head)) in self.pieces.iter().zip(arcs) {
            let (tail, head) = (tail as usize, head as usize);
            let is_open = piece.forward.union(piece.backward).contains(mode);
            if is_open && component[tail] == component[head] && near[tail] && near[head] {
                *metres.entry(component[tail]).or_default() += piece.length.0;
            }
        }
        let largest = metres.iter().max_by(|a, b| a.1.total_cmp(b.1).then(b.0.cmp(a.0)));
        let largest = largest.map(|(component, _)| *component);
        let this = ModeSet::of(&[mode]);
        for (piece, &(tail, head)) in self.pieces.iter_mut().zip(arcs) {
            let is_in = |end: u32| Some(component[end as usize]) == largest;
            if piece.forward.union(piece.backward).contains(mode) && !(is_in(tail) && is_in(head)) {
                piece.forward = piece.forward.without(this);
                piece.backward = piece.backward.without(this);
                dropped.n_cut_off_pieces += 1;
                dropped.cut_off_m += piece.length.0;
            }
        }
        component.iter().map(|c| Some(*c) == largest).collect()
    }

    /// Joins neighbouring pieces of one way where nothing else meets any more and both admit the
    /// same modes: what is left there is a bend, not a junction.
    fn join_pieces(&mut self) {
        let mut n_ends = vec![0_u32; self.positions.len()];
        for piece in &self.pieces {
            n_ends[piece.vertices[0] as usize] += 1;
            n_ends[piece.vertices[piece.vertices.len() - 1] as usize] += 1;
        }
        let mut joined: Vec<Piece> = Vec::with_capacity(self.pieces.len());
        for piece in std::mem::take(&mut self.pieces) {
            if let Some(last) = joined.last_mut() {
                let meeting = piece.vertices[0];
                let is_bend = last.way == piece.way
                    && last.vertices[last.vertices.len() - 1] == meeting
                    && n_ends[meeting as usize] == 2
                    && (last.forward, last.backward) == (piece.forward, piece.backward)
                    && last.vertices[0] != piece.vertices[piece.vertices.len() - 1]
                    && last.length + piece.length < PIECE_LENGTH_MAX
                    && last.vertices.len() + piece.vertices.len() < PIECE_POINTS_MAX;
                if is_bend {
                    last.vertices.extend_from_slice(&piece.vertices[1..]);
                    last.length += piece.length;
                    continue;
                }
            }
            joined.push(piece);
        }
        self.pieces = joined;
    }

    fn into_graph(self, raw: &RawMap) -> Roads {
        let mut ends: Vec<u32> = self
            .pieces
            .iter()
            .flat_map(|p| [p.vertices[0], p.vertices[p.vertices.len() - 1]])
            .collect();
        ends.sort_unstable();
        ends.dedup();
        let index_of = |v: u32| ends.binary_search(&v).expect("every end was listed");
        let mut graph = RoadGraph {
            junctions: ends.iter().map(|&v| self.positions[v as usize]).collect(),
            is_signal: vec![false; ends.len()],
            first_out: vec![0; ends.len() + 1],
            ..RoadGraph::default()
        };
        let mut road_ids: BTreeMap<u32, RoadId> = BTreeMap::new();
        // Directed edges with the piece they come from, before they are sorted by tail.
        let mut directed: Vec<(Edge, u32)> = Vec::new();
        for (i, piece) in self.pieces.iter().enumerate() {
            let road = *road_ids.entry(piece.road).or_insert_with(|| {
                graph.roads.push(self.roads[piece.road as usize].clone());
                graph.rises_permille.push(self.rises_permille[piece.road as usize]);
                RoadId::from_idx(graph.roads.len() - 1)
            });
            let between = &piece.vertices[1..piece.vertices.len() - 1];
            let first_shape = graph.shape_points.len() as u32;
            graph.shape_points.extend(between.iter().map(|&v| self.positions[v as usize]));
            let tail = JunctionId::from_idx(index_of(piece.vertices[0]));
            let head = JunctionId::from_idx(index_of(piece.vertices[piece.vertices.len() - 1]));
            mark_signals(raw, piece, &self.positions, &mut graph.is_signal, (tail, head));
            let edge = Edge {
                tail,
                head,
                length: piece.length,
                road,
                first_shape,
                n_shape: between.len() as u16,
                is_forward: true,
                modes: piece.forward,
                reverse: None,
            };
            let back =
                Edge { tail: head, head: tail, is_forward: false, modes: piece.backward, ..edge };
            for edge in [edge, back].into_iter().filter(|e| !e.modes.is_empty()) {
                directed.push((edge, i as u32));
            }
        }
        directed.sort_by_key(|(e, piece)| (e.tail, e.head, *piece));
        let mut edges_of_way: Vec<(u32, EdgeId)> = Vec::with_capacity(directed.len());
        let mut edge_of_piece: Vec<Option<EdgeId>> = vec![None; self.pieces.len()];
        let mut marks: Vec<RoadMark> = Vec::new();
        for (i, (edge, piece)) in directed.into_iter().enumerate() {
            let id = EdgeId::from_idx(i);
            let mut edge = edge;
            if let Some(reverse) = edge_of_piece[piece as usize] {
                edge.reverse = Some(reverse);
                graph.edges[reverse.idx()].reverse = Some(id);
            }
            edge_of_piece[piece as usize] = Some(id);
            graph.first_out[edge.tail.idx() + 1] += 1;
            if !edge.modes.intersection(ModeSet::MOTOR).is_empty() {
                let mapped = &self.pieces[piece as usize];
                marks::find(
                    raw,
                    &mapped.vertices,
                    &self.positions,
                    mapped.way,
                    (id, &edge),
                    &mut marks,
                );
            }
            edges_of_way.push((self.pieces[piece as usize].way, id));
            graph.edges.push(edge);
        }
        for i in 1..graph.first_out.len() {
            graph.first_out[i] += graph.first_out[i - 1];
        }
        edges_of_way.sort_unstable();
        let n_nodes = raw.positions.len() as u32;
        let junction_of_node = ends
            .iter()
            .enumerate()
            .take_while(|(_, v)| **v < n_nodes)
            .map(|(i, v)| (*v, JunctionId::from_idx(i)))
            .collect();
        Roads { graph, junction_of_node, edges_of_way, left_out: self.left_out, marks }
    }
}

/// Marks the ends of a piece that a signal controls. Mappers put signals on the junction or on the
/// stop lines before it.
fn mark_signals(
    raw: &RawMap,
    piece: &Piece,
    positions: &[LatLon],
    is_signal: &mut [bool],
    (tail, head): (JunctionId, JunctionId),
) {
    let is_motor = !piece.forward.union(piece.backward).intersection(ModeSet::MOTOR).is_empty();
    if !is_motor {
        return;
    }
    let mut from_tail = Meters::ZERO;
    for (i, &vertex) in piece.vertices.iter().enumerate() {
        if i > 0 {
            let before = positions[piece.vertices[i - 1] as usize];
            from_tail += before.distance_to(positions[vertex as usize]);
        }
        let has_signal =
            raw.tags_of_node(vertex).is_some_and(|tags| tags.is("highway", "traffic_signals"));
        if !has_signal {
            continue;
        }
        let to_head = piece.length - from_tail;
        let (near, distance) =
            if from_tail < to_head { (tail, from_tail) } else { (head, to_head) };
        if distance <= SIGNAL_REACH {
            is_signal[near.idx()] = true;
        }
    }
}

/// Nodes at the very same position, one after another in a way, taken for one.
struct SamePlace(BTreeMap<u32, u32>);

impl SamePlace {
    fn find(raw: &RawMap, ways: &[(u32, WayRoad)]) -> Self {
        let mut same = Self(BTreeMap::new());
        for (way, _) in ways {
            for pair in raw.ways[*way as usize].nodes.windows(2) {
                let (a, b) = (pair[0], pair[1]);
                if a == b || a == NO_NODE || b == NO_NODE {
                    continue;
                }
                let (a, b) = (same.canonical(a), same.canonical(b));
                if a != b && raw.positions[a as usize] == raw.positions[b as usize] {
                    same.0.insert(a.max(b), a.min(b));
                }
            }
        }
        same
    }

    /// The lowest of the nodes that `node` is one with.
    fn canonical(&self, node: u32) -> u32 {
        let mut node = node;
        while let Some(&lower) = self.0.get(&node) {
            node = lower;
        }
        node
    }
}

fn is_path(road: &Road) -> bool {
    matches!(road.kind, RoadKind::Cycleway | RoadKind::Footway)
}

fn length_of(points: &[LatLon]) -> Meters {
    points.windows(2).map(|pair| pair[0].distance_to(pair[1])).sum()
}
