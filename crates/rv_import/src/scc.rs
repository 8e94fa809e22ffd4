//! Strongly connected components (Tarjan 1972), without recursion.

/// The component of every node of a graph in compressed rows (`first_out`, `heads`); components
/// are numbered from 0 in reverse topological order. O(nodes + edges).
pub(crate) fn components(first_out: &[u32], heads: &[u32]) -> Vec<u32> {
    const UNSEEN: u32 = u32::MAX;
    let n = first_out.len() - 1;
    let mut order = vec![UNSEEN; n];
    let mut low = vec![0_u32; n];
    let mut component = vec![UNSEEN; n];
    let mut stack = Vec::new();
    // Nodes on the path being searched, each with the next edge to follow.
    let mut path: Vec<(u32, u32)> = Vec::new();
    let (mut n_seen, mut n_components) = (0, 0);
    for root in 0..n as u32 {
        if order[root as usize] != UNSEEN {
            continue;
        }
        path.push((root, first_out[root as usize]));
        while let Some(&mut (node, ref mut next)) = path.last_mut() {
            let v = node as usize;
            if order[v] == UNSEEN {
                order[v] = n_seen;
                low[v] = n_seen;
                n_seen += 1;
                stack.push(node);
            }
            if *next < first_out[v + 1] {
                let head = heads[*next as usize];
                *next += 1;
                if order[head as usize] == UNSEEN {
                    path.push((head, first_out[head as usize]));
                } else if component[head as usize] == UNSEEN {
                    low[v] = low[v].min(order[head as usize]);
                }
                continue;
            }
            path.pop();
            if let Some(&(parent, _)) = path.last() {
                low[parent as usize] = low[parent as usize].min(low[v]);
            }
            if low[v] == order[v] {
                while let Some(member) = stack.pop() {
                    component[member as usize] = n_components;
                    if member == node {
                        break;
                    }
                }
                n_components += 1;
            }
        }
    }
    component
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Reachability by repeated squaring of the relation: slow and plain.
    fn oracle(n: usize, edges: &[(usize, usize)]) -> Vec<Vec<bool>> {
        let mut reach = vec![vec![false; n]; n];
        for (v, row) in reach.iter_mut().enumerate() {
            row[v] = true;
        }
        for &(a, b) in edges {
            reach[a][b] = true;
        }
        for k in 0..n {
            for a in 0..n {
                for b in 0..n {
                    reach[a][b] |= reach[a][k] && reach[k][b];
                }
            }
        }
        reach
    }

    proptest! {
        #[test]
        fn same_component_means_both_reach_each_other(
            edges in prop::collection::vec((0_usize..12, 0_usize..12), 0..40)
        ) {
            let mut sorted = edges.clone();
            sorted.sort_unstable();
            let first_out: Vec<u32> =
                (0..=12).map(|v| sorted.iter().filter(|e| e.0 < v).count() as u32).collect();
            let heads: Vec<u32> = sorted.iter().map(|e| e.1 as u32).collect();
            let component = components(&first_out, &heads);
            let reach = oracle(12, &edges);
            for a in 0..12 {
                for b in 0..12 {
                    prop_assert_eq!(component[a] == component[b], reach[a][b] && reach[b][a]);
                }
            }
        }
    }
}
