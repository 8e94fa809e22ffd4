//! Small and balanced edge cuts: flow cutting from inertial starts.
//!
//! Hamann and Strasser (Graph Bisection with Pareto Optimization, 2018) grow a source and a target
//! side, raise the flow between them only when they must, and so meet the best cut at every
//! balance. Gottesbüren et al. (Faster and Better Nested Dissection Orders, 2019) start it from the
//! outermost nodes along a few directions. Here a node to grow into is chosen by its place along
//! the direction, and never one on the other side's reach while another is left. What a side reaches
//! under a largest flow is the same whichever paths the flow takes, so paths are looked for depth
//! first towards the other side. Directions along which the nodes spread farthest come first: cuts
//! across them are small, and bound what the others need to look at.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// An undirected graph with capacities, each edge as two arcs.
pub(crate) struct CutGraph {
    first: Vec<u32>,
    head: Vec<u32>,
    reverse: Vec<u32>,
    capacity: Vec<u16>,
    points: Vec<(f32, f32)>,
}

/// Share of the nodes that each side starts with.
const START_SHARE: f64 = 0.06;
/// Smallest share of the nodes that a side should have in the end.
const BALANCE_MIN: f64 = 0.22;
/// How many times worse a cut counts whose smaller side has less. A star has no other cuts.
const UNBALANCED_PENALTY: f64 = 10.0;
/// Directions along which sides start, as unit vectors.
const DIRECTIONS: [(f32, f32); 6] =
    [(1.0, 0.0), (0.0, 1.0), (0.707, 0.707), (0.707, -0.707), (0.924, 0.383), (0.383, -0.924)];

impl CutGraph {
    /// The graph of `nodes` (sorted) with these roads between them; parallel roads add up.
    pub(crate) fn new(
        points: &[(f32, f32)],
        nodes: &[u32],
        roads: impl Iterator<Item = (u32, u32)>,
    ) -> Self {
        let local = |node: u32| nodes.binary_search(&node).expect("roads end at nodes") as u32;
        let mut pairs: Vec<u64> = Vec::new();
        for (tail, head) in roads {
            if tail != head {
                let (tail, head) = (u64::from(local(tail)), u64::from(local(head)));
                pairs.push(tail << 32 | head);
                pairs.push(head << 32 | tail);
            }
        }
        pairs.sort_unstable();
        let mut graph = Self {
            first: vec![0; nodes.len() + 1],
            head: Vec::new(),
            reverse: Vec::new(),
            capacity: Vec::new(),
            points: nodes.iter().map(|node| points[*node as usize]).collect(),
        };
        let mut last = u64::MAX;
        for pair in pairs {
            if pair == last {
                let capacity = graph.capacity.last_mut().expect("one an arc");
                *capacity = capacity.saturating_add(1);
            } else {
                graph.capacity.push(1);
                graph.head.push(pair as u32);
                graph.first[(pair >> 32) as usize + 1] += 1;
            }
            last = pair;
        }
        for node in 0..nodes.len() {
            graph.first[node + 1] += graph.first[node];
        }
        // Arcs come in pairs and go by tail, then head: those into a node come in its own order.
        let mut next = graph.first.clone();
        graph.reverse = graph
            .head
            .iter()
            .map(|head| {
                let reverse = next[*head as usize];
                next[*head as usize] += 1;
                reverse
            })
            .collect();
        graph
    }

    fn n_nodes(&self) -> usize {
        self.points.len()
    }

    /// How far the nodes spread along a direction.
    fn spread(&self, direction: (f32, f32)) -> f32 {
        let (mut low, mut high) = (f32::INFINITY, f32::NEG_INFINITY);
        for (x, y) in &self.points {
            let along = x * direction.0 + y * direction.1;
            (low, high) = (low.min(along), high.max(along));
        }
        high - low
    }

    fn arcs(&self, node: u32) -> std::ops::Range<usize> {
        self.first[node as usize] as usize..self.first[node as usize + 1] as usize
    }

    fn has_neighbour(&self, node: u32, mut is_sought: impl FnMut(u32) -> bool) -> bool {
        self.head[self.arcs(node)].iter().any(|head| is_sought(*head))
    }

    /// Its connected parts.
    pub(crate) fn components(&self) -> Vec<Vec<u32>> {
        let mut seen = vec![false; self.n_nodes()];
        let mut parts = Vec::new();
        for start in 0..self.n_nodes() as u32 {
            if seen[start as usize] {
                continue;
            }
            seen[start as usize] = true;
            let mut part = vec![start];
            let mut next = 0;
            while next < part.len() {
                for arc in self.arcs(part[next]) {
                    let head = self.head[arc];
                    if !seen[head as usize] {
                        seen[head as usize] = true;
                        part.push(head);
                    }
                }
                next += 1;
            }
            parts.push(part);
        }
        parts
    }
}

/// Divides a connected graph of two nodes or more into two sides, neither empty.
pub(crate) fn best_cut(graph: &CutGraph) -> (Vec<u32>, Vec<u32>) {
    let mut best: Option<(f64, Vec<bool>)> = None;
    let mut directions = DIRECTIONS;
    // Stable, so the first of those that spread alike stays first.
    directions.sort_by(|a, b| graph.spread(*b).total_cmp(&graph.spread(*a)));
    // The directions along which a cell is longest find its best cut nearly always; in small cells,
    // which are many, fewer do.
    let n_tried = match graph.n_nodes() {
        ..=32 => 2,
        33..=512 => 3,
        _ => 4,
    };
    for direction in &directions[..n_tried] {
        let limit = best.as_ref().map_or(f64::INFINITY, |(score, _)| *score);
        if let Some(found) = Cutter::new(graph, *direction).run(limit) {
            best = Some(found);
        }
    }
    let (_, side) = best.expect("the first direction has no limit to stay below");
    (0..graph.n_nodes() as u32).partition(|node| side[*node as usize])
}

/// One run of flow cutting.
struct Cutter<'g> {
    graph: &'g CutGraph,
    /// Place of each node along the direction, with its number to tell equal ones apart.
    place: Vec<u64>,
    residual: Vec<u16>,
    flow: u32,
    /// What each side holds for good, and what it reaches without more flow.
    sides: [Side; 2],
    parent: Vec<u32>,
}

#[derive(Default)]
struct Side {
    is_held: Vec<bool>,
    is_reached: Vec<bool>,
    /// What it reaches; the first `n_held` are what it holds.
    reached: Vec<u32>,
    n_held: usize,
    /// Reached nodes from which it was not looked farther yet.
    open: Vec<u32>,
    /// All held nodes with a neighbour that is not held, and some others.
    rim: Vec<u32>,
    /// Nodes beyond what it holds, the outermost first by their keys, and some that are held now.
    beyond: BinaryHeap<Reverse<u64>>,
    /// Those of them that the other side reaches.
    contested: Vec<u64>,
}

const SOURCE: usize = 0;
const TARGET: usize = 1;

impl<'g> Cutter<'g> {
    fn new(graph: &'g CutGraph, direction: (f32, f32)) -> Self {
        let n = graph.n_nodes();
        let along = |(x, y): &(f32, f32)| x * direction.0 + y * direction.1;
        let places = graph.points.iter().map(|point| ordered(along(point)));
        let place: Vec<u64> =
            places.enumerate().map(|(node, place)| u64::from(place) << 32 | node as u64).collect();
        let n_start = ((n as f64 * START_SHARE) as usize).clamp(1, n / 2);
        let mut cutter = Self {
            graph,
            place,
            residual: graph.capacity.clone(),
            flow: 0,
            sides: [Side::new(n), Side::new(n)],
            parent: vec![u32::MAX; n],
        };
        let mut by_place = cutter.place.clone();
        by_place.select_nth_unstable(n_start - 1);
        for place in &by_place[..n_start] {
            cutter.hold(SOURCE, *place as u32);
        }
        by_place.select_nth_unstable(n - n_start);
        for place in &by_place[n - n_start..] {
            cutter.hold(TARGET, *place as u32);
        }
        cutter
    }

    /// The best cut found, if its score is below `limit`: cut size by nodes on the smaller side.
    fn run(mut self, limit: f64) -> Option<(f64, Vec<bool>)> {
        let n = self.graph.n_nodes();
        let n_min = ((n as f64 * BALANCE_MIN) as usize).max(1);
        let mut best: Option<(f64, Vec<bool>)> = None;
        let mut limit = limit;
        loop {
            loop {
                // However balanced, a cut of this flow can score no better than this.
                if f64::from(self.flow) / (n as f64 / 2.0) >= limit {
                    return best;
                }
                if !self.augment() {
                    break;
                }
            }
            self.grow(TARGET);
            let side =
                usize::from(self.sides[TARGET].reached.len() < self.sides[SOURCE].reached.len());
            let n_side = self.sides[side].reached.len();
            let n_smaller = n_side.min(n - n_side);
            let mut score = f64::from(self.flow) / n_smaller as f64;
            if n_smaller < n_min {
                score *= UNBALANCED_PENALTY;
            }
            if score < limit {
                limit = score;
                best = Some((score, self.sides[side].is_reached.clone()));
            }
            self.hold_reached(side);
            let Some(node) = self.next_node(side) else { return best };
            self.hold(side, node);
        }
    }

    /// Makes all that a side reaches its own.
    fn hold_reached(&mut self, side: usize) {
        let own = &mut self.sides[side];
        for node in &own.reached[own.n_held..] {
            own.is_held[*node as usize] = true;
        }
        for node in &own.reached[own.n_held..] {
            let mut is_inner = true;
            for head in &self.graph.head[self.graph.arcs(*node)] {
                if !own.is_held[*head as usize] {
                    is_inner = false;
                    own.beyond.push(Reverse(outer(side, self.place[*head as usize])));
                }
            }
            if !is_inner {
                own.rim.push(*node);
            }
        }
        own.n_held = own.reached.len();
    }

    /// A node just beyond a side to grow into: not reached from the other side if possible, then
    /// the outermost.
    fn next_node(&mut self, side: usize) -> Option<u32> {
        let [source, target] = &mut self.sides;
        let (own, other) = if side == SOURCE { (source, target) } else { (target, source) };
        let node_of = |key: u64| outer(side, key) as u32;
        let is_free = |node: u32| !own.is_held[node as usize] && !other.is_held[node as usize];
        while let Some(Reverse(key)) = own.beyond.pop() {
            let node = node_of(key);
            if is_free(node) && other.is_reached[node as usize] {
                own.contested.push(key);
            } else if is_free(node) {
                return Some(node);
            }
        }
        let free = own.contested.iter().copied().filter(|key| is_free(node_of(*key)));
        free.min().map(node_of)
    }

    fn hold(&mut self, side: usize, node: u32) {
        self.sides[side].hold(node);
        for head in &self.graph.head[self.graph.arcs(node)] {
            let own = &mut self.sides[side];
            if !own.is_held[*head as usize] {
                own.beyond.push(Reverse(outer(side, self.place[*head as usize])));
            }
        }
        // The other side does not look again at what it has reached.
        if self.sides[1 - side].is_reached[node as usize] {
            self.forget_reach(1 - side);
        }
    }

    /// Lets a side fall back to what it holds.
    fn forget_reach(&mut self, side: usize) {
        self.sides[side].forget_reach(self.graph);
        let other = &mut self.sides[1 - side];
        other.beyond.extend(other.contested.drain(..).map(Reverse));
    }

    /// Raises the flow by one path from source to target; false if there is none, and then all
    /// that the source side reaches is known.
    fn augment(&mut self) -> bool {
        let Some(end) = self.grow(SOURCE) else { return false };
        let mut bottleneck = u16::MAX;
        let mut node = end;
        while !self.sides[SOURCE].is_held[node as usize] {
            let arc = self.parent[node as usize] as usize;
            bottleneck = bottleneck.min(self.residual[arc]);
            node = self.graph.head[self.graph.reverse[arc] as usize];
        }
        node = end;
        while !self.sides[SOURCE].is_held[node as usize] {
            let arc = self.parent[node as usize] as usize;
            let back = self.graph.reverse[arc] as usize;
            self.residual[arc] -= bottleneck;
            self.residual[back] += bottleneck;
            node = self.graph.head[back];
        }
        self.flow += u32::from(bottleneck);
        self.forget_reach(SOURCE);
        self.forget_reach(TARGET);
        true
    }

    /// Extends what a side reaches over arcs with flow left; stops at a node that the other side
    /// holds and returns it.
    fn grow(&mut self, side: usize) -> Option<u32> {
        let [source, target] = &mut self.sides;
        let (own, other) = if side == SOURCE { (source, target) } else { (target, source) };
        while let Some(node) = own.open.pop() {
            let n_open = own.open.len();
            // On the way to the other side, the neighbour nearest to it goes on top.
            let (mut foremost, mut foremost_at) = (0, n_open);
            for arc in self.graph.arcs(node) {
                let head = self.graph.head[arc];
                let along = if side == SOURCE { arc } else { self.graph.reverse[arc] as usize };
                if own.is_reached[head as usize] || self.residual[along] == 0 {
                    continue;
                }
                if side == SOURCE {
                    self.parent[head as usize] = arc as u32;
                }
                if other.is_held[head as usize] {
                    return Some(head);
                }
                own.is_reached[head as usize] = true;
                own.reached.push(head);
                if side == SOURCE && self.place[head as usize] > foremost {
                    (foremost, foremost_at) = (self.place[head as usize], own.open.len());
                }
                own.open.push(head);
            }
            if let Some(last) = own.open.len().checked_sub(1).filter(|last| *last > foremost_at) {
                own.open.swap(foremost_at, last);
            }
        }
        None
    }
}

impl Side {
    fn new(n: usize) -> Self {
        Self { is_held: vec![false; n], is_reached: vec![false; n], ..Self::default() }
    }

    fn hold(&mut self, node: u32) {
        debug_assert_eq!(self.n_held, self.reached.len());
        self.is_held[node as usize] = true;
        self.is_reached[node as usize] = true;
        self.reached.push(node);
        self.open.push(node);
        self.rim.push(node);
        self.n_held = self.reached.len();
    }

    /// Falls back to what it holds.
    fn forget_reach(&mut self, graph: &CutGraph) {
        for node in self.reached.drain(self.n_held..) {
            self.is_reached[node as usize] = false;
        }
        self.trim(graph);
        self.open.clone_from(&self.rim);
    }

    /// Leaves only nodes with a neighbour that is not held in the rim.
    fn trim(&mut self, graph: &CutGraph) {
        let is_held = &self.is_held;
        self.rim.retain(|node| graph.has_neighbour(*node, |head| !is_held[head as usize]));
    }
}

/// The order in which a side takes places, the outermost first; applied twice it gives the place.
fn outer(side: usize, place: u64) -> u64 {
    if side == SOURCE { place } else { !place }
}

/// The bits of a number so that they compare as numbers do.
fn ordered(value: f32) -> u32 {
    let bits = value.to_bits();
    if bits >> 31 == 1 { !bits } else { bits | 1 << 31 }
}
