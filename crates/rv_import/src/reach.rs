//! Which edges vans reach and leave again when turns count.
//!
//! The graph's connected part leaves turns aside. A stop must not: an edge whose only ways in are
//! forbidden turns, or turns back in a street that goes on, would make its places unreachable.

use rv_base::EdgeId;
use rv_map::{Mode, RoadGraph};

use crate::scc;

/// For each edge: true if it is in the largest set of edges that vans drive between, turning
/// around only at dead ends and keeping restrictions at a junction (those over several ways
/// forbid a sequence and no turn, so they are left aside).
pub(crate) fn van_edges(graph: &RoadGraph) -> Vec<bool> {
    let is_open = |id: EdgeId| graph.edge(id).modes.contains(Mode::Van);
    let mut no_turns: Vec<(EdgeId, EdgeId)> = graph
        .forbidden
        .iter()
        .filter(|path| path.edges.len() == 2 && path.modes.contains(Mode::Van))
        .map(|path| (path.edges[0], path.edges[1]))
        .collect();
    no_turns.sort_unstable();
    let mut first_out = Vec::with_capacity(graph.n_edges() + 1);
    let mut heads: Vec<u32> = Vec::new();
    first_out.push(0);
    for id in (0..graph.n_edges()).map(EdgeId::from_idx) {
        let before = heads.len();
        if is_open(id) {
            let may_turn =
                |to: &EdgeId| is_open(*to) && no_turns.binary_search(&(id, *to)).is_err();
            let back = graph.edge(id).reverse;
            let onward = graph.out_edges(graph.edge(id).head).filter(may_turn);
            heads.extend(onward.filter(|to| Some(*to) != back).map(|to| to.0));
            if heads.len() == before {
                heads.extend(back.filter(may_turn).map(|to| to.0));
            }
        }
        first_out.push(heads.len() as u32);
    }
    let component = scc::components(&first_out, &heads);
    let n_components = component.iter().max().map_or(0, |last| *last as usize + 1);
    let mut metres = vec![0.0; n_components];
    for (edge, component) in graph.edges.iter().zip(&component) {
        metres[*component as usize] += edge.length.0;
    }
    let open = (0..graph.n_edges()).map(EdgeId::from_idx).filter(|id| is_open(*id));
    let largest = open
        .map(|id| component[id.idx()])
        .max_by(|a, b| metres[*a as usize].total_cmp(&metres[*b as usize]).then(b.cmp(a)));
    let all = (0..graph.n_edges()).map(EdgeId::from_idx);
    all.map(|id| is_open(id) && Some(component[id.idx()]) == largest).collect()
}
