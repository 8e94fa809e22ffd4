//! The contraction hierarchy's shape: which shortcuts exist, for any weights whatever.
//!
//! Dibbelt, Strasser and Wagner (Customizable Contraction Hierarchies, 2016): nodes are eliminated
//! in the order of a nested dissection, and a shortcut joins every in-neighbour to every
//! out-neighbour that is left. Directions are kept apart, so that an arc which no path can use in
//! one direction is not there at all. Nodes are then renumbered in postorder of the elimination
//! tree: a subtree is a range of ranks, and the ancestors of a node, one for each depth, are all
//! that a search from it can meet.

use std::ops::Range;

use crate::network::Network;

/// No parent: a root of the elimination forest.
pub(crate) const NO_RANK: u32 = u32::MAX;

/// Shape of the hierarchy; nodes go by rank, the least important first.
#[derive(Clone, Debug, Default)]
pub(crate) struct Cch {
    pub(crate) rank_of_state: Vec<u32>,
    pub(crate) state_of_rank: Vec<u32>,
    /// Parent in the elimination tree, or `NO_RANK`.
    pub(crate) parent: Vec<u32>,
    /// Number of ancestors.
    pub(crate) depth: Vec<u32>,
    /// One more than the largest depth.
    pub(crate) n_depths: usize,
    /// Arcs towards more important nodes.
    pub(crate) out: UpArcs,
    /// Arcs from more important nodes.
    pub(crate) into: UpArcs,
    /// For each node x, its arcs to less important nodes u, with u's arcs out to nodes above x.
    pub(crate) below_out: Below,
    /// For each node x, its arcs from less important nodes u, with u's arcs in from nodes above x.
    pub(crate) below_into: Below,
    /// Disjoint subtrees of the elimination tree, ascending; together with `top` all ranks.
    pub(crate) subtrees: Vec<Range<u32>>,
    /// Ranks in none of the subtrees, ascending.
    pub(crate) top: Vec<u32>,
}

/// Subtrees that may be worked on in parallel have at most so many nodes...
const SUBTREE_NODES: usize = 1_000;
/// ...or this share of all.
const SUBTREE_SHARE: usize = 24;

/// Arcs between each node and its ancestors, the most important ancestor first.
#[derive(Clone, Debug, Default)]
pub(crate) struct UpArcs {
    /// `first[r]..first[r + 1]` are the arcs of rank `r`.
    pub(crate) first: Vec<u32>,
    /// The other end.
    pub(crate) ancestor: Vec<u32>,
    /// Its depth.
    pub(crate) depth: Vec<u32>,
    /// `first_original[r]..first_original[r + 1]` are the network's arcs among those of rank `r`.
    pub(crate) first_original: Vec<u32>,
    pub(crate) originals: Vec<Original>,
}

/// An arc of the network, by the depth of its more important end.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Original {
    pub(crate) depth: u32,
    pub(crate) arc: u32,
}

/// The lower triangles of each node.
#[derive(Clone, Debug, Default)]
pub(crate) struct Below {
    /// `first[r]..first[r + 1]` are the entries of rank `r`.
    pub(crate) first: Vec<u32>,
    pub(crate) entries: Vec<BelowEntry>,
}

/// An arc between a node x and a less important node u, and the range of u's arcs in the other
/// direction whose far ends are more important than x.
#[derive(Clone, Copy, Debug)]
pub(crate) struct BelowEntry {
    pub(crate) arc: u32,
    pub(crate) first: u32,
    pub(crate) end: u32,
    pub(crate) rank: u32,
}

impl UpArcs {
    pub(crate) fn range(&self, rank: u32) -> Range<usize> {
        self.first[rank as usize] as usize..self.first[rank as usize + 1] as usize
    }

    /// The arcs of a range of ranks.
    pub(crate) fn arcs_of(&self, ranks: &Range<u32>) -> Range<usize> {
        self.first[ranks.start as usize] as usize..self.first[ranks.end as usize] as usize
    }

    /// The network's arcs among those of a rank.
    pub(crate) fn originals_of(&self, rank: u32) -> &[Original] {
        let [first, end] = [rank, rank + 1].map(|r| self.first_original[r as usize] as usize);
        &self.originals[first..end]
    }

    /// The arc between `rank` and `ancestor`.
    pub(crate) fn find(&self, rank: u32, ancestor: u32) -> Option<usize> {
        let range = self.range(rank);
        let start = range.start;
        let arcs = &self.ancestor[range];
        arcs.binary_search_by(|other| ancestor.cmp(other)).ok().map(|at| start + at)
    }

    pub(crate) fn len(&self) -> usize {
        self.ancestor.len()
    }
}

impl Below {
    pub(crate) fn of(&self, rank: u32) -> &[BelowEntry] {
        &self.entries[self.first[rank as usize] as usize..self.first[rank as usize + 1] as usize]
    }
}

impl Cch {
    /// Contracts the network in this order of its states.
    pub(crate) fn build(network: &Network, order: &[u32]) -> Self {
        let n = network.n_states();
        assert_eq!(order.len(), n, "every state has its place in the order");
        let arcs = || {
            (0..n as u32).flat_map(|state| {
                network.arcs(state).map(move |arc| (state, network.arc_head[arc]))
            })
        };
        let first_rank = inverse(order);
        let parent = elimination_tree(
            n,
            arcs().map(|(a, b)| (first_rank[a as usize], first_rank[b as usize])),
        );
        let new_rank = postorder(&parent);
        let rank_of_state: Vec<u32> =
            first_rank.iter().map(|rank| new_rank[*rank as usize]).collect();
        let mut renumbered = vec![NO_RANK; n];
        for (old, up) in parent.iter().enumerate() {
            if *up != NO_RANK {
                renumbered[new_rank[old] as usize] = new_rank[*up as usize];
            }
        }
        let parent = renumbered;
        let depth = depths(&parent);
        let ranked = || arcs().map(|(a, b)| (rank_of_state[a as usize], rank_of_state[b as usize]));
        let (mut out, mut into) = contract(n, &depth, ranked);
        let (subtrees, top) = subtrees(&parent);
        for (arcs, is_out) in [(&mut out, true), (&mut into, false)] {
            let of_arcs = ranked().enumerate().filter(|(_, (a, b))| a != b && (a < b) == is_out);
            let mut originals: Vec<(u32, Original)> = of_arcs
                .map(|(arc, (a, b))| {
                    let depth = depth[a.max(b) as usize];
                    (a.min(b), Original { depth, arc: arc as u32 })
                })
                .collect();
            // Stable: the arcs of a node keep their order.
            originals.sort_by_key(|(rank, _)| *rank);
            arcs.first_original = vec![0; n + 1];
            for (rank, _) in &originals {
                arcs.first_original[*rank as usize + 1] += 1;
            }
            for rank in 0..n {
                arcs.first_original[rank + 1] += arcs.first_original[rank];
            }
            arcs.originals = originals.into_iter().map(|(_, original)| original).collect();
        }
        Self {
            n_depths: depth.iter().map(|d| *d as usize + 1).max().unwrap_or(0),
            below_out: below(n, &into, &out),
            below_into: below(n, &out, &into),
            state_of_rank: inverse(&rank_of_state),
            rank_of_state,
            parent,
            depth,
            out,
            into,
            subtrees,
            top,
        }
    }

    /// Number of ancestors that two nodes share, themselves included.
    pub(crate) fn n_shared(&self, a: u32, b: u32) -> u32 {
        // A subtree is a range of ranks that ends with its root.
        let (mut node, high) = (a.min(b), a.max(b));
        while node < high {
            node = self.parent[node as usize];
        }
        if node == NO_RANK { 0 } else { self.depth[node as usize] + 1 }
    }

    /// Number of triangles that customisation looks at.
    pub(crate) fn n_triangles(&self) -> u64 {
        let count = |below: &Below| -> u64 {
            below.entries.iter().map(|e| u64::from(e.end - e.first)).sum()
        };
        count(&self.below_out) + count(&self.below_into)
    }
}

/// Divides an elimination forest in postorder into subtrees of limited size and what is above them.
fn subtrees(parent: &[u32]) -> (Vec<Range<u32>>, Vec<u32>) {
    let n = parent.len();
    let limit = SUBTREE_NODES.max(n / SUBTREE_SHARE) as u32;
    let mut size = vec![1_u32; n];
    for node in 0..n {
        if parent[node] != NO_RANK {
            size[parent[node] as usize] += size[node];
        }
    }
    let (mut found, mut top) = (Vec::new(), Vec::new());
    for node in 0..n {
        let is_small = size[node] <= limit;
        let is_root = parent[node] == NO_RANK || size[parent[node] as usize] > limit;
        if !is_small {
            top.push(node as u32);
        } else if is_root {
            found.push(node as u32 + 1 - size[node]..node as u32 + 1);
        }
    }
    (found, top)
}

fn inverse(permutation: &[u32]) -> Vec<u32> {
    let mut inverse = vec![0; permutation.len()];
    for (idx, value) in permutation.iter().enumerate() {
        inverse[*value as usize] = idx as u32;
    }
    inverse
}

/// Parents in the elimination tree (Liu: The Role of Elimination Trees, 1990, with path
/// compression), directions aside.
fn elimination_tree(n: usize, arcs: impl Iterator<Item = (u32, u32)>) -> Vec<u32> {
    let mut lower: Vec<(u32, u32)> =
        arcs.filter(|(a, b)| a != b).map(|(a, b)| (a.max(b), a.min(b))).collect();
    lower.sort_unstable();
    lower.dedup();
    let mut parent = vec![NO_RANK; n];
    let mut shortcut = vec![NO_RANK; n];
    for (node, mut below) in lower {
        while below != NO_RANK && below < node {
            let next = shortcut[below as usize];
            shortcut[below as usize] = node;
            if next == NO_RANK {
                parent[below as usize] = node;
            }
            below = next;
        }
    }
    parent
}

/// Number of each node in a postorder of the forest; children keep their order.
fn postorder(parent: &[u32]) -> Vec<u32> {
    let n = parent.len();
    let mut size = vec![1_u32; n];
    for node in 0..n {
        if parent[node] != NO_RANK {
            size[parent[node] as usize] += size[node];
        }
    }
    // A subtree takes a range: its root the last number, its children ranges before it.
    let mut end = vec![0_u32; n];
    let mut free_until = vec![0_u32; n];
    let mut top = n as u32;
    for node in (0..n).rev() {
        let limit = match parent[node] {
            NO_RANK => &mut top,
            up => &mut free_until[up as usize],
        };
        end[node] = *limit;
        *limit -= size[node];
        free_until[node] = end[node] - 1;
    }
    end.iter().map(|end| end - 1).collect()
}

fn depths(parent: &[u32]) -> Vec<u32> {
    let mut depth = vec![0; parent.len()];
    for node in (0..parent.len()).rev() {
        if parent[node] != NO_RANK {
            depth[node] = depth[parent[node] as usize] + 1;
        }
    }
    depth
}

/// All arcs between nodes and their ancestors, shortcuts included.
fn contract<I: Iterator<Item = (u32, u32)>>(
    n: usize,
    depth: &[u32],
    arcs: impl Fn() -> I,
) -> (UpArcs, UpArcs) {
    let original_out = by_lower(n, arcs().filter(|(a, b)| a < b));
    let original_into = by_lower(n, arcs().filter(|(a, b)| a > b).map(|(a, b)| (b, a)));
    let (mut out, mut into) = (
        UpArcs { first: vec![0], ..UpArcs::default() },
        UpArcs { first: vec![0], ..UpArcs::default() },
    );
    // For each node x: less important u with an arc x -> u, and with an arc u -> x.
    let mut to_below: Vec<Vec<u32>> = vec![Vec::new(); n];
    let mut from_below: Vec<Vec<u32>> = vec![Vec::new(); n];
    let mut seen = vec![false; n];
    let mut found = Vec::new();
    for x in 0..n as u32 {
        let turns =
            [(&mut out, &original_out, &to_below), (&mut into, &original_into, &from_below)];
        for (up, original, below) in turns {
            found.clear();
            let range = original.0[x as usize] as usize..original.0[x as usize + 1] as usize;
            for y in &original.1[range] {
                if !std::mem::replace(&mut seen[*y as usize], true) {
                    found.push(*y);
                }
            }
            for u in &below[x as usize] {
                for y in &up.ancestor[up.range(*u)] {
                    if *y <= x {
                        break;
                    }
                    if !std::mem::replace(&mut seen[*y as usize], true) {
                        found.push(*y);
                    }
                }
            }
            for y in &found {
                seen[*y as usize] = false;
            }
            found.sort_unstable_by(|a, b| b.cmp(a));
            up.depth.extend(found.iter().map(|y| depth[*y as usize]));
            up.ancestor.append(&mut found);
            up.first.push(up.ancestor.len() as u32);
        }
        for y in &out.ancestor[out.range(x)] {
            from_below[*y as usize].push(x);
        }
        for y in &into.ancestor[into.range(x)] {
            to_below[*y as usize].push(x);
        }
    }
    (out, into)
}

/// Rows of upper ends by lower end.
fn by_lower(n: usize, pairs: impl Iterator<Item = (u32, u32)>) -> (Vec<u32>, Vec<u32>) {
    let mut pairs: Vec<(u32, u32)> = pairs.collect();
    pairs.sort_unstable();
    pairs.dedup();
    let mut first = vec![0_u32; n + 1];
    for (lower, _) in &pairs {
        first[*lower as usize + 1] += 1;
    }
    for node in 0..n {
        first[node + 1] += first[node];
    }
    (first, pairs.into_iter().map(|(_, upper)| upper).collect())
}

/// Collects, for each node x, the arcs of `towards` that end in it, each with the range of the
/// same lower node's arcs of `onwards` that lead above x.
fn below(n: usize, towards: &UpArcs, onwards: &UpArcs) -> Below {
    let mut first = vec![0_u32; n + 1];
    for x in &towards.ancestor {
        first[*x as usize + 1] += 1;
    }
    for node in 0..n {
        first[node + 1] += first[node];
    }
    let mut next = first.clone();
    let mut entries = vec![BelowEntry { arc: 0, first: 0, end: 0, rank: 0 }; towards.len()];
    for u in 0..n as u32 {
        let range = onwards.range(u);
        let mut end = range.start;
        // Both rows go from the most important down.
        for arc in towards.range(u) {
            let x = towards.ancestor[arc];
            while end < range.end && onwards.ancestor[end] > x {
                end += 1;
            }
            let entry = &mut entries[next[x as usize] as usize];
            *entry =
                BelowEntry { arc: arc as u32, first: range.start as u32, end: end as u32, rank: u };
            next[x as usize] += 1;
        }
    }
    Below { first, entries }
}
