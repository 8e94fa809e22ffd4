//! The turn-expanded network: what is the same for every class, permit and traffic.
//!
//! A node ("state") stands at the tail of a directed edge that a vehicle has just entered. States
//! are the edges themselves, plus one for every proper prefix of two or more edges of a forbidden
//! path: the automaton of Aho and Corasick (1975) over the forbidden paths, so that a restriction
//! over several ways binds exactly those that drove its whole beginning.

use std::collections::BTreeMap;

use rv_base::{EdgeId, Meters};
use rv_map::{ForbiddenPath, ModeSet, Road, RoadGraph, RoadKind};

use crate::cch::{Cch, NO_RANK};
use crate::cost::{Turn, turn_between};
use crate::order::dissection_order;

/// No such state.
pub(crate) const NO_STATE: u32 = u32::MAX;

/// The turn-expanded network of a road graph.
///
/// Build it once for a city and share it among all metrics; it does not change with classes,
/// permits or traffic.
#[derive(Clone, Debug)]
pub struct Network {
    /// Modes for which it was built; edges open to none of them are left out.
    pub(crate) modes: ModeSet,
    /// Each edge's own state, or `NO_STATE`.
    pub(crate) state_of_edge: Vec<u32>,
    /// Each state's edge.
    pub(crate) edge_of_state: Vec<EdgeId>,
    /// The edge of the state of each rank.
    pub(crate) edge_of_rank: Vec<EdgeId>,
    /// `first_arc[s]..first_arc[s + 1]` are the arcs that leave state `s`.
    pub(crate) first_arc: Vec<u32>,
    /// Where each arc leads.
    pub(crate) arc_head: Vec<u32>,
    /// What each arc's turn is like.
    pub(crate) arc_turn: Vec<Turn>,
    /// Modes that may not take the arc even where both of its edges are open to them.
    pub(crate) arc_forbidden: Vec<ModeSet>,
    /// States beyond its own in which an edge can be entered, sorted by edge.
    pub(crate) extra_states: Vec<(EdgeId, u32)>,
    /// What cost functions must know of each edge.
    pub(crate) edges: Vec<EdgeFacts>,
    /// Attributes of the roads.
    pub(crate) roads: Vec<Road>,
    /// Its contraction hierarchy.
    pub(crate) cch: Cch,
}

/// What cost functions must know of an edge.
#[derive(Clone, Copy, Debug)]
pub(crate) struct EdgeFacts {
    pub(crate) length: Meters,
    pub(crate) rise: f64,
    pub(crate) road: u32,
    pub(crate) modes: ModeSet,
}

impl EdgeFacts {
    fn of(graph: &RoadGraph, id: EdgeId) -> Self {
        let edge = graph.edge(id);
        Self { length: edge.length, rise: graph.rise(id), road: edge.road.0, modes: edge.modes }
    }
}

impl Network {
    /// Builds the network of the edges that are open to at least one of `modes`.
    pub fn build(graph: &RoadGraph, modes: ModeSet) -> Self {
        let mut state_of_edge = vec![NO_STATE; graph.n_edges()];
        let mut edge_of_state = Vec::new();
        for (idx, edge) in graph.edges.iter().enumerate() {
            if !edge.modes.intersection(modes).is_empty() {
                state_of_edge[idx] = edge_of_state.len() as u32;
                edge_of_state.push(EdgeId::from_idx(idx));
            }
        }
        let automaton =
            Automaton::build(&graph.forbidden, modes, &state_of_edge, &mut edge_of_state);
        let extra_states = automaton.extra_states(&state_of_edge, &edge_of_state);
        let mut network = Self {
            modes,
            extra_states,
            first_arc: Vec::with_capacity(edge_of_state.len() + 1),
            arc_head: Vec::new(),
            arc_turn: Vec::new(),
            arc_forbidden: Vec::new(),
            edges: (0..graph.n_edges())
                .map(EdgeId::from_idx)
                .map(|id| EdgeFacts::of(graph, id))
                .collect(),
            roads: graph.roads.clone(),
            state_of_edge,
            edge_of_rank: Vec::new(),
            edge_of_state,
            cch: Cch::default(),
        };
        network.add_arcs(graph, &automaton);
        network.cch = Cch::build(&network, &dissection_order(graph, &network));
        let edge_of = |state: &u32| network.edge_of_state[*state as usize];
        network.edge_of_rank = network.cch.state_of_rank.iter().map(edge_of).collect();
        network
    }

    fn add_arcs(&mut self, graph: &RoadGraph, automaton: &Automaton) {
        let crossings = Crossings::of(graph);
        for state in 0..self.edge_of_state.len() as u32 {
            self.first_arc.push(self.arc_head.len() as u32);
            let from = self.edge_of_state[state as usize];
            let junction = graph.edge(from).head;
            for to in graph.out_edges(junction) {
                let (head, forbidden) = automaton.step(state, to, &self.state_of_edge);
                let open = graph
                    .edge(from)
                    .modes
                    .intersection(graph.edge(to).modes)
                    .intersection(self.modes)
                    .without(forbidden);
                if open.is_empty() {
                    continue;
                }
                self.arc_head.push(head);
                self.arc_forbidden.push(forbidden);
                self.arc_turn.push(turn_between(
                    graph,
                    from,
                    to,
                    crossings.most_important[junction.idx()],
                    crossings.n_ways[junction.idx()],
                ));
            }
        }
        self.first_arc.push(self.arc_head.len() as u32);
    }

    /// Number of nodes of the turn-expanded network.
    pub fn n_states(&self) -> usize {
        self.edge_of_state.len()
    }

    /// Number of arcs of the turn-expanded network.
    pub fn n_arcs(&self) -> usize {
        self.arc_head.len()
    }

    /// Number of edges of the road graph, open or not.
    pub fn n_edges(&self) -> usize {
        self.edges.len()
    }

    /// Number of arcs of its contraction hierarchy, both directions together.
    pub fn n_shortcuts(&self) -> usize {
        self.cch.out.len() + self.cch.into.len()
    }

    /// Number of lower triangles, the work of customising.
    pub fn n_triangles(&self) -> u64 {
        self.cch.n_triangles()
    }

    /// Largest number of nodes on one path of the elimination tree.
    pub fn n_depths(&self) -> usize {
        self.cch.n_depths
    }

    /// How many nodes are above a state in the hierarchy; the state must be below
    /// [`Self::n_states`].
    pub fn depth_of(&self, state: u32) -> u32 {
        self.cch.depth[self.rank(state) as usize]
    }

    /// A state and all states above it in the hierarchy, upwards: what a search from it may meet.
    pub fn ancestors(&self, state: u32) -> Vec<u32> {
        let mut found = Vec::new();
        let mut rank = self.rank(state);
        while rank != NO_RANK {
            found.push(self.cch.state_of_rank[rank as usize]);
            rank = self.cch.parent[rank as usize];
        }
        found
    }

    /// The rank of a state in the hierarchy.
    pub(crate) fn rank(&self, state: u32) -> u32 {
        self.cch.rank_of_state[state as usize]
    }

    /// The arcs that leave a state.
    pub(crate) fn arcs(&self, state: u32) -> std::ops::Range<usize> {
        self.first_arc[state as usize] as usize..self.first_arc[state as usize + 1] as usize
    }

    /// The edge at whose tail a state stands; the state must be below [`Self::n_states`].
    pub fn edge_of(&self, state: u32) -> EdgeId {
        self.edge_of_state[state as usize]
    }

    /// Every state in which `edge` can be entered; its own first.
    pub fn states_of(&self, edge: EdgeId) -> impl Iterator<Item = u32> + '_ {
        let extra = self.extra_states.partition_point(|(e, _)| *e < edge);
        let own = self.state_of_edge[edge.idx()];
        (own != NO_STATE).then_some(own).into_iter().chain(
            self.extra_states[extra..].iter().take_while(move |(e, _)| *e == edge).map(|(_, s)| *s),
        )
    }
}

/// What meets at each junction.
struct Crossings {
    most_important: Vec<RoadKind>,
    n_ways: Vec<usize>,
}

impl Crossings {
    fn of(graph: &RoadGraph) -> Self {
        let mut most_important = vec![RoadKind::Footway; graph.n_junctions()];
        let mut neighbours: Vec<(u32, u32)> = Vec::with_capacity(2 * graph.n_edges());
        for edge in &graph.edges {
            let kind = graph.roads[edge.road.idx()].kind;
            for (here, there) in [(edge.tail, edge.head), (edge.head, edge.tail)] {
                most_important[here.idx()] = most_important[here.idx()].min(kind);
                neighbours.push((here.0, there.0));
            }
        }
        neighbours.sort_unstable();
        neighbours.dedup();
        let mut n_ways = vec![0; graph.n_junctions()];
        for (here, _) in neighbours {
            n_ways[here as usize] += 1;
        }
        Self { most_important, n_ways }
    }
}

/// Recognises forbidden paths as edges are driven one after another.
struct Automaton {
    /// Prefix grown by one edge, where the longer one is still a proper prefix.
    child: BTreeMap<(u32, EdgeId), u32>,
    /// Steps that complete a forbidden path, and whom they concern.
    completes: BTreeMap<(u32, EdgeId), ModeSet>,
    /// For each state beyond the edges' own: the state of its longest proper suffix.
    fail: BTreeMap<u32, u32>,
}

impl Automaton {
    /// Appends a state to `edge_of_state` for each proper prefix of two or more edges.
    fn build(
        forbidden: &[ForbiddenPath],
        modes: ModeSet,
        state_of_edge: &[u32],
        edge_of_state: &mut Vec<EdgeId>,
    ) -> Self {
        let mut automaton =
            Self { child: BTreeMap::new(), completes: BTreeMap::new(), fail: BTreeMap::new() };
        let state = |edge: &EdgeId| state_of_edge.get(edge.idx()).copied().unwrap_or(NO_STATE);
        let mut by_depth: Vec<Vec<(u32, EdgeId, u32)>> = Vec::new();
        for path in forbidden {
            let bound = path.modes.intersection(modes);
            // A path over an edge that nobody drives forbids nothing.
            let is_driven = path.edges.iter().all(|edge| state(edge) != NO_STATE);
            if path.edges.len() < 2 || bound.is_empty() || !is_driven {
                continue;
            }
            let (last, prefix) = path.edges.split_last().expect("it has two edges or more");
            let mut at = state(&prefix[0]);
            for (depth, edge) in prefix[1..].iter().enumerate() {
                at = *automaton.child.entry((at, *edge)).or_insert_with(|| {
                    let new = edge_of_state.len() as u32;
                    edge_of_state.push(*edge);
                    if by_depth.len() <= depth {
                        by_depth.resize(depth + 1, Vec::new());
                    }
                    by_depth[depth].push((at, *edge, new));
                    new
                });
            }
            let modes = automaton.completes.entry((at, *last)).or_insert(ModeSet::NONE);
            *modes = modes.union(bound);
        }
        // Shorter prefixes first: a suffix link leads to a shorter one.
        for (parent, edge, new) in by_depth.into_iter().flatten() {
            let link = match automaton.fail.get(&parent) {
                None => state(&edge),
                Some(shorter) => automaton.follow(*shorter, edge, state_of_edge),
            };
            automaton.fail.insert(new, link);
        }
        automaton
    }

    fn extra_states(&self, state_of_edge: &[u32], edge_of_state: &[EdgeId]) -> Vec<(EdgeId, u32)> {
        let n_own = state_of_edge.iter().filter(|s| **s != NO_STATE).count() as u32;
        let mut extra: Vec<(EdgeId, u32)> =
            (n_own..edge_of_state.len() as u32).map(|s| (edge_of_state[s as usize], s)).collect();
        extra.sort_unstable();
        extra
    }

    /// The state after `edge`: that of the longest suffix that begins a forbidden path, or the
    /// edge's own.
    fn follow(&self, mut state: u32, edge: EdgeId, state_of_edge: &[u32]) -> u32 {
        loop {
            if let Some(child) = self.child.get(&(state, edge)) {
                return *child;
            }
            match self.fail.get(&state) {
                Some(shorter) => state = *shorter,
                None => return state_of_edge[edge.idx()],
            }
        }
    }

    /// The state after `edge`, and the modes for which this step completes a forbidden path.
    fn step(&self, state: u32, edge: EdgeId, state_of_edge: &[u32]) -> (u32, ModeSet) {
        let mut forbidden = ModeSet::NONE;
        let mut at = Some(state);
        while let Some(suffix) = at {
            if let Some(modes) = self.completes.get(&(suffix, edge)) {
                forbidden = forbidden.union(*modes);
            }
            at = self.fail.get(&suffix).copied();
        }
        if state_of_edge[edge.idx()] == NO_STATE {
            return (NO_STATE, ModeSet::ALL);
        }
        (self.follow(state, edge, state_of_edge), forbidden)
    }
}
